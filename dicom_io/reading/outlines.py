"""Outlines of a study: how its tumour was outlined, by the headers of its segmentation and of the draft before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pydicom

from dicom_io.identity import is_accepted, is_draft
from dicom_io.images.headers import items, shown, text
from dicom_io.images.series import Series
from dicom_io.masks.segmentation import Segment
from dicom_io.reading import newest
from dicom_io.reading.selection import Candidate, Chosen, Selection
from dicom_io.reading.tumours import placed_on
from models.errors import StudyRejected
from models.outline import DraftComparison, Outline, strokes_in
from models.quality_notes import QualityNote, Severity
from models.segmentation.agreement import dice
from models.volume import Roi, Volume
from models.volume import Sequence as MrSequence


def outline_of(
    used: Sequence[Candidate], roi: Roi, volume: Volume, chosen: Chosen, selection: Selection
) -> tuple[Outline, Candidate | None]:
    """Outline of the tumour on one sequence, and the draft it was compared with.

    A draft of the study counts when it is about the same region (`newest.SAME_REGION`) and older than the segmentation.
    """
    own = _stated([candidate.segment for candidate in used])
    header = used[0].segment.instance.header
    size = roi.volume_mm3
    if is_accepted(header):
        return _with(own, header, DraftComparison(1.0, size, size)), None
    series = [one for one in selection.series if one.is_mr]
    found = _draft(_drafts(selection), header, roi, volume, chosen, series)
    if found is None:
        return own, None
    draft, comparison = found
    return _with(_stated([draft.segment]), header, comparison), draft


def outline_note(sequence: MrSequence, outline: Outline) -> list[QualityNote]:
    """A note on a tumour that a named version of an algorithm outlined, or that came of a draft."""
    if outline.draft is None and not (outline.method and outline.version):
        return []
    sentence = outline.sentence(sequence.label)
    if outline.widens:
        sentence += (
            f" The method adds to what readers differ by: the other contours of the plausible range agree with this "
            f"one at Dice {outline.readers_dice:.2f} instead of {Outline().readers_dice:.2f}."
        )
    return [QualityNote("tumour-outlined", Severity.NOTE, sentence, sequence)]


def _drafts(selection: Selection) -> Iterable[Candidate]:
    return (one for one in selection.segments if is_draft(one.segment.instance.header))


def _draft(
    drafts: Iterable[Candidate],
    final: pydicom.Dataset,
    roi: Roi,
    volume: Volume,
    chosen: Chosen,
    series: Sequence[Series],
) -> tuple[Candidate, DraftComparison] | None:
    """The draft that agrees best with the final segmentation, if any is about the same region."""
    best: tuple[Candidate, DraftComparison] | None = None
    for draft in drafts:
        if newest.is_later(draft.segment.instance.header, final):
            continue
        try:
            mask = placed_on(draft, chosen, volume, series).mask
        except StudyRejected:
            continue  # of other images
        agree = dice(mask, roi.mask)
        if agree >= newest.SAME_REGION and (best is None or agree > best[1].dice):
            drawn = int(np.count_nonzero(mask)) * volume.voxel_volume_mm3
            best = draft, DraftComparison(agree, drawn, roi.volume_mm3)
    return best


def _stated(segments: Sequence[Segment]) -> Outline:
    """Outline as the segments state it; what they state differently is left empty."""
    stated = {_of_segment(segment) for segment in segments}
    if len(stated) == 1:
        return stated.pop()
    kinds = {one.kind for one in stated}
    return Outline(kind=kinds.pop() if len(kinds) == 1 else "")


def _of_segment(segment: Segment) -> Outline:
    identified = items(segment.item, "SegmentationAlgorithmIdentificationSequence")
    detail = shown(segment.item, "SegmentAlgorithmName")
    kind = segment.algorithm_type if segment.algorithm_type in ("MANUAL", "SEMIAUTOMATIC", "AUTOMATIC") else ""
    return Outline(
        kind=kind,
        method=(shown(identified[0], "AlgorithmName") if identified else "") or detail,
        version=shown(identified[0], "AlgorithmVersion") if identified else "",
        detail=detail,
        strokes=strokes_in(detail),
    )


def _with(outline: Outline, final: pydicom.Dataset, comparison: DraftComparison) -> Outline:
    """The outline with who stands for the final segmentation, and when, as it states them."""
    name = text(final, "ContentCreatorName") or text(final, "OperatorsName")
    day, time = text(final, "ContentDate"), text(final, "ContentTime")
    when = f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 else ""
    when += f" {time[:2]}:{time[2:4]}" if when and len(time) >= 4 else ""
    return Outline(
        kind=outline.kind,
        method=outline.method,
        version=outline.version,
        detail=outline.detail,
        strokes=outline.strokes,
        accepted_by=_display(name),
        accepted_at=when,
        draft=comparison,
    )


def _display(name: str) -> str:
    """A person's name as one writes it: "Ada Reader" of "Reader^Ada"."""
    family, _, rest = name.split("=")[0].partition("^")
    return " ".join(part for part in (*rest.split("^"), family) if part).strip()
