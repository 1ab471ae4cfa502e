"""The strokes that count where a study holds several: a reader painted the tumour again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dicom_io.images.headers import Instance
from dicom_io.images.pixels import load
from dicom_io.masks.segmentation import Segment
from dicom_io.reading import newest
from dicom_io.reading.select import select
from dicom_io.reading.tumours import Mask, placed_on
from dicom_io.rules import Assignment, SelectionRules
from models.errors import StudyRejected


def newest_strokes(
    named: Sequence[Segment], instances: Sequence[Instance], rules: SelectionRules, assignment: Assignment
) -> Segment | None:
    """The segment of the object that was made last, where all are about one tumour; None where that cannot be said.

    Strokes lie on different slices and need not overlap, so that one tumour is meant where their boxes do. The setting
    `newest_segmentation` holds for strokes as well.
    """
    latest = [
        one
        for one in named
        if all(other is one or newest.is_later(one.instance.header, other.instance.header) for other in named)
    ]
    uids = {(one.instance.sop_instance_uid, one.number) for one in named}
    if not latest or not rules.newest_segmentation:
        return None
    selection = select(
        instances,
        rules=rules,
        assignment=assignment,
        marks=lambda segment: (segment.instance.sop_instance_uid, segment.number) in uids,
    )
    if selection.problems or len(selection.tumours) != 1:
        return None
    ((sequence, candidates),) = selection.tumours.items()
    chosen = selection.chosen[sequence]
    try:
        volume = load(chosen.dynamic.phase, mapping=rules.value_mapping)
        images = [one for one in selection.series if one.is_mr]
        masks = {
            candidate.segment.instance.sop_instance_uid: placed_on(candidate, chosen, volume, images).mask
            for candidate in candidates
        }
    except StudyRejected:
        return None
    last = masks.get(latest[0].instance.sop_instance_uid)
    if last is None or len(masks) < len(named) or not all(_boxes_meet(last, other) for other in masks.values()):
        return None
    return latest[0]


def _boxes_meet(one: Mask, other: Mask) -> bool:
    """Returns whether the bounding boxes of two masks share a voxel."""
    for axis in range(one.ndim):
        across = tuple(index for index in range(one.ndim) if index != axis)
        mine, theirs = np.flatnonzero(one.any(axis=across)), np.flatnonzero(other.any(axis=across))
        if not len(mine) or not len(theirs) or mine[0] > theirs[-1] or theirs[0] > mine[-1]:
            return False
    return True
