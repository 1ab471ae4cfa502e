"""Comparison of the features of a table with those of a model's training patients: engine, settings, correction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.inference.package import ModelPackage
from models.quality_notes import QualityNote, Severity

SETTINGS_DIFFER = "feature-settings-differ"
BIAS_DIFFERS = "bias-correction-differs"
ENGINE_DIFFERS = "feature-engine-differs"


def rows_made_otherwise(package: ModelPackage, features: FeatureRows) -> dict[str, NDArray[np.bool_]]:
    """Code of the quality note → bool (rows,): made in another way than the training features.

    What one of the two does not state is not compared.
    """
    trained = package.origin
    pairs = {
        SETTINGS_DIFFER: (trained.settings_digest, features.settings_digests),
        BIAS_DIFFERS: (trained.bias_correction, features.bias_corrections),
        ENGINE_DIFFERS: (trained.engine, features.engines),
    }
    return {
        code: np.array([bool(value and expected and value != expected) for value in values], dtype=np.bool_)
        for code, (expected, values) in pairs.items()
    }


def origin_notes(package: ModelPackage, features: FeatureRows) -> Iterator[QualityNote]:
    """A quality note for each way in which rows were made otherwise; engines agree, so theirs is a note."""
    what = {
        SETTINGS_DIFFER: ("feature settings", package.origin.settings_digest[:12], Severity.WARNING),
        BIAS_DIFFERS: ("bias correction", package.origin.bias_correction, Severity.WARNING),
        ENGINE_DIFFERS: ("engine", package.origin.engine, Severity.NOTE),
    }
    for code, rows in rows_made_otherwise(package, features).items():
        if not rows.any():
            continue
        name, expected, severity = what[code]
        meaning = (
            "what is found here is not the model as trained" if severity is Severity.WARNING else "engines may differ"
        )
        yield QualityNote(
            code,
            severity,
            f"{int(rows.sum())} of the {rows.size} patients have features made with another {name} than the training "
            f"patients of the model '{package.identity.name}' ({expected}): {meaning}.",
        )
