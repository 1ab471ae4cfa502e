"""The sender against receivers of every temper. Kind: mechanics."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import EncapsulatedPDFStorage, ImplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.echo import echo
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.send import send
from tests.end_to_end.small_study import document, image

# pynetdicom leaves the socket of a refused connection to the garbage collector.
UNCLOSED = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"


@contextmanager
def peer_that(
    store: Callable[[Event], int],
    *,
    classes: tuple[str, ...] = (MRImageStorage, EncapsulatedPDFStorage),
    maximum_associations: int = 10,
) -> Iterator[Peer]:
    """A receiver whose C-STORE answers as `store` says."""
    ae = AE("ARCHIVE")
    for sop_class in classes:
        ae.add_supported_context(sop_class, ImplicitVRLittleEndian)
    ae.maximum_associations = maximum_associations
    ae.require_called_aet = True
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    try:
        yield Peer("ARCHIVE", "127.0.0.1", server.server_address[1], "RDEEPNET", 2.0)
    finally:
        ae.shutdown()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """An image and a document, in this order."""
    paths = [tmp_path / "image.dcm", tmp_path / "document.dcm"]
    for path, dataset in zip(paths, (image("one", 1), document("one", ours=True)), strict=True):
        dataset.save_as(path, enforce_file_format=True)
    return paths


def test_objects_arrive_in_order_in_a_syntax_the_peer_takes(files: list[Path]) -> None:
    received: list[str] = []

    def store(event: Event) -> int:
        assert event.context.transfer_syntax == ImplicitVRLittleEndian
        received.append(event.dataset.SOPInstanceUID)
        return 0x0000

    with peer_that(store) as peer:
        results = send(files, peer)
    assert [result.delivery for result in results] == [Delivery.STORED, Delivery.STORED]
    assert [result.sop_instance_uid for result in results] == received
    assert [result.sentence for result in results] == ["", ""]


# PS3.4 Table B.2-1 and PS3.7 Annex C
@pytest.mark.parametrize(
    ("status", "delivery"),
    [
        (0xB000, Delivery.STORED),  # coercion of data elements
        (0xB007, Delivery.STORED),  # data set does not match SOP class (warning)
        (0x0111, Delivery.STORED),  # duplicate SOP instance: it is there
        (0xA700, Delivery.UNAVAILABLE),  # out of resources
        (0x0110, Delivery.UNAVAILABLE),  # processing failure
        (0xA900, Delivery.REFUSED),  # data set does not match SOP class
        (0xC000, Delivery.REFUSED),  # cannot understand
        (0x0122, Delivery.REFUSED),  # SOP class not supported
        (0x0124, Delivery.REFUSED),  # not authorised
    ],
)
def test_a_status_says_whether_to_repeat(files: list[Path], status: int, delivery: Delivery) -> None:
    with peer_that(lambda event: status) as peer:
        first, _ = send(files, peer)
    assert first.delivery is delivery
    assert f"0x{status:04X}" in first.sentence


def test_a_class_the_peer_does_not_take_is_refused_and_the_rest_sent(files: list[Path]) -> None:
    with peer_that(lambda event: 0x0000, classes=(MRImageStorage,)) as peer:
        stored, refused = send(files, peer)
    assert stored.delivery is Delivery.STORED
    assert refused.delivery is Delivery.REFUSED
    assert "does not accept Encapsulated PDF Storage" in refused.sentence


def test_a_peer_that_takes_none_of_the_objects_is_an_operators_matter(files: list[Path]) -> None:
    with peer_that(lambda event: 0x0000, classes=("1.2.840.10008.1.1",)) as peer:
        with pytest.raises(PeerRefused, match="accepts none of the objects"):
            send(files, peer)
        echo(peer)


def test_a_peer_that_falls_silent_in_the_middle_leaves_the_rest_unavailable(files: list[Path]) -> None:
    def store(event: Event) -> int:
        event.assoc.abort()
        return 0x0000

    with peer_that(store) as peer:
        results = send(files, peer)
    assert [result.delivery for result in results] == [Delivery.UNAVAILABLE, Delivery.UNAVAILABLE]


@pytest.mark.filterwarnings(UNCLOSED)
def test_an_absent_peer_is_unavailable(files: list[Path]) -> None:
    absent = Peer("ARCHIVE", "127.0.0.1", free_port(), "RDEEPNET", 2.0)
    with pytest.raises(PeerUnavailable, match=f"ARCHIVE at 127.0.0.1 port {absent.port} cannot be reached"):
        send(files, absent)
    with pytest.raises(PeerUnavailable):
        echo(absent)


def test_a_port_where_nobody_speaks_dicom_is_unavailable(files: list[Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = Peer("ARCHIVE", "127.0.0.1", server.getsockname()[1], "RDEEPNET", 0.3)
        with pytest.raises(PeerUnavailable):
            echo(silent)


def test_a_wrong_title_is_an_operators_matter(files: list[Path]) -> None:
    with peer_that(lambda event: 0x0000) as peer:
        wrong = Peer("OTHER", peer.host, peer.port, peer.calling_title, 2.0)
        with pytest.raises(PeerRejected, match=r"its AE title differs.*must answer to the AE title OTHER"):
            send(files, wrong)


def test_a_busy_peer_is_tried_later(files: list[Path]) -> None:
    with peer_that(lambda event: 0x0000, maximum_associations=1) as peer:
        ae = AE("OTHER")
        ae.add_requested_context(MRImageStorage)
        first = ae.associate(peer.host, peer.port, ae_title=peer.ae_title)
        with pytest.raises(PeerUnavailable, match="for now"):
            send(files, peer)
        first.release()
