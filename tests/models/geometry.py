"""Grids for tests: oblique affines and spheres on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rotation(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rotation about x, then y, then z."""
    x, y, z = np.radians(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def centred_affine(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    *,
    degrees: tuple[float, float, float] = (0, 0, 0),
    centre_mm: tuple[float, float, float] = (0, 0, 0),
) -> NDArray[np.float64]:
    """Slices along z, rows along y, columns along x, turned about the centre of the volume, which is at `centre_mm`."""
    steps = rotation(degrees) @ np.array([[0, 0, 1.0], [0, 1, 0], [1, 0, 0]]) * spacing_mm
    affine = np.eye(4)
    affine[:3, :3] = steps
    affine[:3, 3] = np.array(centre_mm) - steps @ ((np.array(shape) - 1) / 2)
    return affine


def sphere(
    shape: tuple[int, int, int],
    affine: NDArray[np.float64],
    radius_mm: float,
    *,
    centre_mm: tuple[float, float, float] = (0, 0, 0),
) -> NDArray[np.bool_]:
    """The voxels whose centre lies inside a sphere in patient space."""
    index = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), axis=-1)
    place = index @ affine[:3, :3].T + affine[:3, 3]
    return np.asarray(np.linalg.norm(place - centre_mm, axis=-1) <= radius_mm)
