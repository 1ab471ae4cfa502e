"""Prepared studies with a tumour of known form, to draw other readers' contours of."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.preprocessing.prepare import Measured, Prepared, PreparedSequence
from models.preprocessing.regions import peritumoral_shell
from models.volume import Region, Roi, Sequence, Volume

SHELL_MM = 4.0


def ball(shape: tuple[int, int, int], *, spacing: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    """A ball in the middle of the grid, bool."""
    places = (np.indices(shape).reshape(3, -1).T - (np.array(shape) - 1) / 2) * np.array(spacing)
    return np.asarray(np.linalg.norm(places, axis=1) <= radius_mm).reshape(shape)


def prepared_study(
    mask: np.ndarray, *, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), t2w: bool = False, seed: int = 1
) -> Prepared:
    """A smooth random image with this tumour; T2W is another image with the same tumour on the same grid."""
    sequences = {}
    for number, sequence in enumerate((Sequence.T1C, Sequence.T2W) if t2w else (Sequence.T1C,)):
        noise = np.random.default_rng(seed + number).normal(size=mask.shape)
        voxels = (100 + 40 * ndimage.gaussian_filter(noise, 1.0) + 50 * mask).astype(np.float32)
        affine = np.diag([*spacing, 1.0])
        volume = Volume(affine, voxels)
        tumour = Roi(volume.affine, mask, "tumour")
        body = np.ones(mask.shape, dtype=bool)
        rois = {
            Region.INTRATUMORAL: tumour,
            Region.PERITUMORAL: peritumoral_shell(tumour, body=body, shell_mm=SHELL_MM).roi,
        }
        sequences[sequence] = PreparedSequence(volume, rois, body, Measured(volume, rois, body))
    return Prepared(sequences, ())
