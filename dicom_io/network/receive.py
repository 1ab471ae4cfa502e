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
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from mmap import mmap
from pathlib import Path
from queue import Queue
from typing import cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation
from pynetdicom.presentation import PresentationContext, build_context

from dicom_io.errors import CannotKeepNow
from dicom_io.implementation import IMPLEMENTATION_CLASS_UID, implementation_version_name
from dicom_io.network.acceptance import Status as Status
from dicom_io.network.acceptance import judge
from dicom_io.network.accepted_classes import INPUT_CLASSES, PLAIN_SYNTAXES
from dicom_io.network.arriving_objects import IN_MEMORY, ArrivingObject, Memory, arriving_object, hold_arriving_objects
from dicom_io.network.bounded_transport import MAXIMUM_PDU, BoundedServer, BoundedSocket, Bounds
from dicom_io.network.callers import Caller, calling
from dicom_io.network.command_set import StoreRequest, file_beginning
from dicom_io.network.commitment_report import STORAGE_COMMITMENT, CommitmentReport, answer_report
from dicom_io.network.peer import VERIFICATION
from dicom_io.network.places import Places
from dicom_io.network.received import Received
from dicom_io.network.storage_classes import STORAGE_SERVICE, accepted_syntaxes, needs_service, proposed_storage
from dicom_io.network.store_lane import Context, StoreLane, is_tested
from dicom_io.network.tls import ListenerTls, handshake
from models.errors import SetupError

