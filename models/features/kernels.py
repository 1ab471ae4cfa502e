"""The irregular counting of the feature engine, compiled for the CPU: everything that is a loop with a table in it.

A region of interest comes in one layout: its bounding box padded by one voxel on every side, flattened in C order, so
that no neighbour needs a bounds check. `levels` holds compact grey levels 1 … K inside the region and 0 outside;
`positions` are the flat indices of its voxels in scan order; `offsets` are the flat steps to the 13 neighbours that
come later in scan order (`neighbour_offsets`). One thread, no Python objects, the interpreter lock released.

Every count is an integer, and sums of floats run in scan order: both as in PyRadiomics 3.0.1, so that the results are
the same to the last bit. No kernel checks its input; `models.features.texture` and `models.features.shape` do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

# (slice, row, column) steps to the 13 neighbours later in scan order; those with column step -1 come first in each
# group because `zones` looks at them apart.
DIRECTIONS = (
    (0, 0, 1),
    (0, 1, -1),
    (0, 1, 0),
    (0, 1, 1),
    (1, -1, -1),
    (1, -1, 0),
    (1, -1, 1),
    (1, 0, -1),
    (1, 0, 0),
    (1, 0, 1),
    (1, 1, -1),
    (1, 1, 0),
    (1, 1, 1),
)


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile at the first call, without the interpreter lock, and cache on disk where there is a place to.

    Numba caches beside this file, else in the user's cache folder, or in NUMBA_CACHE_DIR. Where none can be written it
    refuses; then every process compiles for itself.
    """
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


