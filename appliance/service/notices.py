"""Notices "not processed": which refusal is told to whom, made once, and void when the study succeeds.

A notice travels like results: an object in the outbox, and a delivery to each destination that wants to know of its
reason. Its job is named after study and reason, so a second push of the same study makes and sends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.logs import describe
from appliance.peer_settings import Destination
from appliance.process_pool import Broken, work_off
from appliance.state.database import DatabaseUnavailable
from appliance.state.inbox import InboxReader
from appliance.state.outbox import Outbox, Outgoing
from appliance.state.record_rows import NOTICE, StudyRecord
from appliance.state.records import Records
from dicom_io.answer import Answer
from dicom_io.errors import (
    GeometryInvalid,
    ImagesMissing,
    NotReadable,
    Remedy,
    SelectionAmbiguous,
    SeriesNotFound,
    TumourNotFound,
)
from models.errors import RDeepNetError, StudyRejected
from models.quality_notes import QualityNote, Severity
from reports.language import Language
from reports.notice.content import REASONS, Notice, NoticeReason

LOG = logging.getLogger("rdeepnet.notices")

Maker = Callable[[Sequence[Path], Notice, str], Outgoing | None]

_MADE_WITHIN_S = 40.0  # it takes 2 to 5 s; the rounds of the service wait for it

# From the particular to the general; the first that fits decides.
_BY_ERROR: Sequence[tuple[type[RDeepNetError], NoticeReason]] = (
    (TumourNotFound, NoticeReason.NO_TUMOUR),
    (SeriesNotFound, NoticeReason.NO_SERIES),
    (SelectionAmbiguous, NoticeReason.CHOICE),
    (ImagesMissing, NoticeReason.IMAGES_MISSING),
    (GeometryInvalid, NoticeReason.GEOMETRY),
    (NotReadable, NoticeReason.UNREADABLE),
    (StudyRejected, NoticeReason.NOT_USABLE),
)


def reason_of(error: Exception) -> NoticeReason:
    """The reason a study was not processed, by the error that ended it."""
    if Remedy.CHOOSE_TUMOUR in getattr(error, "remedies", ()):
        return NoticeReason.CHOICE
    return next((reason for kind, reason in _BY_ERROR if isinstance(error, kind)), NoticeReason.FAILED)


@dataclass(frozen=True)
class Posted:
    """A notice that is to be delivered: its job, and to whom."""

    job_id: str
    destinations: tuple[str, ...]


@dataclass(frozen=True)
class SentNotice:
    """A notice about a study that was sent or waits to be."""

    reason: NoticeReason
    created: datetime


class Notices:
    """Makes the notices about the studies of one service.

    Parameters
    ----------
    make : the results of a notice from the files of the study; `made_apart` in the service
    language : of the site
    """

    def __init__(
        self,
        *,
        destinations: Sequence[Destination],
        inbox: InboxReader,
        outbox: Outbox,
        records: Records,
        make: Maker | None = None,
        language: Language = Language.ENGLISH,
    ) -> None:
        self._destinations = destinations
        self._inbox = inbox
        self._outbox = outbox
        self._records = records
        self._make = make or made_from
        self._language = language

    def post(self, record: StudyRecord, reason: NoticeReason, sentence: str) -> Posted | None:
        """Puts the notice about a study into the outbox, unless it is there; None when nobody wants or can have it."""
        wanted = tuple(one.name for one in self._destinations if reason in one.told)
        instances = self._inbox.content(record.study_uid).instances if wanted else ()
        if not instances or record.asked_at is None:
            return None
        answers = self._outbox.answers(record.study_uid)
        after = answers[-1] if answers else None
        number = f":{len(answers)}" if answers else ""
        posted = Posted(f"{record.study_uid}:{NOTICE}:{reason}{number}", wanted)
        if self._outbox.has(posted.job_id):
            return posted
        notice = Notice(
            reason, sentence, "", record.asked_at, earlier=after.created if after else None, language=self._language
        )
        try:
            with self._inbox.fetched(record.study_uid, instances) as files:
                outgoing = self._make(files, notice, after.identifier if after else "")
            if outgoing is None:
                return None
            self._outbox.put(posted.job_id, outgoing)
        except DatabaseUnavailable:
            raise  # whoever asked tries again when it answers
        except Exception as error:  # whatever it is, the study must come to its end without its notice
            LOG.error("the notice could not be made", extra={"job": record.job_id, "error": describe(error)})
            return None
        return posted

    def standing(self, study_uid: str) -> tuple[SentNotice, ...]:
        """Notices about a study since its last report, oldest first: what a report about it makes void."""
        answers = self._outbox.answers(study_uid)
        since = answers[-1].created if answers else None
        jobs = dict.fromkeys(one.job_id for one in self._records.deliveries(study_uid) if one.is_notice)
        found = []
        for job_id in jobs:
            created = self._outbox.created(job_id)
            if created is not None and (since is None or created > since):
                found.append(SentNotice(NoticeReason(job_id.split(":")[2]), created))
        return tuple(sorted(found, key=lambda one: one.created))


def made_apart(files: Sequence[Path], notice: Notice, after: str) -> Outgoing | None:
    """As `made_from`, in a process that then ends: for the service, which loads no library and reads no image.

    Raises
    ------
    RDeepNetError
        When that process ends before it has made the notice, as the worker did on the same images.
    """
    for outcome in work_off([(files, notice, after)], _maker, workers=1, within_s=_MADE_WITHIN_S):
        if isinstance(outcome, Broken):
            raise RDeepNetError(outcome.reason)
        return outcome.answer
    return None


def _maker() -> Callable[[tuple[Sequence[Path], Notice, str]], Outgoing | None]:
    return lambda task: made_from(*task)


def made_from(files: Sequence[Path], notice: Notice, after: str) -> Outgoing | None:
    """The notice as results; None where no object says whose study it is. Loads what draws it, for this alone."""
    from dataclasses import replace

    from dicom_io.images.received import received
    from dicom_io.writing.notice import make_notice

    seen = received(files)
    if seen.header is None:
        return None
    notice = replace(notice, received=seen.objects)
    item = make_notice(seen.header, notice, laterality=seen.laterality, after=after)
    return Outgoing(Answer((item,), b""), (), created=notice.created)


def void(notices: Sequence[SentNotice]) -> tuple[QualityNote, ...]:
    """The remark for a report that notices about its study no longer hold."""
    return tuple(
        QualityNote(
            "notice-void",
            Severity.NOTE,
            f"The notice “not processed” of {one.created:%Y-%m-%d %H:%M} UTC ({REASONS[one.reason].heading[0].lower()}"
            f"{REASONS[one.reason].heading[1:]}) is void: this report is the result.",
        )
        for one in notices
    )
