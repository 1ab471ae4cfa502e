"""A sender that keeps in a ledger what was answered Success, and sends the rest again."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt
from pynetdicom.events import Event

from dicom_io.network.responses import leave_responses_to_calls
from tests.faults.ledger import Ledger

AE_TITLE = "RDEEPNET"
SENDER = "MODALITY"
LIMIT_S = 90.0  # after which a study is stuck: fifteen times what a slow machine needs


def send_once(ledger: Ledger, port: int, datasets: Sequence[Dataset], *, release: bool = True) -> list[int | None]:
    """Send what was not accepted before on one association; returns a status for each, None without answer."""
    study_uid = str(datasets[0].StudyInstanceUID)
    wanted = [each for each in datasets if not ledger.has_accepted(study_uid, str(each.SOPInstanceUID))]
    if not wanted:
        return []
    ae = AE(SENDER)
    ae.acse_timeout = ae.dimse_timeout = ae.connection_timeout = 8.0
    ae.network_timeout = 8.0 if release else LIMIT_S
    association = ae.associate(
        "127.0.0.1",
        port,
        contexts=[
            build_context(sop_class, transfer_syntax)
            for sop_class, transfer_syntax in sorted({(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in wanted})
        ],
        ae_title=AE_TITLE,
        evt_handlers=[(evt.EVT_CONN_OPEN, _on_open)],
    )
    statuses: list[int | None] = []
    if not association.is_established:
        return [None] * len(wanted)
    for dataset in wanted:
        status: int | None = None
        if association.is_established:
            try:
                status = association.send_c_store(dataset).get("Status")
            except (RuntimeError, ValueError):
                status = None
        statuses.append(status)
        if status == 0x0000:
            ledger.accept(study_uid, str(dataset.SOPInstanceUID))
    if association.is_established and release:
        association.release()
    return statuses


def _on_open(event: Event) -> None:
    leave_responses_to_calls(event.assoc)
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
