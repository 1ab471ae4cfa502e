"""The test command: all tests, two files at a time; the few that fail are repeated alone, and named either way.

Real servers, processes and deadlines on two loaded cores: a test may fail for what runs beside it. One that passes
alone does not fail the run, but is named at its end as a fault of the test (or of the product) to be mended; one that
fails alone, too, fails it. More than a handful at once is no accident, and is not repeated.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEATED = 4  # failures of 5,000 that may be accidents
_FAILED = 1  # pytest's exit status where tests failed; any other is no matter of single tests


def run(arguments: Sequence[str], *, folder: Path = ROOT, repeated: int = REPEATED) -> int:
    """Runs the tests and repeats the failures alone.

    Parameters
    ----------
    arguments : for pytest; those that choose tests hold for the first run only
    folder : where pytest is run
    repeated : most failures that are repeated

    Returns
    -------
    The exit status of the first run, or 0 when every failure passed alone.
    """
    status = _pytest(["--cache-clear", *arguments], folder)
    failed = _failed(folder)
    if status != _FAILED or not 0 < len(failed) <= repeated:
        return status
    print(f"\nRepeated alone: {len(failed)} that failed beside others.", flush=True)
    again = [name for name in failed if _pytest(["--cache-clear", name], folder) != 0]
    for name in failed:
        said = "FAILED TWICE" if name in again else "FAILED BESIDE OTHERS, PASSED ALONE (to be mended)"
        print(f"{said}: {name}", flush=True)
    return _FAILED if again else 0


def _pytest(arguments: Sequence[str], folder: Path) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=folder, check=False).returncode


def _failed(folder: Path) -> list[str]:
    """Node ids of the last run's failures and errors."""
    kept = folder / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text(encoding="utf-8"))) if kept.is_file() else []


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
