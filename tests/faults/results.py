"""Results of runs: one JSON line per fault, and the page made from them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from models.version import software_version

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("appliance", "dicom_io", "reports", "models")


def version() -> str:
    """Version of the product, with the last commit that changed it where that is known."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%h", "--abbrev=7", "--", *PRODUCT]
    try:
        commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        commit = ""
    return f"{software_version()} (commit {commit})" if commit else software_version()


@dataclass
class Tally:
    """Trials of one fault, and what became of them.

    Attributes
    ----------
    lost : accepted instances that were neither answered nor refused with a sentence
    doubled : answers or notices that a destination got as two different ones
    stuck : studies that were not at their end within the limit
    repeated : objects that a destination got more than once, byte for byte the same; allowed
    recover_s : seconds from the fault (or its end, where the remark says so) until every study was at its end
    problems : whatever else was not as it must be, one sentence per trial
    measured : figures in words, of faults that have their own
    load : of the machine at the end, as its load average says; 0 where it is not known
    """

    group: str
    fault: str
    trials: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    repeated: int = 0
    recover_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    measured: str = ""
    load: float = 0.0
    version: str = field(default_factory=version)
    at: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def is_good(self) -> bool:
        """Returns whether nothing was lost, doubled, stuck or otherwise wrong."""
        return not (self.lost or self.doubled or self.stuck or self.problems)

    def line(self) -> str:
        """For the terminal."""
        return (
            f"{self.group}: {self.fault}: {self.trials} trials, lost {self.lost}, doubled {self.doubled}, "
            f"stuck {self.stuck}, {_seconds(self.recover_s)}{'; ' + self.measured if self.measured else ''}"
            + "".join(f"\n    {problem}" for problem in self.problems)
        )


def keep(path: Path, tally: Tally) -> None:
    """Appends a result to a file."""
    tally.load = round(os.getloadavg()[0], 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(tally), ensure_ascii=False) + "\n")


def kept(path: Path) -> list[Tally]:
    """Results of a file, those of one fault added up."""
    merged: dict[tuple[str, str], Tally] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        new = Tally(**json.loads(line))
        old = merged.setdefault((new.group, new.fault), new)
        if old is not new:
            old.trials += new.trials
            old.lost += new.lost
            old.doubled += new.doubled
            old.stuck += new.stuck
            old.repeated += new.repeated
            old.recover_s += new.recover_s
            old.problems += new.problems
            old.load = max(old.load, new.load)
            old.measured, old.at = new.measured or old.measured, new.at
            old.version = ", ".join(dict.fromkeys([*old.version.split(", "), new.version]))
    return list(merged.values())


def page(tallies: Sequence[Tally], matrix: Mapping[tuple[str, str], int]) -> str:
    """The page of the documentation.

    Parameters
    ----------
    matrix : (group, fault) → trials at full size, in the order of the page
    """
    found = {(tally.group, tally.fault): tally for tally in tallies}
    groups = dict.fromkeys(group for group, _ in matrix)
    sections = [
        _section(group, [(found[row], trials) for row, trials in matrix.items() if row[0] == group and row in found])
        for group in groups
    ]
    missing = [f"- {group}: {fault}" for group, fault in matrix if (group, fault) not in found]
    if missing:
        sections.append("\n".join(["## Not run", "", *missing, ""]))
    versions = sorted({each for tally in tallies for each in tally.version.split(", ")})
    dates = sorted({tally.at for tally in tallies})
    loads = [tally.load for tally in tallies if tally.load]
    busy = f" with a load average of {min(loads):.0f} to {max(loads):.0f}" if loads else ""
    head = _HEAD.format(
        versions=", ".join(versions),
        when=dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        machine=f"{os.cpu_count()} processors{busy}",
    )
    return "\n".join([head, *filter(None, sections)])


_HEAD = """# Fault matrix

The running service, killed at named points and at random, without disk space, between peers that refuse, stall, abort
and attack. This page is written by the run (`make faults`, `tests/faults`).

Run {when} on {machine}; version {versions}.

The service is a process of its own with real sockets, files and databases; the computation alone is replaced by one
that costs nothing and says what it was computed from. A supervisor restarts the process 0.1 s after each end. The
judge is outside: a sender that keeps what was answered Success and sends the rest again, and destinations that keep
every byte.

| column | is |
|---|---|
| lost | instances answered Success that no complete answer covers, of studies that have no sentence either |
| doubled | answers or notices of one content that a destination got as two different ones |
| stuck | studies that were not at their end within the limit of 90 s |
| again | objects that a destination got more than once, byte for byte the same under the same UID, which is allowed |
| trials | what was run; "of" says how many a run at full size has |
| seconds | from the fault to the end of every study, the start of service and worker included: median (longest) |
| measured | in the last run of a fault that was run in parts |
"""


def _section(group: str, rows: Sequence[tuple[Tally, int]]) -> str:
    if not rows:
        return ""
    with_figures = any(tally.measured for tally, _ in rows)
    lines = [f"## {group}", ""]
    lines.append(
        "| fault | trials | lost | doubled | stuck | again | seconds |" + (" measured |" if with_figures else "")
    )
    lines.append("|---|---|---|---|---|---|---|" + ("---|" if with_figures else ""))
    for tally, wanted in rows:
        trials = f"{tally.trials:,}" + (f" of {wanted:,}" if tally.trials < wanted else "")
        cells = [tally.fault, trials, tally.lost, tally.doubled, tally.stuck, tally.repeated]
        line = "| " + " | ".join(map(str, cells)) + f" | {_seconds(tally.recover_s)} |"
        lines.append(line + (f" {tally.measured} |" if with_figures else ""))
    problems = [f"- {tally.fault}: {problem}" for tally, _ in rows for problem in tally.problems]
    if problems:
        lines += ["", "Not as it must be:", "", *problems]
    return "\n".join(lines) + "\n"


def _seconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({max(values):.1f})" if values else "–"
