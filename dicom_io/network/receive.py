"""The receiver: C-ECHO, C-STORE and reports of storage commitment; every instance is passed on as the bytes the peer
sent.

Only a few attributes of an instance are read; pixel data is never decoded here. Success (0x0000) is answered only
after the `store` callback has returned, so only the code that made the bytes safe says "stored". Objects that are not
an input are acknowledged too, because a sender that is refused gives up the study (`storage_classes.py`).
"""

from __future__ import annotations

import errno
import itertools
import socket
import ssl
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from queue import Queue
from typing import cast

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.transport import ThreadedAssociationServer

from dicom_io.errors import NotReadable
from dicom_io.network.beginnings import hold_beginnings
from dicom_io.network.commitment_report import STORAGE_COMMITMENT, CommitmentReport, answer_report
from dicom_io.network.instance_header import ArrivedHeader, arrived_header
from dicom_io.network.storage_classes import (
    INPUT_CLASSES,
    PLAIN_SYNTAXES,
    STORAGE_SERVICE,
    accepted_syntaxes,
    needs_service,
    proposed_storage,
)
from dicom_io.network.tls import ListenerTls, handshake
from dicom_io.uids import IMPLEMENTATION_CLASS_UID, implementation_version_name
from models.errors import SetupError

VERIFICATION = UID("1.2.840.10008.1.1")
MAXIMUM_PDU = 131072  # one image of 0.5 MB in four PDUs; the library's 16382 costs a third more CPU time


class Status(IntEnum):
    """Statuses of a C-STORE response (PS3.4 Table B.2-1, PS3.7 Annex C)."""

    SUCCESS = 0x0000  # the bytes are safe, or it is no input and they are not kept
    PROCESSING_FAILURE = 0x0110  # PS3.7 C.5.14: our storage failed in another way than by being full
    OUT_OF_RESOURCES = 0xA700  # PS3.4 B.2.3: no space; the peer may repeat later
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900  # PS3.4 B.2.3: the data set names another instance than the request
    CANNOT_UNDERSTAND = 0xC000  # PS3.4 B.2.3: the data set cannot be read, or has no usable Study Instance UID


@dataclass(frozen=True)
class Caller:
    """A peer that may call us: an AE title, and networks where given (empty: from anywhere).

    One that `may_store` not may only echo and report on what we sent to it: it is a destination, not a sender.
    """

    ae_title: str
    networks: tuple[str, ...] = ()
    may_store: bool = True

    def is_calling(self, *, ae_title: str, address: IPv4Address | IPv6Address) -> bool:
        """Returns whether this is the calling peer."""
        return self.ae_title == ae_title and (
            not self.networks or any(address in ip_network(network) for network in self.networks)
        )


@dataclass(frozen=True, eq=False)
class Received:
    """One received instance.

    Attributes
    ----------
    association : number of the association, as in `opened` and `closed`
    calling_title, address : who sent it
    study_instance_uid, series_instance_uid : "" of an object that is not needed and cannot be read
    is_ours : this product made it
    needed : a study is read from it; False for other classes and for everything this product made itself
    meta : preamble, prefix and file meta information
    dataset : the encoded data set, byte for byte as the peer sent it, of other classes perhaps only its beginning;
        `meta + dataset` is a DICOM file
    """

    association: int
    calling_title: str
    address: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    is_ours: bool
    needed: bool
    meta: bytes
    dataset: bytes


def supported_contexts(
    proposed: Iterable[PresentationContext] = (), *, may_store: bool = True
) -> list[PresentationContext]:
    """Accepted contexts of a peer's proposal: Verification, reports of storage commitment, and what it wants to store.

    Only what was proposed is built: the whole list would cost each association more than ten images.
    """
    commitment = build_context(STORAGE_COMMITMENT, list(PLAIN_SYNTAXES))
    commitment.scu_role, commitment.scp_role = False, True  # of the peer: it reports, it cannot ask
    stored = proposed_storage(proposed) if may_store else {}
    return [
        build_context(VERIFICATION, list(PLAIN_SYNTAXES)),
        commitment,
        *(
            build_context(sop_class, list[str | UID](accepted_syntaxes(sop_class, syntaxes)))
            for sop_class, syntaxes in stored.items()
        ),
    ]


