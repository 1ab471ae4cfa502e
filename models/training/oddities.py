"""Tests a familiarity at its training against what it must catch, and counts its false alarms.

A training has a table of features and no images, so the odd patients are made from features: of the held-out patients
themselves (a mask beside the tumour, exchanged sequences, another scanner), and of random places in public MR images of
other organs, whose distribution is part of the software (`models/simulation/feature_shape.csv`). They are stand-ins: a
familiarity that catches them may still miss the real thing, one that misses them certainly does.

Another scanner is that of ComBat (Johnson, Li and Rabinovic (2007), Biostatistics 8:118-127): every input that depends
on grey values is shifted and stretched, in the same way for all its patients; one by one, which breaks the pattern of
the inputs, or together, along it, as another field strength or contrast would.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.errors import SetupError
from models.features.settings import FeatureSettings
from models.inference.familiarity import Familiarity, FamiliarityTest, Floats, Measures
from models.simulation.cohort import Truth, simulate_cohort
from models.simulation.feature_shape import FeatureShape, measured_shape
from models.training.familiarity import held_out_folds
from models.volume import Region, Sequence

OTHER_ORGANS = "random places in other organs"
BESIDE = "mask beside the tumour"
EXCHANGED = "T1+C and T2W exchanged"
OTHER_SCANNER = "another scanner, inputs shifted one by one"
OTHER_FIELD = "another scanner, inputs shifted together"
HELD_OUT = "training patients, each held out"

SHIFT, STRETCH = 0.5, 0.2  # of another scanner: standard deviations, and of the logarithm of the spread
_ORGANS = 500
_OF_SHAPE = ("_shape_", "_Mask-original_")  # inputs that the grey values do not change


def check_familiarity(
    familiarity: Familiarity,
    names: tuple[str, ...],
    values: Floats,
    usable: NDArray[np.int64],
    *,
    settings_digest: str,
    seed: int,
) -> FamiliarityTest:
    """Shares of ordinary and of odd patients above the limits; every patient is compared with the other folds only.

    Parameters
    ----------
    names, values : the training patients (patients, inputs)
    usable : inputs that vary
    settings_digest : of the feature settings; other organs were measured with the default ones
    seed : that of `fit_familiarity`
    """
    folds = held_out_folds(values, usable, seed=seed)
    organs = _other_organs(names, settings_digest, seed=seed)
    ordinary: list[Measures] = []
    odd: dict[str, list[Measures]] = {}
    for number, fold in enumerate(folds):
        ordinary.append(fold.measures(values[fold.rows]))
        made = dict(odd_patients(names, values[fold.rows], spread=values.std(axis=0), seed=seed + number))
        if organs is not None:
            made = {OTHER_ORGANS: organs[number :: len(folds)], **made}
        for what, rows in made.items():
            odd.setdefault(what, []).append(fold.measures(rows))
    return FamiliarityTest(
        false_alarms=_shares(familiarity, ordinary),
        whom=HELD_OUT,
        caught={what: _shares(familiarity, measured) for what, measured in odd.items()},
    )


def false_alarms(familiarity: Familiarity, values: Floats, *, low: Floats, high: Floats) -> tuple[float, float]:
    """Shares of new patients (patients, inputs) above a limit, and far outside."""
    return _shares(familiarity, [familiarity.measures(values, low=low, high=high)])


def odd_patients(names: tuple[str, ...], values: Floats, *, spread: Floats, seed: int) -> Mapping[str, Floats]:
    """Odd patients made from ordinary ones (patients, inputs), by what is odd; those the inputs allow.

    Parameters
    ----------
    spread : float64 (inputs,), standard deviation of each input
    """
    grey = np.array([not any(part in name for part in _OF_SHAPE) for name in names])
    made: dict[str, Floats] = {}
    inside, around = f"_{Region.INTRATUMORAL}_", f"_{Region.PERITUMORAL}_"
    beside = _moved(names, grey, {inside: around})
    if beside is not None:
        made[BESIDE] = values[:, beside]
    first, second = f"{Sequence.T1C}_", f"{Sequence.T2W}_"
    exchanged = _moved(names, grey, {first: second, second: first})
    if exchanged is not None:
        made[EXCHANGED] = values[:, exchanged]
    rng = np.random.default_rng(seed)
    shift = np.where(grey, SHIFT * rng.normal(size=grey.size), 0.0) * spread
    stretch = np.where(grey, np.exp(STRETCH * rng.normal(size=grey.size)), 1.0)
    centre = values.mean(axis=0)
    made[OTHER_SCANNER] = centre + shift + stretch * (values - centre)
    # The difference of two patients has twice the variance of one and follows the pattern of the inputs.
    one, two = rng.choice(len(values), size=2, replace=False)
    made[OTHER_FIELD] = values + np.where(grey, SHIFT / np.sqrt(2) * (values[one] - values[two]), 0.0)
    return made


def _moved(names: tuple[str, ...], grey: NDArray[np.bool_], words: Mapping[str, str]) -> NDArray[np.int64] | None:
    """For each input the one whose value it takes: the name with a word replaced. None where no input changes."""
    place = {name: index for index, name in enumerate(names)}
    source = np.arange(len(names))
    for index, name in enumerate(names):
        word = next((word for word in words if word in name), None)
        if grey[index] and word is not None:
            source[index] = place.get(name.replace(word, words[word], 1), index)
    return source if np.any(source != np.arange(len(names))) else None


def _other_organs(names: tuple[str, ...], settings_digest: str, *, seed: int) -> Floats | None:
    """Simulated places in other organs (500, inputs); None where the features were made otherwise or not measured."""
    if settings_digest != FeatureSettings().digest():
        return None
    try:
        shape: FeatureShape = measured_shape(names)
    except (SetupError, ValueError):
        return None
    return simulate_cohort(shape, truth=Truth.NULL, seed=seed + 1, sizes={"organs": _ORGANS}).values


def _shares(familiarity: Familiarity, measured: list[Measures]) -> tuple[float, float]:
    above = np.concatenate([one.exceed(familiarity.limits) for one in measured])
    far = np.concatenate([one.exceed_far(familiarity.limits) for one in measured])
    return float(above.mean()), float(far.mean())
