"""RT Structure Sets as masks: the contours of a region of interest, filled on the grid of a volume.

A voxel belongs to the region when its centre does; how the contours of one slice are put together stands in `contours`.
Slices without a contour are not interpolated: where the outline runs between two contours is the reader's to say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.uid import RTStructureSetStorage

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.images.headers import DECODE_ERRORS, Instance, items, shown, text, whole_number
from dicom_io.masks.contours import MOST_WORK, Polygon, combine, encloses_area, work_of
from dicom_io.masks.placement import HALF, ROUNDING, Placement, Remark
from dicom_io.masks.segmentation import Segment
from models.number_words import counted
from models.quality_notes import Severity

STRUCTURE_SETS = frozenset({RTStructureSetStorage})
EXCLUSIVE = "CLOSEDPLANAR_XOR"
CLOSED = ("CLOSED_PLANAR", EXCLUSIVE)
# Contours that enclose nothing (PS3.3 C.8.8.6.1): beside closed ones they are marks, and no part of the region.
WITHOUT_AREA = ("POINT", "OPEN_PLANAR", "OPEN_NONPLANAR")

# Points of one contour may leave its slice by this share of the slice distance (rounded coordinates).
FLAT = 0.1


def regions_of(instance: Instance) -> tuple[Segment, ...]:
    """The regions of interest of a structure set that have contours, in the words of a segmentation.

    The name of the region is the label. A region whose contours are of types that cannot be filled is there with
    its `problem`; one without contours is left out.

    Raises
    ------
    NotReadable
        When a region has no number.
    """
    header = instance.header
    kinds: dict[int, Counter[str]] = defaultdict(Counter)
    for item in items(header, "ROIContourSequence"):
        kinds[whole_number(item, "ReferencedROINumber")].update(_kind(one) for one in items(item, "ContourSequence"))
    regions = []
    for roi in items(header, "StructureSetROISequence"):
        number = whole_number(roi, "ROINumber")
        if not kinds[number]:
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
                problem=_problem(kinds[number]),
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

    Contours without an area (one or two points, all on one line) are left out with a remark.

    Raises
    ------
    GeometryInvalid
        When no contour encloses an area, contours are not parallel to the slices, lie more than half a voxel outside
        the volume, or contours of different planes fall on one slice.
    NotReadable
        When the coordinates of a contour cannot be decoded, or contours are of types that cannot be filled.
    """
    contours = _contours(region)
    exclusive = any(kind == EXCLUSIVE for kind, _ in contours)
    to_voxel = np.linalg.inv(affine)
    every = [points @ to_voxel[:3, :3].T + to_voxel[:3, 3] for _, points in contours]
    enclosing = [encloses_area(voxels[:, 1:]) for voxels in every]
    drawn = [voxels for voxels, encloses in zip(every, enclosing, strict=True) if encloses]
    strays = [len(voxels) for voxels, encloses in zip(every, enclosing, strict=True) if not encloses]
    if not drawn:
        raise GeometryInvalid(
            f'None of the {counted(len(every), "contour")} of "{region.label}" encloses an area '
            f"({_points(strays)}); closed contours of three or more points were expected. Draw the outline, and send "
            "the structure set again."
        )
    polygons: dict[int, list[Polygon]] = defaultdict(list)
    plane_of_slice: dict[int, float] = {}
    for voxels in drawn:
        index, plane = _slice_of(voxels, shape, region)
        if abs(plane_of_slice.setdefault(index, plane) - plane) > FLAT:
            raise GeometryInvalid(
                f'Contours of "{region.label}" of different planes fall on slice {index + 1}: they were drawn on '
                "thinner slices. Send the contours that were drawn on this series, or a DICOM Segmentation."
            )
        polygons[index].append(voxels[:, 1:])
    if sum(work_of(found, shape=shape[1:]) for found in polygons.values()) > MOST_WORK:
        most = max(len(found) for found in polygons.values())
        raise GeometryInvalid(
            f'The {counted(len(drawn), "contour")} of "{region.label}", up to {most} on a slice, are too many '
            "or too intricate to be put together; outlines of a tumour were expected. Send the tumour as a DICOM "
            "Segmentation."
        )
    mask = np.zeros(shape, dtype=np.bool_)
    doubled, crossing = Counter[int](), Counter[int]()
    for index, found in polygons.items():
        combined = combine(found, shape=shape[1:], exclusive=exclusive)
        mask[index], doubled[index], crossing[index] = combined.mask, combined.doubled, combined.crossing
    if not mask.any():
        raise GeometryInvalid(f'No voxel has its centre inside the contours of "{region.label}".')
    largest = max((plane - index for index, plane in plane_of_slice.items()), key=abs)
    offset = largest if abs(largest) >= ROUNDING else 0.0
    return Placement(
        mask=mask,
        same_grid=True,
        offset_voxels=(offset, 0.0, 0.0),
        offset_mm=abs(offset) * float(np.linalg.norm(affine[:3, 0])),
        lost_voxels=0,
        remarks=(*_about_marks(region), *_about_contours(region, strays, +doubled, +crossing)),
    )


