"""The grids of synthetic series: matrix, spacing and how the slices lie."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Plane(StrEnum):
    """Orientation of the slices."""

    AXIAL = "axial"
    SAGITTAL = "sagittal"
    OBLIQUE = "oblique"  # axial, tilted by 12° about x and turned by 5° about z


@dataclass(frozen=True)
class Grid:
    """Matrix and spacing of one series; the centre of the field of view lies at (0, 5, 0) mm, patient LPS."""

    slices: int
    rows: int
    columns: int
    slice_spacing_mm: float
    pixel_spacing_mm: tuple[float, float]  # between rows, between columns
    plane: Plane = Plane.AXIAL
    centre_mm: tuple[float, float, float] = (0.0, 5.0, 0.0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return self.slices, self.rows, self.columns

    @property
    def orientation(self) -> NDArray[np.float64]:
        """Image Orientation (Patient) as two rows: along a row, along a column; float64 (2, 3)."""
        if self.plane is Plane.SAGITTAL:
            return np.array([(0.0, 1.0, 0.0), (0.0, 0.0, -1.0)])
        if self.plane is Plane.AXIAL:
            return np.array([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)])
        tilt, turn = np.radians(12.0), np.radians(5.0)
        along_row = (np.cos(turn), np.sin(turn), 0.0)
        along_column = (-np.sin(turn) * np.cos(tilt), np.cos(turn) * np.cos(tilt), np.sin(tilt))
        return np.array([along_row, along_column])

    @property
    def affine(self) -> NDArray[np.float64]:
        """(slice, row, column, 1) → patient LPS mm; slices ascend along row × column."""
        along_row, along_column = self.orientation
        affine = np.eye(4)
        affine[:3, 0] = np.cross(along_row, along_column) * self.slice_spacing_mm
        affine[:3, 1] = along_column * self.pixel_spacing_mm[0]
        affine[:3, 2] = along_row * self.pixel_spacing_mm[1]
        affine[:3, 3] = np.array(self.centre_mm) - affine[:3, :3] @ ((np.array(self.shape) - 1) / 2)
        return affine


# Small grids for tests (about a second), realistic ones for the demonstration.
SMALL_T1C = Grid(24, 96, 96, 5.0, (3.4, 3.4))
SMALL_T2W = Grid(20, 80, 80, 6.0, (4.0, 4.0))
REALISTIC_T1C = Grid(88, 288, 288, 1.8, (1.2, 1.2))
REALISTIC_T2W = Grid(40, 256, 256, 4.0, (1.35, 1.35))
