"""Comparison of the features of a table with those of a model's training patients: engine, settings, correction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.cohort.features import FeatureRows
from models.errors import CohortRejected
from models.features.columns import InputColumn
from models.inference.package import ModelPackage
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote, Severity

SETTINGS_DIFFER = "feature-settings-differ"
BIAS_DIFFERS = "bias-correction-differs"
ENGINE_DIFFERS = "feature-engine-differs"

_NOT_KNOWN = "unknown"  # as an import states what nobody knows


def input_values(package: ModelPackage, features: FeatureRows) -> NDArray[np.float64]:
    """The inputs of a model in its order: float64 (rows, inputs), NaN for an empty cell.

    Raises
    ------
    CohortRejected
        When a column is missing, or, of a model trained on an imported table, has the name of an input and is of
        another sequence, region, feature or unit.
    """
    _require_same_columns(package, features)
    return features.columns(package.inputs)


def _require_same_columns(package: ModelPackage, features: FeatureRows) -> None:
    if not package.foreign:
        return
    found = {column.name: column for column in features.described}
    wrong = [column for column in package.foreign if found.get(column.name) != column]
    if not wrong:
        return
    first = wrong[0]
    there = found.get(first.name)
    raise CohortRejected(
        f"{features.source} {'lacks' if there is None else 'has something else in'} {counted(len(wrong), 'column')} of "
        f"the {counted(len(package.foreign), 'input')} of the model '{package.identity.name}', which was trained on an "
        f"imported table (first: {_in_words(first)}"
        f"{'' if there is None else f'; here it is {_in_words(there)}'}). Import this table by the same schema."
    )


def _in_words(column: InputColumn) -> str:
    unit = f" in {column.unit}" if column.unit else ""
    return f"{column.name}, the {column.group} column '{column.feature}'{unit}"


def rows_made_otherwise(package: ModelPackage, features: FeatureRows) -> dict[str, NDArray[np.bool_]]:
    """Code of the quality note → bool (rows,): made in another way than the training features.

    What one of the two does not state is not compared; nor, for a package whose inputs come from elsewhere, what the
    import could not know. Our own model withholds its score of a table whose settings are not known.
    """
    trained = package.origin

    def known(text: str) -> bool:
        return bool(text) and not (package.foreign and text == _NOT_KNOWN)

    pairs = {
        SETTINGS_DIFFER: (trained.settings_digest, features.settings_digests),
        BIAS_DIFFERS: (trained.bias_correction, features.bias_corrections),
        ENGINE_DIFFERS: (trained.engine, features.engines),
    }
    return {
        code: np.array([known(value) and known(expected) and value != expected for value in values], dtype=np.bool_)
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
            f"{int(rows.sum())} of the {counted(rows.size, 'patient')} {agreeing(int(rows.sum()), 'has', 'have')} "
            f"features made with another {name} than the training patients of the model '{package.identity.name}' "
            f"({expected}): {meaning}.",
        )
