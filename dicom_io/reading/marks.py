"""Files of one study and what a person marked on it → what a draft is made from.

The marks are strokes (a SEG or RT Structure Set with the tumour painted on some slices) or a box and a point in patient
coordinates. A study that has a final segmentation of the tumour gets no draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import SelectionAmbiguous, StrokesNotFound, TumourNotFound
from dicom_io.images.headers import Instance, content_digest, read_instances, text
from dicom_io.images.library_remarks import library_remarks
from dicom_io.images.limits import USUAL, Limits
from dicom_io.images.pixels import load
from dicom_io.images.series import Phase
from dicom_io.images.subject import carried_header, subject_of
from dicom_io.marked_study import MarkedStudy
from dicom_io.masks.rtstruct import STRUCTURE_SETS, regions_of
from dicom_io.masks.segmentation import SEGMENTATIONS, Segment, segments_of
from dicom_io.reading.drafts import are_strokes, is_background
from dicom_io.reading.newest_strokes import newest_strokes
from dicom_io.reading.read import reference_to, source_of
from dicom_io.reading.select import select
from dicom_io.reading.selection import Chosen, Selection
from dicom_io.reading.tumours import placed_on
from dicom_io.rules import Assignment, SelectionRules
from models.errors import StudyRejected
from models.number_words import counted
from models.segmentation.seeds import Box, Images, Seeds
from models.volume import Sequence as MrSequence
from models.volume import Volume

# The late phase of the functional tumour volume: this long after the first image with contrast agent.
LATE_MINUTES = 7.5

Point = tuple[float, float, float]


@dataclass(frozen=True)
class BoxMarks:
    """A box and a point in the patient.

    Attributes
    ----------
    corners_mm : two opposite corners, LPS
    point_mm : in the bright part of the lesion, LPS; None where only the box is marked
    """

    corners_mm: tuple[Point, Point]
    point_mm: Point | None = None


def read_marked_study(
    files: Sequence[Path],
    *,
    strokes: Path | None = None,
    box: BoxMarks | None = None,
    rules: SelectionRules,
    assignment: Assignment,
    limits: Limits = USUAL,
) -> MarkedStudy:
    """Reads one study and its marks.

    Parameters
    ----------
    files : of one study, in any order
    strokes : the file with the strokes; without it and without a box, the one among `files` that says so in its names

    Raises
    ------
    StudyRejected
        When there is a final segmentation of the tumour already, no marks or marks of several tumours, or the study
        cannot be read (as `read.read_study`).
    """
    with library_remarks():
        instances = read_instances([*files, *([strokes] if strokes else [])], limits=limits)
        marked = _marked(instances, strokes, box, rules, assignment)
        _refuse_final(instances, marked, rules, assignment)
        selection = select(
            instances, rules=rules, assignment=assignment, marks=lambda segment: _is(segment, marked.tumour)
        )
        problems = [one for one in selection.problems if not (box and isinstance(one, TumourNotFound))]
        if problems:
            raise problems[0]
        return _read(selection, marked, box, rules)


@dataclass(frozen=True, eq=False)
class _Marked:
    """The segments of the strokes: of the tumour, and of what is not the tumour."""

    tumour: Segment | None = None
    background: Segment | None = None


def _marked(
    instances: Sequence[Instance],
    strokes: Path | None,
    box: BoxMarks | None,
    rules: SelectionRules,
    assignment: Assignment,
) -> _Marked:
    if box is not None:
        return _Marked()
    objects = [one for one in instances if one.sop_class_uid in SEGMENTATIONS | STRUCTURE_SETS]
    if strokes is not None:
        objects = [one for one in objects if strokes in (one.path, *one.recoded)]
        if not objects:
            raise StudyRejected(
                f"{strokes.name} is no segmentation and no structure set; a DICOM Segmentation or RT Structure Set "
                "with the tumour painted on some slices was expected."
            )
    segments = [segment for one in objects for segment in _segments_of(one)]
    named = [segment for segment in segments if are_strokes(segment)]
    if strokes is not None and not named:
        named = [segment for segment in segments if not is_background(segment)]
    if not named:
        raise StrokesNotFound(
            "No strokes were found: no segment of the study is called stroke or seed. Paint the tumour on at least 3 "
            'slices, better 5, in a segment called "tumour strokes", or name the file with --strokes.'
        )
    if len(named) > 1:
        newest = newest_strokes(named, instances, rules, assignment)
        if newest is None:
            raise SelectionAmbiguous(
                f"{counted(len(named), 'segment')} hold strokes of a tumour: {'; '.join(one.name for one in named)}. "
                "One was expected: a draft is made of one tumour at a time; name the file with --strokes."
            )
        named = [newest]
    own = [segment for segment in segments if segment.instance is named[0].instance and is_background(segment)]
    return _Marked(named[0], own[0] if own else None)


def _segments_of(instance: Instance) -> tuple[Segment, ...]:
    return regions_of(instance) if instance.sop_class_uid in STRUCTURE_SETS else segments_of(instance)


def _is(segment: Segment, other: Segment | None) -> bool:
    return other is not None and (segment.instance is other.instance and segment.number == other.number)


def _refuse_final(
    instances: Sequence[Instance], marked: _Marked, rules: SelectionRules, assignment: Assignment
) -> None:
    """Refuses a study that has a segmentation of its tumour beside the marks: no draft is made over a final one."""
    uid = marked.tumour.instance.sop_instance_uid if marked.tumour else ""
    others = [one for one in instances if one.sop_instance_uid != uid]
    selection = select(others, rules=rules, assignment=assignment)
    final = [one.segment.name for found in selection.tumours.values() for one in found]
    if final:
        raise StudyRejected(
            f"The study has a segmentation of the tumour already: {'; '.join(final)}. No draft is made beside a final "
            "segmentation; take it out of the folder if it is not to count."
        )


def _read(selection: Selection, marked: _Marked, box: BoxMarks | None, rules: SelectionRules) -> MarkedStudy:
    sequence = next(iter(selection.tumours), MrSequence.T1C)
    chosen = selection.chosen[sequence]
    images, described = _images(chosen, rules)
    if box is not None:
        seeds = _boxed(box, images.after)
        described += f"; box {box.corners_mm}, point {box.point_mm}"
    else:
        seeds = _painted(selection, sequence, marked, images.after)
    first = chosen.dynamic.phase.planes[0].instance
    used = [instance for phase in chosen.dynamic.phases for instance in phase.instances]
    made_from = [] if marked.tumour is None else [marked.tumour.instance]
    return MarkedStudy(
        subject=subject_of(first.header)[0],
        header=carried_header(first.header),
        sequence=sequence,
        images=images,
        seeds=seeds,
        source=source_of(chosen),
        tracking=_tracking(marked.tumour),
        made_from=tuple(reference_to(instance) for instance in made_from),
        described=described,
        digest=content_digest([*used, *made_from]),
    )


def _images(chosen: Chosen, rules: SelectionRules) -> tuple[Images, str]:
    """The images of a sequence: with phases, before, early and late; and which they are, in words."""
    dynamic = chosen.dynamic
    volumes = {id(dynamic.phase): load(dynamic.phase, mapping=rules.value_mapping)}

    def loaded(phase: Phase) -> Volume:
        return volumes.setdefault(id(phase), load(phase, mapping=rules.value_mapping))

    after = volumes[id(dynamic.phase)]
    if dynamic.used == 0:  # before contrast, or the only one: nothing to subtract
        return Images(after), "the image alone"
    late = _nearest(dynamic.phases, LATE_MINUTES)
    has_late = late > dynamic.used
    words = f"phase {dynamic.used + 1} minus phase 1" + (f"; phase {late + 1} is the late one" if has_late else "")
    return Images(after, loaded(dynamic.phases[0]), loaded(dynamic.phases[late]) if has_late else None), words


def _nearest(phases: Sequence[Phase], minutes: float) -> int:
    """The phase after contrast that is nearest to a time after the first of them; the last where no times are known."""
    times = [phase.planes[0].times.get("AcquisitionTime", phase.planes[0].times.get("ContentTime")) for phase in phases]
    known = [time for time in times[1:] if time is not None]
    if len(known) < len(phases) - 1 or len(set(known)) < len(known):
        return len(phases) - 1
    away = [abs(time - known[0] - 60 * minutes) for time in known]
    return 1 + int(np.argmin(away))


def _painted(selection: Selection, sequence: MrSequence, marked: _Marked, volume: Volume) -> Seeds:
    candidate = next(one for one in selection.tumours[sequence] if _is(one.segment, marked.tumour))
    series = [one for one in selection.series if one.is_mr]
    strokes = placed_on(candidate, selection.chosen[sequence], volume, series).mask
    background = None
    if marked.background is not None:
        other = next(one for one in selection.segments if _is(one.segment, marked.background))
        background = placed_on(other, selection.chosen[sequence], volume, series).mask
    return Seeds(strokes=strokes, background=background)


def _boxed(box: BoxMarks, volume: Volume) -> Seeds:
    """The voxels of a box and a point in the patient."""
    corners = np.array(np.meshgrid(*np.array(box.corners_mm).T)).reshape(3, -1).T
    voxels = np.array([_voxel(corner, volume) for corner in corners])
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    last = np.array(volume.shape) - 1
    if np.any(high < 0) or np.any(low > last):
        raise StudyRejected(
            f"The box from {box.corners_mm[0]} to {box.corners_mm[1]} mm lies outside the images; patient coordinates "
            "(LPS: to the left, to the back, to the head) were expected. 3D Slicer shows RAS: change the sign of the "
            "first two."
        )
    low, high = np.maximum(low, 0), np.minimum(high, last)
    point = None if box.point_mm is None else _voxel(np.array(box.point_mm), volume)
    return Seeds(
        box=Box((int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))),
        point=None if point is None else (int(point[0]), int(point[1]), int(point[2])),
    )


def _voxel(place_mm: NDArray[np.float64], volume: Volume) -> NDArray[np.int64]:
    to_voxel = np.linalg.inv(volume.affine)
    return np.asarray(np.round(to_voxel[:3, :3] @ place_mm + to_voxel[:3, 3]).astype(np.int64))


def _tracking(segment: Segment | None) -> tuple[str, str]:
    return ("", "") if segment is None else (text(segment.item, "TrackingID"), text(segment.item, "TrackingUID"))
