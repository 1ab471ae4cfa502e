"""Actions of operators, from the command line or the page: one function each, noted in the history of the study.

All work on the state folder, from any process; the running service sees what changed in its next round.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from appliance.service.audit import Audit, told_at_once
from appliance.service.retry import Filter, Retried, choose_for_study, retry_studies, retry_study
from appliance.service.reviews import Reviews, person_of
from appliance.service.study_status import found
from appliance.settings import Settings
from appliance.state.homes import open_home, open_records
from appliance.state.operator_actions import Action, OperatorActions
from appliance.state.states import IllegalMove, State
from models.number_words import counted

LOG = logging.getLogger("rdeepnet.operator")

REASON_LIMIT = 500  # characters
NAME_LIMIT = 64  # characters of a Person Name (VR PN)


def retry(settings: Settings, study: str, *, by: str, destination: str = "") -> State:
    """Retries a study, as `retry_study` does; returns its new state."""
    state = retry_study(settings, study, destination=destination)
    records = open_records(settings)
    try:
        study_uid = found(records, study).study_uid
        _note_retry(OperatorActions(records), study_uid, state, by, destination)
    finally:
        records.close()
    _tell(settings, [study_uid], Action.RETRY, by)
    return state


def retry_many(settings: Settings, which: Filter, *, by: str) -> tuple[Retried, ...]:
    """Retries every study that a filter means, as `retry_studies` does; those that were retried have it noted."""
    outcomes = retry_studies(settings, which)
    records = open_records(settings)
    try:
        actions = OperatorActions(records)
        for outcome in outcomes:
            if not outcome.sentence:
                _note_retry(actions, outcome.study, outcome.state, by, which.destination)
    finally:
        records.close()
    _tell(settings, [outcome.study for outcome in outcomes if not outcome.sentence], Action.RETRY, by)
    return outcomes


def _note_retry(actions: OperatorActions, study_uid: str, state: State, by: str, destination: str) -> None:
    sentence = f"is now {state}{f', to {destination} alone' if destination else ''}"
    actions.note(study_uid, Action.RETRY, by=by, sentence=sentence)


def choose(settings: Settings, study: str, texts: Sequence[str], *, by: str) -> State:
    """Has a study answered by an explicit choice, as `choose_for_study` does; returns its state.

    The history names the roles that were chosen; the choice itself is remembered with the study.
    """
    state = choose_for_study(settings, study, texts)
    roles = ", ".join(dict.fromkeys(text.partition("=")[0] for text in texts))
    records = open_records(settings)
    try:
        study_uid = found(records, study).study_uid
        OperatorActions(records).note(study_uid, Action.CHOOSE, by=by, sentence=roles or "by the rules")
    finally:
        records.close()
    _tell(settings, [study_uid], Action.CHOOSE, by)
    return state


def answer_now(settings: Settings, study: str, *, by: str) -> State:
    """Has the service answer a study that is arriving as it is, without waiting for more; returns its state.

    Raises
    ------
    IllegalMove
        When the study is not arriving.
    UnknownStudy
        When none matches, or more than one.
    """
    records = open_records(settings)
    try:
        record = found(records, study)
        if record.state is not State.RECEIVED:
            raise IllegalMove(f"The study is {record.state}; only one that is arriving (received) can be answered now.")
        OperatorActions(records).want_now(record.study_uid, by=by)
    finally:
        records.close()
    _tell(settings, [record.study_uid], Action.ANSWER_NOW, by)
    return record.state


def accept_draft(settings: Settings, study: str, *, by: str, draft_uid: str = "") -> State:
    """Accepts the draft of a study as it is: the study is answered with it, and the answer names who and when.

    Parameters
    ----------
    by : the person who looked at every slice
    draft_uid : SOP Instance UID of the draft that was looked at; empty for the one that waits

    Raises
    ------
    IllegalMove
        When the study has no draft that waits for a person, or another than the one that was looked at; or the name is
        empty or too long for the object.
    UnknownStudy
        When none matches, or more than one.
    """
    name = person_of(by).strip()
    if not 0 < len(name) <= NAME_LIMIT:
        raise IllegalMove(
            f"The name of the person who accepts the draft has {counted(len(name), 'character')}; expected 1 to "
            f"{NAME_LIMIT}."
        )
    home = open_home(settings)
    try:
        record = found(home.records, study)
        drafts = Reviews(records=home.records, outbox=home.outbox).drafts(record.study_uid)
        waiting = next((one.sop_instance_uid for one in drafts if one.job_id == record.job_id), "")
        if record.state is not State.REVIEW or not waiting:
            raise IllegalMove(f"The study is {record.state}; only a draft that waits for a person can be accepted.")
        if draft_uid and draft_uid != waiting:
            raise IllegalMove(
                "Another draft was made since this one was shown; load the page again and look at every slice of it."
            )
        OperatorActions(home.records).accept(record.study_uid, waiting, job_id=record.job_id, by=by)
    finally:
        home.close()
    _tell(settings, [record.study_uid], Action.ACCEPT, by)
    return State.QUEUED


def drop(settings: Settings, study: str, *, reason: str, by: str) -> State:
    """Settles a refused or failed study, or a draft in review: nothing more is done about it, and it no longer counts
    as a problem.

    Its state stays, since no answer was delivered; a late instance, a retry or an acceptance takes it up again.

    Raises
    ------
    IllegalMove
        When the study is neither refused nor failed nor in review, or the reason is empty or too long.
    UnknownStudy
        When none matches, or more than one.
    """
    sentence = " ".join(reason.split())
    if not 0 < len(sentence) <= REASON_LIMIT:
        raise IllegalMove(
            f"The reason has {counted(len(sentence), 'character')}; expected 1 to {REASON_LIMIT}, without patient data."
        )
    records = open_records(settings)
    try:
        study_uid = found(records, study).study_uid
        state = OperatorActions(records).drop(study_uid, by=by, reason=sentence)
    finally:
        records.close()
    _tell(settings, [study_uid], Action.DROP, by)
    return state


def _tell(settings: Settings, study_uids: Sequence[str], action: Action, by: str) -> None:
    """Tell the log and the audit trail of an action on studies."""
    for study_uid in study_uids:
        LOG.info("operator action: %s, by %s", action, by, extra={"study": study_uid})

    def tell(audit: Audit) -> None:
        for study_uid in study_uids:
            audit.acted(study_uid, action, by=by)

    told_at_once(settings, tell)
