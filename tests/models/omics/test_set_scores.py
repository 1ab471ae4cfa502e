"""ssGSEA and GSVA against R GSVA 2.0.5 (`r_oracles/gsva_*_2.0.5.csv`), and their laws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.errors import StudyRejected
from models.omics.gene_sets import read_gene_sets
from models.omics.set_scores import Kernel, SetScores, Ties, gsva, ssgsea

LIKE_R = {"ties": Ties.ROW_ORDER}


class Example:
    """Values of the fixtures with their sets."""

    def __init__(self, folder: Path, values: pd.DataFrame, sets: str, expected: str) -> None:
        row_of = {gene: row for row, gene in enumerate(values.index)}
        self.values = values.to_numpy(dtype=float)
        self.expected = pd.read_csv(folder / expected)
        self.members = {
            one.name: np.array([row_of[gene] for gene in one.genes if gene in row_of], dtype=np.int64)
            for one in read_gene_sets(folder / sets).sets
        }

    def case(self, name: str) -> tuple[list[np.ndarray], np.ndarray]:
        rows = self.expected[self.expected["case"] == name]
        return [self.members[one] for one in rows["set"]], rows.iloc[:, 2:].to_numpy()


@pytest.fixture(scope="module")
def oracles(shared_data: Path) -> Path:
    return shared_data / "r_oracles"


@pytest.fixture(scope="module")
def example(oracles: Path) -> Example:
    tpm = pd.read_csv(oracles / "tpm.csv", index_col=0)
    return Example(oracles, np.log2(tpm + 1), "gsva_sets.gmt", "gsva_cases_2.0.5.csv")


@pytest.fixture(scope="module")
def tied(oracles: Path) -> Example:
    return Example(oracles, pd.read_csv(oracles / "expr.csv", index_col=0), "sets.gmt", "gsva_ties_2.0.5.csv")


@pytest.mark.parametrize(
    ("case", "options"),
    [
        ("gsva_gaussian", {}),
        ("gsva_none", {"kernel": Kernel.NONE}),
        ("gsva_gaussian_maxdev", {"takes_difference": False}),
    ],
)
def test_gsva_equals_r(example: Example, case: str, options: dict[str, Any]) -> None:
    members, expected = example.case(case)
    np.testing.assert_allclose(gsva(example.values, members, **LIKE_R, **options).scores, expected, atol=1e-9, rtol=0)


def test_gsva_of_counts_equals_r(example: Example, oracles: Path) -> None:
    counts = pd.read_csv(oracles / "counts.csv", index_col=0).iloc[:, 1:].to_numpy(dtype=float)
    members, expected = example.case("gsva_poisson_counts")
    found = gsva(counts, members, kernel=Kernel.POISSON, **LIKE_R)
    np.testing.assert_allclose(found.scores, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("case", "alpha", "is_scaled"),
    [
        ("ssgsea_raw", 0.25, False),
        ("ssgsea_norm", 0.25, True),
        ("ssgsea_alpha1", 1.0, False),
        ("ssgsea_min5", 0.25, True),
    ],
)
def test_ssgsea_equals_r(example: Example, case: str, alpha: float, *, is_scaled: bool) -> None:
    members, expected = example.case(case)
    found = ssgsea(example.values, members, alpha=alpha, ties=Ties.ROW_ORDER)
    np.testing.assert_allclose(found.scaled if is_scaled else found.scores, expected, atol=1e-9, rtol=0)


def test_scores_with_many_ties_equal_r(tied: Example) -> None:
    for case, found in (
        ("ssgsea_raw", lambda members: ssgsea(tied.values, members, ties=Ties.ROW_ORDER).scores),
        ("ssgsea_norm", lambda members: ssgsea(tied.values, members, ties=Ties.ROW_ORDER).scaled),
        ("gsva_gaussian", lambda members: gsva(tied.values, members, ties=Ties.ROW_ORDER).scores),
    ):
        members, expected = tied.case(case)
        np.testing.assert_allclose(found(members), expected, atol=1e-9, rtol=0)


def test_without_ties_both_ways_agree() -> None:
    rng = np.random.default_rng(2)
    values, members = rng.normal(size=(200, 30)), [np.arange(9), np.arange(50, 90)]
    for score in (ssgsea, gsva):
        np.testing.assert_allclose(
            score(values, members).scores, score(values, members, ties=Ties.ROW_ORDER).scores, rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("score", [ssgsea, gsva])
def test_the_order_of_the_rows_does_not_matter(tied: Example, score: Any) -> None:
    zeros = np.where(tied.values < np.quantile(tied.values, 0.4), 0.0, np.round(tied.values, 1))
    members = list(tied.members.values())
    order = np.random.default_rng(5).permutation(len(zeros))
    place = np.argsort(order)
    moved = [place[rows] for rows in members]
    one, other = score(zeros, members), score(zeros[order], moved)
    np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=1e-9)
    if score is ssgsea:  # and with R's ties it does
        apart = ssgsea(zeros, members, **LIKE_R).scores - ssgsea(zeros[order], moved, **LIKE_R).scores
        assert np.abs(apart).max() > 0.1


@pytest.mark.parametrize("score", [ssgsea, gsva])
def test_a_constant_gene_changes_nothing(example: Example, score: Any) -> None:
    members = example.case("ssgsea_raw")[0]
    before: SetScores = score(example.values, members)
    wider = np.vstack([example.values, np.full((3, example.values.shape[1]), [[0.0], [2.0], [50.0]])])
    after: SetScores = score(wider, [*members[:-1], np.append(members[-1], len(example.values))])
    np.testing.assert_allclose(after.scores, before.scores, rtol=1e-13)
    assert after.left_out == before.left_out + 3
    assert f"{after.left_out} constant genes were left out" in after.remark()


def test_a_rising_set_has_a_rising_score() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(300, 10))
    values[:20] += np.linspace(-2, 2, 10)
    for score in (ssgsea, gsva):
        found = score(values, [np.arange(20)]).scores[0]
        assert np.corrcoef(found, np.arange(10))[0, 1] > 0.9


def test_repeated_genes_count_once(example: Example) -> None:
    rows = np.arange(10)
    np.testing.assert_array_equal(
        gsva(example.values, [np.append(rows, rows)]).scores, gsva(example.values, [rows]).scores
    )


def test_refusals(example: Example) -> None:
    with pytest.raises(StudyRejected, match="no whole numbers"):
        gsva(example.values, [np.arange(5)], kernel=Kernel.POISSON)
    with pytest.raises(StudyRejected, match="one sample was given"):
        gsva(example.values[:, :1], [np.arange(5)])
    with pytest.raises(StudyRejected, match="1 of 2 sets has none, or all"):
        ssgsea(example.values, [np.arange(5), np.arange(0)])
    with pytest.raises(StudyRejected, match="with 1 that are not finite"):
        ssgsea(np.where(example.values == example.values.max(), np.inf, example.values), [np.arange(5)])
