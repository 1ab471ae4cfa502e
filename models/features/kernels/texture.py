"""The texture matrices counted on the CPU: co-occurrence, runs, zones, dependences, tone differences.

A region of interest comes in one layout: its bounding box padded by one voxel on every side, flattened in C order, so
that no neighbour needs a bounds check. `levels` holds compact grey levels 1 … K inside the region and 0 outside;
`positions` are the flat indices of its voxels in scan order; `offsets` are the flat steps to the 13 neighbours that
come later in scan order (`neighbour_offsets`). One thread, no Python objects, the interpreter lock released.

Every count is an integer, and sums of floats run in scan order: both as in PyRadiomics 3.0.1, so that the results are
the same to the last bit. No kernel checks its input; `models.features.texture` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled

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

_SHORTEST_STRETCH = 8  # voxels; shorter loops cost more than they save


def neighbour_offsets(padded_shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Flat steps of `DIRECTIONS` in an array of that shape: int64 (13,), all positive."""
    _, rows, columns = padded_shape
    return np.array([(s * rows + r) * columns + c for s, r, c in DIRECTIONS], dtype=np.int64)


@compiled
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


@compiled
def line_holds_two(mask, shape, direction):  # type: ignore[no-untyped-def]
    """Returns whether some line along `direction` passes through two voxels of the region, adjacent or not.

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


@compiled
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


@compiled
def count_runs(levels, positions, offsets, level_count, longest):  # type: ignore[no-untyped-def]
    """GLRLM counts: int32 (13, level_count, longest), runs of length index + 1.

    `place` is the place of a voxel in its run, 1, 2, …: that of the voxel before plus one while the level stays. There
    are as many runs of at least length k as voxels in place k: the counts are differences of a histogram of places.
    Places are computed for the whole padded box in stretches of one step, in which no voxel depends on another; along
    a row, where a stretch is one voxel, for the region alone.
    """
    first = offsets[12]
    last = levels.size - offsets[12]
    width = np.uintp(longest + 2)
    runs = np.zeros((offsets.size, (level_count + 1) * (longest + 2)), np.int32)
    place = np.zeros(levels.size, np.uint16)
    for a in range(offsets.size):
        step = offsets[a]
        histogram = runs[a]
        if step < _SHORTEST_STRETCH:
            back = np.uintp(step)
            for t in range(positions.size):
                n = np.uintp(positions[t])
                length = place[n - back] * np.uint16(levels[n - back] == levels[n]) + np.uint16(1)
                place[n] = length
                histogram[np.uintp(levels[n]) * width + np.uintp(length)] += 1
            continue
        for start in range(first, last, step):
            stop = min(start + step, last)
            here = levels[start:stop]
            before = levels[start - step : stop - step]
            of_here = place[start:stop]
            of_before = place[start - step : stop - step]
            for k in range(here.size):
                of_here[k] = of_before[k] * np.uint16(here[k] == before[k]) + np.uint16(1)
        for t in range(positions.size):
            n = np.uintp(positions[t])
            histogram[np.uintp(levels[n]) * width + np.uintp(place[n])] += 1
    at_least = runs.reshape((offsets.size, level_count + 1, longest + 2))
    return at_least[:, 1:, 1:-1] - at_least[:, 1:, 2:]


@compiled
def count_dependences(levels, positions, offsets, level_count):  # type: ignore[no-untyped-def]
    """GLDM counts: int32 (level_count, 27), voxels by number of equal neighbours."""
    first = offsets[12]
    size = levels.size - 2 * first
    equal = np.zeros(size, np.uint8)
    here = levels[first : first + size]
    for a in range(offsets.size):
        step = offsets[a]
        after = levels[first + step : first + step + size]
        before = levels[first - step : first - step + size]
        for k in range(size):
            equal[k] += np.uint8(here[k] == after[k]) + np.uint8(here[k] == before[k])
    dependences = np.zeros((level_count, 27), np.int32)
    for t in range(positions.size):
        n = positions[t] - first
        dependences[np.int64(here[n]) - 1, equal[n]] += 1
    return dependences


@compiled
def count_tones(levels, greys, positions, offsets, neighbours, level_count):  # type: ignore[no-untyped-def]
    """NGTDM counts: float64 (level_count, 2), voxels, and sum of |grey level - mean of the neighbours|.

    Parameters
    ----------
    greys : uint16 (padded voxels,), the grey levels themselves, 0 outside (their values are needed)
    neighbours : uint8 (n,) from `region_neighbours`
    """
    first = offsets[12]
    size = levels.size - 2 * first
    total = np.zeros(size, np.uint32)
    for a in range(offsets.size):
        step = offsets[a]
        after = greys[first + step : first + step + size]
        before = greys[first - step : first - step + size]
        for k in range(size):
            total[k] += np.uint32(after[k]) + np.uint32(before[k])
    tones = np.zeros((level_count, 2))
    for t in range(positions.size):
        n = positions[t]
        level = np.int64(levels[n]) - 1
        tones[level, 0] += 1
        if neighbours[t]:
            tones[level, 1] += abs(np.float64(greys[n]) - np.float64(total[n - first]) / np.float64(neighbours[t]))
    return tones


@compiled
def _root(parent, n):  # type: ignore[no-untyped-def]
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n


@compiled
def _join(parent, root, other):  # type: ignore[no-untyped-def]
    found = _root(parent, other)
    if found < root:
        parent[root] = found
        return found
    parent[found] = root
    return root


@compiled
def _joined(levels, positions, offsets):  # type: ignore[no-untyped-def]
    """Parents of the union-find over neighbours of equal level: int32 (padded voxels,), set at `positions` only.

    A voxel looks only at those earlier neighbours that are not known to be joined already: when the one in the slice
    before is equal, it touches all the others; when the one before in the row, or the one in the row before, is equal,
    4 or 3 remain.
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
    return parent


@compiled
def roots(levels, positions, offsets):  # type: ignore[no-untyped-def]
    """A number for the connected part (26 neighbours of equal level) of each voxel: int32 (n,), the same inside one."""
    parent = _joined(levels, positions, offsets)
    found = np.empty(positions.size, np.int32)
    for t in range(positions.size):
        n = positions[t]
        parent[n] = parent[parent[n]]  # parents come earlier, so they are resolved
        found[t] = parent[n]
    return found


@compiled
def zones(levels, positions, offsets):  # type: ignore[no-untyped-def]
    """Connected parts (26 neighbours) of equal level, by union-find in scan order.

    Returns
    -------
    uint16 (zones,) level, int32 (zones,) voxels
    """
    parent = _joined(levels, positions, offsets)
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
