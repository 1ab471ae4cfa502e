"""Segments of a study, each judged by the assignment or else by the rules: which could be the tumour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.series import Series
from dicom_io.masks.rtstruct import STRUCTURE_SETS, contoured_instances, contoured_series, regions_of
from dicom_io.masks.segmentation import (
    SEGMENTATIONS,
    Segment,
    referenced_frames,
    referenced_instances,
    referenced_series,
    segments_of,
)
from dicom_io.reading.drafts import why_not_final
from dicom_io.reading.selection import Candidate, Selection
from dicom_io.rules import Assignment, SelectionRules, keywords_of

NOT_ASSIGNED = "another segmentation was assigned"

IsMark = Callable[[Segment], bool]


def candidates(
    selection: Selection, rules: SelectionRules, assignment: Assignment, *, marks: IsMark | None = None
) -> tuple[Candidate, ...]:
    """Every segment of the study, each judged by the marks, the assignment or else the rules."""
    images = [series for series in selection.series if series.is_mr]
    homes: dict[str, list[Series]] = defaultdict(list)
    for series in images:
        for instance in series.instances:
            homes[instance.sop_instance_uid].append(series)
    candidates: list[Candidate] = []
    for series in selection.series:
        for instance in series.instances:
            contours = instance.sop_class_uid in STRUCTURE_SETS
            if instance.sop_class_uid not in SEGMENTATIONS and not contours:
                continue
            try:
                segments = regions_of(instance) if contours else segments_of(instance)
                instance_uids = contoured_instances(instance) if contours else referenced_instances(instance)
                named = contoured_series(instance) if contours else referenced_series(instance)
                frames = frozenset() if contours else referenced_frames(instance)
            except (NotReadable, GeometryInvalid) as problem:
                selection.problems.append(problem)
                continue
            by_instance = frozenset(one.key for uid in instance_uids for one in homes[uid] if _holds(one, uid, frames))
            series_keys = by_instance or frozenset(one.key for one in images if one.uid in named)
            for segment in segments:
                if marks is None:
                    rank, why = _judge(segment, rules, assignment)
                else:
                    rank, why = (0, "marks") if marks(segment) else (None, "not the marks")
                if rank is not None and contours:
                    rank += len(rules.tumour)  # a segmentation goes before contours of the same thing
                candidates.append(Candidate(segment, rank, why, series_keys, instance_uids, frames))
    return tuple(candidates)


def _holds(series: Series, uid: str, frames: frozenset[tuple[str, int]]) -> bool:
    """Returns whether a series holds a referenced object, or frames of it where frames are named."""
    named = {frame for owner, frame in frames if owner == uid}
    return not (series.part and named) or any(
        plane.frame_number in named and plane.instance.sop_instance_uid == uid
        for phase in series.phases
        for plane in phase.planes
    )


def _judge(segment: Segment, rules: SelectionRules, assignment: Assignment) -> tuple[int | None, str]:
    """The rank of a segment among the rules for a tumour, None when it is not one, and the reason."""
    if unfinished := why_not_final(segment):
        return None, unfinished
    if assignment.tumour:
        names = {
            segment.instance.series_instance_uid,
            segment.instance.sop_instance_uid,
            segment.label.casefold(),
            segment.series_description.casefold(),
        }
        if any(wanted in names or wanted.casefold() in names for wanted in assignment.tumour):
            return 0, "assigned"
        return None, NOT_ASSIGNED
    keywords = keywords_of((*rules.tumour, *rules.not_tumour))
    values = segment.values(keywords)
    for rule in rules.not_tumour:
        if not rule.objection(values):
            return None, f"left out: {rule.name}"
    for rank, rule in enumerate(rules.tumour):
        if not rule.objection(values):
            return rank, f"rule: {rule.name}"
    return None, f'"{segment.label}" is not a tumour'
