"""The receiver between real sockets. Kind: mechanics."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND, C_STORE
from pynetdicom.dsutils import encode

from dicom_io.errors import CannotKeepNow, PeerRefused
from dicom_io.network.accepted_classes import (
    BEGINNING,
    INPUT_CLASSES,
    LABEL_MAP_SEGMENTATION,
    TRANSFER_SYNTAXES,
    is_storage,
)
from dicom_io.network.bounded_transport import MAXIMUM_PDU, Bounds
from dicom_io.network.callers import Caller
from dicom_io.network.echo import echo
from dicom_io.network.peer import Delivery, Peer
from dicom_io.network.receive import Receiver, Status
from dicom_io.network.received import Received
from dicom_io.network.send import send
from dicom_io.network.storage_classes import other_classes
from models.errors import SetupError
from tests.end_to_end.small_study import document, image, instance, segmentation, uid

TITLE = "RDEEPNET"
MPEG2 = "1.2.840.10008.1.2.4.100"
PRIVATE_CLASS = "1.2.840.113619.4.30"  # a vendor's root
ULTRASOUND_RETIRED = "1.2.840.10008.5.1.4.1.1.6"
NEWER_CLASS = "1.2.840.10008.5.1.4.1.1.9999"  # not in any edition so far


def lasting(received: Received) -> Received:
    """An instance that is still there when the receiver uses its memory again; maps of files last by themselves."""
    dataset = received.dataset
    return replace(received, dataset=bytes(dataset) if isinstance(dataset, memoryview) else dataset)


@dataclass
class Listening:
    """A receiver with what it was told."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    error: OSError | None = None

    def store(self, received: Received) -> None:
        if self.error is not None:
            raise self.error
        self.received.append(lasting(received))

    def peer(self, *, called: str = TITLE, calling: str = "PACS") -> Peer:
        return Peer(called, "127.0.0.1", self.port, calling, 10.0)

    def wait_until_closed(self) -> None:
        end = time.monotonic() + 10
        while self.opened != self.closed and time.monotonic() < end:
            time.sleep(0.01)
        assert self.opened == self.closed


def started(callers: list[Caller] | None, *, max_associations: int = 10) -> tuple[Receiver, Listening]:
    listening = Listening()
    receiver = Receiver(
        ae_title=TITLE,
        callers=callers,
        store=listening.store,
        opened=listening.opened.append,
        closed=listening.closed.append,
        refused=lambda title, address, why: listening.refused.append((title, address)),
        bounds=Bounds(associations=max_associations, idle_s=10.0),
    )
    listening.port = receiver.start(host="127.0.0.1", port=0)
    return receiver, listening


@pytest.fixture
def listening() -> Iterator[Listening]:
    receiver, listening = started([Caller("PACS", ("127.0.0.0/8",)), Caller("ELSEWHERE", ("192.0.2.0/24",))])
    yield listening
    receiver.stop()


def written(folder: Path, dataset: Dataset) -> Path:
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def associated(listening: Listening, sop_class: str, syntax: str) -> Association:
    ae = AE("PACS")
    ae.add_requested_context(sop_class, syntax)
    association = ae.associate("127.0.0.1", listening.port, ae_title=TITLE)
    assert association.is_established
    return association


def status_of(listening: Listening, dataset: Dataset, *, sop_class: str = "") -> int:
    """Status of one C-STORE; `sop_class` is put into the request instead of the data set's own."""
    syntax = dataset.file_meta.TransferSyntaxUID
    association = associated(listening, sop_class or dataset.SOPClassUID, syntax)
    try:
        if sop_class:
            encoded = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian)
            assert encoded is not None
            return raw_store(association, sop_class, str(dataset.SOPInstanceUID), encoded)
        return int(association.send_c_store(dataset).Status)
    finally:
        association.release()


