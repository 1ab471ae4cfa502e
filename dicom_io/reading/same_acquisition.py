"""Series that are phases of one dynamic acquisition, by their grid and timing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dicom_io.images.functional_groups import attributes_of
from dicom_io.images.headers import values_for_rules
from dicom_io.images.series import Series
from dicom_io.images.stack import is_later


def same_acquisition(first: Series, others: Sequence[Series]) -> tuple[Series, ...]:
    """The series that are phases of one dynamic acquisition with `first`: one phase each, same grid, same timing."""
    if len(first.phases) != 1:
        return (first,)
    return tuple(series for series in others if series is first or (len(series.phases) == 1 and _alike(first, series)))


def is_stopped_phase(members: Sequence[Series], other: Series) -> bool:
    """Returns whether a series is a later phase of the same acquisition of which only some slices were made."""
    if len(members) < 2 or other in members or len(other.phases) != 1 or other.part != members[0].part:
        return False
    whole, part = members[0].phases[0], other.phases[0]
    if len(part.planes) >= len(whole.planes) or not _timed_alike(members[0], other):
        return False
    if part.shape[1:] != whole.shape[1:] or abs(whole.affine[:3, :3] - part.affine[:3, :3]).max() > 0.01:
        return False
    first = np.linalg.solve(whole.affine[:3, :3], part.affine[:3, 3] - whole.affine[:3, 3])
    is_on_its_slices = np.abs(first - np.round(first)).max() < 0.05 and np.abs(first[1:]).max() < 0.05
    is_within = 0 <= round(first[0]) <= len(whole.planes) - len(part.planes)
    return bool(is_on_its_slices and is_within) and is_later(
        part.planes, [plane for member in members for plane in member.phases[0].planes]
    )


def _alike(one: Series, other: Series) -> bool:
    if one.uid == other.uid or one.part != other.part:
        return False  # water and fat, or two echoes, are no phases
    first, second = one.phases[0], other.phases[0]
    if first.shape != second.shape or abs(first.affine - second.affine).max() > 0.01:
        return False
    return _timed_alike(one, other)


def _timed_alike(one: Series, other: Series) -> bool:
    timing = ("FrameOfReferenceUID", "RepetitionTime", "EchoTime", "FlipAngle", "ScanningSequence")
    return attributes_for_rules(one, timing) == attributes_for_rules(other, timing)


def attributes_for_rules(series: Series, keywords: Iterable[str]) -> Mapping[str, str]:
    """Values for the rules; those of the last phase, which is after contrast if any is."""
    if not series.phases:
        return values_for_rules(series.header, keywords)
    return attributes_of(series.phases[-1].planes[0], keywords)
