"""Slices and phases that have exactly the pixels of others: images that were stored twice, under two places or times.

No two images of a scan are equal in every pixel, because of their noise; only empty ones are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid, Remedy
from dicom_io.images.dynamic import Dynamic
from dicom_io.images.pixels import load
from dicom_io.images.series import Phase
from dicom_io.rules import ValueMapping
from models.errors import StudyRejected
from models.quality_notes import QualityNote, Severity
from models.volume import Roi, Volume
from models.volume import Sequence as MrSequence

_STRIDE = 8  # rows and columns of which one is looked at before whole slices are compared
_LISTED = 3


def repeated_slices(voxels: NDArray[np.float32]) -> list[tuple[int, ...]]:
    """Groups of zero-based slices with equal pixels, empty slices (of one value) left out."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for index, pixels in enumerate(voxels):
        alike[pixels[::_STRIDE, ::_STRIDE].tobytes()].append(index)
    groups = []
    for candidates in alike.values():
        while len(candidates) > 1:
            first, *others = candidates
            same = [other for other in others if np.array_equal(voxels[first], voxels[other])]
            if same and np.ptp(voxels[first]) > 0:
                groups.append((first, *same))
            candidates = [other for other in others if other not in same]
    return sorted(groups)


def about_repeated_slices(sequence: MrSequence, volume: Volume, tumour: Roi | None) -> list[QualityNote]:
    """A quality note on slices with equal pixels.

    Raises
    ------
    GeometryInvalid
        When the tumour lies on one of them: then it is not known which of the places its pixels are from.
    """
    groups = repeated_slices(volume.voxels)
    if not groups:
        return []
    count = sum(len(group) for group in groups)
    found = (
        f"{count} slices of the {sequence.label} images have exactly the pixels of another slice "
        f"({_where(groups, volume)}), which no two slices of a scan have: an image was stored under another position"
    )
    drawn = set(np.flatnonzero(tumour.mask.any(axis=(1, 2))).tolist()) if tumour is not None else set()
    if tumour is not None and tumour.shape == volume.shape and drawn & {index for group in groups for index in group}:
        raise GeometryInvalid(
            f"{found}, and the tumour lies there. Send the original series again.",
            remedies=() if sequence.is_required else (Remedy.LEAVE_T2W_OUT,),
        )
    return [QualityNote("slices-repeat", Severity.WARNING, f"{found}. Check the series.", sequence)]


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


def _where(groups: Sequence[Sequence[int]], volume: Volume) -> str:
    """Slices by number and place: "slices 3 and 7 at 12.0 and 24.0 mm along the normal"."""
    normal = volume.affine[:3, 0] / np.linalg.norm(volume.affine[:3, 0])
    first = float(volume.affine[:3, 3] @ normal)
    step = float(np.linalg.norm(volume.affine[:3, 0]))
    parts = []
    for group in groups[:_LISTED]:
        numbers, places = [str(index + 1) for index in group], [f"{first + index * step:.1f}" for index in group]
        parts.append(f"slices {_and(numbers)} at {_and(places)}")
    return f"{'; '.join(parts)}{'; …' if len(groups) > _LISTED else ''} mm along the normal"


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
