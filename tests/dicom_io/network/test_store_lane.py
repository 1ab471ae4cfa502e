"""The short way of a C-STORE against the library's. Kind: oracle (the library's encoder and decoder) and mechanics."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, C_STORE_RSP, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import encode, encode_file_meta
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.pdu_primitives import P_DATA

from dicom_io.images.headers import read_instances, sender_of
from dicom_io.implementation import IMPLEMENTATION_CLASS_UID, implementation_version_name
from dicom_io.network import receive, store_lane
from dicom_io.network.arriving_objects import IN_MEMORY, Memory, WholeObject
from dicom_io.network.bounded_transport import Bounds
from dicom_io.network.command_set import StoreRequest, file_beginning, store_request, store_response
from dicom_io.network.receive import Receiver
from dicom_io.network.received import Received
from tests.dicom_io.network.test_receive import lasting
from tests.end_to_end.small_study import image

VERIFICATION = "1.2.840.10008.1.1"


def primitive(message_id: int = 7) -> C_STORE:
    request = C_STORE()
    request.MessageID, request.Priority = message_id, 0
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = MRImageStorage, UID("1.2.3.45")
    request.DataSet = BytesIO(b"data")
    return request


def command_of(message: DIMSEMessage, request: object) -> bytes:
    message.primitive_to_message(request)  # type: ignore[arg-type]
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    return encoded


def test_the_command_of_the_library_is_understood() -> None:
    assert store_request(command_of(C_STORE_RQ(), primitive())) == StoreRequest(7, MRImageStorage, "1.2.3.45")


def test_every_other_command_is_left_to_the_library() -> None:
    echo = C_ECHO()
    echo.MessageID = 1
    whole = command_of(C_STORE_RQ(), primitive())
    assert store_request(command_of(C_ECHO_RQ(), echo)) is None
    assert store_request(b"") is None
    assert all(store_request(whole[:end]) is None for end in range(len(whole)))


def test_the_library_reads_the_response() -> None:
    pdu = P_DATA_TF()
    pdu.decode(store_response(StoreRequest(7, MRImageStorage, "1.2.3.45"), context_id=3, status=0xA700))
    data = pdu.to_primitive()
    assert isinstance(data, P_DATA)
    message = DIMSEMessage()
    assert message.decode_msg(data)
    assert isinstance(message, C_STORE_RSP)
    assert message.context_id == 3
    answer = message.message_to_primitive()
    assert isinstance(answer, C_STORE)
    assert (answer.MessageIDBeingRespondedTo, answer.Status) == (7, 0xA700)
    assert (answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID) == (MRImageStorage, "1.2.3.45")


@pytest.mark.parametrize("sender", ["", "PACS", "MAMMO"])
@pytest.mark.parametrize("instance", ["1.2.3.4", "1.2.3.45"])  # of odd and even length
def test_the_beginning_of_a_file_is_that_of_the_library(instance: str, sender: str) -> None:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, UID(instance)
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = implementation_version_name()
    if sender:
        meta.SendingApplicationEntityTitle = sender
    meta.FileMetaInformationGroupLength = 0
    ours = file_beginning(
        sop_class_uid=MRImageStorage,
        sop_instance_uid=instance,
        transfer_syntax_uid=ImplicitVRLittleEndian,
        sender=sender,
    )
    assert ours == bytes(128) + b"DICM" + encode_file_meta(meta)


def test_the_sender_of_a_received_file_is_known_to_its_rules(tmp_path: Path) -> None:
    content = file_beginning(
        sop_class_uid=MRImageStorage,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=ImplicitVRLittleEndian,
        sender="MAMMO_WS",
    )
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, UID("1.2.3")
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = UID("1.2"), UID("1.1")
    data = encode(dataset, is_implicit_vr=True, is_little_endian=True)
    assert data is not None
    (tmp_path / "a.dcm").write_bytes(content + data)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(tmp_path / "b.dcm", enforce_file_format=True)
    (received,) = read_instances([tmp_path / "a.dcm"])
    assert sender_of(received) == "MAMMO_WS"
    (local,) = read_instances([tmp_path / "b.dcm"])  # a file from a disk
    assert sender_of(local) == ""


class Stored:
    """A receiver and what it was given."""

    def __init__(self, folder: Path) -> None:
        self.received: list[Received] = []
        self.ended: list[str] = []
        self.receiver = Receiver(
            ae_title="RDEEPNET",
            callers=None,
            store=lambda received: self.received.append(lasting(received)),
            opened=lambda number: None,
            closed=lambda number: None,
            refused=lambda title, address, why: None,
            ended=lambda address, why: self.ended.append(why),
            bounds=Bounds(idle_s=2.0),
            folder=folder,
        )
        self.port = self.receiver.start(host="127.0.0.1", port=0)

    def associated(self, *, largest_pdu: int = 16384) -> Association:
        ae = AE("MODALITY")
        ae.add_requested_context(VERIFICATION)
        ae.add_requested_context(MRImageStorage, [ExplicitVRLittleEndian])
        association = ae.associate("127.0.0.1", self.port, ae_title="RDEEPNET")
        assert association.is_established
        assert association.acceptor.primitive is not None
        association.acceptor.primitive.maximum_length_received = largest_pdu  # that we may send
        return association


@pytest.fixture(params=["lane", "library"])
def stored(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """With the lane, and with the library alone, as under a version of it that was not tested."""
    if request.param == "library":
        monkeypatch.setattr(receive, "is_tested", lambda: False)
    state = Stored(tmp_path)
    yield state
    state.receiver.stop()


@pytest.fixture
def in_lane(tmp_path: Path) -> Iterator[Stored]:
    state = Stored(tmp_path)
    yield state
    state.receiver.stop()


def test_the_lane_is_on_under_the_pinned_version() -> None:
    """An upgrade of pynetdicom has to be tried: its insides are used. Then change `TESTED_VERSION`."""
    assert store_lane.is_tested()


@pytest.mark.parametrize("largest_pdu", [4096, 16384, 131072])
def test_the_same_bytes_arrive_whatever_comes_between(stored: Stored, largest_pdu: int) -> None:
    association = stored.associated(largest_pdu=largest_pdu)
    datasets = [image("one", number, rows=128) for number in range(4)]
    for dataset in datasets:
        assert association.send_c_store(dataset).Status == 0x0000
        assert association.send_c_echo().Status == 0x0000
    association.release()
    assert association.is_released
    for dataset, received in zip(datasets, stored.received, strict=True):
        assert received.dataset == encode(dataset, False, True)
        assert received.sop_instance_uid == dataset.SOPInstanceUID
        assert received.calling_title == "MODALITY"


def test_an_object_is_not_touched_by_what_the_peer_sends_after_it(tmp_path: Path) -> None:
    """The memory of an object is used again, but not before it is stored: a peer may not wait for the response."""
    memory = Memory()
    first = WholeObject(tmp_path, memory=memory, most_bytes=IN_MEMORY, exceeded=lambda: None)
    first.write(b"first")
    content = first.content()
    second = WholeObject(tmp_path, memory=memory, most_bytes=IN_MEMORY, exceeded=lambda: None)
    second.write(b"other")
    assert content == b"first"
    first.close()
    third = WholeObject(tmp_path, memory=memory, most_bytes=IN_MEMORY, exceeded=lambda: None)
    third.write(b"third")
    assert (second.content(), third.content()) == (b"other", b"third")


@pytest.mark.parametrize("together", [1, 7, 1000, 200_000])
def test_pieces_of_any_size_are_the_same_objects(in_lane: Stored, together: int) -> None:
    """PDUs as TCP cuts and joins them, two C-STORE at once among them."""
    association = in_lane.associated()
    (context_id,) = [cx.context_id for cx in association.accepted_contexts if cx.abstract_syntax == MRImageStorage]
    assert context_id is not None
    datasets = [image("one", number, rows=16 if together < 100 else 128) for number in (1, 2)]
    stream = b""
    for number, dataset in enumerate(datasets, start=1):
        request = primitive(number)
        request.AffectedSOPInstanceUID = dataset.SOPInstanceUID
        encoded = encode(dataset, False, True)
        assert encoded is not None
        values = [value(context_id, 3, command_of(C_STORE_RQ(), request))]
        values += [value(context_id, 0, encoded[at : at + 5000]) for at in range(0, len(encoded), 5000)]
        values.append(value(context_id, 2, b"\x00\x00"))
        stream += b"".join(struct.pack(">BBL", 4, 0, len(each)) + each for each in values)
    transport = association.dul.socket
    assert transport is not None
    assert transport.socket is not None
    for at in range(0, len(stream), together):
        transport.socket.sendall(stream[at : at + together])
    end = time.monotonic() + 30
    while len(in_lane.received) < len(datasets) and time.monotonic() < end:
        time.sleep(0.02)
    for dataset, received in zip(datasets, in_lane.received, strict=True):
        encoded = encode(dataset, False, True)
        assert encoded is not None
        assert received.dataset == encoded + b"\x00\x00"
    association.abort()


def test_an_association_rests_and_goes_on(in_lane: Stored) -> None:
    association = in_lane.associated()
    for number in range(2):
        assert association.send_c_store(image("one", number)).Status == 0x0000
        time.sleep(2 * store_lane.REST_S)
    assert association.send_c_echo().Status == 0x0000
    association.release()
    assert association.is_released


def test_a_silent_association_is_still_ended(in_lane: Stored) -> None:
    association = in_lane.associated()
    assert association.send_c_store(image("one", 1)).Status == 0x0000
    end = time.monotonic() + 10
    while association.is_established and time.monotonic() < end:
        time.sleep(0.02)
    assert association.is_aborted


def test_an_abort_between_two_objects_closes(in_lane: Stored) -> None:
    association = in_lane.associated()
    assert association.send_c_store(image("one", 1)).Status == 0x0000
    association.abort()
    again = in_lane.associated()
    assert again.send_c_store(image("one", 2)).Status == 0x0000
    again.release()


def test_a_command_in_fragments_goes_the_way_of_the_library(in_lane: Stored) -> None:
    """PDUs so small that not even the command fits into one."""
    association = in_lane.associated(largest_pdu=60)
    assert association.send_c_store(image("one", 1)).Status == 0x0000
    association.release()
    assert len(in_lane.received) == 1


def value(context_id: int, control: int, content: bytes) -> bytes:
    return struct.pack(">LBB", len(content) + 2, context_id, control) + content


@pytest.mark.parametrize("wrong", ["other context", "second command", "cut", "after the end"])
def test_parts_that_do_not_belong_together_end_the_association(in_lane: Stored, wrong: str) -> None:
    association = in_lane.associated()
    (context_id,) = [cx.context_id for cx in association.accepted_contexts if cx.abstract_syntax == MRImageStorage]
    assert context_id is not None
    command = value(context_id, 3, command_of(C_STORE_RQ(), primitive()))
    parts = {
        "other context": command + value(context_id + 2, 0, b"data"),
        "second command": command + command,
        "cut": command + value(context_id, 0, b"data")[:-2],
        "after the end": command + value(context_id, 2, b"data") + value(context_id, 2, b"more"),
    }[wrong]
    transport = association.dul.socket
    assert transport is not None
    assert transport.socket is not None
    transport.socket.sendall(struct.pack(">BBL", 4, 0, len(parts)) + parts)
    end = time.monotonic() + 10
    while association.is_established and time.monotonic() < end:
        time.sleep(0.02)
    assert association.is_aborted
    assert in_lane.ended
    assert in_lane.received == []
