"""The two steps of a job behind the queue. Each may be repeated after a crash, and has the same result."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.logs import describe
from appliance.service.memory import give_back, in_words, is_out_of_memory
from appliance.service.notices import Notices, reason_of, void
from appliance.service.other_half import other_halves
from appliance.service.reviews import Reviewed, Reviews
from appliance.state.choices import Choices
from appliance.state.database import DatabaseUnavailable
from appliance.state.disk import is_disk_full
from appliance.state.inbox import InboxReader
from appliance.state.not_kept_records import NotKeptRecords
from appliance.state.outbox import Outbox, Outgoing
from appliance.state.record_rows import StudyRecord
from appliance.state.records import Records
from appliance.state.states import State
from dicom_io.advice import Reader, advised
from dicom_io.earlier import EarlierAnswer
from dicom_io.errors import SeriesNotFound
from dicom_io.rules import NO_ASSIGNMENT, Assignment
from models.errors import RDeepNetError, StudyRejected
from models.quality_notes import QualityNote
from reports.notice.content import NoticeReason

if TYPE_CHECKING:
    from dicom_io.priors import FindPriors

LOG = logging.getLogger("rdeepnet.worker")


@dataclass(frozen=True)
class Asked:
    """A question about a study: all that answers it besides its files and the settings.

    Attributes
    ----------
    created : time of the request, the date of the report
    not_kept : Series Instance UID → instances that came and were not kept
    assignment : the explicit choice that counts for the study
    earlier : answers to it that were sent before, oldest first
    remarks : what the report says besides, of what the service did before
    own_priors : finds earlier answered studies of the patient among the results; None where none is wanted
    reviewed : drafts of its tumour that were made here, and the acceptance of one
    """

    created: datetime
    not_kept: Mapping[str, int] = field(default_factory=dict)
    assignment: Assignment = NO_ASSIGNMENT
    earlier: tuple[EarlierAnswer, ...] = ()
    remarks: tuple[QualityNote, ...] = ()
    own_priors: FindPriors | None = None
    reviewed: Reviewed = field(default_factory=Reviewed)


Answerer = Callable[[Sequence[Path], Asked], Outgoing]


@dataclass(frozen=True)
class Outcome:
    """Outcome of the computation: the study's next state, or None when it has moved on meanwhile."""

    state: State | None
    sentence: str = ""
    reason: NoticeReason = NoticeReason.FAILED  # why there are no results, where there are none

    def as_text(self) -> str:
        """For the queue's database."""
        return json.dumps({"state": self.state, "sentence": self.sentence, "reason": self.reason})

    @classmethod
    def from_text(cls, text: str) -> Outcome:
        """From the queue's database."""
        values = json.loads(text)
        reason = NoticeReason(values.get("reason", NoticeReason.FAILED))  # jobs of older versions name none
        return cls(State(values["state"]) if values["state"] else None, values["sentence"], reason)


