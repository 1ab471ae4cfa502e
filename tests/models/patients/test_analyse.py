"""Added value of a score, subgroups and features: laws on made-up patients, and the whole analysis of real ones."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.cohort.features import read_features
from models.cohort.outcomes import OutcomeColumns, TimeUnit, read_outcomes
from models.errors import CohortRejected
from models.patients.added_value import AddedValue, added_value
from models.patients.analyse import AnalysisSettings, PatientAnalysis, analyse_patients
from models.patients.covariates import CovariateChoice, Kind, read_covariate
from models.patients.differential import DifferentialFeatures, differential_features
from models.patients.scores import CutOffRule, read_scores
from models.patients.study import Study, study_of
from models.patients.subgroups import forest_of, split_at_median
from models.patients.table_one import table_one
from models.statistics.cox import fit_cox, fit_cox_model
from models.statistics.estimate import Estimate, NotEstimable
from tests.models.patients.made_study import FEATURES


def added_in(analysis: PatientAnalysis, name: str) -> AddedValue:
    added = next(one.added for one in analysis.sets if one.name == name)
    assert isinstance(added, AddedValue)
    return added


def test_the_models_are_those_of_the_complete_cases(made_study: Study, made_analysis: PatientAnalysis) -> None:
    added = added_in(made_analysis, "training")
    inside = made_study.cohorts == "training"
    stage, subtype = made_study.clinical["stage"], made_study.clinical["subtype"]
    complete = inside & (stage != "")
    assert (added.patients, added.left_out, added.missing) == (int(complete.sum()), 2, {"stage": 2})
    scores = made_study.scores[complete]
    columns = np.column_stack(
        [
            scores / scores.std(ddof=1),
            made_study.clinical["age"][complete].astype(float),
            *(stage[complete] == level for level in ("II", "III")),
            *(subtype[complete] == level for level in ("TNBC", "luminal")),
        ]
    )
    times, events = made_study.times_months[complete], made_study.events[complete]
    both, without = fit_cox_model(times, events, columns), fit_cox_model(times, events, columns[:, 1:])
    assert added.beyond_clinical.statistic == pytest.approx(2 * (both.log_likelihood - without.log_likelihood))
    assert added.beyond_clinical.degrees == 1
    assert [(row.term, row.level, row.reference) for row in added.coefficients] == [
        ("score", "", ""),
        ("age", "", ""),
        ("stage", "II", "I"),
        ("stage", "III", "I"),
        ("subtype", "TNBC", "HER2"),
        ("subtype", "luminal", "HER2"),
    ]
    ratios = [row.together.value for row in added.coefficients if isinstance(row.together, Estimate)]
    assert ratios == pytest.approx(np.exp(both.coefficients))
    # Levels of one covariate share its P: that of leaving the whole covariate out.
    assert added.coefficients[2].p_together == added.coefficients[3].p_together
    assert added.coefficients[0].p_together == pytest.approx(added.beyond_clinical.p)
    assert added.parameters == 6
    assert added.hazards is not None
    assert [term for term, _ in added.hazards.terms] == ["score", "age", "stage", "subtype"]


def test_a_score_that_carries_the_risk_adds_to_the_rest(made_analysis: PatientAnalysis) -> None:
    added = added_in(made_analysis, "training")
    assert added.beyond_clinical.p < 1e-4
    assert isinstance(added.difference, Estimate)
    assert added.difference.interval is not None
    assert added.difference.interval[0] > 0
    assert added.difference.value == pytest.approx(added.apparent_difference, abs=0.05)
    assert [one.name for one in made_analysis.sets] == ["training", "testing"]
    assert [one.is_training for one in made_analysis.sets] == [True, False]


def test_a_score_of_noise_adds_nothing(made_study: Study) -> None:
    """Over 40 scores without any signal, P of the likelihood ratio is below .05 about twice, and ΔC about zero."""
    stage = read_covariate(made_study.clinical, CovariateChoice("stage"))
    rng = np.random.default_rng(7)
    p, differences = [], []
    for _ in range(40):
        found = added_value(
            made_study.times_months,
            made_study.events,
            rng.normal(size=len(made_study)),
            (stage,),
            strata=None,
            resamples=5,
            seed=1,
        )
        assert isinstance(found, AddedValue)
        assert isinstance(found.difference, Estimate)
        p.append(found.beyond_clinical.p)
        differences.append(found.difference.value)
    assert sum(one < 0.05 for one in p) <= 6  # P(more) < .01 for 40 draws of .05
    assert abs(np.mean(differences)) < 0.01


def test_the_unit_of_the_score_does_not_matter(made_study: Study) -> None:
    stage = (read_covariate(made_study.clinical, CovariateChoice("stage")),)
    one, other = (
        added_value(made_study.times_months, made_study.events, scores, stage, strata=None, resamples=20, seed=1)
        for scores in (made_study.scores, 100 * made_study.scores - 7)
    )
    assert isinstance(one, AddedValue)
    assert isinstance(other, AddedValue)
    assert other.beyond_clinical.p == pytest.approx(one.beyond_clinical.p, rel=1e-8)
    first, second = one.coefficients[0].together, other.coefficients[0].together
    assert isinstance(first, Estimate)
    assert isinstance(second, Estimate)
    assert second.value == pytest.approx(first.value, rel=1e-8)


def test_few_events_are_refused_and_said(made_study: Study, made_settings: AnalysisSettings) -> None:
    events = made_study.events & (np.cumsum(made_study.events) <= 4)
    few = analyse_patients(replace(made_study, events=events), made_settings)
    training, testing = (one.added for one in few.sets)
    assert isinstance(training, NotEstimable)
    assert "no model is fitted with fewer than 5" in training.reason
    assert isinstance(testing, NotEstimable)
    notes = [note.sentence for note in few.notes if note.code == "few-events"]
    assert any("training: 4 events among" in sentence and "no model is fitted" in sentence for sentence in notes)
    everyone = few.sets[0].forest.rows[0]
    assert isinstance(everyone.by_score, NotEstimable)


def test_a_covariate_with_one_level_left_is_named(made_study: Study) -> None:
    only = made_study.clinical["subtype"] == "TNBC"
    subtype = read_covariate(made_study.clinical, CovariateChoice("subtype")).rows(only)
    found = added_value(
        made_study.times_months[only],
        made_study.events[only],
        made_study.scores[only],
        (subtype,),
        strata=None,
        resamples=10,
        seed=1,
    )
    assert isinstance(found, NotEstimable)
    assert "the same subtype: there is nothing that the score could add to" in found.reason
    both = tuple(read_covariate(made_study.clinical, CovariateChoice(name)).rows(only) for name in ("subtype", "stage"))
    beside = added_value(
        made_study.times_months[only],
        made_study.events[only],
        made_study.scores[only],
        both,
        strata=None,
        resamples=10,
        seed=1,
    )
    assert isinstance(beside, AddedValue)
    assert (beside.covariates, beside.constant) == (("stage",), ("subtype",))


def test_a_column_given_twice_is_named(made_study: Study) -> None:
    clinical = {"age": made_study.clinical["age"], "years": made_study.clinical["age"]}
    covariates = tuple(read_covariate(clinical, CovariateChoice(name)) for name in clinical)
    found = added_value(
        made_study.times_months, made_study.events, made_study.scores, covariates, strata=None, resamples=10, seed=1
    )
    assert isinstance(found, NotEstimable)
    assert "determine each other exactly" in found.reason
    assert "(age, years)" in found.reason


def test_forest(made_study: Study, made_analysis: PatientAnalysis) -> None:
    forest = made_analysis.sets[0].forest
    inside = made_study.cohorts == "training"
    assert [(row.column, row.level) for row in forest.rows] == [
        ("", ""),
        ("subtype", "HER2"),
        ("subtype", "TNBC"),
        ("subtype", "luminal"),
        ("age", "≤ 54.95"),
        ("age", "> 54.95"),
        ("centre", "A"),
        ("centre", "B"),
    ]
    for column in ("subtype", "age", "centre"):
        rows = [row for row in forest.rows if row.column == column]
        assert sum(row.patients for row in rows) == forest.rows[0].patients == int(inside.sum())
        assert sum(row.events_high for row in rows) == forest.rows[0].events_high
    everyone = forest.rows[0]
    fit = fit_cox(made_study.times_months[inside], made_study.events[inside], made_study.is_high[inside])
    assert fit is not None
    assert isinstance(everyone.high_against_low, Estimate)
    assert isinstance(everyone.low_against_high, Estimate)
    assert everyone.high_against_low.value == pytest.approx(np.exp(fit.coefficient), rel=1e-8)
    assert everyone.low_against_high.value == pytest.approx(np.exp(-fit.coefficient), rel=1e-8)
    assert (forest.hits.tested, forest.hits.expected) == (3, pytest.approx(0.15))


def test_interactions_without_any_are_uniform(made_study: Study) -> None:
    """P of the interaction of the score with 60 columns drawn at random: about 3 below .05."""
    rng = np.random.default_rng(11)
    clinical = {f"made {number}": rng.choice(["a", "b"], len(made_study)) for number in range(60)}
    columns = [read_covariate(clinical, CovariateChoice(name)) for name in clinical]
    forest = forest_of(
        made_study.times_months, made_study.events, made_study.scores, made_study.is_high, columns, strata=None
    )
    assert forest.hits.tested == 60
    assert forest.hits.hits <= 8
    assert forest.hits.expected == pytest.approx(3.0)


def test_a_group_without_event_has_no_ratio_and_a_p_value(made_study: Study) -> None:
    events = made_study.events & made_study.is_high
    forest = forest_of(made_study.times_months, events, made_study.scores, made_study.is_high, [], strata=None)
    (row,) = forest.rows
    assert isinstance(row.low_against_high, NotEstimable)
    assert "no event among" in row.low_against_high.reason
    assert row.group_p is not None
    assert row.group_p < 1e-6


def test_numbers_are_split_at_their_median() -> None:
    number = read_covariate({"x": ["1", "2", "3", "4", "5", "6", "7", ""]}, CovariateChoice("x"))
    split = split_at_median(number)
    assert (split.kind, split.levels) == (Kind.CATEGORY, ("≤ 4", "> 4"))
    assert split.codes.tolist() == [0, 0, 0, 0, 1, 1, 1, -1]
    ceiling = split_at_median(read_covariate({"x": ["1", "2", *["9"] * 8]}, CovariateChoice("x", kind=Kind.NUMBER)))
    assert ceiling.codes.tolist() == [0, 0, *[1] * 8]


def test_features_of_the_risk_groups(made_study: Study, made_analysis: PatientAnalysis) -> None:
    """Five of twenty features carry the score; the others do not."""
    found = made_analysis.features
    assert isinstance(found, DifferentialFeatures)
    inside = made_study.cohorts == "training"
    assert (found.high, found.low) == (
        int(made_study.is_high[inside].sum()),
        int((~made_study.is_high[inside]).sum()),
    )
    assert (found.fdr[:5] < 1e-3).all()
    assert found.moderated.tested == 20
    assert found.moderated.expected == pytest.approx(1.0)
    assert found.moderated.discoveries <= 7
    assert (found.effects[:5] > 0).all()
    assert [FEATURES[place] for place in sorted(found.drawn)[:5]] == list(FEATURES[:5])
    # Swapping the groups turns the signs and nothing else.
    rows = made_study.features.rows(np.flatnonzero(inside).tolist())
    turned = differential_features(rows, ~made_study.is_high[inside])
    assert isinstance(turned, DifferentialFeatures)
    assert turned.statistics == pytest.approx(-found.statistics)
    nobody = differential_features(rows, np.zeros(int(inside.sum()), dtype=np.bool_))
    assert isinstance(nobody, NotEstimable)
    assert "0 patients are of high and 110 of low risk" in nobody.reason


def test_characteristics(made_study: Study, made_analysis: PatientAnalysis) -> None:
    table = made_analysis.by_cohort
    assert table is not None
    assert (table.groups, table.patients) == (("training", "testing"), (110, 80))
    stage = next(row for row in table.rows if row.name == "stage")
    assert stage.missing == (2, 0)
    assert [sum(column) for column in zip(*stage.counts, strict=True)] == [108, 80]
    for place, cohort in enumerate(table.groups):
        inside = made_study.cohorts == cohort
        assert table.follow_up[place].events == int(made_study.events[inside].sum())
    left_out = made_analysis.by_analysis
    assert left_out is not None
    assert left_out.patients == (190, 6)
    assert [one.by for one in made_analysis.by_risk] == [
        "risk group, all patients",
        "risk group, training",
        "risk group, testing",
    ]
    assert table_one([], made_study.cohorts, ("nowhere",), by="cohort").patients == (0,)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (AnalysisSettings((CovariateChoice("height"),)), "no clinical column 'height'"),
        (AnalysisSettings((CovariateChoice("age"), CovariateChoice("age"))), "named twice"),
        (AnalysisSettings(subgroups=("weight",)), "no clinical column 'weight'"),
    ],
)
def test_columns_that_do_not_exist(made_study: Study, settings: AnalysisSettings, words: str) -> None:
    with pytest.raises(CohortRejected, match=words):
        analyse_patients(made_study, settings)


def test_progress_ends_where_it_said(made_study: Study, made_settings: AnalysisSettings) -> None:
    told: list[tuple[str, int, int]] = []
    analyse_patients(made_study, made_settings, tell=lambda *one: told.append(one))
    assert told[-1] == ("testing", 200, 200)


def test_real_patients(shared_data: Path, tmp_path: Path) -> None:
    """I-SPY 1: the diameter before surgery as a score, beyond age and subtype. Numbers of R 4.2.2, `coxph`, `anova`.

    17 patients have a recurrence-free time longer than their survival: named, and kept.
    """
    with (shared_data / "omics" / "ispy1_clinical.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    diameters = ("MRI LD Baseline", "MRI LD 1-3dAC", "MRI LD InterReg", "MRI LD PreSurg")
    with (tmp_path / "outcomes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "days", "event", "age", "subtype", "alive"))
        writer.writerows(
            (row["SUBJECTID"], row["RFS"], row["rfs_ind"], row["age"], row["HR_HER2_STATUS"], row["survDtD2 (tx)"])
            for row in rows
        )
    with (tmp_path / "features.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        kinds = ("Maximum3DDiameter", "Maximum2DDiameterSlice", "Maximum2DDiameterColumn", "Maximum2DDiameterRow")
        names = [f"t1c_intratumoral_original_shape_{kind}" for kind in kinds]
        writer.writerow(("patient", *names, "settings_digest", "engine", "bias_correction"))
        measured = [row for row in rows if all(row[name] for name in diameters)]
        writer.writerows(
            (row["SUBJECTID"], *(row[name] for name in diameters), "d", "measured", "n") for row in measured
        )
    with (tmp_path / "scores.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "score"))
        writer.writerows((row["SUBJECTID"], row[diameters[3]]) for row in rows if row[diameters[3]])
    outcomes = read_outcomes(
        tmp_path / "outcomes.csv", columns=OutcomeColumns().renamed(("time=days",)), unit=TimeUnit.DAYS
    )
    study = study_of(
        read_features(tmp_path / "features.csv"),
        outcomes,
        read_scores(tmp_path / "scores.csv"),
        cut_off=CutOffRule.MEDIAN,
        survival_time=("alive", TimeUnit.DAYS.months),
    )
    assert (study.flow.recruited, study.flow.analysed) == (221, 186)
    assert any("17 of the 221 patients" in note.sentence for note in study.notes)
    settings = AnalysisSettings(
        (CovariateChoice("age"), CovariateChoice("subtype", "HRposHER2neg")), ("subtype",), resamples=100
    )
    analysis = analyse_patients(study, settings)
    added = added_in(analysis, "all")
    assert (added.patients, added.events, added.left_out) == (183, 50, 3)
    assert added.beyond_clinical.statistic == pytest.approx(11.388841771912723, rel=1e-9)
    ratios = [row.together.value for row in added.coefficients[1:] if isinstance(row.together, Estimate)]
    assert ratios == pytest.approx([0.98807562673043425, 2.16337677984998455, 2.65982196163976559], rel=1e-9)
    assert added.hazards is not None
    assert added.hazards.together.p == pytest.approx(0.013046266234151255, rel=1e-9)
    assert (added.c_clinical, added.c_both) == pytest.approx((0.61406660218322506, 0.6476440514025148), abs=1e-12)
    (interaction,) = analysis.sets[0].forest.interactions
    assert interaction.test is not None
    assert interaction.test.p == pytest.approx(0.57242869469646607, rel=1e-9)


def test_real_patients_with_an_unknown_grade(shared_data: Path) -> None:
    """GSE7390: a probe beyond age, size, grade and ER; "unkown" is no grade. Numbers of R 4.2.2, survival 3.5-3."""
    with (shared_data / "omics" / "gse7390_76genes.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    clinical = {name: [row[name] for row in rows] for name in ("age", "size", "grade", "er")}
    covariates = tuple(read_covariate(clinical, CovariateChoice(name)) for name in clinical)
    assert [one.kind for one in covariates] == [Kind.NUMBER, Kind.NUMBER, Kind.CATEGORY, Kind.CATEGORY]
    assert covariates[2].levels == ("intermediate", "poorly differentiated", "well differentiated")
    added = added_value(
        np.array([float(row["days"]) / 30.4375 for row in rows]),
        np.array([row["distant_metastasis"] == "1" for row in rows]),
        np.array([float(row["204015_s_at"]) for row in rows]),
        covariates,
        strata=None,
        resamples=50,
        seed=1,
    )
    assert isinstance(added, AddedValue)
    assert (added.patients, added.events, added.missing) == (196, 51, {"grade": 2})
    assert added.beyond_clinical.statistic == pytest.approx(1.6543465457787079, rel=1e-9)
    ratios = [row.together.value for row in added.coefficients[1:] if isinstance(row.together, Estimate)]
    assert ratios == pytest.approx(
        [1.01237106758861750, 1.40134889933598106, 0.70757572316852013, 0.59524160565341910, 0.59131560111678239],
        rel=1e-9,
    )
    assert (added.c_clinical, added.c_both) == pytest.approx((0.64968682091269336, 0.6601048191230986), abs=1e-12)
    assert added.hazards is not None
    assert added.hazards.together.statistic == pytest.approx(19.77501427020627034, rel=1e-9)
    assert isinstance(added.difference, Estimate)
    assert added.difference.interval is not None
    assert added.difference.interval[0] < 0 < added.difference.interval[1]


@pytest.mark.parametrize("scores", ["equal", "in the order of the events"])
def test_odd_scores_are_answered_with_a_reason(made_study: Study, made_settings: AnalysisSettings, scores: str) -> None:
    values = np.zeros(len(made_study)) if scores == "equal" else -made_study.times_months
    odd = replace(made_study, scores=values, is_high=values > np.median(values), selected=None)
    analysis = analyse_patients(odd, replace(made_settings, resamples=10))
    for one in analysis.sets:
        if scores == "equal":
            assert isinstance(one.added, NotEstimable)
            assert "have the same score" in one.added.reason
            assert isinstance(one.forest.rows[0].by_score, NotEstimable)
        else:
            assert isinstance(one.added, AddedValue)
            assert one.added.c_score == pytest.approx(1.0)
            assert isinstance(one.added.coefficients[0].together, NotEstimable)
            assert one.added.beyond_clinical.p < 1e-10