def raw_store(association: Association, sop_class: str, sop_instance: str, encoded: bytes) -> int:
    """Status of a C-STORE of bytes, which the library does not compare with the request."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = UID(sop_class), UID(sop_instance)
    request.DataSet = BytesIO(encoded)
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.001)
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return int(response.Status)


def test_an_echo_is_answered(listening: Listening) -> None:
    echo(listening.peer())
    listening.wait_until_closed()
    assert listening.refused == []


def test_an_instance_is_handed_on_byte_for_byte(tmp_path: Path, listening: Listening) -> None:
    sent = image("one", 1)
    path = written(tmp_path, sent)
    assert [result.delivery for result in send([path], listening.peer())] == [Delivery.STORED]
    (received,) = listening.received
    assert received.meta[128:132] == b"DICM"
    assert dcmread(BytesIO(received.meta + received.dataset)) == sent
    assert path.read_bytes().endswith(received.dataset)
    assert received.needed
    assert received.study_instance_uid == uid("one")
    assert (received.calling_title, received.address) == ("PACS", "127.0.0.1")
    listening.wait_until_closed()
    assert received.association in listening.opened


@pytest.mark.parametrize(("calling", "called"), [("STRANGER", TITLE), ("ELSEWHERE", TITLE), ("PACS", "OTHER")])
def test_whoever_is_not_listed_is_refused_before_anything_is_negotiated(
    listening: Listening, calling: str, called: str
) -> None:
    with pytest.raises(PeerRefused, match="AE title"):
        echo(listening.peer(called=called, calling=calling))
    listening.wait_until_closed()
    expected = [(calling, "127.0.0.1")]
    end = time.monotonic() + 10  # the peer has its refusal before the receiver's thread has told of it
    while listening.refused != expected and time.monotonic() < end:
        time.sleep(0.01)
    assert listening.refused == expected


def test_everybody_is_accepted_only_when_the_settings_say_so() -> None:
    receiver, listening = started(None)
    echo(listening.peer(calling="ANYBODY"))
    receiver.stop()
    receiver, listening = started([])
    with pytest.raises(PeerRefused):
        echo(listening.peer(calling="ANYBODY"))
    receiver.stop()


def test_a_full_disk_and_a_home_that_is_away_are_out_of_resources(listening: Listening) -> None:
    listening.error = OSError(errno.ENOSPC, "No space left on device")
    assert status_of(listening, image("one", 1)) == Status.OUT_OF_RESOURCES == 0xA700
    listening.error = OSError(errno.EIO, "Input/output error")
    assert status_of(listening, image("one", 1)) == Status.PROCESSING_FAILURE == 0x0110
    listening.error = CannotKeepNow("the database does not answer")
    assert status_of(listening, image("one", 1)) == Status.OUT_OF_RESOURCES
    listening.error = None
    assert status_of(listening, image("one", 1)) == Status.SUCCESS


def test_a_data_set_of_another_class_does_not_match(listening: Listening) -> None:
    status = status_of(listening, segmentation("one"), sop_class=MRImageStorage)
    assert status == Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS == 0xA900
    assert listening.received == []


@pytest.mark.parametrize("study_uid", ["", "1.2/../../etc", "..", "study"])
def test_without_a_usable_study_uid_it_can_not_be_understood(listening: Listening, study_uid: str) -> None:
    dataset = image("one", 1)
    del dataset.StudyInstanceUID
    if study_uid:
        dataset.add_new(0x0020000D, "LO", study_uid)  # as UI the library would warn before it is sent
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert status_of(listening, dataset) == Status.CANNOT_UNDERSTAND == 0xC000
    assert listening.received == []


@pytest.mark.parametrize(
    ("dataset", "needed"),
    [
        (image("one", 1), True),
        (segmentation("one"), True),
        (segmentation("one", ours=True), False),
        (document("one"), False),
        (document("one", ours=True), False),
        (instance("one", sop_class=LABEL_MAP_SEGMENTATION, number=5), True),
    ],
)
def test_only_what_a_study_is_read_from_is_needed(listening: Listening, dataset: Dataset, needed: bool) -> None:
    assert status_of(listening, dataset) == Status.SUCCESS
    assert [received.needed for received in listening.received] == [needed]


def test_every_input_class_is_accepted_in_every_transfer_syntax_that_is_decoded(listening: Listening) -> None:
    for sop_class in INPUT_CLASSES:
        contexts = [build_context(sop_class, syntax) for syntax in (*TRANSFER_SYNTAXES, MPEG2)]
        association = AE("PACS").associate("127.0.0.1", listening.port, contexts=contexts, ae_title=TITLE)
        accepted = {context.transfer_syntax[0] for context in association.accepted_contexts}
        association.release()
        assert accepted == set(TRANSFER_SYNTAXES), UID(sop_class).name


@pytest.mark.parametrize("first", [0, 128])
def test_every_storage_class_is_accepted_up_to_the_128_contexts_of_a_proposal(listening: Listening, first: int) -> None:
    classes = (*(str(uid) for uid in other_classes()), PRIVATE_CLASS, ULTRASOUND_RETIRED, NEWER_CLASS)
    proposed = classes[first : first + 128]
    contexts = [build_context(sop_class, MPEG2) for sop_class in proposed]
    association = AE("PACS").associate("127.0.0.1", listening.port, contexts=contexts, ae_title=TITLE)
    accepted = [context.abstract_syntax for context in association.accepted_contexts]
    association.release()
    assert accepted == list(proposed)


def test_an_input_whose_sender_offers_nothing_we_decode_is_accepted_all_the_same(listening: Listening) -> None:
    association = associated(listening, MRImageStorage, MPEG2)
    association.release()


@pytest.mark.parametrize(
    "sop_class", ["1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.1.20.2"]
)
def test_another_service_is_not_accepted(listening: Listening, sop_class: str) -> None:
    assert not is_storage(sop_class)
    ae = AE("PACS")
    ae.add_requested_context(sop_class, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", listening.port, ae_title=TITLE)
    assert not association.accepted_contexts


def test_who_may_only_report_may_not_store_whatever_the_class() -> None:
    receiver, listening = started([Caller("PACS", may_store=False)])
    contexts = [build_context(sop_class) for sop_class in (MRImageStorage, CTImageStorage, PRIVATE_CLASS)]
    association = AE("PACS").associate("127.0.0.1", listening.port, contexts=contexts, ae_title=TITLE)
    assert not association.accepted_contexts
    receiver.stop()


@pytest.mark.parametrize("sop_class", [CTImageStorage, PRIVATE_CLASS, ULTRASOUND_RETIRED, NEWER_CLASS])
def test_what_is_no_input_is_acknowledged_and_named(listening: Listening, sop_class: str) -> None:
    assert status_of(listening, instance("one", sop_class=sop_class, number=7)) == Status.SUCCESS
    (received,) = listening.received
    assert (received.needed, received.is_ours) == (False, False)
    assert (received.sop_class_uid, received.study_instance_uid) == (sop_class, uid("one"))


def test_what_is_no_input_is_acknowledged_even_when_it_can_not_be_read(listening: Listening) -> None:
    dataset = instance("one", sop_class=PRIVATE_CLASS, number=7)
    del dataset.StudyInstanceUID
    assert status_of(listening, dataset) == Status.SUCCESS
    (received,) = listening.received
    assert (received.needed, received.sop_class_uid, received.study_instance_uid) == (False, PRIVATE_CLASS, "")


def test_of_what_is_no_input_only_the_beginning_is_held(listening: Listening) -> None:
    large = instance("one", sop_class=CTImageStorage, number=7)
    large.add_new(0x7FE00010, "OW", bytes(3 * BEGINNING))
    assert status_of(listening, large) == Status.SUCCESS
    image_after = image("one", 1, rows=1024)
    assert status_of(listening, image_after) == Status.SUCCESS
    beginning, whole = listening.received
    assert (len(beginning.dataset), beginning.study_instance_uid) == (BEGINNING, uid("one"))
    assert len(whole.dataset) > 2 * BEGINNING
    assert dcmread(BytesIO(whole.meta + whole.dataset)) == image_after


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.4.95"])
def test_a_deflated_object_that_is_no_input_is_read_from_its_beginning(listening: Listening, syntax: str) -> None:
    large = instance("one", sop_class=CTImageStorage, number=7)
    noise = np.random.default_rng(1).bytes(2 * BEGINNING)  # does not deflate
    large.add_new(0x7FE00010, "OW", noise)
    encoded = encode(large, False, True, deflated=True)
    assert encoded is not None
    association = associated(listening, CTImageStorage, syntax)
    assert raw_store(association, CTImageStorage, str(large.SOPInstanceUID), encoded) == Status.SUCCESS
    association.release()
    assert listening.received[0].study_instance_uid == uid("one")


def test_an_input_in_a_context_of_another_class_does_not_match(listening: Listening) -> None:
    dataset = image("one", 1)
    encoded = encode(dataset, False, True)
    assert encoded is not None
    association = associated(listening, CTImageStorage, ExplicitVRLittleEndian)
    status = raw_store(association, MRImageStorage, str(dataset.SOPInstanceUID), encoded)
    association.release()
    assert status == Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    assert listening.received == []


def test_a_private_class_that_is_asked_for_another_service_harms_nothing(listening: Listening) -> None:
    association = associated(listening, PRIVATE_CLASS, ExplicitVRLittleEndian)
    request = C_FIND()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = UID(PRIVATE_CLASS)
    request.Identifier = BytesIO(encode(image("one", 1), False, True) or b"")
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    end = time.monotonic() + 10
    while not association.is_aborted and time.monotonic() < end:
        time.sleep(0.01)
    assert association.is_aborted
    assert status_of(listening, image("one", 1)) == Status.SUCCESS


def test_large_pdus_are_agreed(listening: Listening) -> None:
    association = associated(listening, MRImageStorage, JPEG2000Lossless)
    assert association.acceptor.maximum_length == MAXIMUM_PDU
    association.release()


def test_a_port_that_is_taken_is_a_sentence(listening: Listening) -> None:
    receiver, _ = started(None)
    with pytest.raises(SetupError, match=f"cannot listen on 127.0.0.1 port {listening.port}"):
        receiver.start(host="127.0.0.1", port=listening.port)
    receiver.stop()


def test_an_association_that_is_cut_off_is_closed(listening: Listening) -> None:
    association = associated(listening, MRImageStorage, ExplicitVRLittleEndian)
    assert association.send_c_store(image("one", 1)).Status == 0
    with association.dul.socket.socket as cable:
        cable.shutdown(socket.SHUT_RDWR)
        listening.wait_until_closed()
    assert len(listening.received) == 1, "what was answered Success stays"
    association.kill()
