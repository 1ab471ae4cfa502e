"""An answer is compared with an earlier study of the patient, through the service as it ships.

Kind: mechanics, with nothing faked.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from appliance.service.study_status import list_studies, show_study
from appliance.state.states import State
from dicom_io.answer_roles import Role
from dicom_io.synthetic.study_writer import Grid, SyntheticPatient, SyntheticStudy, make_study
from models.volume import Sequence
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, RunningService, free_port, running_service, storescp, storescu

pytestmark = [pytest.mark.peers, pytest.mark.slow]

PATIENT = SyntheticPatient("Synthetic^Prior", "SYN-P", accession_number="A1")
FIRST, SECOND = datetime.date(2025, 3, 14), datetime.date(2025, 7, 20)
GRID = Grid(14, 64, 64, 5.0, (2.5, 2.5))


def made(
    folder: Path, seed: int, day: datetime.date, *, patient: SyntheticPatient = PATIENT, radius_mm: float = 13.0
) -> SyntheticStudy:
    return make_study(
        folder,
        seed=seed,
        t1c=GRID,
        sequences=(Sequence.T1C,),
        patient=replace(patient, accession_number=f"A{seed}"),
        study_date=day,
        tumour_radius_mm=radius_mm,
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service as it ships, which compares with what it answered before."""
    require_programs("storescu", "storescp")
    folder, port = tmp_path_factory.mktemp("priors"), free_port()
    with (
        storescp(folder / "pacs", port),
        running_service(
            folder / "service",
            destinations={"pacs": port},
            hung_after_s=600,
            computes=True,
            more="[priors]\ncompare = true\n",
        ) as running,
    ):
        yield running


def answered(service: RunningService, study: SyntheticStudy) -> FileDataset:
    """The key report of a study that is sent to the service."""
    assert storescu(study.files, port=service.port) == 0
    service.wait_for_state(study.study_instance_uid, State.DELIVERED, patience_s=300)
    (file,) = [
        one.file for one in show_study(service.settings, study.study_instance_uid).objects if one.role is Role.KEY_SR
    ]
    return dcmread(file)


def said(report: FileDataset, code: str) -> list[str]:
    """Texts of a key report with this concept."""
    return [
        str(item.TextValue)
        for item in report.ContentSequence[-1].ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == code
    ]


def test_the_second_study_of_a_patient_says_what_changed(tmp_path: Path, service: RunningService) -> None:
    first = answered(service, made(tmp_path / "first", 71, FIRST))
    assert said(first, "CHANGE") == []
    second = answered(service, made(tmp_path / "second", 72, SECOND, radius_mm=10.0))
    title, *lines = said(second, "CHANGE")
    assert title == "Change since 2025-03-14, 128 days"
    assert any(line.startswith("Tumour volume, T1+C: ") and "change −" in line for line in lines)
    assert any(line.startswith("RDeepNet recurrence score: ") for line in lines)
    (evidence,) = second.PertinentOtherEvidenceSequence
    assert (
        evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    )
    assert "respon" not in " ".join(lines).lower()

    another = replace(PATIENT, birth_date=datetime.date(1971, 1, 1))
    third = answered(service, made(tmp_path / "third", 73, datetime.date(2025, 9, 1), patient=another))
    assert said(third, "CHANGE") == []
    assert sorted(said(third, "PRIOR_NOT_USED")) == [
        f"The study of {day} is not compared, because it states another birth date." for day in (FIRST, SECOND)
    ]
    nobody = answered(service, made(tmp_path / "fourth", 74, SECOND, patient=replace(PATIENT, patient_id="SYN-Q")))
    assert said(nobody, "PRIOR_NOT_USED") == []
    assert "SYN-P" not in service.log()
    for listed in (service.settings.service.state_dir / "outbox").glob("*/objects.json"):
        assert "SYN-" not in listed.read_text()
        assert len(json.loads(listed.read_text())["patient_mark"]) == 4


def without_tumour(study: SyntheticStudy) -> SyntheticStudy:
    """The study with a segmentation in which every voxel is background."""
    (file,) = [file for file in study.files if dcmread(file, stop_before_pixels=True).Modality == "SEG"]
    dataset = dcmread(file)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(file, enforce_file_format=True)
    return study


