"""The image's hashed requirements agree with pyproject.toml and constraints.txt. Kind: mechanics.

`make image-requirements` writes them again.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "appliance" / "deploy" / "container"
LINE = re.compile(r"([a-z0-9][a-z0-9-]*)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)")
# The GPU's ONNX Runtime and CUDA are not installed where the tests run, so constraints.txt does not have them.
OF_THE_GPU = r"onnxruntime-gpu|nvidia-.*|cuda-.*|triton"


def pins(path: Path, line: re.Pattern[str]) -> dict[str, str]:
    """Name → version of every line that is not a comment."""
    found = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        if text and not text.startswith("#"):
            matched = line.fullmatch(text)
            assert matched is not None, f"{path.name}: {text}"
            found[re.sub(r"[-_.]+", "-", matched[1]).lower()] = matched[2]
    return found


CONSTRAINTS = pins(ROOT / "constraints.txt", re.compile(r"([A-Za-z0-9._-]+)==(\S+)"))


@pytest.mark.parametrize("file", ["build", "cpu", "gpu"])
def test_versions_are_those_the_tests_run_with(file: str) -> None:
    pinned = pins(FOLDER / f"requirements-{file}.txt", LINE)
    other = {
        f"{name}=={version}"
        for name, version in pinned.items()
        if not re.fullmatch(OF_THE_GPU, name) and CONSTRAINTS.get(name) != version.removesuffix("+cpu")
    }
    assert not other


@pytest.mark.parametrize("flavour", ["cpu", "gpu"])
def test_everything_the_project_requires_is_there(flavour: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras[flavour], *extras["reference"]]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=! ;]", item)[0]).lower() for item in asked}
    assert names <= set(pins(FOLDER / f"requirements-{flavour}.txt", LINE))


def test_the_flavours_differ_in_what_computes() -> None:
    cpu, gpu = (pins(FOLDER / f"requirements-{flavour}.txt", LINE) for flavour in ("cpu", "gpu"))
    assert cpu["torch"].endswith("+cpu")
    assert "+" not in gpu["torch"]
    assert {name for name in cpu if re.fullmatch(OF_THE_GPU, name)} == set()
    assert {"nvidia-cudnn-cu13", "nvidia-cublas"} <= set(gpu)
    assert set(cpu) - set(gpu) == {"onnxruntime"}
