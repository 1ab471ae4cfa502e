"""The files of a model package beside its manifest, read from their bytes: each is whole and consistent, or refused.

Every function raises `PackageInvalid` with the file's path and what was expected.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.csv_table import rows_of
from models.errors import PackageInvalid, SetupError
from models.features.columns import ColumnKind, InputColumn
from models.inference.familiarity import Familiarity
from models.inference.fingerprints import Fingerprints
from models.inference.training_scores import TrainingScores
from models.number_words import counted
from models.statistics.baseline_resamples import BaselineResamples
from models.statistics.survival import BaselineHazard
from models.volume import Region, Sequence

INPUTS = ("name", "low", "high")
FOREIGN = ("kind", "sequence", "region", "feature", "unit")  # behind them, of inputs that come from elsewhere


@dataclass(frozen=True, eq=False)
class ReferenceCase:
    """One reference patient: a feature vector and the model's expected output for it.

    Attributes
    ----------
    values : float64 (inputs,), in the order of the package's inputs
    score : expected log-risk or probability
    survival : expected survival probability by horizon in months; empty unless the task is recurrence
    attributions : expected attribution of some inputs, by name
    spread : expected output of each refit or member; empty where the package has none
    """

    values: NDArray[np.float64]
    score: float
    survival: Mapping[float, float]
    attributions: Mapping[str, float]
    spread: tuple[float, ...] = ()


def _rows(path: Path, content: bytes, header: list[str]) -> list[list[str]]:
    try:
        rows = rows_of(io.StringIO(content.decode("utf-8")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PackageInvalid(f"{path} is not valid CSV: {error}. Make the package again.") from error
    if not rows or rows[0] != header:
        found = ",".join(rows[0]) if rows else "nothing"
        raise PackageInvalid(f"{path}: the first line is {found}; {','.join(header)} was expected.")
    if len(rows) == 1 or any(len(row) != len(header) for row in rows):
        raise PackageInvalid(
            f"{path}: every line must have {counted(len(header), 'column')}, and there must be at least one."
        )
    return rows[1:]


def _number(path: Path, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PackageInvalid(f"{path}: '{text}' was found where a finite number was expected.")
    return value


def read_inputs(path: Path, content: bytes) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """`inputs.csv`: names, and for each the 0.5 and 99.5 % quantile of the training patients, float64 (inputs,)."""
    return _inputs(path, _rows(path, content, list(INPUTS)))


def read_foreign_inputs(
    path: Path, content: bytes
) -> tuple[tuple[InputColumn, ...], NDArray[np.float64], NDArray[np.float64]]:
    """`inputs.csv` of a package whose inputs come from elsewhere: with what each column is."""
    rows = _rows(path, content, [*INPUTS, *FOREIGN])
    names, low, high = _inputs(path, rows)
    _check_unique(path, names)
    if wrong := [row[3] for row in rows if row[3] not in tuple(ColumnKind)]:
        raise PackageInvalid(f"{path}: '{wrong[0]}' is no kind of input; {' or '.join(ColumnKind)} was expected.")
    return tuple(InputColumn(row[0], ColumnKind(row[3]), *row[4:]) for row in rows), low, high


def _inputs(path: Path, rows: list[list[str]]) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    names = tuple(row[0] for row in rows)
    low = np.array([_number(path, row[1]) for row in rows])
    high = np.array([_number(path, row[2]) for row in rows])
    if np.any(low > high):
        raise PackageInvalid(f"{path}: the range of {names[int(np.argmax(low > high))]} has low above high.")
    return names, low, high


def _check_unique(path: Path, names: tuple[str, ...]) -> None:
    if len(set(names)) != len(names):
        raise PackageInvalid(
            f"{path}: {counted(len(names) - len(set(names)), 'input name is', 'input names are')} repeated; unique "
            "names were expected."
        )


def check_names(
    path: Path, names: tuple[str, ...], *, sequences: tuple[Sequence, ...], regions: tuple[Region, ...]
) -> None:
    """Refuses names that are duplicated or come from other sequences and regions than the manifest says."""
    _check_unique(path, names)
    prefixes = {f"{sequence}_{region}_": (sequence, region) for sequence in Sequence for region in Region}
    used = set()
    for name in names:
        where = [place for prefix, place in prefixes.items() if name.startswith(prefix)]
        if not where:
            raise PackageInvalid(f"{path}: '{name}' does not begin with a sequence and a region, as t1c_intratumoral_.")
        used.add(where[0])
    if {sequence for sequence, _ in used} != set(sequences) or {region for _, region in used} != set(regions):
        raise PackageInvalid(
            f"{path}: the inputs come from {', '.join(sorted(f'{s} {r}' for s, r in used))}; the manifest says "
            f"sequences {', '.join(sequences)} and regions {', '.join(regions)}. Make the package again."
        )


def read_baseline(path: Path, content: bytes, horizons: tuple[float, ...]) -> BaselineHazard:
    """`baseline.csv`, long enough for every horizon."""
    rows = _rows(path, content, ["time_months", "cumulative_hazard"])
    try:
        baseline = BaselineHazard(
            np.array([_number(path, row[0]) for row in rows]), np.array([_number(path, row[1]) for row in rows])
        )
        for months in horizons:
            baseline.at(months)
    except PackageInvalid:
        raise
    except SetupError as error:
        raise PackageInvalid(f"{path}: {error}") from error
    return baseline


def read_baseline_resamples(path: Path, content: bytes, horizons: tuple[float, ...]) -> BaselineResamples:
    """`baseline_resamples.csv`: slope over that of the model, and H0 at every horizon."""
    rows = _rows(path, content, ["slope", *(f"hazard_{months:g}" for months in horizons)])
    numbers = np.array([[_number(path, text) for text in row] for row in rows])
    try:
        return BaselineResamples(numbers[:, 0], horizons, numbers[:, 1:])
    except SetupError as error:
        raise PackageInvalid(f"{path}: {error} Make the package again.") from error


def read_training_scores(path: Path, content: bytes) -> TrainingScores:
    """`training_scores.json`, of the format this version knows."""
    try:
        return TrainingScores.from_bytes(content)
    except SetupError as error:
        raise PackageInvalid(f"{path}: {error} Make the package again.") from error


def read_familiarity(path: Path, content: bytes, names: tuple[str, ...]) -> Familiarity:
    """`familiarity.npz` for this number of inputs."""
    try:
        return Familiarity.from_bytes(content, inputs=len(names))
    except SetupError as error:
        raise PackageInvalid(f"{path}: {error} Make the package again.") from error


def read_fingerprints(path: Path, content: bytes) -> Fingerprints:
    """`fingerprints.npz`, of the format this version knows."""
    try:
        return Fingerprints.from_bytes(content)
    except SetupError as error:
        raise PackageInvalid(f"{path}: {error} Make the package again.") from error


def read_reference(
    path: Path, content: bytes, names: tuple[str, ...], horizons: tuple[float, ...]
) -> tuple[ReferenceCase, ...]:
    """`reference.json`: at least one patient, whole and finite."""
    try:
        cases = json.loads(content)["cases"]
        reference = tuple(
            ReferenceCase(
                values=np.array(case["inputs"], dtype=np.float64),
                score=float(case["score"]),
                survival={float(months): float(value) for months, value in case["survival"].items()},
                attributions={str(name): float(value) for name, value in case["attributions"].items()},
                spread=tuple(float(value) for value in case.get("spread", ())),
            )
            for case in cases
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackageInvalid(
            f"{path} is not a list of reference patients ({error!r}); make the package again."
        ) from error
    if not reference or any(case.values.shape != (len(names),) for case in reference):
        raise PackageInvalid(
            f"{path}: {[case.values.shape for case in reference]} inputs were found; at least one reference patient "
            f"with one number for each of the {counted(len(names), 'input')} was expected."
        )
    for case in reference:
        if set(case.survival) != set(horizons) or not case.attributions or not set(case.attributions) <= set(names):
            raise PackageInvalid(
                f"{path}: each reference patient needs survival at {list(horizons)} months and attributions of inputs."
            )
        numbers = (*case.values, case.score, *case.survival.values(), *case.attributions.values(), *case.spread)
        if not all(math.isfinite(number) for number in numbers):
            raise PackageInvalid(f"{path}: a number is not finite; make the package again.")
    return reference
