"""Images and regions as arrays placed in the patient: `Volume`, `Roi`, and the two axes of the feature vector.

Index order is (slices, rows, columns) everywhere. The affine maps (slice, row, column, 1) to patient LPS
millimetres (x to the left, y to posterior, z to the head), so `affine[:3, 0]` is the step from one slice to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import StudyRejected
from models.number_words import agreeing, counted


class Sequence(StrEnum):
    """The two MR sequences of the paper, in the order of the feature vector."""

    T1C = "t1c"  # contrast-enhanced T1-weighted, one phase
    T2W = "t2w"  # T2-weighted

    @property
    def label(self) -> str:
        """Name of the sequence as a radiologist writes it."""
        return SEQUENCES[self].label

    @property
    def has_contrast_phases(self) -> bool:
        """Returns whether images are acquired before and after contrast agent, so that a phase must be chosen."""
        return SEQUENCES[self].has_contrast_phases

    @property
    def is_required(self) -> bool:
        """Returns whether a study without this sequence is refused."""
        return SEQUENCES[self].is_required


@dataclass(frozen=True, kw_only=True)
class SequenceRow:
    """One sequence.

    Attributes
    ----------
    label : as a radiologist writes it
    meaning : in full
    has_contrast_phases, is_required : as the properties of `Sequence`
    """

    label: str
    meaning: str
    has_contrast_phases: bool
    is_required: bool


# A third sequence is a member of `Sequence` and a row here; `tests/test_closed_lists.py` names what is still to be
# filled then: its rules in `dicom_io`, its field in rules and assignment, its segmentation object.
SEQUENCES: Final[Mapping[Sequence, SequenceRow]] = MappingProxyType(
    {
        Sequence.T1C: SequenceRow(
            label="T1+C",
            meaning="T1-weighted with contrast agent",
            has_contrast_phases=True,
            is_required=True,
        ),
        Sequence.T2W: SequenceRow(
            label="T2W",
            meaning="T2-weighted",
            has_contrast_phases=False,
            is_required=False,
        ),
    }
)


class Region(StrEnum):
    """The two regions of the paper."""

    INTRATUMORAL = "intratumoral"  # the tumour itself
    PERITUMORAL = "peritumoral"  # everything within 10 mm outside the tumour, inside the body


_Scalar = TypeVar("_Scalar", bound=np.generic)


def _frozen(array: ArrayLike, dtype: type[_Scalar]) -> NDArray[_Scalar]:
    """A read-only C-contiguous view; the caller's own array object stays writable."""
    result: NDArray[_Scalar] = np.ascontiguousarray(array, dtype=dtype).view()
    result.flags.writeable = False
    return result


