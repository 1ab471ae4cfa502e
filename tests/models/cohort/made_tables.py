"""Writes the two tables of a small cohort for the small packages of `small_packages`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.models.small_packages import SETTINGS, input_names

COUNT = 160
HEADER = ("id", "cohort", "time_months", "event", "subtype", "krt7_as_high")


def values(count: int = COUNT, *, seed: int = 1) -> np.ndarray:
    """Feature values (patients, 160)."""
    return np.random.default_rng(seed).normal(size=(count, len(input_names())))


def write_features(path: Path, rows: np.ndarray, *, changes: dict[tuple[int, str], str] | None = None) -> Path:
    """A CSV as `rdeepnet features --id patient` writes it; `changes` replaces cells by (row, column)."""
    header = ["patient", *input_names(), "settings_digest", "engine", "bias_correction"]
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        for number, row in enumerate(rows):
            cells = [f"{number:04d}", *(repr(float(one)) for one in row), SETTINGS, "own 1", "simpleitk 2.5"]
            for (changed, column), text in (changes or {}).items():
                if changed == number:
                    cells[header.index(column)] = text
            writer.writerow(cells)
    return path


def outcome_rows(risk: np.ndarray, *, seed: int = 2) -> list[list[str]]:
    """Rows of outcomes whose hazard grows with `risk`: 60 % training, the rest testing."""
    rng = np.random.default_rng(seed)
    z = (risk - risk.mean()) / risk.std()
    recurrence, censoring = rng.exponential(70 * np.exp(-z)), rng.uniform(30, 70, risk.size)
    times, events = np.minimum(recurrence, censoring), recurrence <= censoring
    return [
        [
            f"{number:04d}",
            "training" if number < 0.6 * risk.size else "testing",
            f"{max(times[number], 0.1):.2f}",
            str(int(events[number])),
            ("luminal", "TNBC")[number % 2],
            str(int(z[number] + rng.normal() > 0)),
        ]
        for number in range(risk.size)
    ]


def write_outcomes(path: Path, rows: list[list[str]], *, header: tuple[str, ...] = HEADER) -> Path:
    """A CSV of outcomes."""
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path
