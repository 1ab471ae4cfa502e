"""Bounds on what a hostile or broken peer takes of the receiver, and for how long. Kind: mechanics and regression.

Every attack is against a real receiver with bounds of a second; the library alone would let each of them last.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.uid import ImplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.dsutils import encode

from dicom_io.errors import PeerUnavailable
from dicom_io.network.accepted_classes import BEGINNING
from dicom_io.network.arriving_objects import IN_MEMORY, Beginning, Memory, WholeObject
from dicom_io.network.bounded_transport import MAXIMUM_PDU, Bounds
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from dicom_io.network.receive import Receiver, Status
from dicom_io.network.received import Received
from tests.dicom_io.network.test_receive import lasting, raw_store
from tests.end_to_end.small_study import image

BOUNDS = Bounds(
    associations=4,
    associations_per_address=3,
    connections=12,
    request_s=0.6,
    idle_s=0.8,
    object_bytes=2 * IN_MEMORY,
)
# What must be open at the same time stays open: a loaded machine takes a second for twelve connections.
PATIENT = replace(BOUNDS, request_s=5.0, idle_s=60.0)
LONGEST_S = 30.0  # an echo is answered within it at every moment
ABORT = 0x07
REQUEST_HEADER = struct.pack(">BBL", 0x01, 0, 200)  # A-ASSOCIATE-RQ of 200 bytes


@dataclass
class Attacked:
    """The receiver, and what it said."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    error: Exception | None = None

    def store(self, received: Received) -> None:
        if self.error is not None:
            raise self.error
        self.received.append(lasting(received))

    def peer(self, called: str = "RDEEPNET") -> Peer:
        return Peer(called, "127.0.0.1", self.port, "ELSEWHERE", LONGEST_S)

    def connected(self, content: bytes = b"", *, address: str = "127.0.0.1") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST_S, source_address=(address, 0))
        connection.sendall(content)
        return connection


@contextmanager
def attacking(folder: Path, bounds: Bounds) -> Iterator[Attacked]:
    state = Attacked()
    receiver = Receiver(
        ae_title="RDEEPNET",
        callers=None,
        store=state.store,
        opened=state.open.add,
        closed=state.open.discard,
        refused=lambda title, address, why: state.refused.append(why),
        ended=lambda address, why: state.ended.append(why),
        failed=state.failed.append,
        bounds=bounds,
        folder=folder,
    )
    state.port = receiver.start(host="127.0.0.1", port=0)
    try:
        yield state
    finally:
        receiver.stop()


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[Attacked]:
    with attacking(tmp_path, BOUNDS) as state:
        yield state


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Attacked]:
    """A receiver that waits long, where what is held must be held at the same time."""
    with attacking(tmp_path, PATIENT) as state:
        yield state


def associated(attacked: Attacked) -> Association:
    ae = AE("MODALITY")
    ae.add_requested_context(MRImageStorage, ImplicitVRLittleEndian)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = LONGEST_S
    return ae.associate("127.0.0.1", attacked.port, ae_title="RDEEPNET")


def wire(association: Association) -> socket.socket:
    """The connection below an association, to write on it what the library would not."""
    transport = association.dul.socket
    assert transport is not None
    assert transport.socket is not None
    return transport.socket


def wait_until(condition: bool | object, what: str = "") -> None:
    end = time.monotonic() + LONGEST_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.01)


def answer(connection: socket.socket) -> bytes:
    """Bytes the receiver sends until it closes."""
    content = b""
    try:
        while more := connection.recv(4096):
            content += more
    except ConnectionResetError:
        pass
    return content


def test_half_a_request_is_ended_and_said(attacked: Attacked) -> None:
    begun = time.monotonic()
    with attacked.connected(REQUEST_HEADER + b"\x00\x01") as connection:
        assert answer(connection)[:1] == bytes([ABORT])
    assert time.monotonic() - begun >= BOUNDS.request_s  # not before, and not never
    assert attacked.ended == ["a message was not complete within 0.6 s"]


def test_half_a_message_is_ended_and_its_association_closed(attacked: Attacked) -> None:
    association = associated(attacked)
    assert len(attacked.open) == 1
    wire(association).sendall(struct.pack(">BBL", 0x04, 0, 5000) + b"half of it")
    wait_until(lambda: not attacked.open, "the association is closed")
    assert attacked.ended == ["a message was not complete within 0.8 s"]
    association.abort()


def test_a_silent_association_gives_its_place_back(attacked: Attacked) -> None:
    association = associated(attacked)
    wait_until(lambda: not attacked.open)
    assert attacked.received == []
    association.abort()
    assert associated(attacked).is_established


@pytest.mark.parametrize("kind", [0x01, 0x02, 0x05])
def test_a_claimed_length_is_not_believed(attacked: Attacked, kind: int) -> None:
    with attacked.connected(struct.pack(">BBL", kind, 0, 0xFFFFFFFF)) as connection:
        assert answer(connection)[:1] == bytes([ABORT])
    assert attacked.ended == ["a message of 4294967295 bytes was announced; at most 262144 were expected"]


def test_a_longer_pdu_than_was_agreed_ends_the_association(patient: Attacked) -> None:
    association = associated(patient)
    wire(association).sendall(struct.pack(">BBL", 0x04, 0, MAXIMUM_PDU + 1000))
    wait_until(lambda: patient.ended and not patient.open)
    assert patient.ended == [f"a message of {MAXIMUM_PDU + 1000} bytes was announced; at most 131136 were expected"]
    association.abort()


