"""Side of the tumour: what images and segments say, and where it lies. A contradicted side is not stated.

Where headers are silent or say both breasts, the side is read off the images of both; where they name one, it is
confirmed there.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
import pydicom
from numpy.typing import NDArray

from dicom_io.errors import NotReadable
from dicom_io.images.functional_groups import attributes_of
from dicom_io.images.headers import items, shown
from dicom_io.images.planes import Plane
from dicom_io.masks.segmentation import Segment
from models.quality_notes import QualityNote, Severity
from models.volume import Roi, Volume

# Images of both breasts are at least this wide; their middle is the midline to within MIDLINE_MM.
BOTH_BREASTS_MM, MIDLINE_MM = 220.0, 5.0

# Code values of SNOMED CT and, in older objects, SRT (PS3.16 CID 244, CID 6022).
SIDES = {
    "7771000": "L",
    "G-A101": "L",
    "80248007": "L",  # left breast
    "T-04030": "L",
    "24028007": "R",
    "G-A100": "R",
    "73056007": "R",  # right breast
    "T-04020": "R",
    "51440002": "B",
    "G-A102": "B",
    "63762007": "B",  # both breasts
    "T-04080": "B",
}
WORDS = {"L": "left", "R": "right", "B": "both sides"}


def side_of_segment(segment: Segment) -> str:
    """L, R, B, or empty: by the modifiers of its anatomic region and property type, or a region that has a side."""
    try:
        codes = [
            *_with_modifiers(segment.item, "AnatomicRegionSequence", "AnatomicRegionModifierSequence"),
            *_with_modifiers(segment.item, "SegmentedPropertyTypeCodeSequence", _TYPE_MODIFIER),
            *items(segment.item, _TYPE_MODIFIER),  # where some writers put it
        ]
    except NotReadable:
        return ""  # it is only compared; what is needed of the segment was read
    return _together(SIDES.get(shown(code, "CodeValue"), "") for code in codes)


def side_of_images(plane: Plane) -> str:
    """L, R, B, or empty, as Laterality, Image Laterality or the anatomy of the frame says it."""
    found = attributes_of(plane, ("Laterality", "ImageLaterality"))
    return next((side for value in found.values() if (side := value.upper()) in WORDS), "")


def from_midline_mm(mask: NDArray[np.bool_], volume: Volume) -> NDArray[np.float64] | None:
    """Distance of each voxel of a mask to the patient's left of the middle; None where not both breasts are shown."""
    corners = np.array(np.meshgrid(*((-0.5, size - 0.5) for size in volume.shape))).reshape(3, -1)
    extent = volume.affine[0, :3] @ corners + volume.affine[0, 3]  # LPS: x grows to the patient's left
    if np.ptp(extent) < BOTH_BREASTS_MM:
        return None
    slices = np.flatnonzero(mask.any(axis=(1, 2)))  # the others are most of the image
    places = np.argwhere(mask[slices])
    places[:, 0] = slices[places[:, 0]]
    x = places @ volume.affine[0, :3] + volume.affine[0, 3]
    return np.asarray(x - (extent.min() + extent.max()) / 2)


class SideSource(StrEnum):
    """Origin of the side of the tumour, in words."""

    NONE = ""  # it is not known
    STATED = "stated in the headers, not confirmed"  # images of one breast cannot confirm it
    CONFIRMED = "stated in the headers, confirmed by the images"
    IMAGES = "from the images; the headers do not say"


def tumour_side(
    images: str, segments: Iterable[Segment], *, roi: Roi | None, volume: Volume
) -> tuple[str, SideSource, list[QualityNote]]:
    """The side of the tumour (L, R, B or empty), where it comes from, and quality notes where there is disagreement.

    Parameters
    ----------
    images : side of the images
    segments : those the tumour comes from
    roi : the tumour on the grid of `volume`, where it was segmented there
    """
    drawn = _together(side_of_segment(segment) for segment in segments)
    if drawn and images in ("L", "R") and drawn != images:
        sentence = (
            f"The images are of the {WORDS[images]} breast, but the segmentation says {WORDS[drawn]}: the side of the "
            "tumour is not stated. Check which is right."
        )
        return "", SideSource.NONE, [QualityNote("laterality-contradicted", Severity.WARNING, sentence)]
    stated = drawn or images
    lies = "" if roi is None else _lies(roi.mask, volume)
    if lies and stated in ("L", "R") and lies != stated:
        who = "segmentation says" if drawn else "images say"
        sentence = (
            f"The {who} {WORDS[stated]}, but the tumour lies in the {WORDS[lies]} half of images of both breasts: its "
            "side is not stated. Check which is right."
        )
        return "", SideSource.NONE, [QualityNote("laterality-contradicted", Severity.WARNING, sentence)]
    if lies and stated not in ("L", "R"):
        return lies, SideSource.IMAGES, []
    if not stated:
        return "", SideSource.NONE, []
    return stated, SideSource.CONFIRMED if lies else SideSource.STATED, []


def _lies(mask: NDArray[np.bool_], volume: Volume) -> str:
    x = from_midline_mm(mask, volume)
    if x is None or x.size == 0:
        return ""
    return "L" if x.min() > MIDLINE_MM else "R" if x.max() < -MIDLINE_MM else ""


def _together(sides: Iterable[str]) -> str:
    known = set(sides) - {""}
    return known.pop() if len(known) == 1 else "B" if known else ""


def _with_modifiers(item: pydicom.Dataset, keyword: str, modifier: str) -> list[pydicom.Dataset]:
    return [code for one in items(item, keyword) for code in (one, *items(one, modifier))]


_TYPE_MODIFIER = "SegmentedPropertyTypeModifierCodeSequence"
