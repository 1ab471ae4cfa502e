"""CPU time of the therapy analysis: `python -m tests.benchmarks.bench_therapy` writes THERAPY.md.

A simulated cohort of the paper's size: 1,726 intratumoral features of 127 patients before and after. CPU seconds are
user and system time of the process, one thread, median of five after one to warm up. The bar: 5 CPU-s for each list
with 1,000 permutations; all lists share their permutations here. The peer is the plain way in the same run: one fit
after the other, for each permutation of one list.
"""

from __future__ import annotations

import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from appliance.offline.therapy import TherapyInput, therapy_into
from models.simulation.therapy import AFTER, BEFORE, CLINICAL, TherapyTruth, write_simulated_therapy
from models.statistics.moderated_t import two_groups
from models.therapy.analysis import analyse_therapy
from models.therapy.correlation_change import correlation_change
from models.therapy.design import Cohort
from models.therapy.permutation import permuted_counts, shuffled_orders
from models.therapy.results import TherapySettings
from models.therapy.tables import ClinicalColumns, read_tables
from tests.benchmarks.bench_reading import REPEATS, cpu_s

TARGET = Path(__file__).with_name("THERAPY.md")
PERMUTATIONS = 1000
PLAIN = 50  # permutations of the plain way, scaled up


def main() -> None:
    """Measure, and write the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_simulated_therapy(folder, truth=TherapyTruth.NULL, seed=1)
        files = folder / BEFORE, folder / AFTER, folder / CLINICAL
        tables = read_tables(*files, columns=ClinicalColumns())
        patients = tables.patients
        cohort = Cohort(patients.before, patients.after, patients.responded)
        orders = shuffled_orders(np.random.default_rng(1), PLAIN, len(patients.responded))
        settings = TherapySettings(permutations=PERMUTATIONS)

        def plain() -> None:
            for order in orders:
                two_groups(patients.before, patients.responded[order])

        def report() -> None:
            given = TherapyInput(*files, ClinicalColumns())
            therapy_into(folder / "out", given, settings, created=datetime.now(UTC))

        rows = [
            (
                f"{PERMUTATIONS:,} permutations, five lists and two overlaps together",
                cpu_s(lambda: permuted_counts(cohort, alpha=0.05, permutations=PERMUTATIONS, seed=1)),
            ),
            (
                f"{PERMUTATIONS:,} permutations of one list, one fit after the other (plain way, from {PLAIN})",
                cpu_s(plain) * PERMUTATIONS / PLAIN,
            ),
            (
                f"correlations with {PERMUTATIONS:,} permutations",
                cpu_s(
                    lambda: correlation_change(
                        patients.before, patients.after, patients.responded, permutations=PERMUTATIONS, seed=1
                    )
                ),
            ),
            (
                "the analysis without permutations",
                cpu_s(lambda: analyse_therapy(patients, TherapySettings(permutations=0))),
            ),
            ("the whole analysis", cpu_s(lambda: analyse_therapy(patients, settings))),
            ("the command: tables, analysis, figures, HTML, PDF", cpu_s(report)),
        ]
    lines = "\n".join(f"| {what} | {seconds:.2f} |" for what, seconds in rows)
    text = f"""# Therapy analysis

Made by `python -m tests.benchmarks.bench_therapy`: {len(patients.names):,} features of {len(patients.identifiers)}
patients before and after therapy. CPU seconds, one thread; median of {REPEATS} after one to warm up. Bar: 5 CPU-s for
each list with 1,000 permutations. Python {platform.python_version()}, numpy {np.__version__}, 2 shared cores
({platform.machine()}).

| what | CPU-s |
| --- | --- |
{lines}

What bounds the command: drawing. Each of about fifteen figures is written as SVG, PDF and PNG; the analysis itself is a
fifth of it.
"""
    TARGET.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
