"""`rdeepnet features`: the table of a cohort, and one image with its mask."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from appliance.cli import app
from appliance.offline.feature_file import kept_folder, refused_file
from dicom_io.synthetic.study_writer import Grid, make_study
from models.features.names import feature_names
from models.features.settings import FeatureSettings
from models.volume import Sequence

SETTINGS = FeatureSettings()


@pytest.fixture
def image_and_mask(tmp_path: Path) -> tuple[str, str]:
    """A textured ball in noise, as NRRD files."""
    rng = np.random.default_rng(3)
    grid = np.indices((14, 16, 18)).astype(float) - np.array([7, 8, 9]).reshape(3, 1, 1, 1)
    mask = (np.sqrt((grid**2).sum(axis=0)) < 5).astype(np.uint8)
    image = sitk.GetImageFromArray((100 * rng.normal(size=mask.shape) + 500.0 * mask).astype(np.float32))
    label = sitk.GetImageFromArray(mask * 2)
    sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
    sitk.WriteImage(label, str(tmp_path / "mask.nrrd"))
    return str(tmp_path / "image.nrrd"), str(tmp_path / "mask.nrrd")


def test_one_image_and_its_mask(image_and_mask: tuple[str, str], tmp_path: Path) -> None:
    image, mask = image_and_mask
    result = CliRunner().invoke(app, ["features", image, "--mask", mask])
    assert result.exit_code == 0
    lines = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [line["name"] for line in lines] == list(feature_names(SETTINGS))
    assert len(lines) == 863
    table = CliRunner().invoke(app, ["features", image, "--mask", mask, "--out", str(tmp_path / "one.parquet")])
    assert table.exit_code == 0
    written = pd.read_parquet(tmp_path / "one.parquet")
    assert written.loc[0, "image"] == "image.nrrd"
    np.testing.assert_array_equal(
        written[[line["name"] for line in lines]].to_numpy()[0], [float(line["value"]) for line in lines]
    )


def test_a_label_that_is_not_there(image_and_mask: tuple[str, str]) -> None:
    image, mask = image_and_mask
    result = CliRunner().invoke(app, ["features", image, "--mask", mask, "--label", "7"])
    assert result.exit_code == 1
    assert "found: 2" in result.stderr


def test_a_device_that_is_not_there(image_and_mask: tuple[str, str]) -> None:
    image, mask = image_and_mask
    result = CliRunner().invoke(app, ["features", image, "--mask", mask, "--device", "tpu"])
    assert result.exit_code == 3
    assert "one of auto, cpu, cuda was expected" in result.stderr


@pytest.mark.slow
def test_a_cohort_whatever_the_number_of_processes(tmp_path: Path) -> None:
    t1c = Grid(16, 64, 64, 6.0, (5.0, 5.0))
    make_study(tmp_path / "in" / "a", seed=1, t1c=t1c, sequences=(Sequence.T1C,))
    make_study(tmp_path / "in" / "b", seed=2, t1c=t1c, sequences=(Sequence.T1C,))
    refused = make_study(tmp_path / "in" / "c", seed=3, t1c=t1c, sequences=(Sequence.T1C,), segmented=())
    tables = []
    for jobs in ("1", "2"):
        out = tmp_path / f"features{jobs}.csv"
        options = ["--out", str(out), "--jobs", jobs, "--n4", "none", "--id", "patient"]
        result = CliRunner().invoke(app, ["features", str(tmp_path / "in"), *options])
        assert result.exit_code == 1
        assert refused.study_instance_uid in refused_file(out).read_text()
        tables.append(pd.read_csv(out))
    pd.testing.assert_frame_equal(*tables, check_exact=False, rtol=1e-12)
    assert sorted(tables[0]["patient"]) == ["SYN0001", "SYN0002"]
    assert set(tables[0]["bias_correction"]) == {"none"}


@pytest.mark.slow
def test_an_extraction_that_is_repeated_works_only_on_what_is_new_or_changed(tmp_path: Path) -> None:
    t1c = Grid(16, 64, 64, 6.0, (5.0, 5.0))
    make_study(tmp_path / "in" / "a", seed=1, t1c=t1c, sequences=(Sequence.T1C,))
    out = tmp_path / "features.csv"
    command = ["features", str(tmp_path / "in"), "--out", str(out), "--n4", "none"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0
    table = out.read_bytes()
    assert len(list(kept_folder(out).iterdir())) == 1
    out.unlink()  # as if it had ended before the table was written
    make_study(tmp_path / "in" / "b", seed=2, t1c=t1c, sequences=(Sequence.T1C,))
    second = CliRunner().invoke(app, command)
    assert "2 of 2 studies" in second.stderr
    assert "(1 unchanged since an earlier run)" in second.stderr
    assert set(table.splitlines()) < set(out.read_bytes().splitlines())
    other = CliRunner().invoke(app, [*command[:-1], "own"])
    assert "unchanged" not in other.stderr
