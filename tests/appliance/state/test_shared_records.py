"""Records that several hosts use at once: one wins, nobody waits in vain, a server that was away is found again.

Kind: mechanics, against a real PostgreSQL server.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Lock

import pytest
import sqlalchemy as sa

from appliance.state import database as database_module
from appliance.state.commitment_records import CommitmentRecords, CommitmentState, Job
from appliance.state.database import DatabaseUnavailable
from appliance.state.monitoring import moves_after, refusals_after
from appliance.state.record_rows import DeliveryRecord, DeliveryState
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.study_moves import arrive, study_row
from appliance.state.tables import DELIVERIES
from tests.end_to_end.postgres import Postgres
from tests.end_to_end.running import wait_for

STUDY, DIGEST = "1.2.3", "a" * 64
LONG_S = 3600.0
PATIENCE_S = 60.0


@pytest.fixture
def hosts(empty_url: str) -> Iterator[tuple[Records, Records]]:
    """The same records as two hosts have them."""
    one, other = Records(empty_url), Records(empty_url)
    yield one, other
    one.close()
    other.close()


def sending(records: Records, *destinations: str, study: str = STUDY) -> str:
    records.arrived(study)
    job = records.queue(study, digest=DIGEST)
    records.start(job)
    assert records.answered(job, destinations=destinations)
    return job


def wait_for_waiting(postgres: Postgres, count: int) -> None:
    """Waits until so many sessions wait for a lock."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    wait_for(lambda: len(postgres.execute(waiting)) == count, what="transactions to overlap")


def test_two_couriers_get_one_delivery_once_and_the_other_when_the_lease_ends(hosts: tuple[Records, Records]) -> None:
    one, other = hosts
    sending(one, "pacs")
    (delivery,) = one.take_deliveries("pacs", lease_s=LONG_S, host="one")
    assert other.take_deliveries("pacs", lease_s=LONG_S, host="other") == ()
    one.keep_delivery(delivery, lease_s=0.0)
    assert other.take_deliveries("pacs", lease_s=LONG_S, host="other") == (delivery,)
    other.delivery_tried(delivery, state=DeliveryState.WAITING, sentence="absent", next_at=datetime.now(UTC))
    (again,) = one.take_deliveries("pacs", lease_s=LONG_S, host="one")
    assert (again.attempts, again.sentence) == (1, "absent"), "an attempt gives the lease back"


def test_a_courier_goes_past_what_another_is_just_taking(hosts: tuple[Records, Records]) -> None:
    one, other = hosts
    sending(one, "pacs")
    sending(one, "pacs", study="1.2.4")
    with one.transaction() as connection:
        connection.execute(sa.select(DELIVERIES).where(DELIVERIES.c.study_uid == STUDY).with_for_update())
        taken = other.take_deliveries("pacs", lease_s=LONG_S)
    assert [delivery.study_uid for delivery in taken] == ["1.2.4"]


def test_a_host_that_starts_again_takes_back_its_own_and_leaves_the_others_theirs(
    hosts: tuple[Records, Records],
) -> None:
    one, other = hosts
    for number in range(3):
        sending(one, "pacs", study=f"1.2.{number}")
    one.take_deliveries("pacs", lease_s=LONG_S, host="one", at_most=1)
    other.take_deliveries("pacs", lease_s=LONG_S, host="other", at_most=1)
    other.waiting_restarted(destinations=["pacs"], host="other")
    assert [d.study_uid for d in other.take_deliveries("pacs", lease_s=0.0)] == ["1.2.1", "1.2.2"]
    other.waiting_restarted(destinations=[], host="other")
    assert {d.state for d in one.deliveries()} == {DeliveryState.WAITING}
    other.free_deliveries("one")
    assert "1.2.0" in [d.study_uid for d in other.take_deliveries("pacs", lease_s=0.0)]


def test_a_host_leaves_what_waits_for_a_destination_of_others_as_it_is(hosts: tuple[Records, Records]) -> None:
    one, other = hosts
    sending(one, "archive", "pacs")
    (delivery,) = one.take_deliveries("archive", lease_s=LONG_S, host="one")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    one.delivery_tried(delivery, state=DeliveryState.WAITING, sentence="absent", next_at=tomorrow)
    other.waiting_restarted(destinations=["pacs"], host="other")
    assert one.take_deliveries("archive", lease_s=LONG_S) == (), "its pause is not ended by who does not know it"
    assert other.waiting() == {"archive": 1, "pacs": 1}
    one.waiting_restarted(destinations=["archive", "pacs"], host="one")
    (delivery,) = one.take_deliveries("archive", lease_s=LONG_S, host="one")
    assert (delivery.attempts, delivery.sentence) == (1, "absent")
    assert one.study(STUDY).state is State.SENDING


