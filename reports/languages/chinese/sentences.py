"""Chinese sentences (simplified): dates as 2026年3月4日, decimals with a point, full-width punctuation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Ordered
from types import MappingProxyType
from typing import Final

from models.features.settings import Aggregation, BinOrigin, FeatureSettings, NormalizeRegion
from models.inference.outcome import Group, GroupCurve, ScoreRank, TrainingFacts
from models.inference.predict import Quantity
from models.quality_notes import QualityNote
from models.validity import State, Validity
from models.volume import Region, Sequence
from reports import numerals, wording
from reports.concepts import CONCEPTS
from reports.content import Measurement, Subject
from reports.languages.chinese.change import change_headline as change_headline
from reports.languages.chinese.change import change_line as change_line
from reports.languages.chinese.change import change_title as change_title
from reports.languages.chinese.change import days_shown as days_shown
from reports.languages.chinese.change import not_there as not_there
from reports.languages.chinese.change import only_one_computed as only_one_computed
from reports.languages.chinese.change import other_software as other_software
from reports.languages.chinese.change import percentage_points as percentage_points
from reports.languages.chinese.change import plausible_range_shown as plausible_range_shown
from reports.languages.chinese.change import ranges_compared as ranges_compared
from reports.languages.chinese.change import size_label as size_label
from reports.languages.chinese.features import REGIONS
from reports.languages.chinese.features import feature_label as feature_label
from reports.languages.chinese.features import group_label as group_label
from reports.languages.chinese.features import short_feature_label as short_feature_label
from reports.languages.chinese.labels import LABELS
from reports.languages.chinese.numbers import about as about
from reports.languages.chinese.numbers import date_shown as date_shown
from reports.languages.chinese.numbers import horizon as horizon
from reports.languages.chinese.numbers import in_a_row as in_a_row
from reports.languages.chinese.numbers import in_numbers as in_numbers
from reports.languages.chinese.numbers import joined as joined
from reports.languages.chinese.numbers import moment_shown as moment_shown
from reports.languages.chinese.numbers import number as number
from reports.languages.chinese.numbers import of_hundred
from reports.languages.chinese.numbers import sentence_case as sentence_case
from reports.languages.chinese.numbers import share_shown as share_shown
from reports.languages.chinese.numbers import volume as volume
from reports.languages.chinese.pages import characters_not_shown as characters_not_shown
from reports.languages.chinese.pages import contributions_alternative as contributions_alternative
from reports.languages.chinese.pages import curves_alternative as curves_alternative
from reports.languages.chinese.pages import dots_alternative as dots_alternative
from reports.languages.chinese.pages import identity as identity
from reports.languages.chinese.pages import key_images_alternative as key_images_alternative
from reports.languages.chinese.pages import legend_alternative as legend_alternative
from reports.languages.chinese.pages import made_shown as made_shown
from reports.languages.chinese.pages import page_words as page_words
from reports.languages.chinese.pages import replaces_sentence as replaces_sentence
from reports.languages.chinese.pages import running_head as running_head
from reports.languages.chinese.pages import strip_alternative as strip_alternative
from reports.languages.chinese.pages import text_shown as text_shown
from reports.languages.findings.translate import chinese

# --- predictions -----------------------------------------------------------------------------------------------------

_LABELS: Final[Mapping[Quantity, str]] = MappingProxyType(
    {
        Quantity.RECURRENCE_SCORE: "RDeepNet 复发评分",
        Quantity.RFS: "无复发生存率",
        Quantity.KRT7_AS_HIGH: "KRT7-AS 高表达概率",
    }
)
_OTHER_WORDS: Final[Mapping[Quantity, str]] = MappingProxyType(
    {
        Quantity.RECURRENCE_SCORE: "对数风险；数值越高风险越高",
        Quantity.RFS: "100 名患者中{of_hundred} 名无复发",
        Quantity.KRT7_AS_HIGH: "100 个此类肿瘤中{of_hundred} 个为高表达",
    }
)
_HIGH: Final[Mapping[Quantity, str]] = MappingProxyType(
    {Quantity.RECURRENCE_SCORE: "复发高风险", Quantity.RFS: "", Quantity.KRT7_AS_HIGH: "KRT7-AS 高表达"}
)
_LOW: Final[Mapping[Quantity, str]] = MappingProxyType(
    {Quantity.RECURRENCE_SCORE: "复发低风险", Quantity.RFS: "", Quantity.KRT7_AS_HIGH: "KRT7-AS 低表达"}
)


def quantity_label(quantity: Quantity, horizon_months: float | None) -> str:
    """ "RDeepNet 复发评分", "2 年无复发生存率"."""
    label = _LABELS[quantity]
    return label if horizon_months is None else f"{horizon(horizon_months)}{label}"


def quantity_shown(quantity: Quantity, value: float, *, beside: float | None = None) -> str:
    """ "1.43", "88%"."""
    return wording.quantity_shown(quantity, value, beside=beside)


def quantity_words(quantity: Quantity, value: float, interval: tuple[float, float] | None) -> str:
    """ "100 名患者中 88 名无复发；95% 区间 80% 至 93%"."""
    words = _OTHER_WORDS[quantity].format(of_hundred=of_hundred(value))
    if interval is None:
        return words
    low, high = (quantity_shown(quantity, limit) for limit in interval)
    return f"{words}；95% 区间 {low} 至 {high}"


def cut_off_words(quantity: Quantity, cut_off: float) -> str:
    """ "高于 1.10 为高，等于或低于为低"."""
    return f"高于 {quantity_shown(quantity, cut_off)} 为{LABELS.score_above}，等于或低于为{LABELS.score_below}"


def group_shown(quantity: Quantity, group: Group) -> str:
    """ "复发高风险"."""
    return (_HIGH if group is Group.HIGH else _LOW)[quantity]


def range_shown(quantity: Quantity, spread: tuple[float, float], *, beside: float | None = None) -> str:
    """ "−0.08 至 2.21"."""
    return " 至 ".join(quantity_shown(quantity, value, beside=beside) for value in spread)


_BORDERLINE_MEANS: Final = "换一个肿瘤轮廓，或模型重新训练一次，该患者就可能被归入另一组。"


def conclusion(
    quantity: Quantity,
    *,
    value_shown: str,
    range_shown: str = "",
    cut_off_shown: str,
    group: Group | None,
    survival: Ordered[tuple[float, float]],
) -> str:
    """One sentence for the tumour board, two with survival."""
    label = quantity_label(quantity, None)
    spread = f"（合理范围 {range_shown}）" if range_shown else ""
    if group is None:
        sentence = f"{label} {value_shown}{spread}，界值 {cut_off_shown}。{_BORDERLINE_MEANS}"
    else:
        side = "高于" if group is Group.HIGH else "不高于"
        sentence = f"{label} {value_shown}{spread}，{side}界值 {cut_off_shown}：{group_shown(quantity, group)}。"
    if not survival:
        return sentence
    steps = [f"{horizon(months)} {numerals.percent(value)}" for months, value in survival]
    return f"{sentence}估计的无复发生存率：{'，'.join(steps)}。"


_STATISTICS: Final = {"Harrell's C": "Harrell C 指数", "area under the ROC curve": "ROC 曲线下面积"}


def about_training(facts: TrainingFacts, quantity: Quantity) -> str:
    """Trained on whom, with how many events, and how well it tells patients apart."""
    events = f"{facts.events} 例复发" if quantity is Quantity.RECURRENCE_SCORE else f"其中 {facts.events} 名为高表达"
    whom = chinese(". ".join(facts.data.rstrip(".").split(". ")[:2])).rstrip("。")
    return (
        f"用 {facts.patients} 名患者训练，{events}（{whom}）。"
        f"{_STATISTICS.get(facts.statistic, facts.statistic)}（折外）{facts.value:.2f}"
        f"（95% 区间 {facts.low:.2f} 至 {facts.high:.2f}；0.50 相当于随机）。"
    )


def rank_sentence(rank: ScoreRank, quantity: Quantity) -> str:
    """The place of a score among those of the training patients."""
    what = "该概率" if CONCEPTS[quantity].is_probability else "该评分"
    whom = LABELS.training_population
    if rank.low == rank.high:
        return f"{what}高于 100 名{whom}中的 {round(100 * rank.low)} 名。"
    if rank.low == 0.0:
        return f"{what}属于 100 名{whom}中最低的 {math.ceil(round(100 * rank.high, 6))} 名。"
    return f"{what}属于 100 名{whom}中最高的 {math.ceil(round(100 * (1 - rank.low), 6))} 名。"


def curve_label(curve: GroupCurve) -> str:
    """ "低 97%"."""
    side = LABELS.score_above if curve.group is Group.HIGH else LABELS.score_below
    return f"{side} {numerals.percent(curve.survival[-1])}"


def hazard_ratio_words(ratio: tuple[float, float, float] | None) -> str:
    """ "风险比 9.1（95% 5.0 至 17）"."""
    english = wording.hazard_ratio_words(ratio)
    return english.replace("Hazard ratio", "风险比").replace(" to ", " 至 ").replace(" (", "（").replace(")", "）")


# --- validity --------------------------------------------------------------------------------------------------------

_HEADLINES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.VALID: "{group}",
        State.CONDITIONAL: "{group}",
        State.BORDERLINE: "介于两组之间",
        State.OUTSIDE: "无结果：超出预期用途",
        State.NOT_COMPUTABLE: "无结果：无法计算",
        State.NOT_ASKED: "未运行",
    }
)
_TITLES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.VALID: "",
        State.CONDITIONAL: "待确认",
        State.BORDERLINE: "介于两组之间",
        State.OUTSIDE: "无结果",
        State.NOT_COMPUTABLE: "无结果",
        State.NOT_ASKED: "未运行",
    }
)


def headline(state: State, group: str | None) -> str:
    """The bold line: the group where the state allows one."""
    return _HEADLINES[state].format(group=group)


def lead(validity: Validity) -> str:
    """Line above the headline of an answer that is to be confirmed, with its first reason."""
    if validity.state is not State.CONDITIONAL or validity.main is None:
        return ""
    more = len(validity.decisive) - 1
    rest = f"另有 {more} 条原因。" if more else ""
    return f"待确认：{validity.main.sentence}{rest}"


def banner(state: State, answers: Iterable[Validity]) -> tuple[str, str]:
    """Label and sentence on a picture; empty where nothing is against an answer."""
    label = {State.VALID: "", State.CONDITIONAL: "待确认"}.get(state, _HEADLINES[state])
    validity = next((one for one in answers if one.state is state), None)
    if not label or validity is None or validity.main is None:
        return label, ""
    more = len(validity.decisive) - 1
    rest = f"另有 {more} 条原因。" if more else ""
    return label, f"{validity.main.sentence}{rest}"


def titled(title: str, state: State) -> str:
    """The title with the state at its end."""
    return f"{title}——{_TITLES[state]}" if _TITLES[state] else title


def advice(validity: Validity) -> str:
    """Advice about an answer without result; empty where there is one."""
    if validity.state is State.NOT_COMPUTABLE:
        return "请检查并更正分割和图像，然后重新发送检查。"
    if validity.state is not State.OUTSIDE:
        return ""
    ways = list(dict.fromkeys(reason.overruled_by for reason in validity.decisive))
    if not all(ways):
        return "此判定不可更改：该检查需以其他方式评估。"
    return (
        "若图像头信息有误，请在归档系统中更正后重新发送检查；如已从其他途径核实，可予以确认"
        f"（{'；'.join(ways).replace(', or ', ' 或 ')}），结果中会注明。"
    )


def not_applicable_sentence(reason: str) -> str:
    """ "不适用：未找到 T2W 序列"."""
    return f"不适用：{reason.rstrip('.。')}"


def note_subject(note: QualityNote) -> str:
    """ "T1+C，瘤周区"."""
    parts = [] if note.sequence is None else [note.sequence.label]
    return "，".join(parts if note.region is None else [*parts, REGIONS[note.region]])


def more_reasons(count: int, *, has_pages: bool) -> str:
    """Reference to reasons that page 1 does not show."""
    where = f"见“{LABELS.all_reasons}”和“{LABELS.quality_notes}”" if has_pages else "见结构化报告（SR）"
    return f"另有 {count} 条，{where}。"


# --- images, features, settings --------------------------------------------------------------------------------------


def region_title(sequence: Sequence, region: Region) -> str:
    """ "T1+C 上的肿瘤"."""
    return f"{sequence.label} 上的{REGIONS[region]}"


def key_image_caption(sequence: Sequence, *, slice_index: int, slices: int, area_mm2: float) -> str:
    """ "T1+C，第 31/60 层：肿瘤截面最大，412 mm²"."""
    return f"{sequence.label}，第 {slice_index + 1}/{slices} 层：肿瘤截面最大，{area_mm2:.0f} mm²"


def subtraction_caption(*, first: int, last: int, slices: int, thickness_mm: float) -> str:
    """ "T1+C 减去增强前，全部 60 层最大强度投影（120 mm）"."""
    shown = f"全部 {slices} 层" if last - first + 1 == slices else f"第 {first + 1}–{last + 1}/{slices} 层"
    return f"T1+C 减去增强前，{shown}最大强度投影（{thickness_mm:.0f} mm）"


_SIDES: Final = {"L": "左侧乳腺", "R": "右侧乳腺", "B": "双侧乳腺"}


def tumour_line(subject: Subject, sizes: Ordered[tuple[Sequence, Ordered[Measurement]]]) -> str:
    """Side and size of the tumour."""
    parts = []
    if subject.laterality:
        side = _SIDES.get(subject.laterality, subject.laterality)
        parts.append(f"{side}{f'（{subject.laterality_source}）' if subject.laterality_source else ''}")
    elif sizes:
        parts.append("侧别不明")
    for sequence, measured in sizes:
        shown = [f"最大直径 {one.value:.0f} mm" if one.unit == "mm" else one.shown for one in measured]
        parts.append(f"{sequence.label}：{'，'.join(shown)}")
    return "；".join(parts)


def intensities_words(settings: FeatureSettings) -> str:
    """Normalisation and binning of grey levels."""
    if settings.normalize:
        region = "身体区域" if settings.normalize_region is NormalizeRegion.BODY else "整幅图像"
        parts = [f"按{region}计算 z 值 × {settings.normalize_scale:g}"]
    else:
        parts = ["未归一化"]
    parts += _steps(settings)
    if settings.bin_count is not None:
        parts.append(f"{settings.bin_count} 个灰度级")
    else:
        lowest = "（自最小值起）" if settings.bin_origin is BinOrigin.MINIMUM else ""
        parts.append(f"灰度级宽度 {settings.bin_width:g}{lowest}")
    return "；".join(parts)


def _steps(settings: FeatureSettings) -> Iterator[str]:
    if settings.resample_mm:
        sizes = " × ".join(f"{size:g}" if size else "原始" for size in settings.resample_mm)
        rounded = "，取整" if settings.round_intensities else ""
        how = f"图像 {settings.image_interpolator}，掩膜 {settings.mask_interpolator}{rounded}"
        yield f"重采样至 {sizes} mm（{how}）"
    if settings.resegment_range:
        low, high = settings.resegment_range
        yield f"灰度值 {low:g} 至 {high:g}"
    if settings.resegment_sigma is not None:
        yield f"{settings.resegment_sigma:g} 倍标准差以内"


def image_types_words(settings: FeatureSettings) -> str:
    """Filtered images on which the features are computed."""
    types = ["原始图像"]
    if settings.wavelet is not None:
        types.append(f"小波 {settings.wavelet}，{settings.wavelet_levels} 级")
    if settings.log_sigma_mm:
        types.append("LoG " + "、".join(f"{sigma:g} mm" for sigma in settings.log_sigma_mm))
    if settings.aggregation is not Aggregation.AVERAGE_3D:
        types.append(f"纹理 {settings.aggregation.replace('_', ' ').replace('d', 'D', 1)}")
    return "；".join(types)


def model_provenance_label(name: str) -> str:
    """ "模型 recurrence"."""
    return f"模型 {name}"


def model_provenance(version: str, digest: str, *, signed_by: str = "") -> str:
    """ "版本 1.0.0，SHA-256 3f…"."""
    return f"版本 {version}，SHA-256 {digest}" + (f"，由密钥 {signed_by} 签名" if signed_by else "")
