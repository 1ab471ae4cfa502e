"""The frames of a segmentation against the images it says it was made on.

Frames are placed by their own geometry alone (`placement`); what they claim is checked here, since a wrong spacing or
position shows nowhere else. A frame that names an image must lie on it: same matrix, and every corner within half a
voxel. Where frames fit the images, but not the ones they name, there are two cases. Names that are only mixed up (the
same images in another order, or one image for many frames) are a remark: a widely used collection is written so. Names
that are others than the images the frames lie on, one for each, are a contradiction: the mask may be a slice off.
An object that names images only as a whole claims their grid when matrix and spacing are (nearly) theirs; with any
other grid it claims nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid
from dicom_io.images.planes import Plane
from dicom_io.images.series import Series
from dicom_io.masks.placement import HALF, MaskFrames, Remark
from models.number_words import agreeing, counted
from models.quality_notes import Severity

# Corners further off than this share of a voxel are remarked on; less is rounding.
NOTABLE = 0.1
# Spacings closer than this to those of the images are meant to be theirs, when the matrix is theirs.
ALIKE = 0.1
_AXES = ("slices", "rows", "columns")


@dataclass(frozen=True, eq=False)
class Planes:
    """Image planes a segmentation may lie on.

    Attributes
    ----------
    planes : of all series that are named
    steps_mm : distance to the next slice of each plane's stack
    stacks : which series each plane belongs to
    """

    planes: tuple[Plane, ...]
    steps_mm: NDArray[np.float64]
    stacks: tuple[str, ...]

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """Float64 (planes, 3, 3): unit vectors along (slices, rows, columns), LPS."""
        return np.array(
            [
                (plane.orientation.normal, plane.orientation.along_column, plane.orientation.along_row)
                for plane in self.planes
            ]
        )

    @cached_property
    def positions_mm(self) -> NDArray[np.float64]:
        """Float64 (planes, 3): centre of the first pixel, LPS."""
        return np.array([plane.position_mm for plane in self.planes])

    @cached_property
    def voxels_mm(self) -> NDArray[np.float64]:
        """Float64 (planes, 3): distance along (slices, rows, columns)."""
        spacing = np.array([plane.spacing_mm for plane in self.planes])
        return np.column_stack([self.steps_mm, spacing])

    @cached_property
    def shapes(self) -> NDArray[np.int64]:
        """Int64 (planes, 2): rows and columns."""
        return np.array([plane.shape for plane in self.planes])

    @cached_property
    def places(self) -> tuple[tuple[str, int], ...]:
        """For each plane its series and slice; the phases of one slice share it."""
        along = np.sum(self.positions_mm * self.directions[:, 0], axis=1) / self.steps_mm
        return tuple(zip(self.stacks, np.round(along * 4).astype(int).tolist(), strict=True))


def planes_of_series(series: Iterable[Series]) -> Planes:
    """The planes of all stacks of some series."""
    found = [
        (plane, phase.slice_distance_mm, one.key) for one in series for phase in one.phases for plane in phase.planes
    ]
    return Planes(
        planes=tuple(plane for plane, _, _ in found),
        steps_mm=np.array([step for _, step, _ in found], dtype=np.float64),
        stacks=tuple(key for _, _, key in found),
    )


def check_references(frames: MaskFrames, series: Sequence[Series], *, named: frozenset[str]) -> tuple[Remark, ...]:
    """Compare frames with the images they name, or else with those the whole object names.

    Parameters
    ----------
    series : the MR series of the study
    named : SOP Instance UIDs the object names anywhere

    Raises
    ------
    GeometryInvalid
        When a frame has another matrix than the image it names or lies more than half a voxel off it, or frames lie on
        other images than those they name; the sentence has the numbers.
    """
    uids = {instance.sop_instance_uid for one in series for instance in one.instances}
    sources = {uid for frame in frames.sources for uid, _ in frame} & uids
    wanted = sources or named & uids
    planes = planes_of_series(
        one for one in series if wanted & {instance.sop_instance_uid for instance in one.instances}
    )
    if not planes.planes:
        return ()  # it names no image of this study that has a place
    filled = [int(index) for index in np.flatnonzero(frames.masks.any(axis=(1, 2)))]
    if sources:
        return _of_frames(frames, filled, planes)
    return _of_object(frames, filled, planes, wanted)


def _of_frames(frames: MaskFrames, filled: Sequence[int], planes: Planes) -> tuple[Remark, ...]:
    owners: dict[str, list[int]] = {}
    for index, plane in enumerate(planes.planes):
        owners.setdefault(plane.instance.sop_instance_uid, []).append(index)
    worst, misnamed, claims = 0.0, [], []
    for frame in filled:
        mine = [
            index
            for uid, number in frames.sources[frame]
            for index in owners.get(uid, ())
            if number is None or planes.planes[index].frame_number in (None, number)
        ]
        if not mine:
            continue
        offsets = _offsets(frames, frame, planes)
        largest = offsets.max(axis=1)
        nearest = min(mine, key=lambda index: largest[index])
        on = int(np.argmin(largest))
        if largest[on] > HALF or not np.isfinite(largest[nearest]):
            raise GeometryInvalid(_contradiction(frames, frame, planes, nearest, offsets[nearest]))
        if largest[nearest] > HALF:
            misnamed.append((frame, nearest, offsets[nearest]))
        worst = max(worst, float(min(largest[nearest], largest[on])))
        claims.append(
            ({planes.places[index] for index in mine}, planes.places[nearest if largest[nearest] <= HALF else on])
        )
    remarks = []
    if misnamed:
        one_each = all(len(names) == 1 for names, _ in claims)
        names = {name for found, _ in claims for name in found}
        if one_each and len(names) == len(claims) and names != {place for _, place in claims}:
            raise GeometryInvalid(_contradiction(frames, misnamed[0][0], planes, misnamed[0][1], misnamed[0][2]))
        far = max(float(np.linalg.norm(offset * planes.voxels_mm[named])) for _, named, offset in misnamed)
        remarks.append(
            Remark(
                "segmentation-references-disagree",
                Severity.WARNING,
                f"{len(misnamed)} of {counted(len(claims), 'frame')} of the segmentation "
                f"{agreeing(len(misnamed), 'names', 'name')} images at another place (up to {far:.1f} mm off) than "
                "the images they lie on; they were placed by their own positions. Check on the key image that the "
                "tumour is where it was drawn.",
            )
        )
    return (*remarks, *_off_its_images(worst))


def _of_object(
    frames: MaskFrames, filled: Sequence[int], planes: Planes, named: set[str] | frozenset[str]
) -> tuple[Remark, ...]:
    mine = np.array([plane.instance.sop_instance_uid in named for plane in planes.planes])
    worst = 0.0
    if not _claims_the_grid(frames, planes, np.flatnonzero(mine)):
        return _other_matrix(frames, filled, planes, np.flatnonzero(mine))
    for frame in filled:
        offsets = _offsets(frames, frame, planes)[mine]
        nearest = int(np.argmin(offsets[:, 0]))
        in_plane = offsets[nearest, 1:].max()
        if in_plane > HALF:
            index = int(np.flatnonzero(mine)[nearest])
            raise GeometryInvalid(_contradiction(frames, frame, planes, index, offsets[nearest]))
        worst = max(worst, float(in_plane))
    return (*_slice_step(frames, filled, planes), *_off_its_images(worst))


def _other_matrix(
    frames: MaskFrames, filled: Sequence[int], planes: Planes, mine: NDArray[np.int64]
) -> tuple[Remark, ...]:
    """A remark on frames that begin where the images begin, with pixels of their size, but have another matrix.

    A cut-out begins elsewhere. Here the number of rows or columns is likely to be wrong, which shears the mask.
    """
    first = planes.planes[int(mine[0])]
    axes = planes.directions[int(mine[0])]
    apart = (frames.positions_mm[filled] - planes.positions_mm[int(mine[0])]) @ axes[1:].T / first.spacing_mm
    is_parallel = (
        frames.orientation.along_row @ axes[2] > 0.99 and frames.orientation.along_column @ axes[1] > 0.99
    )  # fmt: skip
    is_alike = np.abs(np.array(frames.spacing_mm) / first.spacing_mm - 1).max() < ALIKE
    if frames.masks.shape[1:] == first.shape or not (is_parallel and is_alike and np.abs(apart).max() <= HALF):
        return ()
    rows, columns = frames.masks.shape[1:]
    return (
        Remark(
            "segmentation-other-matrix",
            Severity.WARNING,
            f"The frames of the segmentation have {rows} × {columns} pixels, the images it names {first.shape[0]} × "
            f"{first.shape[1]}, from the same corner and of the same size. Check on the key image that the tumour is "
            "where it was drawn.",
        ),
    )


def _claims_the_grid(frames: MaskFrames, planes: Planes, mine: NDArray[np.int64]) -> bool:
    """Returns whether rows, columns and spacing are (nearly) those of the images, either way round."""
    first = int(mine[0])
    parallel = abs(float(frames.orientation.normal @ planes.directions[first, 0])) > 0.99
    ours, theirs = np.sort(frames.spacing_mm), np.sort(planes.planes[first].spacing_mm)
    same_matrix = sorted(frames.masks.shape[1:]) == sorted(planes.planes[first].shape)
    return bool(parallel and same_matrix and np.all(np.abs(ours / theirs - 1) < ALIKE))


def _slice_step(frames: MaskFrames, filled: Sequence[int], planes: Planes) -> tuple[Remark, ...]:
    along = np.sort(frames.positions_mm[filled] @ frames.orientation.normal)
    steps = np.diff(along)
    if not steps.size or steps.min() <= 0:
        return ()
    theirs = float(planes.steps_mm[0])
    counts = steps / theirs
    if np.abs(counts - np.round(counts)).max() <= NOTABLE and counts.min() > 0.5:
        return ()
    return (
        Remark(
            "segmentation-slice-step",
            Severity.WARNING,
            f"The frames of the segmentation are {steps.min():.2f} mm apart, the images it names {theirs:.2f} mm, on "
            "one grid of rows and columns. Check that its writer did not take the slice thickness for the distance.",
        ),
    )


def _off_its_images(worst: float) -> tuple[Remark, ...]:
    if worst <= NOTABLE:
        return ()
    return (
        Remark(
            "segmentation-off-its-images",
            Severity.WARNING,
            f"The corners of the frames of the segmentation lie up to {worst:.2f} voxels off the images they name; at "
            f"most {NOTABLE:g} was expected.",
        ),
    )


def _offsets(frames: MaskFrames, frame: int, planes: Planes) -> NDArray[np.float64]:
    """Float64 (planes, 3): how far the corners of a frame lie off those of each plane, in its voxels, by axis.

    Infinite where the matrix differs. Corners are compared as boxes, since a frame may count its rows or columns from
    the other end, or have them exchanged.
    """
    rows, columns = frames.masks.shape[1:]
    along_column = frames.orientation.along_column * frames.spacing_mm[0] * (rows - 1)
    along_row = frames.orientation.along_row * frames.spacing_mm[1] * (columns - 1)
    corners = frames.positions_mm[frame] + np.array([np.zeros(3), along_column, along_row, along_column + along_row])
    apart = corners[np.newaxis] - planes.positions_mm[:, np.newaxis]  # (planes, corners, LPS)
    voxels = np.einsum("pcx,pax->pca", apart, planes.directions) / planes.voxels_mm[:, np.newaxis]
    last = np.column_stack([np.zeros(len(planes.planes)), planes.shapes - 1])
    offsets = np.maximum(np.abs(voxels.min(axis=1)), np.abs(voxels.max(axis=1) - last))
    same_matrix = np.all(np.sort(planes.shapes, axis=1) == sorted((rows, columns)), axis=1)
    return np.where(same_matrix[:, np.newaxis], offsets, np.inf)


def _contradiction(frames: MaskFrames, frame: int, planes: Planes, index: int, offset: NDArray[np.float64]) -> str:
    """The sentence about a frame that does not lie on the image it names."""
    plane = planes.planes[index]
    rows, columns = frames.masks.shape[1:]
    begin = "The segmentation contradicts the images it says it was made on: "
    end = " Make the segmentation again on the series it names, or send one that is right about it."
    if not np.all(np.isfinite(offset)):
        return (
            f"{begin}a frame has {rows} × {columns} pixels, the image it names {plane.shape[0]} × {plane.shape[1]}; "
            f"the same matrix was expected.{end}"
        )
    mm = offset * planes.voxels_mm[index]
    off = ", ".join(f"{value:.1f} {axis} ({far:.1f} mm)" for value, axis, far in zip(offset, _AXES, mm, strict=True))
    spacing = ""
    if np.abs(np.array(frames.spacing_mm) / plane.spacing_mm - 1).max() > 1e-4:
        spacing = (
            f", with pixels of {frames.spacing_mm[0]:g} × {frames.spacing_mm[1]:g} mm for "
            f"{plane.spacing_mm[0]:g} × {plane.spacing_mm[1]:g} mm"
        )
    turned = abs(float(frames.orientation.normal @ plane.orientation.normal))
    angle = f", turned by {np.degrees(np.arccos(min(turned, 1))):.1f} degrees" if turned < 0.9999 else ""
    return (
        f"{begin}the corners of a frame lie up to {off} off the image it names{spacing}{angle}; at most half of a "
        f"voxel was expected.{end}"
    )
