"""Passes over the voxels of an image, compiled for the CPU: fill, outliers, labels, block means, morphology, coverage.

Arrays are (slices, rows, columns). No kernel checks its input; the modules that call them do.
"""

from __future__ import annotations

import numpy as np

from models.compiled import compiled


@compiled
def flood_fill(voxels, values, smallest, fill):  # type: ignore[no-untyped-def]
    """Add to `fill` (bool, in place) the runs of one of `values` that reach the edge of their slice.

    Parameters
    ----------
    voxels : float32
    values : float32 (candidates,)
    smallest : pixels; a smaller run is left alone
    """
    slices, rows, columns = voxels.shape
    stack = np.empty(rows * columns, np.int64)
    for s in range(slices):
        image = voxels[s]
        seen = np.zeros(rows * columns, np.bool_)
        for edge in range(2 * (rows + columns)):
            if edge < 2 * columns:
                row, column = (0 if edge < columns else rows - 1), edge % columns
            else:
                row, column = (edge - 2 * columns) % rows, (0 if edge - 2 * columns < rows else columns - 1)
            value = image[row, column]
            if seen[row * columns + column]:
                continue
            known = False
            for k in range(values.size):
                known = known or value == values[k]
            if not known:
                continue
            stack[0] = row * columns + column
            seen[stack[0]] = True
            size, done = 1, 0
            while done < size:
                place = stack[done]
                done += 1
                r, c = place // columns, place % columns
                for dr, dc in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    y, x = r + dr, c + dc
                    if 0 <= y < rows and 0 <= x < columns:
                        other = y * columns + x
                        if not seen[other] and image[y, x] == value:
                            seen[other] = True
                            stack[size] = other
                            size += 1
            if size >= smallest:
                for k in range(size):
                    fill[s, stack[k] // columns, stack[k] % columns] = True


@compiled
def outliers(voxels, usable, low, high):  # type: ignore[no-untyped-def]
    """Places of usable voxels outside `low` to `high` whose 3 × 3 median in the plane is inside, and that median.

    Returns
    -------
    int64 (n, 3) places, float32 (n,) medians
    """
    slices, rows, columns = voxels.shape
    count = 0
    for s in range(slices):
        for r in range(rows):
            for c in range(columns):
                if usable[s, r, c] and not low <= voxels[s, r, c] <= high:
                    count += 1
    places = np.empty((count, 3), np.int64)
    medians = np.empty(count, np.float32)
    near = np.empty(9, np.float32)
    found = 0
    if count == 0:
        return places, medians
    for s in range(slices):
        for r in range(rows):
            for c in range(columns):
                if usable[s, r, c] and not low <= voxels[s, r, c] <= high:
                    n = 0
                    for y in range(max(r - 1, 0), min(r + 2, rows)):
                        for x in range(max(c - 1, 0), min(c + 2, columns)):
                            if usable[s, y, x]:
                                near[n] = voxels[s, y, x]
                                n += 1
                    median = np.sort(near[:n])[(n - 1) // 2]
                    if low <= median <= high:
                        places[found, 0], places[found, 1], places[found, 2] = s, r, c
                        medians[found] = median
                        found += 1
    return places[:found], medians[:found]


@compiled
def flat_patches(voxels, usable, lowest):  # type: ignore[no-untyped-def]
    """Bool: the 3 × 3 patches in the plane that hold one value, `lowest` or more."""
    slices, rows, columns = voxels.shape
    flat = np.zeros(voxels.shape, np.bool_)
    for s in range(slices):
        for r in range(1, rows - 1):
            for c in range(1, columns - 1):
                value = voxels[s, r, c]
                if value < lowest or not usable[s, r, c]:
                    continue
                alike = True
                for y in range(r - 1, r + 2):
                    for x in range(c - 1, c + 2):
                        alike = alike and voxels[s, y, x] == value
                if alike:
                    flat[s, r - 1 : r + 2, c - 1 : c + 2] = True
    return flat


@compiled
def block_means(voxels, usable, sides, starts, shape, low, high):  # type: ignore[no-untyped-def]
    """Mean over the usable voxels of each block, values cut at `low` and `high`, and their number.

    Parameters
    ----------
    voxels : float32
    usable : bool, same shape
    sides : voxels of a block along each axis
    starts : first voxel of the first block along each axis
    shape : blocks along each axis; the last may be cut off by the edge

    Returns
    -------
    float64 sums divided by counts (0 where there is none), int64 counts, both of `shape`
    """
    sums = np.zeros(shape, np.float64)
    counts = np.zeros(shape, np.int64)
    slices, rows, columns = voxels.shape
    for bs in range(shape[0]):
        first = starts[0] + bs * sides[0]
        for s in range(first, min(first + sides[0], slices)):
            for br in range(shape[1]):
                top = starts[1] + br * sides[1]
                for r in range(top, min(top + sides[1], rows)):
                    values, wanted = voxels[s, r], usable[s, r]
                    for bc in range(shape[2]):
                        left = starts[2] + bc * sides[2]
                        total, count = 0.0, 0
                        for c in range(left, min(left + sides[2], columns)):
                            value = min(max(np.float64(values[c]), low), high)
                            total += value * wanted[c]
                            count += wanted[c]
                        sums[bs, br, bc] += total
                        counts[bs, br, bc] += count
    for bs in range(shape[0]):
        for br in range(shape[1]):
            for bc in range(shape[2]):
                if counts[bs, br, bc] > 0:
                    sums[bs, br, bc] /= counts[bs, br, bc]
    return sums, counts


@compiled
def spread(blocks, sides, shape):  # type: ignore[no-untyped-def]
    """Every voxel has the value of its block: bool of `shape`."""
    result = np.empty(shape, np.bool_)
    for s in range(shape[0]):
        for r in range(shape[1]):
            row = blocks[s // sides[0], r // sides[1]]
            for block in range(row.size):
                result[s, r, block * sides[2] : (block + 1) * sides[2]] = row[block]
    return result


@compiled
def grown(mask, beyond):  # type: ignore[no-untyped-def]
    """Dilation by the six neighbours of a voxel; what lies beyond the edge counts as `beyond`."""
    slices, rows, columns = mask.shape
    result = np.empty(mask.shape, np.bool_)
    for s in range(slices):
        for r in range(rows):
            for c in range(columns):
                result[s, r, c] = (
                    mask[s, r, c]
                    or (mask[s - 1, r, c] if s > 0 else beyond)
                    or (mask[s + 1, r, c] if s < slices - 1 else beyond)
                    or (mask[s, r - 1, c] if r > 0 else beyond)
                    or (mask[s, r + 1, c] if r < rows - 1 else beyond)
                    or (mask[s, r, c - 1] if c > 0 else beyond)
                    or (mask[s, r, c + 1] if c < columns - 1 else beyond)
                )
    return result


@compiled
def local_variation(voxels, usable, side, zero):  # type: ignore[no-untyped-def]
    """Standard deviation over mean, above `zero`, of every tile of `side` × `side` pixels that is usable throughout."""
    slices, rows, columns = voxels.shape
    result = np.empty(slices * (rows // side) * (columns // side), np.float64)
    found = 0
    for s in range(slices):
        for top in range(0, rows - side + 1, side):
            for left in range(0, columns - side + 1, side):
                total, squares, whole = 0.0, 0.0, True
                for r in range(top, top + side):
                    if not whole:
                        break
                    for c in range(left, left + side):
                        whole = whole and usable[s, r, c]
                        value = np.float64(voxels[s, r, c]) - zero
                        total += value
                        squares += value * value
                if whole and total > 0:
                    n = side * side
                    mean = total / n
                    result[found] = np.sqrt(max(squares / n - mean * mean, 0.0)) / mean
                    found += 1
    return result[:found]


@compiled
def coverage(mask, to_mask, low, shape, parts):  # type: ignore[no-untyped-def]
    """Share of each voxel of a box that a region on another grid covers: float64 of `shape`.

    Parameters
    ----------
    mask : bool, the region
    to_mask : float64 (4, 4), voxel of the box's grid → voxel of the region's
    low : first voxel of the box
    parts : points along each axis of a voxel, evenly spaced
    """
    result = np.zeros(shape, np.float64)
    weight = 1.0 / (parts[0] * parts[1] * parts[2])
    for s in range(shape[0]):
        for r in range(shape[1]):
            for c in range(shape[2]):
                inside = 0
                for i in range(parts[0]):
                    a = low[0] + s + (i + 0.5) / parts[0] - 0.5
                    for j in range(parts[1]):
                        b = low[1] + r + (j + 0.5) / parts[1] - 0.5
                        for k in range(parts[2]):
                            d = low[2] + c + (k + 0.5) / parts[2] - 0.5
                            # A tie goes one way, and rounding noise does not decide it.
                            x = int(
                                np.ceil(
                                    to_mask[0, 0] * a + to_mask[0, 1] * b + to_mask[0, 2] * d + to_mask[0, 3] - 0.501
                                )
                            )
                            y = int(
                                np.ceil(
                                    to_mask[1, 0] * a + to_mask[1, 1] * b + to_mask[1, 2] * d + to_mask[1, 3] - 0.501
                                )
                            )
                            z = int(
                                np.ceil(
                                    to_mask[2, 0] * a + to_mask[2, 1] * b + to_mask[2, 2] * d + to_mask[2, 3] - 0.501
                                )
                            )
                            if 0 <= x < mask.shape[0] and 0 <= y < mask.shape[1] and 0 <= z < mask.shape[2]:
                                inside += mask[x, y, z]
                result[s, r, c] = inside * weight
    return result
