"""Oracle: the compiled passes against plain versions of the same (NumPy, SciPy), bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from models.distance import squared_distance_mm2
from models.preprocessing import pixel_kernels

SHAPE = (5, 23, 26)
RNG = np.random.default_rng(12)
VOXELS = RNG.normal(100, 60, SHAPE).astype(np.float32)
USABLE = RNG.random(SHAPE) > 0.2
# Blobs with holes, some of them open to the edge.
MASK = ndimage.gaussian_filter(RNG.normal(0, 1, SHAPE), 1.2) > 0.02


@pytest.mark.parametrize(("sides", "starts"), [((1, 2, 2), (0, 0, 0)), ((2, 3, 3), (0, 1, 1)), ((4, 4, 4), (0, 1, 1))])
@pytest.mark.parametrize(("low", "high"), [(20.0, 180.0), (-np.inf, np.inf)])
def test_block_means(sides: tuple[int, int, int], starts: tuple[int, int, int], low: float, high: float) -> None:
    shape = tuple(-(-(size - start) // side) for size, start, side in zip(SHAPE, starts, sides, strict=True))
    means, counts = pixel_kernels.block_means(VOXELS, USABLE, sides, starts, shape, low, high)
    for place in np.ndindex(*shape):
        block = tuple(slice(s + p * side, s + (p + 1) * side) for s, p, side in zip(starts, place, sides, strict=True))
        usable = USABLE[block]
        total = 0.0
        for row, wanted in zip(
            VOXELS[block].reshape(-1, usable.shape[2]), usable.reshape(-1, usable.shape[2]), strict=True
        ):
            total += sum(float(min(max(float(value), low), high)) for value in row[wanted])
        assert counts[place] == np.count_nonzero(usable)
        assert means[place] == (total / counts[place] if counts[place] else 0)


@pytest.mark.parametrize("side", [1, 5])
def test_block_means_of_other_sides(side: int) -> None:
    shape = tuple(-(-size // side) for size in SHAPE)
    _, counts = pixel_kernels.block_means(VOXELS, USABLE, (side,) * 3, (0, 0, 0), shape, -np.inf, np.inf)
    means, _ = pixel_kernels.block_means(VOXELS, USABLE, (side,) * 3, (0, 0, 0), shape, -np.inf, np.inf)
    whole = ndimage.sum_labels(np.where(USABLE, VOXELS, 0).astype(float), _blocks(side), np.arange(counts.size))
    np.testing.assert_allclose((means * counts).ravel(), whole, rtol=1e-12, atol=1e-9)
    assert counts.sum() == np.count_nonzero(USABLE)


def _blocks(side: int) -> NDArray[np.intp]:
    shape = [-(-size // side) for size in SHAPE]
    indices = [index // side for index in np.indices(SHAPE)]
    return np.ravel_multi_index(indices, shape)


def test_blocks_spread_over_their_voxels() -> None:
    sides = (2, 3, 4)
    blocks = RNG.random([-(-size // side) for size, side in zip(SHAPE, sides, strict=True)]) > 0.5
    expected = blocks
    for axis, side in enumerate(sides):
        expected = np.repeat(expected, side, axis=axis)
    spread = pixel_kernels.spread(blocks, sides, SHAPE)
    np.testing.assert_array_equal(spread, expected[tuple(slice(size) for size in SHAPE)])


@pytest.mark.parametrize("beyond", [False, True])
def test_dilation(beyond: bool) -> None:
    ball = ndimage.generate_binary_structure(3, 1)
    expected = ndimage.binary_dilation(MASK, ball, border_value=int(beyond))
    np.testing.assert_array_equal(pixel_kernels.grown(MASK, beyond), expected)


def test_what_is_outside_and_what_is_enclosed() -> None:
    np.testing.assert_array_equal(~pixel_kernels.outside(MASK, True), ndimage.binary_fill_holes(MASK))
    expected = np.stack([ndimage.binary_fill_holes(one) for one in MASK])
    np.testing.assert_array_equal(~pixel_kernels.outside(MASK, False), expected)
    assert np.count_nonzero(expected & ~MASK)  # there are holes


def test_outline_beside_something_else() -> None:
    pairs = beside = 0
    for axis in (1, 2):
        for one, other in ((MASK, USABLE), (np.flip(MASK, axis), np.flip(USABLE, axis))):
            inside, next_one = (np.moveaxis(a, axis, 0)[b] for a, b in ((one, slice(None, -1)), (one, slice(1, None))))
            pairs += np.count_nonzero(inside & ~next_one)
            beside += np.count_nonzero(inside & np.moveaxis(other, axis, 0)[1:])
    assert pixel_kernels.outline(MASK, USABLE) == (pairs, beside)


def test_local_variation() -> None:
    positive = np.abs(VOXELS) + 1
    expected = [
        tile.std() / tile.mean()
        for s in range(SHAPE[0])
        for r in range(0, SHAPE[1] - 2, 3)
        for c in range(0, SHAPE[2] - 2, 3)
        if USABLE[s, r : r + 3, c : c + 3].all()
        for tile in [positive[s, r : r + 3, c : c + 3].astype(float)]
    ]
    np.testing.assert_allclose(pixel_kernels.local_variation(positive, USABLE, 3, 0.0), expected, rtol=1e-6)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (4.0, 0.7, 1.3), (0.6, 2.0, 0.5)])
@pytest.mark.parametrize("reach_mm", [2.0, 7.0, 100.0])
def test_distances(spacing_mm: tuple[float, float, float], reach_mm: float) -> None:
    some = np.zeros(SHAPE, dtype=bool)
    some[tuple(RNG.integers(0, SHAPE, (6, 3)).T)] = True
    expected = ndimage.distance_transform_edt(~some, sampling=spacing_mm)
    found = np.sqrt(squared_distance_mm2(some, spacing_mm=spacing_mm, reach_mm=reach_mm + 1e-6))
    np.testing.assert_allclose(found, np.where(expected <= reach_mm + 1e-6, expected, np.inf), rtol=1e-12)
    assert np.isinf(squared_distance_mm2(np.zeros(SHAPE, bool), spacing_mm=spacing_mm, reach_mm=reach_mm)).all()