class Receiver:
    """C-ECHO and C-STORE provider on one port, which also takes reports of storage commitment.

    Parameters
    ----------
    ae_title : ours; calls for another title are refused
    callers : peers that may call; None accepts any
    store : called for every instance, from the thread of its association; when it raises OSError the peer gets a
        failure status, otherwise Success
    opened, closed : called with the number of an association; `closed` also after an abort or a lost connection
    refused : called with the calling title and address of a refused association
    reported : called for every report of storage commitment; False when its transaction is not known
    tls : required for every connection; None accepts plain ones
    not_secured : called with the address of a peer with which TLS was not agreed on, and the reason
    """

    def __init__(
        self,
        *,
        ae_title: str,
        callers: Collection[Caller] | None,
        store: Callable[[Received], None],
        opened: Callable[[int], None],
        closed: Callable[[int], None],
        refused: Callable[[str, str], None],
        max_associations: int,
        idle_association_s: float,
        reported: Callable[[CommitmentReport], bool] = lambda report: False,
        tls: ListenerTls | None = None,
        not_secured: Callable[[str, str], None] = lambda address, why: None,
    ) -> None:
        self._callers = callers
        self._store = store
        self._reported = reported
        self._opened = opened
        self._closed = closed
        self._refused = refused
        self._tls = tls
        self._not_secured = not_secured
        self._idle_s = idle_association_s
        self._numbers: dict[Association, int] = {}
        self._next_number = itertools.count(1)
        self._server: ThreadedAssociationServer | None = None
        _config.LOG_HANDLER_LEVEL = "none"  # its default handlers format every PDU; refusals come through `refused`
        self._ae = AE(ae_title)
        self._ae.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
        self._ae.implementation_version_name = implementation_version_name()
        self._ae.require_called_aet = True
        self._ae.maximum_pdu_size = MAXIMUM_PDU
        self._ae.maximum_associations = max_associations
        self._ae.network_timeout = idle_association_s
        self._ae.supported_contexts = supported_contexts()

    def start(self, *, host: str, port: int) -> int:
        """Listen; returns the port (0 asks the system for a free one).

        Raises
        ------
        SetupError
            When the address cannot be bound.
        """
        try:
            self._server = self._ae.start_server(
                (host, port),
                block=False,
                ssl_context=cast(ssl.SSLContext | None, self._tls),
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, self._on_open),
                    (evt.EVT_CONN_CLOSE, self._on_close),
                    (evt.EVT_REQUESTED, self._on_request),
                    (evt.EVT_SOP_COMMON, self._on_classes),
                    (evt.EVT_C_ECHO, self._on_echo),
                    (evt.EVT_C_STORE, self._on_store),
                    (evt.EVT_N_EVENT_REPORT, self._on_report),
                ],
            )
        except OSError as error:
            raise SetupError(
                f"The receiver cannot listen on {host} port {port} ({error.strerror}); expected a free port of this "
                "machine: change host or port in [service], or stop what uses it."
            ) from error
        assert self._server is not None
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stop listening and abort what is open; every instance answered Success is safe, the peer repeats the rest."""
        self._ae.shutdown()
        self._server = None

    def _on_open(self, event: Event) -> None:
        """Runs in the thread of the new association, before it reads."""
        transport = event.assoc.dul.socket
        connection = None if transport is None else transport.socket
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(connection, ssl.SSLSocket) and (why := handshake(connection, idle_s=self._idle_s)):
            connection.close()  # the association finds it closed and ends
            self._not_secured(_peer(event.assoc)[1], why)
            return
        self._numbers[event.assoc] = number = next(self._next_number)
        self._opened(number)

    def _on_close(self, event: Event) -> None:
        if event.assoc.requestor.primitive is None:
            # The library would keep the place of a connection that closed without a request for half a minute.
            cast("Queue[object]", event.assoc.dul.to_user_queue).put(None)
        number = self._numbers.pop(event.assoc, None)
        if number is not None:
            self._closed(number)

    def _on_request(self, event: Event) -> None:
        """Refuse a caller that is not listed, and decide what the others are offered, before it is negotiated."""
        title, address = _peer(event.assoc)
        callers = self._calling(title, address)
        if not callers:
            self._refused(title, address)
            # PS3.8 Table 9-21: rejected-permanent, service-user, calling-AE-title-not-recognized
            event.assoc.acse.send_reject(0x01, 0x01, 0x03)
            event.assoc.kill()
            return
        may_store = any(caller.may_store for caller in callers)
        proposed = _proposed(event.assoc)
        event.assoc.acceptor.supported_contexts = supported_contexts(proposed, may_store=may_store)
        not_kept = {
            context.context_id
            for context in proposed
            if context.context_id is not None and context.abstract_syntax not in (*INPUT_CLASSES, STORAGE_COMMITMENT)
        }
        hold_beginnings(event.assoc, not_kept)

    def _calling(self, title: str, address: str) -> list[Caller]:
        """The permitted caller that this is; always one where everybody may call."""
        if self._callers is None:
            return [Caller(title)]
        where = _address(address)
        return [
            caller for caller in self._callers if where is not None and caller.is_calling(ae_title=title, address=where)
        ]

    @staticmethod
    def _on_classes(event: Event) -> dict[UID, SOPClassCommonExtendedNegotiation]:
        """Tell the library which classes unknown to it are of the Storage Service Class; the peer sees none of it."""
        items = {}
        for sop_class in proposed_storage(_proposed(event.assoc)):
            if needs_service(sop_class):
                item = SOPClassCommonExtendedNegotiation()
                item.sop_class_uid, item.service_class_uid = UID(sop_class), STORAGE_SERVICE
                items[UID(sop_class)] = item
        return items

    @staticmethod
    def _on_echo(event: Event) -> int:
        return Status.SUCCESS

    def _on_report(self, event: Event) -> tuple[int, Dataset | None]:
        return answer_report(event, self._reported)

    def _on_store(self, event: Event) -> int:
        request = cast(C_STORE, event.request)
        dataset = event.encoded_dataset(include_meta=False)
        syntax, sop_class = UID(event.context.transfer_syntax), str(request.AffectedSOPClassUID)
        # Of other contexts the data set may be incomplete, so an input class that comes in one of them cannot be kept.
        classes = {sop_class, str(event.context.abstract_syntax)}
        try:
            header = arrived_header(dataset, syntax, is_whole=not classes.isdisjoint(INPUT_CLASSES))
        except NotReadable:
            if not classes.isdisjoint(INPUT_CLASSES):
                return Status.CANNOT_UNDERSTAND
            header = ArrivedHeader(sop_class, str(request.AffectedSOPInstanceUID), "", "", is_ours=False)
        classes.add(header.sop_class_uid)
        same = len(classes) == 1 and header.sop_instance_uid == request.AffectedSOPInstanceUID
        if not same and not classes.isdisjoint(INPUT_CLASSES):
            return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
        title, address = _peer(event.assoc)
        received = Received(
            association=self._numbers.get(event.assoc, 0),
            calling_title=title,
            address=address,
            sop_class_uid=sop_class,
            sop_instance_uid=header.sop_instance_uid,
            study_instance_uid=header.study_instance_uid,
            series_instance_uid=header.series_instance_uid,
            transfer_syntax_uid=str(syntax),
            is_ours=header.is_ours,
            needed=sop_class in INPUT_CLASSES and not header.is_ours,
            meta=b"\x00" * 128 + b"DICM" + encode_file_meta(_meta_with_sender(event, title)),
            dataset=dataset,
        )
        try:
            self._store(received)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return Status.OUT_OF_RESOURCES if full else Status.PROCESSING_FAILURE
        return Status.SUCCESS


def _proposed(association: Association) -> list[PresentationContext]:
    """The presentation contexts the peer proposes."""
    primitive = association.requestor.primitive
    return [] if primitive is None else list(primitive.presentation_context_definition_list)


def _meta_with_sender(event: Event, title: str) -> FileMetaDataset:
    """File meta information with the AE title that sent the instance (PS3.10 Table 7.1-1), for rules of a sender."""
    meta = event.file_meta
    if title:
        meta.SendingApplicationEntityTitle = title
    return meta


def _peer(association: Association) -> tuple[str, str]:
    """(calling AE title, address) of the peer."""
    primitive = association.requestor.primitive
    title = str(primitive.calling_ae_title).strip() if primitive is not None else ""
    return title, str(association.requestor.address or "")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, IPv4 also where it came mapped into IPv6; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
