"""Hierarchical clustering of a heatmap, as R's pheatmap does with `scale = "row"`: rows to z, complete linkage.

Equal to R `hclust(dist(t(scale(t(x)))), "complete")` in heights and order of the leaves, for rows and for columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from models.statistics.feature_tests import Scale, scale_features
from models.statistics.followed import Floats


@dataclass(frozen=True, eq=False)
class Clustering:
    """Rows and columns of a heatmap, clustered.

    Attributes
    ----------
    z : float64 (rows, columns), each row minus its mean over its standard deviation, in the order of the input
    row_linkage, column_linkage : scipy's linkage (items - 1, 4); None for a single item
    row_order, column_order : intp, leaves from one end of the dendrogram to the other
    """

    z: Floats
    row_linkage: Floats | None
    column_linkage: Floats | None
    row_order: NDArray[np.intp]
    column_order: NDArray[np.intp]


def cluster(values: ArrayLike) -> Clustering:
    """Clusters rows and columns by complete linkage of Euclidean distances between z-scores.

    Parameters
    ----------
    values : (rows, columns), finite, no row constant

    Raises
    ------
    StudyRejected
        When a value is not finite or a row is constant.
    """
    z = scale_features(values, Scale.Z)
    rows, columns = _linkage(z), _linkage(z.T)
    return Clustering(z, rows, columns, _order(rows), _order(columns))


def _linkage(items: Floats) -> Floats | None:
    return None if len(items) < 2 else np.asarray(linkage(items, "complete"))


def _order(tree: Floats | None) -> NDArray[np.intp]:
    return np.zeros(1, dtype=np.intp) if tree is None else np.asarray(leaves_list(tree), dtype=np.intp)
