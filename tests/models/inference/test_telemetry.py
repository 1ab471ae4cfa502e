"""ONNX Runtime sends nothing to its maker: no identifier, no events waiting to be sent, no connection.

Kind: mechanics. Its wheels of 1.29 and later do so unless told otherwise; in a continuous integration they are silent
by themselves, so the variables that tell them are taken away.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What makes ONNX Runtime silent by itself, and what this project's tests set for all of them.
SILENCING = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")

LOADED_BY_US = "from models.inference.runtime import load_models; load_models(shipped_packages(), provider='cpu')"
LOADED_WITHOUT_US = (
    "import onnxruntime, sys; onnxruntime.InferenceSession(str(next(iter(shipped_packages())) / 'model.onnx'))"
)


def left_in_home(program: str, home: Path) -> list[str]:
    """Files that loading a model leaves in the user's home, without a network."""
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in SILENCING}
    begin = "from models.inference.package import shipped_packages; "
    subprocess.run(
        ["unshare", "--net", "--map-root-user", sys.executable, "-c", begin + program],
        check=True,
        cwd=ROOT,
        env={**environment, "HOME": str(home)},
        capture_output=True,
    )
    return sorted(file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def can_unshare() -> None:
    command = ["unshare", "--net", "--map-root-user", "true"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("processes cannot be kept from the network here: unshare --net is not allowed")


def test_models_are_loaded_without_telemetry(can_unshare: None, tmp_path: Path) -> None:
    assert not [file for file in left_in_home(LOADED_BY_US, tmp_path / "home") if "onnxruntime" in file]


def test_the_check_sees_telemetry(can_unshare: None, tmp_path: Path) -> None:
    found = left_in_home(LOADED_WITHOUT_US, tmp_path / "home")
    if not found:
        pytest.skip("this ONNX Runtime sends nothing by itself")
    assert any("onnxruntime" in file for file in found)