def test_echoes_are_answered_while_a_peer_holds_all_it_can(patient: Attacked) -> None:
    """As many half requests and dripping peers as one address is let have: another address calls meanwhile."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                while not stop.wait(0.1):
                    connection.sendall(b"\x00")
            except OSError:
                return

    # More than one address may have, and all at once: the first must not be over when the last comes.
    connections = [patient.connected(REQUEST_HEADER, address="127.0.0.2") for _ in range(BOUNDS.connections)]
    threads = [threading.Thread(target=drip, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            begun = time.monotonic()
            echo(patient.peer())
            assert time.monotonic() - begun < LONGEST_S
        wait_until(lambda: len(patient.ended) >= BOUNDS.connections, "all were ended")
        assert any("of this address" in why for why in patient.ended)
        echo(patient.peer())
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_storing_associations_leave_places_for_other_addresses_and_for_echoes(patient: Attacked) -> None:
    held = [associated(patient) for _ in range(BOUNDS.associations_per_address)]
    assert all(each.is_established for each in held)
    assert associated(patient).is_rejected
    assert patient.refused == ["3 associations are open, 3 of this address"]
    echo(patient.peer())
    held[0].release()
    again = associated(patient)
    assert again.is_established
    for each in (*held[1:], again):
        each.release()


def test_refusals_say_why(attacked: Attacked) -> None:
    with pytest.raises(Exception, match="its AE title differs"):
        echo(attacked.peer(called="SOMEONE"))
    ae = AE("MODALITY")
    ae.requested_contexts = [build_context("1.2.840.10008.5.1.4.31")]  # Modality Worklist
    assert not ae.associate("127.0.0.1", attacked.port, ae_title="RDEEPNET").is_established
    assert attacked.refused == [
        "it calls SOMEONE, and this is RDEEPNET",
        "nothing that it proposes is offered here (Modality Worklist Information Model - FIND)",
    ]


def sent(association: Association, pixels: bytes) -> int:
    dataset = image("one", 1)
    dataset.PixelData = pixels
    encoded = encode(dataset, True, True)
    assert encoded is not None
    return raw_store(association, MRImageStorage, str(dataset.SOPInstanceUID), encoded)


def test_a_large_object_arrives_byte_for_byte_and_leaves_no_file(patient: Attacked, tmp_path: Path) -> None:
    pixels = bytes(range(256)) * (IN_MEMORY // 256 + 4096)
    association = associated(patient)
    assert sent(association, pixels) == Status.SUCCESS
    association.release()
    assert bytes(patient.received[0].dataset[-len(pixels) :]) == pixels
    assert not isinstance(patient.received[0].dataset, bytes)  # it went through a file
    assert list(tmp_path.iterdir()) == []


def test_an_object_without_an_end_is_ended(patient: Attacked) -> None:
    association = associated(patient)
    with pytest.raises(AttributeError):  # no response
        sent(association, bytes(3 * IN_MEMORY))
    wait_until(lambda: not patient.open)
    assert patient.ended[:1] == ["an object of more than 8 MiB was sent"]
    assert patient.received == []
    association.abort()


def test_an_unforeseen_error_is_a_status_of_the_standard(patient: Attacked) -> None:
    patient.error = ZeroDivisionError("defect")
    association = associated(patient)
    assert sent(association, b"\x00\x00") == Status.PROCESSING_FAILURE
    association.release()
    assert [str(error) for error in patient.failed] == ["defect"]


def test_a_disk_that_fails_while_an_object_arrives_is_told_at_its_end(tmp_path: Path) -> None:
    arriving = WholeObject(tmp_path / "is not there", memory=Memory(), most_bytes=10 * IN_MEMORY, exceeded=lambda: None)
    for _ in range(6):
        assert arriving.write(bytes(IN_MEMORY // 4)) == IN_MEMORY // 4
    with pytest.raises(FileNotFoundError):
        arriving.content()


def test_memory_holds_a_beginning_or_an_ordinary_image(tmp_path: Path) -> None:
    exceeded: list[bool] = []
    beginning = Beginning(most_bytes=3 * BEGINNING, exceeded=lambda: exceeded.append(True))
    for number in range(4):
        beginning.write(bytes([number]) * BEGINNING)
    assert beginning.content() == bytes(BEGINNING)
    assert exceeded == [True]
    whole = WholeObject(tmp_path, memory=Memory(), most_bytes=IN_MEMORY, exceeded=lambda: exceeded.append(True))
    whole.write(bytes(IN_MEMORY))
    assert isinstance(whole.content(), memoryview)
    whole.write(b"\x00")
    assert exceeded == [True, True]
    assert isinstance(whole, BytesIO)


def test_a_port_that_is_stopped_answers_nobody(tmp_path: Path) -> None:
    receiver = Receiver(
        ae_title="RDEEPNET",
        callers=None,
        store=lambda received: None,
        opened=lambda number: None,
        closed=lambda number: None,
        refused=lambda title, address, why: None,
    )
    port = receiver.start(host="127.0.0.1", port=0)
    receiver.stop()
    with pytest.raises(PeerUnavailable, match="cannot be reached"):
        echo(Peer("RDEEPNET", "127.0.0.1", port, "ELSEWHERE", 1.0))
