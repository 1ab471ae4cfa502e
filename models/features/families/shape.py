"""Shape features (14) of a region, as PyRadiomics 3.0.1 defines them: a triangle mesh and the axes of the voxels.

Formulas: Zwanenburg et al., IBSI reference manual, section 3.1; conventions of the mesh in
`models.features.kernels.marching_cubes`. Diameters are between vertices of the mesh, i.e. midpoints of voxel faces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.features.kernels import mesh as mesh_kernels
from models.features.kernels.marching_cubes import mesh_area_and_volume

# Least over largest variance below which a region counts as plane.
_PLANE = 1e-6


# Parts of a region that share no corner: uint8 0/1 (slices, rows, columns), a box padded by one voxel on every side,
# and the place of its first corner, int64 (3,), in the padded bounding box of the region.
Parts = Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]


def shape_features(parts: Parts, spacing_mm: tuple[float, float, float]) -> dict[str, float]:
    """The 14 features of one region.

    Parameters
    ----------
    parts : of the region, usually one
    spacing_mm : along (slices, rows, columns)

    Lengths in mm. Least axis length and flatness of a region that lies in one plane are 0 up to rounding.
    """
    spacing = np.array(spacing_mm)
    cubes, where = np.zeros(256, np.int64), np.zeros((256, 3), np.int64)
    points = []
    for mask, first in parts:
        counts, sums = mesh_kernels.cube_statistics(mask)
        cubes += counts
        where += sums + counts[:, np.newaxis] * first
        points.append(mesh_kernels.boundary_points(mask) + 2 * first.astype(np.int32))
    area, volume = mesh_area_and_volume(cubes, where, spacing)
    diameters = mesh_diameters(np.concatenate(points), spacing)
    least, minor, major = axis_variances(parts, spacing)
    voxels = sum(int(np.count_nonzero(mask)) for mask, _ in parts)
    return {
        "MeshVolume": volume,
        "VoxelVolume": voxels * float(spacing[0] * spacing[2] * spacing[1]),
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume,
        "Sphericity": (36 * math.pi * volume**2) ** (1 / 3) / area,
        "Maximum3DDiameter": diameters[3],
        "Maximum2DDiameterSlice": diameters[0],
        "Maximum2DDiameterColumn": diameters[1],
        "Maximum2DDiameterRow": diameters[2],
        "MajorAxisLength": 4 * math.sqrt(major),
        "MinorAxisLength": 4 * math.sqrt(minor),
        "LeastAxisLength": 4 * math.sqrt(least),
        "Elongation": math.sqrt(minor / major),
        "Flatness": math.sqrt(least / major),
    }


def axis_variances(parts: Parts, spacing_mm: NDArray[np.float64]) -> tuple[float, float, float]:
    """Variances (mm²) of the voxel centres along the principal axes, ascending; those of the population (N)."""
    voxels, first, second = (np.asarray(sums).tolist() for sums in coordinate_sums(parts))
    # Whole numbers up to the division: the difference does not cancel.
    covariance = [
        [(voxels * second[a][b] - first[a] * first[b]) / voxels**2 * spacing_mm[a] * spacing_mm[b] for b in range(3)]
        for a in range(3)
    ]
    least, minor, major = np.linalg.eigvalsh(covariance)
    if least < _PLANE * major:
        least, minor, major = _axis_variances_by_rounding(parts, spacing_mm)
    return float(least), float(minor), float(major)


def coordinate_sums(parts: Parts) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """Voxels of a region, sums (3,) of their indices in its padded bounding box, sums of products (3, 3); all exact."""
    voxels, first, second = 0, np.zeros(3, np.int64), np.zeros((3, 3), np.int64)
    for mask, at in parts:
        count, sums, products = mesh_kernels.coordinate_sums(mask)
        voxels += int(count)
        first += sums + count * at
        second += products + np.outer(at, sums) + np.outer(sums, at) + count * np.outer(at, at)
    return voxels, first, second


def _axis_variances_by_rounding(parts: Parts, spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """By the operations of PyRadiomics in their order: the least variance of a plane region is pure rounding.

    Rounding below zero counts as zero. Equal variances can round to a complex pair, of whose roots PyRadiomics takes
    the real part.
    """
    places = np.concatenate([np.argwhere(mask) + first for mask, first in parts])
    if len(parts) > 1:
        places = places[np.lexsort(places.T[::-1])]  # in scan order
    coordinates = np.ascontiguousarray(places.T).T * spacing_mm  # axis by axis in memory: it decides the rounding
    coordinates -= np.mean(coordinates, axis=0)
    coordinates /= np.sqrt(len(coordinates))
    variances = np.sort(np.linalg.eigvals(coordinates.T.copy() @ coordinates))
    if np.iscomplexobj(variances):
        return np.asarray(np.sqrt(np.where(variances < 0, 0, variances)).real ** 2)
    return np.maximum(variances, 0.0)


def mesh_diameters(points: NDArray[np.int32], spacing_mm: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Largest distance (mm) of two vertices: within one slice, within one row, within one column position, and overall.

    Parameters
    ----------
    points : int32 (vertices, 3), (slice, row, column) in half voxels
    """
    places = points * 0.5 * spacing_mm
    in_plane = []
    for axis in range(3):
        order = np.argsort(points[:, axis], kind="stable")
        starts = np.flatnonzero(np.diff(points[order, axis], prepend=-1))
        squared = 0.0
        for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
            plane = places[order[start:stop]]
            squared = mesh_kernels.largest_distance(plane, (plane.min(axis=0) + plane.max(axis=0)) / 2, squared)
        in_plane.append(math.sqrt(squared))
    centre, squared = _middle_of_a_long_pair(places)
    overall = math.sqrt(mesh_kernels.largest_distance(places, centre, squared))
    return in_plane[0], in_plane[1], in_plane[2], overall


def _middle_of_a_long_pair(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Walk to the farthest point a few times: the middle of the last pair and its squared length, a lower bound."""
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    one = other = places[np.argmax(np.sum((places - middle) ** 2, axis=1))]
    longest = 0.0
    for _ in range(8):
        squared = np.sum((places - other) ** 2, axis=1)
        far = int(np.argmax(squared))
        if squared[far] <= longest:
            break
        longest = float(squared[far])
        one, other = other, places[far]
    return (one + other) / 2, longest