class Worker:
    """Answers jobs.

    Parameters
    ----------
    answer : makes the results of one study from its files and what else it is answered by
    destinations : names of the destinations that get the results
    draft_destinations : of those that get drafts
    notices : about studies that are not processed
    memory_gib : limit of this process, for the sentence about a study that needs more; 0 without one
    own_priors : finds earlier answered studies among the results; None where none is wanted
    """

    def __init__(
        self,
        *,
        answer: Answerer,
        inbox: InboxReader,
        outbox: Outbox,
        records: Records,
        destinations: Sequence[str],
        notices: Notices,
        draft_destinations: Sequence[str] = (),
        memory_gib: float = 0.0,
        own_priors: FindPriors | None = None,
    ) -> None:
        self._own_priors = own_priors
        self._answer = answer
        self._inbox = inbox
        self._outbox = outbox
        self._records = records
        self._choices = Choices(records)
        self._not_kept = NotKeptRecords(records)
        self._notices = notices
        self._reviews = Reviews(records=records, outbox=outbox)
        self._draft_destinations = draft_destinations
        self._destinations = destinations
        self._memory_gib = memory_gib

    def answer(self, job_id: str) -> str:
        """First step: compute, and fill the outbox."""
        record = self._records.start(job_id)
        if record is None or record.asked_at is None:
            return Outcome(None).as_text()
        extra = {"job": job_id, "attempt": record.attempt}
        if (results := self._outbox.results([job_id]).get(job_id)) is not None:
            LOG.info("results exist already", extra=extra)
            return _with_results(results.review).as_text()
        content = self._inbox.content(record.study_uid)
        if not content.instances:
            sentence = (
                "The received images were deleted (see [retention]); expected them in the inbox: send them again."
            )
            return Outcome(State.FAILED, sentence).as_text()
        if content.digest != record.digest:  # a late instance; its arrival queues the study again
            return Outcome(None).as_text()
        LOG.info("study running", extra={**extra, "instances": len(content.instances)})
        begun_s = time.monotonic()
        with self._inbox.fetched(record.study_uid, content.instances) as files:
            outcome = self._computed(record, files)
        LOG.info("study computed", extra={**extra, "state": outcome.state, "seconds": time.monotonic() - begun_s})
        return outcome.as_text()

    def _computed(self, record: StudyRecord, files: Sequence[Path]) -> Outcome:
        """The outcome of computing a study.

        Raises
        ------
        Exception
            When the disk is full, whatever says so, or the database does not answer: that is nothing about the study,
            and the step is tried again.
        """
        try:
            with self._reviews.fetched(record.study_uid) as reviewed:
                outgoing = self._answer(files, self._asked(record, reviewed))
            self._outbox.put(record.job_id, outgoing)
        except Exception as error:  # the worker's outermost loop: whatever it is, the next study must be processed
            if is_disk_full(error) or isinstance(error, DatabaseUnavailable):
                raise
            return self._without_results(record, error)
        return _with_results(outgoing.review)

    def _without_results(self, record: StudyRecord, error: Exception) -> Outcome:
        """The outcome of a study that ended in an error."""
        if is_out_of_memory(error):
            LOG.error("study failed for lack of memory", extra={"job": record.job_id, "error": describe(error)})
            give_back()
            return Outcome(State.FAILED, in_words(self._memory_gib))
        if isinstance(error, StudyRejected):
            sentences = [advised(error, Reader.SERVICE)]
            if isinstance(error, SeriesNotFound):
                sentences += other_halves(self._inbox, record.study_uid)
            return Outcome(State.REFUSED, " ".join(sentences), reason_of(error))
        if isinstance(error, RDeepNetError):
            LOG.error("study failed", extra={"job": record.job_id, "error": describe(error)})
            return Outcome(State.FAILED, str(error))
        LOG.error("study failed unexpectedly", extra={"job": record.job_id, "error": describe(error)})
        kind = type(error).__name__
        return Outcome(
            State.FAILED,
            f"An unexpected error ({kind}) stopped the study; see the log for where, then retry the study.",
        )

    def _asked(self, record: StudyRecord, reviewed: Reviewed) -> Asked:
        assert record.asked_at is not None
        return Asked(
            created=record.asked_at,
            not_kept=self._not_kept.by_series(record.study_uid),
            assignment=Assignment.parse(self._choices.counting(record.study_uid)),
            earlier=tuple(self._outbox.answers(record.study_uid)),  # this job has none yet
            remarks=void(self._notices.standing(record.study_uid)),
            own_priors=self._own_priors,
            reviewed=reviewed,
        )

    def conclude(self, job_id: str, outcome: str) -> None:
        """Second step: record the outcome."""
        result, extra = Outcome.from_text(outcome), {"job": job_id}
        if result.state is None:
            LOG.info("job dropped: the study has moved on", extra=extra)
        elif result.state is State.REVIEW:
            drafted = self._records.drafted(job_id, sentence=result.sentence, destinations=self._draft_destinations)
            LOG.info("draft made, waits for a person" if drafted else "draft kept: the study has moved on", extra=extra)
        elif result.state is State.SENDING:
            if self._records.answered(job_id, destinations=self._destinations):
                LOG.info("study sending", extra={"job": job_id})
            else:
                self._outbox.drop(job_id)
                LOG.info("results dropped: the study has moved on", extra={"job": job_id})
        else:
            self._give_up(job_id, result.state, result)
            LOG.warning("study %s: %s", result.state, result.sentence, extra={"job": job_id})

    def _give_up(self, job_id: str, state: State, result: Outcome) -> None:
        """Records an end without results, and posts the notice about it."""
        record = self._records.of_job(job_id)
        posted = None if record is None else self._notices.post(record, result.reason, result.sentence)
        if posted is None:
            self._records.gave_up(job_id, state=state, sentence=result.sentence, code=result.reason)
        else:
            self._records.gave_up(
                job_id,
                state=state,
                sentence=result.sentence,
                code=result.reason,
                notice_id=posted.job_id,
                destinations=posted.destinations,
            )


def _with_results(review: str) -> Outcome:
    """The outcome of a job with results: an answer, or with a sentence of its own a draft."""
    return Outcome(State.REVIEW, review) if review else Outcome(State.SENDING)
