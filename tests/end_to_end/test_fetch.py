"""`rdeepnet fetch` against a real Orthanc: to the service by C-MOVE, into a folder by C-GET, and what it refuses.

Kind: mechanics. Everything is real but the computation (`fake_service.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.state.states import State
from tests.appliance.test_json_views import mistakes
from tests.conftest import require_programs
from tests.end_to_end.running import AE_TITLE, Orthanc, RunningService, free_port, running_service
from tests.end_to_end.small_study import document, uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]

# Study → (Patient ID, issuer, accession number); the two at the end have one number.
HELD = {
    "one": ("P1", "HOSPA", "A1"),
    "two": ("P1", "HOSPA", "A2"),
    "other-issuer": ("P1", "HOSPB", "A3"),
    "no-issuer": ("P1", "", "A4"),
    "small": ("p1", "HOSPA", "A5"),
    "twin": ("P2", "", "A9"),
    "twin-of-another": ("P3", "", "A9"),
}


def put(orthanc: Orthanc, folder: Path, study: str, *, patient: str, issuer: str, accession: str) -> None:
    """Puts a study of three images, a segmentation and a document of another class into Orthanc."""
    files = write_study(folder, study)
    document(study).save_as(folder / "document.dcm", enforce_file_format=True)
    files.append(folder / "document.dcm")
    for file in files:
        dataset = dcmread(file)
        dataset.PatientID, dataset.AccessionNumber = patient, accession
        if issuer:
            dataset.IssuerOfPatientID = issuer
        dataset.save_as(file, enforce_file_format=True)
    orthanc.upload(files)


@dataclass(frozen=True)
class Site:
    service: RunningService
    orthanc: Orthanc
    settings: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service, and an archive that knows it and is one of its senders."""
    require_programs("Orthanc")
    folder = tmp_path_factory.mktemp("fetch")
    port = free_port()
    archive = f'[archive]\nhost = "127.0.0.1"\nport = {port}\nae_title = "ORTHANC"\n'
    with running_service(folder / "service", destinations={"pacs": port}, more=archive) as service:
        known = {"rdeepnet": [AE_TITLE, "127.0.0.1", service.port], "gone": ["GONE", "127.0.0.1", free_port()]}
        open_to_all = {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True, "DicomAlwaysAllowGet": True}
        orthanc = Orthanc(folder / "orthanc", port=port, more={"DicomModalities": known, **open_to_all})
        try:
            for study, (patient, issuer, accession) in HELD.items():
                put(orthanc, folder / study, study, patient=patient, issuer=issuer, accession=accession)
            yield Site(service, orthanc, service.settings_file)
        finally:
            orthanc.stop()


def fetched(site: Site, *line: object, status: int = Exit.OK) -> Any:
    """The document of the command."""
    config = () if "--config" in line else ("--config", str(site.settings))
    result = CliRunner().invoke(app, ["fetch", *map(str, line), *config, "--json"])
    assert result.exit_code == status, result.output
    answered = json.loads(result.stdout)
    if "error" not in answered:
        assert mistakes("fetch", answered) == []
    return answered


def uids(document: Any) -> set[str]:
    return {study["study_instance_uid"] for study in document["studies"]}


def test_by_accession_number_it_comes_to_the_service_and_is_answered(site: Site) -> None:
    (one,) = fetched(site, "A1")["studies"]
    assert (one["study_instance_uid"], one["sent"], one["failed"], one["is_whole"]) == (uid("one"), 4, 0, True)
    site.service.wait_for_state(uid("one"), State.DELIVERED)


