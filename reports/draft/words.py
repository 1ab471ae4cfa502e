"""Words of the contact sheet of a draft, in the languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from models.number_words import counted
from reports import page_words
from reports.language import Language


@dataclass(frozen=True, kw_only=True)
class DraftWords:
    """One language.

    Attributes
    ----------
    review_note : of the Key Object Selection that asks for a review
    strip : on every page
    method_shown : of name and version of the method
    extent_shown : of "20 × 30 × 31"
    slices_shown : of the number of slices, the first, the last, and the number of slices of the image
    painted_shown : of the number of painted slices, and which they are
    slice_shown : caption of a slice; of its number
    is_painted, is_empty : after the caption of a slice
    """

    title: str
    subtitle: str
    review_note: str
    strip: str
    legend: str
    what_to_do: str
    patient: str
    outlined_on: str
    between: str  # between parts of what it was outlined on
    method: str
    notice: str
    extent: str
    slices: str
    painted: str
    method_shown: Callable[[str, str], str]
    extent_shown: Callable[[str], str]
    slices_shown: Callable[[int, int, int, int], str]
    painted_shown: Callable[[int, str], str]
    slice_shown: Callable[[int], str]
    is_painted: str
    is_empty: str


_ENGLISH: Final = DraftWords(
    title="Draft of a tumour outline: needs review",
    subtitle="Breast MRI radiomics",
    review_note=(
        "Draft of a tumour outline: a person must look at every slice, then edit it under a name without the word "
        "draft, or accept it. Nothing is computed from the draft."
    ),
    strip="Draft, not a segmentation: nothing is computed from it before a person has accepted or edited it",
    legend=(
        "Orange: the draft; on slices called painted it is the stroke as it was drawn. The slice "
        "before the first and after the last is shown without an outline: check that no tumour is left there."
    ),
    what_to_do=(
        "Look at every slice. Accept the draft unchanged, on the page of the appliance or with rdeepnet segment "
        '--accept and your name; or edit it in a viewer and save it under a name without "draft" (label "Tumour").'
    ),
    patient=page_words.PATIENT,
    outlined_on="Outlined on",
    between="; ",
    method="Method",
    notice="Notice",
    extent="Extent",
    slices="Slices",
    painted="Painted",
    method_shown=lambda name, version: f"{name}, version {version}",
    extent_shown=lambda sizes: f"{sizes} mm (slices, rows, columns)",
    slices_shown=lambda count, first, last, of: f"{count} ({first} to {last} of {of})",
    painted_shown=lambda count, which: f"{counted(count, 'slice')} ({which})",
    slice_shown=lambda number: f"Slice {number}",
    is_painted=", painted",
    is_empty=", nothing outlined",
)
_GERMAN: Final = DraftWords(
    title="Entwurf einer Tumorkontur: muss geprüft werden",
    subtitle="Brust-MRT-Radiomics",
    review_note=(
        "Entwurf einer Tumorkontur: Ein Mensch muss jede Schicht ansehen und den Entwurf dann unter einem Namen ohne "
        "das Wort draft bearbeiten oder annehmen. Aus dem Entwurf wird nichts berechnet."
    ),
    strip="Entwurf, keine Segmentierung: daraus wird nichts berechnet, bevor ihn jemand angenommen oder bearbeitet hat",
    legend=(
        "Orange: der Entwurf; auf Schichten mit dem Zusatz „eingezeichnet“ ist es der Strich, wie er gezeichnet wurde. "
        "Die Schicht vor der ersten und die nach der letzten ist ohne Kontur gezeigt: Prüfen, dass dort kein Tumor "
        "übrig ist."
    ),
    what_to_do=(
        "Jede Schicht ansehen. Den Entwurf unverändert annehmen, auf der Seite des Systems oder mit rdeepnet segment "
        "--accept und dem eigenen Namen; oder ihn in einem Viewer bearbeiten und unter einem Namen ohne „draft“ "
        "speichern (Label „Tumour“)."
    ),
    patient="Patientin",
    outlined_on="Konturiert auf",
    between="; ",
    method="Methode",
    notice="Hinweis",
    extent="Ausdehnung",
    slices="Schichten",
    painted="Eingezeichnet",
    method_shown=lambda name, version: f"{name}, Version {version}",
    extent_shown=lambda sizes: f"{sizes} mm (Schichten, Zeilen, Spalten)",
    slices_shown=lambda count, first, last, of: f"{count} ({first} bis {last} von {of})",
    painted_shown=lambda count, which: f"{counted(count, 'Schicht', 'Schichten')} ({which})",
    slice_shown=lambda number: f"Schicht {number}",
    is_painted=", eingezeichnet",
    is_empty=", nichts konturiert",
)
_CHINESE: Final = DraftWords(
    title="肿瘤轮廓草稿：需要审核",
    subtitle="乳腺 MRI 影像组学",
    review_note=(
        "肿瘤轮廓草稿：须由人员逐层查看，然后以不含 draft 一词的名称编辑保存，或予以接受。不会根据草稿进行任何计算。"
    ),
    strip="草稿，并非分割：在人员接受或编辑之前，不会据此进行任何计算",
    legend=(
        "橙色：草稿；标有“已绘制”的层面为绘制时的原始笔画。第一层之前和最后一层之后的层面不带轮廓显示：请确认该处没有遗漏肿瘤。"
    ),
    what_to_do=(
        "请逐层查看。可在本系统的页面上，或用 rdeepnet segment --accept 并注明姓名，原样接受草稿；"
        "也可在阅片软件中编辑，并以不含“draft”的名称保存（标签为“Tumour”）。"
    ),
    patient="患者",
    outlined_on="勾画所用图像",
    between="；",
    method="方法",
    notice="声明",
    extent="范围",
    slices="层面",
    painted="已绘制",
    method_shown=lambda name, version: f"{name}，版本 {version}",
    extent_shown=lambda sizes: f"{sizes} mm（层、行、列）",
    slices_shown=lambda count, first, last, of: f"{count}（第 {first} 至 {last} 层，共 {of} 层）",
    painted_shown=lambda count, which: f"{count} 层（{which}）",
    slice_shown=lambda number: f"第 {number} 层",
    is_painted="，已绘制",
    is_empty="，无轮廓",
)
DRAFT_WORDS: Final[Mapping[Language, DraftWords]] = MappingProxyType(
    {Language.ENGLISH: _ENGLISH, Language.GERMAN: _GERMAN, Language.CHINESE: _CHINESE}
)
