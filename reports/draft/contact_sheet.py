"""Draft of a tumour's outline → a PDF with every slice it is on, for the person who accepts or edits it."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from reportlab.platypus import Flowable, Spacer

from models.number_words import counted
from models.version import software_version
from models.volume import Sequence, Volume
from reports import numerals, wording
from reports.content import KeyImage, Subject
from reports.pdf.figures import KeyImageRow, Panel
from reports.pdf.flow import report_pdf, text_flow
from reports.pdf.page import WIDTH
from reports.pdf.theme import Typesetter
from reports.region_sections import edge_letters
from reports.section_view import View, enlarged_view

Mask = NDArray[np.bool_]

TITLE = "Draft of a tumour outline: needs review"
REVIEW_NOTE = (
    "Draft of a tumour outline: a person must look at every slice, then edit it under a name without the word draft, "
    "or accept it. Nothing is computed from the draft."
)
STRIP = "Draft, not a segmentation: nothing is computed from it before a person has accepted or edited it"
LEGEND = (
    "Orange: the draft; on slices called painted it is the stroke as it was drawn. The slice "
    "before the first and after the last is shown without an outline: check that no tumour is left there."
)
WHAT_TO_DO = (
    "Look at every slice. Accept the draft unchanged, on the page of the appliance or with rdeepnet segment --accept "
    'and your name; or edit it in a viewer and save it under a name without "draft" (label "Tumour").'
)
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
    method : in words, with its version
    made_from : images and marks in words
    measurements : label → text
    created : when the draft was made, with time zone
    notice : of the method; empty where it has none
    """

    subject: Subject
    sequence: Sequence
    image: Volume
    draft: Mask
    strokes: Mask | None
    method: str
    made_from: str
    measurements: tuple[tuple[str, str], ...]
    created: datetime
    notice: str = ""


@dataclass(frozen=True)
class _Sheet:
    """Texts of the document (`flow.TitledReport`)."""

    subtitle: str
    facts: tuple[tuple[str, str], ...]
    created: datetime
    title: str = TITLE
    notice: str = wording.NOTICE
    software: str = f"rdeepnet {software_version()}"


def contact_sheet(pictures: DraftPictures, *, typesetter: Typesetter | None = None) -> bytes:
    """The PDF; the same draft gives the same bytes."""
    typesetter = typesetter or Typesetter()
    facts = (
        (wording.PATIENT, wording.running_head(pictures.subject)),
        ("Outlined on", f"{pictures.sequence.label}, {pictures.made_from}"),
        ("Method", pictures.method),
        *pictures.measurements,
        *((("Notice", pictures.notice),) if pictures.notice else ()),
    )
    sheet = _Sheet("Breast MRI radiomics", facts, pictures.created)
    story: list[Flowable] = [
        text_flow(WHAT_TO_DO, typesetter, is_warning=True),
        Spacer(0, 4),
        text_flow(LEGEND, typesetter, is_warning=False),
        Spacer(0, 8),
    ]
    panels = list(_panels(pictures))
    side = (WIDTH - _GAP * (_COLUMNS - 1)) / _COLUMNS
    for start in range(0, len(panels), _COLUMNS):
        story += [KeyImageRow(panels[start : start + _COLUMNS], width=WIDTH, side=side, gap=_GAP), Spacer(0, _GAP)]
    return report_pdf(sheet, story, strip=STRIP, typesetter=typesetter)


def slices_shown(draft: Mask) -> range:
    """Every slice with the draft, and one on each side."""
    used = np.flatnonzero(draft.any(axis=(1, 2)))
    return range(max(int(used[0]) - _AROUND, 0), min(int(used[-1]) + _AROUND, len(draft) - 1) + 1)


def measured(draft: Mask, volume: Volume, strokes: Mask | None) -> tuple[tuple[str, str], ...]:
    """Measurements of a draft in words."""
    used = np.flatnonzero(draft.any(axis=(1, 2)))
    extents = []
    for axis, spacing in enumerate(volume.spacing_mm):
        along = np.flatnonzero(draft.any(axis=tuple(other for other in range(3) if other != axis)))
        extents.append(f"{(int(along[-1]) - int(along[0]) + 1) * spacing:.0f}")
    size = int(np.count_nonzero(draft)) * volume.voxel_volume_mm3
    found = [
        (wording.VOLUME_LABEL, numerals.volume(size)),
        ("Extent", f"{' × '.join(extents)} mm (slices, rows, columns)"),
        ("Slices", f"{len(used)} ({int(used[0]) + 1} to {int(used[-1]) + 1} of {len(draft)})"),
    ]
    if strokes is not None:
        painted = np.flatnonzero(strokes.any(axis=(1, 2)))
        found.append(("Painted", f"{counted(len(painted), 'slice')} ({', '.join(str(one + 1) for one in painted)})"))
    return tuple(found)


def _panels(pictures: DraftPictures) -> Ordered[Panel]:
    view = _common_view(pictures)
    return [
        Panel(_image(pictures, index), view, None, _caption(pictures, index)) for index in slices_shown(pictures.draft)
    ]


def _caption(pictures: DraftPictures, index: int) -> str:
    is_painted = pictures.strokes is not None and bool(pictures.strokes[index].any())
    words = ", painted" if is_painted else "" if pictures.draft[index].any() else ", nothing outlined"
    return f"Slice {index + 1}{words}"


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
