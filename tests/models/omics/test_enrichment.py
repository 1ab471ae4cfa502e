"""Over-representation, preranked GSEA and camera against clusterProfiler, fgsea and limma (README of `r_oracles`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, norm, t

from models.errors import StudyRejected
from models.omics.camera import camera, normal_scores
from models.omics.gene_sets import match_sets, read_gene_sets
from models.omics.over_representation import OverRepresentation, over_represented
from models.omics.prerank import Prerank, prerank, running_sum
from models.statistics.moderated_t import two_group_design


@pytest.fixture(scope="module")
def oracles(shared_data: Path) -> Path:
    return shared_data / "r_oracles"


# -- over-representation -----------------------------------------------------------------------------------------------


class Query:
    """Genes, universe and sets of the fixtures."""

    def __init__(self, folder: Path) -> None:
        self.universe = (folder / "ora_universe.txt").read_text().split()
        self.query = (folder / "ora_genes.txt").read_text().split()
        self.file = read_gene_sets(folder / "ora_sets.gmt")
        self.genes = list(
            dict.fromkeys([*self.universe, *self.query, *(g for one in self.file.sets for g in one.genes)])
        )
        self.sets = match_sets([self.file], self.genes)
        self.row = {gene: row for row, gene in enumerate(self.genes)}

    def rows(self, genes: list[str]) -> list[int]:
        return [self.row[gene] for gene in genes]


@pytest.fixture(scope="module")
def query(oracles: Path) -> Query:
    return Query(oracles)


def assert_equal(found: OverRepresentation, expected: pd.DataFrame) -> None:
    rows = expected.set_index("set")
    assert set(found.names) == set(rows.index)
    rows = rows.loc[list(found.names)]
    np.testing.assert_allclose(found.p, rows["p"], rtol=1e-10)
    np.testing.assert_allclose(found.fdr, rows["fdr"], rtol=1e-10)
    assert found.hits.tolist() == rows["count"].tolist()
    assert [f"{k}/{found.drawn}" for k in found.hits] == rows["gene_ratio"].tolist()
    assert [f"{k}/{found.universe}" for k in found.sizes] == rows["bg_ratio"].tolist()


@pytest.mark.parametrize("case", ["tested_universe", "annotated_universe"])
def test_equal_to_clusterprofiler(oracles: Path, query: Query, case: str) -> None:
    table = pd.read_csv(oracles / "ora_clusterprofiler.csv")
    tested = query.universe if case == "tested_universe" else query.genes
    selected = [gene for gene in query.query if gene in set(tested)]
    found = over_represented(query.sets, query.rows(selected), query.rows(tested))
    assert_equal(found, table[table["case"] == case])
    assert (np.diff(found.p) >= 0).all()
    assert found.sets_tested + found.sets_left_out == len(query.sets)


def test_without_limits_of_size(oracles: Path, query: Query) -> None:
    table = pd.read_csv(oracles / "ora_clusterprofiler.csv")
    expected = table[table["case"] == "no_size_limit"]
    selected = [gene for gene in query.query if gene in set(query.universe)]
    found = over_represented(
        query.sets, query.rows(selected), query.rows(query.universe), smallest=1, largest=len(query.genes)
    )
    assert_equal(found, expected)


def test_genes_outside_the_universe_are_refused(query: Query) -> None:
    with pytest.raises(StudyRejected, match=r"5 of 30 selected genes are not among the 350 tested ones"):
        over_represented(query.sets, query.rows(query.query), query.rows(query.universe))
    with pytest.raises(StudyRejected, match="None of the 1 selected gene is in any"):
        over_represented([np.array([1, 2])], [0], [0, 1, 2])


def test_sets_with_the_same_selected_genes_are_named() -> None:
    sets = [np.arange(10), np.arange(11), np.arange(20, 30)]
    found = over_represented(sets, [0, 1, 25], range(40), smallest=5)
    assert sorted(found.repeats) == [0, 0, 1]
    assert "1 set has the same selected genes as another" in found.remarks()[-1]
    assert found.ratios[0] == pytest.approx((2 / 3) / (10 / 21))
    assert found.count.expected == pytest.approx(0.15)


# -- preranked ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ranking(oracles: Path) -> pd.Series:
    return pd.read_csv(oracles / "gsea_rank.csv", index_col=0)["stat"]


@pytest.fixture(scope="module")
def expected(oracles: Path) -> pd.DataFrame:
    return pd.read_csv(oracles / "gsea_fgsea.csv")


@pytest.fixture(scope="module")
def members(oracles: Path, ranking: pd.Series, expected: pd.DataFrame) -> list[np.ndarray]:
    row = {gene: place for place, gene in enumerate(ranking.index)}
    sets = {one.name: one.genes for one in read_gene_sets(oracles / "ora_sets.gmt").sets}
    return [np.array([row[gene] for gene in sets[name] if gene in row]) for name in expected["set"]]


@pytest.fixture(scope="module")
def found(ranking: pd.Series, members: list[np.ndarray]) -> Prerank:
    return prerank(ranking.to_numpy(), members, permutations=20_000)


def test_scores_and_leading_edges_equal_fgsea(found: Prerank, expected: pd.DataFrame, ranking: pd.Series) -> None:
    assert found.sizes.tolist() == expected["size"].tolist()
    np.testing.assert_allclose(found.scores, expected["ES"], atol=1e-6, rtol=0)
    edges = ["/".join(ranking.index[rows]) for rows in found.leading_edges]
    assert edges == expected["leading_edge"].tolist()


def test_normalised_scores_and_p_agree_with_fgsea(found: Prerank, expected: pd.DataFrame) -> None:
    np.testing.assert_allclose(found.normalised, expected["NES_simple"], atol=0.02, rtol=0)
    np.testing.assert_allclose(found.p, expected["p_simple"], atol=0.02, rtol=0)


def test_without_weights_equal_to_fgsea(ranking: pd.Series, members: list[np.ndarray], expected: pd.DataFrame) -> None:
    flat = prerank(ranking.to_numpy(), members, exponent=0.0, permutations=10)
    np.testing.assert_allclose(flat.scores, expected["ES_unweighted"], atol=1e-6, rtol=0)


def test_a_mirrored_ranking_mirrors_the_scores(ranking: pd.Series, members: list[np.ndarray], found: Prerank) -> None:
    mirrored = prerank(-ranking.to_numpy(), members, permutations=10)
    np.testing.assert_allclose(mirrored.scores, -found.scores, rtol=1e-9)


def test_the_walk_reaches_its_score(ranking: pd.Series, members: list[np.ndarray], found: Prerank) -> None:
    for rows, score in zip(members, found.scores, strict=True):
        walk = running_sum(ranking.to_numpy(), rows)
        assert walk[-1] == pytest.approx(0, abs=1e-12)
        assert (walk.max() if score > 0 else walk.min()) == pytest.approx(score, abs=1e-12)


def test_the_same_seed_gives_the_same_p(ranking: pd.Series, members: list[np.ndarray]) -> None:
    one, other = (prerank(ranking.to_numpy(), members[:3], permutations=200, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.p, other.p)


def test_p_of_random_sets_is_uniform() -> None:
    rng = np.random.default_rng(11)
    sets = [rng.choice(2000, 20, replace=False) for _ in range(300)]
    tests = prerank(rng.normal(size=2000), sets, permutations=1000)
    assert kstest(tests.p, "uniform").pvalue > 0.01


def test_ties_and_odd_sets_are_refused() -> None:
    with pytest.raises(StudyRejected, match=r"95 of 100 genes tie in the ranking \(95\.0 %\)"):
        prerank(np.arange(100) % 5, [np.arange(4)])
    with pytest.raises(StudyRejected, match="1 of 2 sets"):
        prerank(np.arange(100), [np.arange(4), np.arange(100)])
    with pytest.raises(StudyRejected, match="1 value that is not finite"):
        prerank([1.0, np.nan], [np.arange(1)])


# -- camera ------------------------------------------------------------------------------------------------------------

# limma 3.54.1: camera(limma_pre, list(a = 1:10, b = 20:40, c = c(50, 55, 60)), ~ g, sort = FALSE)
CAMERA_SETS = [np.arange(10), np.arange(19, 40), np.array([49, 54, 59])]
CAMERA_P = [1.84476408968712e-05, 7.88001996016058e-02, 5.23032374450093e-01]


def test_camera_equals_limma(oracles: Path) -> None:
    pre = pd.read_csv(oracles / "limma_pre.csv", index_col=0).to_numpy()
    group = pd.read_csv(oracles / "limma_group.csv")["g"].to_numpy()
    tests = camera(pre, CAMERA_SETS, two_group_design(group))
    np.testing.assert_allclose(tests.p, CAMERA_P, rtol=1e-10)
    assert np.sign(tests.statistics).tolist() == [1, -1, -1]
    assert tests.sizes.tolist() == [10, 21, 3]
    with pytest.raises(StudyRejected, match="1 of 1 set has none, or nearly all, of the 60 genes"):
        camera(pre, [np.arange(60)], two_group_design(group))


@pytest.mark.parametrize("degrees", [4.0, 30.0, 500.0, np.inf])
def test_normal_scores_keep_the_tail(degrees: float) -> None:
    values = np.array([-6.0, -1.0, 0.5, 3.0])
    exact = norm.isf(t.sf(values, degrees))
    np.testing.assert_allclose(normal_scores(values, degrees), exact, rtol=2e-3)


def test_camera_is_uniform_without_an_effect() -> None:
    rng: Any = np.random.default_rng(8)
    values, group = rng.normal(size=(3000, 20)), np.arange(20) % 2
    sets = [rng.choice(3000, 25, replace=False) for _ in range(200)]
    # Independent genes: without the allowance for correlation P is uniform, with it conservative.
    tests = camera(values, sets, two_group_design(group), correlation=0.0)
    assert kstest(tests.p, "uniform").pvalue > 0.01
    assert np.mean(camera(values, sets, two_group_design(group)).p < 0.05) <= 0.05
