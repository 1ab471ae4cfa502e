"""The table of `rdeepnet features`, and the rows that are kept beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from appliance.offline.feature_file import NoRow, Row, RowId, refused_file, write_refused, write_rows
from appliance.offline.row_cache import KeptRows
from dicom_io.reading.study_identity import StudyIdentity
from models.acquisition import Acquisition
from models.cohort.features import ACQUISITION, OUTLINED, PROVENANCE, SEVERAL_TUMOURS, read_features
from models.features.names import features_of, vector_names
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
    assert list(table.columns) == ["patient", *vector_names(), *ACQUISITION, *PROVENANCE, SEVERAL_TUMOURS, OUTLINED]
    assert len(vector_names()) == 3452
    assert list(table["patient"]) == ["patient-1.2.30", "patient-1.2.4"]
    np.testing.assert_array_equal(table.loc[0, list(whole.names)].to_numpy(dtype=float), whole.values)
    np.testing.assert_array_equal(table.loc[1, list(partly.names)].to_numpy(dtype=float), partly.values)
    assert table.loc[1, list(features_of([Sequence.T2W], Region))].isna().all()
    assert set(table["settings_digest"]) == {SETTINGS.digest()}


def test_no_study_has_features(tmp_path: Path) -> None:
    write_rows([], tmp_path / "f.parquet", row_id=RowId.STUDY, settings=SETTINGS)
    assert pd.read_parquet(tmp_path / "f.parquet").shape == (0, 3452 + 10 + 6)


def test_studies_without_features_are_listed_beside_the_table(tmp_path: Path) -> None:
    out = tmp_path / "f.csv"
    write_refused([NoRow("2", "No tumour."), NoRow("1", "No T1+C.")], out, {"1": StudyIdentity("P7")})
    assert refused_file(out).read_text() == (
        "study_instance_uid,sentence,patient_id,study_date,accession_number,source_folder\n"
        "1,No T1+C.,P7,,,\n2,No tumour.,,,,\n"
    )
    write_refused([], out, {})
    assert not refused_file(out).exists()


def test_a_kept_row_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = KeptRows(tmp_path / "rows", recipe="a")
    acquired = {Sequence.T1C: Acquisition(slice_mm=1.5, field_strength_t=3.0)}
    why = {"t1c_intratumoral_original_glcm_MCC": "no two voxels of the region are neighbours"}
    written = replace(row("1.2.3", Sequence.T1C), acquisitions=acquired, several_tumours="union", undefined=why)
    written = replace(written, outlined="semiautomatic: grow-cut 1.0")
    written.values[:2] = np.nan, 1 / 3
    kept.keep(written, "digest")
    read = kept.find("digest")
    assert read is not None
    assert read.is_from_before
    np.testing.assert_array_equal(read.values, written.values)
    about = {name: getattr(read, name) for name in ("study_instance_uid", "identifiers", "names", "engine", "bias")}
    assert about == {name: getattr(written, name) for name in about}
    assert (read.acquisitions, read.several_tumours, read.undefined) == (acquired, "union", why)
    assert read.outlined == "semiautomatic: grow-cut 1.0"


def test_a_row_of_other_files_or_another_recipe_is_not_taken(tmp_path: Path) -> None:
    KeptRows(tmp_path, recipe="a").keep(row("1.2.3", Sequence.T1C), "digest")
    assert KeptRows(tmp_path, recipe="a").find("other") is None
    assert KeptRows(tmp_path, recipe="b").find("digest") is None
    assert KeptRows(tmp_path / "none", recipe="a").find("digest") is None


@pytest.mark.parametrize("keep", [0, 10, 2000, -1])
def test_a_damaged_row_is_not_there(tmp_path: Path, keep: int) -> None:
    kept = KeptRows(tmp_path, recipe="a")
    kept.keep(row("1.2.3", Sequence.T1C), "digest")
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:keep])
    assert kept.find("digest") is None
    kept.keep(row("1.2.3", Sequence.T1C), "digest")
    assert kept.find("digest") is not None


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_table_says_how_the_images_were_acquired(tmp_path: Path, suffix: str) -> None:
    acquired = Acquisition(slice_mm=2.0, row_mm=0.7, column_mm=0.8, field_strength_t=1.494)
    known = replace(row("1.2.30", *Sequence), acquisitions={Sequence.T1C: acquired}, several_tumours="largest")
    known = replace(known, outlined="manual")
    out = tmp_path / f"features{suffix}"
    write_rows([known, row("1.2.4", Sequence.T1C)], out, row_id=RowId.STUDY, settings=SETTINGS)
    read = read_features(out)
    assert read.names == vector_names()
    assert read.acquisitions[Sequence.T1C] == (acquired, Acquisition())
    assert read.acquisitions[Sequence.T2W] == (Acquisition(), Acquisition())
    assert read.several_tumours == ("largest", "")
    assert read.outlined == ("manual", "")
