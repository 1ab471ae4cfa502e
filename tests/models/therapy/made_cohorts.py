"""Small cohorts before and after therapy, for tests."""

from __future__ import annotations

import numpy as np

from models.therapy.design import Cohort
from models.therapy.patients import TherapyPatients
from models.therapy.response import Responses, ResponseScale


def correlated(rng: np.random.Generator, features: int, patients: int, factors: int = 5) -> np.ndarray:
    """Features that share factors: (features, patients)."""
    return rng.normal(size=(features, factors)) @ rng.normal(size=(factors, patients)) + rng.normal(
        size=(features, patients)
    )


def null_cohort(seed: int, *, features: int = 40, patients: int = 24, **more: object) -> Cohort:
    """Neither therapy nor response makes a difference; examinations of a patient are correlated."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(features, 4))
    own = loadings @ rng.normal(size=(4, patients))
    before, after = (own + loadings @ rng.normal(size=(4, patients)) + rng.normal(size=own.shape) for _ in range(2))
    responded = rng.permutation(patients) < patients * 2 // 3
    return Cohort(before, after, responded, **more)  # type: ignore[arg-type]


def made_patients(before: np.ndarray, after: np.ndarray, responded: np.ndarray) -> TherapyPatients:
    """Patients with these values (features, patients) and nobody left out."""
    count = len(responded)
    return TherapyPatients(
        tuple(f"P{number}" for number in range(count)),
        tuple(f"t1c_intratumoral_original_glcm_F{number}" for number in range(len(before))),
        before,
        after,
        responded,
        Responses(
            ResponseScale.FLAG,
            tuple("1" if one else "0" for one in responded),
            tuple(bool(one) for one in responded),
        ),
        (),
    )
