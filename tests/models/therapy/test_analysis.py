"""The five comparisons against limma, laws of labels and covariates, overlap, correlations. Kind: oracle, law."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.errors import CohortRejected, StudyRejected
from models.statistics.feature_tests import Scale, benjamini_hochberg, student_t
from models.statistics.moderated_t import indicators, paired, two_groups
from models.therapy.analysis import analyse_therapy
from models.therapy.correlation_change import correlation_change, correlations, mean_noise, mean_size, shared_order
from models.therapy.design import LISTS, Comparison
from models.therapy.overlap import overlap_of
from models.therapy.patients import Covariate, TherapyPatients
from models.therapy.results import TherapySettings
from tests.models.therapy.made_cohorts import correlated, made_patients

PLAIN = TherapySettings(scale=Scale.NONE, permutations=0)
GATE = 1e-10
VARIANTS = {
    Comparison.RESPONDERS: "paired_difference_g1",
    Comparison.NON_RESPONDERS: "paired_difference_g0",
    Comparison.CHANGE: "interaction_difference",
    Comparison.BEFORE: "two_group",
}


@pytest.fixture(scope="module")
def oracles(shared_data: Path) -> Path:
    return shared_data / "r_oracles"


@pytest.fixture(scope="module")
def patients(oracles: Path) -> TherapyPatients:
    """The simulated data of the oracles: 60 features of 24 patients before and after."""
    before, after = (pd.read_csv(oracles / f"limma_{one}.csv", index_col=0).to_numpy() for one in ("pre", "post"))
    return made_patients(before, after, pd.read_csv(oracles / "limma_group.csv")["g"].to_numpy() == 1)


@pytest.mark.parametrize("comparison", VARIANTS)
def test_comparisons_equal_limma(oracles: Path, patients: TherapyPatients, comparison: Comparison) -> None:
    rows = pd.read_csv(oracles / "limma_variants.csv")
    expected = rows[rows["variant"] == VARIANTS[comparison]]
    found = analyse_therapy(patients, PLAIN).comparisons[comparison]
    for name, values in (
        ("logFC", found.test.effects),
        ("t", found.test.statistics),
        ("p", found.test.p),
        ("fdr", found.fdr),
    ):
        np.testing.assert_allclose(values, expected[name], rtol=GATE, atol=1e-13, err_msg=name)


def test_means_and_counts_belong_to_the_comparison(patients: TherapyPatients) -> None:
    found = analyse_therapy(patients, PLAIN).comparisons
    change = patients.after - patients.before
    for comparison, first, second in (
        (Comparison.AFTER, patients.after[:, patients.responded], patients.after[:, ~patients.responded]),
        (Comparison.RESPONDERS, patients.after[:, patients.responded], patients.before[:, patients.responded]),
        (Comparison.CHANGE, change[:, patients.responded], change[:, ~patients.responded]),
    ):
        one = found[comparison]
        np.testing.assert_allclose(one.first_means, first.mean(axis=1))
        np.testing.assert_allclose(one.second_means, second.mean(axis=1))
        np.testing.assert_allclose(one.test.effects, one.first_means - one.second_means, atol=1e-12)
        assert one.count.hits == int((one.test.p < 0.05).sum())
        assert list(one.test.p[one.order]) == sorted(one.test.p)
    np.testing.assert_allclose(found[Comparison.BEFORE].fdr, benjamini_hochberg(found[Comparison.BEFORE].test.p))
    ordinary = student_t(patients.before, patients.responded).p
    assert found[Comparison.BEFORE].ordinary_hits == int((ordinary < 0.05).sum())


def test_swapped_labels_flip_the_signs(patients: TherapyPatients) -> None:
    one = analyse_therapy(patients, PLAIN).comparisons
    other = analyse_therapy(replace(patients, responded=~patients.responded), PLAIN).comparisons
    for comparison in (Comparison.BEFORE, Comparison.AFTER, Comparison.CHANGE):
        np.testing.assert_allclose(other[comparison].test.statistics, -one[comparison].test.statistics, rtol=1e-10)
        np.testing.assert_allclose(other[comparison].test.p, one[comparison].test.p, rtol=1e-9)
    np.testing.assert_allclose(
        other[Comparison.RESPONDERS].test.statistics, one[Comparison.NON_RESPONDERS].test.statistics, rtol=1e-12
    )


def test_swapped_examinations_flip_the_change(patients: TherapyPatients) -> None:
    one = analyse_therapy(patients, PLAIN).comparisons
    back = replace(patients, before=patients.after, after=patients.before)
    other = analyse_therapy(back, PLAIN).comparisons
    for comparison in (Comparison.RESPONDERS, Comparison.NON_RESPONDERS, Comparison.CHANGE):
        np.testing.assert_allclose(other[comparison].test.statistics, -one[comparison].test.statistics, rtol=1e-9)
    np.testing.assert_allclose(
        other[Comparison.BEFORE].test.statistics, one[Comparison.AFTER].test.statistics, rtol=1e-12
    )


@pytest.mark.parametrize("scale", [Scale.Z, Scale.RANK])
def test_units_do_not_matter_on_a_scale(patients: TherapyPatients, scale: Scale) -> None:
    factors = 10.0 ** np.random.default_rng(0).uniform(-4, 6, size=(len(patients.names), 1))
    settings = replace(PLAIN, scale=scale)
    one = analyse_therapy(patients, settings).comparisons
    moved = replace(patients, before=patients.before * factors, after=patients.after * factors)
    other = analyse_therapy(moved, settings).comparisons
    for comparison in Comparison:
        np.testing.assert_allclose(other[comparison].test.p, one[comparison].test.p, rtol=1e-8)


def test_covariates_and_blocks_are_those_of_the_linear_model(patients: TherapyPatients) -> None:
    rng = np.random.default_rng(3)
    count = len(patients.identifiers)
    volume = Covariate("volume", rng.normal(size=(count, 1)), rng.normal(size=(count, 1)), True)
    age = Covariate("age", *(rng.normal(size=(count, 1)),) * 2, False)
    blocks = [f"scanner {number % 3}" for number in range(count)]
    found = analyse_therapy(patients, PLAIN, covariates=[volume, age], blocks=blocks)
    fixed = np.hstack([age.before, indicators(blocks)])
    expected = two_groups(patients.before, patients.responded, covariates=np.hstack([volume.before, fixed]))
    np.testing.assert_allclose(found.comparisons[Comparison.BEFORE].test.p, expected.p, rtol=1e-8)
    change = volume.after - volume.before
    direct = two_groups(patients.after - patients.before, patients.responded, covariates=np.hstack([change, fixed]))
    np.testing.assert_allclose(found.comparisons[Comparison.CHANGE].test.p, direct.p, rtol=1e-8)
    plain = paired((patients.after - patients.before)[:, patients.responded])
    responders = found.comparisons[Comparison.RESPONDERS]
    assert not np.allclose(responders.test.p, plain.p)
    np.testing.assert_allclose(responders.unadjusted, plain.p, rtol=1e-9)
    assert responders.survivors == int(((plain.p < 0.05) & (responders.test.p < 0.05)).sum())
    assert any(note.code == "fixed-covariate" and "age, the block" in note.sentence for note in found.notes)


def test_a_fixed_covariate_leaves_the_paired_lists_as_they_are(patients: TherapyPatients) -> None:
    age = Covariate("age", *(np.random.default_rng(1).normal(size=(24, 1)),) * 2, False)
    found = analyse_therapy(patients, PLAIN, covariates=[age]).comparisons[Comparison.RESPONDERS]
    np.testing.assert_allclose(found.test.p, found.unadjusted, rtol=1e-12)


def test_covariates_and_constants_are_named_and_not_tested(patients: TherapyPatients) -> None:
    before, after = patients.before.copy(), patients.after.copy()
    before[2] = after[2] = 5.0
    given = replace(patients, before=before, after=after)
    volume = Covariate(patients.names[0], before[0][:, None], after[0][:, None], True)
    found = analyse_therapy(given, PLAIN, covariates=[volume])
    assert found.covariates_tested == (patients.names[0],)
    assert found.constant == (patients.names[2],)
    assert found.names == tuple(name for at, name in enumerate(patients.names) if at not in (0, 2))
    assert any(note.code == "feature-constant" and note.sentence.startswith("1 feature with") for note in found.notes)
    with pytest.raises(CohortRejected, match=r"None of the 1 feature can be tested: 1 constant"):
        analyse_therapy(made_patients(before[2:3], after[2:3], patients.responded), PLAIN)


def test_a_block_of_one_group_is_refused(patients: TherapyPatients) -> None:
    with pytest.raises(StudyRejected, match="depend on each other"):
        analyse_therapy(patients, PLAIN, blocks=["A" if one else "B" for one in patients.responded])


def test_one_feature_is_an_ordinary_test_in_its_unit(patients: TherapyPatients) -> None:
    one = made_patients(patients.before[:1], patients.after[:1], patients.responded)
    found = analyse_therapy(one, TherapySettings())
    np.testing.assert_allclose(
        found.comparisons[Comparison.BEFORE].test.p, student_t(one.before, one.responded).p, rtol=1e-10
    )
    assert (found.settings.scale, found.settings.permutations, found.correlation) == (Scale.NONE, 0, None)


def test_permutations_stand_beside_every_count(patients: TherapyPatients) -> None:
    found = analyse_therapy(patients, TherapySettings(permutations=40))
    for compared in found.comparisons.values():
        assert compared.chance is not None
        assert compared.chance.observed == compared.count.hits
        assert compared.chance.drawn.shape == (40,)
    assert found.overlap.response is not None
    assert found.overlap.response.observed == found.overlap.features


def test_intersections_add_up() -> None:
    rng = np.random.default_rng(0)
    hits = {one: rng.random(500) < share for one, share in zip(LISTS, (0.3, 0.2, 0.15, 0.5), strict=True)}
    found = overlap_of(hits)
    assert sum(one.features for one in found.intersections) == 500
    assert sum(one.expected for one in found.intersections) == pytest.approx(500)
    assert len(found.intersections) == 16
    common = next(one for one in found.intersections if len(one.lists) == 4)
    assert common.features == found.features == int(np.logical_and.reduce(list(hits.values())).sum())
    assert common.expected == pytest.approx(found.expected)
    assert all(one.features >= other.features for one, other in pairwise(found.intersections))
    # The paper's sizes: chance under independence is 7.6.
    paper = {one: np.arange(1726) < size for one, size in zip(LISTS, (456, 352, 306, 793), strict=True)}
    assert overlap_of(paper).expected == pytest.approx(7.6, abs=0.05)


def test_correlations_are_spearmans_in_one_order() -> None:
    rng = np.random.default_rng(2)
    before, after = correlated(rng, 20, 40), rng.normal(size=(20, 40))
    before[3] = 1.0  # constant: no correlation
    responded = np.arange(40) < 25
    found = correlation_change(before, after, responded, permutations=99, seed=1)
    expected = pd.DataFrame(before[:, responded].T).corr("spearman").fillna(0.0).to_numpy()
    np.fill_diagonal(expected, 1.0)
    order = shared_order(before)
    np.testing.assert_allclose(found.responders.before, expected[np.ix_(order, order)], atol=1e-12)
    off_diagonal = ~np.eye(20, dtype=bool)
    assert found.responders.mean_before == pytest.approx(np.abs(expected[off_diagonal]).mean())
    assert found.responders.p <= 0.05  # factors before, noise after
    assert found.responders.tested_change < 0
    assert (found.features_per_cell, found.tested_features) == (1, 20)
    assert sorted(found.order) == list(range(20))


def test_noise_has_the_mean_correlation_of_the_formula() -> None:
    rng = np.random.default_rng(5)
    for patients in (20, 55, 72):
        assert mean_size(correlations(rng.normal(size=(150, patients)))) == pytest.approx(
            mean_noise(patients), rel=0.05
        )
    assert (mean_noise(72), mean_noise(55)) == pytest.approx((0.0947, 0.1086), abs=1e-4)


def test_large_matrices_are_averaged_over_blocks() -> None:
    rng = np.random.default_rng(1)
    before = correlated(rng, 450, 12)
    found = correlation_change(before, before, np.arange(12) < 6, permutations=0, seed=1)
    assert found.features_per_cell == 2
    assert found.responders.before.shape == (225, 225)
    assert np.isnan(found.responders.p)
    matrix = correlations(before[:, :6])[np.ix_(found.order, found.order)]
    assert found.responders.before[3, 7] == pytest.approx(matrix[6:8, 14:16].mean())
