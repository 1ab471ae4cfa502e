"""`make fuzz`: mutated input of every kind, within the budgets; writes the table of outcomes in `docs/`.

`python -m tests.fuzz 10000` runs as many cases, shared out over the targets; `--seconds` ends earlier, and the table
says how many were run. A case that escapes, hangs or costs too much ends the run with its target and number.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from tests.conftest import ROOT
from tests.dicom_io.reading.test_fuzz_reading import WRONG_IN_SILENCE
from tests.fuzz.targets import TARGETS

TABLE = ROOT / "docs" / "explanation" / "damaged-input.md"
MOST_CPU_S = 10.0
MOST_MIB = 1024
_WHOLE = 10_000


def run(target: str, seed: int) -> tuple[str, float]:
    """Outcome and CPU seconds of one case.

    Raises
    ------
    TimeoutError
        When it takes more than the budget.
    """
    function, _ = TARGETS[target]
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mutating side writes invalid values on purpose
            return function(seed), time.process_time() - began
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def end_the_case(number: int, frame: object) -> None:
    """Ends a case that takes too long: a handler of SIGPROF."""
    raise TimeoutError(f"it took more than {MOST_CPU_S:g} seconds of computing")


def peak_mib() -> float:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(outcomes: dict[str, Counter[str]], slowest: dict[str, float], grown_mib: float) -> str:
    """The page of outcomes."""
    count = sum(found.total() for found in outcomes.values())
    lines = [
        "# Damaged input",
        "",
        f"{count:,} cases of mutated files, made and read by `make fuzz`: bytes changed, files cut off or removed,",
        "elements and lines removed, doubled, exchanged or given another value. None escaped with an error that is not",
        f"ours, none took more than {MOST_CPU_S:g} seconds of computing, and the memory of the process that read them",
        f"grew by {grown_mib:.0f} MB (at most {MOST_MIB} were allowed). The number of a case is its seed",
        "(`tests/fuzz/targets.py`).",
        "",
        "| mutated | outcome | cases |",
        "|---|---|---|",
    ]
    for target, found in outcomes.items():
        lines += [f"| {target} | {what} | {number:,} |" for what, number in found.most_common()]
    lines += ["", "| mutated | cases | longest, CPU seconds |", "|---|---|---|"]
    lines += [f"| {target} | {found.total():,} | {slowest[target]:.1f} |" for target, found in outcomes.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Runs the cases; the exit status is 1 when one is read wrongly without a warning."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("cases", type=int, nargs="?", default=_WHOLE)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after this time")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    signal.signal(signal.SIGPROF, end_the_case)
    outcomes: dict[str, Counter[str]] = {target: Counter() for target in TARGETS}
    slowest = dict.fromkeys(TARGETS, 0.0)
    for target in TARGETS:  # what is made once and loaded
        run(target, 0)
    before, ends = peak_mib(), time.monotonic() + options.seconds
    wanted = {target: options.cases * share // _WHOLE for target, (_, share) in TARGETS.items()}
    rounds = max(wanted.values())
    for number in range(rounds):
        for target, count in wanted.items():
            seed = outcomes[target].total()
            if seed * rounds >= count * (number + 1) or time.monotonic() > ends:
                continue
            try:
                outcome, seconds = run(target, seed)
            except BaseException:
                print(f"{target}, case {seed}", file=sys.stderr)
                raise
            outcomes[target][outcome] += 1
            slowest[target] = max(slowest[target], seconds)
            if outcome == WRONG_IN_SILENCE:
                print(f"{target}, case {seed}: {outcome}", flush=True)
        if (number + 1) % 500 == 0:
            print(number + 1, {target: found.total() for target, found in outcomes.items()}, flush=True)
    grown = peak_mib() - before
    assert grown < MOST_MIB, f"the memory grew by {grown:.0f} MB"
    options.out.write_text(table(outcomes, slowest, grown), encoding="utf-8")
    print(f"{options.out}: {sum(found.total() for found in outcomes.values())} cases")
    return int(any(WRONG_IN_SILENCE in found for found in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
