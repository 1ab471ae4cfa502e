"""Patients scored per second from a feature table, reading and writing apart.

    python -m tests.benchmarks.bench_training_scoring [--patients 2000]

Seconds of processor time and of the clock, the median of five; ONNX Runtime runs one thread. The figures stand in
TRAINING.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from models.cohort.features import read_features
from models.cohort.score import score_rows, write_scored
from models.inference.package import shipped_packages
from models.inference.runtime import Provider, load_model
from models.simulation.cohort import Truth
from models.simulation.files import write_simulated_cohort

REPEATS = 5


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Median (processor seconds, seconds of the clock)."""
    found = []
    for _ in range(REPEATS):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        found.append((time.process_time() - processor, time.perf_counter() - clock))
    return statistics.median(one[0] for one in found), statistics.median(one[1] for one in found)


def main() -> None:
    """Measure the shipped recurrence package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2000)
    count = parser.parse_args().patients
    model = load_model(shipped_packages()[0], provider=Provider.CPU)
    with tempfile.TemporaryDirectory() as folder:
        path, _ = write_simulated_cohort(Path(folder), truth=Truth.STRONG, seed=1, sizes={"training": count})
        rows = read_features(path)
        found = score_rows(model, rows)
        for what, work in (
            ("reading Parquet", lambda: read_features(path)),
            ("scores alone", lambda: model.score(rows.columns(model.package.inputs))),
            ("checks, scores, survival, familiarity", lambda: score_rows(model, rows)),
            ("writing CSV", lambda: write_scored(found, model, Path(folder) / "scores.csv")),
        ):
            processor, clock = measured(work)
            print(
                f"{what}: {processor:.2f} s of processor, {clock:.2f} s; {count / processor:,.0f} and "
                f"{count / clock:,.0f} patients/s"
            )


if __name__ == "__main__":
    main()
