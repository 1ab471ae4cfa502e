"""Statistics against R 4 on simulated patients: survival 3.5-3, riskRegression, maxstat 0.7-25, pROC 1.18 (Debian 12).

`expected.json` holds what R printed for `surv.csv` (244 patients, 18 events) and `roc.csv`; the high group is score
> 1.10. Tolerances are those of the digits R printed, or of R's own convergence where it is named.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.statistics.brier import brier_at
from models.statistics.concordance import harrell_c, harrell_c_of, uno_c
from models.statistics.cox import fit_cox
from models.statistics.cutpoint import select_cut_off
from models.statistics.delong import delong_auc
from models.statistics.followed import Followed
from models.statistics.kaplan_meier import Limits, log_rank, survival_curve, weighted_survival_at
from models.statistics.roc import auc_at
from models.statistics.survival import breslow_baseline

HORIZONS = (12.0, 24.0, 36.0)


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> dict[str, Any]:
    return json.loads((shared_data / "r_oracles" / "expected.json").read_text())


@pytest.fixture(scope="module")
def table(shared_data: Path) -> np.ndarray:
    return np.loadtxt(shared_data / "r_oracles" / "surv.csv", delimiter=",", skiprows=1)


@pytest.fixture(scope="module")
def patients(table: np.ndarray) -> Followed:
    return Followed.of(table[:, 0], table[:, 1], table[:, 2])


def test_harrell_c(patients: Followed, expected: dict[str, Any]) -> None:
    assert harrell_c(patients)[0] == pytest.approx(expected["harrell"][0], abs=1e-13)
    trained = harrell_c_of(patients.times_months, patients.events, patients.scores)
    assert harrell_c(patients)[0] == pytest.approx(trained, abs=1e-14)


def test_uno_c(patients: Followed, expected: dict[str, Any]) -> None:
    assert uno_c(patients, tau_months=36.0)[0] == pytest.approx(expected["uno_tau36"][0], abs=1e-12)


def test_auc(patients: Followed, expected: dict[str, Any]) -> None:
    found = [auc_at(patients, months)[0] for months in HORIZONS]
    assert found == pytest.approx(expected["auc_12_24_36"], abs=1e-12)


def test_kaplan_meier_with_log_limits(table: np.ndarray, expected: dict[str, Any]) -> None:
    curve = survival_curve(table[:, 0], table[:, 1], limits=Limits.LOG)
    survival, low, high = np.array([curve.at(months) for months in HORIZONS]).T
    assert survival == pytest.approx(expected["km_12_24_36"], abs=1e-14)
    assert low == pytest.approx(expected["km_log_lower"], abs=1e-12)
    assert high == pytest.approx(expected["km_log_upper"], abs=1e-12)


def test_log_rank(table: np.ndarray, expected: dict[str, Any]) -> None:
    test = log_rank(table[:, 0], table[:, 1], table[:, 2] > 1.10)
    assert test is not None
    assert test.chi_square == pytest.approx(expected["logrank_chisq"][0], rel=1e-12)
    assert test.p == pytest.approx(expected["logrank_p"][0], rel=1e-12)
    assert test.degrees == 1


def test_hazard_ratio(table: np.ndarray, expected: dict[str, Any]) -> None:
    fit = fit_cox(table[:, 0], table[:, 1], table[:, 2] > 1.10)
    assert fit is not None
    found = [np.exp(fit.coefficient), *np.exp(fit.interval), fit.p]
    assert found == pytest.approx(expected["cox_hi_efron"], rel=1e-12)


def test_cox_on_the_score(table: np.ndarray, expected: dict[str, Any]) -> None:
    fit = fit_cox(table[:, 0], table[:, 1], table[:, 2])
    assert fit is not None
    found = [fit.coefficient, fit.standard_error, fit.log_likelihood]
    assert found == pytest.approx(expected["cox_score_efron_coef_se_loglik"], rel=1e-12)


def test_brier(patients: Followed, expected: dict[str, Any]) -> None:
    coefficient = expected["cox_score_efron_coef_se_loglik"][0]
    baseline = breslow_baseline(patients.times_months, patients.events, coefficient * patients.scores)
    for months, model, null in zip(HORIZONS, expected["brier_model"], expected["brier_null"], strict=True):
        predicted = baseline.survival(coefficient * patients.scores, months)
        assert brier_at(patients, months, predicted)[0] == pytest.approx(model, abs=1e-14)
        whole = weighted_survival_at(patients.times_months, patients.events, months, patients.once)
        assert brier_at(patients, months, whole[:, None])[0] == pytest.approx(null, abs=1e-12)


def test_selected_cut_off(table: np.ndarray, expected: dict[str, Any]) -> None:
    found = select_cut_off(table[:, 0], table[:, 1], table[:, 2])
    assert found.cut_off == expected["maxstat_cut"][0]
    assert found.statistic == pytest.approx(expected["maxstat_stat"][0], abs=1e-12)
    assert found.p_lausen92 == pytest.approx(expected["maxstat_p_Lau92"][0], abs=1e-15)
    assert found.p_lausen94 == pytest.approx(expected["maxstat_p_Lau94"][0], abs=1e-15)
    assert found.candidates.size == 182  # counted in R
    assert (found.low_patients, found.high_patients) == (219, 25)
    assert found.is_at_edge  # 219 = floor(.9 · 244): the last candidate


def test_delong(shared_data: Path, expected: dict[str, Any]) -> None:
    outcomes, scores = np.loadtxt(shared_data / "r_oracles" / "roc.csv", delimiter=",", skiprows=1).T
    auc, low, high = delong_auc(outcomes, scores)
    assert [low, auc, high] == pytest.approx(expected["delong_lo_auc_hi"], abs=1e-12)