def neighbour_offsets(padded_shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Flat steps of `DIRECTIONS` in an array of that shape: int64 (13,), all positive."""
    _, rows, columns = padded_shape
    return np.array([(s * rows + r) * columns + c for s, r, c in DIRECTIONS], dtype=np.int64)


@_compiled
def exact_sums(voxels, lanes):  # type: ignore[no-untyped-def]
    """Parts that add up to the sum and to the sum of squares without rounding error, and the extremes, in one pass.

    Every `lanes`-th voxel goes into the same pair of accumulators: rounded sum, and sum of its rounding errors (Knuth's
    TwoSum). Lanes are independent, so the compiler makes vector instructions of the loop over them.

    Parameters
    ----------
    voxels : float32 (n,)
    lanes : 256 keeps the accumulators in the first-level cache

    Returns
    -------
    float64 (4, lanes) sums, their errors, sums of squares, their errors; minimum, maximum
    """
    parts = np.zeros((4, lanes))
    sums, sum_errors, squares, square_errors = parts[0], parts[1], parts[2], parts[3]
    low = np.full(lanes, voxels[0])
    high = np.full(lanes, voxels[0])
    for start in range(0, voxels.size, lanes):
        chunk = voxels[start : min(start + lanes, voxels.size)]
        for k in range(chunk.size):
            voxel = chunk[k]
            low[k] = voxel if voxel < low[k] else low[k]
            high[k] = voxel if voxel > high[k] else high[k]
            v = np.float64(voxel)
            before = sums[k]
            after = before + v
            part = after - before
            sum_errors[k] += (before - (after - part)) + (v - part)
            sums[k] = after
            v = v * v
            before = squares[k]
            after = before + v
            part = after - before
            square_errors[k] += (before - (after - part)) + (v - part)
            squares[k] = after
    return parts, low.min(), high.max()


@_compiled
def bounding_box(mask):  # type: ignore[no-untyped-def]
    """First and last index of a bool (slices, rows, columns) mask along each axis, int64 (3, 2)."""
    slices, rows, columns = mask.shape
    box = np.empty((3, 2), np.int64)
    box[0, 0], box[1, 0], box[2, 0] = slices, rows, columns
    box[:, 1] = -1
    for s in range(slices):
        for r in range(rows):
            line = mask[s, r]
            any_set = False
            for c in range(columns):
                any_set |= line[c]
            if not any_set:
                continue
            first = 0
            while not line[first]:
                first += 1
            last = columns - 1
            while not line[last]:
                last -= 1
            box[0, 0] = min(box[0, 0], s)
            box[0, 1] = s
            box[1, 0] = min(box[1, 0], r)
            box[1, 1] = max(box[1, 1], r)
            box[2, 0] = min(box[2, 0], first)
            box[2, 1] = max(box[2, 1], last)
    return box


@_compiled
def digitise(values, edges, width):  # type: ignore[no-untyped-def]
    """`numpy.digitize(values, edges)`, guessing the bin of nearly equidistant edges before comparing with them.

    Parameters
    ----------
    values : float32 or float64 (n,)
    edges : same kind (bins + 1,), not decreasing, at most 65,535
    width : distance of two edges, positive

    Returns
    -------
    uint16 (n,) : number of edges that are not above the value
    int64 (bins + 2,) : how often each number occurs
    """
    result = np.empty(values.size, np.uint16)
    counts = np.zeros(edges.size + 1, np.int64)
    last = edges.size
    for n in range(values.size):
        v = values[n]
        guess = min(max(int((v - edges[0]) / width) + 1, 0), last)
        while guess < last and edges[guess] <= v:
            guess += 1
        while guess > 0 and edges[guess - 1] > v:
            guess -= 1
        result[n] = guess
        counts[guess] += 1
    return result, counts


@_compiled
def region_neighbours(mask, positions, offsets):  # type: ignore[no-untyped-def]
    """Neighbours (0 … 26) of each voxel of the region inside the region, and whether each direction links any two.

    Parameters
    ----------
    mask : uint8 or bool (padded voxels,)

    Returns
    -------
    uint8 (n,) neighbours, bool (13,) linked
    """
    neighbours = np.zeros(positions.size, np.uint8)
    linked = np.zeros(offsets.size, np.bool_)
    for a in range(offsets.size):
        step = offsets[a]
        any_pair = np.uint8(0)
        for t in range(positions.size):
            n = positions[t]
            after = np.uint8(mask[n + step])
            neighbours[t] += after + np.uint8(mask[n - step])
            any_pair |= after
        linked[a] = any_pair != 0
    return neighbours, linked


@_compiled
def line_holds_two(mask, shape, direction):  # type: ignore[no-untyped-def]
    """Whether some line along `direction` passes through two voxels of the region, adjacent or not.

    mask : uint8 (padded slices, rows, columns) with `shape`; direction : one of `DIRECTIONS`
    """
    slices, rows, columns = shape
    ds, dr, dc = direction
    for s in range(slices):
        for r in range(rows):
            for c in range(columns):
                if not mask[s, r, c]:
                    continue
                ss, rr, cc = s + ds, r + dr, c + dc
                while 0 <= ss < slices and 0 <= rr < rows and 0 <= cc < columns:
                    if mask[ss, rr, cc]:
                        return True
                    ss += ds
                    rr += dr
                    cc += dc
    return False


@_compiled
def count_pairs(levels, positions, offsets, level_count):  # type: ignore[no-untyped-def]
    """GLCM counts: int32 (13, level_count, level_count), each pair once, from the earlier voxel to the later."""
    size = np.uintp(level_count + 1)
    pairs = np.zeros((offsets.size, (level_count + 1) ** 2), np.int32)
    for t in range(positions.size):
        n = np.uintp(positions[t])
        row = np.uintp(levels[n]) * size
        for a in range(13):
            pairs[a, row + np.uintp(levels[n + np.uintp(offsets[a])])] += 1
    return pairs.reshape((offsets.size, level_count + 1, level_count + 1))[:, 1:, 1:]


@_compiled
def count_runs(levels, positions, offsets, level_count, longest):  # type: ignore[no-untyped-def]
    """GLRLM counts: int32 (13, level_count, longest), runs of length index + 1.

    `place` is the place of a voxel in its run, 1, 2, …: that of the voxel before plus one while the level stays. There
    are as many runs of at least length k as voxels in place k: the counts are differences of a histogram of places.
    Places are computed for the whole padded box in stretches of one step, in which no voxel depends on another.
    """
    first = offsets[12]
    last = levels.size - offsets[12]
    width = np.uintp(longest + 2)
    runs = np.zeros((offsets.size, (level_count + 1) * (longest + 2)), np.int32)
    place = np.zeros(levels.size, np.uint16)
    for a in range(offsets.size):
        step = offsets[a]
        for start in range(first, last, step):
            stop = min(start + step, last)
            here = levels[start:stop]
            before = levels[start - step : stop - step]
            of_here = place[start:stop]
            of_before = place[start - step : stop - step]
            for k in range(here.size):
                of_here[k] = of_before[k] * np.uint16(here[k] == before[k]) + np.uint16(1)
        histogram = runs[a]
        for t in range(positions.size):
            n = np.uintp(positions[t])
            histogram[np.uintp(levels[n]) * width + np.uintp(place[n])] += 1
    at_least = runs.reshape((offsets.size, level_count + 1, longest + 2))
    return at_least[:, 1:, 1:-1] - at_least[:, 1:, 2:]


@_compiled
def count_neighbourhoods(levels, greys, positions, offsets, neighbours, level_count):  # type: ignore[no-untyped-def]
    """GLDM and NGTDM counts.

    Parameters
    ----------
    greys : uint16 (padded voxels,), the grey levels themselves, 0 outside (NGTDM needs their values)
    neighbours : uint8 (n,) from `region_neighbours`

    Returns
    -------
    int32 (level_count, 27) : voxels by number of equal neighbours
    float64 (level_count, 2) : voxels, and sum of |grey level - mean of the neighbours|
    """
    first = offsets[12]
    size = levels.size - 2 * first
    equal = np.zeros(size, np.uint8)
    total = np.zeros(size, np.uint32)
    here = levels[first : first + size]
    for a in range(offsets.size):
        step = offsets[a]
        after = levels[first + step : first + step + size]
        before = levels[first - step : first - step + size]
        for k in range(size):
            equal[k] += np.uint8(here[k] == after[k]) + np.uint8(here[k] == before[k])
        grey_after = greys[first + step : first + step + size]
        grey_before = greys[first - step : first - step + size]
        for k in range(size):
            total[k] += np.uint32(grey_after[k]) + np.uint32(grey_before[k])
    dependences = np.zeros((level_count, 27), np.int32)
    tones = np.zeros((level_count, 2))
    for t in range(positions.size):
        n = positions[t] - first
        level = np.int64(here[n]) - 1
        dependences[level, equal[n]] += 1
        tones[level, 0] += 1
        if neighbours[t]:
            grey = np.float64(greys[positions[t]])
            tones[level, 1] += abs(grey - np.float64(total[n]) / np.float64(neighbours[t]))
    return dependences, tones


@_compiled
def _root(parent, n):  # type: ignore[no-untyped-def]
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@_compiled
def _join(parent, root, other):  # type: ignore[no-untyped-def]
    found = _root(parent, other)
    if found < root:
        parent[root] = found
        return found
    parent[found] = root
    return root


@_compiled
def zones(levels, positions, offsets):  # type: ignore[no-untyped-def]
    """Connected parts (26 neighbours) of equal level, by union-find in scan order.

    A voxel looks only at those earlier neighbours that are not known to be joined already: when the one in the slice
    before is equal, it touches all the others; when the one before in the row, or the one in the row before, is equal,
    4 or 3 remain.

    Returns
    -------
    uint16 (zones,) level, int32 (zones,) voxels
    """
    parent = np.empty(levels.size, np.int32)
    slice_step = offsets[8]
    row_step = offsets[2]
    for t in range(positions.size):
        n = positions[t]
        here = levels[n]
        if levels[n - slice_step] == here:
            parent[n] = _root(parent, n - slice_step)
            continue
        parent[n] = n
        root = n
        if levels[n - 1] == here:
            root = _join(parent, root, n - 1)
            for a in (1, 4, 7, 10):
                if levels[n - offsets[a]] == here:
                    root = _join(parent, root, n - offsets[a])
        elif levels[n - row_step] == here:
            root = _join(parent, root, n - row_step)
            for a in (4, 5, 6):
                if levels[n - offsets[a]] == here:
                    root = _join(parent, root, n - offsets[a])
        else:
            for a in range(1, 13):
                if levels[n - offsets[a]] == here:
                    root = _join(parent, root, n - offsets[a])
    sizes = np.zeros(levels.size, np.int32)
    found = 0
    for t in range(positions.size):
        n = positions[t]
        root = parent[parent[n]]  # parents come earlier, so they are resolved
        parent[n] = root
        found += root == n
        sizes[root] += 1
    zone_levels = np.empty(found, np.uint16)
    zone_sizes = np.empty(found, np.int32)
    z = 0
    for t in range(positions.size):
        n = positions[t]
        if parent[n] == n:
            zone_levels[z] = levels[n]
            zone_sizes[z] = sizes[n]
            z += 1
    return zone_levels, zone_sizes


@_compiled
def cube_statistics(mask):  # type: ignore[no-untyped-def]
    """How often each of the 256 corner patterns occurs, and the sum of the positions where it does.

    mask : uint8 (slices, rows, columns), padded by one; corner bits as in `models.features.marching_cubes`

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


@_compiled
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


@_compiled
def largest_distance(points, centre, squared_best):  # type: ignore[no-untyped-def]
    """Largest squared distance between two of the points, at least `squared_best`; exact, without trying every pair.

    Sorted by distance from `centre`, a pair can not beat the best once the sum of its two distances is smaller.

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


@_compiled
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


@_compiled
def filter_columns(data, low, high):  # type: ignore[no-untyped-def]
    """Both filters along the last axis, only where all samples are there.

    Sums run from the newest sample to the oldest like PyWavelets', so that they round alike.

    Parameters
    ----------
    data : float32 or float64 (slices, rows, columns), C-contiguous
    low, high : same kind (taps,)

    Returns
    -------
    two arrays (slices, rows, columns - taps + 1)
    """
    slices, rows, columns = data.shape
    taps = low.size
    size = columns - taps + 1
    lows = np.zeros((slices, rows, size), data.dtype)
    highs = np.zeros((slices, rows, size), data.dtype)
    for s in range(slices):
        for r in range(rows):
            out_low, out_high = lows[s, r], highs[s, r]
            for j in range(taps):
                weight_low, weight_high = low[j], high[j]
                samples = data[s, r, taps - 1 - j : taps - 1 - j + size]
                for k in range(size):
                    out_low[k] += weight_low * samples[k]
                    out_high[k] += weight_high * samples[k]
    return lows, highs


@_compiled
def filter_rows(data, low, high):  # type: ignore[no-untyped-def]
    """`filter_columns` along the middle axis: two arrays (slices, rows - taps + 1, columns)."""
    slices, rows, columns = data.shape
    taps = low.size
    size = rows - taps + 1
    lows = np.zeros((slices, size, columns), data.dtype)
    highs = np.zeros((slices, size, columns), data.dtype)
    for s in range(slices):
        for r in range(size):
            out_low, out_high = lows[s, r], highs[s, r]
            for j in range(taps):
                weight_low, weight_high = low[j], high[j]
                samples = data[s, r + taps - 1 - j]
                for k in range(columns):
                    out_low[k] += weight_low * samples[k]
                    out_high[k] += weight_high * samples[k]
    return lows, highs