def _frozen_numbers(values: ArrayLike) -> NDArray[Any]:
    """The values as a read-only C-contiguous array of the type they come in, in native byte order.

    Truth values become uint8, half precision float32 and extended precision float64: the nearest types of image files.

    Raises
    ------
    StudyRejected
        When they are no real numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise StudyRejected(
            f"The image holds values of type {array.dtype}; whole or floating-point numbers were expected."
        )
    kind: np.dtype[Any] = array.dtype
    if kind.kind == "b":
        kind = np.dtype(np.uint8)
    elif kind.kind == "f" and kind.itemsize not in (4, 8):
        kind = np.dtype(np.float32 if kind.itemsize < 4 else np.float64)
    return _frozen(array, kind.newbyteorder("=").type)


def _checked_affine(affine: ArrayLike) -> NDArray[np.float64]:
    """The affine as float64 (4, 4), read-only; raises `StudyRejected` when its axes are not perpendicular."""
    matrix = _frozen(affine, np.float64)
    if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
        raise StudyRejected(f"The affine has shape {matrix.shape}; a finite 4 × 4 matrix was expected.")
    if not np.array_equal(matrix[3], (0, 0, 0, 1)):
        raise StudyRejected(f"The last row of the affine is {matrix[3].tolist()}; 0, 0, 0, 1 was expected.")
    steps = matrix[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    if np.any(lengths <= 0):
        raise StudyRejected(f"The voxel spacing is {lengths.tolist()} mm; positive numbers were expected.")
    cosines = steps / lengths
    if np.max(np.abs(cosines.T @ cosines - np.eye(3))) > 1e-3:
        raise StudyRejected(
            "The three axes of the image are not perpendicular to each other (largest cosine "
            f"{np.max(np.abs(cosines.T @ cosines - np.eye(3))):.4f}, at most 0.001 was expected); "
            "send the series as it was acquired, without shear or gantry tilt."
        )
    return matrix


@dataclass(frozen=True, eq=False)
class _Grid:
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size in mm along (slices, rows, columns); rows means from one row to the next."""
        slices, rows, columns = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slices), float(rows), float(columns)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in mm³."""
        slices, rows, columns = self.spacing_mm
        return slices * rows * columns

    @property
    def direction(self) -> NDArray[np.float64]:
        """Unit vectors of the (slice, row, column) axes as the columns of a 3 × 3 matrix, patient LPS."""
        return np.asarray(self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def origin_mm(self) -> NDArray[np.float64]:
        """Centre of voxel (0, 0, 0) in mm, patient LPS."""
        return np.asarray(self.affine[:3, 3])


@dataclass(frozen=True, eq=False)
class Volume(_Grid):
    """One three-dimensional image.

    Attributes
    ----------
    affine : float64 (4, 4), (slice, row, column, 1) → patient LPS mm
    voxels : (slices, rows, columns), finite, read-only; in the type of the source (8 to 64 bits, whole or float32 or
        float64), so that features are those of the values in the file. `in_single_precision` narrows them
    padding : bool, same shape, read-only: voxels that the image declares to be fill; None where it declares none

    Raises
    ------
    StudyRejected
        When the array is not three-dimensional, is empty, or holds values that are not finite real numbers.
    """

    voxels: NDArray[Any]
    padding: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        voxels = _frozen_numbers(self.voxels)
        if voxels.ndim != 3 or voxels.size == 0:
            raise StudyRejected(f"The image has shape {voxels.shape}; slices × rows × columns was expected.")
        if voxels.dtype.kind == "f" and not np.all(np.isfinite(voxels)):
            bad = int(np.size(voxels) - np.count_nonzero(np.isfinite(voxels)))
            raise StudyRejected(
                f"{counted(bad, 'voxel')} of the image {agreeing(bad, 'is', 'are')} not finite; finite numbers were "
                "expected."
            )
        if self.padding is not None:
            padding = _frozen(self.padding, np.bool_)
            if padding.shape != voxels.shape:
                raise StudyRejected(
                    f"The padding has shape {padding.shape}; that of the image, {voxels.shape}, was expected."
                )
            object.__setattr__(self, "padding", padding)
        object.__setattr__(self, "voxels", voxels)
        object.__setattr__(self, "affine", _checked_affine(self.affine))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of (slices, rows, columns)."""
        slices, rows, columns = self.voxels.shape
        return slices, rows, columns

    def in_single_precision(self) -> Volume:
        """The image in float32, the precision of everything that prepares one; itself where it is that already.

        Raises
        ------
        StudyRejected
            When a value is too large for float32.
        """
        if self.voxels.dtype == np.float32:
            return self
        with np.errstate(over="ignore"):
            return Volume(self.affine, self.voxels.astype(np.float32), self.padding)


@dataclass(frozen=True, eq=False)
class Roi(_Grid):
    """A region of interest on the grid of a volume.

    Attributes
    ----------
    affine : float64 (4, 4), as in `Volume`
    mask : bool (slices, rows, columns), at least one voxel, read-only
    label : what it is, in words for a reader ("tumour", "peritumoral shell")

    Raises
    ------
    StudyRejected
        When the mask is not three-dimensional or holds no voxel.
    """

    mask: NDArray[np.bool_]
    label: str

    def __post_init__(self) -> None:
        mask = _frozen(self.mask, np.bool_)
        if mask.ndim != 3:
            raise StudyRejected(f"The mask has shape {mask.shape}; slices × rows × columns was expected.")
        if not mask.any():
            raise StudyRejected(f"The region '{self.label}' holds no voxel; at least one was expected.")
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "affine", _checked_affine(self.affine))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of (slices, rows, columns)."""
        slices, rows, columns = self.mask.shape
        return slices, rows, columns

    @property
    def volume_mm3(self) -> float:
        """Number of voxels times the volume of one, in mm³."""
        return int(np.count_nonzero(self.mask)) * self.voxel_volume_mm3


def same_grid(one: Volume | Roi, other: Volume | Roi, *, tolerance_mm: float = 1e-3) -> bool:
    """Returns whether both have the same shape and every corner lies within `tolerance_mm` of the other's."""
    if one.shape != other.shape:
        return False
    slices, rows, columns = (size - 1 for size in one.shape)
    corners = np.array([(s, r, c, 1) for s in (0, slices) for r in (0, rows) for c in (0, columns)], dtype=float)
    distance = np.linalg.norm(corners @ (one.affine - other.affine).T, axis=1)
    return bool(distance.max() <= tolerance_mm)
