"""Contours of other readers: the tumour as other people might have outlined it.

A contour is the tumour's signed distance in mm (zero on the edges of its voxels, positive inside), plus a smooth random
field, cut at zero (after Zwanenburg et al. (2019), Sci Rep 9:614). The field is Gaussian with a correlation length of
6 mm and a standard deviation a, plus one offset for the whole contour with a standard deviation a/2: readers disagree
piece by piece, and some draw wider than others.

How much they disagree is calibrated, not assumed: a is found by bisection so that the contours overlap the tumour with
a mean Dice coefficient of .81, that of four readers of 129 breast tumours (Granzier et al. (2020), Sci Rep 10:14163). A
fixed number of mm is wrong: 1 mm gives .67 in a fragmented tumour and .88 in a compact one.

The field lives in patient space, so that each sequence's tumour moves alike on its own grid. The random numbers come
from the tumour itself: the same study has the same contours at every retry, cropped, padded or stored otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.preprocessing.prepare import Measured, Prepared
from models.volume import Region, Sequence

Floats = NDArray[np.float64]

CONTOURS = 20  # their standard deviation is right to about 16 %
DICE = 0.81
CORRELATION_MM = 6.0
OFFSET_SHARE = 0.5  # of the field's standard deviation
LARGEST_MM = 6.0  # of a; more is no outline of the same tumour
_REACH = 3.5  # standard deviations of field and offset that a contour can move by
_LATTICE_MM = 2.0
_HALVINGS = 14
_MOST_VOXELS = 5_000  # of the tumour that decide the Dice coefficient, with those around; of more, evenly spread ones
_TICKETS, _STRIDES = 9973, np.array([4999, 3571, 2311])  # primes: neighbours draw tickets far apart


@dataclass(frozen=True, eq=False)
class _Band:
    """A tumour on its grid, and the voxels a contour may gain or lose.

    Attributes
    ----------
    mask : bool (slices, rows, columns)
    places : int64 (voxels,), flat indices of the band
    distance_mm : float32 (voxels,), signed distance, positive inside
    points_mm : float32 (voxels, 3), in the axes of the lattice
    ticket : float32 (voxels,), 0 to 1, spread evenly; from the place beside the tumour, to take some of the voxels
    fixed : voxels of the tumour outside the band
    """

    mask: NDArray[np.bool_]
    places: NDArray[np.int64]
    distance_mm: NDArray[np.float32]
    points_mm: NDArray[np.float32]
    ticket: NDArray[np.float32]
    fixed: int

    def within(self, reach_mm: float) -> _Band:
        """The part of the band so near to the edge; the rest stays as it is."""
        near = np.abs(self.distance_mm) <= reach_mm
        lost = int(np.count_nonzero(self.distance_mm[~near] > 0))
        return _Band(
            self.mask,
            self.places[near],
            self.distance_mm[near],
            self.points_mm[near],
            self.ticket[near],
            self.fixed + lost,
        )


@dataclass(frozen=True, eq=False)
class OtherReaders:
    """Contours of one study.

    Attributes
    ----------
    amplitude_mm : the standard deviation a
    dice : mean Dice coefficient reached
    masks : of each contour: sequence → bool, on the grid of `Measured.volume`
    """

    amplitude_mm: float
    dice: float
    masks: tuple[Mapping[Sequence, NDArray[np.bool_]], ...]


def other_readers(prepared: Prepared, *, count: int = CONTOURS, dice: float = DICE) -> OtherReaders:
    """Contours of a prepared study; the first sequence calibrates them and gives the random numbers.

    Parameters
    ----------
    dice : mean Dice coefficient with the tumour; lower where a method outlined it that adds to what readers differ by
    """
    grids = {sequence: measured_of(prepared, sequence) for sequence in prepared.sequences}
    first = next(iter(grids.values()))
    mask = first.rois[Region.INTRATUMORAL].mask
    origin, axes = _lattice(first, mask)
    bands = {sequence: _band(on, origin, axes) for sequence, on in grids.items()}
    rng = np.random.default_rng(_seed(first, mask))
    # Around the tumour's box, whatever else the images show: random numbers must not depend on a margin.
    extent = np.array([part.stop - part.start for part in _box(mask)]) * np.array(first.volume.spacing_mm)
    start = np.full(3, -int(np.ceil(_reach(LARGEST_MM) / _LATTICE_MM)) - 1)
    size = np.ceil(extent / _LATTICE_MM).astype(int) - 2 * start
    fields = [_field(rng, tuple(size)) for _ in range(count)]
    offsets = OFFSET_SHARE * rng.normal(size=count)
    amplitude, reached = _calibrated(next(iter(bands.values())), fields, offsets, start, wanted=dice)
    bands = {sequence: band.within(_reach(amplitude)) for sequence, band in bands.items()}
    return OtherReaders(
        amplitude,
        reached,
        tuple(
            {
                sequence: _contour(band, amplitude, _at(field, band.points_mm, start) + offset)
                for sequence, band in bands.items()
            }
            for field, offset in zip(fields, offsets, strict=True)
        ),
    )


def measured_of(prepared: Prepared, sequence: Sequence) -> Measured:
    """The grid the features of a sequence are computed on."""
    one = prepared.sequences[sequence]
    return one.measured or Measured(one.volume, one.rois, one.body)


def signed_distance(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Floats:
    """Distance in mm of every voxel's centre from the edge of the mask, positive inside: zero on the edges of voxels.

    Along the line to the nearest voxel of the other kind, up to the face of that voxel.
    """
    result = np.empty(mask.shape)
    for inside in (True, False):
        of = mask if inside else ~mask
        distance, nearest = ndimage.distance_transform_edt(of, sampling=spacing_mm, return_indices=True)
        steps = np.abs(nearest - np.indices(mask.shape)).max(axis=0)
        to_face = distance * (1 - 0.5 / np.maximum(steps, 1))
        result[of] = (to_face if inside else -to_face)[of]
    return result


def _seed(on: Measured, mask: NDArray[np.bool_]) -> int:
    """From form and voxel size of the tumour alone, canonical storage."""
    box = mask[_box(mask)]
    spacing = ",".join(f"{step:.4f}" for step in on.volume.spacing_mm)
    digest = hashlib.sha256(f"{box.shape}{spacing}".encode() + np.packbits(box).tobytes())
    return int.from_bytes(digest.digest()[:8], "big")


def _box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    return tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(mask))


def _lattice(on: Measured, mask: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Origin in patient space (the tumour's corner) and unit axes (3, 3) of the lattice, those of the image."""
    corner = np.array([part.start for part in _box(mask)])
    affine = on.volume.affine
    return affine[:3, :3] @ corner + affine[:3, 3], affine[:3, :3] / np.array(on.volume.spacing_mm)


