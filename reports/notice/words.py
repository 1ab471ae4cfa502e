"""Words of the notice that a study was not processed, in the languages.

What was found, and what to do about it, is the sentence that `rdeepnet show` prints: it is for the administrator and
stays English, under a label that says so. Heading, action and all else are for who opens the study in a viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from reports.language import Language
from reports.languages.languages import CHINESE, GERMAN
from reports.notice.content import REASONS, NoticeReason
from reports.page_words import moment_shown


@dataclass(frozen=True, kw_only=True)
class NoticeWords:
    """One language.

    Attributes
    ----------
    standing, standing_after : that there is no result; after an earlier report, whose date it takes
    found, received, what_to_do, code : labels; `found` is empty where the sentence needs none
    more : stands in place of a sentence that does not fit
    reasons : heading and action
    """

    not_processed: str
    product: str
    standing: str
    standing_after: Callable[[datetime], str]
    found: str
    received: str
    what_to_do: str
    code: str
    more: str
    reasons: Mapping[NoticeReason, tuple[str, str]]
    moment: Callable[[datetime], str]


def _after(earlier: datetime) -> str:
    return (
        "No result exists for the study as it is now. The report of "
        f"{moment_shown(earlier)} was made before, from what had arrived then."
    )


def _german_after(earlier: datetime) -> str:
    return (
        "Für die Untersuchung in ihrem jetzigen Stand gibt es kein Ergebnis. Der Bericht vom "
        f"{GERMAN.say.moment_shown(earlier)} entstand vorher aus dem, was damals eingetroffen war."
    )


def _chinese_after(earlier: datetime) -> str:
    return f"本检查目前的内容没有结果。{CHINESE.say.moment_shown(earlier)} 的报告是此前根据当时到达的内容生成的。"


_ENGLISH: Final = NoticeWords(
    not_processed="NOT PROCESSED",
    product="Breast MRI radiomics",
    standing="No result exists for this study.",
    standing_after=_after,
    found="",
    received="Received: ",
    what_to_do="What to do: ",
    code="Code: ",
    more="… (the whole sentence: rdeepnet show, and Image Comments)",
    reasons={reason: (row.heading, row.action) for reason, row in REASONS.items()},
    moment=moment_shown,
)
_AGAIN: Final = "Das oben Genannte korrigieren und erneut senden; die Untersuchung wird dann automatisch verarbeitet."
_GERMAN: Final = NoticeWords(
    not_processed="NICHT VERARBEITET",
    product="Radiomics der Brust-MRT",
    standing="Für diese Untersuchung gibt es kein Ergebnis.",
    standing_after=_german_after,
    found="Meldung des Programms (englisch): ",
    received="Empfangen: ",
    what_to_do="Weiteres Vorgehen: ",
    code="Code: ",
    more="… (der ganze Satz: rdeepnet show, und Image Comments)",
    reasons={
        NoticeReason.NO_TUMOUR: (
            "Die Segmentierung des Tumors fehlt",
            "Den Tumor segmentieren und die Segmentierung senden; die Untersuchung wird dann automatisch verarbeitet.",
        ),
        NoticeReason.NO_SERIES: (
            "Keine Serie mit Kontrastmittel gefunden",
            (
                "Ist dies eine Brust-MRT mit Kontrastmittel, die Serie senden oder durch die Administration benennen "
                "lassen."
            ),
        ),
        NoticeReason.IMAGES_MISSING: (
            "Bilder fehlen",
            "Die Serie erneut senden; die Untersuchung wird dann automatisch verarbeitet.",
        ),
        NoticeReason.CHOICE: (
            "Eine Auswahl ist nötig",
            "Die Administration auswählen lassen (rdeepnet retry), oder Eindeutiges senden.",
        ),
        NoticeReason.GEOMETRY: ("Bilder oder Segmentierung passen nicht zusammen", _AGAIN),
        NoticeReason.UNREADABLE: (
            "Ein Objekt ist nicht lesbar",
            "Das oben genannte Objekt erneut senden; die Untersuchung wird dann automatisch verarbeitet.",
        ),
        NoticeReason.NOT_USABLE: ("Die Untersuchung kann nicht ausgewertet werden", _AGAIN),
        NoticeReason.FAILED: (
            "Die Verarbeitung ist fehlgeschlagen",
            "Der Administration melden; sie findet die Ursache im Protokoll und startet die Untersuchung erneut.",
        ),
    },
    moment=GERMAN.say.moment_shown,
)
_CHINESE: Final = NoticeWords(
    not_processed="未处理",
    product="乳腺 MRI 影像组学",
    standing="本检查没有结果。",
    standing_after=_chinese_after,
    found="程序信息（英文）：",
    received="收到：",
    what_to_do="处理建议：",
    code="代码：",
    more="…（完整语句见 rdeepnet show 和 Image Comments）",
    reasons={
        NoticeReason.NO_TUMOUR: ("缺少肿瘤分割", "请分割肿瘤并发送分割；随后将自动处理该检查。"),
        NoticeReason.NO_SERIES: ("未找到增强序列", "若这是增强乳腺 MRI，请发送该序列，或请管理员指定。"),
        NoticeReason.IMAGES_MISSING: ("缺少图像", "请重新发送该序列；随后将自动处理该检查。"),
        NoticeReason.CHOICE: ("需要选择", "请管理员选择（rdeepnet retry），或发送无歧义的内容。"),
        NoticeReason.GEOMETRY: ("图像与分割不匹配", "请更正上述内容并重新发送；随后将自动处理该检查。"),
        NoticeReason.UNREADABLE: ("有对象无法读取", "请重新发送上述对象；随后将自动处理该检查。"),
        NoticeReason.NOT_USABLE: ("该检查无法评估", "请更正上述内容并重新发送；随后将自动处理该检查。"),
        NoticeReason.FAILED: ("处理失败", "请告知管理员；管理员可在日志中查明原因并重新处理该检查。"),
    },
    moment=CHINESE.say.moment_shown,
)
NOTICES: Final[Mapping[Language, NoticeWords]] = MappingProxyType(
    {Language.ENGLISH: _ENGLISH, Language.GERMAN: _GERMAN, Language.CHINESE: _CHINESE}
)
