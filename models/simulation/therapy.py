"""A simulated cohort before and after neoadjuvant therapy, of the paper's size, with a known truth.

72 responders and 55 non-responders with both examinations, and a few patients who are left out for each reason. Latent
factors of a patient persist over therapy; therapy and response shift some of them. No patient is behind any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.csv_table import lines
from models.features.names import features_of
from models.files import SHARED, write_output
from models.simulation.feature_shape import FACTORS, FeatureShape, measured_shape
from models.simulation.files import write_simulated_features
from models.volume import Region, Sequence

BEFORE, AFTER, CLINICAL = "features_before.parquet", "features_after.parquet", "clinical.csv"
RESPONDERS, NON_RESPONDERS = 72, 55
PERSISTENCE: Final = 0.6
"""Correlation of a factor before and after therapy."""

# Shifts of factors in standard deviations: of responders before therapy, of everybody by therapy, of responders by
# therapy beyond that.
_RESPONSE: Final = {4: 1.1, 6: -1.1}
_THERAPY: Final = {2: -1.1, 3: 1.0}
_INTERACTION: Final = {5: 1.8, 7: -1.8}


class TherapyTruth(StrEnum):
    """Effects in the simulated cohort."""

    PLANTED = "planted"  # responders differ before therapy, therapy moves everybody, and responders more
    EQUAL = "equal"  # responders differ before therapy, and therapy moves everybody equally
    NULL = "null"  # nothing


@dataclass(frozen=True, eq=False)
class TherapyCohort:
    """Simulated patients with both examinations.

    Attributes
    ----------
    names : of the features
    before, after : float64 (patients, features)
    responded : bool (patients,)
    effects : true differences of each feature's normal score, in standard deviations, by comparison ("before",
        "after", "responders", "non-responders", "change"): float64 (features,)
    """

    names: tuple[str, ...]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    responded: NDArray[np.bool_]
    effects: Mapping[str, NDArray[np.float64]]


def simulate_therapy(shape: FeatureShape, *, truth: TherapyTruth, seed: int) -> TherapyCohort:
    """Simulates 127 patients whose features follow `shape` before therapy."""
    rng = np.random.default_rng(seed)
    responded = np.arange(RESPONDERS + NON_RESPONDERS) < RESPONDERS
    response = _shift({} if truth is TherapyTruth.NULL else _RESPONSE)
    therapy = _shift({} if truth is TherapyTruth.NULL else _THERAPY)
    interaction = _shift(_INTERACTION if truth is TherapyTruth.PLANTED else {})
    count = len(responded)
    own = rng.normal(size=(count, FACTORS))
    later = PERSISTENCE * own + np.sqrt(1 - PERSISTENCE**2) * rng.normal(size=(count, FACTORS))
    groups = responded[:, None]
    factors = own + groups * response, later + groups * (response + interaction) + therapy
    unique = np.sqrt(np.maximum(0.0, 1 - (shape.loadings**2).sum(axis=1)))
    before, after = (
        shape.values(one @ shape.loadings.T + unique * rng.normal(size=(count, len(shape.names)))) for one in factors
    )
    effects = {
        "before": shape.loadings @ response,
        "after": shape.loadings @ (response + interaction),
        "responders": shape.loadings @ (therapy + interaction),
        "non-responders": shape.loadings @ therapy,
        "change": shape.loadings @ interaction,
    }
    return TherapyCohort(shape.names, before, after, responded, effects)


def write_simulated_therapy(out: Path, *, truth: TherapyTruth, seed: int) -> TherapyCohort:
    """Writes `features_before.parquet`, `features_after.parquet` and `clinical.csv` into a folder.

    Beside the 127 patients there are 5 with a complete response and no tumour after therapy, 3 who were not examined
    again, and 2 without a response: what a site's tables hold as well.
    """
    cohort = simulate_therapy(measured_shape(features_of(Sequence, (Region.INTRATUMORAL,))), truth=truth, seed=seed)
    rng = np.random.default_rng(seed + 1)
    count = len(cohort.responded)
    identifiers = [f"S{number:04d}" for number in range(1, count + 11)]
    extra = cohort.before[rng.integers(count, size=10)] * rng.uniform(0.95, 1.05, size=(10, 1))
    write_simulated_features(out / BEFORE, identifiers, cohort.names, np.vstack([cohort.before, extra]))
    seen_again = [*range(count), *range(count + 8, count + 10)]
    after = np.vstack([cohort.after, 1.02 * extra[8:]])
    write_simulated_features(out / AFTER, [identifiers[row] for row in seen_again], cohort.names, after)
    responses = [
        *(
            rng.choice(["CR", "PR"], p=[0.3, 0.7]) if one else rng.choice(["SD", "PD"], p=[0.8, 0.2])
            for one in cohort.responded
        ),
        *["CR"] * 5,
        *["PR", "SD", "SD"],
        *["", "NE"],
    ]
    header = ("id", "response", "subtype", "stage", "scanner")
    rows = [
        (
            identifier,
            response,
            rng.choice(["luminal A", "luminal B", "HER2-positive", "TNBC"], p=[0.3, 0.3, 0.2, 0.2]),
            rng.choice(["II", "III"]),
            rng.choice(["A", "B"]),
        )
        for identifier, response in zip(identifiers, responses, strict=True)
    ]
    write_output(out / CLINICAL, "".join(lines([header, *rows])).encode(), mode=SHARED)
    return cohort


def _shift(shifts: Mapping[int, float]) -> NDArray[np.float64]:
    vector = np.zeros(FACTORS)
    for factor, size in shifts.items():
        vector[factor] = size
    return vector
