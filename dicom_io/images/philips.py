"""Philips' private scaling of MR images: (2005,100E) scale slope, (2005,100D) scale intercept.

With stored value SV, Rescale Slope RS, Rescale Intercept RI and scale slope SS, what Rescale gives, DV = SV · RS + RI,
is made for display; what is proportional to the signal is FP = DV / (RS · SS) (Chenevert et al. (2014), Transl Oncol
7:65-71). Where RS · SS and RI are the same in all slices both differ by one linear map, which the z-score of the
features removes. Where they vary from slice to slice, slices are comparable in FP only. The scale intercept is not
needed.

By default values are DV, because every reader of DICOM and PyRadiomics' own pipeline take Rescale, and a quality note
says where it matters; a site sets `value_mapping = "philips"` to have FP wherever the images state it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

import pydicom

from dicom_io.errors import NotReadable
from dicom_io.images.headers import DECODE_ERRORS, shown
from dicom_io.images.planes import FrameGroups, Plane
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence

CREATOR = "Philips MR Imaging DD 001"
FRAME_CREATOR = "Philips MR Imaging DD 005"
SCALE_SLOPE = 0x0E  # element of the creator's block in group 2005
FRAME_GROUP = 0x0F  # of the block of `FRAME_CREATOR`: what Philips says of a frame of a multi-frame image
GROUP = 0x2005
VARIES = 1e-3  # relative; written digits are single precision


def signal_scaling(plane: Plane) -> tuple[float, float] | None:
    """(slope, intercept) from stored value to FP; None where the image does not state it."""
    slope = _scale_slope(plane)
    if slope is None:
        return None
    return 1.0 / slope, plane.intercept / (plane.slope * slope)


def signal_scalings(planes: Iterable[Plane]) -> list[tuple[float, float]] | None:
    """`signal_scaling` of every plane; None where no image states it.

    Raises
    ------
    NotReadable
        When only some of the images state it.
    """
    found = [signal_scaling(plane) for plane in planes]
    stated = [one for one in found if one is not None]
    if stated and len(stated) < len(found):
        raise NotReadable(
            f"{len(stated)} of {counted(len(found), 'image')} {agreeing(len(stated), 'states', 'state')} Philips' "
            "scale slope (2005,100E), which the settings ask for; all or none were expected. Set value_mapping to "
            "rescale."
        )
    return stated or None


def about_scaling(planes: Iterable[Plane], *, sequence: Sequence) -> list[QualityNote]:
    """A quality note where Rescale makes the slices of one volume incomparable."""
    factors, shifts = [], []
    for plane in planes:
        slope = _scale_slope(plane)
        if slope is None:
            return []
        factors.append(plane.slope * slope)
        shifts.append(plane.intercept)
    low, high = min(factors), max(factors)
    if abs(high - low) <= VARIES * max(abs(low), abs(high)) and max(shifts) - min(shifts) <= VARIES:
        return []
    return [
        QualityNote(
            code="philips-scaling-varies",
            severity=Severity.WARNING,
            sentence=(
                f"The scanner scaled the slices of the {sequence.label} images differently for display (Philips scale "
                f"slope times Rescale Slope from {low:.4g} to {high:.4g}): equal values are not equal signal. Set "
                'value_mapping = "philips" to use the signal.'
            ),
            sequence=sequence,
        )
    ]


def _scale_slope(plane: Plane) -> float | None:
    header = plane.instance.header
    if not shown(header, "Manufacturer").casefold().startswith("philips"):
        return None
    if plane.frame_number is None:
        return _number(header, SCALE_SLOPE)
    for group in FrameGroups(header).of_frame(plane.frame_number - 1):
        for item in _private_items(group):
            if (slope := _number(item, SCALE_SLOPE)) is not None:
                return slope
    return None


def _private_items(group: pydicom.Dataset) -> Iterable[pydicom.Dataset]:
    try:
        block = group.private_block(GROUP, FRAME_CREATOR)
        return block[FRAME_GROUP].value if FRAME_GROUP in block else ()
    except DECODE_ERRORS:
        return ()


def _number(dataset: pydicom.Dataset, element: int) -> float | None:
    """A number above 0 of the creator's block; None for what is absent, damaged or none."""
    try:
        value = dataset.private_block(GROUP, CREATOR)[element].value
        if isinstance(value, bytes):  # the representation was lost on the way (UN)
            (value,) = struct.unpack("<f", value)
        number = float(value)
    except DECODE_ERRORS:
        return None
    return number if math.isfinite(number) and number > 0 else None
