"""Forms of operators to actions: the functions of the command line, on one study or on many."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.service import operator
from appliance.settings import Settings
from appliance.state.operator_actions import Action
from dicom_io.roles import ROLES
from models.errors import RDeepNetError

_UID = re.compile(r"[0-9][0-9.]{0,63}")
_BACK = re.compile(r"/(studies(/[0-9.]{1,64})?)?(\?[A-Za-z0-9=&]{0,64})?")


class FormInvalid(RDeepNetError):
    """A form that no page of ours makes."""


@dataclass(frozen=True)
class Form:
    """An action on studies.

    Attributes
    ----------
    reason : for a drop; else empty
    choice : for a choice of series, as `--assign` takes it; empty to go by the rules
    back : page to return to, one of ours
    draft : SOP Instance UID of the draft that is accepted
    """

    action: Action
    studies: tuple[str, ...]
    reason: str
    choice: tuple[str, ...]
    back: str
    draft: str = ""

    @classmethod
    def parse(cls, fields: Mapping[str, tuple[str, ...]]) -> Form:
        """A form from its fields.

        Raises
        ------
        FormInvalid
            When it names no action or no study.
        """
        action, back = fields.get("action", ("",))[0], fields.get("back", ("/",))[0]
        studies = tuple(dict.fromkeys(fields.get("study", ())))
        if action not in list(Action):
            raise FormInvalid(f"The form has no action; expected one of {', '.join(Action)}.")
        if not studies:
            raise FormInvalid("No study was chosen; tick at least one.")
        if not all(_UID.fullmatch(study) for study in studies):
            raise FormInvalid("A study of the form is not a Study Instance UID.")
        if action == Action.CHOOSE and len(studies) > 1:
            raise FormInvalid("A choice of series is for one study.")
        draft = fields.get("draft", ("",))[0]
        if action == Action.ACCEPT:
            if len(studies) > 1 or not _UID.fullmatch(draft):
                raise FormInvalid("One draft of one study is accepted at a time: open the page of the study.")
            if fields.get("looked", ("",))[0] != "yes":
                raise FormInvalid("The draft was not accepted: confirm that you have looked at every slice of it.")
        choice = tuple(f"{role}={value}" for role in ROLES for value in fields.get(role, ()) if value)
        reason = fields.get("reason", ("",))[0]
        return cls(Action(action), studies, reason, choice, back if _BACK.fullmatch(back) else "/", draft)


def perform(settings: Settings, form: Form, *, by: str) -> tuple[str, ...]:
    """Does it; returns a sentence for each study. One that cannot be done holds up no other."""
    sentences = []
    for study in form.studies:
        try:
            sentences.append(f"{study}: {_one(settings, form, study, by)}")
        except RDeepNetError as error:
            sentences.append(f"{study}: {error}")
    return tuple(sentences)


def _one(settings: Settings, form: Form, study: str, by: str) -> str:
    if form.action is Action.RETRY:
        return f"is now {operator.retry(settings, study, by=by)}."
    if form.action is Action.ANSWER_NOW:
        operator.answer_now(settings, study, by=by)
        return "is answered in the next round of the service."
    if form.action is Action.CHOOSE:
        return f"is now {operator.choose(settings, study, form.choice, by=by)}."
    if form.action is Action.ACCEPT:
        operator.accept_draft(settings, study, draft_uid=form.draft, by=by)
        return "is answered with the draft that you accepted."
    operator.drop(settings, study, reason=form.reason, by=by)
    return "is dropped."