def _band(on: Measured, origin: Floats, axes: Floats) -> _Band:
    mask = on.rois[Region.INTRATUMORAL].mask
    spacing = on.volume.spacing_mm
    reach = _reach(LARGEST_MM)
    margin = np.ceil(reach / np.array(spacing)).astype(int) + 1
    corner = [part.start for part in _box(mask)]
    box = tuple(
        slice(max(part.start - more, 0), min(part.stop + more, size))
        for part, more, size in zip(_box(mask), margin, mask.shape, strict=True)
    )
    distance = signed_distance(np.pad(mask[box], 1), spacing)[1:-1, 1:-1, 1:-1]
    # A reader outlines tissue: a contour grows inside the body only.
    near = (np.abs(distance) <= reach) & (on.body[box] | mask[box])
    where = np.argwhere(near) + np.array([part.start for part in box])
    affine = on.volume.affine
    points = (where @ affine[:3, :3].T + affine[:3, 3] - origin) @ axes
    return _Band(
        mask=mask,
        places=np.ravel_multi_index(tuple(where.T), mask.shape),
        distance_mm=distance[near].astype(np.float32),
        points_mm=points.astype(np.float32),
        ticket=(np.mod((where - np.array(corner)) @ _STRIDES, _TICKETS) / _TICKETS).astype(np.float32),
        fixed=int(np.count_nonzero(mask)) - int(np.count_nonzero(distance[near] > 0)),
    )


def _reach(amplitude_mm: float) -> float:
    """The farthest a contour can lie from the tumour's edge, in mm."""
    return _REACH * amplitude_mm * float(np.hypot(1, OFFSET_SHARE))


def _field(rng: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.float32]:
    """A Gaussian field of variance 1 on the lattice; correlation exp(-d² / (2 · 6² mm²))."""
    sigma = CORRELATION_MM / np.sqrt(2) / _LATTICE_MM
    reach = int(np.ceil(4 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= np.sqrt((kernel**2).sum())
    field = rng.normal(size=tuple(count + 2 * reach for count in size))
    for axis in range(3):
        field = ndimage.convolve1d(field, kernel, axis=axis, mode="wrap")
    return field[tuple(slice(reach, -reach) for _ in size)].astype(np.float32)


def _at(field: NDArray[np.float32], points_mm: NDArray[np.float32], start: NDArray[np.int64]) -> NDArray[np.float32]:
    """The field at points, linear between the points of the lattice: (points,)."""
    places = (points_mm / _LATTICE_MM - start).T
    return np.asarray(ndimage.map_coordinates(field, places, order=1, mode="nearest"))


def _calibrated(
    band: _Band, fields: list[NDArray[np.float32]], offsets: Floats, start: NDArray[np.int64], *, wanted: float
) -> tuple[float, float]:
    """(a, mean Dice): a by bisection, at most `LARGEST_MM`."""
    every = max(1.0, np.count_nonzero(band.mask) / _MOST_VOXELS)
    some = band.ticket < 1 / every
    distance, points = band.distance_mm[some], band.points_mm[some]
    moved = np.stack([_at(field, points, start) for field in fields]) + offsets[:, np.newaxis].astype(np.float32)
    inside = distance > 0
    whole = band.fixed / every

    def dice(amplitude: float) -> float:
        contours = distance + amplitude * moved > 0
        both = whole + np.count_nonzero(contours & inside, axis=1)
        sizes = 2 * whole + np.count_nonzero(contours, axis=1) + np.count_nonzero(inside)
        return float(np.mean(2 * both / sizes))

    low, high = 0.0, LARGEST_MM
    if dice(high) > wanted:
        return high, dice(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if dice(middle) > wanted else (low, middle)
    return high, dice(high)


def _contour(band: _Band, amplitude: float, moved: NDArray[np.float32]) -> NDArray[np.bool_]:
    mask = band.mask.copy()
    mask.ravel()[band.places] = band.distance_mm + amplitude * moved > 0
    return mask
