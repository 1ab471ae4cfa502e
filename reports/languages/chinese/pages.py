"""Chinese words of patient and page, and in place of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from datetime import datetime
from types import MappingProxyType
from typing import Final

from reports.content import Subject
from reports.languages.chinese.labels import LABELS
from reports.languages.chinese.numbers import (
    date_shown,
    joined,
    moment_shown,
)
from reports.replacement import Reason, Replacement

_LATERALITY: Final = {"L": "左", "R": "右", "B": "双侧"}
_SEX: Final = {"F": "女", "M": "男", "O": "其他"}
_AGE: Final = {"Y": "岁", "M": "个月", "W": "周", "D": "天"}


def identity(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Patient and examination as (label, value)."""
    if subject.birth_date is None and subject.age:
        born = ("检查时年龄", _age_shown(subject.age))
    else:
        age = f"（{_age_shown(subject.age)}）" if subject.age else ""
        born = ("出生日期", f"{date_shown(subject.birth_date)}{age}")
    rows = [
        ("姓名", text_shown(subject.patient_name)),
        ("患者 ID", text_shown(subject.patient_id)),
        born,
        ("性别", _SEX.get(subject.sex, subject.sex) or LABELS.not_stated),
        ("检查项目", text_shown(subject.study_description)),
        ("检查号", text_shown(subject.accession_number)),
        ("检查日期", date_shown(subject.study_date)),
        ("侧别", _LATERALITY.get(subject.laterality, subject.laterality) or LABELS.not_stated),
    ]
    if subject.institution.strip():
        rows.append(("机构", subject.institution.strip()))
    if subject.referring_physician.strip():
        rows.append(("申请医生", subject.referring_physician.strip()))
    return tuple(rows)


def _age_shown(age: str) -> str:
    if len(age) == 4 and age[:3].isdigit() and age[3] in _AGE:
        return f"{int(age[:3])} {_AGE[age[3]]}"
    return age or LABELS.not_stated


def running_head(subject: Subject) -> str:
    """Owner of a loose page."""
    return " · ".join(
        (text_shown(subject.patient_name), text_shown(subject.patient_id), date_shown(subject.study_date))
    )


def text_shown(text: str) -> str:
    """The text, or "未注明"."""
    return text.strip() or LABELS.not_stated


def made_shown(created: datetime, software: str) -> str:
    """Foot of a page."""
    return f"{moment_shown(created)} · {software}"


_REPLACED: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.SEGMENTATION: "肿瘤已重新分割",
        Reason.IDENTITY: "患者身份信息已更正",
        Reason.IMAGES: "收到了更多图像",
        Reason.CHOICE: "改用了本检查的其他图像",
        Reason.MODEL: "模型已变更",
        Reason.SOFTWARE: "软件或其设置已变更",
        Reason.PRIOR: "改与另一次既往检查比较",
        Reason.HEADERS: "图像头信息已更正",
    }
)


def replaces_sentence(replacement: Replacement) -> str:
    """The replacement of an earlier report: which one, and why."""
    because = "，".join(_REPLACED[reason] for reason in replacement.reasons)
    return f"本报告取代 {moment_shown(replacement.created)} 的报告，原因：{because}。"


def page_words(page: int) -> str:
    """ "页码 2 / " (the number of pages follows)."""
    return f"页码 {page} / "


def characters_not_shown(count: int) -> str:
    """Sentence for characters that no installed font has."""
    return (
        f"有 {count} 个字符显示为 □，因为此处安装的字体中没有它们；结构化报告中有完整文本。请安装相应文字的字体，"
        "例如 Debian 软件包 fonts-wqy-microhei（中文、日文、韩文）。"
    )


def legend_alternative(words: Ordered[str]) -> str:
    """Legend of outlines."""
    return f"图例：{joined(list(words))}的轮廓"


def strip_alternative(value: str, cut_off: str, *, below: str, above: str) -> str:
    """A value on its scale."""
    return f"标尺，数值 {value}；标记（{cut_off}）左侧：{below}；右侧：{above}"


def dots_alternative(count: int) -> str:
    """A frequency as dots."""
    return f"100 个圆点中有 {count} 个为实心"


def curves_alternative(title: str, ends: Ordered[tuple[str, int]], note: str) -> str:
    """Curves of the training patients: where each ends."""
    shown = [f"{months} 个月后：{label}" for label, months in ends]
    return "。".join(text for text in (title, "；".join(shown), note) if text)


def contributions_alternative(labels: Ordered[str], shown: Ordered[str]) -> str:
    """Bars of the shares of an output."""
    return "条形图：" + "；".join(f"{label} {share}" for label, share in zip(labels, shown, strict=True))


def key_images_alternative(captions: Ordered[str]) -> str:
    """Slices of the images with the outlines of tumour and shell."""
    return f"带有区域轮廓的 MR 图像：{'；'.join(captions)}"
