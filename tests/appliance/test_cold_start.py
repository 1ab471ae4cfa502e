"""Libraries that a command loads before it does something: nobody waits for a library that is not used. Mechanics."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dicom_io.synthetic.study_writer import Grid, SyntheticStudy, make_study
from models.volume import Sequence

# Each takes .2 to 2 seconds of CPU to load.
HEAVY = ("torch", "SimpleITK", "numba", "scipy", "pandas", "matplotlib", "highdicom", "onnxruntime", "lifelines")

PROGRAM = """
import sys
from appliance.cli import main
status = 0
try:
    main()
except SystemExit as end:
    status = end.code
print(*(name for name in sys.modules if "." not in name), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SyntheticStudy:
    return make_study(
        tmp_path_factory.mktemp("study"), seed=1, t1c=Grid(8, 32, 32, 6.0, (5.0, 5.0)), sequences=(Sequence.T1C,)
    )


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules a command has loaded when it ends; it has to succeed."""
    result = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(result.stderr.splitlines()[-1].split())


def test_help_loads_no_library() -> None:
    assert not loaded_by("--help") & {*HEAVY, "numpy", "pydicom"}


def test_series_loads_what_reads_headers(study: SyntheticStudy) -> None:
    loaded = loaded_by("series", str(study.folder))
    assert "pydicom" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "features"])
def test_repeated_without_anything_to_do_loads_no_engine(command: str, study: SyntheticStudy, tmp_path: Path) -> None:
    out = tmp_path / ("out" if command == "run" else "features.csv")
    arguments = (command, str(study.folder), "--out", str(out))
    assert {"torch", "numba"} <= loaded_by(*arguments)
    assert not loaded_by(*arguments) & set(HEAVY)
