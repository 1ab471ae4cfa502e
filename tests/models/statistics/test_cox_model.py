"""Cox models of several covariates against R, laws they obey, and what cannot be fitted.

Numbers of R: R 4.2.2, survival 3.5-3, `coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60)`; `cox.zph` with
its defaults.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from models.statistics.cox import CoxModel, NoMaximum, fit_cox, fit_cox_model, proportional_hazards
from tests.models.statistics.made_in_r import AGE, COHORT, EVENTS, SCORE, STAGE, TIMES

COVARIATES = np.column_stack([SCORE, AGE, STAGE == 2, STAGE == 3])


@pytest.fixture(scope="module")
def model() -> CoxModel:
    return fit_cox_model(TIMES, EVENTS, COVARIATES)


def test_equal_to_r(model: CoxModel) -> None:
    """`coxph(Surv(t, e) ~ score + age + factor(stage))`."""
    assert model.coefficients == pytest.approx(
        [0.29114002975016351, 0.01502046575701009, 0.26686446040794054, 0.55940220566909116], rel=1e-9
    )
    assert model.standard_errors == pytest.approx(
        [0.140690691392308553, 0.013517027637371851, 0.329749174556696167, 0.307149306320392168], rel=1e-9
    )
    assert model.null_log_likelihood == pytest.approx(-266.66724588396477, rel=1e-12)
    assert model.log_likelihood == pytest.approx(-262.52667200640218, rel=1e-12)
    assert model.score.statistic == pytest.approx(8.2899365503276972, rel=1e-9)
    assert model.events == 63


def test_strata_equal_to_r() -> None:
    """The same with `+ strata(cohort)`."""
    model = fit_cox_model(TIMES, EVENTS, COVARIATES, strata=COHORT)
    assert model.coefficients == pytest.approx(
        [0.27873916791711795, 0.01497412499925896, 0.27891004825915849, 0.55452753871623783], rel=1e-9
    )
    assert model.standard_errors == pytest.approx(
        [0.139945306774058587, 0.013516304839724089, 0.333268667657234119, 0.314694659001042931], rel=1e-9
    )
    assert [model.null_log_likelihood, model.log_likelihood] == pytest.approx(
        [-223.49443266761890, -219.65287800654451], rel=1e-12
    )


def test_proportional_hazards_equal_to_r(model: CoxModel) -> None:
    each, together = proportional_hazards(TIMES, EVENTS, COVARIATES, model, terms=[[0], [1], [2, 3]])
    assert [test.statistic for test in (*each, together)] == pytest.approx(
        [0.11698438195933386, 0.90523654931688879, 2.35680940261234850, 3.98559045591570893], rel=1e-9
    )
    assert [test.degrees for test in (*each, together)] == [1, 1, 2, 4]
    assert [test.p for test in (*each, together)] == pytest.approx(
        [0.73232846839993404, 0.34138146950126452, 0.30776933118827315, 0.40795948196658527], rel=1e-9
    )


def test_real_patients_equal_to_r(shared_data: Path) -> None:
    """I-SPY 1: recurrence-free survival on age, baseline diameter, subtype and complete response.

    Months are `round(RFS / 30.4375) + 1`, so that many are tied; complete cases, the same call of `coxph`.
    """
    with (shared_data / "omics" / "ispy1_clinical.csv").open(encoding="utf-8") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if row["RFS"] and row["MRI LD Baseline"] and row["PCR"] and row["HR_HER2_STATUS"]
        ]
    times = [round(float(row["RFS"]) / 30.4375) + 1 for row in rows]
    events = [int(row["rfs_ind"]) for row in rows]
    subtype = np.array([row["HR_HER2_STATUS"] for row in rows])
    covariates = np.column_stack(
        [
            [float(row["age"]) for row in rows],
            [float(row["MRI LD Baseline"]) for row in rows],
            subtype == "HRposHER2neg",
            subtype == "TripleNeg",
            [float(row["PCR"]) for row in rows],
        ]
    )
    model = fit_cox_model(times, events, covariates)
    assert (model.patients, model.events) == (208, 56)
    assert model.coefficients == pytest.approx(
        [
            -0.017621821000135336,
            0.009139455139256089,
            -0.817337935305856189,
            0.208459464552810947,
            -1.328569799382636196,
        ],
        rel=1e-9,
    )
    assert model.log_likelihood == pytest.approx(-266.0603013683543, rel=1e-12)
    each, together = proportional_hazards(times, events, covariates, model, terms=[[0], [1], [2, 3], [4]])
    assert each[2].statistic == pytest.approx(7.50176463769989343, rel=1e-9)
    assert together.p == pytest.approx(0.03124811990257158, rel=1e-9)


def test_single_covariates_equal_to_r(shared_data: Path) -> None:
    """The fixture of 40 genes: likelihood ratio, score and coefficient; L38 is constant, L39 separates."""
    folder = shared_data / "r_oracles"
    with (folder / "cox_data.csv").open(encoding="utf-8") as stream:
        data = {name: np.array(column, dtype=float) for name, *column in zip(*csv.reader(stream), strict=True)}
    with (folder / "cox_expected.csv").open(encoding="utf-8") as stream:
        expected = {row["gene"]: row for row in csv.DictReader(stream)}
    compared = 0
    for gene, row in expected.items():
        if np.ptp(data[gene]) == 0:
            with pytest.raises(NoMaximum, match="one value"):
                fit_cox_model(data["time"], data["event"], data[gene][:, None])
            continue
        model = fit_cox_model(data["time"], data["event"], data[gene][:, None])
        assert model.score.p == pytest.approx(float(row["p_score"]), rel=1e-9)
        # R stops on its way to infinity: its likelihood is not yet the limit.
        if gene != "L39":
            tolerance = 1e-6 if model.separated[0] else 1e-9
            assert model.likelihood_ratio.p == pytest.approx(float(row["p_lrt"]), rel=tolerance, abs=0)
        if not model.separated[0]:
            assert model.coefficients[0] == pytest.approx(float(row["coef"]), rel=1e-6)
            compared += 1
    assert fit_cox_model(data["time"], data["event"], data["L39"][:, None]).separated[0]
    assert compared >= 35


def test_the_units_of_covariates_do_not_matter(model: CoxModel) -> None:
    factors, shifts = np.array([10.0, 0.01, -1.0, 3.0]), np.array([5.0, -3.0, 0.0, 1e3])
    other = fit_cox_model(TIMES, EVENTS, COVARIATES * factors + shifts)
    assert other.coefficients * factors == pytest.approx(model.coefficients, rel=1e-8)
    assert other.log_likelihood == pytest.approx(model.log_likelihood, rel=1e-12)
    assert other.linear == pytest.approx(model.linear, abs=1e-8)


def test_neither_the_order_of_patients_nor_the_reference_matters(model: CoxModel) -> None:
    order = np.random.default_rng(0).permutation(TIMES.size)
    turned = np.column_stack([SCORE, AGE, STAGE == 1, STAGE == 2])[order]
    other = fit_cox_model(TIMES[order], EVENTS[order], turned)
    assert other.log_likelihood == pytest.approx(model.log_likelihood, rel=1e-12)
    assert other.coefficients[2] == pytest.approx(-model.coefficients[3], rel=1e-8)
    assert other.linear == pytest.approx(model.linear[order], abs=1e-8)
    both = other.wald([2, 3]), model.wald([2, 3])
    assert both[0] is not None
    assert both[1] is not None
    assert both[0].statistic == pytest.approx(both[1].statistic, rel=1e-8)


def test_strata_add_up() -> None:
    """A model whose covariates act in one stratum only has the likelihood of two separate fits."""
    apart = [fit_cox_model(TIMES[one == COHORT], EVENTS[one == COHORT], SCORE[one == COHORT, None]) for one in "ab"]
    crossed = np.column_stack([SCORE * (COHORT == "a"), SCORE * (COHORT == "b")])
    together = fit_cox_model(TIMES, EVENTS, crossed, strata=COHORT)
    assert together.log_likelihood == pytest.approx(sum(one.log_likelihood for one in apart), rel=1e-12)
    assert together.coefficients == pytest.approx([one.coefficients[0] for one in apart], rel=1e-8)


def test_one_covariate_is_the_same_model() -> None:
    fit, model = fit_cox(TIMES, EVENTS, SCORE), fit_cox_model(TIMES, EVENTS, SCORE[:, None])
    assert fit is not None
    assert fit.coefficient == model.coefficients[0]
    assert fit.interval == pytest.approx(model.intervals()[0])
    assert fit.p == pytest.approx(model.wald_p()[0])


def test_a_separated_covariate_is_named_and_the_others_stay() -> None:
    """Nobody with the mark has an event: its ratio is zero, the others are those of the patients without it."""
    mark = (EVENTS == 0) & (AGE > 60)
    model = fit_cox_model(TIMES, EVENTS, np.column_stack([AGE, mark]))
    assert model.separated.tolist() == [False, True]
    assert np.isnan(model.coefficients[1])
    without = fit_cox_model(TIMES[~mark], EVENTS[~mark], AGE[~mark, None])
    assert model.coefficients[0] == pytest.approx(without.coefficients[0], rel=1e-6)
    assert model.standard_errors[0] == pytest.approx(without.standard_errors[0], rel=1e-6)
    assert model.log_likelihood == pytest.approx(without.log_likelihood, rel=1e-9)
    assert model.wald([1]) is None
    with pytest.raises(NoMaximum, match="without maximum"):
        proportional_hazards(TIMES, EVENTS, np.column_stack([AGE, mark]), model, terms=[[0], [1]])


def test_a_reference_without_event_separates_all_levels() -> None:
    events = np.where(STAGE == 1, 0, EVENTS)
    assert fit_cox_model(TIMES, events, COVARIATES).separated.tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("events", "covariates", "words", "columns"),
    [
        (np.zeros(120), COVARIATES, "no event among 120 patients", ()),
        (EVENTS, np.column_stack([SCORE, np.ones(120)]), "1 of the 2 covariates have one value", (1,)),
        (EVENTS, np.column_stack([SCORE, AGE, 2 * SCORE - 1]), "2 covariates determine each other", (0, 2)),
    ],
    ids=["no event", "constant", "collinear"],
)
def test_what_cannot_be_fitted(
    events: np.ndarray, covariates: np.ndarray, words: str, columns: tuple[int, ...]
) -> None:
    with pytest.raises(NoMaximum, match=words) as caught:
        fit_cox_model(TIMES, events, covariates)
    assert caught.value.columns == columns


def test_models_of_other_patients_are_not_compared(model: CoxModel) -> None:
    with pytest.raises(ValueError, match="the same were expected"):
        model.beyond(fit_cox_model(TIMES[:60], EVENTS[:60], SCORE[:60, None]))


def test_p_values_without_effect_are_uniform() -> None:
    """Likelihood ratio of two covariates in 200 cohorts without any effect (Kolmogorov)."""
    from scipy.stats import kstest

    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        times, events = rng.exponential(1, 100), rng.random(100) < 0.5
        found.append(fit_cox_model(times, events, rng.normal(size=(100, 2))).likelihood_ratio.p)
    assert kstest(found, "uniform").pvalue > 0.01
