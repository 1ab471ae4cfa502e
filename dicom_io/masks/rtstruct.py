"""RT Structure Sets as masks: the contours of a region of interest, filled on the grid of a volume.

A voxel belongs to the region when its centre lies inside an odd number of the contours of its slice: a contour inside
another one is a hole, which is how planning systems write them (as CLOSED_PLANAR or CLOSEDPLANAR_XOR).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import RTStructureSetStorage

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import DECODE_ERRORS, Instance, items, shown, text, whole_number
from dicom_io.masks.placement import HALF, ROUNDING, Placement
from dicom_io.masks.segmentation import Segment

STRUCTURE_SETS = frozenset({RTStructureSetStorage})
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")

# Points of one contour may leave its slice by this share of the slice distance (rounded coordinates).
FLAT = 0.1


def regions_of(instance: Instance) -> tuple[Segment, ...]:
    """The regions of interest of a structure set that have closed contours, in the words of a segmentation.

    The name of the region is the label; regions without closed contours (points, empty regions) are left out.

    Raises
    ------
    NotReadable
        When a region has no number.
    """
    header = instance.header
    drawn = {whole_number(one, "ReferencedROINumber") for one in items(header, "ROIContourSequence") if _closed(one)}
    regions = []
    for roi in items(header, "StructureSetROISequence"):
        number = whole_number(roi, "ROINumber")
        if number not in drawn:
            continue
        item = pydicom.Dataset()
        item.SegmentLabel = shown(roi, "ROIName")
        regions.append(
            Segment(
                instance=instance,
                number=number,
                label=text(roi, "ROIName"),
                property_type="",
                algorithm_type=shown(roi, "ROIGenerationAlgorithm"),
                encoding="CONTOURS",
                item=item,
                frame_of_reference_uid=text(roi, "ReferencedFrameOfReferenceUID"),
            )
        )
    return tuple(sorted(regions, key=lambda region: region.number))


def contoured_instances(instance: Instance) -> frozenset[str]:
    """SOP Instance UIDs of the images the contours were drawn on."""
    contours = (
        contour for roi in items(instance.header, "ROIContourSequence") for contour in items(roi, "ContourSequence")
    )
    images = [image for contour in contours for image in items(contour, "ContourImageSequence")]
    images += [image for series in _series_items(instance) for image in items(series, "ContourImageSequence")]
    return frozenset(text(image, "ReferencedSOPInstanceUID") for image in images) - {""}


def contoured_series(instance: Instance) -> frozenset[str]:
    """Series Instance UIDs a structure set names."""
    return frozenset(text(series, "SeriesInstanceUID") for series in _series_items(instance)) - {""}


def place_contours(region: Segment, *, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> Placement:
    """Fill the contours of a region on the grid given by `affine` (slice, row, column → LPS mm) and `shape`.

    Raises
    ------
    GeometryInvalid
        When contours are not parallel to the slices, lie more than half a voxel outside the volume, or contours of
        different planes fall on one slice.
    NotReadable
        When the coordinates of a contour cannot be decoded.
    """
    to_voxel = np.linalg.inv(affine)
    mask = np.zeros(shape, dtype=np.bool_)
    plane_of_slice: dict[int, float] = {}
    largest = 0.0
    for points in _contours(region):
        voxels = points @ to_voxel[:3, :3].T + to_voxel[:3, 3]
        plane = float(voxels[:, 0].mean())
        if np.ptp(voxels[:, 0]) > 2 * FLAT:
            raise GeometryInvalid(
                f'A contour of "{region.label}" runs through {np.ptp(voxels[:, 0]):.1f} slices; contours parallel to '
                "the slices were expected. Send the contours that were drawn on this series."
            )
        outside = np.maximum(-voxels, voxels - (np.array(shape) - 1)).max()
        index = int(np.ceil(plane - 0.5 - 1e-3))  # a tie goes down, as in `placement`
        if not 0 <= index < shape[0] or outside > HALF:
            raise GeometryInvalid(
                f'A contour of "{region.label}" lies {outside:.1f} voxels outside the images (at most half of one was '
                "expected): it was drawn on other images, or a part of the series is missing."
            )
        if abs(plane_of_slice.setdefault(index, plane) - plane) > FLAT:
            raise GeometryInvalid(
                f'Contours of "{region.label}" of different planes fall on slice {index + 1}: they were drawn on '
                "thinner slices. Send the contours that were drawn on this series, or a DICOM Segmentation."
            )
        if abs(plane - index) > abs(largest):
            largest = plane - index
        mask[index] ^= fill(voxels[:, 1:], shape=shape[1:])
    if not mask.any():
        raise GeometryInvalid(f'No voxel has its centre inside the contours of "{region.label}".')
    offset = largest if abs(largest) >= ROUNDING else 0.0
    return Placement(
        mask=mask,
        same_grid=True,
        offset_voxels=(offset, 0.0, 0.0),
        offset_mm=abs(offset) * float(np.linalg.norm(affine[:3, 0])),
        lost_voxels=0,
    )


def fill(polygon: NDArray[np.float64], *, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside a closed polygon, by the even-odd rule.

    Parameters
    ----------
    polygon : float64 (points, 2), (row, column) of its corners; the last is joined to the first
    shape : (rows, columns)

    Notes
    -----
    For each edge the rows it crosses are found (lower end in, upper end out, so that a corner counts once), and every
    pixel to the right of the crossing changes sides.
    """
    start, end = polygon, np.roll(polygon, -1, axis=0)
    upwards = start[:, 0] <= end[:, 0]
    low, high = (np.where(upwards[:, np.newaxis], *pair) for pair in ((start, end), (end, start)))
    first = np.clip(np.ceil(low[:, 0]), 0, shape[0]).astype(np.int64)
    last = np.clip(np.ceil(high[:, 0]), 0, shape[0]).astype(np.int64)
    edge = np.repeat(np.arange(len(polygon)), last - first)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    row = first[edge] + within
    share = (row - low[edge, 0]) / (high[edge, 0] - low[edge, 0])
    crossing = low[edge, 1] + share * (high[edge, 1] - low[edge, 1])
    column = np.clip(np.ceil(crossing), 0, shape[1]).astype(np.int64)
    changes = np.zeros((shape[0], shape[1] + 1), dtype=np.uint8)
    np.add.at(changes, (row, column), 1)
    return np.asarray(np.cumsum(changes, axis=1)[:, :-1] % 2 == 1)


