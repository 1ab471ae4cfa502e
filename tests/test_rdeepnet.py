"""The public Python module: quick to import, complete, and its examples run. Kind: mechanics, with one oracle."""

from __future__ import annotations

import ast
import csv
import doctest
import inspect
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import rdeepnet
from models.images import to_sitk
from tests.conftest import ROOT


def test_import_loads_no_library() -> None:
    code = "import sys, rdeepnet; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "rdeepnet" in loaded
    assert not {"torch", "numpy", "numba", "pydicom", "models", "appliance"} & set(loaded)


@pytest.mark.parametrize("name", rdeepnet.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(rdeepnet, name)
    assert inspect.getdoc(found)
    assert name in dir(rdeepnet)
    if inspect.isfunction(found):
        hints = found.__annotations__
        assert set(hints) == {*inspect.signature(found).parameters, "return"}


def test_nothing_public_is_left_out_of_all() -> None:
    tree = ast.parse((ROOT / "rdeepnet.py").read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {name for name in functions if not name.startswith("_")} | set(rdeepnet._HOMES) == set(rdeepnet.__all__)
    checked = next(node for node in tree.body if isinstance(node, ast.If))  # under TYPE_CHECKING
    known = {alias.name for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(rdeepnet._HOMES) <= known


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predict_recurrence'"):
        _ = rdeepnet.predict_recurrence


def test_the_distribution_carries_the_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["py-modules"] == ["rdeepnet"]
    assert "rdeepnet.py /build/rdeepnet/" in (ROOT / "Containerfile").read_text(encoding="utf-8")
    assert "!rdeepnet.py" in (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_its_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    public = {name: getattr(rdeepnet, name) for name in rdeepnet.__all__}
    result = doctest.testmod(rdeepnet, optionflags=doctest.ELLIPSIS, extraglobs=public)
    assert result.attempted > 20
    assert result.failed == 0


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz"])
def test_files_give_the_features_of_the_arrays(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(3)
    voxels = rng.normal(100, 20, (10, 24, 20)).astype(np.float32)
    mask = np.zeros(voxels.shape, bool)
    mask[3:8, 6:17, 5:14] = True
    image = rdeepnet.volume(voxels, spacing_mm=(3.0, 0.9, 0.8))
    tumour = rdeepnet.roi(mask, spacing_mm=(3.0, 0.9, 0.8))
    settings = rdeepnet.FeatureSettings(wavelet=None)
    for name, array in (("image", voxels), ("mask", mask.astype(np.uint8) * 7)):
        sitk.WriteImage(to_sitk(array, image), str(tmp_path / f"{name}{suffix}"))
    of_arrays = rdeepnet.extract(image, tumour, settings=settings)
    of_files = rdeepnet.extract(tmp_path / f"image{suffix}", str(tmp_path / f"mask{suffix}"), settings=settings)
    assert of_files.names == of_arrays.names
    np.testing.assert_allclose(of_files.vector(of_files.names), of_arrays.vector(of_arrays.names), rtol=1e-6)
    # 5 × 11 × 9 voxels of 3.0 × 0.9 × 0.8 mm³
    assert of_arrays["original_shape_VoxelVolume"].value == pytest.approx(495 * 2.16, rel=1e-6)


def test_a_table_is_scored_as_the_package_says(tmp_path: Path) -> None:
    """Expected scores: the reference patients in the package itself, written when it was trained."""
    folder = rdeepnet.shipped_packages()[0]
    model = rdeepnet.load_package(folder)
    cases = json.loads((folder / "reference.json").read_text(encoding="utf-8"))["cases"]
    origin = model.package.origin
    table = tmp_path / "features.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["patient", *model.package.inputs, "settings_digest", "engine", "bias_correction"])
        for number, case in enumerate(model.package.reference):
            made = [origin.settings_digest, origin.engine, origin.bias_correction]
            writer.writerow([f"P{number}", *map(float, case.values), *made])
    scored = rdeepnet.score(folder, table)
    assert scored.identifiers[0] == "P0"
    np.testing.assert_allclose(scored.scores, [case["score"] for case in cases], rtol=1e-6)
    rdeepnet.write_scored(scored, model, tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text(encoding="utf-8").startswith("id,score,group")


@pytest.mark.parametrize("door", [rdeepnet.answer, rdeepnet.extract_study])
def test_a_folder_without_a_study_is_refused(tmp_path: Path, door: object) -> None:
    with pytest.raises(rdeepnet.StudyRejected, match="0 DICOM studies were found below"):
        door(tmp_path)  # type: ignore[operator]
