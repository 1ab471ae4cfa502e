"""Chinese texts about an earlier study."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Final

from models.validity import State
from models.volume import Sequence
from reports.languages.change_labels import ChangeLabels

CHANGE: Final = ChangeLabels(
    interval="两次检查的间隔",
    column="变化",
    tumour_volume="肿瘤体积",
    no_tumour="未分割肿瘤",
    lengths=MappingProxyType(
        {
            "original_shape_Maximum3DDiameter": "最大直径",
            "original_shape_MajorAxisLength": "长轴",
            "original_shape_MinorAxisLength": "短轴",
        }
    ),
    states=MappingProxyType(
        {
            State.VALID: "有效",
            State.CONDITIONAL: "待确认",
            State.BORDERLINE: "介于两组之间",
            State.OUTSIDE: "无结果，超出预期用途",
            State.NOT_COMPUTABLE: "无结果，无法计算",
            State.NOT_ASKED: "未运行",
        }
    ),
    empty_now="本次检查未分割肿瘤；其体积和直径为 0。",
    empty_then="既往检查未分割肿瘤；其体积和直径为 0。",
    numbers_only=(
        "以上是分割的肿瘤和模型在既往与本次检查中的两次测量。它们不说明变化的原因，也不涉及其他病灶；应由放射科医师判断。"
    ),
    repeatability_unknown=(
        "重复性未知：同一肿瘤未发生变化，仅重新勾画轮廓时，两次检查之间这些数值会相差多少，未在此扫描仪上测定。"
    ),
    therapy_not_known=(
        "本软件无从得知两次检查之间是否进行过治疗。治疗后检查的评分可能超出模型训练的范围：模型卡说明其适用于哪些检查。"
    ),
)


def change_title(day: date) -> str:
    """ "自 2026年3月4日以来的变化"."""
    return f"自 {day.year}年{day.month}月{day.day}日以来的变化"


def days_shown(days: int) -> str:
    """ "128 天"."""
    return f"{days} 天"


def size_label(label: str, sequence: Sequence) -> str:
    """ "肿瘤体积，T1+C"."""
    return f"{label}，{sequence.label}"


def not_there(shown: str, why: str) -> str:
    """ "0（未分割肿瘤）"."""
    return f"{shown}（{why}）"


def plausible_range_shown(shown: str) -> str:
    """ "合理范围 0.80 至 2.10"."""
    return f"合理范围 {shown}"


def percentage_points(shown: str) -> str:
    """ "+5 个百分点"."""
    return f"{shown} 个百分点"


def ranges_compared(model: str, *, overlap: bool) -> str:
    """Sentence on the overlap of the plausible ranges of a model then and now."""
    return f"{model}：既往与本次的合理范围{'有重叠' if overlap else '无重叠'}。"


def only_one_computed(model: str, *, is_now: bool) -> str:
    """A model that was computed for one of the two studies."""
    return f"{model}：仅对{'本次' if is_now else '既往'}检查进行了计算，未作比较。"


def other_software(software: str) -> str:
    """The earlier answer was computed by another version."""
    return f"既往结果由 {software} 计算，设置相同。"


def change_headline(title: str, interval: str) -> str:
    """ "自 2026年3月4日以来的变化，间隔 128 天"."""
    return f"{title}，间隔 {interval}"


def change_line(label: str, then: str, now: str, change: str) -> str:
    """ "肿瘤体积，T1+C：既往 12.30 cm³，本次 8.10 cm³；变化 −4.20 cm³ (−34%)"."""
    then, now = (text.replace("\n", "，") for text in (then, now))
    return f"{label}：既往 {then}，本次 {now}" + (f"；变化 {change}" if change else "")
