"""Actions of operators, from the command line or the page: one function each, noted in the history of the study.

All work on the state folder, from any process; the running service sees what changed in its next round.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from appliance.service.retry import choose_for_study, retry_study
from appliance.service.study_status import found, open_records
from appliance.settings import Settings
from appliance.state.operator_actions import Action, OperatorActions
from appliance.state.states import IllegalMove, State

LOG = logging.getLogger("rdeepnet.operator")

REASON_LIMIT = 500  # characters


def retry(settings: Settings, study: str, *, by: str) -> State:
    """Retries a study, as `retry_study` does; returns its new state."""
    state = retry_study(settings, study)
    records = open_records(settings)
    try:
        study_uid = found(records, study).study_uid
        OperatorActions(records).note(study_uid, Action.RETRY, by=by, sentence=f"is now {state}")
    finally:
        records.close()
    _log(study_uid, Action.RETRY, by)
    return state


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
    _log(study_uid, Action.CHOOSE, by)
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
    _log(record.study_uid, Action.ANSWER_NOW, by)
    return record.state


def drop(settings: Settings, study: str, *, reason: str, by: str) -> State:
    """Settles a refused or failed study: nothing more is done about it, and it no longer counts as a problem.

    Its state stays, since nothing was delivered; a late instance or a retry takes it up again.

    Raises
    ------
    IllegalMove
        When the study is neither refused nor failed, or the reason is empty or too long.
    UnknownStudy
        When none matches, or more than one.
    """
    sentence = " ".join(reason.split())
    if not 0 < len(sentence) <= REASON_LIMIT:
        raise IllegalMove(
            f"The reason has {len(sentence)} characters; expected 1 to {REASON_LIMIT}, without patient data."
        )
    records = open_records(settings)
    try:
        record = found(records, study)
        if record.state not in (State.REFUSED, State.FAILED):
            raise IllegalMove(f"The study is {record.state}; only a refused or failed study can be dropped.")
        OperatorActions(records).note(record.study_uid, Action.DROP, by=by, sentence=sentence)
    finally:
        records.close()
    _log(record.study_uid, Action.DROP, by)
    return record.state


def _log(study_uid: str, action: Action, by: str) -> None:
    LOG.info("operator action: %s, by %s", action, by, extra={"study": study_uid})
