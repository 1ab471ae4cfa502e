"""Chinese numbers, dates and lists."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from datetime import date, datetime

from reports import numerals, wording
from reports.languages.chinese.labels import LABELS


def in_numbers(text: str) -> str:
    """ "12.30 cm³" as it is; "2 months" → "2 个月"."""
    return text.replace("months", "个月")


def number(value: float, unit: str = "1") -> str:
    """ "0.07123", "412.0 mm²"."""
    return in_numbers(numerals.number(value, unit))


def volume(value_mm3: float) -> str:
    """ "12.35 cm³"."""
    return numerals.volume(value_mm3)


def horizon(months: float) -> str:
    """ "1 年", "18 个月"."""
    return f"{int(months // 12)} 年" if months % 12 == 0 else f"{months:g} 个月"


def share_shown(share: float) -> str:
    """ "+38%", "−12%"."""
    return wording.share_shown(share)


def joined(items: Ordered[str]) -> str:
    """ "a", "a和b", "a、b和c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{'、'.join(items[:-1])}和{items[-1]}"


def sentence_case(text: str) -> str:
    """The text as it is."""
    return text


def date_shown(day: date | None) -> str:
    """ "2026年3月4日"."""
    return LABELS.not_stated if day is None else f"{day.year}年{day.month}月{day.day}日"


def moment_shown(moment: datetime) -> str:
    """ "2026年5月17日 14:03 +08:00"."""
    offset = moment.strftime("%z")
    return f"{date_shown(moment.date())} {moment:%H:%M}" + (f" {offset[:3]}:{offset[3:5]}" if offset else "")


def in_a_row(sentences: Ordered[str]) -> str:
    """Sentences one after the other; empty ones are left out."""
    return "".join(sentence for sentence in sentences if sentence)


def about(subject: str, text: str) -> str:
    """ "对模型输出的贡献：RDeepNet 复发评分"."""
    return f"{subject}：{text}"


def of_hundred(value: float) -> str:
    """ " 88", "不到 1", "超过 99": a number is set off from the word before it."""
    count = round(value * 100)
    if count == 0 and value > 0:
        return "不到 1"
    if count == 100 and value < 1:
        return "超过 99"
    return f" {count}"