def _slice_of(voxels: NDArray[np.float64], shape: tuple[int, int, int], region: Segment) -> tuple[int, float]:
    """The slice a contour belongs to, and where along the slices it really lies."""
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
    return index, plane


def _about_contours(
    region: Segment, strays: list[int], doubled: Counter[int], crossing: Counter[int]
) -> tuple[Remark, ...]:
    remarks = []
    if strays:
        sentence = (
            f'{len(strays)} of the contours of "{region.label}" enclose no area ({_points(strays)}) and were left out.'
        )
        remarks.append(Remark("contours-stray", Severity.WARNING, sentence))
    if doubled:
        sentence = (
            f'{doubled.total()} of the contours of "{region.label}" are there twice (slice {_listed(doubled)}); each '
            "was taken once."
        )
        remarks.append(Remark("contours-doubled", Severity.WARNING, sentence))
    if crossing:
        sentence = (
            f'{crossing.total()} of the contours of "{region.label}" overlap in part (slice {_listed(crossing)}); '
            "their union was taken."
        )
        remarks.append(Remark("contours-crossing", Severity.WARNING, sentence))
    return tuple(remarks)


def _about_marks(region: Segment) -> tuple[Remark, ...]:
    marks = Counter(kind for kind in _kinds(region) if kind in WITHOUT_AREA)
    if not marks:
        return ()
    found = ", ".join(f"{count} {kind}" for kind, count in marks.items())
    sentence = (
        f'Beside its closed contours "{region.label}" has others that enclose nothing ({found}); they were left out.'
    )
    return (Remark("contours-open", Severity.NOTE, sentence),)


def _points(counts: list[int]) -> str:
    """ "2 of 1 point, 1 of 2 points"."""
    return ", ".join(
        f"{count} of {points} {'point' if points == 1 else 'points'}"
        for points, count in sorted(Counter(counts).items())
    )


def _listed(slices: Counter[int]) -> str:
    shown_slices = [str(index + 1) for index in sorted(slices)]
    return ", ".join(shown_slices[:5]) + (", …" if len(shown_slices) > 5 else "")


def _problem(kinds: Counter[str]) -> str:
    """Reason why the contours of a region, by type, cannot be filled; empty when they can."""
    unknown = {kind: count for kind, count in kinds.items() if kind not in (*CLOSED, *WITHOUT_AREA)}
    if not unknown and any(kind in CLOSED for kind in kinds):
        return ""
    found = ", ".join(f"{count} {kind or '(none)'}" for kind, count in (unknown or kinds).items())
    return (
        f"its contours are of a type that cannot be filled ({found}); CLOSED_PLANAR or CLOSEDPLANAR_XOR was expected: "
        "export them so, or send a DICOM Segmentation"
    )


def _contours(region: Segment) -> list[tuple[str, NDArray[np.float64]]]:
    """Type and corners of each closed contour of a region, float64 (points, 3), LPS mm."""
    if region.problem:
        raise NotReadable(f'"{region.label}" cannot be used: {region.problem}.')
    contours = []
    for contour in _drawn(region):
        if _kind(contour) not in CLOSED:
            continue
        try:
            points = coordinates(contour)
        except DECODE_ERRORS as error:
            raise NotReadable(
                f'A contour of "{region.label}" cannot be decoded; triples of coordinates were expected.'
            ) from error
        if not len(points) or not np.all(np.isfinite(points)):
            raise NotReadable(f'A contour of "{region.label}" has no points, or some that are not finite numbers.')
        contours.append((_kind(contour), points))
    return contours


def coordinates(contour: pydicom.Dataset) -> NDArray[np.float64]:
    """Corners of a contour, float64 (points, 3), LPS mm, from the bytes where the library has made no numbers yet."""
    raw: object = contour.get_item("ContourData")
    if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
        values = np.fromiter(_numbers(raw.value.rstrip(b" \0")), np.float64)
    else:
        values = np.array([float(value) for value in contour.ContourData])
    return values.reshape(-1, 3)


def _numbers(texts: bytes) -> Iterator[float]:
    """The numbers of a decimal string, one after the other: millions of texts at once would take hundreds of MB."""
    start = 0
    while (end := texts.find(b"\\", start)) >= 0:
        yield float(texts[start:end])
        start = end + 1
    yield float(texts[start:])


def _drawn(region: Segment) -> list[pydicom.Dataset]:
    return [
        contour
        for roi in items(region.instance.header, "ROIContourSequence")
        if whole_number(roi, "ReferencedROINumber") == region.number
        for contour in items(roi, "ContourSequence")
    ]


def _kinds(region: Segment) -> list[str]:
    return [_kind(contour) for contour in _drawn(region)]


def _kind(contour: pydicom.Dataset) -> str:
    return text(contour, "ContourGeometricType")


def _series_items(instance: Instance) -> list[pydicom.Dataset]:
    return [
        series
        for frame in items(instance.header, "ReferencedFrameOfReferenceSequence")
        for study in items(frame, "RTReferencedStudySequence")
        for series in items(study, "RTReferencedSeriesSequence")
    ]