def _contours(region: Segment) -> Iterator[NDArray[np.float64]]:
    """Corners of each closed contour of a region, float64 (points, 3), LPS mm."""
    for roi in items(region.instance.header, "ROIContourSequence"):
        if whole_number(roi, "ReferencedROINumber") != region.number:
            continue
        for contour in _closed(roi):
            try:
                points = np.array([float(value) for value in contour.ContourData]).reshape(-1, 3)
            except DECODE_ERRORS as error:
                raise NotReadable(
                    f'A contour of "{region.label}" cannot be decoded; triples of coordinates were expected.'
                ) from error
            if len(points) < 3 or not np.all(np.isfinite(points)):
                raise NotReadable(
                    f'A contour of "{region.label}" has {len(points)} points; three or more finite ones were expected.'
                )
            yield points


def _closed(roi: pydicom.Dataset) -> list[pydicom.Dataset]:
    return [one for one in items(roi, "ContourSequence") if text(one, "ContourGeometricType") in CLOSED]


def _series_items(instance: Instance) -> list[pydicom.Dataset]:
    return [
        series
        for frame in items(instance.header, "ReferencedFrameOfReferenceSequence")
        for study in items(frame, "RTReferencedStudySequence")
        for series in items(study, "RTReferencedSeriesSequence")
    ]
