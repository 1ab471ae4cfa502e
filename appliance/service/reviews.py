"""Drafts of a study that wait for a person, and the one that a person accepted; both as the worker needs them.

A draft is no input: it is in the outbox and not among the received instances. The worker hands it to the reader, so
that the answer to a reviewed segmentation says how far it was moved. Acceptance is an action of an operator on a study
in review; the final segmentation is made of it in the worker, always the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from appliance.settings import Settings
from appliance.state.homes import open_records
from appliance.state.operator_actions import OperatorAction, OperatorActions, is_dropped
from appliance.state.outbox import Outbox
from appliance.state.record_rows import StudyRecord, utc_now
from appliance.state.records import Records
from appliance.state.states import State
from dicom_io.answer_roles import Role
from models.errors import RDeepNetError
from models.number_words import age_in_words, agreeing, counted


@dataclass(frozen=True)
class Acceptance:
    """A draft that a person accepted as it is.

    Attributes
    ----------
    draft : its file, to read
    by : the person
    at : when
    """

    draft: Path
    by: str
    at: datetime


@dataclass(frozen=True)
class Reviewed:
    """Drafts of a study on this machine, to read, and the acceptance of one of them.

    Attributes
    ----------
    drafts : SOP Instance UID → file
    """

    drafts: Mapping[str, Path] = field(default_factory=dict)
    acceptance: Acceptance | None = None


@dataclass(frozen=True)
class KeptDraft:
    """A draft in the outbox."""

    job_id: str
    file_name: str
    sop_instance_uid: str


class Reviews:
    """Drafts and acceptances; every method may be called from any thread or process."""

    def __init__(self, *, records: Records, outbox: Outbox) -> None:
        self._records = records
        self._actions = OperatorActions(records)
        self._outbox = outbox

    def drafts(self, study_uid: str) -> tuple[KeptDraft, ...]:
        """The drafts of a study whose files are still here, each once, oldest first."""
        jobs = dict.fromkeys(move.job_id for move in self._records.moves(study_uid) if move.state is State.REVIEW)
        found: dict[str, KeptDraft] = {}
        for job_id, results in self._outbox.results(jobs).items():
            for item in results.objects():
                if item.role is Role.DRAFT_SEG:
                    found.pop(item.sop_instance_uid, None)
                    found[item.sop_instance_uid] = KeptDraft(job_id, item.file_name, item.sop_instance_uid)
        return tuple(found.values())

    @contextmanager
    def fetched(self, study_uid: str) -> Iterator[Reviewed]:
        """The drafts of a study on this machine while the block runs.

        Raises
        ------
        RDeepNetError
            When a draft was accepted that is no longer here.
        """
        with ExitStack() as stack:
            files = {
                one.sop_instance_uid: stack.enter_context(self._outbox.fetched(one.job_id, [one.file_name]))[0]
                for one in self.drafts(study_uid)
            }
            accepted = self._actions.acceptance(study_uid)
            if accepted is None:
                yield Reviewed(files)
                return
            if accepted.sentence not in files:
                raise RDeepNetError(
                    "The draft that was accepted was deleted (see [retention]); expected it in the outbox: send the "
                    "study with its strokes or its reviewed segmentation again."
                )
            acceptance = Acceptance(files[accepted.sentence], person_of(accepted.by), accepted.at)
            yield Reviewed(files, acceptance)


def person_of(by: str) -> str:
    """The name of an operator without the place of the action: "jo" of "jo (page)"."""
    for place in (" (page)", " (command line)"):
        by = by.removesuffix(place)
    return by


def undecided(studies: Iterable[StudyRecord], dropped: Mapping[str, OperatorAction]) -> tuple[StudyRecord, ...]:
    """Studies whose draft waits for a person, the one that waits longest first; a dropped one waits for nobody."""
    waiting = [one for one in studies if one.state is State.REVIEW and not is_dropped(one, dropped)]
    return tuple(sorted(waiting, key=lambda one: one.changed_at))


def remarks(settings: Settings) -> tuple[str, ...]:
    """A sentence for `rdeepnet status` where drafts wait for a person."""
    records = open_records(settings, read_only=True)
    try:
        waiting = undecided(records.studies_in(State.REVIEW), OperatorActions(records).dropped())
    finally:
        records.close()
    if not waiting:
        return ()
    sentence = (
        f"{counted(len(waiting), 'draft')} {agreeing(len(waiting), 'waits', 'wait')} for a person, the oldest for "
        f"{age_in_words(utc_now() - waiting[0].changed_at)}: edit it in a viewer, accept it (rdeepnet segment "
        "--accept) or drop it."
    )
    return (sentence,)