def test_a_late_answer_to_a_delivery_that_another_brought_to_its_end_changes_nothing(
    hosts: tuple[Records, Records],
) -> None:
    one, other = hosts
    sending(one, "pacs")
    (slow,) = one.take_deliveries("pacs", lease_s=0.0)
    (delivery,) = other.take_deliveries("pacs", lease_s=LONG_S)
    now = datetime.now(UTC)
    assert other.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=now) is State.DELIVERED
    assert one.delivery_tried(slow, state=DeliveryState.REFUSED, sentence="late", next_at=now) is None
    assert [d.state for d in one.deliveries()] == [DeliveryState.DONE]
    assert one.study(STUDY).state is State.DELIVERED


def test_the_last_two_deliveries_end_at_once_and_the_study_is_delivered(
    hosts: tuple[Records, Records], postgres: Postgres
) -> None:
    one, other = hosts
    sending(one, "a", "b")
    (first,), (second,) = one.take_deliveries("a", lease_s=LONG_S), one.take_deliveries("b", lease_s=LONG_S)

    def tried(records: Records, delivery: DeliveryRecord) -> State | None:
        now = datetime.now(UTC)
        return records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=now)

    with ThreadPoolExecutor(2) as pool:
        with one.transaction() as connection:  # holds both at the study
            study_row(connection, STUDY)
            both = [pool.submit(tried, one, first), pool.submit(tried, other, second)]
            wait_for_waiting(postgres, 2)
        ends = [end.result(timeout=PATIENCE_S) for end in both]
    assert sorted(map(str, ends)) == ["None", "delivered"]
    assert one.study(STUDY).state is State.DELIVERED


def test_two_workers_conclude_one_job_and_both_are_told_it_is_done(
    hosts: tuple[Records, Records], postgres: Postgres
) -> None:
    one, other = hosts
    one.arrived(STUDY)
    job = one.queue(STUDY, digest=DIGEST)
    one.start(job)
    with ThreadPoolExecutor(2) as pool:
        with one.transaction() as connection:
            study_row(connection, STUDY)
            both = [pool.submit(records.answered, job, destinations=["pacs"]) for records in hosts]
            wait_for_waiting(postgres, 2)
        assert [end.result(timeout=PATIENCE_S) for end in both] == [True, True]
    assert len(other.deliveries(STUDY)) == 1
    assert [move.state for move in one.moves(STUDY)].count(State.SENDING) == 1


def test_two_receivers_begin_one_study_at_once(hosts: tuple[Records, Records], postgres: Postgres) -> None:
    one, other = hosts
    with ThreadPoolExecutor(1) as pool:
        with one.transaction() as connection:
            arrive(connection, STUDY)
            waiting = pool.submit(other.arrived, STUDY)
            wait_for_waiting(postgres, 1)
        waiting.result(timeout=PATIENCE_S)
    assert [move.state for move in one.moves(STUDY)] == [State.RECEIVED]


def test_a_host_that_starts_says_nothing_about_what_others_compute(hosts: tuple[Records, Records]) -> None:
    one, other = hosts
    jobs = []
    for study in ("1.1", "1.2"):
        one.arrived(study)
        jobs.append(one.queue(study, digest=DIGEST))
        one.start(jobs[-1])
    with pytest.raises(ValueError, match="name the jobs"):
        other.interrupted()
    other.interrupted([jobs[1]])
    assert [one.study(study).state for study in ("1.1", "1.2")] == [State.RUNNING, State.QUEUED]


def test_a_monitor_counts_each_move_once_whichever_transaction_ends_first(hosts: tuple[Records, Records]) -> None:
    one, other = hosts
    before, mark = moves_after(other, 0)
    assert before == {}
    with one.transaction() as connection:
        arrive(connection, "1.1")
        other.arrived("1.2")
        overlapping, mark = moves_after(other, mark)
    rest, mark = moves_after(other, mark)
    assert overlapping.get(State.RECEIVED, 0) + rest.get(State.RECEIVED, 0) == 2
    assert moves_after(other, mark)[0] == {}
    job = one.queue("1.1", digest=DIGEST)
    one.start(job)
    one.gave_up(job, state=State.REFUSED, sentence="no", code="series-missing")
    assert moves_after(other, mark)[0] == {State.QUEUED: 1, State.RUNNING: 1, State.REFUSED: 1}
    assert refusals_after(other, mark)[0] == {"series-missing": 1}


