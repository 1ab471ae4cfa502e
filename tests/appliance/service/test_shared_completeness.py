"""Completeness among several receivers: leases on the database's clock. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.service import shared_completeness
from appliance.service.shared_completeness import LEASE_S, SharedCompleteness
from appliance.state.arrival_records import ArrivalRecords
from appliance.state.records import Records
from tests.end_to_end.running import wait_for

STUDY = "1.2.3"


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """Records on SQLite, whose arrivals are those of PostgreSQL (tests/appliance/state hold the two together)."""
    opened = Records(tmp_path / "studies.sqlite3")
    yield opened
    opened.close()


class Receiver:
    """One receiver: what its inbox records, and its leases."""

    def __init__(self, records: Records, name: str) -> None:
        self.arrivals = ArrivalRecords(records, receiver=name)
        self.completeness = SharedCompleteness(self.arrivals, idle_s=0.0, carrier_idle_s=60.0, force_after_s=3600.0)

    def take(self, *, association: int, now_s: float = 0.0) -> None:
        """Something new of the study comes."""
        self.arrivals.arrived(STUDY, lease_s=shared_completeness.LEASE_S)
        self.completeness.arrived(STUDY, association=association, now_s=now_s)

    def due(self, now_s: float = 0.0) -> tuple[str, ...]:
        return self.completeness.take_due(now_s)


def test_a_study_is_due_once_when_the_association_that_brought_it_has_ended(records: Records) -> None:
    receiver = Receiver(records, "one")
    receiver.completeness.opened(1)
    receiver.take(association=1)
    assert receiver.completeness.arriving() == (STUDY,)
    assert receiver.due() == ()
    receiver.completeness.closed(1)
    assert receiver.due() == (STUDY,)
    assert receiver.due() == ()


def test_the_association_of_one_receiver_holds_the_study_up_for_all(records: Records) -> None:
    one, other = Receiver(records, "one"), Receiver(records, "other")
    one.completeness.opened(1)
    other.completeness.opened(1)
    one.take(association=1)
    other.take(association=1)
    other.completeness.closed(1)
    assert (one.due(), other.due()) == ((), ())
    one.completeness.closed(1)
    assert one.due() == (STUDY,), "told with this round"
    assert other.due() == ()


def test_of_two_associations_the_last_counts(records: Records) -> None:
    receiver = Receiver(records, "one")
    for association in (1, 2):
        receiver.completeness.opened(association)
        receiver.take(association=association)
    receiver.completeness.closed(1)
    assert receiver.due() == ()
    receiver.completeness.closed(2)
    assert receiver.due() == (STUDY,)


def test_an_instance_written_when_its_association_has_ended_holds_up_nothing(records: Records) -> None:
    receiver = Receiver(records, "one")
    receiver.take(association=7)
    assert receiver.due() == (STUDY,)


def test_an_open_association_renews_its_lease_until_it_brings_something_else(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver(records, "one")
    monkeypatch.setattr(shared_completeness, "LEASE_S", 0.0)
    receiver.completeness.opened(1)
    receiver.take(association=1)
    monkeypatch.setattr(shared_completeness, "LEASE_S", LEASE_S)
    assert receiver.due(30.0) == (), "renewed"
    monkeypatch.setattr(shared_completeness, "LEASE_S", 0.0)
    assert receiver.due(33.0) == (STUDY,) or receiver.due(36.0) == (STUDY,)
    receiver.take(association=1, now_s=40.0)
    monkeypatch.setattr(shared_completeness, "LEASE_S", LEASE_S)
    wait_for(lambda: receiver.due(40.0 + 61.0) == (STUDY,), what="the lease to be left alone")


def test_an_instance_that_changes_nothing_keeps_an_arriving_study_waiting(records: Records) -> None:
    one, other = Receiver(records, "one"), Receiver(records, "other")
    one.take(association=0)
    assert one.completeness.arriving() == (STUDY,)
    other.completeness.opened(1)
    other.completeness.seen(STUDY, association=1, now_s=0.0)
    assert (other.due(), one.due()) == ((), ())
    other.completeness.closed(1)
    assert other.due() == (STUDY,)


def test_an_instance_of_a_study_that_does_not_arrive_makes_none(records: Records) -> None:
    receiver = Receiver(records, "one")
    receiver.completeness.seen(STUDY, association=0, now_s=0.0)
    assert receiver.due() == ()
    assert receiver.completeness.arriving() == ()
