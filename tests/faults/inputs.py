"""10,000 mutated studies: those of `tests/dicom_io/reading/test_fuzz_reading.py`, counted for the page."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.dicom_io.reading.test_fuzz_reading import WRONG_IN_SILENCE
from tests.faults.results import ROOT, Tally

GROUP = "Mutated inputs"
FAULT = "damaged studies"
_IN_A_PROCESS = (
    "import json, sys; from tests.dicom_io.reading.test_fuzz_reading import run; "
    "outcomes = run(0, int(sys.argv[1])); print(json.dumps(outcomes))"
)


def mutated(_: Path, *, trials: int) -> Tally:
    """Reads so many damaged studies; each ends in a study or in a refusal by name."""
    tally = Tally(GROUP, FAULT)
    begun_s = time.monotonic()
    command = [sys.executable, "-c", _IN_A_PROCESS, str(trials)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        tally.problems.append(f"one escaped or hung: {' '.join(result.stderr.split()[-30:])}")
        return tally
    outcomes: Counter[str] = Counter(json.loads(result.stdout.splitlines()[-1]))
    tally.trials = sum(outcomes.values())
    if outcomes[WRONG_IN_SILENCE]:
        tally.problems.append(f"{outcomes[WRONG_IN_SILENCE]} were read wrong in silence")
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    tally.measured = f"{time.monotonic() - begun_s:.0f} s: {counts}"
    return tally
