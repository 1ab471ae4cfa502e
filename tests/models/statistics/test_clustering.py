"""Clustering of a heatmap against R (`r_oracles/README.md`: hclust on scaled rows). Kind: oracle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.errors import StudyRejected
from models.statistics.clustering import cluster


@pytest.fixture(scope="module")
def pre(shared_data: Path) -> np.ndarray:
    return pd.read_csv(shared_data / "r_oracles" / "limma_pre.csv", index_col=0).to_numpy()


def test_heights_and_leaves_equal_r(shared_data: Path, pre: np.ndarray) -> None:
    expected = json.loads((shared_data / "r_oracles" / "omics_expected.json").read_text())["hclust"]
    found = cluster(pre)
    assert found.row_linkage is not None
    assert found.column_linkage is not None
    np.testing.assert_allclose(found.row_linkage[:, 2], expected["row_height"], rtol=1e-10)
    np.testing.assert_allclose(found.column_linkage[:, 2], expected["col_height"], rtol=1e-10)
    np.testing.assert_array_equal(found.row_order + 1, expected["row_order"])
    np.testing.assert_array_equal(found.column_order + 1, expected["col_order"])


def test_one_row_has_no_dendrogram_and_a_constant_row_is_refused(pre: np.ndarray) -> None:
    found = cluster(pre[:1])
    assert found.row_linkage is None
    assert list(found.row_order) == [0]
    assert sorted(found.column_order) == list(range(pre.shape[1]))
    with pytest.raises(StudyRejected, match="1 of 2 features is constant"):
        cluster(np.vstack([pre[:1], np.ones(pre.shape[1])]))
