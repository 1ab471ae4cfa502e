"""The breast of the synthetic study: tissue and signal as functions of the position in the patient (mm, LPS).

Because everything is a function of position, any grid (axial, sagittal, oblique, coarse, fine) sees the same patient.
Signals are relative to enhancing blood (1.0); they look like breast MRI and carry no clinical meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Points = NDArray[np.float64]  # (n, 3) positions in mm, patient LPS
Values = NDArray[np.float64]  # (n,)

_PARTIAL_VOLUME_MM = 1.5  # width over which two tissues blend
_CHEST = ((0.0, 70.0, 0.0), (150.0, 95.0, 400.0))  # centre and half-axes of an ellipsoid, long in z
_BREASTS = (((78.0, -15.0, 0.0), (66.0, 90.0, 78.0)), ((-78.0, -15.0, 0.0), (68.0, 88.0, 80.0)))
_HEART = ((22.0, 62.0, -25.0), (48.0, 38.0, 52.0))


class Look(StrEnum):
    """The contrasts the phantom can be seen in; all fat-suppressed."""

    T1_BEFORE = "t1_before"  # T1-weighted before contrast
    T1_EARLY = "t1_early"  # T1-weighted, first phase after contrast: the tumour at its peak
    T1_LATE = "t1_late"  # T1-weighted, later phase: wash-out in the tumour, parenchyma still rising
    T2 = "t2"  # T2-weighted


@dataclass(frozen=True)
class _Signals:
    skin: float
    fat: float
    gland: float
    muscle: float
    lung: float
    blood: float
    tumour: float  # mean of the solid part
    rim: float  # added towards the border
    necrosis: float
    cyst: float


_SIGNALS = {
    Look.T1_BEFORE: _Signals(0.34, 0.10, 0.27, 0.26, 0.04, 0.25, 0.26, 0.0, 0.20, 0.15),
    Look.T1_EARLY: _Signals(0.46, 0.10, 0.36, 0.30, 0.05, 1.00, 0.62, 0.35, 0.27, 0.15),
    Look.T1_LATE: _Signals(0.48, 0.10, 0.42, 0.32, 0.05, 0.80, 0.58, 0.22, 0.32, 0.15),
    Look.T2: _Signals(0.38, 0.12, 0.52, 0.18, 0.03, 0.12, 0.48, 0.10, 0.90, 1.05),
}


@dataclass(frozen=True)
class Phantom:
    """One synthetic patient.

    Attributes
    ----------
    seed : shape of the glandular tissue, of the tumour and of all textures
    tumour_centre_mm : in the left breast by default
    tumour_radius_mm : mean radius; lobes and spicules come on top
    """

    seed: int = 1
    tumour_centre_mm: tuple[float, float, float] = (80.0, -58.0, 4.0)
    tumour_radius_mm: float = 13.0


def tumour(phantom: Phantom, *, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """The tumour on a grid: bool (slices, rows, columns); `affine` maps (slice, row, column, 1) to mm, patient LPS."""
    shape_of_it = _TumourShape(phantom)
    return np.stack([shape_of_it.depth_ratio(points) < 1.0 for points in _slices(affine, shape)]).reshape(shape)


def signal(
    phantom: Phantom, look: Look, *, affine: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """The signal without bias field and noise: float32 (slices, rows, columns), 0 in air, 1 in enhancing blood."""
    anatomy = _Anatomy(phantom)
    slices = [anatomy.signal(points, _SIGNALS[look]).astype(np.float32) for points in _slices(affine, shape)]
    return np.stack(slices).reshape(shape)


def bias_field(seed: int, *, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """A smooth receive field, about 0.7 to 1.5: brighter near the breast coil, with a random slow variation."""
    rng = np.random.default_rng([seed, 41])
    waves = rng.normal(size=(3, 3)) / 160.0  # wave vectors, radians per mm
    phases = rng.uniform(0, 2 * np.pi, size=3)
    # A wave over a grid is the product of a wave along the slices and one within them.
    along_slices, rows, columns = (
        np.exp(1j * np.multiply.outer(waves @ affine[:3, axis], np.arange(shape[axis]))) for axis in range(3)
    )
    starts = np.exp(1j * (waves @ affine[:3, 3] + phases))
    planes = rows[:, :, None] * columns[:, None, :]
    y_mm = affine[1, 1] * np.arange(shape[1])[:, None] + affine[1, 2] * np.arange(shape[2]) + affine[1, 3]
    field = np.empty(shape, np.float32)
    for index in range(shape[0]):
        slow = sum(
            (start * wave[index] * plane).real for start, wave, plane in zip(starts, along_slices, planes, strict=True)
        )
        field[index] = np.exp(-(y_mm + index * affine[1, 0] + 40.0) / 350.0 + 0.07 * slow)
    return field


def _slices(affine: NDArray[np.float64], shape: tuple[int, int, int]) -> Iterator[Points]:
    """The positions of all voxels, slice by slice, rows before columns."""
    rows, columns = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    in_plane = rows.reshape(-1, 1) * affine[:3, 1] + columns.reshape(-1, 1) * affine[:3, 2] + affine[:3, 3]
    for index in range(shape[0]):
        yield in_plane + index * affine[:3, 0]


def _smooth_step(value: Values, low: float, high: float) -> Values:
    """0 below `low`, 1 above `high`, a cubic in between."""
    ratio = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(ratio * ratio * (3.0 - 2.0 * ratio))


def _inside(depth_mm: Values) -> Values:
    """Share of a tissue in a voxel whose centre lies `depth_mm` inside its border."""
    return _smooth_step(depth_mm, -_PARTIAL_VOLUME_MM / 2, _PARTIAL_VOLUME_MM / 2)


def _ellipsoid_depth(points: Points, ellipsoid: tuple[tuple[float, ...], tuple[float, ...]]) -> Values:
    """First-order distance to the surface in mm, positive inside: F / |∇F| with F = 1 - |u|."""
    squares = (points - np.array(ellipsoid[0])) ** 2
    axes = np.array(ellipsoid[1])
    radius = np.sqrt(squares @ axes**-2.0)
    gradient = np.sqrt(squares @ axes**-4.0)
    return np.asarray((1.0 - radius) * radius / np.maximum(gradient, 1e-6))


def _tube_depth(points: Points, *, start: Points, end: Points, radius_mm: float) -> Values:
    """Distance to the surface of a straight vessel in mm, positive inside."""
    axis = end - start
    along = np.clip((points - start) @ axis / (axis @ axis), 0.0, 1.0)
    across = points - start - along[:, None] * axis
    return np.asarray(radius_mm - np.sqrt(np.einsum("ij,ij->i", across, across)))


class _Texture:
    """Band-limited noise with mean 0 and standard deviation 1, periodic, a function of position."""

    _SIZE = 48

    def __init__(self, rng: np.random.Generator, *, grain_mm: float) -> None:
        white = rng.normal(size=(self._SIZE,) * 3)
        band = ndimage.gaussian_filter(white, 1.4, mode="wrap") - ndimage.gaussian_filter(white, 3.5, mode="wrap")
        self._noise = (band - band.mean()) / band.std()
        self._step_mm = grain_mm / 3.0  # the band above peaks at a wavelength of about nine samples

    def __call__(self, points: Points) -> Values:
        return np.asarray(
            ndimage.map_coordinates(self._noise, (points / self._step_mm).T, order=1, mode="grid-wrap"), dtype=float
        )


class _TumourShape:
    """A lobulated, spiculated, star-shaped body: its radius depends on the direction from the centre."""

    def __init__(self, phantom: Phantom) -> None:
        rng = np.random.default_rng([phantom.seed, 11])
        self.centre = np.array(phantom.tumour_centre_mm)
        self.radius_mm = phantom.tumour_radius_mm
        self._lobes = rng.normal(size=(12, 3)) * 2.2
        self._phases = rng.uniform(0, 2 * np.pi, size=12)
        spicules = rng.normal(size=(10, 3))
        self._spicules = spicules / np.linalg.norm(spicules, axis=1, keepdims=True)
        self._lengths = rng.uniform(0.2, 0.55, size=10)

    def depth_ratio(self, points: Points) -> Values:
        """Distance from the centre over the radius in that direction: below 1 inside."""
        offset = points - self.centre
        distance = np.sqrt(np.einsum("ij,ij->i", offset, offset))
        ratio = np.full(len(points), 9.0)
        near = distance < 2.2 * self.radius_mm
        direction = offset[near] / np.maximum(distance[near], 1e-6)[:, None]
        lobes = np.cos(direction @ self._lobes.T + self._phases).sum(axis=1) / np.sqrt(6)
        spicules = (self._lengths * np.exp((direction @ self._spicules.T - 1.0) / 0.025)).max(axis=1)
        ratio[near] = distance[near] / (self.radius_mm * np.maximum(0.5, 1.0 + 0.16 * lobes + spicules))
        return ratio


class _Anatomy:
    """Skin, fat, glandular tissue, chest wall, vessels, cysts and the tumour."""

    def __init__(self, phantom: Phantom) -> None:
        rng = np.random.default_rng([phantom.seed, 7])
        self._gland = _Texture(rng, grain_mm=26.0)
        self._strands = _Texture(rng, grain_mm=7.0)
        self._fine = _Texture(rng, grain_mm=4.0)
        self._tumour_texture = _Texture(rng, grain_mm=6.0)
        self._tumour = _TumourShape(phantom)
        side = rng.choice([-1.0, 1.0], size=5)
        place = rng.uniform((-26, -75, -34), (26, -38, 34), size=(5, 3))
        self._cysts = [
            ((78.0 * s + p[0], p[1], p[2]), (radius,) * 3)
            for s, p, radius in zip(side, place, rng.uniform(2.0, 4.5, size=5), strict=True)
            if np.linalg.norm((78.0 * s + p[0], p[1], p[2]) - self._tumour.centre) > 3.0 * phantom.tumour_radius_mm
        ]
        centre = self._tumour.centre
        self._vessels = [
            (np.array([sign * 24.0, -16.0, -200.0]), np.array([sign * 24.0, -16.0, 200.0]), 2.4) for sign in (-1, 1)
        ]
        self._vessels.append((np.array([24.0, -16.0, centre[2] + 30.0]), centre, 1.6))

    def signal(self, points: Points, looks: _Signals) -> Values:
        """Signal of every point, tissues blended at their borders."""
        chest = _ellipsoid_depth(points, _CHEST)
        breast = np.maximum(_ellipsoid_depth(points, _BREASTS[0]), _ellipsoid_depth(points, _BREASTS[1]))
        depth = np.maximum(chest, breast)
        result = np.zeros(len(points))
        body = depth > -_PARTIAL_VOLUME_MM
        if not body.any():
            return result
        inner, chest, breast, depth = points[body], chest[body], breast[body], depth[body]
        fine = self._fine(inner)
        value = looks.fat * (1.0 + 0.12 * fine)
        value = _blend(value, looks.gland * (1.0 + 0.10 * fine), self._gland_share(inner, chest, breast))
        value = _blend(value, looks.muscle * (1.0 + 0.10 * fine), _inside(chest - 7.0))
        value = _blend(value, looks.lung * (1.0 + 0.30 * fine), _inside(chest - 24.0))
        heart = _ellipsoid_depth(inner, _HEART)
        value = _blend(value, looks.blood * (0.90 + 0.05 * fine), _inside(heart))
        for start, end, radius_mm in self._vessels:
            value = _blend(value, looks.blood, _inside(_tube_depth(inner, start=start, end=end, radius_mm=radius_mm)))
        for cyst in self._cysts:
            value = _blend(value, looks.cyst, _inside(_ellipsoid_depth(inner, cyst)))
        value = self._with_tumour(value, inner, looks)
        value = _blend(looks.skin * (1.0 + 0.05 * fine), value, _inside(depth - 2.0))
        result[body] = np.maximum(value, 0.0) * _inside(depth)
        return result

    def _gland_share(self, points: Points, chest: Values, breast: Values) -> Values:
        """Glandular tissue: a cone towards the nipple, broken up by fat."""
        share = _smooth_step(breast, 8.0, 22.0) * _smooth_step(-chest, 2.0, 12.0)
        core = share > 0
        share[core] *= _smooth_step(self._gland(points[core]) + 0.5 * self._strands(points[core]), -0.35, 0.55)
        return share

    def _with_tumour(self, value: Values, points: Points, looks: _Signals) -> Values:
        ratio = self._tumour.depth_ratio(points)
        near = ratio < 1.1
        inside = _smooth_step(1.0 - ratio[near], -0.06, 0.06)
        texture = self._tumour_texture(points[near])
        solid = (looks.tumour + looks.rim * _smooth_step(ratio[near], 0.45, 0.9)) * (1.0 + 0.16 * texture)
        necrotic = _smooth_step(texture - 2.2 * ratio[near], -0.9, -0.3)
        result = value.copy()
        result[near] = _blend(value[near], _blend(solid, looks.necrosis, necrotic), inside)
        return result


def _blend(below: Values, above: Values | float, share: Values) -> Values:
    return np.asarray(below + share * (above - below))
