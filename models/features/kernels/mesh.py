"""Counting for the shape of a region, compiled for the CPU: corner patterns, vertices, distances, moments.

A mask is the bounding box of the region padded by one voxel on every side. No kernel checks its input;
`models.features.families.shape` does.
"""

from __future__ import annotations

import numpy as np

from models.compiled import compiled


@compiled
def cube_statistics(mask):  # type: ignore[no-untyped-def]
    """Counts of each of the 256 corner patterns, and the sum of the positions at which each occurs.

    mask : uint8 (slices, rows, columns), padded by one; corner bits as in `models.features.kernels.marching_cubes`

    Returns
    -------
    int64 (256,) cubes, int64 (256, 3) sums of the (slice, row, column) of their first corners
    """
    slices, rows, columns = mask.shape
    cubes = np.zeros(256, np.int64)
    where = np.zeros((256, 3), np.int64)
    for s in range(slices - 1):
        for r in range(rows - 1):
            a = mask[s, r]
            b = mask[s, r + 1]
            c = mask[s + 1, r]
            d = mask[s + 1, r + 1]
            left = np.int64(a[0]) | np.int64(b[0]) << 3 | np.int64(c[0]) << 4 | np.int64(d[0]) << 7
            for x in range(columns - 1):
                a1, b1, c1, d1 = np.int64(a[x + 1]), np.int64(b[x + 1]), np.int64(c[x + 1]), np.int64(d[x + 1])
                pattern = left | a1 << 1 | b1 << 2 | c1 << 5 | d1 << 6
                if pattern != 0 and pattern != 255:
                    cubes[pattern] += 1
                    where[pattern, 0] += s
                    where[pattern, 1] += r
                    where[pattern, 2] += x
                left = a1 | b1 << 3 | c1 << 4 | d1 << 7
    return cubes, where


@compiled
def boundary_points(mask):  # type: ignore[no-untyped-def]
    """Midpoints between face neighbours of which one is in the region: the vertices of the mesh.

    mask : uint8 (slices, rows, columns), padded by one

    Returns
    -------
    int32 (vertices, 3) : (slice, row, column) in half voxels
    """
    slices, rows, columns = mask.shape
    count = 0
    for s in range(slices - 1):
        for r in range(rows - 1):
            for c in range(columns - 1):
                here = mask[s, r, c]
                count += (mask[s + 1, r, c] != here) + (mask[s, r + 1, c] != here) + (mask[s, r, c + 1] != here)
    points = np.empty((count, 3), np.int32)
    found = 0
    for s in range(slices - 1):
        for r in range(rows - 1):
            for c in range(columns - 1):
                here = mask[s, r, c]
                for axis in range(3):
                    if mask[s + (axis == 0), r + (axis == 1), c + (axis == 2)] != here:
                        points[found, 0] = 2 * s + (axis == 0)
                        points[found, 1] = 2 * r + (axis == 1)
                        points[found, 2] = 2 * c + (axis == 2)
                        found += 1
    return points


@compiled
def largest_distance(points, centre, squared_best):  # type: ignore[no-untyped-def]
    """Largest squared distance between two of the points, at least `squared_best`; exact, without trying every pair.

    Sorted by distance from `centre`, a pair cannot beat the best once the sum of its two distances is smaller.

    points : float64 (n, 3) in mm; centre : float64 (3,), best near the middle of the farthest pair
    """
    radius = np.empty(points.shape[0])
    for n in range(points.shape[0]):
        a = points[n, 0] - centre[0]
        b = points[n, 1] - centre[1]
        c = points[n, 2] - centre[2]
        radius[n] = np.sqrt(a * a + b * b + c * c)
    order = np.argsort(-radius)
    best = np.sqrt(squared_best) * (1 - 1e-12)  # never lose a pair to rounding
    for i in range(order.size):
        p = order[i]
        if radius[p] * 2 < best:
            break
        for j in range(i + 1, order.size):
            q = order[j]
            if radius[p] + radius[q] < best:
                break
            a = points[p, 0] - points[q, 0]
            b = points[p, 1] - points[q, 1]
            c = points[p, 2] - points[q, 2]
            squared = a * a + b * b + c * c
            if squared > squared_best:
                squared_best = squared
                best = np.sqrt(squared_best) * (1 - 1e-12)
    return squared_best


@compiled
def coordinate_sums(mask):  # type: ignore[no-untyped-def]
    """Number of voxels, and sums of coordinates and of their products over a region, exact.

    mask : uint8 (slices, rows, columns)

    Returns
    -------
    int64 : voxels; int64 (3,) : sums of (slice, row, column); int64 (3, 3) : sums of products
    """
    slices, rows, columns = mask.shape
    voxels = np.int64(0)
    first = np.zeros(3, np.int64)
    second = np.zeros((3, 3), np.int64)
    for s in range(slices):
        for r in range(rows):
            count = np.int64(0)
            sum_c = np.int64(0)
            sum_cc = np.int64(0)
            for c in range(columns):
                inside = np.int64(mask[s, r, c])
                count += inside
                sum_c += inside * c
                sum_cc += inside * c * c
            voxels += count
            first[0] += count * s
            first[1] += count * r
            first[2] += sum_c
            second[0, 0] += count * s * s
            second[0, 1] += count * s * r
            second[0, 2] += sum_c * s
            second[1, 1] += count * r * r
            second[1, 2] += sum_c * r
            second[2, 2] += sum_cc
    second[1, 0], second[2, 0], second[2, 1] = second[0, 1], second[0, 2], second[1, 2]
    return voxels, first, second
