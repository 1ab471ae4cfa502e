"""Drafts in the service: where they go, what a repeated step does, and how a person ends the wait. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.service.bench import _with
from appliance.service.notices import Notices
from appliance.service.reviews import Reviews
from appliance.service.worker import Asked, Worker
from appliance.state.inbox_folder import FolderInbox
from appliance.state.operator_actions import OperatorActions
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.state.states import IllegalMove, State
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.errors import TumourNotFound
from models.errors import RDeepNetError
from tests.end_to_end.small_study import document, segmentation

STUDY = "1.2.3"
WAITS = "A draft waits for a person."


class Site:
    """A worker that drafts or answers as it is told, between a PACS that takes drafts and a viewer that does not."""

    def __init__(self, folder: Path) -> None:
        self.records = Records(folder / "studies.sqlite3")
        self.inbox = FolderInbox(folder / "inbox")
        self.outbox = FolderOutbox(folder / "outbox")
        self.has_strokes = True
        self.asked: list[Asked] = []
        self.seen: list[bytes] = []
        self.worker = Worker(
            answer=self._answer,
            inbox=self.inbox,
            outbox=self.outbox,
            records=self.records,
            destinations=["pacs", "viewer"],
            draft_destinations=["pacs"],
            notices=Notices(destinations=(), inbox=self.inbox, outbox=self.outbox, records=self.records),
        )
        self.actions = OperatorActions(self.records)
        self.reviews = Reviews(records=self.records, outbox=self.outbox)

    def _answer(self, files: Sequence[Path], asked: Asked) -> Outgoing:
        self.asked.append(asked)
        accepted = asked.reviewed.acceptance
        if accepted is None and self.has_strokes:
            objects = (AnswerObject(Role.DRAFT_SEG, segmentation("draft", ours=True)),)
            return Outgoing(Answer(objects, b"%PDF"), (), created=asked.created, review=WAITS)
        if accepted is not None:
            self.seen.append(accepted.draft.read_bytes())
        return Outgoing(Answer((AnswerObject(Role.KEY_SR, document("a", ours=True)),), b"%PDF"), ())

    def arrive(self, content: bytes) -> str:
        self.inbox.keep(STUDY, instance_uid=str(content), meta=b"", dataset=content)
        self.records.arrived(STUDY)
        return self.records.queue(STUDY, digest=self.inbox.content(STUDY).digest)

    def run(self, job: str) -> State:
        self.worker.conclude(job, self.worker.answer(job))
        return self.state

    @property
    def state(self) -> State:
        return self.records.study(STUDY).state

    def accept(self) -> str:
        (draft,) = self.reviews.drafts(STUDY)
        self.actions.accept(STUDY, draft.sop_instance_uid, job_id=draft.job_id, by="jo (page)")
        return self.records.study(STUDY).job_id

    def sent(self) -> list[tuple[str, str]]:
        return [(one.destination, one.state) for one in self.records.deliveries(STUDY)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.records.close()


def test_a_draft_goes_to_those_who_want_drafts_and_the_study_waits(site: Site) -> None:
    job = site.arrive(b"strokes")
    assert site.run(job) is State.REVIEW
    assert site.records.study(STUDY).sentence == WAITS
    assert site.sent() == [("pacs", "waiting")]
    (delivery,) = site.records.take_deliveries("pacs", lease_s=0)
    decided = site.records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))
    assert decided is None, "that it was delivered is no answer"
    assert site.state is State.REVIEW
    assert site.outbox.answers(STUDY) == ()


def test_each_step_may_be_repeated(site: Site) -> None:
    job = site.arrive(b"strokes")
    first = site.worker.answer(job)
    assert site.worker.answer(job) == first, "as after a crash before the queue has noted the step"
    assert len(site.asked) == 1
    for _ in range(2):
        site.worker.conclude(job, first)
    assert site.state is State.REVIEW
    assert site.sent() == [("pacs", "waiting")]
    accepted = site.accept()
    site.worker.conclude(job, first)  # the queue comes to it late: nothing is taken back
    assert site.state is State.QUEUED
    assert site.run(accepted) is State.SENDING


def test_acceptance_is_answered_once_with_who_and_when(site: Site) -> None:
    site.run(site.arrive(b"strokes"))
    job = site.accept()
    with pytest.raises(IllegalMove, match="only a draft that waits for a person"):
        site.accept()
    assert site.run(job) is State.SENDING
    accepted = site.asked[-1].reviewed.acceptance
    assert accepted is not None
    assert accepted.by == "jo"
    assert accepted.at == site.actions.of_study(STUDY)[-1].at
    assert len(site.seen) == 1
    assert site.sent() == [("pacs", "waiting"), ("pacs", "waiting"), ("viewer", "waiting")]


def test_a_reviewed_segmentation_is_answered_beside_the_draft(site: Site) -> None:
    site.run(site.arrive(b"strokes"))
    site.has_strokes = False
    job = site.arrive(b"reviewed")
    with pytest.raises(IllegalMove, match="only a draft that waits"):
        site.accept()
    assert site.run(job) is State.SENDING
    assert len(site.asked[-1].reviewed.drafts) == 1
    assert site.asked[-1].reviewed.acceptance is None


def test_a_retry_sends_the_draft_again_and_the_study_still_waits(site: Site) -> None:
    job = site.arrive(b"strokes")
    site.run(job)
    (delivery,) = site.records.take_deliveries("pacs", lease_s=0)
    site.records.delivery_tried(delivery, state=DeliveryState.REFUSED, sentence="no", next_at=datetime.now(UTC))
    assert site.sent() == [("pacs", "refused")]
    assert site.state is State.REVIEW
    assert site.records.retry(STUDY, has_results=True) is State.REVIEW
    assert site.sent() == [("pacs", "waiting")]


def test_an_accepted_draft_that_was_deleted_is_said(site: Site) -> None:
    job = site.arrive(b"strokes")
    site.run(job)
    accepted = site.accept()
    site.outbox.drop(job)
    with pytest.raises(RDeepNetError, match="was deleted"), site.reviews.fetched(STUDY):
        pass
    assert site.run(accepted) is State.FAILED
    assert "The draft that was accepted was deleted" in site.records.study(STUDY).sentence


def test_what_came_after_the_draft_was_made_drops_it(site: Site) -> None:
    job = site.arrive(b"strokes")
    outcome = site.worker.answer(job)
    site.arrive(b"more")
    site.worker.conclude(job, outcome)
    assert site.state is State.QUEUED
    assert site.sent() == []
    assert site.reviews.drafts(STUDY) == ()


def test_a_refusal_without_strokes_stays_one(site: Site) -> None:
    def refuse(files: Sequence[Path], asked: Asked) -> Outgoing:
        raise TumourNotFound("none")

    site.worker._answer = refuse
    assert site.run(site.arrive(b"images")) is State.REFUSED


def test_a_draft_that_an_archive_rewrote_gives_way_to_ours(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    for uid in ("1.1", "1.2"):
        inbox.keep(STUDY, instance_uid=uid, meta=b"", dataset=uid.encode())
    with inbox.fetched(STUDY, inbox.content(STUDY).instances) as files:
        together = _with({"1.2": tmp_path / "ours.dcm"}, files)
        (kept,) = [file for file in together if file.parent != tmp_path]
        assert kept.read_bytes() == b"1.1"
    assert together[-1] == tmp_path / "ours.dcm"
    assert len(together) == 2