def test_an_empty_segment_after_an_earlier_tumour_is_a_legal_answer(tmp_path: Path, service: RunningService) -> None:
    patient = replace(PATIENT, patient_id="SYN-EMPTY")
    answered(service, made(tmp_path / "first", 75, FIRST, patient=patient))
    report = answered(service, without_tumour(made(tmp_path / "second", 76, SECOND, patient=patient)))
    lines = said(report, "CHANGE")
    assert any(line.startswith("Tumour volume, T1+C: ") and "0 (no tumour segmented)" in line for line in lines)
    assert any("(−100%)" in line for line in lines)
    stranger = without_tumour(made(tmp_path / "third", 77, SECOND, patient=replace(PATIENT, patient_id="SYN-NEW")))
    assert storescu(stranger.files, port=service.port) == 0
    service.wait_for_state(stranger.study_instance_uid, State.REFUSED, patience_s=300)


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningService, Orthanc]]:
    """The service as it ships, which asks Orthanc for earlier studies; each the other's peer."""
    require_programs("Orthanc")
    folder, port = tmp_path_factory.mktemp("archived"), free_port()
    settings = (
        f'[archive]\nhost = "127.0.0.1"\nport = {port}\nae_title = "ORTHANC"\n'
        "[priors]\ncompare = true\narchive = true\n"
    )
    with running_service(
        folder / "service", destinations={"pacs": port}, hung_after_s=600, computes=True, more=settings
    ) as service:
        orthanc = Orthanc(folder / "orthanc", service_port=service.port, port=port)
        try:
            yield service, orthanc
        finally:
            orthanc.stop()


def pushed(service: RunningService, orthanc: Orthanc, study: SyntheticStudy) -> FileDataset:
    """The key report of a study that Orthanc pushes."""
    orthanc.push(orthanc.upload(study.files))
    service.wait_for_state(study.study_instance_uid, State.DELIVERED, patience_s=300)
    (file,) = [
        one.file for one in show_study(service.settings, study.study_instance_uid).objects if one.role is Role.KEY_SR
    ]
    return dcmread(file)


def with_issuer(study: SyntheticStudy, issuer: str) -> SyntheticStudy:
    for file in study.files:
        dataset = dcmread(file)
        dataset.IssuerOfPatientID = issuer
        dataset.save_as(file, enforce_file_format=True)
    return study


def test_an_earlier_study_is_fetched_from_the_archive_and_is_not_answered_itself(
    tmp_path: Path, archived: tuple[RunningService, Orthanc]
) -> None:
    service, orthanc = archived
    prior = with_issuer(made(tmp_path / "prior", 81, FIRST), "HOSPA")
    stranger = with_issuer(made(tmp_path / "stranger", 82, FIRST), "HOSPB")
    for study in (prior, stranger):
        orthanc.upload(study.files)
    report = pushed(service, orthanc, with_issuer(made(tmp_path / "now", 83, SECOND, radius_mm=10.0), "HOSPA"))
    assert said(report, "CHANGE")[0] == "Change since 2025-03-14, 128 days"
    (note,) = said(report, "PRIOR_NOT_USED")
    assert "was issued by another assigning authority" in note
    known = {line.study_uid for line in list_studies(service.settings)}
    assert prior.study_instance_uid not in known
    state = service.settings.service.state_dir
    assert [path.name for path in (state / "inbox").iterdir()] == [str(report.StudyInstanceUID)]
    assert list((state / "priors").iterdir()) == []
    assert "SYN-P" not in service.log()


def test_an_earlier_study_without_a_segmentation_is_said_to_be_of_no_use(
    tmp_path: Path, archived: tuple[RunningService, Orthanc]
) -> None:
    service, orthanc = archived
    patient = replace(PATIENT, patient_id="SYN-NOSEG")
    prior = made(tmp_path / "prior", 84, FIRST, patient=patient)
    orthanc.upload([file for file in prior.files if dcmread(file, stop_before_pixels=True).Modality == "MR"])
    report = pushed(service, orthanc, made(tmp_path / "now", 85, SECOND, patient=patient))
    (note,) = said(report, "PRIOR_NOT_USED")
    assert "no measurement of a tumour" in note
    assert said(report, "CHANGE") == []


def test_an_archive_that_does_not_answer_holds_nothing_up_and_is_said(
    tmp_path: Path, archived: tuple[RunningService, Orthanc]
) -> None:
    """The last test of the archive: it is stopped."""
    service, orthanc = archived
    study = made(tmp_path / "now", 86, SECOND, patient=replace(PATIENT, patient_id="SYN-LAST"))
    orthanc.stop()
    assert storescu(study.files, port=service.port) == 0
    service.wait_for_state(study.study_instance_uid, State.SENDING, patience_s=300)
    (file,) = [
        one.file for one in show_study(service.settings, study.study_instance_uid).objects if one.role is Role.KEY_SR
    ]
    assert len(said(dcmread(file), "PRIORS_NOT_ASKED")) == 1
