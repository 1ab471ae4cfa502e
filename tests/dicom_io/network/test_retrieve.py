"""C-MOVE and C-GET: a pynetdicom archive that misbehaves on request, and DCMTK's dcmqrscp. Kind: mechanics."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import MRImageStorage
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.find_studies import SeriesAtPeer, Wanted, find_series, find_studies
from dicom_io.network.peer import Peer
from dicom_io.network.retrieve import (
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    FetchedObject,
    Sent,
    get_study,
    move_study,
    proposed_contexts,
)
from tests.conftest import require_programs
from tests.end_to_end.running import free_port, is_listening, storescp, storescu, wait_for
from tests.end_to_end.small_study import image, uid, write_study

SERIES = (SeriesAtPeer(uid("s", MRImageStorage, "series"), "MR", 3),)


@contextmanager
def archive(handler: Any, *, event: Any = evt.EVT_C_MOVE, model: str = STUDY_ROOT_MOVE) -> Iterator[Peer]:
    """An archive that answers retrievals as `handler` says."""
    ae = AE("ARCHIVE")
    ae.add_supported_context(model)
    ae.add_requested_context(MRImageStorage)
    ae.add_supported_context(MRImageStorage, scp_role=True, scu_role=True)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(event, handler)])
    try:
        port = server.socket.getsockname()[1]
        yield Peer("ARCHIVE", "127.0.0.1", port, calling_title="RDEEPNET", timeout_s=5)
    finally:
        server.shutdown()


def moved(peer: Peer, series: tuple[SeriesAtPeer, ...] = SERIES) -> Sent:
    return move_study(peer, uid("s"), series, destination="RDEEPNET")


def test_a_destination_that_the_archive_does_not_know_is_named() -> None:
    def unknown(event: Event) -> Iterator[Any]:
        yield None, None

    with archive(unknown) as peer, pytest.raises(PeerRefused, match=r"0xA801 .*must know the AE title RDEEPNET"):
        moved(peer)


def test_success_with_nothing_sent_is_not_whole() -> None:
    def nothing(event: Event) -> Iterator[Any]:
        yield "127.0.0.1", free_port()
        yield 0

    with archive(nothing) as peer:
        sent = moved(peer)
    assert (sent.completed, sent.is_whole) == (0, False)


def test_what_the_archive_could_not_send_is_counted(tmp_path: Path) -> None:
    require_programs("storescp")
    port = free_port()

    def two_of_three(event: Event) -> Iterator[Any]:
        yield "127.0.0.1", port
        yield 2
        yield 0xFF00, image("s", 0)
        yield 0xFF00, image("s", 1)

    with storescp(tmp_path / "store", port), archive(two_of_three) as peer:
        sent = moved(peer)
        assert (sent.in_words(), sent.failed, sent.is_whole) == ("2 of 3 objects", 0, False)
        uncounted = moved(peer, (SeriesAtPeer(SERIES[0].series_instance_uid, "MR"),))
        assert (uncounted.in_words(), uncounted.is_whole) == ("2 of 2 objects", True)


# pynetdicom leaves the socket of a connection that its peer ended to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_an_association_that_ends_in_the_middle_is_said_to_be_tried_again(tmp_path: Path) -> None:
    require_programs("storescp")
    port = free_port()

    def ending(event: Event) -> Iterator[Any]:
        yield "127.0.0.1", port
        yield 3
        yield 0xFF00, image("s", 0)
        event.assoc.abort()

    with (
        storescp(tmp_path / "store", port),
        archive(ending) as peer,
        pytest.raises(PeerUnavailable, match="fell silent"),
    ):
        moved(peer)


def test_an_object_of_another_study_is_not_taken() -> None:
    def other(event: Event) -> Iterator[Any]:
        yield 2
        yield 0xFF00, image("s", 0)
        yield 0xFF00, image("another", 1)

    stored: list[FetchedObject] = []
    with archive(other, event=evt.EVT_C_GET, model=STUDY_ROOT_GET) as peer:
        sent = get_study(peer, uid("s"), SERIES, store=stored.append)
    assert (sent.completed, sent.failed, sent.is_whole) == (1, 1, False)
    assert [one.sop_instance_uid for one in stored] == [str(image("s", 0).SOPInstanceUID)]


def test_a_disk_that_is_full_fails_the_object_and_not_the_association() -> None:
    def one(event: Event) -> Iterator[Any]:
        yield 1
        yield 0xFF00, image("s", 0)

    def full(one: FetchedObject) -> None:
        raise OSError(28, "No space left on device")

    with (
        archive(one, event=evt.EVT_C_GET, model=STUDY_ROOT_GET) as peer,
        pytest.raises(PeerUnavailable, match=r"0 sent, 1 failed.* must find space"),
    ):
        get_study(peer, uid("s"), SERIES, store=full)


def test_the_contexts_of_a_get_fit_one_association() -> None:
    contexts, roles = proposed_contexts()
    assert len(contexts) == 128  # PS3.8 §9.3.2.2: odd numbers of one byte
    assert {context.abstract_syntax for context in contexts} == {STUDY_ROOT_GET, *roles}


@pytest.mark.peers
def test_dcmqrscp_sends_and_gives_what_it_holds(tmp_path: Path) -> None:
    """DCMTK as archive: its C-FIND knows no ModalitiesInStudy and no counts, and unknown studies are 0x0000."""
    require_programs("dcmqrscp", "storescu", "storescp")
    port, ours = free_port(), free_port()
    (tmp_path / "db").mkdir()
    config = tmp_path / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nours = (RDEEPNET, 127.0.0.1, {ours})\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE {tmp_path / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    process = subprocess.Popen(
        ["dcmqrscp", "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TCP_NODELAY": "1"},
    )
    try:
        wait_for(lambda: is_listening(port), what="dcmqrscp to listen")
        files = write_study(tmp_path / "study", "s")
        assert storescu(files, port=port, called="ARCHIVE", calling="RDEEPNET") == 0
        peer = Peer("ARCHIVE", "127.0.0.1", port, calling_title="RDEEPNET", timeout_s=30)
        (study,) = find_studies(peer, Wanted(patient_id="id-s"))
        assert (study.study_instance_uid, study.study_date) == (uid("s"), "20260102")
        series = find_series(peer, study.study_instance_uid)
        assert sorted(one.modality for one in series) == ["MR", "SEG"]
        stored: dict[str, bytes] = {}
        sent = get_study(
            peer, uid("s"), series, store=lambda one: stored.update({one.sop_instance_uid: bytes(one.dataset)})
        )
        assert (sent.completed, sent.is_whole, len(stored)) == (4, True, 4)
        with storescp(tmp_path / "store", ours):
            assert moved(peer, series).completed == 4
            assert len(list((tmp_path / "store").iterdir())) == 4
            unknown = move_study(peer, uid("unknown"), SERIES, destination="RDEEPNET")
            assert (unknown.completed, unknown.is_whole) == (0, False)
    finally:
        process.terminate()
        process.wait()
    assert {str(dcmread(file).SOPInstanceUID) for file in files} == set(stored)
