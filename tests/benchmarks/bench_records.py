"""Cost of the records in both homes beside sqlite3: `python -m tests.benchmarks.bench_records` writes RECORDS.md.

The peer makes the same rows with two statements of its own in one transaction of Python's sqlite3. CPU is of this
process (the server's is not in it); wall time is mostly the sync of the disk. Turns alternate; the least of each, since
what else the cores do only adds.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.state.tables import METADATA
from tests.benchmarks.bench_command import cpu_s
from tests.end_to_end.postgres import running_postgres

TARGET = Path(__file__).with_name("RECORDS.md")
TURNS, EACH = 5, 40
STUDIES = 5000


class Peer:
    """Two statements of sqlite3 in one transaction."""

    def __init__(self, path: Path) -> None:
        Records(path).close()
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA synchronous = FULL")

    def arrived(self, study_uid: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        self._database.execute("BEGIN IMMEDIATE")
        if self._database.execute("SELECT * FROM studies WHERE study_uid = ?", (study_uid,)).fetchone() is None:
            study = "INSERT INTO studies (study_uid, state, changed_at) VALUES (?, 'received', ?)"
            self._database.execute(study, (study_uid, now))
            self._database.execute("INSERT INTO moves VALUES (?, 'received', '', ?)", (study_uid, now))
        self._database.execute("COMMIT")


def whole_way(records: Records, study_uid: str) -> None:
    """A study from its arrival to its delivery: six transactions that write."""
    records.arrived(study_uid)
    job = records.queue(study_uid, digest="a" * 64)
    records.start(job)
    records.answered(job, destinations=["pacs"])
    (delivery,) = records.take_deliveries("pacs", lease_s=60.0, at_most=1)
    records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))


def measured(acts: dict[str, Callable[[str], None]]) -> dict[str, tuple[float, float]]:
    """Act → milliseconds of CPU and of wall time."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in acts}
    for turn in range(TURNS):
        for name, act in acts.items():
            cpu, wall = time.process_time(), time.perf_counter()
            for number in range(EACH):
                act(f"1.{turn}.{number}.{abs(hash(name)) % 10**6}")
            found[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        name: (1e3 * min(cpu for cpu, _ in turns) / EACH, 1e3 * min(wall for _, wall in turns) / EACH)
        for name, turns in found.items()
    }


def filled(state_dir: Path) -> str:
    """Settings of a state folder with many delivered studies, each sent to two destinations."""
    records = Records(state_dir / "studies.sqlite3")
    now = datetime.now(UTC)
    studies = [(f"1.2.3.{number:06d}", f"1.2.3.{number:06d}:{number:032x}") for number in range(STUDIES)]
    job = [{"study_uid": uid, "job_id": job_id} for uid, job_id in studies]
    rows = {
        "studies": [row | {"state": "delivered", "attempt": 1, "asked_at": now, "changed_at": now} for row in job],
        "moves": [
            row | {"state": state, "at": now} for row in job for state in ("received", "queued", "running", "delivered")
        ],
        "deliveries": [
            row | {"destination": name, "state": "done", "next_at": now} for row in job for name in ("pacs", "viewer")
        ],
        "commitments": [
            row | {"destination": "pacs", "state": "committed", "since": now, "next_at": now, "delivery": 1}
            for row in job
        ],
        "commitment_requests": [
            row | {"transaction_uid": f"2.25.{n}", "destination": "pacs", "asked_at": now, "delivery": 1}
            for n, row in enumerate(job)
        ],
    }
    with records.transaction() as connection:
        for name, values in rows.items():
            connection.execute(sa.insert(METADATA.tables[name]), values)
    records.close()
    for name in ("inbox", "outbox"):
        (state_dir / name).mkdir()
    config = state_dir / "rdeepnet.toml"
    config.write_text(f'[service]\nstate_dir = "{state_dir}"\n', encoding="utf-8")
    return str(config)


def main() -> None:
    """Measure, and write the table."""
    with tempfile.TemporaryDirectory() as name, running_postgres() as server:
        folder = Path(name)
        server.execute("CREATE DATABASE records")
        embedded, shared = Records(folder / "records.sqlite3"), Records(server.url("records"))
        found = measured(
            {
                "a new study: sqlite3": Peer(folder / "peer.sqlite3").arrived,
                "a new study: file of records": embedded.arrived,
                "a new study: PostgreSQL": shared.arrived,
                "from arrival to delivery: file of records": lambda uid: whole_way(embedded, uid),
                "from arrival to delivery: PostgreSQL": lambda uid: whole_way(shared, uid),
            }
        )
        embedded.close()
        shared.close()
        config = filled(folder / "state")
        status_s = min(cpu_s(["status", "--config", config], {}) for _ in range(3))
    rows = [f"| {act} | {cpu:.2f} | {wall:.1f} |" for act, (cpu, wall) in found.items()]
    text = f"""# Records, in both homes

Made by `python -m tests.benchmarks.bench_records`: milliseconds of CPU of this process and of wall time, the least of
{TURNS} turns of {EACH}. sqlite3 is Python's own module with two statements in one transaction. PostgreSQL is on this
machine, with fsync off: its wall time has no sync of a disk in it. Python {platform.python_version()}, SQLite
{sqlite3.sqlite_version}, SQLAlchemy {sa.__version__}, 2 shared cores, load average {os.getloadavg()[1]:.0f} at the end:
on busy cores the same work costs more CPU time.

| one transaction, or a study's six | CPU ms | wall ms |
| --- | --- | --- |
"""
    text += "\n".join(rows) + f"\n\n`rdeepnet status` of {STUDIES:,} studies: {status_s:.1f} CPU-s.\n"
    TARGET.write_text(text, encoding="utf-8")
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
