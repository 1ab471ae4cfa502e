"""Checks of destinations by `rdeepnet doctor`: what a peer would accept, asked of real ones. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.uid import EncapsulatedPDFStorage, SegmentationStorage
from pynetdicom import AE

from appliance.peer_settings import Destination, Sender
from appliance.service.doctor import Verdict, check_destination
from appliance.settings import ReportSettings, ServiceSettings, Settings
from dicom_io.answer_roles import Role
from dicom_io.network.commitment_report import STORAGE_COMMITMENT
from dicom_io.network.negotiation import CLASS_OF, negotiate
from dicom_io.network.peer import VERIFICATION, Peer
from dicom_io.writing.required_attributes import KINDS
from tests.conftest import require_programs
from tests.end_to_end.running import Orthanc, free_port, storescp

ALL = (SegmentationStorage, *KINDS)


@contextmanager
def peer(*classes: str) -> Iterator[int]:
    """A peer that accepts these classes and stores nothing; gives its port."""
    ae = AE("PACS")
    for sop_class in classes:
        ae.add_supported_context(sop_class)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def settings(*senders: str) -> Settings:
    return Settings(service=ServiceSettings(host="127.0.0.1", port=1), senders=tuple(Sender(name) for name in senders))


def test_every_role_has_the_class_of_its_objects() -> None:
    assert set(CLASS_OF) == set(Role) - {Role.FHIR}  # that is no object of DICOM
    assert set(CLASS_OF.values()) == set(KINDS)


def test_a_peer_that_accepts_everything_is_good() -> None:
    with peer(VERIFICATION, STORAGE_COMMITMENT, *ALL) as port:
        check = check_destination(Destination("pacs", "PACS", "127.0.0.1", port), settings("PACS"))
    assert check.verdict is Verdict.GOOD
    assert check.sentence.endswith("it also sends: results that come back are acknowledged and not processed")


def test_a_class_that_would_be_refused_is_named() -> None:
    with peer(VERIFICATION, STORAGE_COMMITMENT, EncapsulatedPDFStorage, SegmentationStorage) as port:
        pacs = Destination("pacs", "PACS", "127.0.0.1", port)
        check = check_destination(pacs, settings())
        assert check.verdict is Verdict.BAD
        assert "would not accept Comprehensive 3D SR Storage, Secondary Capture Image Storage;" in check.sentence
        without = replace(pacs, send=(Role.PDF, Role.SEG_T1C, Role.FEATURES_SR), notices=())
        assert check_destination(without, settings()).verdict is Verdict.GOOD, "an SR that is not made is not asked for"
        with_features = replace(settings(), report=ReportSettings(features_sr=True))
        assert check_destination(without, with_features).verdict is Verdict.BAD


def test_storage_commitment_is_asked_about_where_it_is_wanted() -> None:
    with peer(VERIFICATION, *ALL) as port:
        pacs = Destination("pacs", "PACS", "127.0.0.1", port)
        check = check_destination(pacs, settings())
        assert check.verdict is Verdict.WARNING
        assert "it offers no storage commitment: enable it there, or set storage_commitment = false" in check.sentence
        assert check_destination(replace(pacs, storage_commitment=False), settings()).verdict is Verdict.GOOD


def test_a_peer_without_echo_is_a_warning() -> None:
    with peer(STORAGE_COMMITMENT, *ALL) as port:
        check = check_destination(Destination("pacs", "PACS", "127.0.0.1", port), settings())
    assert check.verdict is Verdict.WARNING
    assert "does not accept C-ECHO" in check.sentence


def test_a_destination_that_is_this_service_is_bad() -> None:
    check = check_destination(Destination("pacs", "RDEEPNET", "localhost", 1), settings())
    assert check.verdict is Verdict.BAD
    assert "is this service itself" in check.sentence


@pytest.mark.peers
@pytest.mark.slow
def test_real_peers_say_what_they_accept(tmp_path: Path) -> None:
    """Orthanc 1.10 accepts storage of everything and commitment; DCMTK's storescp storage and echo."""
    require_programs("storescp", "Orthanc")
    orthanc = Orthanc(tmp_path / "orthanc")
    try:
        answer = negotiate(Peer("ORTHANC", "127.0.0.1", orthanc.port, "RDEEPNET", 10.0, None), CLASS_OF)
        assert (answer.answers_echo, answer.refused, answer.commits) == (True, (), True)
    finally:
        orthanc.stop()
    port = free_port()
    with storescp(tmp_path / "archive", port):
        answer = negotiate(Peer("PACS", "127.0.0.1", port, "RDEEPNET", 10.0, None), CLASS_OF)
        assert (answer.answers_echo, answer.refused, answer.commits) == (True, (), False)
