"""Chinese names of features: `t1c_intratumoral_wavelet-LLH_glcm_Contrast` → "T1+C，肿瘤，小波 LLH，GLCM 对比度"."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from models.volume import Region, Sequence
from reports.feature_words import FAMILY_WORDS, FeatureClass, image_words, take_apart
from reports.languages.feature_names import DIAGNOSTICS, NAMES

REGIONS: Final[Mapping[Region, str]] = MappingProxyType({Region.INTRATUMORAL: "肿瘤", Region.PERITUMORAL: "瘤周区"})
_CLASSES: Final[Mapping[FeatureClass, str]] = MappingProxyType(
    {
        FeatureClass.SHAPE: "大小与形态",
        FeatureClass.INTENSITY: "强度",
        FeatureClass.TEXTURE: "纹理",
        FeatureClass.IMAGE: "图像属性",
    }
)
_PARTS: Final = {"Image": "图像", "Mask": "掩膜"}


def short_feature_label(name: str) -> str:
    """The label without sequence and region."""
    parts = take_apart(name)
    if parts is None:
        return name
    if parts.image == "diagnostics":
        row = DIAGNOSTICS.get(parts.feature)
        return f"{_PARTS.get(parts.family, parts.family)}：{parts.feature if row is None else row.zh}"
    row = NAMES.get(parts.feature)
    what = parts.feature if row is None else row.zh
    what = f"强度：{what}" if parts.family == "firstorder" else f"{FAMILY_WORDS.get(parts.family, '')} {what}".strip()
    if parts.image == "original":
        return what
    return f"{image_words(parts.image).replace('wavelet', '小波')}，{what}"


def feature_label(name: str) -> str:
    """The full label; an unknown form of name comes back unchanged."""
    parts = take_apart(name)
    if parts is None:
        return name
    return f"{parts.sequence.label}，{REGIONS[parts.region]}，{short_feature_label(name)}"


def group_label(sequence: Sequence, region: Region, feature_class: FeatureClass) -> str:
    """One bar of the contribution chart: "T1+C，肿瘤，纹理"."""
    return f"{sequence.label}，{REGIONS[region]}，{_CLASSES[feature_class]}"
