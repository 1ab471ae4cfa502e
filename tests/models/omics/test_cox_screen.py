"""Cox screen against R survival 3.5-3 (`r_oracles/cox_expected.csv`): L38 constant, L39 separates, L40 nearly zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.errors import StudyRejected
from models.omics.cox_screen import CoxScreen, screen_cox
from models.statistics.cox import fit_cox


@pytest.fixture(scope="module")
def data(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "r_oracles" / "cox_data.csv")


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "r_oracles" / "cox_expected.csv")


@pytest.fixture(scope="module")
def screen(data: pd.DataFrame) -> CoxScreen:
    return screen_cox(data.iloc[:, 2:].to_numpy().T, data["time"], data["event"])


def test_genes_with_a_ratio_equal_r(screen: CoxScreen, expected: pd.DataFrame) -> None:
    has_ratio = ~(screen.is_constant | screen.is_separated)
    assert has_ratio.sum() == 37
    rows = expected[has_ratio]
    per_unit = (screen.coefficients / screen.spreads)[has_ratio]
    np.testing.assert_allclose(per_unit, rows["coef"], rtol=1e-6)
    np.testing.assert_allclose((screen.standard_errors / screen.spreads)[has_ratio], rows["se"], rtol=1e-6)
    np.testing.assert_allclose(screen.p_likelihood_ratio[has_ratio], rows["p_lrt"], rtol=1e-9)
    np.testing.assert_allclose(screen.p_score[has_ratio], rows["p_score"], rtol=1e-9)
    unit_intervals = screen.intervals[has_ratio] ** (1 / screen.spreads[has_ratio, None])
    np.testing.assert_allclose(unit_intervals, rows[["lower", "upper"]], rtol=1e-5)


def test_a_constant_gene_is_not_tested(screen: CoxScreen) -> None:
    assert list(np.flatnonzero(screen.is_constant)) == [37]
    assert np.isnan(screen.p_likelihood_ratio[37])
    assert screen.remarks()[0] == "1 of 40 genes is constant and was not tested."


def test_a_separating_gene_has_a_p_and_no_ratio(screen: CoxScreen, expected: pd.DataFrame) -> None:
    assert list(np.flatnonzero(screen.is_separated)) == [38, 39]
    assert np.isnan(screen.hazard_ratios[38])
    assert screen.p_likelihood_ratio[38] == pytest.approx(expected["p_lrt"][38], rel=1e-6)
    assert screen.p_likelihood_ratio[39] == pytest.approx(expected["p_lrt"][39], rel=1e-6)
    np.testing.assert_allclose(screen.p_score[38:], expected["p_score"][38:], rtol=1e-9)
    assert "no hazard ratio exists" in screen.remarks()[1]


def test_screen_equals_one_fit(data: pd.DataFrame, screen: CoxScreen) -> None:
    one = fit_cox(data["time"], data["event"], data["L05"])
    assert one is not None
    assert screen.coefficients[4] / screen.spreads[4] == pytest.approx(one.coefficient, rel=1e-9)


def test_two_groups_and_mirrored_genes(data: pd.DataFrame, expected: pd.DataFrame, screen: CoxScreen) -> None:
    genes = data.iloc[:, 2:12].to_numpy().T
    high = (genes > np.median(genes, axis=1, keepdims=True)).astype(float)
    groups = screen_cox(high, data["time"], data["event"])
    np.testing.assert_allclose(np.exp(groups.coefficients / groups.spreads), expected["hr_high"][:10], rtol=1e-6)
    mirrored = screen_cox(-genes, data["time"], data["event"])
    np.testing.assert_allclose(mirrored.coefficients, -screen.coefficients[:10], rtol=1e-9)


def test_order_of_patients_does_not_matter(data: pd.DataFrame, screen: CoxScreen) -> None:
    shuffled = data.sample(frac=1, random_state=1)
    again = screen_cox(shuffled.iloc[:, 2:].to_numpy().T, shuffled["time"], shuffled["event"])
    np.testing.assert_allclose(again.p_likelihood_ratio, screen.p_likelihood_ratio, rtol=1e-9)


def test_few_events_are_refused_or_said(data: pd.DataFrame) -> None:
    genes, times = data.iloc[:, 2:6].to_numpy().T, data["time"]
    events = np.zeros(len(data))
    events[:4] = 1
    with pytest.raises(StudyRejected, match=r"4 of 92 patients had an event; .* at least 5"):
        screen_cox(genes, times, events)
    events[:6] = 1
    found = screen_cox(genes, times, events)
    assert found.caution is not None
    assert found.caution.startswith("Only 6 of 92 patients had an event")
    events[:10] = 1
    assert screen_cox(genes, times, events).caution is None
    with pytest.raises(StudyRejected, match="1 value not finite"):
        screen_cox(np.where(genes == genes[0, 0], np.nan, genes), times, data["event"])
