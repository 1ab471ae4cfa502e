"""`rdeepnet features`: the table of a cohort, and one image with its mask."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from appliance.cli import app
from appliance.offline.feature_file import kept_folder, refused_file, undefined_file
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


def test_a_mask_that_nearly_fits_or_lies_on_another_grid(image_and_mask: tuple[str, str], tmp_path: Path) -> None:
    image, mask = image_and_mask
    expected = CliRunner().invoke(app, ["features", image, "--mask", mask]).stdout
    label = sitk.ReadImage(mask)
    label.SetOrigin((0.05, 0, 0))
    sitk.WriteImage(label, str(tmp_path / "near.nrrd"))
    near = CliRunner().invoke(app, ["features", image, "--mask", str(tmp_path / "near.nrrd")])
    assert (near.exit_code, near.stdout) == (0, expected)
    assert "its voxels lie within 0.05 of a voxel" in " ".join(near.stderr.split())
    sitk.WriteImage(sitk.ReadImage(mask)[2:, 1:, :-1], str(tmp_path / "cut.nrrd"))
    line = ["features", image, "--mask", str(tmp_path / "cut.nrrd")]
    refused = CliRunner().invoke(app, line)
    assert refused.exit_code == 1
    assert "its size is 13 × 15 × 16 voxels instead of 14 × 16 × 18" in " ".join(refused.stderr.split())
    carried = CliRunner().invoke(app, [*line, "--resample-mask"])
    assert (carried.exit_code, carried.stdout) == (0, expected)
    assert "was carried over in patient space" in " ".join(carried.stderr.split())
    assert CliRunner().invoke(app, ["features", str(tmp_path), "--out", "x.csv", "--resample-mask"]).exit_code == 2


def test_features_without_a_value_are_empty_cells_with_a_reason(
    image_and_mask: tuple[str, str], tmp_path: Path
) -> None:
    image, _ = image_and_mask
    two = np.zeros((14, 16, 18), np.uint8)
    two[5, 5, 5] = two[6, 6, 5] = 1
    sitk.WriteImage(sitk.GetImageFromArray(two), str(tmp_path / "two.nrrd"))
    line = ["features", image, "--mask", str(tmp_path / "two.nrrd")]
    shown = CliRunner().invoke(app, line)
    assert shown.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    empty = [row["name"] for row in rows if not row["value"]]
    assert len(rows) == 863
    assert len(empty) == 9
    assert {name.split("_", 1)[1] for name in empty} == {"firstorder_RobustMeanAbsoluteDeviation"}
    assert "9 of 863 features have no value" in " ".join(shown.stderr.split())
    out = tmp_path / "table.csv"
    assert CliRunner().invoke(app, [*line, "--out", str(out)]).exit_code == 0
    with out.open(newline="") as stream:
        [written] = csv.DictReader(stream)
    assert [name for name in feature_names(SETTINGS) if not written[name]] == empty
    with undefined_file(out).open(newline="") as stream:
        reasons = list(csv.DictReader(stream))
    assert [(row["image"], row["feature"]) for row in reasons] == [("image.nrrd", name) for name in empty]
    assert {row["reason"] for row in reasons} == {
        "no voxel of the region lies between the 10th and the 90th percentile"
    }
    found = json.loads(CliRunner().invoke(app, [*line, "--json"]).stdout)
    assert [one["name"] for one in found if one["value"] is None] == empty


def test_a_device_that_is_not_there(image_and_mask: tuple[str, str]) -> None:
    image, mask = image_and_mask
    result = CliRunner().invoke(app, ["features", image, "--mask", mask, "--device", "tpu"])
    assert result.exit_code == 2
    assert "'tpu' is not one of 'auto', 'cpu', 'cuda'" in result.stderr


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
