"""The records of studies: every legal way, and nothing else, in a file and in a database. Kind: mechanics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.state.not_kept_records import NotKept, NotKeptCount, NotKeptRecords
from appliance.state.record_rows import DeliveryState, UnknownStudy
from appliance.state.records import Records
from appliance.state.states import IllegalMove, State

STUDY = "1.2.3"
SOON = datetime.now(UTC)


def queued(records: Records, digest: str = "a" * 64) -> str:
    records.arrived(STUDY)
    return records.queue(STUDY, digest=digest)


def sending(records: Records, *destinations: str) -> str:
    job = queued(records)
    records.start(job)
    assert records.answered(job, destinations=destinations or ("pacs",))
    return job


def tried(records: Records, destination: str, state: DeliveryState, sentence: str = "") -> State | None:
    (delivery,) = records.take_deliveries(destination, lease_s=0)
    return records.delivery_tried(delivery, state=state, sentence=sentence, next_at=SOON)


def way(records: Records) -> list[State]:
    return [move.state for move in records.moves(STUDY)]


def test_the_usual_way(records: Records) -> None:
    job = sending(records)
    assert job == f"{STUDY}:{'a' * 32}"
    assert tried(records, "pacs", DeliveryState.DONE) is State.DELIVERED
    assert way(records) == [State.RECEIVED, State.QUEUED, State.RUNNING, State.SENDING, State.DELIVERED]
    assert records.take_deliveries("pacs", lease_s=0) == ()


def test_an_illegal_move_changes_nothing(records: Records) -> None:
    queued(records)
    before = records.study(STUDY)
    with pytest.raises(IllegalMove):
        records.queue(STUDY, digest="b" * 64)
    with pytest.raises(IllegalMove):
        records.retry(STUDY, has_results=False)
    assert records.study(STUDY) == before
    assert way(records) == [State.RECEIVED, State.QUEUED]


def test_a_repeated_step_comes_to_the_same_end(records: Records) -> None:
    job = queued(records)
    first, again = records.start(job), records.start(job)
    assert first is not None
    assert again is not None
    assert (first.asked_at, first.digest) == (again.asked_at, again.digest)
    assert records.answered(job, destinations=["pacs"])
    assert records.answered(job, destinations=["pacs"])
    assert len(records.deliveries(STUDY)) == 1
    tried(records, "pacs", DeliveryState.REFUSED, "no")
    assert records.answered(job, destinations=["pacs"]), "concluded again after the destination refused"
    assert records.study(STUDY).state is State.FAILED


def test_a_job_interrupted_between_its_steps_is_concluded(records: Records) -> None:
    job = queued(records)
    records.start(job)
    records.interrupted([job])
    assert records.study(STUDY).state is State.QUEUED
    assert records.answered(job, destinations=["pacs"]), "the queue goes on at the second step"
    assert records.study(STUDY).state is State.SENDING


def test_a_late_instance_makes_the_job_stale(records: Records) -> None:
    job = queued(records)
    records.start(job)
    records.arrived(STUDY)
    assert records.start(job) is None
    assert not records.answered(job, destinations=["pacs"])
    records.gave_up(job, state=State.REFUSED, sentence="old")
    records.exhausted(job, sentence="old")
    assert records.study(STUDY).state is State.RECEIVED
    assert records.queue(STUDY, digest="b" * 64) != job


def test_results_of_an_earlier_job_are_still_sent(records: Records) -> None:
    sending(records)
    records.arrived(STUDY)
    assert tried(records, "pacs", DeliveryState.DONE) is None
    assert records.study(STUDY).state is State.RECEIVED


@pytest.mark.parametrize("state", [State.REFUSED, State.FAILED])
def test_a_job_without_results_ends_with_its_sentence(records: Records, state: State) -> None:
    job = queued(records)
    records.start(job)
    records.gave_up(job, state=state, sentence="what is wrong")
    record = records.study(STUDY)
    assert (record.state, record.sentence) == (state, "what is wrong")
    records.gave_up(job, state=state, sentence="again")
    assert records.study(STUDY) == record
    assert records.retry(STUDY, has_results=False) is State.QUEUED
    again = records.study(STUDY)
    assert (again.job_id, again.attempt, again.sentence) == (f"{job}:2", 2, "")


def test_a_job_that_will_never_run_is_failed(records: Records) -> None:
    job = queued(records)
    records.exhausted(job, sentence="three times")
    assert records.study(STUDY).state is State.FAILED


def test_delivered_means_every_destination(records: Records) -> None:
    sending(records, "one", "two")
    assert tried(records, "one", DeliveryState.DONE) is None
    assert tried(records, "two", DeliveryState.WAITING, "absent") is None
    assert records.study(STUDY).state is State.SENDING
    assert tried(records, "two", DeliveryState.DONE) is State.DELIVERED


def test_one_refusal_fails_the_study_once_nobody_waits(records: Records) -> None:
    sending(records, "one", "two")
    assert tried(records, "one", DeliveryState.REFUSED, "not this class") is None
    assert tried(records, "two", DeliveryState.DONE) is State.FAILED
    assert records.study(STUDY).sentence == "not this class"
    assert records.retry(STUDY, has_results=True) is State.SENDING
    assert [d.destination for d in records.deliveries(STUDY) if d.state is DeliveryState.WAITING] == ["one"]
    assert tried(records, "one", DeliveryState.DONE) is State.DELIVERED


def test_retry_of_a_delivered_study_sends_everything_again(records: Records) -> None:
    sending(records, "one", "two")
    tried(records, "one", DeliveryState.DONE)
    tried(records, "two", DeliveryState.DONE)
    assert records.retry(STUDY, has_results=True) is State.SENDING
    assert {d.state for d in records.deliveries(STUDY)} == {DeliveryState.WAITING}


def test_a_pause_is_kept_until_retry_or_a_restart(records: Records) -> None:
    sending(records)
    (delivery,) = records.take_deliveries("pacs", lease_s=0)
    later = datetime.now(UTC) + timedelta(hours=1)
    records.delivery_tried(delivery, state=DeliveryState.WAITING, sentence="absent", next_at=later)
    assert records.take_deliveries("pacs", lease_s=0) == ()
    records.retry(STUDY, has_results=True)
    (delivery,) = records.take_deliveries("pacs", lease_s=0)
    assert delivery.attempts == 1
    records.delivery_tried(delivery, state=DeliveryState.WAITING, sentence="absent", next_at=later)
    records.waiting_restarted(destinations=["pacs"])
    assert len(records.take_deliveries("pacs", lease_s=0)) == 1


def test_what_waits_for_one_destination_can_be_tried_now(records: Records) -> None:
    sending(records, "one", "two")
    later = datetime.now(UTC) + timedelta(hours=1)
    for name in ("one", "two"):
        (delivery,) = records.take_deliveries(name, lease_s=0)
        records.delivery_tried(delivery, state=DeliveryState.WAITING, sentence="absent", next_at=later)
    records.try_now("one")
    assert [len(records.take_deliveries(name, lease_s=0)) for name in ("one", "two")] == [1, 0]


def test_what_waits_for_a_destination_that_is_no_more_is_failed_unless_others_may_know_it(
    records: Records,
) -> None:
    sending(records, "old")
    records.waiting_restarted(destinations=["new"])
    record = records.study(STUDY)
    if records.is_shared:  # another host may know it
        assert (record.state, records.waiting()) == (State.SENDING, {"old": 1})
    else:
        assert (record.state, records.waiting()) == (State.FAILED, {})
        assert "old is no longer in the settings" in record.sentence


def test_only_what_has_ended_can_be_forgotten(records: Records) -> None:
    sending(records)
    records.forget(STUDY)
    assert records.find(STUDY) is not None
    tried(records, "pacs", DeliveryState.DONE)
    records.forget(STUDY)
    assert records.find(STUDY) is None
    assert (records.moves(STUDY), records.deliveries(STUDY)) == ((), ())
    with pytest.raises(UnknownStudy, match="is recorded"):
        records.study(STUDY)


def test_another_process_sees_what_was_recorded(place: Path | str, records: Records) -> None:
    job = sending(records)
    other = Records(place)
    assert other.study(STUDY).job_id == job
    assert other.retry(STUDY, has_results=True) is State.SENDING
    other.close()
    if isinstance(place, Path):
        assert place.stat().st_mode & 0o777 == 0o600


def test_studies_are_listed_by_their_last_change(records: Records) -> None:
    for study in ("1.1", "1.2", "1.3"):
        records.arrived(study)
    records.queue("1.1", digest="a" * 64)
    assert [record.study_uid for record in records.studies()] == ["1.1", "1.3", "1.2"]
    assert [record.study_uid for record in records.studies_in(State.RECEIVED)] == ["1.2", "1.3"]


def other(number: int, *, study: str = STUDY, series: str = "1.9", ours: bool = False) -> NotKept:
    """An instance that was not kept."""
    return NotKept(study, f"1.8.{number}", series, "1.2.840.10008.5.1.4.1.1.7", ours)


def test_what_was_not_kept_is_counted_once_by_class_and_by_series_and_outlives_the_process(
    place: Path | str,
) -> None:
    records = Records(place)
    NotKeptRecords(records).add([other(1), other(2), other(3, ours=True)])
    NotKeptRecords(records).add([other(2), other(4, series="1.10"), other(1, study="1.2.4")])
    records.close()
    records = Records(place)
    sop_class = other(1).sop_class_uid
    assert NotKeptRecords(records).by_class(STUDY) == (
        NotKeptCount(sop_class, False, 3),
        NotKeptCount(sop_class, True, 1),
    )
    assert NotKeptRecords(records).by_series(STUDY) == {"1.9": 3, "1.10": 1}
    assert records.studies() == (), "it makes no study"
    records.close()


def test_what_was_not_kept_is_forgotten_with_its_study_or_after_a_time(records: Records) -> None:
    sending(records)
    tried(records, "pacs", DeliveryState.DONE)
    NotKeptRecords(records).add([other(1), other(1, study="1.2.4")])
    NotKeptRecords(records).forget_before(SOON - timedelta(days=1))
    assert NotKeptRecords(records).by_series("1.2.4") == {"1.9": 1}
    NotKeptRecords(records).forget_before(datetime.now(UTC) + timedelta(seconds=1))
    assert NotKeptRecords(records).by_series("1.2.4") == {}
    assert NotKeptRecords(records).by_series(STUDY) == {"1.9": 1}, "its study is still recorded"
    records.forget(STUDY)
    NotKeptRecords(records).forget(STUDY)
    assert NotKeptRecords(records).by_series(STUDY) == {}


def test_an_answered_study_is_not_completed_again(records: Records) -> None:
    """A host that found it complete, and was frozen until another had queued and answered it."""
    job = sending(records, "pacs")
    with pytest.raises(IllegalMove, match="only one that is arriving"):
        records.queue(STUDY, digest="a" * 64)
    assert tried(records, "pacs", DeliveryState.DONE) is State.DELIVERED
    with pytest.raises(IllegalMove, match="only one that is arriving"):
        records.queue(STUDY, digest="a" * 64)
    assert records.study(STUDY).job_id == job
