"""Invariant: features of far-apart lesions do not depend on the way in which the engine stores them."""

from __future__ import annotations

import numpy as np
import pytest

import models.features.pieces as pieces
from models.features.own import OwnEngine
from models.features.pieces import covering, is_sparse, lines_hold_two, side_by_side
from models.features.settings import FeatureSettings
from models.features.texture import region_geometry
from models.volume import Region, Roi, Volume
from tests.models.features.reference import affine_of, differences, pyradiomics_values, roi_of, volume_of

SPACING = (1.5, 0.9, 0.8)


def study(shape: tuple[int, int, int], places: list[tuple[int, int, int]], radius: float) -> tuple[Volume, np.ndarray]:
    """An image of noise and a mask of ragged balls."""
    rng = np.random.default_rng(5)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    mask = np.zeros(shape, bool)
    for s, r, c in places:
        mask |= (z - s) ** 2 + (y - r) ** 2 + (x - c) ** 2 <= radius**2
    return volume_of(rng.normal(300, 60, shape).astype(np.float32), SPACING), mask & (rng.random(shape) > 0.1)


def values(volume: Volume, mask: np.ndarray, settings: FeatureSettings) -> dict[str, float]:
    return OwnEngine().extract(volume, {Region.INTRATUMORAL: roi_of(mask, SPACING)}, settings)[Region.INTRATUMORAL]


@pytest.mark.parametrize(
    "settings",
    [FeatureSettings(), FeatureSettings(normalize=False, wavelet="haar", wavelet_levels=2)],
    ids=["default", "raw, two levels"],
)
@pytest.mark.parametrize(
    "places",
    [
        [(12, 12, 12), (28, 70, 72)],
        [(12, 12, 12), (28, 12, 72), (20, 70, 40)],
        [(0, 0, 40), (39, 79, 40)],  # at the edge of the image
    ],
    ids=["two", "three", "at the edge"],
)
def test_no_bit_differs_from_the_features_of_the_whole_box(
    places: list[tuple[int, int, int]], settings: FeatureSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, mask = study((40, 80, 84), places, 4)
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 12)
    assert region_geometry(mask).places is not None
    apart = values(volume, mask, settings)
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 40)
    assert apart == values(volume, mask, settings)


def test_two_regions_of_far_lesions(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, tumour = study((40, 80, 84), [(12, 20, 20), (28, 66, 66)], 4)
    _, around = study((40, 80, 84), [(12, 20, 20), (28, 66, 66)], 7)
    rois = {Region.INTRATUMORAL: roi_of(tumour, SPACING), Region.PERITUMORAL: roi_of(around & ~tumour, SPACING)}
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 12)
    apart = OwnEngine().extract(volume, rois, FeatureSettings())
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 40)
    assert apart == OwnEngine().extract(volume, rois, FeatureSettings())


def test_far_lesions_equal_pyradiomics(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, mask = study((24, 50, 52), [(6, 8, 8), (18, 42, 40)], 3)
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 12)
    reference = pyradiomics_values(volume, roi_of(mask, SPACING), FeatureSettings())
    assert differences(values(volume, mask, FeatureSettings()), reference) == []


def test_two_lesions_in_one_slice_lie_in_a_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, mask = study((12, 80, 84), [(6, 10, 12), (6, 66, 70)], 4)
    mask &= (np.arange(12) == 6)[:, None, None]
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 10)
    apart = values(volume, mask, FeatureSettings(wavelet=None))
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 40)
    assert apart == values(volume, mask, FeatureSettings(wavelet=None))


def test_parts_side_by_side_are_the_parts() -> None:
    mask = np.random.default_rng(1).random((30, 40, 50)) < 0.002
    found = side_by_side(mask)
    assert found is not None
    assert found.mask.size < mask.size / 2
    np.testing.assert_array_equal(found.places, np.argwhere(mask))
    assert found.mask.sum() == mask.sum()
    assert len(np.unique(found.positions)) == mask.sum()
    rebuilt = np.zeros(np.array(mask.shape) + 2, np.uint8)
    for piece in found.each:
        part = found.mask[piece.where]
        assert not part[[0, -1]].any()
        assert not part[:, [0, -1]].any()
        assert not part[:, :, [0, -1]].any()
        rebuilt[tuple(slice(a, a + n) for a, n in zip(piece.first, part.shape, strict=True))] |= part
    np.testing.assert_array_equal(rebuilt[1:-1, 1:-1, 1:-1], mask)


def test_a_region_of_one_part_stays_where_it_is() -> None:
    mask = np.zeros((40, 40, 40), bool)
    mask[np.arange(40), np.arange(40), np.arange(40)] = True
    assert side_by_side(mask) is None
    assert not is_sparse(1000, 2)
    assert not is_sparse(1 << 20, 1 << 18)


@pytest.mark.parametrize("scattered", [False, True])
def test_boxes_that_cover_hold_every_voxel_once(scattered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_SMALL_BOX", 1 << 12)
    if scattered:
        mask = np.random.default_rng(2).random((60, 90, 90)) < 0.0001
    else:
        _, mask = study((60, 90, 90), [(5, 5, 5), (50, 80, 80)], 4)
    places = np.argwhere(mask)
    groups = covering(places, 5)
    np.testing.assert_array_equal(np.sort(np.concatenate(groups)), np.arange(len(places)))
    volumes = [np.prod(np.ptp(places[group], axis=0) + 6) for group in groups]
    assert len(groups) > 1
    assert sum(volumes) < mask.size / (2 if scattered else 50)


def test_lines_through_two_places() -> None:
    places = np.array([(0, 0, 0), (2, 4, 2), (5, 4, 7)])
    assert not lines_hold_two(places, (1, 1, 1))
    assert not lines_hold_two(places, (0, 1, 0))
    assert lines_hold_two(np.array([(0, 5, 1), (3, 2, 4)]), (1, -1, 1))
    assert lines_hold_two(np.array([(1, 5, 1), (1, 2, 4)]), (0, 1, -1))
    assert lines_hold_two(np.array([(1, 5, 1), (1, 5, 4)]), (0, 0, 1))


def test_placed_apart_from_the_origin() -> None:
    volume, mask = study((40, 80, 84), [(12, 12, 12), (28, 70, 72)], 4)
    affine = affine_of(SPACING)
    affine[:3, 3] = 10, -20, 30
    moved = OwnEngine().extract(
        Volume(affine, volume.voxels), {Region.INTRATUMORAL: Roi(affine, mask, "x")}, FeatureSettings(wavelet=None)
    )[Region.INTRATUMORAL]
    assert moved == values(volume, mask, FeatureSettings(wavelet=None))
