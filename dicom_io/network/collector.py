"""A small receiving peer for the demonstration: it stores what it is sent in a folder, and lists it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import (
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import AE, _config, evt
from pynetdicom.events import Event

from dicom_io.network.accepted_classes import INPUT_CLASSES
from dicom_io.network.bounded_transport import MAXIMUM_PDU
from dicom_io.network.peer import VERIFICATION
from dicom_io.network.receive import Status

_TAKEN = (*INPUT_CLASSES, Comprehensive3DSRStorage, EncapsulatedPDFStorage)


@dataclass(frozen=True)
class Collected:
    """One received instance."""

    file: Path
    sop_class_uid: str
    sop_class_name: str
    sop_instance_uid: str
    series_description: str
    size: int  # bytes


class Collector:
    """Stores every instance it is sent, once per SOP Instance UID, and counts them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._collected: dict[str, Collected] = {}
        self._lock = threading.Lock()

    @property
    def collected(self) -> tuple[Collected, ...]:
        """Data received so far, in order of arrival."""
        with self._lock:
            return tuple(self._collected.values())

    def take(self, event: Event) -> int:
        """Stores one instance."""
        dataset = event.dataset
        uid = str(dataset.SOPInstanceUID)
        file = self._folder / f"{uid}.dcm"
        file.write_bytes(event.encoded_dataset())
        found = Collected(
            file=file,
            sop_class_uid=str(dataset.SOPClassUID),
            sop_class_name=dataset.SOPClassUID.name,
            sop_instance_uid=uid,
            series_description=str(dataset.get("SeriesDescription", "")),
            size=file.stat().st_size,
        )
        with self._lock:
            self._collected[uid] = found
        return Status.SUCCESS


@contextmanager
def collecting(folder: Path, *, ae_title: str, host: str = "127.0.0.1") -> Iterator[tuple[Collector, int]]:
    """Listens on a free port for as long as the context lasts: the collector and its port."""
    folder.mkdir(parents=True, exist_ok=True)
    collector = Collector(folder)
    _config.LOG_HANDLER_LEVEL = "none"  # its default handlers format every PDU
    ae = AE(ae_title)
    ae.maximum_pdu_size = MAXIMUM_PDU
    ae.add_supported_context(VERIFICATION)
    for sop_class in _TAKEN:
        ae.add_supported_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    server = ae.start_server((host, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, collector.take)])
    assert server is not None
    try:
        yield collector, int(server.server_address[1])
    finally:
        ae.shutdown()
