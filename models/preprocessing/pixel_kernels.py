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
def alone(fill):  # type: ignore[no-untyped-def]
    """Places of voxels that are no fill while all their neighbours in the plane are: int64 (n, 3)."""
    slices, rows, columns = fill.shape
    places = []
    for s in range(slices):
        for r in range(rows):
            for c in range(columns):
                if fill[s, r, c] or (c > 0 and not fill[s, r, c - 1]) or (c < columns - 1 and not fill[s, r, c + 1]):
                    continue
                others = 0
                for y in range(max(r - 1, 0), min(r + 2, rows)):
                    for x in range(max(c - 1, 0), min(c + 2, columns)):
                        others += not fill[s, y, x]
                if others == 1:
                    places.append((s, r, c))
    found = np.empty((len(places), 3), np.int64)
    for k in range(len(places)):
        found[k, 0], found[k, 1], found[k, 2] = places[k]
    return found


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
    width = min(columns - starts[2], shape[2] * sides[2])
    # A row is cut and weighted first, and added up after: two loops that the compiler makes vectors of.
    values, wanted = np.zeros(shape[2] * sides[2], np.float64), np.zeros(shape[2] * sides[2], np.int64)
    for bs in range(shape[0]):
        first = starts[0] + bs * sides[0]
        for s in range(first, min(first + sides[0], slices)):
            for br in range(shape[1]):
                top = starts[1] + br * sides[1]
                for r in range(top, min(top + sides[1], rows)):
                    row, used = voxels[s, r, starts[2] :], usable[s, r, starts[2] :]
                    for c in range(width):
                        value = np.float64(row[c])
                        value = low if value < low else value
                        value = high if value > high else value
                        values[c] = value if used[c] else 0.0
                        wanted[c] = used[c]
                    _add_up(values, sides[2], sums[bs, br])
                    _add_up(wanted, sides[2], counts[bs, br])
    for bs in range(shape[0]):
        for br in range(shape[1]):
            for bc in range(shape[2]):
                if counts[bs, br, bc] > 0:
                    sums[bs, br, bc] /= counts[bs, br, bc]
    return sums, counts


@compiled
def _add_up(values, side, sums):  # type: ignore[no-untyped-def]
    """Add each `side` values to their sum, from left to right; the usual sides are written out for the compiler."""
    if side == 2:
        for k in range(sums.size):
            sums[k] += values[2 * k] + values[2 * k + 1]
    elif side == 3:
        for k in range(sums.size):
            sums[k] += values[3 * k] + values[3 * k + 1] + values[3 * k + 2]
    elif side == 4:
        for k in range(sums.size):
            sums[k] += values[4 * k] + values[4 * k + 1] + values[4 * k + 2] + values[4 * k + 3]
    else:
        for k in range(sums.size):
            total = values[side * k]
            for other in range(side * k + 1, side * (k + 1)):
                total += values[other]
            sums[k] += total


@compiled
def spread(blocks, sides, shape):  # type: ignore[no-untyped-def]
    """Every voxel has the value of its block: bool of `shape`."""
    result = np.empty(shape, np.bool_)
    for s in range(shape[0]):
        if s % sides[0]:
            result[s] = result[s - 1]
            continue
        for r in range(shape[1]):
            if r % sides[1]:
                result[s, r] = result[s, r - 1]
                continue
            row = blocks[s // sides[0], r // sides[1]]
            for block in range(row.size):
                for c in range(block * sides[2], min((block + 1) * sides[2], shape[2])):
                    result[s, r, c] = row[block]
    return result


@compiled
def grown(mask, beyond):  # type: ignore[no-untyped-def]
    """Dilation by the six neighbours of a voxel; what lies beyond the edge counts as `beyond`."""
    slices, rows, _ = mask.shape
    result = np.empty(mask.shape, np.bool_)
    for s in range(slices):
        for r in range(rows):
            # One neighbour after the other along the whole row: bytes that the compiler takes many at a time.
            row, here = result[s, r], mask[s, r]
            row[:] = here
            for other in (s - 1, s + 1):
                if 0 <= other < slices:
                    row |= mask[other, r]
                elif beyond:
                    row[:] = True
            for other in (r - 1, r + 1):
                if 0 <= other < rows:
                    row |= mask[s, other]
                elif beyond:
                    row[:] = True
            row[1:] |= here[:-1]
            row[:-1] |= here[1:]
            if beyond:
                row[0] = row[-1] = True
    return result


@compiled
def outside(mask, across):  # type: ignore[no-untyped-def]
    """Bool: voxels outside the mask from where a way through other such voxels leads to the edge of the array.

    Parameters
    ----------
    across : the way may lead from slice to slice, and the first and last slice are edges; else it stays in its slice
    """
    slices, rows, columns = mask.shape
    found = np.zeros(mask.shape, np.bool_)
    stack = np.empty(mask.size, np.int64)
    size = 0
    for s in range(slices):
        for r in range(rows):
            at_edge = r == 0 or r == rows - 1 or (across and (s == 0 or s == slices - 1))
            step = 1 if at_edge or columns == 1 else columns - 1
            for c in range(0, columns, step):
                if not mask[s, r, c]:
                    found[s, r, c] = True
                    stack[size] = (s * rows + r) * columns + c
                    size += 1
    while size:
        size -= 1
        place = stack[size]
        c, rest = place % columns, place // columns
        r, s = rest % rows, rest // rows
        for axis in range(0 if across else 1, 3):
            for step in (-1, 1):
                i = s + step if axis == 0 else s
                j = r + step if axis == 1 else r
                k = c + step if axis == 2 else c
                if 0 <= i < slices and 0 <= j < rows and 0 <= k < columns and not mask[i, j, k] and not found[i, j, k]:
                    found[i, j, k] = True
                    stack[size] = (i * rows + j) * columns + k
                    size += 1
    return found


@compiled
def outline(body, other):  # type: ignore[no-untyped-def]
    """Pairs of neighbours in the plane of which one is body and the other is not; and those where it is `other`."""
    slices, rows, columns = body.shape
    pairs = with_other = 0
    for s in range(slices):
        for r in range(rows):
            here, fill = body[s, r], other[s, r]
            for c in range(columns - 1):
                pairs += here[c] != here[c + 1]
                with_other += (here[c] & fill[c + 1]) + (here[c + 1] & fill[c])
            if r:
                above, fill_above = body[s, r - 1], other[s, r - 1]
                for c in range(columns):
                    pairs += here[c] != above[c]
                    with_other += (here[c] & fill_above[c]) + (above[c] & fill[c])
    return pairs, with_other


@compiled
def local_variation(voxels, usable, side, zero):  # type: ignore[no-untyped-def]
    """Standard deviation over mean, above `zero`, of every tile of `side` × `side` pixels that is usable throughout."""
    slices, rows, columns = voxels.shape
    result = np.empty(slices * (rows // side) * (columns // side), np.float64)
    found = 0
    for s in range(slices):
        for top in range(0, rows - side + 1, side):
            for left in range(0, columns - side + 1, side):
                total, squares = 0.0, 0.0
                whole = usable[s, top, left] and usable[s, top + side - 1, left + side - 1]
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
