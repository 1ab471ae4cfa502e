"""Tables of a made-up study: a score that carries the risk, clinical columns, and every way to be left out."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.models.small_packages import grey_level_names

HEADER = ("id", "cohort", "time_months", "event", "age", "stage", "subtype", "centre", "excluded")
FEATURES = tuple(f"t1c_intratumoral_{name}" for name in grey_level_names(20))


def write_study(folder: Path, *, patients: int = 200, seed: int = 1, effect: float = 1.0) -> tuple[Path, Path, Path]:
    """features.csv, outcomes.csv and scores.csv.

    Of every 100 patients two are excluded, one has no features, one no score, one neither time nor event, one no stage.
    Higher scores, and stage III, have a higher hazard.
    """
    rng = np.random.default_rng(seed)
    score = rng.normal(size=patients).round(4)
    stage = rng.choice(["I", "II", "III"], size=patients)
    age = rng.normal(55, 10, patients).round(1)
    risk = effect * score + 0.8 * (stage == "III")
    recurrence, censoring = rng.exponential(60 * np.exp(-risk)), rng.uniform(12, 72, patients)
    times, events = np.minimum(recurrence, censoring).round(2) + 0.1, recurrence <= censoring
    values = rng.normal(size=(patients, len(FEATURES)))
    values[:, :5] += score[:, None]
    identifiers = [f"P{number:04d}" for number in range(patients)]
    place = np.arange(patients) % 100
    with (folder / "outcomes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        for row, identifier in enumerate(identifiers):
            known = place[row] != 4
            writer.writerow(
                (
                    identifier,
                    "training" if row < 0.6 * patients else "testing",
                    f"{times[row]:.2f}" if known else "",
                    int(events[row]) if known else "",
                    age[row],
                    "" if place[row] == 5 else stage[row],
                    ("luminal", "HER2", "TNBC")[row % 3],
                    "AB"[row % 2],
                    {0: "no surgery", 1: "stage IV"}.get(int(place[row]), ""),
                )
            )
    with (folder / "features.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("patient", *FEATURES, "settings_digest", "engine", "bias_correction"))
        for row, identifier in enumerate(identifiers):
            if place[row] != 2:
                writer.writerow((identifier, *map(repr, values[row].tolist()), "d" * 64, "own 1", "simpleitk 2.5"))
    with (folder / "scores.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "score", "group"))
        for row, identifier in enumerate(identifiers):
            if place[row] != 3:
                writer.writerow((identifier, score[row], "high" if score[row] > 0.5 else "low"))
    return folder / "features.csv", folder / "outcomes.csv", folder / "scores.csv"
