"""Memory of `rdeepnet features` over a cohort: `python -m tests.benchmarks.bench_cohort` writes COHORT.md.

Synthetic studies of four matrix sizes in random order, two processes. Memory is the proportional set size of the
command and all its processes, looked at every two seconds; a leak shows as growth from one sixth of the time to the
next. CPU seconds are those of all processes.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

from dicom_io.synthetic.study_writer import Grid, SyntheticPatient, make_study

TARGET = Path(__file__).with_name("COHORT.md")
JOBS = 2
PARTS = 6


def make_cohort(folder: Path, studies: int) -> None:
    """Studies with T1+C of 96² × 24 to 211² × 52 voxels, T2W, and tumours of 6 to 25 mm radius."""
    draw = random.Random(3)
    for number in range(studies):
        finer = draw.choice((1.0, 1.3, 1.7, 2.2))
        make_study(
            folder / f"{number:04d}",
            seed=number + 1,
            t1c=Grid(int(24 * finer), int(96 * finer), int(96 * finer), 5.0 / finer, (3.4 / finer, 3.4 / finer)),
            t2w=Grid(int(20 * finer), int(80 * finer), int(80 * finer), 6.0 / finer, (4.0 / finer, 4.0 / finer)),
            tumour_radius_mm=draw.uniform(6, 25),
            patient=SyntheticPatient(patient_id=f"SYN{number:04d}", accession_number=f"A{number:04d}"),
        )


def processes(root: int) -> list[int]:
    """A process and all below it."""
    found = [root]
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        for child in children.read_text().split():
            found += processes(int(child))
    return found


def memory_mib(root: int) -> float:
    """Proportional set size of a process and all below it, in MiB."""
    total = 0
    for process in processes(root):
        match = re.search(r"^Pss: +(\d+) kB$", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
        total += int(match[1]) if match else 0
    return total / 1024


def watch(command: list[str]) -> tuple[list[float], float]:
    """Run a command; its memory in MiB every two seconds, and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    looked: list[float] = []
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        while process.poll() is None:
            time.sleep(2.0)
            try:
                looked.append(memory_mib(process.pid))
            except OSError:
                continue  # a process ended between two looks
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return looked, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, and write the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--studies", type=int, default=200)
    studies = options.parse_args().studies
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_cohort(folder / "cohort", studies)
        program = Path(sys.executable).with_name("rdeepnet")
        out = ["--out", str(folder / "features.parquet"), "--jobs", str(JOBS), "--id", "patient"]
        command = [str(program), "features", str(folder / "cohort"), *out]
        looked, cpu_s = watch(command)
        again, again_cpu_s = watch(command)
    parts = [mean(looked[len(looked) * part // PARTS : len(looked) * (part + 1) // PARTS]) for part in range(PARTS)]
    TARGET.write_text(
        f"""# Memory of `rdeepnet features` over a cohort

Made by `python -m tests.benchmarks.bench_cohort`: {studies} synthetic studies of T1+C (96² × 24 to 211² × 52) and T2W,
{JOBS} processes, own engine and N4. Proportional set size of all processes together. Python
{platform.python_version()}, 2 shared cores ({platform.machine()}).

| sixth of the time | {" | ".join(str(part + 1) for part in range(PARTS))} | largest |
|{" --- |" * (PARTS + 2)}
| MiB, mean | {" | ".join(f"{part:.0f}" for part in parts)} | {max(looked):.0f} |

{cpu_s / studies:.2f} CPU-s a study. Repeated on the same studies, with the rows that were kept:
{again_cpu_s / studies:.3f} CPU-s a study, at most {max(again):.0f} MiB.

Each worker process is replaced after 25 studies, so what it might lose does not add up.
""",
        encoding="utf-8",
    )
    print(TARGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
