"""Words and codes of the states of an answer: one row for each, which every encoder takes them from.

Headline, title of the PDF, Series Description, code in the SR, line of the command and advice cannot disagree: nothing
else in this project words a state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from models.validity import State, Validity
from reports.concepts import CodeText


@dataclass(frozen=True, kw_only=True)
class StateWords:
    """One state.

    Attributes
    ----------
    headline : bold line of a model's answer; "{group}" stands for the group
    lead : stands above the headline, before the reasons; empty where nothing does
    title : end of the title of the documents; empty where nothing is to be said
    short : in a table or on the command line
    code : of the state in the SR
    """

    headline: str
    lead: str
    title: str
    short: str
    code: CodeText


STATES: Final[Mapping[State, StateWords]] = MappingProxyType(
    {
        State.VALID: StateWords(headline="{group}", lead="", title="", short="valid", code=CodeText("VALID", "Valid")),
        State.CONDITIONAL: StateWords(
            headline="{group}",
            lead="To be confirmed",
            title="to be confirmed",
            short="to be confirmed",
            code=CodeText("CONDITIONAL", "Conditional: to be confirmed"),
        ),
        State.BORDERLINE: StateWords(
            headline="Between the groups",
            lead="",
            title="between the groups",
            short="between the groups",
            code=CodeText("BORDERLINE", "Borderline: between the groups"),
        ),
        State.OUTSIDE: StateWords(
            headline="No result: outside intended use",
            lead="",
            title="no result",
            short="no result, outside intended use",
            code=CodeText("OUTSIDE_USE", "No result: outside intended use"),
        ),
        State.NOT_COMPUTABLE: StateWords(
            headline="No result: cannot be computed",
            lead="",
            title="no result",
            short="no result, cannot be computed",
            code=CodeText("NOT_COMPUTABLE", "No result: cannot be computed"),
        ),
        State.NOT_ASKED: StateWords(
            headline="Not run",
            lead="",
            title="not run",
            short="not run",
            code=CodeText("NOT_ASKED", "Model not run"),
        ),
    }
)

BORDERLINE_MEANS: Final = (
    "Another contour of the tumour or another training of the model could put this patient in either group."
)
RANGE_MEANS: Final = (
    "Plausible range: 8 of 10 scores of other contours and trainings lie in it; other scanners, motion and other "
    "hospitals are not covered."
)
SEND_AGAIN: Final = "Check the segmentation and the images, correct them, and send the study again."
NO_RESULT: Final = "There is no result, neither high nor low."


def headline(state: State, group: str | None) -> str:
    """The bold line: the group where the state allows one."""
    return STATES[state].headline.format(group=group)


def lead(validity: Validity) -> str:
    """Line above the headline: "To be confirmed: the headers do not say that this is a breast."; empty for most."""
    row = STATES[validity.state]
    if not row.lead or validity.main is None:
        return ""
    return f"{row.lead}: {_lower(validity.main.sentence)}{_rest(validity)}"


def overall(states: Iterable[State]) -> State:
    """The state of a document about several models: the worst of those with a score, else the worst of all."""
    several = list(states)
    shown = [state for state in several if state.shows_score]
    return max(shown or several, key=lambda state: state.weight, default=State.NOT_ASKED)


def titled(title: str, state: State) -> str:
    """The title of a document with the state at its end: "Breast MRI radiomics: no result"."""
    words = STATES[state].title
    return f"{title} – {words}" if words else title


def advice(validity: Validity) -> str:
    """Advice about an answer without result; empty where there is one."""
    if validity.state is State.NOT_COMPUTABLE:
        return SEND_AGAIN
    if validity.state is not State.OUTSIDE:
        return ""
    ways = list(dict.fromkeys(reason.overruled_by for reason in validity.decisive))
    if not all(ways):
        return "Nothing overrules this: the study needs another assessment."
    return (
        f"If a header is wrong, correct it at the archive and send the study again; a person who knows better can "
        f"overrule it ({'; '.join(ways)}), and the answer then says so."
    )


def banner(state: State, answers: Iterable[Validity]) -> tuple[str, str]:
    """Label and sentence on a picture: ("To be confirmed", the main reason); empty where nothing is against an answer.

    Parameters
    ----------
    state : of the document
    answers : of the models in it; the reason is that of the first in this state
    """
    row = STATES[state]
    label = row.lead or ("" if "{group}" in row.headline else row.headline)
    validity = next((one for one in answers if one.state is state), None)
    if not label or validity is None or validity.main is None:
        return label, ""
    return label, f"{validity.main.sentence}{_rest(validity)}"


def _rest(validity: Validity) -> str:
    """Words after the main reason: " And 2 more reasons."; empty where the main one is the only one."""
    more = len(validity.decisive) - 1
    return "" if not more else f" And {more} more reason{'' if more == 1 else 's'}."


def _lower(sentence: str) -> str:
    """The sentence after a colon; names in capitals stay as they are."""
    first = sentence.split(" ", 1)[0]
    return sentence if first.isupper() and len(first) > 1 else f"{sentence[:1].lower()}{sentence[1:]}"
