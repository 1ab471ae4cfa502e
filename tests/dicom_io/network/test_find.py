"""C-FIND of series and their counts: against a pynetdicom archive that misbehaves on request, and against Orthanc."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.find import STUDY_ROOT_FIND, images_held
from dicom_io.network.peer import Peer
from tests.conftest import require_programs
from tests.dicom_io.made_series import STUDY_UID, affine_of, voxels_of, write_series
from tests.end_to_end.running import Orthanc, free_port

Answers = list[tuple[int, Dataset | None]]


def match(uid: str, count: str | None) -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel, found.StudyInstanceUID, found.SeriesInstanceUID = "SERIES", STUDY_UID, uid
    if count is not None:
        found.NumberOfSeriesRelatedInstances = count
    return found


@contextmanager
def archive(answers: Answers, *, model: str = STUDY_ROOT_FIND) -> Iterator[tuple[Peer, list[Dataset]]]:
    """An archive that gives `answers`; yields where it is and the queries it got."""
    asked: list[Dataset] = []

    def find(event: Event) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        yield from answers

    ae = AE("ARCHIVE")
    ae.add_supported_context(model)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find)])
    try:
        port = server.socket.getsockname()[1]
        yield Peer("ARCHIVE", "127.0.0.1", port, calling_title="RDEEPNET", timeout_s=5), asked
    finally:
        server.shutdown()


def test_the_counts_of_every_series_are_returned() -> None:
    answers: Answers = [(0xFF00, match("1.2.1", "60")), (0xFF01, match("1.2.2", "180")), (0xFF00, match("1.2.3", None))]
    with archive(answers) as (peer, asked):
        assert images_held(peer, STUDY_UID) == {"1.2.1": 60, "1.2.2": 180}
    (query,) = asked
    assert (query.QueryRetrieveLevel, query.StudyInstanceUID) == ("SERIES", STUDY_UID)
    assert "NumberOfSeriesRelatedInstances" in query


def test_a_study_the_archive_does_not_know_has_no_counts() -> None:
    with archive([]) as (peer, _):
        assert images_held(peer, STUDY_UID) == {}


# pynetdicom leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_what_went_wrong_says_whether_to_ask_again() -> None:
    with archive([(0xA700, None)]) as (peer, _), pytest.raises(PeerUnavailable, match="out of resources"):
        images_held(peer, STUDY_UID)
    with archive([(0xA900, None)]) as (peer, _), pytest.raises(PeerRefused, match="0xA900"):
        images_held(peer, STUDY_UID)
    patient_root = "1.2.840.10008.5.1.4.1.2.1.1"
    with archive([], model=patient_root) as (peer, _), pytest.raises(PeerRefused):
        images_held(peer, STUDY_UID)
    closed = Peer("ARCHIVE", "127.0.0.1", free_port(), calling_title="RDEEPNET", timeout_s=2)
    with pytest.raises(PeerUnavailable):
        images_held(closed, STUDY_UID)


@pytest.mark.peers
def test_orthanc_counts_what_it_was_sent(tmp_path: Path) -> None:
    require_programs("Orthanc")
    images = write_series(
        tmp_path / "a", [voxels_of((5, 8, 8))], affine=affine_of(), description="T1 POST", number=4, skip=[(0, 2)]
    )
    orthanc = Orthanc(tmp_path / "orthanc")
    try:
        peer = Peer("ORTHANC", "127.0.0.1", orthanc.port, calling_title="RDEEPNET", timeout_s=60)
        orthanc.upload(images.files)
        assert images_held(peer, STUDY_UID) == {images.uid: 4}
    finally:
        orthanc.stop()
