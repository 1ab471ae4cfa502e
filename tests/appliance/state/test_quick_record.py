"""The usual instance in one exchange: what is recorded, what is left alone, and that nobody completes past it.

Kind: mechanics.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from appliance.state.arrival_records import ArrivalRecords
from appliance.state.database import open_database
from appliance.state.quick_record import QuickRecord
from appliance.state.records import Records
from appliance.state.tables import ARRIVALS, INSTANCES, PIECES

pytestmark = pytest.mark.peers

STUDY = "1.2.3"


@pytest.fixture
def records(empty_url: str) -> Iterator[Records]:
    records = Records(open_database(empty_url))
    yield records
    records.close()


@pytest.fixture
def quick(records: Records) -> QuickRecord:
    return QuickRecord(records.database, receiver="here", lease_s=0.0)


@pytest.fixture
def here(records: Records) -> ArrivalRecords:
    return ArrivalRecords(records, receiver="here")


def record(quick: QuickRecord, instance: str = "i", content: str = "c", piece: bytes | None = b"\0image") -> bool:
    return quick.record(STUDY, instance=instance, content=content, key=f"{instance}.{content}", size=6, piece=piece)


def rows(records: Records, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    with records.transaction() as connection:
        return list(connection.execute(sa.select(table)).all())


def test_a_new_instance_of_an_arriving_study_is_recorded_with_its_bytes(
    records: Records, quick: QuickRecord, here: ArrivalRecords
) -> None:
    here.arrived(STUDY, lease_s=0.0)
    ((_, _, first_at, arrived_at, *_),) = rows(records, ARRIVALS)
    time.sleep(0.15)  # longer than two arrivals are one
    assert record(quick)
    (instance,) = rows(records, INSTANCES)
    assert (instance.study_uid, instance.instance, instance.version, instance.content) == (STUDY, "i", 0, "c")
    assert rows(records, PIECES) == [("i.c", 0, b"\0image")]
    (arrival,) = rows(records, ARRIVALS)
    assert arrival.first_at == first_at
    assert arrival.arrived_at > arrived_at


def test_bytes_that_lie_elsewhere_are_not_written(records: Records, quick: QuickRecord, here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=0.0)
    assert record(quick, piece=None)
    assert rows(records, INSTANCES)
    assert not rows(records, PIECES)


def test_what_is_not_usual_is_left_alone(records: Records, quick: QuickRecord, here: ArrivalRecords) -> None:
    assert not record(quick), "nobody knows the study"
    ArrivalRecords(records, receiver="there").arrived(STUDY, lease_s=0.0)
    assert not record(quick), "this receiver has brought nothing of it"
    here.arrived(STUDY, lease_s=0.0)
    assert record(quick)
    assert not record(quick), "it is known"
    assert not record(quick, content="other"), "it is known with another content"
    assert here.due(idle_s=0.0, force_after_s=0.0) == (STUDY,)
    records.queue(STUDY, digest="d")
    assert not record(quick, instance="late"), "the study is queued"
    assert len(rows(records, INSTANCES)) == len(rows(records, PIECES)) == 1


def test_a_study_that_is_being_completed_is_taken_back(
    records: Records, quick: QuickRecord, here: ArrivalRecords
) -> None:
    here.arrived(STUDY, lease_s=0.0)
    assert here.due(idle_s=0.0, force_after_s=0.0) == (STUDY,)
    assert record(quick)
    assert records.queue(STUDY, digest="of less") == ""


def test_an_instance_waits_for_who_decides_on_its_study_and_sees_what_was_decided(
    records: Records, quick: QuickRecord, here: ArrivalRecords
) -> None:
    """The row of the study is held by another host, which queues the study meanwhile: nothing is recorded past it."""
    here.arrived(STUDY, lease_s=0.0)
    here.due(idle_s=0.0, force_after_s=0.0)
    said: list[bool] = []
    with records.transaction() as connection:
        connection.execute(sa.text("SELECT 1 FROM studies WHERE study_uid = :study FOR UPDATE"), {"study": STUDY})
        thread = threading.Thread(target=lambda: said.append(record(quick)))
        thread.start()
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        end_s = time.monotonic() + 60
        while not connection.execute(waiting).scalar_one():
            assert time.monotonic() < end_s
            time.sleep(0.02)
        connection.execute(sa.text("DELETE FROM arrivals"))
        connection.execute(sa.text("UPDATE studies SET state = 'queued'"))
    thread.join(60)
    assert said == [False]
    assert not rows(records, INSTANCES)


def test_receivers_do_not_wait_for_each_other(records: Records, quick: QuickRecord, here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=0.0)
    ArrivalRecords(records, receiver="there").arrived(STUDY, lease_s=0.0)
    there = QuickRecord(records.database, receiver="there", lease_s=0.0)
    with records.transaction() as connection:  # as a receiver in the middle of its own instance
        connection.execute(sa.text("SELECT 1 FROM studies FOR SHARE"))
        assert record(there)
