"""Phases that have exactly the pixels of another phase: one that was stored twice, under two times.

No two images of a scan are equal in every pixel, because of their noise; only empty ones are. Slices of the phase that
is used are compared where the image is measured.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from dicom_io.images.dynamic import Dynamic
from dicom_io.images.pixels import load
from dicom_io.images.series import Phase
from dicom_io.rules import ValueMapping
from models.errors import StudyRejected
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence as MrSequence
from models.volume import Volume


def about_repeated_phases(sequence: MrSequence, dynamic: Dynamic, *, mapping: ValueMapping) -> list[QualityNote]:
    """A quality note on phases with equal pixels; their middle slices are decoded, and all where these are equal."""
    middles: list[Volume | None] = [
        _slices(phase, len(phase.planes) // 2, len(phase.planes) // 2 + 1, mapping) for phase in dynamic.phases
    ]
    for later, other in combinations(range(len(middles) - 1, -1, -1), 2):
        if _are_equal(middles[other], middles[later]) and _are_equal(
            *(_slices(dynamic.phases[index], 0, len(dynamic.phases[index].planes), mapping) for index in (other, later))
        ):
            sentence = (
                f"Phases {other + 1} and {later + 1} of {len(middles)} of the {sequence.label} series have exactly the "
                "same pixels: one phase seems to have been stored twice. Check that the phase that is used, "
                f"{dynamic.used + 1}, is the one that is meant."
            )
            return [QualityNote("phases-repeat", Severity.WARNING, sentence, sequence)]
    return []


def _slices(phase: Phase, first: int, end: int, mapping: ValueMapping) -> Volume | None:
    """Some slices of a phase; None where they cannot be decoded, since a phase that is not used may be damaged."""
    try:
        return load(Phase(planes=phase.planes[first:end], affine=phase.affine), mapping=mapping)
    except StudyRejected:
        return None


def _are_equal(one: Volume | None, other: Volume | None) -> bool:
    return (
        one is not None
        and other is not None
        and np.array_equal(one.voxels, other.voxels)
        and bool(np.ptp(one.voxels) > 0)
    )
