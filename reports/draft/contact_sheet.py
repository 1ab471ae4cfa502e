"""Draft of a tumour's outline → a PDF with every slice it is on, for the person who accepts or edits it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from reportlab.platypus import Flowable, Spacer

from models.version import software_version
from models.volume import Sequence, Volume
from reports.content import KeyImage, Subject
from reports.draft.words import DRAFT_WORDS, DraftWords
from reports.language import Language
from reports.languages.words import Words
from reports.pdf.figures import KeyImageRow, Panel
from reports.pdf.flow import report_pdf, text_flow
from reports.pdf.page import WIDTH
from reports.pdf.theme import WIDE_FILES, Typesetter
from reports.region_sections import edge_letters
from reports.section_view import View, enlarged_view

Mask = NDArray[np.bool_]

_COLUMNS = 4
_AROUND = 1  # slices before the first and after the last
_GAP = 6.0  # points between rows


@dataclass(frozen=True, eq=False)
class DraftPictures:
    """All that the contact sheet shows.

    Attributes
    ----------
    image : the image that was outlined
    draft, strokes : bool (slices, rows, columns); strokes None where a box was marked
    method : name and version
    made_from : images and marks in words
    created : when the draft was made, with time zone
    notice : of the method; empty where it has none
    language : of the sheet
    """

    subject: Subject
    sequence: Sequence
    image: Volume
    draft: Mask
    strokes: Mask | None
    method: tuple[str, str]
    made_from: str
    created: datetime
    notice: str = ""
    language: Language = Language.ENGLISH


@dataclass(frozen=True)
class _Sheet:
    """Texts of the document (`flow.TitledReport`)."""

    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    notice: str
    created: datetime
    software: str = f"rdeepnet {software_version()}"


def contact_sheet(
    pictures: DraftPictures,
    *,
    typesetter: Typesetter | None = None,
    fonts: Ordered[str] = (),
) -> bytes:
    """The PDF, in the language of the pictures; the same draft gives the same bytes.

    Parameters
    ----------
    typesetter : sets the text; only needed to look for fonts elsewhere
    fonts : files to look in for what DejaVu Sans lacks, before those of the system
    """
    typesetter = typesetter or Typesetter(wide_files=(*fonts, *WIDE_FILES), language=pictures.language)
    words, said = DRAFT_WORDS[pictures.language], typesetter.words
    made_from = words.between.join(said.part(one) for one in pictures.made_from.split("; "))
    facts = (
        (words.patient, said.say.running_head(pictures.subject)),
        (words.outlined_on, f"{pictures.sequence.label}, {made_from}"),
        (words.method, words.method_shown(*pictures.method)),
        *_measured(pictures.draft, pictures.image, pictures.strokes, said, words),
        *(((words.notice, pictures.notice),) if pictures.notice else ()),
    )
    sheet = _Sheet(words.title, words.subtitle, facts, said.labels.notice, pictures.created)
    story: list[Flowable] = [
        text_flow(words.what_to_do, typesetter, is_warning=True),
        Spacer(0, 4),
        text_flow(words.legend, typesetter, is_warning=False),
        Spacer(0, 8),
    ]
    panels = list(_panels(pictures))
    side = (WIDTH - _GAP * (_COLUMNS - 1)) / _COLUMNS
    for start in range(0, len(panels), _COLUMNS):
        row = KeyImageRow(panels[start : start + _COLUMNS], width=WIDTH, side=side, gap=_GAP, typesetter=typesetter)
        story += [row, Spacer(0, _GAP)]
    return report_pdf(sheet, story, strip=words.strip, typesetter=typesetter)


def slices_shown(draft: Mask) -> range:
    """Every slice with the draft, and one on each side."""
    used = np.flatnonzero(draft.any(axis=(1, 2)))
    return range(max(int(used[0]) - _AROUND, 0), min(int(used[-1]) + _AROUND, len(draft) - 1) + 1)


def _measured(
    draft: Mask, volume: Volume, strokes: Mask | None, said: Words, words: DraftWords
) -> Iterator[tuple[str, str]]:
    """Measurements of a draft in words."""
    used = np.flatnonzero(draft.any(axis=(1, 2)))
    extents = []
    for axis, spacing in enumerate(volume.spacing_mm):
        along = np.flatnonzero(draft.any(axis=tuple(other for other in range(3) if other != axis)))
        extents.append(f"{(int(along[-1]) - int(along[0]) + 1) * spacing:.0f}")
    size = int(np.count_nonzero(draft)) * volume.voxel_volume_mm3
    yield said.labels.volume, said.say.volume(size)
    yield words.extent, words.extent_shown(" × ".join(extents))
    yield words.slices, words.slices_shown(len(used), int(used[0]) + 1, int(used[-1]) + 1, len(draft))
    if strokes is not None:
        painted = np.flatnonzero(strokes.any(axis=(1, 2)))
        yield words.painted, words.painted_shown(len(painted), ", ".join(str(one + 1) for one in painted))


def _panels(pictures: DraftPictures) -> Ordered[Panel]:
    view = _common_view(pictures)
    return [
        Panel(_image(pictures, index), view, None, _caption(pictures, index)) for index in slices_shown(pictures.draft)
    ]


def _caption(pictures: DraftPictures, index: int) -> str:
    words = DRAFT_WORDS[pictures.language]
    is_painted = pictures.strokes is not None and bool(pictures.strokes[index].any())
    more = words.is_painted if is_painted else "" if pictures.draft[index].any() else words.is_empty
    return f"{words.slice_shown(index + 1)}{more}"


def _common_view(pictures: DraftPictures) -> View:
    """One view for all slices, so that they can be compared: around the whole draft."""
    every = _image(pictures, int(np.flatnonzero(pictures.draft.any(axis=(1, 2)))[0]))
    whole = KeyImage(
        sequence=every.sequence,
        pixels=every.pixels,
        tumour=np.asarray(pictures.draft.any(axis=0)),
        shell=np.zeros_like(every.tumour),
        pixel_spacing_mm=every.pixel_spacing_mm,
        slice_index=0,
        edges=every.edges,
        caption="",
    )
    return enlarged_view(whole)


def _image(pictures: DraftPictures, index: int) -> KeyImage:
    _, row_mm, column_mm = pictures.image.spacing_mm
    draft = pictures.draft[index]
    return KeyImage(
        sequence=pictures.sequence,
        pixels=pictures.image.voxels[index].astype(np.float32),
        tumour=draft,
        shell=np.zeros_like(draft),
        pixel_spacing_mm=(row_mm, column_mm),
        slice_index=index,
        edges=edge_letters(pictures.image.direction),
        caption="",
    )
