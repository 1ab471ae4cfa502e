"""Oracle: the counting kernels against the plain definition, voxel by voxel."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import pywt
from scipy import ndimage
from scipy.spatial.distance import pdist

from models.features.families.shape import axis_variances, mesh_diameters, shape_features
from models.features.filters.image_box import image_statistics
from models.features.filters.wavelet import box_sub_bands
from models.features.kernels import box as box_kernels
from models.features.kernels import mesh as mesh_kernels
from models.features.kernels import texture as texture_kernels
from models.features.kernels.marching_cubes import mesh_area_and_volume
from models.features.texture import RegionGeometry, connected_parts, region_geometry


@pytest.fixture(params=[0.3, 0.6, 0.95], ids=lambda density: f"density {density}")
def region(request: pytest.FixtureRequest) -> tuple[RegionGeometry, np.ndarray]:
    """A random region and its padded levels 1 … 4."""
    rng = np.random.default_rng(7)
    mask = rng.random((5, 6, 12)) < request.param  # rows of 12: steps shorter and longer than a stretch of the kernels
    geometry = region_geometry(mask)
    return geometry, np.where(geometry.mask, rng.integers(1, 5, geometry.mask.shape), 0).astype(np.uint16)


def voxels_of(levels: np.ndarray) -> list[tuple[int, int, int]]:
    return [tuple(map(int, where)) for where in np.argwhere(levels)]


def moved(where: tuple[int, int, int], direction: tuple[int, int, int], times: int = 1) -> tuple[int, int, int]:
    s, r, c = (a + times * b for a, b in zip(where, direction, strict=True))
    return s, r, c


def test_pairs(region: tuple[RegionGeometry, np.ndarray]) -> None:
    geometry, levels = region
    found = texture_kernels.count_pairs(levels.ravel(), geometry.positions, geometry.offsets, 4)
    for a, direction in enumerate(texture_kernels.DIRECTIONS):
        expected = Counter((levels[w], levels[moved(w, direction)]) for w in voxels_of(levels))
        for i in range(1, 5):
            for j in range(1, 5):
                assert found[a, i - 1, j - 1] == expected[i, j]


def test_runs(region: tuple[RegionGeometry, np.ndarray]) -> None:
    geometry, levels = region
    found = texture_kernels.count_runs(levels.ravel(), geometry.positions, geometry.offsets, 4, 12)
    for a, direction in enumerate(texture_kernels.DIRECTIONS):
        expected: Counter[tuple[int, int]] = Counter()
        for where in voxels_of(levels):
            if levels[moved(where, direction, -1)] != levels[where]:
                length = 1
                while levels[moved(where, direction, length)] == levels[where]:
                    length += 1
                expected[int(levels[where]), length] += 1
        assert {(i + 1, j + 1): found[a, i, j] for i, j in np.argwhere(found[a])} == expected


def test_neighbourhoods(region: tuple[RegionGeometry, np.ndarray]) -> None:
    geometry, levels = region
    greys = np.array([0, 2, 3, 7, 11], np.uint16)[levels]  # levels that do not occur make gaps
    where = (geometry.positions, geometry.offsets)
    dependences = texture_kernels.count_dependences(levels.ravel(), *where, 4)
    tones = texture_kernels.count_tones(levels.ravel(), greys.ravel(), *where, geometry.neighbours, 4)
    expected_dependences = np.zeros((4, 27))
    expected_tones = np.zeros((4, 2))
    for where in voxels_of(levels):
        around = [moved(where, d, sign) for d in texture_kernels.DIRECTIONS for sign in (-1, 1)]
        inside = [float(greys[n]) for n in around if levels[n]]
        level = levels[where] - 1
        expected_dependences[level, sum(levels[n] == levels[where] for n in around)] += 1
        expected_tones[level] += 1, abs(greys[where] - np.mean(inside)) if inside else 0
    np.testing.assert_array_equal(dependences, expected_dependences)
    np.testing.assert_allclose(tones, expected_tones, rtol=1e-14)


def test_zones(region: tuple[RegionGeometry, np.ndarray]) -> None:
    geometry, levels = region
    found = texture_kernels.zones(levels.ravel(), geometry.positions, geometry.offsets)
    expected: Counter[tuple[int, int]] = Counter()
    for level in range(1, 5):
        labels, count = ndimage.label(levels == level, structure=np.ones((3, 3, 3)))
        expected.update((level, int(np.sum(labels == k))) for k in range(1, count + 1))
    assert Counter(zip(*(part.tolist() for part in found), strict=True)) == expected


def test_connected_parts(region: tuple[RegionGeometry, np.ndarray]) -> None:
    geometry, _ = region
    assert connected_parts(geometry) == ndimage.label(geometry.mask, structure=np.ones((3, 3, 3)))[1]


def test_lines_with_two_voxels() -> None:
    mask = np.zeros((3, 4, 5), bool)
    mask[0, 0, 0] = mask[0, 0, 1] = mask[2, 2, 2] = True
    lined = dict(zip(texture_kernels.DIRECTIONS, region_geometry(mask).lined, strict=True))
    assert [direction for direction, holds in lined.items() if holds] == [(0, 0, 1), (1, 1, 1)]


def test_digitise_equals_numpy() -> None:
    rng = np.random.default_rng(3)
    for dtype in (np.float32, np.float64):
        values = rng.normal(0, 100, 2000).astype(dtype)
        edges = np.arange(-250, 260, 12.5).astype(dtype)
        values[:40] = edges[:40]  # a value on an edge belongs to the bin above
        levels, counts = box_kernels.digitise(values, edges, 12.5)
        np.testing.assert_array_equal(levels, np.digitize(values, edges))
        np.testing.assert_array_equal(counts, np.bincount(levels, minlength=edges.size + 1))


def test_statistics_are_exact() -> None:
    voxels = (np.random.default_rng(4).normal(300, 100, (7, 31, 45))).astype(np.float32)
    found = image_statistics(voxels)
    exact = [float(v) for v in voxels.ravel()]
    assert found.mean == math.fsum(exact) / len(exact)
    assert found.deviation == pytest.approx(np.std(exact, ddof=1), rel=1e-13)
    assert (found.minimum, found.maximum) == (min(exact), max(exact))


def test_bounding_box() -> None:
    mask = np.zeros((6, 7, 8), bool)
    mask[2, 5, 1] = mask[4, 3, 6] = True
    np.testing.assert_array_equal(box_kernels.bounding_box(mask), [[2, 4], [3, 5], [1, 6]])


def test_diameters_equal_trying_every_pair() -> None:
    rng = np.random.default_rng(5)
    for density in (0.05, 0.5, 1.0):
        mask = np.pad(rng.random((6, 8, 9)) < density, 1).astype(np.uint8)
        mask[3, 4, 4] = 1
        points = mesh_kernels.boundary_points(mask)
        spacing = np.array([2.5, 0.9, 0.7])
        places = points * 0.5 * spacing
        in_plane = [
            max(pdist(places[points[:, axis] == k]).max(initial=0) for k in np.unique(points[:, axis]))
            for axis in range(3)
        ]
        assert mesh_diameters(points, spacing) == pytest.approx((*in_plane, pdist(places).max()), rel=1e-15)


def test_mesh_of_one_voxel_is_an_octahedron() -> None:
    mask = np.zeros((3, 3, 3), np.uint8)
    mask[1, 1, 1] = 1
    cubes, where = mesh_kernels.cube_statistics(mask)
    area, volume = mesh_area_and_volume(cubes, where, np.ones(3))
    edge = math.sqrt(0.5)
    assert area == pytest.approx(2 * math.sqrt(3) * edge**2)
    assert volume == pytest.approx(math.sqrt(2) / 3 * edge**3)


def test_mesh_of_a_ball_approaches_the_ball() -> None:
    z, y, x = np.ogrid[-22:23, -22:23, -22:23]
    ball = (z**2 + y**2 + x**2 <= 20**2).astype(np.uint8)
    shape = shape_features([(ball, np.zeros(3, int))], (0.5, 0.5, 0.5))
    assert shape["MeshVolume"] == pytest.approx(4 / 3 * math.pi * 10**3, rel=0.01)
    assert shape["Maximum3DDiameter"] == pytest.approx(20.5, abs=0.2)
    assert shape["MajorAxisLength"] == pytest.approx(4 * 10 / math.sqrt(5), rel=0.01)


def test_axes_of_a_plane_region_have_no_thickness() -> None:
    mask = np.zeros((3, 9, 9), np.uint8)
    mask[1, 2:7, 1:8] = 1
    least, minor, major = axis_variances([(mask, np.zeros(3, int))], np.array([3.0, 1.0, 1.0]))
    assert least < 1e-20
    assert (minor, major) == pytest.approx((2.0, 4.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "levels"), [("coif1", 1), ("coif1", 2), ("db3", 1), ("bior2.2", 1), ("haar", 3)])
def test_sub_bands_of_a_box_equal_those_of_the_image_to_the_last_bit(name: str, levels: int, dtype: type) -> None:
    image = np.random.default_rng(6).normal(200, 80, (31, 30, 33)).astype(dtype)
    wavelet = pywt.Wavelet(name)
    whole = np.pad(image, [(0, size % 2) for size in image.shape], mode="wrap")
    expected = {}
    for level in range(1, levels + 1):
        prefix = "wavelet" if level == 1 else f"wavelet{level}"
        bands = pywt.swtn(whole, wavelet, level=1, axes=(2, 1, 0))[0]
        whole = bands.pop("aaa")
        expected |= {f"{prefix}-{key.replace('a', 'L').replace('d', 'H')}": band for key, band in bands.items()}
    expected[f"{prefix}-LLL"] = whole
    for box in (
        (slice(12, 16), slice(13, 18), slice(11, 17)),  # inside
        (slice(0, 5), slice(12, 17), slice(28, 33)),  # at two borders
    ):
        bands = dict(box_sub_bands(lambda part: image[part], image.shape, box, wavelet=wavelet, levels=levels))
        assert bands.keys() == expected.keys()
        for key, band in bands.items():
            assert band.dtype == dtype
            np.testing.assert_array_equal(band, expected[key][box])
