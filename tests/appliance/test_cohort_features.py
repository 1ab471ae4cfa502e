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
from appliance.cohort_features import NoRow, Row, RowId, refused_file, write_refused, write_rows
from dicom_io.synthetic import Grid, make_study
from models.cohort.features import ACQUISITION, PROVENANCE, SEVERAL_TUMOURS
from models.features.names import feature_names, features_of, vector_names
from models.features.settings import FeatureSettings
from models.volume import Region, Sequence

SETTINGS = FeatureSettings()


def row(uid: str, *sequences: Sequence) -> Row:
    names = features_of(sequences, Region)
    values = np.random.default_rng(len(uid)).normal(size=len(names))
    return Row(uid, {key: f"{key}-{uid}" for key in RowId}, names, values, "an engine", "none")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_one_row_for_each_study(tmp_path: Path, suffix: str) -> None:
    whole, partly = row("1.2.30", *Sequence), row("1.2.4", Sequence.T1C)
    out = tmp_path / "new" / f"features{suffix}"
    write_rows([partly, whole], out, row_id=RowId.PATIENT, settings=SETTINGS)
    table = pd.read_csv(out, float_precision="round_trip") if suffix == ".csv" else pd.read_parquet(out)
    assert list(table.columns) == ["patient", *vector_names(), *ACQUISITION, *PROVENANCE, SEVERAL_TUMOURS]
    assert len(vector_names()) == 3452
    assert list(table["patient"]) == ["patient-1.2.30", "patient-1.2.4"]
    np.testing.assert_array_equal(table.loc[0, list(whole.names)].to_numpy(dtype=float), whole.values)
    np.testing.assert_array_equal(table.loc[1, list(partly.names)].to_numpy(dtype=float), partly.values)
    assert table.loc[1, list(features_of([Sequence.T2W], Region))].isna().all()
    assert set(table["settings_digest"]) == {SETTINGS.digest()}


def test_no_study_has_features(tmp_path: Path) -> None:
    write_rows([], tmp_path / "f.parquet", row_id=RowId.STUDY, settings=SETTINGS)
    assert pd.read_parquet(tmp_path / "f.parquet").shape == (0, 3452 + 10 + 5)


def test_studies_without_features_are_listed_beside_the_table(tmp_path: Path) -> None:
    out = tmp_path / "f.csv"
    write_refused([NoRow("2", "No tumour."), NoRow("1", "No T1+C.")], out)
    assert refused_file(out).read_text() == "study,sentence\n1,No T1+C.\n2,No tumour.\n"
    write_refused([], out)
    assert not refused_file(out).exists()


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
