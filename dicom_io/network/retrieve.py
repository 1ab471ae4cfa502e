"""C-MOVE to our listener and C-GET: the series of a study, fetched from an archive.

C-MOVE is the usual way: every archive has it, and the images enter by the receiver. C-GET needs no port of ours that
the archive can reach. Success (0x0000) is not "got it": an archive that does not know a study also says 0x0000, with
nothing completed; so what counts is the number of objects that were sent (PS3.4 C.4.2.1.5, C.4.3.1.4).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Final, cast

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MRSpectroscopyStorage,
    RawDataStorage,
    SecondaryCaptureImageStorage,
)
from pynetdicom import build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, StoragePresentationContexts, build_context

from dicom_io.errors import CannotKeepNow, NotReadable, PeerRefused, PeerUnavailable
from dicom_io.network.accepted_classes import INPUT_CLASSES, PLAIN_SYNTAXES, TRANSFER_SYNTAXES
from dicom_io.network.arriving_objects import (
    IN_MEMORY,
    ArrivingObject,
    Memory,
    arriving_object,
    hold_arriving_objects,
)
from dicom_io.network.bounded_transport import Bounds
from dicom_io.network.command_set import file_beginning
from dicom_io.network.find import bound_answers, cut
from dicom_io.network.find_studies import SeriesAtPeer
from dicom_io.network.instance_header import arrived_header
from dicom_io.network.peer import Peer
from dicom_io.network.receive import Status
from dicom_io.network.send import associated
from models.number_words import counted

STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"  # Study Root Query/Retrieve Information Model - MOVE
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"  # Study Root Query/Retrieve Information Model - GET
RETRIEVE_KEYS: Final = {
    "QueryRetrieveLevel": "SERIES",
    "StudyInstanceUID": "unique key, the study",
    "SeriesInstanceUID": "unique key, one series for each request",
}
_MOST_CONTEXTS: Final = 128  # of an association, PS3.8 §9.3.2.2
_PENDING: Final = (0xFF00, 0xFF01)
_WARNING: Final = 0xB000  # PS3.4 Tables C.4-2 and C.4-3: complete, and some objects failed
_UNKNOWN_DESTINATION: Final = 0xA801
_UNABLE: Final = 0xC000  # Orthanc's answer to whatever it does not like
# Classes of other objects of a study, likelier first: they are taken and dropped, as the receiver does.
_LIKELY_OTHERS: Final = (
    SecondaryCaptureImageStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
    EnhancedSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MRSpectroscopyStorage,
    RawDataStorage,
)


@dataclass(frozen=True)
class FetchedObject:
    """One object of a study that a C-GET brought; `meta`, then `dataset` is a DICOM file, until `store` returns."""

    sop_instance_uid: str
    study_instance_uid: str
    meta: bytes
    dataset: bytes | memoryview | mmap


@dataclass(frozen=True)
class Sent:
    """Objects that an archive says it sent.

    Attributes
    ----------
    expected : objects of the series as the archive counts them before; None where it does not
    completed : objects that it sent
    failed : objects that it could not send, or that were not taken
    """

    expected: int | None
    completed: int
    failed: int

    @property
    def is_whole(self) -> bool:
        """Returns whether everything there is was sent."""
        return self.failed == 0 and self.completed > 0 and self.completed >= (self.expected or 0)

    def in_words(self) -> str:
        """Amount that came: "3 of 5 objects", "3 objects"."""
        if self.expected is None:
            return counted(self.completed, "object")
        return f"{self.completed} of {counted(self.expected, 'object')}"


def move_study(
    peer: Peer, study_instance_uid: str, series: Sequence[SeriesAtPeer], *, destination: str, message_id: int = 1
) -> Sent:
    """Has an archive send series of a study to one of its nodes by C-STORE (C-MOVE, study root).

    Parameters
    ----------
    destination : AE title of that node, of ours; the archive must know it with address and port
    message_id : of every request; the archive repeats it in each C-STORE (Move Originator Message ID)

    Raises
    ------
    PeerUnavailable
        When the archive cannot be reached, falls silent, or is out of resources.
    PeerRefused
        When it does not take the association or the request, or does not know the destination.
    """
    with associated(peer, [build_context(STUDY_ROOT_MOVE)]) as association:
        _require(association, STUDY_ROOT_MOVE, f"{peer} does not accept C-MOVE (study root); allow it there.")
        bound_answers(association)
        return _added(
            _followed(
                association.send_c_move(
                    _identifier(study_instance_uid, one), destination, STUDY_ROOT_MOVE, msg_id=message_id
                ),
                one,
                peer,
                know_us=f"it must know the AE title {destination} with our address and port: correct it there",
            )
            for one in series
        )


def get_study(
    peer: Peer,
    study_instance_uid: str,
    series: Sequence[SeriesAtPeer],
    *,
    store: Callable[[FetchedObject], None],
    folder: Path | None = None,
    bounds: Bounds = Bounds(),
) -> Sent:
    """Fetches series of a study on our own association (C-GET, study root).

    Parameters
    ----------
    store : called for each object that a study is read from, once its bytes are here; when it raises OSError or
        CannotKeepNow, the object counts as failed
    folder : for large objects while they arrive; None for the system's temporary folder

    Raises
    ------
    PeerUnavailable, PeerRefused
        As `move_study`.
    """
    contexts, roles = proposed_contexts()
    memory = Memory()
    with associated(
        peer,
        contexts,
        handlers=[(evt.EVT_C_STORE, lambda event: _stored(event, study_instance_uid, store))],
        roles=[build_role(uid, scp_role=True) for uid in roles],
    ) as association:
        _require(
            association,
            STUDY_ROOT_GET,
            f"{peer} does not accept C-GET (study root); allow it there, or fetch by C-MOVE.",
        )
        classes = {context.context_id: str(context.abstract_syntax) for context in association.accepted_contexts}

        def new_object(context_id: int) -> ArrivingObject:
            if classes.get(context_id) == STUDY_ROOT_GET:
                return ArrivingObject(most_bytes=IN_MEMORY, exceeded=lambda: cut(association))
            return arriving_object(
                is_kept=classes.get(context_id) in INPUT_CLASSES,
                folder=folder,
                memory=memory,
                most_bytes=bounds.object_bytes,
                exceeded=lambda: cut(association),
            )

        hold_arriving_objects(association, new_object)
        return _added(
            _followed(
                association.send_c_get(_identifier(study_instance_uid, one), STUDY_ROOT_GET),
                one,
                peer,
                know_us=f"it must know our AE title {peer.calling_title} and allow it to fetch",
            )
            for one in series
        )


def proposed_contexts() -> tuple[list[PresentationContext], list[UID]]:
    """Contexts of a C-GET, and the classes we take objects of on the same association.

    Images have one context for each compressed transfer syntax, so that no archive must convert.
    """
    contexts = [build_context(STUDY_ROOT_GET)]
    compressed = [syntax for syntax in TRANSFER_SYNTAXES if syntax not in PLAIN_SYNTAXES]
    for uid in INPUT_CLASSES:
        contexts.append(build_context(uid, list(PLAIN_SYNTAXES)))
        contexts += [build_context(uid, [syntax]) for syntax in compressed]
    others = dict.fromkeys([*_LIKELY_OTHERS, *(UID(str(one.abstract_syntax)) for one in StoragePresentationContexts)])
    dropped = [uid for uid in others if uid not in INPUT_CLASSES][: _MOST_CONTEXTS - len(contexts)]
    contexts += [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in dropped]
    return contexts, [*map(UID, INPUT_CLASSES), *dropped]


def _require(association: Association, abstract_syntax: str, sentence: str) -> None:
    if abstract_syntax not in {context.abstract_syntax for context in association.accepted_contexts}:
        raise PeerRefused(sentence)


def _identifier(study_instance_uid: str, series: SeriesAtPeer) -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "SERIES"
    wanted.StudyInstanceUID, wanted.SeriesInstanceUID = study_instance_uid, series.series_instance_uid
    return wanted


def _added(parts: Iterator[Sent]) -> Sent:
    """All series together."""
    whole = Sent(0, 0, 0)
    for part in parts:
        expected = None if whole.expected is None or part.expected is None else whole.expected + part.expected
        whole = Sent(expected, whole.completed + part.completed, whole.failed + part.failed)
    return whole


def _followed(
    responses: Iterator[tuple[Dataset, Dataset | None]], series: SeriesAtPeer, peer: Peer, *, know_us: str
) -> Sent:
    """The count of one request, from its last response."""
    expected = series.instances
    for status, _ in responses:
        if "Status" not in status:
            raise PeerUnavailable(
                f"{peer} fell silent while it sent a series, for more than {peer.timeout_s:g} s, or aborted; try again."
            )
        completed = int(status.get("NumberOfCompletedSuboperations") or 0)
        completed += int(status.get("NumberOfWarningSuboperations") or 0)
        failed = int(status.get("NumberOfFailedSuboperations") or 0)
        if status.Status in _PENDING:
            if expected is None:
                expected = completed + failed + int(status.get("NumberOfRemainingSuboperations") or 0)
            continue
        if status.Status in (0x0000, _WARNING):
            return Sent(expected, completed, failed)
        code = f"{peer} answered with 0x{status.Status:04X}"
        if status.Status == _UNKNOWN_DESTINATION:
            raise PeerRefused(f"{code} (unknown destination): {know_us}.")
        if status.Status == _UNABLE:
            raise PeerRefused(f"{code} (unable to process): it has no such study, or {know_us}.")
        if status.Status in (0xA701, 0xA702):
            raise PeerUnavailable(
                f"{code} ({completed} sent, {failed} failed): {know_us}; what it sends must find space and an open "
                "port here."
            )
        raise PeerRefused(f"{code}; see its log for the reason.")
    raise PeerUnavailable(f"{peer} ended its answer early; try again.")


def _stored(event: Event, study_instance_uid: str, store: Callable[[FetchedObject], None]) -> int:
    """Status of one object of a C-GET, after `store` has it."""
    request = cast(C_STORE, event.request)
    syntax = UID(event.context.transfer_syntax)
    if not isinstance(request.DataSet, ArrivingObject):
        return Status.CANNOT_UNDERSTAND
    with request.DataSet as dataset:
        sop_class = str(request.AffectedSOPClassUID)
        if sop_class not in INPUT_CLASSES:
            return Status.SUCCESS
        try:
            content = dataset.content()
            header = arrived_header(content, syntax)
            if (header.sop_class_uid, header.sop_instance_uid) != (sop_class, str(request.AffectedSOPInstanceUID)):
                return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
            if header.study_instance_uid != study_instance_uid:
                return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
            if not header.is_ours:
                meta = file_beginning(
                    sop_class_uid=sop_class,
                    sop_instance_uid=header.sop_instance_uid,
                    transfer_syntax_uid=str(syntax),
                )
                store(FetchedObject(header.sop_instance_uid, study_instance_uid, meta, content))
        except NotReadable:
            return Status.CANNOT_UNDERSTAND
        except CannotKeepNow:
            return Status.OUT_OF_RESOURCES
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return Status.OUT_OF_RESOURCES if full else Status.PROCESSING_FAILURE
    return Status.SUCCESS
