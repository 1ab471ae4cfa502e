"""Requests for storage commitment a second, to an archive that reports later.

`python -m tests.benchmarks.bench_commitment`. The service's own records and requests, on real sockets; the archive
answers each request after a time, and its report never comes on the association of the request, so every association
stays open in vain for as long as the product has it.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from appliance.peer_settings import Destination
from appliance.service.storage_commitment import Commitments
from appliance.settings import DeliverySettings
from appliance.state.commitment_records import CommitmentRecords
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.network.peer import Peer
from tests.dicom_io.network.commitment_peer import Archive, Habit
from tests.end_to_end.postgres import running_postgres
from tests.end_to_end.small_study import document

STUDIES = {0.0: 400, 0.3: 60}  # seconds in which the archive answers → requests


def delivered(records: Records, outbox: FolderOutbox, count: int) -> None:
    """So many studies have been delivered."""
    answer = Outgoing(Answer((AnswerObject(Role.PDF, document("d", ours=True)),), b"%PDF"), ())
    for number in range(count):
        records.arrived(f"1.2.{number}")
        job = records.queue(f"1.2.{number}", digest="a" * 64)
        records.start(job)
        outbox.put(job, answer)
        records.answered(job, destinations=["pacs"])
        (delivery,) = records.take_deliveries("pacs", lease_s=60.0)
        records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))


def ask_all(records: Records, outbox: FolderOutbox, port: int) -> None:
    """Asks about everything, as the courier of one host does."""
    commitments = Commitments(
        destinations=[Destination("pacs", "PACS", "127.0.0.1", port)],
        settings=DeliverySettings(),
        records=CommitmentRecords(records),
        outbox=outbox,
    )
    peer = Peer("PACS", "127.0.0.1", port, "RDEEPNET", 10.0)
    while commitments.is_due("pacs"):
        commitments.ask_next("pacs", peer)


def requests_per_s(open_records: Callable[[Path], Records], *, hosts: int, answer_s: float, studies: int) -> float:
    """Requests a second of some hosts to one archive that answers each after a time."""
    with tempfile.TemporaryDirectory() as folder:
        outbox = FolderOutbox(Path(folder) / "outbox")
        records = [open_records(Path(folder)) for _ in range(hosts)]
        archive = Archive(Habit.NEVER, answer_after_s=answer_s)
        archive.start()
        try:
            delivered(records[0], outbox, studies)
            begun_s = time.monotonic()
            asking = [threading.Thread(target=ask_all, args=(each, outbox, archive.port)) for each in records]
            for thread in asking:
                thread.start()
            for thread in asking:
                thread.join()
            wall_s = time.monotonic() - begun_s
            assert len(archive.requests) == studies, len(archive.requests)
        finally:
            archive.stop()
            for each in records:
                each.close()
    return studies / wall_s


def main() -> int:
    with running_postgres(durable=True) as postgres:
        postgres.execute("CREATE DATABASE requests")

        def shared(_: Path) -> Records:
            return Records(postgres.url("requests"))

        for answer_s in (0.0, 0.3):
            rate = requests_per_s(
                lambda folder: Records(folder / "s.sqlite3"), hosts=1, answer_s=answer_s, studies=STUDIES
            )
            print(f"SQLite, answers after {answer_s:g} s: {rate:.2f}/s", flush=True)
            for hosts in (1, 2):
                postgres.execute("DROP SCHEMA IF EXISTS rdeepnet CASCADE", database="requests")
                rate = requests_per_s(shared, hosts=hosts, answer_s=answer_s, studies=STUDIES)
                print(f"PostgreSQL, {hosts} hosts, answers after {answer_s:g} s: {rate:.2f}/s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
