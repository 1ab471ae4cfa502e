"""CPU time of whole commands, cold and warm: `python -m tests.benchmarks.bench_command` writes COMMAND.md.

CPU seconds are user and system time of the command and its children, from the start of the interpreter to its end. Cold
is the first run of an installation: Numba has to compile the kernels; byte code and page cache are warm. One run cold,
the median of three warm. The study is STS_001 of the shared data (T1 and T2, 40 slices each, two SEGs).
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from tests.conftest import ROOT

TARGET = Path(__file__).with_name("COMMAND.md")
REPEATS = 3
STUDY = ROOT.parent / "shared" / "data" / "sts_001"
T1, T2 = "AXIAL SE T1 - RESEARCH", "AXIAL SE T2 FAT SAT - RESEARCH"


def cpu_s(arguments: list[str], environment: Mapping[str, str]) -> float:
    """CPU seconds of one command; it has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "appliance.cli", *arguments]
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stderr.decode()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = folder / "study"
        for part in ("t1", "t2", "seg"):
            shutil.copytree(STUDY / part, study / part)
        chosen = ["--assign", f"t1c={T1}", "--assign", f"t2w={T2}"]
        cache = {"NUMBA_CACHE_DIR": str(folder / "kernels")}  # empty at first

        def run(out: str) -> list[str]:
            return ["run", str(study), "--out", str(folder / out), *chosen]

        measured: Mapping[str, list[list[str]]] = {
            "`run`, one study, cold": [run("cold")],
            "`run`, one study, warm": [run(f"warm{turn}") for turn in range(REPEATS)],
            "`run` again, nothing left to do": [run("cold")] * REPEATS,
            "`series`": [["series", str(study), *chosen]] * REPEATS,
            "`--help`": [["--help"]] * REPEATS,
        }
        for command, calls in measured.items():
            seconds = median(cpu_s(call, cache) for call in calls)
            rows.append(f"| {command} | {seconds:.2f} |")
            print(rows[-1], flush=True)
    text = f"""# Whole commands, cold and warm

Made by `python -m tests.benchmarks.bench_command`. CPU seconds of the command and its children; median of {REPEATS},
cold once: Numba compiles. STS_001 (T1, T2, 80 slices, two SEGs). Python {platform.python_version()}, 2 shared
cores, load average {os.getloadavg()[1]:.0f} at the end: on busy cores the same command costs more CPU time.

| command | CPU-s |
| --- | --- |
"""
    TARGET.write_text(text + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