def test_pauses_are_of_the_database_s_clock(hosts: tuple[Records, Records], monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of one host is an hour ahead: what it wants tried at once is due for the other at once."""
    one, other = hosts
    sending(one, "pacs")
    ahead = timedelta(hours=1)
    monkeypatch.setattr(database_module, "utc_now", lambda: datetime.now(UTC) + ahead)
    (delivery,) = one.take_deliveries("pacs", lease_s=0.0)
    at_once = datetime.now(UTC) + ahead
    one.delivery_tried(delivery, state=DeliveryState.WAITING, sentence="absent", next_at=at_once)
    (again,) = other.take_deliveries("pacs", lease_s=0.0)
    other.delivery_tried(again, state=DeliveryState.DONE, sentence="", next_at=at_once)
    commitments = CommitmentRecords(one)
    (job,) = commitments.take("pacs", at_most=1, lease_s=LONG_S)
    commitments.asking(job, next_at=at_once)
    assert CommitmentRecords(other).take("pacs", at_most=1, lease_s=LONG_S) == (job,), "asked again at once"


def delivered(records: Records, count: int) -> None:
    """So many studies are delivered."""
    for number in range(count):
        sending(records, "pacs", study=f"1.2.{number}")
        (delivery,) = records.take_deliveries("pacs", lease_s=LONG_S)
        records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))


def test_hosts_ask_about_different_jobs_at_once(hosts: tuple[Records, Records]) -> None:
    one, other = hosts
    delivered(one, 40)
    taken: list[Job] = []
    lock = Lock()

    def takes(records: Records) -> None:
        requests = CommitmentRecords(records)
        while requests.is_due("pacs"):
            jobs = requests.take("pacs", at_most=3, lease_s=LONG_S)
            with lock:
                taken.extend(jobs)

    with ThreadPoolExecutor(4) as pool:
        for end in [pool.submit(takes, records) for records in (one, other, one, other)]:
            end.result(timeout=PATIENCE_S)
    assert len(taken) == len(set(taken)) == 40
    assert {record.state for record in CommitmentRecords(one).of_study()} == {CommitmentState.DUE}


def test_a_host_that_died_before_it_asked_leaves_its_jobs_to_others(hosts: tuple[Records, Records]) -> None:
    one, other = hosts
    delivered(one, 2)
    jobs = CommitmentRecords(one).take("pacs", at_most=2, lease_s=1.0)
    assert CommitmentRecords(other).take("pacs", at_most=2, lease_s=LONG_S) == ()
    wait_for(lambda: CommitmentRecords(other).is_due("pacs"), what="the lease to end")
    assert CommitmentRecords(other).take("pacs", at_most=2, lease_s=LONG_S) == jobs


def test_one_host_leads_and_another_when_it_dies(hosts: tuple[Records, Records], postgres: Postgres) -> None:
    one, other = hosts

    def cut_off() -> None:
        with other.leader("retention") as leads:
            assert leads
            with one.leader("retention") as also, one.leader("commitment pacs") as leads_other:
                assert (also, leads_other) == (False, True)
            held = "FROM pg_locks WHERE locktype = 'advisory' AND granted"
            assert postgres.execute(f"SELECT pg_terminate_backend(pid, 60000) {held}") == [(True,)]
            with one.leader("retention") as now:
                assert now

    with pytest.raises(DatabaseUnavailable):  # who lost the lead is told in the end
        cut_off()
    with other.leader("retention") as leads:
        assert leads


def test_sessions_that_the_server_ended_are_replaced(hosts: tuple[Records, Records], postgres: Postgres) -> None:
    one, _ = hosts
    one.arrived(STUDY)
    end = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name LIKE 'rdeepnet%'"
    postgres.execute(end)
    assert one.study(STUDY).state is State.RECEIVED, "no transaction was open: nobody notices"

    def cut_off() -> None:
        with one.transaction() as connection:
            arrive(connection, "1.9")
            postgres.execute(end)
            study_row(connection, STUDY)

    with pytest.raises(DatabaseUnavailable, match="shared database"):
        cut_off()
    assert one.find("1.9") is None, "nothing of the transaction was recorded"
    one.arrived("1.9")


def test_a_host_that_is_frozen_in_a_transaction_holds_up_others_for_a_time_only(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = Records(empty_url)
    frozen.arrived(STUDY)
    monkeypatch.setattr(database_module, "_BUSY_S", 0.2)
    other = Records(empty_url)
    with frozen.transaction() as connection:
        study_row(connection, STUDY)
        with pytest.raises(DatabaseUnavailable, match="tried again"):
            other.queue(STUDY, digest=DIGEST)
    assert other.queue(STUDY, digest=DIGEST)
    frozen.close()
    other.close()


def test_a_host_that_was_frozen_in_a_transaction_finds_it_ended_and_goes_on(
    empty_url: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_IDLE_S", 0.2)
    frozen, other = Records(empty_url), Records(empty_url)
    other.arrived(STUDY)

    def freeze() -> None:
        with frozen.transaction() as connection:
            pid = connection.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
            study_row(connection, STUDY)
            is_there = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"
            wait_for(lambda: not postgres.execute(is_there), what="the server to end the transaction")
            arrive(connection, "1.9")

    with pytest.raises(DatabaseUnavailable, match="25P03"):
        freeze()
    assert frozen.queue(STUDY, digest=DIGEST)
    assert other.find("1.9") is None
    frozen.close()
    other.close()


def test_a_server_that_was_away_is_found_again(hosts: tuple[Records, Records], postgres: Postgres) -> None:
    one, _ = hosts
    one.arrived(STUDY)
    postgres.stop()
    try:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="tried again"):
                one.study(STUDY)
        with pytest.raises(DatabaseUnavailable), one.leader("retention"):
            pass
    finally:
        postgres.start()
    assert one.study(STUDY).state is State.RECEIVED
    one.queue(STUDY, digest=DIGEST)
