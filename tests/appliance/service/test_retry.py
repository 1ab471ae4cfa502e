"""Retrying one study or many, and explicit choices from the command line. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.peer_settings import Destination
from appliance.service.retry import Filter, choose_for_study, retry_studies, retry_study
from appliance.service.study_status import show_study
from appliance.state.record_rows import DeliveryState
from appliance.state.states import State
from models.errors import SetupError
from tests.appliance.service.test_study_status import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "state")
    yield site
    site.records.close()


def refused(site: Site, study: str) -> None:
    job = site.queued(study)
    site.records.start(job)
    site.records.gave_up(job, state=State.REFUSED, sentence="two series fit")


def states(site: Site) -> dict[str, State]:
    return {record.study_uid: record.state for record in site.records.studies()}


def test_many_are_retried_by_state_and_none_without_a_filter(site: Site) -> None:
    refused(site, "1.1")
    refused(site, "1.2")
    site.delivered("1.3")
    with pytest.raises(SetupError, match="expected a study, or at least one of --state"):
        retry_studies(site.settings, Filter())
    outcomes = retry_studies(site.settings, Filter(state=State.REFUSED))
    assert {outcome.study: outcome.state for outcome in outcomes} == {"1.1": State.QUEUED, "1.2": State.QUEUED}
    assert states(site) == {"1.1": State.QUEUED, "1.2": State.QUEUED, "1.3": State.DELIVERED}


def test_one_that_cannot_be_retried_holds_up_no_other(site: Site) -> None:
    site.queued("1.1")
    refused(site, "1.2")
    outcomes = retry_studies(site.settings, Filter(since=datetime.now(UTC) - timedelta(hours=1)))
    assert {outcome.study: bool(outcome.sentence) for outcome in outcomes} == {"1.1": True, "1.2": False}
    assert retry_studies(site.settings, Filter(since=datetime.now(UTC) + timedelta(hours=1))) == ()


def test_a_destination_alone_gets_what_it_lacks(site: Site) -> None:
    site.settings = replace(
        site.settings, destinations=(*site.settings.destinations, Destination("other", "OTHER", "127.0.0.1"))
    )
    job = site.queued("1.1")
    site.records.start(job)
    site.outbox.put(job, site.results())
    site.records.answered(job, destinations=["pacs", "other"])
    for name, state in (("pacs", DeliveryState.DONE), ("other", DeliveryState.REFUSED)):
        for delivery in site.records.take_deliveries(name, lease_s=0):
            site.records.delivery_tried(delivery, state=state, sentence="", next_at=datetime.now(UTC))
    assert states(site) == {"1.1": State.FAILED}
    assert retry_studies(site.settings, Filter(destination="pacs")) == ()
    (outcome,) = retry_studies(site.settings, Filter(destination="other"))
    assert outcome.state is State.SENDING
    waiting = {one.destination: one.state for one in site.records.deliveries("1.1")}
    assert waiting == {"pacs": DeliveryState.DONE, "other": DeliveryState.WAITING}
    with pytest.raises(SetupError, match="No destination is called 'pasc'; expected one of pacs, other"):
        retry_studies(site.settings, Filter(destination="pasc"))


def test_a_delivered_study_is_sent_again_to_one_destination(site: Site) -> None:
    site.delivered("1.1")
    assert retry_studies(site.settings, Filter(destination="pacs")) == ()
    assert len(retry_studies(site.settings, Filter(state=State.DELIVERED, destination="pacs"))) == 1
    assert len(site.records.take_deliveries("pacs", lease_s=0)) == 1
    assert retry_study(site.settings, "1.1", destination="pacs") is State.SENDING


def test_a_choice_is_checked_recorded_and_shown(site: Site) -> None:
    refused(site, "1.1")
    with pytest.raises(SetupError, match="'tumor' is not a role"):
        choose_for_study(site.settings, "1.1", ["tumor=Reader 2"])
    assert show_study(site.settings, "1.1").choices == ()
    assert choose_for_study(site.settings, "1.1", ["tumour=Reader 2"]) is State.QUEUED
    (choice,) = show_study(site.settings, "1.1").choices
    assert choice.texts == ("tumour=Reader 2",)
