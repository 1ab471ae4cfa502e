"""The shape of a feature cohort: the distribution of each feature, and how the features move together.

Two shapes: `measured_shape`, from lesions placed in real MR images, for the demonstration packages, whose inputs must
look like the features of real studies; and `generic_shape`, made up with the same traits, for any number of
features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from models.constant import varies
from models.csv_table import lines, rows_of
from models.errors import SetupError
from models.number_words import counted
from models.volume import Region, Sequence

FACTORS = 24
LEVELS = (0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995)
MEASURED = Path(__file__).with_name("feature_shape.csv")

_KNOTS: NDArray[np.float64] = np.asarray(norm.ppf(np.array(LEVELS)))


@dataclass(frozen=True, eq=False)
class FeatureShape:
    """Joint distribution of features.

    feature = quantile function (loadings · factors + sqrt(1 - |loadings|²) · noise), factors and noise standard normal

    Attributes
    ----------
    names : full feature names
    quantiles : float64 (features, 7), at `LEVELS`; linear in the normal score between and beyond them
    loadings : float64 (features, 24), rows at most of length 1
    """

    names: tuple[str, ...]
    quantiles: NDArray[np.float64]
    loadings: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.quantiles.shape != (len(self.names), len(LEVELS)) or self.loadings.shape != (len(self.names), FACTORS):
            raise SetupError(
                f"{counted(len(self.names), 'feature')}, quantiles {self.quantiles.shape} and loadings "
                f"{self.loadings.shape} do not fit together."
            )
        if np.any(np.diff(self.quantiles, axis=1) < 0) or np.any((self.loadings**2).sum(axis=1) > 1 + 1e-9):
            raise SetupError("Quantiles must not decrease and loadings must not be longer than 1.")

    def values(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normal scores (patients, features) → feature values; a feature that was never negative stays so."""
        values = np.empty_like(scores)
        for column, quantiles in enumerate(self.quantiles):
            z = np.clip(scores[:, column], -4.0, 4.0)
            inner = np.interp(z, _KNOTS, quantiles)
            below = np.minimum(z - _KNOTS[0], 0) * (quantiles[1] - quantiles[0]) / (_KNOTS[1] - _KNOTS[0])
            above = np.maximum(z - _KNOTS[-1], 0) * (quantiles[-1] - quantiles[-2]) / (_KNOTS[-1] - _KNOTS[-2])
            values[:, column] = inner + below + above
            if quantiles[0] >= 0:
                np.maximum(values[:, column], 0, out=values[:, column])
        return values


def measured_shape(names: tuple[str, ...]) -> FeatureShape:
    """Distribution of the real features, for full names of both sequences and regions.

    The table has one row for each region and feature: the images at hand are too few to tell the sequences apart, and
    after normalisation their features have about the same scale. Its first lines say how it was measured.

    Raises
    ------
    SetupError
        When a feature was not measured.
    """
    with MEASURED.open(encoding="utf-8", newline="") as file:
        rows = {row[0]: [float(text) for text in row[1:]] for row in rows_of(file) if not row[0].startswith("#")}
    keys = [name.removeprefix(f"{Sequence(name.split('_', 1)[0])}_") for name in names]
    if missing := [key for key in keys if key not in rows]:
        raise SetupError(
            f"{counted(len(missing), 'feature was', 'features were')} not measured (first: {missing[0]}); measure the "
            "shape again."
        )
    table = np.array([rows[key] for key in keys])
    return FeatureShape(names, table[:, : len(LEVELS)], table[:, len(LEVELS) :])


def generic_shape(names: tuple[str, ...], *, blocks: int = 140, seed: int) -> FeatureShape:
    """A made-up shape: blocks of features that share a direction, skewed and heavy tails, scales from 10⁻³ to 10⁵."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(min(blocks, len(names)), FACTORS))
    block = rng.integers(len(directions), size=len(names))
    own = directions[block] + 0.3 * rng.normal(size=(len(names), FACTORS))
    loadings = own / np.linalg.norm(own, axis=1, keepdims=True) * np.sqrt(rng.uniform(0.5, 0.98, size=(len(names), 1)))
    skew, tail = rng.uniform(0.05, 1.0, size=(len(names), 1)), rng.uniform(1.0, 1.5, size=(len(names), 1))
    z = np.sign(_KNOTS) * np.abs(_KNOTS) ** tail
    scale = 10.0 ** rng.uniform(-3, 5, size=(len(names), 1))
    return FeatureShape(names, scale * np.expm1(skew * z) / skew, loadings)


def shape_of(measurements: Mapping[str, NDArray[np.float64]]) -> FeatureShape:
    """Shape of measured features: name → values of the same lesions, in the same order.

    Loadings are the first 24 principal components of the normal scores, scaled back to correlations.
    """
    names = tuple(measurements)
    table = np.column_stack([measurements[name] for name in names])
    scores = norm.ppf((rankdata(table, axis=0) - 0.5) / len(table))
    spread = scores.std(axis=0)
    changes = varies(scores)
    scores = np.where(changes, (scores - scores.mean(axis=0)) / np.where(changes, spread, 1), 0)
    _, singular, directions = np.linalg.svd(scores / np.sqrt(len(table)), full_matrices=False)
    loadings = np.zeros((len(names), FACTORS))
    loadings[:, : min(singular.size, FACTORS)] = (directions * singular[:, np.newaxis]).T[:, :FACTORS]
    length = np.linalg.norm(loadings, axis=1, keepdims=True)
    loadings = loadings / np.maximum(length / 0.999, 1)
    return FeatureShape(names, np.quantile(table, LEVELS, axis=0).T, loadings)


def write_shape(path: Path, shape: FeatureShape, *, origin: tuple[str, ...]) -> None:
    """Writes a shape in the format `measured_shape` reads; `origin` says how it was measured, one line each.

    Names carry the region only, e.g. `peritumoral_original_glcm_Contrast`.
    """
    assert all(any(name.startswith(f"{region}_") for region in Region) for name in shape.names)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {line}\n" for line in origin)
        table = zip(shape.names, shape.quantiles, shape.loadings, strict=True)
        file.writelines(
            lines(
                [name, *(f"{q:.7g}" for q in quantiles), *(f"{value:.3f}" for value in loadings)]
                for name, quantiles, loadings in table
            )
        )
