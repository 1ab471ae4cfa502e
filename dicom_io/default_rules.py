"""The built-in selection rules, in the form in which a site writes its own in the settings.

Written for the series names of GE, Siemens, Philips and Canon breast protocols in English, German, French, Spanish
and Chinese, and for headers from which the names were removed (timing only). Order matters: see `rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dicom_io import roles
from models.volume import Sequence

_DYNAMIC = r"dyn|\bdce|multi.?phase|\bmph\b|vibrant|thrive|dynava?views|bliss|disco|dixon.?dyn|动态|增强"
CONTRASTED = (
    r"\+ ?c\b|c\+|\bce\b|\bkm\b|\bgd\b|gado|post(?!er)|contrast|\bph ?[0-9]|[0-9](st|nd|rd|th) pass"
    r"|delay|inject|nach ?km|增强"
)
UNENHANCED = r"\bpre\b|pre.?contrast|without|\bw/?o\b|unenhanced|non.?contrast|nativ|sans inj|sin contraste|平扫"
_T2 = r"t2|stir|tirm"

_WATER = r"\\(W|WATER)(\\|$)"

T1C: tuple[dict[str, Any], ...] = (
    {
        "name": "water image of a dynamic Dixon series, by description and image type",
        "matches": {"SeriesDescription": _DYNAMIC, "ImageType": _WATER},
        "unless": {"SeriesDescription": _T2},
    },
    {
        "name": "dynamic contrast-enhanced series by its description",
        "matches": {"SeriesDescription": _DYNAMIC},
        "unless": {"SeriesDescription": _T2},
    },
    {
        "name": "water image of a contrast-enhanced Dixon series, by description and image type",
        "matches": {"SeriesDescription": CONTRASTED, "ImageType": _WATER},
        "unless": {"SeriesDescription": f"{_T2}|{UNENHANCED}"},
    },
    {
        "name": "contrast-enhanced series by its description",
        "matches": {"SeriesDescription": CONTRASTED},
        "unless": {"SeriesDescription": f"{_T2}|{UNENHANCED}"},
    },
    {
        "name": "contrast-enhanced series by its protocol name",
        "matches": {"ProtocolName": f"{_DYNAMIC}|{CONTRASTED}"},
        "unless": {"ProtocolName": f"{_T2}|{UNENHANCED}", "SeriesDescription": f"{_T2}|{UNENHANCED}"},
    },
    {
        "name": "fast T1-weighted gradient echo with several phases (the timing of a dynamic series)",
        "unless": {"SeriesDescription": _T2, "ProtocolName": _T2},
        "ranges": {"Phases": (2, 60), "RepetitionTime": (1.5, 30), "EchoTime": (0.5, 8)},
    },
    {
        "name": "T1-weighted series with a contrast agent in its header",
        "matches": {"ContrastBolusAgent": r"\w"},
        "unless": {
            "ContrastBolusAgent": r"^(no|none|n/?a|without|unknown)\b",
            "SeriesDescription": f"{_T2}|{UNENHANCED}",
        },
        "ranges": {"RepetitionTime": (1.5, 1000), "EchoTime": (0.5, 25)},
    },
)

T2W: tuple[dict[str, Any], ...] = (
    {
        "name": "water image of a T2-weighted Dixon series, by description and image type",
        "matches": {"SeriesDescription": r"t2", "ImageType": _WATER},
        "unless": {"SeriesDescription": r"t2 ?(\*|star)|t2.?w? ?map"},
    },
    {
        "name": "T2-weighted series with fat suppression, by its description",
        "matches": {
            "SeriesDescription": r"t2.*(\bfs\b|_fs|fat|spair|spir|\bir\b|dixon|ideal|压脂)|(\bfs|fat ?sat).*t2"
        },
        "unless": {
            "SeriesDescription": r"t2 ?(\*|star)|t2.?w? ?map|haste|ssfse|cube.?loc|dixon.?(f|op|in)$|_(f|op|in)$"
        },
    },
    {
        "name": "T2-weighted series by its description",
        "matches": {"SeriesDescription": r"t2"},
        "unless": {"SeriesDescription": r"t2 ?(\*|star)|t2.?w? ?map|haste|ssfse|cube.?loc"},
    },
    {
        "name": "short-tau inversion recovery series by its description",
        "matches": {"SeriesDescription": r"stir|tirm"},
    },
    {
        "name": "T2-weighted series by its protocol name",
        "matches": {"ProtocolName": r"t2|stir|tirm"},
        "unless": {"ProtocolName": r"t2 ?(\*|star)", "SeriesDescription": r"t1|dyn|dce|diff|dwi"},
    },
    {
        "name": "spin echo with the timing of T2 weighting",
        "matches": {"ScanningSequence": r"SE|RM"},
        "unless": {"ScanningSequence": r"EP", "SeriesDescription": r"t1|dyn|dce"},
        "ranges": {"RepetitionTime": (1800, 20000), "EchoTime": (50, 200)},
    },
)

EXCLUDE: tuple[dict[str, Any], ...] = (
    {
        "name": "localizer or calibration",
        "matches": {
            "SeriesDescription": r"loc(ali[sz]er)?\b|scout|survey|\b(3|three).?pl(ane)?\b|calib|asset|shim|\bcal\b|定位"
        },
    },
    {"name": "localizer by its image type", "matches": {"ImageType": r"LOCALI[SZ]ER"}},
    {"name": "subtraction", "matches": {"SeriesDescription": r"\bsub|subtr|_sub|\(sub|minus|减影"}},
    {"name": "subtraction by its image type", "matches": {"ImageType": r"SUBTRACT|\\SUB(\\|$)"}},
    {"name": "projection", "matches": {"SeriesDescription": r"\bmip|_mip|projection|\bproj\b|pjn|collapse|3d.?render"}},
    {"name": "projection by its image type", "matches": {"ImageType": r"PROJECTION|\\MIP|MAX_IP|\\VOLUME.?RENDER"}},
    {
        "name": "diffusion",
        "matches": {
            "SeriesDescription": r"dwi|diff|\badc|_adc|trace|ep2d|\bepi\b|\be?adc\b|apparent|b ?= ?[0-9]|弥散|扩散"
        },
    },
    {"name": "diffusion by its image type", "matches": {"ImageType": r"DIFFUSION|\\ADC|TRACEW"}},
    {"name": "echo-planar imaging", "matches": {"ScanningSequence": r"EP"}},
    {
        "name": "map or derived curve",
        "matches": {
            "SeriesDescription": r"\bmaps?\b|_map|kinetic|wash.?(in|out)|\bpei\b|\bser\b|\btt[pc]\b|iauc"
            r"|perfusion|\bcad\b|colou?r|curve|percent.?enh"
        },
    },
    {
        "name": "fat or opposed-phase image of a Dixon series, or phase, real or imaginary part, by its image type",
        "matches": {"ImageType": r"\\(FAT|F|FF|OP|OUT_?PHASE|OPP(OSED)?_?PHASE|P|PHASE|R|REAL|I|IMAGINARY)(\\|$)"},
    },
    {
        "name": "capture, report or spectroscopy",
        "matches": {"SeriesDescription": r"screen|capture|report|snapshot|spectro|\bmrs\b|\bsvs\b|phoenix"},
    },
    {
        # The images of a breast with an implant are called after it, contrast or not.
        "name": "image of silicone",
        "matches": {"SeriesDescription": r"silicone"},
        "unless": {"SeriesDescription": f"{_DYNAMIC}|{CONTRASTED}"},
    },
)

TUMOUR: tuple[dict[str, Any], ...] = (
    {
        "name": "property type is a neoplasm, mass or lesion",
        "matches": {
            "SegmentedPropertyTypeCodeSequence": r"neoplas|tumou?r|carcinoma|cancer|malignan|lesion|\bmass\b|\bnodule\b"
            r"|SCT (108369006|4147007|52988006|86049000|363346000|254837009|126926005|1240414004|367651003)\b"
            r"|SRT (M-8|M-03000|M-01100|M-01000)"
        },
    },
    {
        "name": "label says tumour, mass or lesion",
        "matches": {
            "SegmentLabel": r"tumou?r|lesion|\bmass|neoplas|cancer|carcinoma|malign|\bgtv|\bidc\b|肿瘤|病灶|癌"
        },
    },
)

NOT_TUMOUR: tuple[dict[str, Any], ...] = (
    {
        "name": "tissue around the tumour",
        "matches": {"SegmentLabel": r"peri.?tumou?r|shell|margin|surround|edema|oedema|halo|ring\b|background|瘤周"},
    },
    {
        "name": "not the tumour itself",
        "matches": {
            "SegmentLabel": r"\bnode|lymph|cyst|benign|fibroaden|clip|marker|necro|biopsy|implant|vessel|no.?tumou?r"
        },
    },
)

# Role, or list that gives none (`roles.RULED`) → its rules.
SHIPPED: Final[Mapping[str, tuple[dict[str, Any], ...]]] = MappingProxyType(
    {
        Sequence.T1C: T1C,
        Sequence.T2W: T2W,
        roles.TUMOUR: TUMOUR,
        roles.EXCLUDED: EXCLUDE,
        roles.NOT_TUMOUR: NOT_TUMOUR,
    }
)
