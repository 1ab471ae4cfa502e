"""Evidence of contrast in the T1+C images of a study: the phase before it, and fat suppression.

Of the phase before contrast only the slices that the tumour reaches are decoded: its enhancement is measured there
alone, and a whole phase would cost half as much again as the one that is used. Key images want the whole phase, for
their subtraction.
"""

from __future__ import annotations

import re

import numpy as np

from dicom_io.images.dynamic import Dynamic, is_before_contrast
from dicom_io.images.functional_groups import attributes_of
from dicom_io.images.pixels import load
from dicom_io.images.planes import Plane
from dicom_io.images.series import Phase
from dicom_io.rules import ValueMapping
from models.errors import StudyRejected
from models.plausibility import ContrastEvidence
from models.volume import Roi, Volume

_IN_OPTIONS = re.compile(r"(^|\\)\s*(FS|SFS|FATSAT)", re.IGNORECASE)
_IN_WORDS = re.compile(r"(\b|_)fs(\b|_|\d)|fat.?(sat|sup)|\bspa?ir\b|\bwater\b|压脂", re.IGNORECASE)
_NEGATED = re.compile(r"\bno[nt]?\b|\bw/?o\b|without", re.IGNORECASE)


def contrast_evidence(
    dynamic: Dynamic, tumour: Roi | None, *, mapping: ValueMapping, whole: bool = False
) -> ContrastEvidence:
    """Evidence of contrast from the phases and headers of T1+C.

    Parameters
    ----------
    tumour : on the grid of the phase that is used; None where it was not segmented there
    whole : decode the whole phase before contrast; where a slice beyond the tumour is damaged, only those of the tumour
    """
    before = _before_contrast(dynamic, tumour, mapping, whole=whole) if tumour is not None else None
    return ContrastEvidence(
        before=before,
        is_confirmed=before is not None and is_before_contrast(dynamic.phases[0], among=dynamic.phases),
        fat_suppressed=is_fat_suppressed(dynamic.phase.planes[0]),
    )


def is_fat_suppressed(plane: Plane) -> bool:
    """Returns whether headers say that fat is suppressed; False where they say nothing."""
    values = attributes_of(plane, ("ScanOptions", "SeriesDescription", "ProtocolName"))
    words = f"{values['SeriesDescription']} {values['ProtocolName']}"
    return bool(_IN_OPTIONS.search(values["ScanOptions"]) or (_IN_WORDS.search(words) and not _NEGATED.search(words)))


def planes_of(before: Volume, phase: Phase) -> tuple[Plane, ...]:
    """The planes of a phase that some of its slices were decoded from."""
    step = phase.affine[:3, 0]
    first = round(float((before.origin_mm - phase.affine[:3, 3]) @ step / (step @ step)))
    return phase.planes[first : first + before.shape[0]]


def _before_contrast(dynamic: Dynamic, tumour: Roi, mapping: ValueMapping, *, whole: bool) -> Volume | None:
    """The slices of the first phase that the tumour reaches, where a later one is used and they are one grid."""
    first, used = dynamic.phases[0], dynamic.phase
    if first is used or first.shape != used.shape or np.abs(first.affine - used.affine).max() > 0.01:
        return None
    slices = np.flatnonzero(tumour.mask.any(axis=(1, 2)))
    of_tumour = (int(slices[0]), int(slices[-1]) + 1)
    for low, end in ((0, len(first.planes)), of_tumour) if whole else (of_tumour,):
        affine = used.affine.copy()
        affine[:3, 3] += low * affine[:3, 0]
        try:
            return load(Phase(planes=first.planes[low:end], affine=affine), mapping=mapping)
        except StudyRejected:
            continue  # a phase that is not used may be damaged: the study is read without it
    return None
