"""Passes over a volume or a box, compiled for the CPU: sums, bounding box, grey levels, wavelet filters.

No kernel checks its input; the modules that call them do.
"""

from __future__ import annotations

import numpy as np

from models.compiled import compiled


@compiled
def exact_sums(voxels, lanes):  # type: ignore[no-untyped-def]
    """Parts that add up to the sum and to the sum of squares without rounding error, and the extremes, in one pass.

    Every `lanes`-th voxel goes into the same pair of accumulators: rounded sum, and sum of its rounding errors (Knuth's
    TwoSum). Lanes are independent, so the compiler makes vector instructions of the loop over them.

    Parameters
    ----------
    voxels : float32 or float64 (n,)
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


@compiled
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


@compiled
def places_of(mask):  # type: ignore[no-untyped-def]
    """Indices of the voxels of a bool (slices, rows, columns) mask in scan order: int64 (voxels, 3)."""
    slices, rows, columns = mask.shape
    count = 0
    for s in range(slices):
        for r in range(rows):
            line = mask[s, r]
            for c in range(columns):
                count += line[c]
    places = np.empty((count, 3), np.int64)
    n = 0
    for s in range(slices):
        for r in range(rows):
            line = mask[s, r]
            any_set = False
            for c in range(columns):
                any_set |= line[c]
            if not any_set:
                continue
            for c in range(columns):
                if line[c]:
                    places[n, 0], places[n, 1], places[n, 2] = s, r, c
                    n += 1
    return places


@compiled
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


@compiled
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


@compiled
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
