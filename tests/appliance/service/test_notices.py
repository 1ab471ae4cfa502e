"""Notices of refusals: to whom, once, and when one is void. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.peer_settings import Destination
from appliance.service.notices import Notices, reason_of, void
from appliance.service.worker import Asked, Outcome, Worker
from appliance.state.inbox_folder import FolderInbox
from appliance.state.outbox import Outgoing
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.state.states import State
from dicom_io.answer import Answer, AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.earlier import AnswerFacts
from dicom_io.errors import (
    GeometryInvalid,
    ImagesMissing,
    NotReadable,
    Remedy,
    SelectionAmbiguous,
    SeriesNotFound,
    TumourNotFound,
)
from models.errors import FeatureUndefined, SetupError
from reports.language import Language
from reports.notice.content import USUAL, Notice, NoticeReason
from tests.end_to_end.small_study import document

STUDY = "1.2.3"
FACTS = AnswerFacts("key", "patient", ("i",), ("s",), "mask", ("model",), "software")


class Site:
    """A worker between two destinations, one of which wants every notice and the other none."""

    def __init__(self, folder: Path) -> None:
        self.records = Records(folder / "studies.sqlite3")
        self.inbox = FolderInbox(folder / "inbox")
        self.outbox = FolderOutbox(folder / "outbox")
        self.error: Exception | None = SelectionAmbiguous("Two series fit.")
        self.made: list[Notice] = []
        self.asked: list[Asked] = []
        self.breaks = False
        self.notices = Notices(
            destinations=(
                Destination("pacs", "PACS", "h", notices=tuple(NoticeReason)),
                Destination("quiet", "QUIET", "h", notices=()),
            ),
            inbox=self.inbox,
            outbox=self.outbox,
            records=self.records,
            make=self._make,
            language=Language.CHINESE,
            fonts=("own.ttf",),
        )
        self.worker = Worker(
            answer=self._answer,
            inbox=self.inbox,
            outbox=self.outbox,
            records=self.records,
            destinations=["pacs"],
            notices=self.notices,
        )

    def _make(self, files: Sequence[Path], notice: Notice, after: str) -> Outgoing:
        if self.breaks:
            raise ZeroDivisionError
        self.made.append(notice)
        return Outgoing(Answer((AnswerObject(Role.NOTICE, document("n", ours=True)),), b""), (), notice.created)

    def _answer(self, files: Sequence[Path], asked: Asked) -> Outgoing:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        objects = (AnswerObject(Role.KEY_SR, document("a", ours=True)),)
        facts = replace(FACTS, key=str(len(self.asked)))
        return Outgoing(Answer(objects, b"%PDF"), (), created=asked.created, facts=facts)

    def push(self, content: bytes) -> State:
        self.inbox.keep(STUDY, instance_uid=str(content), meta=b"", dataset=content)
        self.records.arrived(STUDY)
        job = self.records.queue(STUDY, digest=self.inbox.content(STUDY).digest)
        self.worker.conclude(job, self.worker.answer(job))
        return self.records.study(STUDY).state

    def sent(self) -> list[tuple[str, str]]:
        return [(one.job_id, one.destination) for one in self.records.deliveries(STUDY)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.records.close()


def test_a_notice_is_in_the_language_and_the_font_of_the_site(site: Site) -> None:
    site.push(b"1")
    assert [(one.language, one.fonts) for one in site.made] == [(Language.CHINESE, ("own.ttf",))]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TumourNotFound("none"), NoticeReason.NO_TUMOUR),
        (TumourNotFound("none is a tumour", remedies=(Remedy.CHOOSE_TUMOUR,)), NoticeReason.CHOICE),
        (SeriesNotFound("none", remedies=(Remedy.CHOOSE_SERIES,)), NoticeReason.NO_SERIES),
        (SelectionAmbiguous("two"), NoticeReason.CHOICE),
        (ImagesMissing("3 missing"), NoticeReason.IMAGES_MISSING),
        (GeometryInvalid("gaps"), NoticeReason.GEOMETRY),
        (NotReadable("damaged"), NoticeReason.UNREADABLE),
        (FeatureUndefined("one voxel"), NoticeReason.NOT_USABLE),
        (SetupError("no model"), NoticeReason.FAILED),
        (KeyError("defect"), NoticeReason.FAILED),
    ],
)
def test_the_error_decides_the_reason(error: Exception, reason: NoticeReason) -> None:
    assert reason_of(error) is reason


def test_what_may_still_arrive_or_is_another_examination_is_not_told_by_default() -> None:
    assert set(NoticeReason) - set(USUAL) == {
        NoticeReason.NO_TUMOUR,
        NoticeReason.NO_SERIES,
        NoticeReason.IMAGES_MISSING,
    }
    assert Destination("pacs", "PACS", "h").notices == USUAL


def test_a_refused_study_is_told_once_to_those_who_want_to_know(site: Site) -> None:
    assert site.push(b"one") is State.REFUSED
    assert site.sent() == [(f"{STUDY}:notice:choice", "pacs")]
    (delivery,) = site.records.take_deliveries("pacs", lease_s=0)
    assert (
        site.records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC)) is None
    )
    assert site.push(b"two") is State.REFUSED
    assert len(site.made) == 1
    assert site.records.take_deliveries("pacs", lease_s=0) == (), "a second push adds nothing"
    site.error = NotReadable("A file is damaged.")
    site.push(b"three")
    assert [notice.reason for notice in site.made] == [NoticeReason.CHOICE, NoticeReason.UNREADABLE]


def test_a_later_report_says_that_the_notice_is_void_and_the_next_one_does_not(site: Site) -> None:
    site.push(b"one")
    site.error = None
    assert site.push(b"two") is State.SENDING
    (remark,) = site.asked[-1].remarks
    assert remark.code == "notice-void"
    assert "(a choice is needed) is void" in remark.sentence
    site.push(b"three")
    assert site.asked[-1].remarks == ()
    assert [answer.facts.key for answer in site.asked[-1].earlier] == ["2"]


def test_after_a_report_a_notice_is_another_one_and_names_the_report(site: Site) -> None:
    site.push(b"one")
    site.error = None
    site.push(b"two")
    site.error = SelectionAmbiguous("Two series fit.")
    assert site.push(b"three") is State.REFUSED
    assert site.made[-1].earlier == site.asked[1].created
    assert (f"{STUDY}:notice:choice:1", "pacs") in site.sent()
    assert len(site.notices.standing(STUDY)) == 1


def test_a_notice_that_cannot_be_made_changes_nothing_for_the_study(site: Site) -> None:
    site.breaks = True
    assert site.push(b"one") is State.REFUSED
    assert site.sent() == []
    assert void(site.notices.standing(STUDY)) == ()


def test_an_outcome_of_an_older_version_is_still_read() -> None:
    outcome = Outcome.from_text('{"state": "refused", "sentence": "no"}')
    assert outcome == Outcome(State.REFUSED, "no", NoticeReason.FAILED)
    now = Outcome(State.REFUSED, "no", NoticeReason.CHOICE)
    assert Outcome.from_text(now.as_text()) == now


def test_a_study_that_moved_on_is_not_told(site: Site) -> None:
    site.inbox.keep(STUDY, instance_uid="1", meta=b"", dataset=b"one")
    site.records.arrived(STUDY)
    job = site.records.queue(STUDY, digest=site.inbox.content(STUDY).digest)
    outcome = site.worker.answer(job)
    site.records.arrived(STUDY)
    site.worker.conclude(job, outcome)
    assert site.sent() == []
    assert site.records.study(STUDY).state is State.RECEIVED
    assert timedelta(0) < datetime.now(UTC) - site.records.study(STUDY).changed_at