BOUNDS = Bounds()


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
        failure status, when it raises CannotKeepNow 0xA700, otherwise Success
    opened, closed : called with the number of an association; `closed` also after an abort or a lost connection
    refused : called with the calling title and address of a refused association, and the reason
    ended : called with the address of a peer whose connection was ended because it exceeded a bound, and the reason
    failed : called with an unforeseen error in `store`; the peer gets a failure status
    folder : on the disk of the inbox, for large objects while they arrive; None for the system's temporary folder
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
        refused: Callable[[str, str, str], None],
        bounds: Bounds = BOUNDS,
        folder: Path | None = None,
        ended: Callable[[str, str], None] = lambda address, why: None,
        failed: Callable[[Exception], None] = lambda error: None,
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
        self._bounds = bounds
        self._folder = folder
        self._ended = ended
        self._failed = failed
        self._places = Places(bounds)
        self._numbers: dict[Association, int] = {}
        self._next_number = itertools.count(1)
        self._server: BoundedServer | None = None
        _config.LOG_HANDLER_LEVEL = "none"  # its default handlers format every PDU; refusals come through `refused`
        self._ae = AE(ae_title)
        self._ae.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
        self._ae.implementation_version_name = implementation_version_name()
        self._ae.require_called_aet = True
        self._ae.maximum_pdu_size = MAXIMUM_PDU
        self._ae.maximum_associations = bounds.connections + 1  # of the library's count; ours is by address
        self._ae.network_timeout = bounds.idle_s
        self._ae.acse_timeout = bounds.request_s + 2
        self._ae.supported_contexts = supported_contexts()

    def start(self, *, host: str, port: int) -> int:
        """Listen; returns the port (0 asks the system for a free one).

        Raises
        ------
        SetupError
            When the address cannot be bound.
        """
        try:
            self._server = BoundedServer(
                self._ae,
                (host, port),
                self._ae.ae_title,
                self._ae.supported_contexts,
                cast(ssl.SSLContext | None, self._tls),
                bounds=self._bounds,
                ended=self._ended,
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
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Stop listening and abort what is open; every instance answered Success is safe, the peer repeats the rest."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None
        self._ae.shutdown()

    def _on_open(self, event: Event) -> None:
        """Runs in the thread of the new association, before it reads."""
        transport = event.assoc.dul.socket
        connection = None if transport is None else transport.socket
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(connection, ssl.SSLSocket) and (why := handshake(connection, idle_s=self._bounds.idle_s)):
            connection.close()  # the association finds it closed and ends
            self._not_secured(_peer(event.assoc)[1], why)
            return
        self._numbers[event.assoc] = number = next(self._next_number)
        self._opened(number)

    def _on_close(self, event: Event) -> None:
        if event.assoc.requestor.primitive is None:
            # The library would keep the place of a connection that closed without a request for half a minute.
            cast("Queue[object]", event.assoc.dul.to_user_queue).put(None)
        self._places.leave(event.assoc)
        number = self._numbers.pop(event.assoc, None)
        if number is not None:
            self._closed(number)

    def _on_request(self, event: Event) -> None:
        """Refuse a peer that is not expected or has no place left, and decide what the others are offered."""
        association = event.assoc
        title, address = _peer(association)
        if isinstance(association.dul.socket, BoundedSocket):
            association.dul.socket.idle_s = self._bounds.idle_s
        proposed = _proposed(association)
        callers = calling(self._callers, ae_title=title, address=address)
        refusal = self._refusal(association, callers, proposed)
        if refusal is not None:
            codes, why = refusal
            self._refused(title, address, why)
            association.acse.send_reject(*codes)
            association.kill()
            return
        offered = supported_contexts(proposed, may_store=any(caller.may_store for caller in callers))
        association.acceptor.supported_contexts = offered
        if {context.abstract_syntax for context in proposed}.isdisjoint({each.abstract_syntax for each in offered}):
            names = ", ".join(sorted({UID(context.abstract_syntax or "").name for context in proposed})[:3])
            self._refused(title, address, f"nothing that it proposes is offered here ({names or 'nothing proposed'})")
        not_kept = {
            context.context_id
            for context in proposed
            if context.context_id is not None and context.abstract_syntax not in (*INPUT_CLASSES, STORAGE_COMMITMENT)
        }
        most_bytes, memory = self._bounds.object_bytes, Memory()

        reports = {context.context_id for context in proposed if context.abstract_syntax == STORAGE_COMMITMENT}

        def new_object(context_id: int) -> ArrivingObject:
            if context_id in reports:  # the library reads it, and it is small
                return ArrivingObject(
                    most_bytes=IN_MEMORY, exceeded=lambda: _end(association, "a report was longer than any can be")
                )
            return arriving_object(
                is_kept=context_id not in not_kept,
                folder=self._folder,
                memory=memory,
                most_bytes=most_bytes,
                exceeded=lambda: _end(association, f"an object of more than {most_bytes // 1024**2} MiB was sent"),
            )

        hold_arriving_objects(association, new_object)
        if is_tested():
            StoreLane(association, partial(self._answer, association), new_object)

    def _refusal(
        self, association: Association, callers: Collection[Caller], proposed: Sequence[PresentationContext]
    ) -> tuple[tuple[int, int, int], str] | None:
        """Take a place; where refused, (result, source, reason) of PS3.8 Table 9-21, and why in words."""
        primitive = association.requestor.primitive
        called = "" if primitive is None else str(primitive.called_ae_title).strip()
        if called != self._ae.ae_title:
            return (1, 1, 7), f"it calls {called}, and this is {self._ae.ae_title}"
        if not callers:
            return (1, 1, 3), "this peer is not a sender in the settings"
        address = _peer(association)[1]
        echo_only = bool(proposed) and all(context.abstract_syntax == VERIFICATION for context in proposed)
        if full := self._places.take(association, address=address, echo_only=echo_only):
            return (2, 3, 2), full
        return None

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
        """Answer a C-STORE that did not come by the lane."""
        request = cast(C_STORE, event.request)
        if not isinstance(request.DataSet, ArrivingObject):
            return Status.CANNOT_UNDERSTAND
        with request.DataSet as dataset:
            return self._answer(
                event.assoc,
                StoreRequest(
                    request.MessageID or 0,
                    str(request.AffectedSOPClassUID),
                    str(request.AffectedSOPInstanceUID),
                    move_originator=str(request.MoveOriginatorApplicationEntityTitle or "").strip(),
                    move_message_id=request.MoveOriginatorMessageID or 0,
                ),
                Context(str(event.context.abstract_syntax), UID(event.context.transfer_syntax)),
                dataset,
            )

    def _answer(
        self, association: Association, request: StoreRequest, context: Context, dataset: ArrivingObject
    ) -> int:
        """Status of a C-STORE, after its instance was passed on."""
        try:
            return self._stored(association, request, context, dataset.content())
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return Status.OUT_OF_RESOURCES if full else Status.PROCESSING_FAILURE
        except CannotKeepNow:
            return Status.OUT_OF_RESOURCES
        except Exception as error:  # the peer gets a status of the standard instead of the library's
            self._failed(error)
            return Status.PROCESSING_FAILURE

    def _stored(
        self, association: Association, request: StoreRequest, context: Context, dataset: bytes | memoryview | mmap
    ) -> int:
        """Pass an instance on; raises OSError when its bytes could not be kept."""
        syntax, sop_class = context.transfer_syntax, request.sop_class_uid
        accepted = judge(
            dataset,
            transfer_syntax_uid=str(syntax),
            sop_class_uid=sop_class,
            sop_instance_uid=request.sop_instance_uid,
            context_class_uid=context.abstract_syntax,
        )
        if isinstance(accepted, Status):
            return accepted
        header = accepted.header
        title, address = _peer(association)
        received = Received(
            association=self._numbers.get(association, 0),
            calling_title=title,
            address=address,
            sop_class_uid=sop_class,
            sop_instance_uid=header.sop_instance_uid,
            study_instance_uid=header.study_instance_uid,
            series_instance_uid=header.series_instance_uid,
            transfer_syntax_uid=str(syntax),
            is_ours=header.is_ours,
            needed=accepted.needed,
            meta=file_beginning(
                sop_class_uid=sop_class,
                sop_instance_uid=request.sop_instance_uid,
                transfer_syntax_uid=str(syntax),
                sender=title,
            ),
            dataset=dataset,
            move_originator=request.move_originator,
            move_message_id=request.move_message_id,
        )
        self._store(received)
        return Status.SUCCESS


def _end(association: Association, why: str) -> None:
    """End the connection of a peer that exceeded a bound."""
    if isinstance(association.dul.socket, BoundedSocket):
        association.dul.socket.end(why)


def _proposed(association: Association) -> list[PresentationContext]:
    """The presentation contexts the peer proposes."""
    primitive = association.requestor.primitive
    return [] if primitive is None else list(primitive.presentation_context_definition_list)


def _peer(association: Association) -> tuple[str, str]:
    """(calling AE title, address) of the peer."""
    primitive = association.requestor.primitive
    title = str(primitive.calling_ae_title).strip() if primitive is not None else ""
    return title, str(association.requestor.address or "")
