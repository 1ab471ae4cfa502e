"""Studies asked for as priors go past the inbox; which of an archive's studies are fetched. Kind: mechanics."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appliance.peer_settings import ArchiveSettings, PriorSettings, Sender
from appliance.service import prior_sources
from appliance.service.archived_priors import ArchivedPriors
from appliance.service.prior_arrivals import apart
from appliance.service.prior_sources import ByOurPort, prior_source_of
from appliance.settings import ServiceSettings, Settings
from appliance.state.prior_folders import FIRST_MESSAGE_ID, PriorFolders, arrived
from dicom_io.network.command_set import store_request
from dicom_io.network.find_studies import StudyAtPeer
from dicom_io.network.peer import Peer
from dicom_io.network.received import Received
from dicom_io.priors import PatientIdentity, Present, PriorStudy
from models.errors import SetupError, StudyRejected
from models.inference.change import Obstacle

PATIENT = PatientIdentity("P1", "HOSPA", "19700101", "F")
PRESENT = Present(PATIENT, "1.2.9", date(2026, 7, 1))


def settings(folder: Path, **priors: Any) -> Settings:
    return Settings(
        service=ServiceSettings(state_dir=folder),
        senders=(Sender("PACS"),),
        archive=ArchiveSettings(host="192.0.2.1", dicomweb_url="https://192.0.2.1/dicom-web"),
        priors=PriorSettings(compare=True, archive=True, **priors),
    )


def received(*, originator: str, message_id: int, study: str = "1.2.3", needed: bool = True) -> Received:
    return Received(
        association=1,
        calling_title="PACS",
        address="192.0.2.1",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
        sop_instance_uid="1.2.3.4",
        study_instance_uid=study,
        series_instance_uid="1.2.3.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        is_ours=False,
        needed=needed,
        meta=b"meta ",
        dataset=b"dataset",
        move_originator=originator,
        move_message_id=message_id,
    )


def test_only_what_was_asked_for_as_a_prior_goes_past_the_inbox(tmp_path: Path) -> None:
    kept: list[Received] = []
    store = apart(kept.append, settings(tmp_path))
    with PriorFolders(tmp_path).request("1.2.3") as (message_id, folder):
        assert message_id >= FIRST_MESSAGE_ID
        store(received(originator="RDEEPNET", message_id=message_id))
        assert [file.read_bytes() for file in arrived(folder)[0]] == [b"meta dataset"]
        others = (
            received(originator="", message_id=0),  # sent by a person meanwhile
            received(originator="RDEEPNET", message_id=1),  # rdeepnet fetch
            received(originator="OTHER", message_id=message_id),
        )
        for other in others:
            store(other)
        store(received(originator="RDEEPNET", message_id=message_id, study="1.2.4"))  # not what was asked for
        assert arrived(folder)[1] == 1
    assert kept == list(others)
    store(received(originator="RDEEPNET", message_id=message_id))  # too late
    assert kept == list(others)
    assert list((tmp_path / "priors").iterdir()) == []


def test_what_is_no_input_is_counted_and_not_kept(tmp_path: Path) -> None:
    with PriorFolders(tmp_path).request("1.2.3") as (message_id, folder):
        apart(lambda _: None, settings(tmp_path))(received(originator="RDEEPNET", message_id=message_id, needed=False))
        assert arrived(folder) == ((), 1)


def test_nothing_is_apart_where_no_prior_is_asked_for(tmp_path: Path) -> None:
    def store(one: Received) -> None:
        raise AssertionError

    assert apart(store, Settings()) is store
    for way in ("get", "dicomweb"):
        assert apart(store, settings(tmp_path, retrieve=way)) is store


def test_the_request_of_a_c_store_names_its_c_move() -> None:
    def element(number: int, value: bytes) -> bytes:
        return b"\0\0" + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value

    command = (
        element(0x0002, b"1.2\0")
        + element(0x0100, b"\x01\0")
        + element(0x0110, b"\x07\0")
        + element(0x0800, b"\0\0")
        + element(0x1000, b"1.3\0")
    )
    plain = store_request(command)
    assert plain is not None
    assert (plain.move_originator, plain.move_message_id) == ("", 0)
    moved = store_request(command + element(0x1030, b"RDEEPNET ") + element(0x1031, b"\x01\x80"))
    assert moved is not None
    assert (moved.move_originator, moved.move_message_id) == ("RDEEPNET", 0x8001)


def listed(uid: str, day: str, **more: Any) -> StudyAtPeer:
    return StudyAtPeer(
        uid, patient_id="P1", birth_date="19700101", sex="F", study_date=day, **{"issuer": "HOSPA", **more}
    )


def found(
    folder: Path, studies: list[StudyAtPeer], monkeypatch: pytest.MonkeyPatch, *, own: tuple[PriorStudy, ...] = ()
) -> tuple[list[PriorStudy], list[str]]:
    """Priors, and the studies that were fetched."""
    fetched: list[str] = []

    def bring(self: ArchivedPriors, study: StudyAtPeer, prior: PriorStudy) -> PriorStudy:
        fetched.append(study.study_instance_uid)
        return replace(prior, obstacle=Obstacle.NO_ANSWER)

    monkeypatch.setattr(prior_sources, "find_studies", lambda peer, wanted: tuple(studies))
    monkeypatch.setattr(ArchivedPriors, "_fetched", bring)
    source = prior_source_of(settings(folder), Peer("PACS", "192.0.2.1", 104, "RDEEPNET", 1.0))
    assert isinstance(source, ByOurPort)

    def compute(files: object) -> Any:
        raise StudyRejected("")

    finder = ArchivedPriors(settings(folder), source, lambda present: own, compute)
    return list(finder.find(PRESENT)), fetched


def test_the_last_earlier_study_of_the_patient_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = [
        listed("1.1", "20250101"),
        listed("1.2", "20260101"),
        listed("1.3", "20260801"),  # later
        listed("1.4", "20260301", issuer="HOSPB"),
        listed("1.5", "20260301", issuer=""),
        listed("1.6", "20260301", modalities=("MG",)),
        listed("1.2.9", "20260701"),  # the study itself
    ]
    priors, fetched = found(tmp_path, studies, monkeypatch)
    assert fetched == ["1.2"]
    identities = {one.study_instance_uid: PATIENT.obstacle(one.identity) for one in priors}
    assert identities["1.4"] is Obstacle.OTHER_ISSUER
    assert identities["1.5"] is Obstacle.ISSUER_MISSING
    assert {one.study_instance_uid: one.obstacle for one in priors}["1.1"] is Obstacle.LATER_ONE_USED
    assert "1.6" not in identities
    assert "1.2.9" not in identities


def test_an_archive_that_states_no_issuers_leaves_it_to_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, fetched = found(tmp_path, [listed("1.2", "20260101", issuer="")], monkeypatch)
    assert fetched == ["1.2"]


def test_nothing_is_fetched_that_is_older_than_what_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (PriorStudy(PATIENT, "1.7", date(2026, 3, 1)),)
    priors, fetched = found(tmp_path, [listed("1.2", "20260101"), listed("1.7", "20260301")], monkeypatch, own=own)
    assert fetched == []
    assert [one.study_instance_uid for one in priors] == ["1.7", "1.2"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"archive": ArchiveSettings()}, "archive.host is empty"),
        ({"senders": ()}, "is not among the senders"),
        ({"senders": (Sender("ELSE"),)}, "is not among the senders"),
    ],
)
def test_settings_that_can_not_work_are_refused(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence):
        replace(settings(tmp_path), **changes)
    with pytest.raises(SetupError, match="expected both"):
        PriorSettings(archive=True)