def test_by_uid_it_comes_into_a_folder_with_the_bytes_it_has_there(site: Site, tmp_path: Path) -> None:
    (one,) = fetched(site, uid("two"), "--out", tmp_path)["studies"]
    assert (one["sent"], one["here"], one["is_whole"]) == (4, 4, True)
    brought = {str(dcmread(file).SOPInstanceUID): dcmread(file) for file in (tmp_path / uid("two")).iterdir()}
    assert sorted(dataset.Modality for dataset in brought.values()) == ["MR", "MR", "MR", "SEG"]
    for name in site.orthanc.get("instances"):
        _, content = site.orthanc.get_bytes(f"instances/{name}/file", accept="*/*")
        (file := tmp_path / "held").write_bytes(content)
        held = dcmread(file)
        if str(held.SOPInstanceUID) in brought:
            assert brought[str(held.SOPInstanceUID)] == held
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in (tmp_path / uid("two")).iterdir())


def test_studies_of_two_patients_with_one_id_are_listed_and_not_fetched(site: Site, tmp_path: Path) -> None:
    found = fetched(site, "--patient", "P1", "--out", tmp_path, status=Exit.INCOMPLETE)
    assert uids(found) == {uid("one"), uid("two"), uid("other-issuer"), uid("no-issuer")}  # and not of `p1`
    assert "3 issuers of the Patient ID" in found["sentence"]
    found = fetched(site, "A9", status=Exit.INCOMPLETE)
    assert "2 Patient IDs" in found["sentence"]
    assert list(tmp_path.iterdir()) == []


def test_all_studies_of_one_patient_are_fetched(site: Site, tmp_path: Path) -> None:
    found = fetched(site, "--patient", "P1", "--issuer", "HOSPA", "--out", tmp_path)
    assert uids(found) == {uid("one"), uid("two")}
    assert {path.name for path in tmp_path.iterdir()} == {uid("one"), uid("two")}


@pytest.mark.parametrize("patient", ["", "*", "P?", "P1\\P2", "  "])
def test_nothing_that_matches_everybody_is_ever_asked(site: Site, patient: str) -> None:
    result = CliRunner().invoke(app, ["fetch", "--patient", patient, "--config", str(site.settings), "--list"])
    assert result.exit_code in (Exit.USAGE, Exit.INCOMPLETE)
    assert "one" not in result.stdout


def test_what_the_archive_does_not_have_is_a_sentence(site: Site) -> None:
    assert "The archive has no such study" in fetched(site, "A-NONE", status=Exit.INCOMPLETE)["sentence"]
    listed = fetched(site, "A2", "--list")["studies"]
    assert [(study["patient_id"], study["issuer_of_patient_id"], study["objects"]) for study in listed] == [
        ("P1", "HOSPA", 5)
    ]


def changed(site: Site, tmp_path: Path, before: str, after: str) -> Path:
    """Settings in which one line is another."""
    text = site.settings.read_text()
    assert before in text
    file = tmp_path / "changed.toml"
    file.write_text(text.replace(before, after))
    return file


def test_an_archive_that_does_not_know_us_or_where_we_are_is_named(site: Site, tmp_path: Path) -> None:
    config = changed(site, tmp_path, "[service]\n", '[service]\nae_title = "STRANGER"\n')
    answered = fetched(site, "A2", "--config", config, status=Exit.INCOMPLETE)
    assert "it must know the AE title STRANGER" in answered["error"]["sentence"]
    config = changed(site, tmp_path, "[service]\n", '[service]\nae_title = "GONE"\n')
    answered = fetched(site, "A2", "--config", config, status=Exit.INCOMPLETE)
    assert "our address and port" in str(answered)


def test_an_archive_that_may_not_store_to_us_is_a_mistake_of_the_settings(site: Site, tmp_path: Path) -> None:
    config = changed(site, tmp_path, '[[senders]]\nae_title = "ORTHANC"', '[[senders]]\nae_title = "ELSE"')
    answered = fetched(site, "A2", "--config", config, status=Exit.SETUP)
    assert "not among the senders" in answered["error"]["sentence"]
    config = changed(site, tmp_path, '[archive]\nhost = "127.0.0.1"', '[archive]\nhost = ""')
    assert "[archive] names no host" in fetched(site, "A2", "--config", config, status=Exit.SETUP)["error"]["sentence"]
