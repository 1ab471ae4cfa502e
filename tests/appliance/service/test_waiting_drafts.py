"""Drafts that nobody reviews: who is told, how they are dropped and taken up again, what retention does.

Kind: mechanics. Time is an argument where days must pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.service.audit import Audit
from appliance.service.operator import accept_draft, answer_now, choose, drop, retry, retry_many
from appliance.service.retention import Retention
from appliance.service.retry import Filter
from appliance.service.reviews import remarks, undecided
from appliance.settings import RetentionSettings, Settings, load_settings
from appliance.state.homes import open_records
from appliance.state.inbox_folder import FolderInbox
from appliance.state.job_queue import JobQueue, QueuePlace
from appliance.state.operator_actions import Action, OperatorActions
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.state.states import IllegalMove, State
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from tests.appliance.web.site import configuration
from tests.end_to_end.running import free_port
from tests.end_to_end.small_study import segmentation

FIRST, SECOND = "1.2.826.0.1.3680043.8.498.31", "1.2.826.0.1.3680043.8.498.32"
AGES = (timedelta(days=13), timedelta(days=15), timedelta(days=91), timedelta(days=5000))


class Site:
    """A state folder with two drafts that wait, each at a destination that has it."""

    def __init__(self, folder: Path) -> None:
        self.config = configuration(folder, port=free_port(), token=False)
        self.settings: Settings = load_settings(self.config)
        state_dir = self.settings.service.state_dir
        self.records = Records(state_dir / "studies.sqlite3")
        self.inbox, self.outbox = FolderInbox(state_dir / "inbox"), FolderOutbox(state_dir / "outbox")
        self.jobs = {study: self.drafted(study) for study in (FIRST, SECOND)}

    def drafted(self, study: str) -> str:
        self.inbox.keep(study, instance_uid="1.1", meta=b"", dataset=b"pixels")
        self.records.arrived(study)
        job = self.records.queue(study, digest=self.inbox.content(study).digest)
        self.records.start(job)
        made = AnswerObject(Role.DRAFT_SEG, segmentation(study, ours=True))
        self.outbox.put(job, Outgoing(Answer((made,), b"%PDF"), (), created=datetime.now(UTC), review="A draft."))
        self.records.drafted(job, sentence="A draft.", destinations=["pacs"])
        self.delivered()
        return job

    def delivered(self) -> None:
        for delivery in self.records.take_deliveries("pacs", lease_s=0):
            self.records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))

    def waiting(self) -> list[str]:
        dropped = OperatorActions(self.records).dropped()
        return [record.study_uid for record in undecided(self.records.studies(), dropped)]

    def state(self, study: str) -> State:
        return self.records.study(study).state

    def kept(self, study: str) -> tuple[bool, bool, bool]:
        """Presence of the images, the draft and the record of a study."""
        is_recorded = self.records.find(study) is not None
        return study in self.inbox.studies(), self.outbox.has(self.jobs[study]), is_recorded


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.records.close()


@pytest.fixture
def retention(site: Site, tmp_path: Path) -> Iterator[Retention]:
    queue = JobQueue(QueuePlace(folder=site.settings.service.state_dir, executor="worker"))
    queue.open()
    yield Retention(
        RetentionSettings(received_days=14, results_days=90),
        records=site.records,
        inbox=site.inbox,
        outbox=site.outbox,
        queue=queue,
        audit=Audit(Settings()),
    )
    queue.close()


def test_status_says_how_many_wait_and_since_when(site: Site) -> None:
    command = ["status", "--config", str(site.config)]

    def said() -> str:
        return " ".join(CliRunner().invoke(app, command, env={"COLUMNS": "300"}).stdout.split())

    assert "2 drafts wait for a person, the oldest for" in said()
    drop(site.settings, FIRST, reason="a phantom", by="jo")
    assert "1 draft waits for a person, the oldest for" in said()
    drop(site.settings, SECOND, reason="a phantom", by="jo")
    assert remarks(site.settings) == ()
    assert "for a person" not in said()


def test_a_dropped_draft_waits_for_nobody_until_something_happens_to_it(site: Site) -> None:
    assert site.waiting() == [FIRST, SECOND]
    assert drop(site.settings, FIRST, reason=" a  phantom ", by="jo") is State.REVIEW
    assert site.waiting() == [SECOND]
    (action,) = OperatorActions(site.records).of_study(FIRST)
    assert (action.action, action.by, action.sentence) == (Action.DROP, "jo", "a phantom")
    assert site.state(FIRST) is State.REVIEW
    site.records.arrived(FIRST)  # a late object
    assert site.state(FIRST) is State.RECEIVED
    site.records.start(site.records.queue(FIRST, digest="c" * 64))
    site.records.drafted(site.records.study(FIRST).job_id, sentence="Another draft.", destinations=["pacs"])
    assert site.waiting() == [SECOND, FIRST], "the new draft waits from now on"


def test_a_retry_sends_a_dropped_draft_again_and_it_waits_again(site: Site) -> None:
    drop(site.settings, FIRST, reason="a phantom", by="jo")
    assert retry(site.settings, FIRST, by="jo") is State.REVIEW
    assert site.waiting() == [FIRST, SECOND], "from when it was made"
    assert [one.state for one in site.records.deliveries(FIRST)] == [DeliveryState.WAITING]
    drop(site.settings, FIRST, reason="a phantom all the same", by="jo")
    assert site.waiting() == [SECOND]
    outcomes = retry_many(site.settings, Filter(state=State.REVIEW), by="jo")
    assert {(one.study, one.state, one.sentence) for one in outcomes} == {
        (FIRST, State.REVIEW, ""),
        (SECOND, State.REVIEW, ""),
    }
    assert site.waiting() == [FIRST, SECOND]


def test_a_dropped_draft_may_still_be_accepted_and_a_choice_takes_it_up(site: Site) -> None:
    for study in (FIRST, SECOND):
        drop(site.settings, study, reason="nobody is here", by="jo")
    assert accept_draft(site.settings, FIRST, by="kim") is State.QUEUED
    assert choose(site.settings, SECOND, ["t2w=none"], by="kim") is State.QUEUED
    assert site.waiting() == []
    for study in (FIRST, SECOND):
        with pytest.raises(IllegalMove, match="queued; only a refused or failed study, or a draft in review"):
            drop(site.settings, study, reason="too late", by="jo")
    with pytest.raises(IllegalMove, match="only one that is arriving"):
        answer_now(site.settings, FIRST, by="jo")


def test_the_command_drops_a_draft_and_show_says_so(site: Site) -> None:
    result = CliRunner().invoke(app, ["drop", FIRST, "--reason", "a phantom", "--config", str(site.config)])
    assert (result.exit_code, result.stdout) == (0, "The study is dropped.\n")
    shown = CliRunner().invoke(app, ["show", FIRST, "--config", str(site.config)], env={"COLUMNS": "200"}).stdout
    assert "State     review: A draft." in shown
    assert "a phantom" in shown


def test_nothing_of_a_draft_that_waits_is_deleted_however_old(site: Site, retention: Retention) -> None:
    now = datetime.now(UTC)
    for age in AGES:
        retention.apply(now + age)
        assert site.kept(FIRST) == site.kept(SECOND) == (True, True, True), age
    assert accept_draft(site.settings, FIRST, by="jo") is State.QUEUED, "it can still be answered"


def test_a_dropped_draft_is_deleted_like_any_finished_study_counted_from_the_drop(
    site: Site, retention: Retention
) -> None:
    with site.records.transaction() as connection:  # made a year ago
        connection.exec_driver_sql(
            "UPDATE studies SET changed_at = ?", ((datetime.now(UTC) - timedelta(days=365)).isoformat(),)
        )
    drop(site.settings, FIRST, reason="a phantom", by="jo")
    now = datetime.now(UTC)
    for age, kept in zip(AGES, ((True, True, True), (False, True, True), *[(False, False, False)] * 2), strict=True):
        retention.apply(now + age)
        assert site.kept(FIRST) == kept, age
        assert site.kept(SECOND) == (True, True, True), age


def test_a_draft_that_was_dropped_and_taken_up_again_is_kept(site: Site, retention: Retention) -> None:
    drop(site.settings, FIRST, reason="a phantom", by="jo")
    retry(site.settings, FIRST, by="jo")
    site.delivered()
    retention.apply(datetime.now(UTC) + timedelta(days=5000))
    assert site.kept(FIRST) == (True, True, True)
    records = open_records(site.settings, read_only=True)
    assert OperatorActions(records).dropped() == {}
    records.close()
