"""Writes a simulated cohort in the files of a real one, to try training and evaluation. No patient is behind it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.csv_table import lines
from models.features.names import features_of
from models.features.settings import FeatureSettings
from models.files import SHARED, write_output
from models.simulation.cohort import PAPER_SIZES, Truth, simulate_cohort
from models.simulation.feature_shape import measured_shape
from models.volume import Region
from models.volume import Sequence as MrSequence

FEATURES = "features.parquet"
OUTCOMES = "outcomes.csv"
ENGINE = "simulated"
# Shares as in a Western cohort; drawn without regard to features and outcome, so no subgroup differs from another.
_SUBTYPES = {"luminal A": 0.4, "luminal B": 0.3, "HER2-positive": 0.15, "TNBC": 0.15}
_CENTRES = {"training": ("A",), "validation": ("B", "C"), "testing": ("A",)}


def write_simulated_features(
    path: Path, identifiers: Sequence[str], names: Sequence[str], values: NDArray[np.float64]
) -> None:
    """Writes features (patients, features) as `rdeepnet features` writes them, marked as simulated."""
    import pyarrow
    from pyarrow import parquet

    columns = {"patient": pyarrow.array(identifiers, pyarrow.string())}
    columns |= {name: pyarrow.array(column) for name, column in zip(names, values.T, strict=True)}
    for name, text in (
        ("settings_digest", FeatureSettings().digest()),
        ("engine", ENGINE),
        ("bias_correction", ENGINE),
    ):
        columns[name] = pyarrow.array([text] * len(identifiers), pyarrow.string())
    table = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), table)
    write_output(path, table.getvalue(), mode=SHARED)


def write_simulated_cohort(
    out: Path, *, truth: Truth, seed: int, sizes: dict[str, int] | None = None
) -> tuple[Path, Path]:
    """Writes `features.parquet` and `outcomes.csv` into a folder; returns their paths.

    Parameters
    ----------
    truth : what the risk depends on
    sizes : patients by cohort, the paper's when None
    """
    sizes = PAPER_SIZES if sizes is None else sizes
    cohort = simulate_cohort(measured_shape(features_of(MrSequence, Region)), truth=truth, seed=seed, sizes=sizes)
    count = len(cohort.values)
    rng = np.random.default_rng(seed + 1)
    identifiers = [f"S{number:05d}" for number in range(1, count + 1)]
    subtypes = rng.choice(list(_SUBTYPES), p=list(_SUBTYPES.values()), size=count)
    endocrine = rng.random(count) < np.where(np.char.startswith(subtypes, "luminal"), 0.85, 0.1)
    centres = [rng.choice(_CENTRES.get(split, ("A", "B"))) for split in cohort.split]
    median = float(np.median(cohort.krt7_as_tpm[cohort.split == cohort.split[0]]))

    write_simulated_features(out / FEATURES, identifiers, cohort.names, cohort.values)
    header = ("id", "cohort", "time_months", "event", "subtype", "therapy", "centre", "krt7_as_tpm", "krt7_as_high")
    rows = [
        (
            identifier,
            cohort.split[row],
            f"{cohort.times_months[row]:.3f}",
            int(cohort.events[row]),
            subtypes[row],
            "endocrine" if endocrine[row] else "other",
            centres[row],
            f"{cohort.krt7_as_tpm[row]:.4f}",
            int(cohort.krt7_as_tpm[row] > median),
        )
        for row, identifier in enumerate(identifiers)
    ]
    write_output(out / OUTCOMES, "".join(lines([header, *rows])).encode(), mode=SHARED)
    return out / FEATURES, out / OUTCOMES
