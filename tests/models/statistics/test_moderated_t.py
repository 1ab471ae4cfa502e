"""Moderated t tests and tests of features against R (limma 3.54.1, R 4.2.2; `r_oracles/README.md` has the calls)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from models.constant import varies
from models.errors import StudyRejected
from models.statistics.feature_tests import (
    FeatureTests,
    Scale,
    benjamini_hochberg,
    count_hits,
    paired_t,
    rank_sum,
    scale_features,
    spearman,
    spearman_matrix,
    student_t,
    welch_t,
)
from models.statistics.moderated_t import (
    ModeratedT,
    fit_prior,
    indicators,
    inverse_trigamma,
    moderated_t,
    paired,
    two_groups,
)

GATE = 1e-10


@pytest.fixture(scope="module")
def oracles(shared_data: Path) -> Path:
    return shared_data / "r_oracles"


@pytest.fixture(scope="module")
def variants(oracles: Path) -> pd.DataFrame:
    return pd.read_csv(oracles / "limma_variants.csv")


@pytest.fixture(scope="module")
def priors(oracles: Path) -> dict[str, Any]:
    return json.loads((oracles / "omics_expected.json").read_text())


@pytest.fixture(scope="module")
def pre(oracles: Path) -> np.ndarray:
    return pd.read_csv(oracles / "limma_pre.csv", index_col=0).to_numpy()


@pytest.fixture(scope="module")
def post(oracles: Path) -> np.ndarray:
    return pd.read_csv(oracles / "limma_post.csv", index_col=0).to_numpy()


@pytest.fixture(scope="module")
def group(oracles: Path) -> np.ndarray:
    return pd.read_csv(oracles / "limma_group.csv")["g"].to_numpy() == 1


def assert_equal(found: ModeratedT, expected: pd.DataFrame) -> None:
    for name, values in (
        ("logFC", found.effects),
        ("t", found.statistics),
        ("p", found.p),
        ("fdr", benjamini_hochberg(found.p)),
    ):
        np.testing.assert_allclose(values, expected[name], rtol=GATE, atol=1e-13, err_msg=name)
    np.testing.assert_allclose(found.degrees, expected["df_total"], rtol=GATE)


def test_two_groups_equal_limma(
    pre: np.ndarray, group: np.ndarray, variants: pd.DataFrame, priors: dict[str, Any]
) -> None:
    found = two_groups(pre, group)
    assert_equal(found, variants[variants["variant"] == "two_group"])
    assert found.prior_degrees == pytest.approx(priors["two_group"]["df_prior"], rel=GATE)
    assert float(found.prior_variances) == pytest.approx(priors["two_group"]["s2_prior"], rel=GATE)


def test_trend_equals_limma(pre: np.ndarray, group: np.ndarray, variants: pd.DataFrame, priors: dict[str, Any]) -> None:
    found = two_groups(pre, group, has_trend=True)
    assert_equal(found, variants[variants["variant"] == "trend"])
    assert found.prior_degrees == pytest.approx(priors["trend"]["df_prior"], rel=GATE)
    np.testing.assert_allclose(found.prior_variances, priors["trend"]["s2_prior"], rtol=GATE)


def test_covariates_equal_limma(pre: np.ndarray, group: np.ndarray, variants: pd.DataFrame) -> None:
    batch = np.resize([0, 0, 1, 1, 2, 2], len(group))
    assert_equal(two_groups(pre, group, covariates=indicators(batch)), variants[variants["variant"] == "covariate"])


@pytest.mark.parametrize("number", [0, 1])
def test_pairs_equal_limma_with_blocks_and_on_differences(
    pre: np.ndarray, post: np.ndarray, group: np.ndarray, variants: pd.DataFrame, number: int
) -> None:
    chosen = group == bool(number)
    found = paired((post - pre)[:, chosen])
    assert_equal(found, variants[variants["variant"] == f"paired_difference_g{number}"])
    blocks = variants[variants["variant"] == f"paired_block_g{number}"]
    np.testing.assert_allclose(found.statistics, blocks["t"], rtol=GATE)
    np.testing.assert_allclose(found.p, blocks["p"], rtol=GATE)


def test_change_against_change_equals_limma(
    pre: np.ndarray, post: np.ndarray, group: np.ndarray, variants: pd.DataFrame
) -> None:
    assert_equal(two_groups(post - pre, group), variants[variants["variant"] == "interaction_difference"])


@pytest.mark.parametrize(
    ("variant", "has_trend"), [("log2_tpm", False), ("log2_tpm_filtered_trend", True)], ids=["all genes", "filtered"]
)
def test_genes_equal_limma(oracles: Path, variant: str, *, has_trend: bool) -> None:
    """Includes genes without a count, which are constant."""
    tpm = pd.read_csv(oracles / "tpm.csv", index_col=0)
    group = pd.read_csv(oracles / "counts_groups.csv")["group"].to_numpy()
    rows = pd.read_csv(oracles / "limma_counts.csv")
    expected = rows[rows["variant"] == variant]
    chosen = tpm.loc[expected["feature"]].to_numpy()
    assert_equal(two_groups(np.log2(chosen + 1), group, has_trend=has_trend), expected)


def test_a_contrast_is_a_difference_of_coefficients(pre: np.ndarray, group: np.ndarray) -> None:
    cells = np.stack([~group, group], axis=1).astype(float)
    by_contrast, by_column = moderated_t(pre, cells, tested=[-1.0, 1.0]), two_groups(pre, group)
    np.testing.assert_allclose(by_contrast.statistics, by_column.statistics, rtol=1e-12)


def test_swapped_labels_flip_the_signs(pre: np.ndarray, group: np.ndarray) -> None:
    one, other = two_groups(pre, group), two_groups(pre, ~group)
    np.testing.assert_allclose(one.statistics, -other.statistics, rtol=1e-12)
    np.testing.assert_allclose(one.p, other.p, rtol=1e-12)
    np.testing.assert_allclose(one.intervals, -other.intervals[:, ::-1], rtol=1e-10)


def test_large_values_keep_their_digits(pre: np.ndarray, group: np.ndarray) -> None:
    moved = two_groups(pre + 1e6, group)
    np.testing.assert_allclose(moved.statistics, two_groups(pre, group).statistics, rtol=1e-7)


def test_one_variance_for_all_is_the_mean_variance(group: np.ndarray) -> None:
    """limma since January 2017; z-scored features come here."""
    variances = np.full(50, 2.0)
    variances[0] = 2.1
    degrees, scale = fit_prior(variances, 20)
    assert np.isinf(degrees)
    assert float(scale) == pytest.approx(variances.mean())
    noise = scale_features(np.random.default_rng(1).normal(size=(200, len(group))), Scale.Z)
    found = two_groups(noise, group)
    assert np.isinf(found.prior_degrees)
    assert found.degrees == 200 * (len(group) - 2)
    np.testing.assert_allclose(found.p, 2 * stats.t.sf(np.abs(found.statistics), found.degrees), rtol=1e-12)


def test_a_constant_feature_has_no_effect_and_does_not_decide_the_prior(pre: np.ndarray, group: np.ndarray) -> None:
    found = two_groups(np.vstack([pre, np.full(len(group), 3.0)]), group)
    assert (found.statistics[-1], found.p[-1]) == (0.0, 1.0)
    assert found.prior_degrees > 0.5
    assert list(varies(np.vstack([pre[:1], np.full(len(group), 0.1)]), axis=1)) == [True, False]


@pytest.mark.parametrize("y", [1e-8, 1e-3, 0.3, 2.0, 70.0, 1e5])
def test_inverse_of_trigamma(y: float) -> None:
    from scipy.special import polygamma

    assert polygamma(1, inverse_trigamma(y)) == pytest.approx(y, rel=1e-7)


def test_refusals_name_what_was_found(pre: np.ndarray, group: np.ndarray) -> None:
    gap = pre.copy()
    gap[3, 4] = np.nan
    with pytest.raises(StudyRejected, match=r"1 of 1440 values is missing"):
        two_groups(gap, group)
    with pytest.raises(StudyRejected, match="depend on each other"):
        two_groups(pre, group, covariates=group.astype(float))
    with pytest.raises(StudyRejected, match="2 samples cannot estimate 2 terms"):
        two_groups(pre[:, :2], [0, 1])
    with pytest.raises(StudyRejected, match="at least two"):
        two_groups(pre[:1], group)
    with pytest.raises(StudyRejected, match="were expected"):
        two_groups(pre, group[:-1])
    for test in (student_t, welch_t, rank_sum):
        with pytest.raises(StudyRejected, match="at least two in each"):
            test(pre, np.arange(24) == 0)


def test_plain_tests_equal_r(oracles: Path, pre: np.ndarray, post: np.ndarray, group: np.ndarray) -> None:
    expected = pd.read_csv(oracles / "t_tests.csv")
    found = {
        "student": student_t(pre, group),
        "welch": welch_t(pre, group),
        "paired_g1": paired_t((post - pre)[:, group]),
        "paired_g0": paired_t((post - pre)[:, ~group]),
        "wilcoxon": rank_sum(pre, group),
    }
    for name, tests in found.items():
        np.testing.assert_allclose(tests.p, expected[name], rtol=GATE, err_msg=name)
        assert not tests.undefined.any()


def test_rank_sum_points_where_the_means_do(pre: np.ndarray, group: np.ndarray) -> None:
    shifted = pre + 3 * group
    found = rank_sum(shifted, group)
    assert (found.statistics > 0).all()
    assert (found.effects > 0.5).all()
    np.testing.assert_allclose(2 * stats.norm.sf(np.abs(found.statistics)), found.p, rtol=1e-9)


@pytest.mark.parametrize("test", [student_t, welch_t, rank_sum])
def test_a_constant_feature_has_no_test(test: Any, pre: np.ndarray, group: np.ndarray) -> None:
    both: FeatureTests = test(np.vstack([pre[:2], np.full(len(group), 0.3)]), group)
    assert list(both.undefined) == [False, False, True]
    np.testing.assert_array_equal(both.p[:2], test(pre[:2], group).p)


def test_spearman_equals_r(oracles: Path) -> None:
    data = pd.read_csv(oracles / "spearman_data.csv")
    for row in pd.read_csv(oracles / "spearman_expected.csv").itertuples():
        case = data[data["case"] == row.case]
        found = spearman(case["x"].to_numpy()[None], case["y"].to_numpy())
        assert found.effects[0] == pytest.approx(row.rho, abs=1e-14)
        assert found.p[0] == pytest.approx(row.p_asymptotic, rel=GATE)


def test_spearman_of_a_constant_is_undefined_and_the_matrix_agrees(pre: np.ndarray) -> None:
    rows = np.vstack([pre[:3], np.zeros(pre.shape[1])])
    matrix = spearman_matrix(rows, rows)
    assert np.isnan(matrix[3]).all()
    np.testing.assert_allclose(matrix[:3, 1], spearman(rows, pre[1]).effects[:3], rtol=1e-14)
    assert spearman(rows, pre[1]).undefined.tolist() == [False, False, False, True]
    assert spearman(pre[1:2], pre[1]).p[0] < 1e-100


def test_false_discovery_rate_leaves_out_what_was_not_tested() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    rates = benjamini_hochberg(p)
    assert np.isnan(rates[1])
    np.testing.assert_allclose(rates[[0, 2, 3, 4]], stats.false_discovery_control(p[[0, 2, 3, 4]]), rtol=1e-14)
    assert benjamini_hochberg([]).size == 0
    with pytest.raises(StudyRejected, match="above 1"):
        benjamini_hochberg([1.5])


def test_hits_stand_beside_their_expectation() -> None:
    p = np.concatenate([np.full(47, 0.04), np.full(12_265, 0.5), [np.nan]])
    found = count_hits(p)
    assert (found.tested, found.hits, found.discoveries) == (12_312, 47, 0)
    assert str(found) == ("47 of 12,312 at P < 0.05 (616 expected by chance), 0 at a false discovery rate < 0.05")


def test_scales(pre: np.ndarray) -> None:
    z, rank = scale_features(pre, Scale.Z), scale_features(pre * 1e5, Scale.RANK)
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(z.std(axis=1, ddof=1), 1, rtol=1e-13)
    np.testing.assert_allclose(rank, scale_features(np.exp(pre), Scale.RANK), rtol=1e-14)
    np.testing.assert_array_equal(scale_features(pre, Scale.NONE), pre)
    with pytest.raises(StudyRejected, match="1 of 2 features is constant"):
        scale_features(np.vstack([pre[:1], np.ones(24)]), Scale.Z)


def test_p_is_uniform_without_an_effect() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(2000, 30)) * np.exp(rng.normal(size=(2000, 1)))
    assert stats.kstest(two_groups(values, np.arange(30) % 2 == 1).p, "uniform").pvalue > 0.01
