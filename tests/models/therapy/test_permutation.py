"""Permutations of labels and pairs: equal to single fits, exchangeable under the null. Kind: oracle, law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from models.statistics.moderated_t import fit_linear, moderated_t, ordinary_t
from models.therapy.design import Cohort, Comparison
from models.therapy.patients import Covariate
from models.therapy.permutation import ChanceCount, hits_in_draws, permuted_counts, shuffled_orders
from tests.models.therapy.made_cohorts import null_cohort

ALPHA = 0.2


def swapped(cohort: Cohort, signs: np.ndarray) -> Cohort:
    """The two examinations of the patients with sign -1 exchanged, with their covariates."""
    other = signs < 0
    covariates = [
        Covariate(
            one.name,
            np.where(other[:, None], one.after, one.before),
            np.where(other[:, None], one.before, one.after),
            one.changes,
        )
        for one in cohort.covariates
    ]
    return replace(
        cohort,
        before=np.where(other, cohort.after, cohort.before),
        after=np.where(other, cohort.before, cohort.after),
        covariates=covariates,
    )


def covariates(seed: int, patients: int = 24) -> list[Covariate]:
    rng = np.random.default_rng(seed)
    fixed = rng.normal(size=(patients, 1))
    return [
        Covariate("volume", rng.normal(size=(patients, 1)), rng.normal(size=(patients, 1)), True),
        Covariate("age", fixed, fixed, False),
    ]


@pytest.mark.parametrize("comparison", Comparison)
@pytest.mark.parametrize("has_covariates", [False, True])
@pytest.mark.parametrize("features", [40, 1])
def test_hits_are_those_of_single_fits(comparison: Comparison, *, has_covariates: bool, features: int) -> None:
    """The plain way: exchange, shuffle, fit, count; for each draw."""
    cohort = null_cohort(3, features=features)
    if has_covariates:
        cohort = replace(cohort, covariates=covariates(4), blocks=["a", "b", "c"] * 8)
    rng = np.random.default_rng(5)
    orders = shuffled_orders(rng, 12, 24, cohort.blocks)
    signs = rng.choice([-1.0, 1.0], size=(12, 24))
    for drawn_orders, drawn_signs in ((orders, None), (None, signs), (orders, signs)):
        if drawn_signs is not None and comparison is Comparison.CHANGE:
            continue  # the direct question is asked of labels only
        found = hits_in_draws(cohort, comparison, drawn_orders, drawn_signs, ALPHA)
        for draw in range(found.shape[1]):
            one = cohort if drawn_signs is None else swapped(cohort, drawn_signs[draw])
            order = np.arange(24) if drawn_orders is None else drawn_orders[draw]
            nuisance = cohort.nuisance(comparison)
            label = cohort.tested(comparison)
            group = cohort.group(comparison)
            if comparison.is_paired:
                group = group[order]
                tested = label
            else:
                if has_covariates:
                    label = label - nuisance @ np.linalg.lstsq(nuisance, label, rcond=None)[0]
                tested = label[order]
            design = np.column_stack([one.nuisance(comparison), tested])[group]
            values = one.values(comparison)[:, group]
            p = moderated_t(values, design).p if features > 1 else ordinary_t(fit_linear(values, design)).p
            np.testing.assert_array_equal(found[:, draw], p < ALPHA)


def test_observed_hits_are_the_draw_that_changes_nothing() -> None:
    cohort = null_cohort(8)
    for comparison in Comparison:
        chosen = cohort.group(comparison)
        p = moderated_t(cohort.values(comparison)[:, chosen], cohort.design(comparison)).p
        kept = hits_in_draws(cohort, comparison, np.arange(24)[None], None, ALPHA)[:, 0]
        np.testing.assert_array_equal(kept, p < ALPHA)


def uniform(drawn: np.ndarray, observed: int, rng: np.random.Generator) -> float:
    """P with ties broken at random: exactly uniform where the data are exchangeable with the permutations."""
    equal = int((drawn == observed).sum()) + 1
    return float(((drawn > observed).sum() + rng.uniform() * equal) / (drawn.size + 1))


def test_p_of_every_count_is_uniform_under_the_null() -> None:
    """Kolmogorov test over 200 null cohorts, for each list and the overlap."""
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {}
    for seed in range(200):
        cohort = null_cohort(seed, features=30, patients=18)
        drawn = permuted_counts(cohort, alpha=ALPHA, permutations=39, seed=seed)
        hits = {one: hits_in_draws(cohort, one, np.arange(18)[None], None, ALPHA)[:, 0] for one in Comparison}
        for comparison, of in drawn.lists.items():
            found.setdefault(comparison, []).append(uniform(of, int(hits[comparison].sum()), rng))
        common = int(np.logical_and.reduce([hits[one] for one in list(Comparison)[:4]]).sum())
        found.setdefault("overlap", []).append(uniform(drawn.overlap_nothing, common, rng))
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys([*Comparison, "overlap"], 200)
    for name, values in found.items():
        assert stats.kstest(values, "uniform").pvalue > 0.01, name


def test_therapy_alone_leaves_the_labels_exchangeable_and_not_the_pairs() -> None:
    cohort = null_cohort(2)
    moved = replace(cohort, after=cohort.after + 6.0)
    drawn = permuted_counts(moved, alpha=0.05, permutations=99, seed=1)
    changed = int(hits_in_draws(moved, Comparison.RESPONDERS, np.arange(24)[None], None, 0.05).sum())
    assert ChanceCount(changed, drawn.lists[Comparison.RESPONDERS]).p == pytest.approx(0.01)
    quiet = permuted_counts(cohort, alpha=0.05, permutations=99, seed=1)
    for comparison in (Comparison.BEFORE, Comparison.AFTER, Comparison.CHANGE):
        np.testing.assert_array_equal(drawn.lists[comparison], quiet.lists[comparison])
    # Where everybody changes, all of the lists of change are full, and the overlap is that of the two others.
    assert drawn.overlap_response.mean() > drawn.overlap_nothing.mean()


def test_orders_stay_inside_their_blocks() -> None:
    blocks = ["a"] * 5 + ["b"] * 4 + ["c"] * 1
    orders = shuffled_orders(np.random.default_rng(0), 50, 10, blocks)
    assert (np.array(blocks)[orders] == np.array(blocks)).all()
    assert len({tuple(order) for order in orders.tolist()}) > 40
    assert (np.sort(orders, axis=1) == np.arange(10)).all()


def test_the_same_seed_draws_the_same_and_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    cohort = null_cohort(1)
    one = permuted_counts(cohort, alpha=0.05, permutations=130, seed=7, tell=lambda *how: told.append(how))
    other = permuted_counts(cohort, alpha=0.05, permutations=130, seed=7)
    np.testing.assert_array_equal(one.lists[Comparison.BEFORE], other.lists[Comparison.BEFORE])
    assert [step[1:] for step in told] == [(100, 130), (130, 130)]
    assert {len(drawn) for drawn in one.lists.values()} == {130}


def test_p_counts_the_data_as_one_permutation() -> None:
    chance = ChanceCount(5, np.array([0, 5, 6, 1]))
    assert (chance.p, chance.median) == (3 / 5, 3.0)
    assert ChanceCount(7, np.array([0, 1])).p == pytest.approx(1 / 3)
