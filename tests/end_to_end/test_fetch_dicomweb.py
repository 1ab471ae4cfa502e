"""`rdeepnet fetch --url` against a real Orthanc with its DICOMweb plugin.

Kind: oracle (an independent archive finds, lists and sends).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from tests.appliance.test_json_views import mistakes
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc
from tests.end_to_end.small_study import segmentation, uid, write_study
from tests.end_to_end.test_fetch import HELD, put, uids
from tests.end_to_end.test_wado import dicomweb_plugin

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    require_programs("Orthanc")
    folder = tmp_path_factory.mktemp("fetch-web")
    orthanc = Orthanc(folder / "orthanc", plugins=[dicomweb_plugin()])
    try:
        for study, (patient, issuer, accession) in HELD.items():
            put(orthanc, folder / study, study, patient=patient, issuer=issuer, accession=accession)
        yield orthanc
    finally:
        orthanc.stop()


def fetched(orthanc: Orthanc, *line: object, status: int = Exit.OK) -> Any:
    """The document of the command."""
    result = CliRunner().invoke(app, ["fetch", *map(str, line), "--url", orthanc.web_url, "--json"])
    assert result.exit_code == status, result.output
    answered = json.loads(result.stdout)
    if "error" not in answered:
        assert mistakes("fetch", answered) == []
    return answered


@pytest.mark.parametrize("named", ["A2", uid("two")])
def test_a_study_comes_into_a_folder_with_the_bytes_it_has_there(orthanc: Orthanc, tmp_path: Path, named: str) -> None:
    (one,) = fetched(orthanc, named, "--out", tmp_path)["studies"]
    assert (one["sent"], one["here"], one["is_whole"], one["issuer_of_patient_id"]) == (4, 4, True, "HOSPA")
    assert [path.name for path in tmp_path.iterdir()] == [uid("two")]
    brought = {str(dcmread(file).SOPInstanceUID): file for file in (tmp_path / uid("two")).iterdir()}
    assert sorted(dcmread(file).Modality for file in brought.values()) == ["MR", "MR", "MR", "SEG"]
    same = 0
    for name in orthanc.get("instances"):
        _, content = orthanc.get_bytes(f"instances/{name}/file", accept="*/*")
        same += content in {file.read_bytes() for file in brought.values()}
    assert same == 4


def test_studies_of_two_patients_with_one_id_are_listed_and_not_fetched(orthanc: Orthanc, tmp_path: Path) -> None:
    found = fetched(orthanc, "--patient", "P1", "--out", tmp_path, status=Exit.INCOMPLETE)
    assert uids(found) == {uid("one"), uid("two"), uid("other-issuer"), uid("no-issuer")}  # and not of `p1`
    assert "3 issuers of the Patient ID" in found["sentence"]
    found = fetched(orthanc, "A9", "--out", tmp_path, status=Exit.INCOMPLETE)
    assert "2 Patient IDs" in found["sentence"]
    assert list(tmp_path.iterdir()) == []


def test_all_studies_of_one_patient_are_fetched(orthanc: Orthanc, tmp_path: Path) -> None:
    listed = fetched(orthanc, "--patient", "P1", "--issuer", "HOSPA", "--list")
    assert uids(listed) == {uid("one"), uid("two")}
    assert [study["objects"] for study in listed["studies"]] == [5, 5]
    found = fetched(orthanc, "--patient", "P1", "--issuer", "HOSPA", "--out", tmp_path)
    assert uids(found) == {uid("one"), uid("two")}
    assert {path.name for path in tmp_path.iterdir()} == {uid("one"), uid("two")}


def test_our_own_results_do_not_come_back(orthanc: Orthanc, tmp_path: Path) -> None:
    files = write_study(tmp_path / "held", "answered", images=2)
    (ours := tmp_path / "held" / "ours.dcm").touch()
    segmentation("answered", ours=True).save_as(ours, enforce_file_format=True)
    orthanc.upload([*files, ours])
    (one,) = fetched(orthanc, uid("answered"), "--out", tmp_path / "out")["studies"]
    assert (one["sent"], one["here"], one["is_whole"]) == (4, 3, True)
    names = {f"{dcmread(file).SOPInstanceUID}.dcm" for file in files}
    assert {path.name for path in (tmp_path / "out" / uid("answered")).iterdir()} == names


def test_what_the_server_does_not_have_is_a_sentence(orthanc: Orthanc, tmp_path: Path) -> None:
    for named in ("A-NONE", uid("absent")):
        found = fetched(orthanc, named, "--out", tmp_path, status=Exit.INCOMPLETE)
        assert "The archive has no such study" in found["sentence"]
    for patient in ("", "*", "P?", "  "):
        result = CliRunner().invoke(app, ["fetch", "--patient", patient, "--url", orthanc.web_url, "--list"])
        assert result.exit_code in (Exit.USAGE, Exit.INCOMPLETE)
        assert "2.25." not in result.stdout
