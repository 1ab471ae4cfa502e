"""Completeness of a study, on a clock of our own. Kind: mechanics."""

from __future__ import annotations

from appliance.service.completeness import Completeness


def rules() -> Completeness:
    return Completeness(idle_s=60, carrier_idle_s=120, force_after_s=600)


def test_a_study_is_due_once_after_the_idle_time() -> None:
    studies = rules()
    studies.arrived("1", association=0, now_s=100)
    assert studies.take_due(159.9) == ()
    assert studies.arriving() == ("1",)
    assert studies.take_due(160) == ("1",)
    assert studies.take_due(1000) == ()


def test_every_instance_starts_the_idle_time_anew() -> None:
    studies = rules()
    for now_s in (0, 50, 100):
        studies.arrived("1", association=0, now_s=now_s)
    assert studies.take_due(159) == ()
    assert studies.take_due(160) == ("1",)


def test_series_on_another_association_hold_the_study() -> None:
    """The bug known elsewhere: a timer that ignores series still arriving on another association."""
    studies = rules()
    studies.opened(1)
    studies.opened(2)
    studies.arrived("1", association=1, now_s=0)
    studies.arrived("1", association=2, now_s=10)
    studies.closed(1)
    assert studies.take_due(100) == ()
    studies.closed(2)
    assert studies.take_due(100) == ("1",)


def test_an_association_that_carries_another_study_does_not_hold_it() -> None:
    studies = rules()
    studies.opened(1)
    studies.opened(2)
    studies.arrived("1", association=1, now_s=0)
    studies.arrived("2", association=2, now_s=0)
    studies.closed(1)
    assert studies.take_due(100) == ("1",)


def test_an_association_that_ended_while_its_last_instance_was_written_holds_nothing() -> None:
    studies = rules()
    studies.opened(1)
    studies.closed(1)
    studies.arrived("1", association=1, now_s=0)
    assert studies.take_due(60) == ("1",)


def test_the_force_limit_counts_from_the_first_instance() -> None:
    studies = rules()
    studies.opened(1)
    for now_s in range(0, 600, 30):
        studies.arrived("1", association=1, now_s=now_s)
    assert studies.take_due(599) == ()
    assert studies.take_due(600) == ("1",)


def test_a_late_instance_arms_it_again() -> None:
    studies = rules()
    studies.arrived("1", association=0, now_s=0)
    studies.take_due(60)
    studies.arrived("1", association=0, now_s=500)
    assert studies.take_due(559) == ()
    assert studies.take_due(560) == ("1",)


def test_instances_that_change_nothing_prolong_but_never_arm() -> None:
    studies = rules()
    studies.seen("1", association=0, now_s=0)
    assert studies.arriving() == ()
    studies.arrived("1", association=0, now_s=0)
    studies.seen("1", association=0, now_s=50)
    assert studies.take_due(100) == ()
    assert studies.take_due(110) == ("1",)


def test_a_carrier_that_fell_silent_or_brings_something_else_does_not_hold_it_for_long() -> None:
    studies = rules()
    studies.opened(1)
    studies.arrived("1", association=1, now_s=0)
    studies.arrived("2", association=1, now_s=170)
    assert studies.take_due(179) == ()
    assert studies.take_due(180) == ("1",)  # idle time of the study and of the association
