"""`rdeepnet run --compare`: a study is compared with the last earlier one of the patient below the folder.

Kind: mechanics, with nothing faked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from typer.testing import CliRunner, Result

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.offline.folder_priors import StudiesBeside, studies_beside
from appliance.offline.result_folder import folder_name
from appliance.peer_settings import PriorSettings
from dicom_io.priors import PatientIdentity, Present
from dicom_io.synthetic.study_writer import SyntheticPatient, SyntheticStudy, make_study
from models.errors import StudyRejected
from models.inference.change import ComparisonLimits, Obstacle
from models.volume import Sequence
from tests.appliance.offline.test_result_json import mistakes
from tests.appliance.offline.test_runs import TINY_T1C
from tests.end_to_end.small_study import write_study

PATIENT = SyntheticPatient("Synthetic^Folder", "SYN-F", accession_number="A1")
FIRST, SECOND = date(2025, 3, 14), date(2025, 7, 20)


@dataclass
class Compared:
    """Two studies of one patient, and one of another with another birth date under the same Patient ID."""

    root: Path
    out: Path
    config: Path
    first: SyntheticStudy
    second: SyntheticStudy
    other: SyntheticStudy

    def run(self, *options: str) -> Result:
        line = ["run", str(self.root), "--out", str(self.out), "--config", str(self.config), *options]
        return CliRunner().invoke(app, line)

    def result(self, study: SyntheticStudy) -> dict[str, Any]:
        file = self.out / folder_name(study.study_instance_uid) / "result.json"
        read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        assert mistakes(read) == []
        return read


def said_in(file: Path, code: str) -> list[str]:
    """Texts of a key report with this concept."""
    items = dcmread(file).ContentSequence[-1].ContentSequence
    return [str(item.TextValue) for item in items if item.ConceptNameCodeSequence[0].CodeValue == code]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("compared")
    (config := folder / "rdeepnet.toml").write_text('[preprocessing]\nn4 = "none"\n', encoding="utf-8")
    stranger = replace(PATIENT, birth_date=date(1950, 1, 1))
    studies = [
        make_study(
            folder / "in" / name,
            seed=seed,
            t1c=TINY_T1C,
            sequences=(Sequence.T1C,),
            patient=replace(patient, accession_number=f"A{seed}"),
            study_date=day,
            tumour_radius_mm=radius_mm,
        )
        for name, seed, patient, day, radius_mm in (
            ("first", 1, PATIENT, FIRST, 22.0),
            ("second", 2, PATIENT, SECOND, 18.0),
            ("other", 3, stranger, date(2025, 1, 1), 20.0),
        )
    ]
    return Compared(folder / "in", folder / "out", config, *studies)


def test_the_later_study_says_what_changed_and_why_another_is_not_compared(compared: Compared) -> None:
    assert compared.run("--compare", "--fhir").exit_code == Exit.OK
    now, then = compared.result(compared.second), compared.result(compared.first)
    change = now["change"]
    assert (change["study_instance_uid"], change["study_date"], change["interval_days"]) == (
        compared.first.study_instance_uid,
        "2025-03-14",
        128,
    )
    volume = next(one for one in change["sizes"] if one["measure"] == "volume")
    assert 0 < volume["now"] < volume["then"]
    assert [one["name"] for one in change["models"]] == [
        one["name"] for one in then["models"] if "not_applicable" not in one
    ]
    assert [(one["study_date"], one["reason"]) for one in now["not_compared"]] == [("2025-01-01", "other-birth-date")]
    assert then["change"] is None
    assert [one["reason"] for one in then["not_compared"]] == ["other-birth-date"]
    assert compared.result(compared.other)["change"] is None
    folder = compared.out / folder_name(compared.second.study_instance_uid)
    said = json.loads((folder / "fhir.json").read_text(encoding="utf-8"))
    periods = [one["resource"]["effectivePeriod"] for one in said["entry"] if "effectivePeriod" in one["resource"]]
    assert {(one["start"], one["end"]) for one in periods} == {("2025-03-14", "2025-07-20")}
    assert said_in(folder / "key_sr.dcm", "CHANGE")[0] == "Change since 2025-03-14, 128 days"


def test_a_repeated_run_repeats_what_is_compared_with_something_else(compared: Compared) -> None:
    again = json.loads(compared.run("--compare", "--fhir", "--json").stdout)
    assert all(one["is_from_before"] for one in again)
    for file in compared.first.files:
        dataset = dcmread(file)
        dataset.StudyDescription = "Changed"
        dataset.save_as(file, enforce_file_format=True)
    again = json.loads(compared.run("--compare", "--fhir", "--json").stdout)
    assert not any(one["is_from_before"] for one in again)  # all three have the Patient ID


def test_without_the_option_nothing_is_compared(compared: Compared) -> None:
    assert compared.run().exit_code == Exit.OK
    now = compared.result(compared.second)
    assert (now["change"], now["not_compared"]) == (None, [])


def test_it_is_not_for_workers_elsewhere_nor_with_pseudonyms(compared: Compared, tmp_path: Path) -> None:
    for other in (("--queue",), ("--pseudonymise", str(tmp_path / "key"))):
        assert compared.run("--compare", *other).exit_code == Exit.USAGE


def test_only_studies_with_the_same_patient_id_are_beside() -> None:
    files = {uid: [Path(uid)] for uid in ("1", "2", "3", "4")}
    patients = {"1": "P", "2": "P", "3": "p", "4": ""}
    beside = studies_beside("1", patients, files, PriorSettings())
    assert beside is not None
    assert beside.files == {"2": (Path("2"),)}
    for uid in ("3", "4"):
        assert studies_beside(uid, patients, files, PriorSettings()) is None


def test_a_file_that_cannot_be_read_keeps_no_other_study_from_its_answer(tmp_path: Path) -> None:
    (broken := tmp_path / "broken.dcm").write_bytes(b"no DICOM")
    whole = write_study(tmp_path / "whole", "beside")
    patient = PatientIdentity("id-beside")
    computed: list[Any] = []

    def compute(files: object) -> Any:
        computed.append(files)
        raise StudyRejected("")

    files = {"1": (broken,), "2": (broken, *whole)}
    found = StudiesBeside(files, ComparisonLimits(), 1).comparing(compute).find(Present(patient, "3", date(2026, 2, 1)))
    assert [(one.study_instance_uid, one.obstacle) for one in found] == [("2", Obstacle.NO_ANSWER)]
    assert computed == [files["2"]]
