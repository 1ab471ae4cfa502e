"""Writes tables as other programs write them: their columns as read from their sources, numbers made up."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from models.features.names import GREY_LEVEL

SETTINGS = "{'minimumROIDimensions': 2, 'normalize': False, 'binWidth': 25, 'label': 1, 'additionalInfo': True}"
FEATURES = tuple(
    f"original_{family}_{name}" for family in ("firstorder", "glcm") for name in list(GREY_LEVEL[family])[:10]
)


def pyradiomics_header(*case: str) -> list[str]:
    """The columns of the case file, diagnostics and features of `pyradiomics cases.csv -o out.csv -f csv`."""
    return [
        *case,
        "Image",
        "Mask",
        "diagnostics_Versions_PyRadiomics",
        "diagnostics_Versions_Numpy",
        "diagnostics_Configuration_Settings",
        "diagnostics_Configuration_EnabledImageTypes",
        "diagnostics_Image-original_Hash",
        "diagnostics_Image-original_Spacing",
        "diagnostics_Mask-original_Hash",
        *FEATURES,
    ]


def pyradiomics_row(
    case: Iterable[object], number: int, values: Iterable[float], *, image: str = "", settings: str = SETTINGS
) -> list[object]:
    """One row of it."""
    return [
        *case,
        image or f"/data/p{number:03d}/t1c.nrrd",
        f"/data/p{number:03d}/tumour.nrrd",
        "v3.0.1",
        "1.26.4",
        settings,
        "{'Original': {}}",
        f"{number:040x}",
        "(0.7, 0.7, 1.4)",
        f"{number + 10_000:040x}",
        *values,
    ]


def write_table(
    path: Path, header: Iterable[object], rows: Iterable[Iterable[object]], *, delimiter: str = ","
) -> Path:
    """A file of cells."""
    with path.open("w", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([list(header), *map(list, rows)])
    return path


def write_pyradiomics(
    path: Path, patients: int = 4, *, seed: int = 1, changes: Mapping[int, int] | None = None
) -> Path:
    """One row a patient with the column PatientID; `changes`: row → the row it repeats."""
    values = np.random.default_rng(seed).normal(size=(patients, len(FEATURES)))
    rows = [pyradiomics_row([f"P{number:03d}"], number, values[number].tolist()) for number in range(patients)]
    for row, other in (changes or {}).items():
        rows[row] = rows[other]
    return write_table(path, pyradiomics_header("PatientID"), rows)
