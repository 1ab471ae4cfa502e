"""Studies that arrive at any receiver, completed by one host, by the database's clock. Kind: mechanics."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from appliance.state.arrival_records import ArrivalRecords, note_arrival
from appliance.state.operator_actions import OperatorActions
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.tables import ARRIVALS

STUDY, OTHER, DIGEST = "1.2.3", "1.2.4", "a" * 64
NEVER_S = 1e6


@pytest.fixture
def here(records: Records) -> ArrivalRecords:
    return ArrivalRecords(records, receiver="here")


@pytest.fixture
def there(records: Records) -> ArrivalRecords:
    return ArrivalRecords(records, receiver="there")


def silent(arrivals: ArrivalRecords) -> tuple[str, ...]:
    """Studies that are due when any silence is long enough."""
    return arrivals.due(idle_s=0.0, force_after_s=NEVER_S)


def test_a_silent_study_is_given_out_once_and_queued(records: Records, here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=0.0)
    assert records.study(STUDY).state is State.RECEIVED
    assert here.due(idle_s=NEVER_S, force_after_s=NEVER_S) == ()
    assert silent(here) == (STUDY,)
    assert silent(here) == (), "it was given out"
    assert here.arriving() == (STUDY,)
    assert records.queue(STUDY, digest=DIGEST)
    assert here.arriving() == ()
    assert records.study(STUDY).state is State.QUEUED


def test_a_lease_of_any_receiver_holds_a_study_up(here: ArrivalRecords, there: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=0.0)
    there.arrived(STUDY, lease_s=NEVER_S)
    assert silent(here) == ()
    here.closed([STUDY])
    assert silent(here) == (), "an association of another receiver is open"
    there.closed([STUDY])
    assert silent(here) == (STUDY,)


def test_a_lease_is_renewed_and_given_back(here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=0.0)
    here.arrived(OTHER, lease_s=0.0)
    here.renew([STUDY], lease_s=NEVER_S)
    assert silent(here) == (OTHER,)
    here.closed([STUDY, OTHER])
    assert silent(here) == (STUDY,)


def test_a_study_that_has_been_arriving_for_too_long_is_due(here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=NEVER_S)
    assert here.due(idle_s=NEVER_S, force_after_s=0.0) == (STUDY,)


def test_an_operator_does_not_wait_for_silence(records: Records, here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=NEVER_S)
    OperatorActions(records).want_now(STUDY, by="jo")
    assert silent(here) == (STUDY,)
    here.arrived(STUDY, lease_s=NEVER_S)
    assert silent(here) == (), "the wish was for once"


def test_what_arrives_while_a_study_is_completed_is_not_lost(
    records: Records, here: ArrivalRecords, there: ArrivalRecords
) -> None:
    """The digest was of less than is here: the study is not queued with it, and is due again."""
    here.arrived(STUDY, lease_s=0.0)
    there.arrived(STUDY, lease_s=0.0)
    assert silent(here) == (STUDY,)
    there.arrived(STUDY, lease_s=0.0)
    assert records.queue(STUDY, digest=DIGEST) == ""
    assert records.study(STUDY).state is State.RECEIVED
    assert silent(there) == (STUDY,)
    assert records.queue(STUDY, digest=DIGEST)


def test_a_late_instance_has_a_queued_study_arrive_again(records: Records, here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=0.0)
    assert silent(here) == (STUDY,)
    job = records.queue(STUDY, digest=DIGEST)
    here.arrived(STUDY, lease_s=0.0)
    assert records.start(job) is None
    assert records.study(STUDY).state is State.RECEIVED
    assert silent(here) == (STUDY,)


def test_a_study_whose_host_died_between_taking_and_queueing_it_is_due_again(
    records: Records, here: ArrivalRecords, there: ArrivalRecords
) -> None:
    here.arrived(STUDY, lease_s=0.0)
    assert silent(here) == (STUDY,)
    assert silent(there) == ()
    with records.transaction() as connection:  # a minute later
        connection.execute(sa.update(ARRIVALS).values(taken_until=datetime(2020, 1, 1, tzinfo=UTC)))
    assert silent(there) == (STUDY,)


def test_an_instance_that_changes_nothing_holds_up_only_what_is_arriving(here: ArrivalRecords) -> None:
    here.arrived(STUDY, lease_s=0.0)
    here.seen([STUDY, OTHER], lease_s=NEVER_S)
    assert here.arriving() == (STUDY,)
    assert silent(here) == ()


def test_nothing_arrives_where_nothing_is_named(records: Records, here: ArrivalRecords) -> None:
    here.seen([], lease_s=1.0)
    here.renew([], lease_s=1.0)
    assert silent(here) == here.arriving() == ()
    assert records.studies() == ()


def test_a_study_is_not_due_while_an_instance_of_it_is_recorded(empty_url: str) -> None:
    """Two receivers with instances of one study at once: the second's transaction is open while the first looks."""
    first, second = Records(empty_url), Records(empty_url)
    here, there = (ArrivalRecords(records, receiver=name) for records, name in ((first, "here"), (second, "there")))
    here.arrived(STUDY, lease_s=0.0)
    with second.transaction() as connection:
        note_arrival(connection, STUDY, receiver="there", lease_s=0.0)
        assert silent(here) == ()
    assert silent(here) == (STUDY,)
    assert silent(there) == ()
    first.close()
    second.close()
