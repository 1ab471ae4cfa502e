"""Instances per second received: `python -m tests.benchmarks.receive_rate [IMAGES]`.

Images of 0.5 MB, one and four senders (storescu, one association each), over the loopback. Our receiver with its
inbox (fsync of file and folder before Success), DCMTK's storescp (no fsync) and Orthanc beside it. TCP_NODELAY=1 for
DCMTK and Orthanc: without it they stall 40 ms an image and flatter whoever is measured beside them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.state.inbox import Inbox
from dicom_io.network.bounded_transport import Bounds
from dicom_io.network.receive import Received, Receiver
from tests.end_to_end.running import AE_TITLE, Orthanc, free_port, storescp
from tests.end_to_end.small_study import image

ROWS = 512  # 512 × 512 × 2 bytes = 0.5 MB


@contextmanager
def ours(folder: Path) -> Iterator[int]:
    """Our receiver and inbox, in this process."""
    inbox = Inbox(folder)

    def store(received: Received) -> None:
        inbox.keep(
            received.study_instance_uid,
            instance_uid=received.sop_instance_uid,
            meta=received.meta,
            dataset=received.dataset,
        )

    receiver = Receiver(
        ae_title=AE_TITLE,
        callers=None,
        store=store,
        opened=lambda number: None,
        closed=lambda number: None,
        refused=lambda title, address, why: None,
        bounds=Bounds(associations=25, idle_s=60.0),
    )
    try:
        yield receiver.start(host="127.0.0.1", port=0)
    finally:
        receiver.stop()


@contextmanager
def dcmtk(folder: Path) -> Iterator[int]:
    port = free_port()
    with storescp(folder, port):
        yield port


@contextmanager
def orthanc(folder: Path) -> Iterator[int]:
    server = Orthanc(folder, service_port=free_port())
    try:
        yield server.port
    finally:
        server.stop()


def seconds(parts: list[list[Path]], port: int) -> float:
    """Wall time until every sender has ended; each has an association of its own."""
    begun = time.perf_counter()
    senders = [
        subprocess.Popen(
            ["storescu", "--required", "--call", AE_TITLE, "127.0.0.1", str(port), *map(str, part)],
            env={**os.environ, "TCP_NODELAY": "1"},
        )
        for part in parts
    ]
    statuses = [sender.wait() for sender in senders]
    assert statuses == [0] * len(senders)
    return time.perf_counter() - begun


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    receivers: dict[str, Callable[[Path], object]] = {"ours": ours, "storescp": dcmtk, "Orthanc": orthanc}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = []
        for number in range(count):
            files.append(folder / f"{number:04d}.dcm")
            image("rate", number, rows=ROWS).save_as(files[-1], enforce_file_format=True)
        for senders in (1, 4):
            for receiver, start in receivers.items():
                with start(folder / f"{receiver}-{senders}") as port:  # type: ignore[attr-defined]
                    before = resource.getrusage(resource.RUSAGE_SELF)
                    wall_s = seconds([files[first::senders] for first in range(senders)], port)
                    after = resource.getrusage(resource.RUSAGE_SELF)
                cpu_ms = 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / count
                cost = f", {cpu_ms:.1f} CPU-ms an image" if receiver == "ours" else ""
                print(f"{receiver}, {senders} sender(s): {count / wall_s:.0f} images/s{cost}")


if __name__ == "__main__":
    main()
