"""Intended use: what the headers say for and against it, and the reasons that follow.

The models are meant for women of 18 years and over, with an MRI of the breast after contrast. Headers leave much of it
out: of 7,942 public breast studies 34 % say breast nowhere, every fifth has no age. So absence of evidence makes an
answer conditional (or withholds it, where a site wants that) and contradiction withholds it. A person can overrule;
then the answer says who. What no header says is always printed as not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from models.errors import SetupError
from models.validity import Reason, State

ADULT_YEARS = 18
OLDEST_YEARS = 120  # older is no age but a placeholder
DIFFERENCE_YEARS = 1.0  # between birth date and stated age: more is another patient, or a typing error
FIELD_T = (1.0, 3.5)

NOT_CHECKED: Final = (
    "Not checked by the software, because no header says it: stage (the models are meant for I to III), histology "
    "(invasive cancer), and that the images were made before surgery."
)


class Item(StrEnum):
    """Parts of the intended use that a person can confirm in place of the headers."""

    BREAST = "breast"  # the images show a breast
    SEX = "sex"  # the patient may be assessed as a woman
    AGE = "age"  # the patient is 18 or over
    CONTRAST = "contrast"  # T1+C was made after contrast


class Unconfirmed(StrEnum):
    """Treatment of an answer for which the headers do not confirm the intended use."""

    CONDITIONAL = "conditional"  # it is given, and says what is to be confirmed
    WITHHOLD = "withhold"  # there is no result: for sites whose headers are complete


@dataclass(frozen=True)
class SenderConfirms:
    """Parts of the intended use that a sender stands for.

    Attributes
    ----------
    ae_title : calling AE title, as it was received from
    confirmed : what is confirmed for its studies
    """

    ae_title: str
    confirmed: tuple[Item, ...]


@dataclass(frozen=True)
class IntendedUse:
    """Settings of the check against the intended use.

    Attributes
    ----------
    unconfirmed : what becomes of an answer where the headers say nothing
    confirmed : what is confirmed for every study
    confirmed_by : who or what confirms it; printed in the answer
    senders : what is confirmed for the studies of one sender
    """

    unconfirmed: Unconfirmed = Unconfirmed.CONDITIONAL
    confirmed: tuple[Item, ...] = ()
    confirmed_by: str = "the setting intended_use.confirmed"
    senders: tuple[SenderConfirms, ...] = ()

    def __post_init__(self) -> None:
        titles = [sender.ae_title for sender in self.senders]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise SetupError(f"senders: the AE title {', '.join(twice)} is duplicated; expected one rule for each")
        if not self.confirmed_by.strip():
            raise SetupError("confirmed_by is empty; expected who or what confirms, since the answer prints it")

    def in_words(self) -> str:
        """The settings in words, for the provenance: "unconfirmed is conditional; breast confirmed by …"."""
        parts = [f"unconfirmed is {self.unconfirmed}"]
        if self.confirmed:
            parts.append(f"{', '.join(self.confirmed)} confirmed by {self.confirmed_by}")
        parts += [f"{', '.join(one.confirmed)} confirmed by the sender {one.ae_title}" for one in self.senders]
        return "; ".join(parts)

    def with_option(self, items: Iterable[Item]) -> IntendedUse:
        """The same settings, with what `--confirm` names; nothing where it names nothing."""
        named = tuple(dict.fromkeys(items))
        if not named:
            return self
        option = " ".join(f"--confirm {item}" for item in named)
        by = f"{self.confirmed_by}; {option}" if self.confirmed else option
        return replace(self, confirmed=tuple(dict.fromkeys((*self.confirmed, *named))), confirmed_by=by)

    def confirms(self, item: Item, *, sender: str = "") -> str:
        """Returns who or what confirms an item for a study of this sender; empty where nothing does."""
        if item in self.confirmed:
            return self.confirmed_by
        rule = next((one for one in self.senders if sender and one.ae_title == sender), None)
        return f"the rule for the sender {rule.ae_title}" if rule is not None and item in rule.confirmed else ""


@dataclass(frozen=True)
class Evidence:
    """Statements of the headers about the intended use; texts name the attribute and its value.

    Attributes
    ----------
    breast : what says that it is a breast, e.g. "Body Part Examined BREAST"; empty where nothing does
    other_organ : what names another organ, e.g. "Body Part Examined TSPINE"; empty where nothing does
    is_prone : the patient lay prone, as in breast MRI; that alone confirms nothing
    sex : "F", "M", or empty where it is missing, O or no code
    age_years : from birth date and study date where both are real
    stated_age_years : Patient's Age; None where it is missing, or a zero that no birth date supports
    contrast : what says that T1+C is after contrast; empty where nothing does
    field_strength_t : in tesla
    implants : what mentions implants or silicone; empty where nothing does
    sender : AE title the images were received from; empty for files
    """

    breast: str = ""
    other_organ: str = ""
    is_prone: bool = False
    sex: str = ""
    age_years: float | None = None
    stated_age_years: float | None = None
    contrast: str = ""
    field_strength_t: float | None = None
    implants: str = ""
    sender: str = ""


def check_intended_use(evidence: Evidence, use: IntendedUse) -> tuple[Reason, ...]:
    """Reasons against an answer by what the headers say, and those a person overruled, which are VALID."""
    silent = State.OUTSIDE if use.unconfirmed is Unconfirmed.WITHHOLD else State.CONDITIONAL
    checks = (
        (Item.BREAST, _about_organ(evidence, silent)),
        (Item.SEX, _about_sex(evidence, silent)),
        (Item.AGE, _about_age(evidence, silent)),
        (Item.CONTRAST, _about_contrast(evidence, silent)),
    )
    found = [_overruled(one, item, use, evidence.sender) for item, reasons in checks for one in reasons]
    return (*found, *_about_field(evidence))


def _overruled(reason: Reason, item: Item, use: IntendedUse, sender: str) -> Reason:
    reason = replace(reason, overruled_by=f"--confirm {item}, or intended_use.confirmed")
    if not (by := use.confirms(item, sender=sender)):
        return reason
    return replace(reason, state=State.VALID, sentence=f"{reason.sentence} It was confirmed by {by}.")


def _about_organ(evidence: Evidence, silent: State) -> Iterator[Reason]:
    expected = "a breast"
    if evidence.other_organ and not evidence.breast:
        sentence = f"The headers name another organ ({evidence.other_organ}); the models are meant for the breast."
        yield Reason("other-organ", State.OUTSIDE, sentence, evidence.other_organ, expected)
    elif evidence.other_organ:
        found = f"{evidence.breast}; {evidence.other_organ}"
        sentence = f"The headers name a breast ({evidence.breast}) and another organ ({evidence.other_organ})."
        yield Reason("organ-contradicted", State.CONDITIONAL, sentence, found, expected)
    elif not evidence.breast:
        prone = "; the patient lay prone, as for one" if evidence.is_prone else ""
        sentence = f"The headers do not say that this is a breast{prone}."
        yield Reason("breast-not-confirmed", silent, sentence, "nothing stated", expected)


def _about_sex(evidence: Evidence, silent: State) -> Iterator[Reason]:
    if evidence.sex == "M":
        sentence = "The headers say that the patient is male; the models are meant for women."
        yield Reason("not-female", State.OUTSIDE, sentence, "male", "female")
    elif evidence.sex != "F":
        sentence = "The headers do not say that the patient is a woman."
        yield Reason("sex-not-confirmed", silent, sentence, "nothing stated", "female")


def _about_age(evidence: Evidence, silent: State) -> Iterator[Reason]:
    by_date, stated = evidence.age_years, evidence.stated_age_years
    age = stated if by_date is None else by_date
    expected = f"{ADULT_YEARS} years and over"
    if age is None:
        sentence = f"The headers do not say how old the patient is; the models are meant for women of {expected}."
        yield Reason("age-not-confirmed", silent, sentence, "nothing stated", expected)
        return
    if age < ADULT_YEARS:
        sentence = f"The patient is {_years(age)} old; the models are meant for women of {expected}."
        yield Reason("under-age", State.OUTSIDE, sentence, _years(age), expected)
    if by_date is not None and stated is not None and abs(by_date - stated) > DIFFERENCE_YEARS:
        sentence = (
            f"The patient was {_years(by_date)} old by the dates of birth and study, but the headers state "
            f"{_years(stated)}: check that it is the right patient."
        )
        found = f"{_years(by_date)} by the dates, {_years(stated)} stated"
        yield Reason("ages-differ", State.CONDITIONAL, sentence, found, "the same age")


def _about_contrast(evidence: Evidence, silent: State) -> Iterator[Reason]:
    if not evidence.contrast:
        sentence = "Nothing says that contrast was given before the T1+C images: no agent, no dynamic series."
        yield Reason("contrast-not-confirmed", silent, sentence, "nothing stated", "images after contrast")


def _about_field(evidence: Evidence) -> Iterator[Reason]:
    strength = evidence.field_strength_t
    if strength is not None and not FIELD_T[0] <= strength <= FIELD_T[1]:
        expected = f"{FIELD_T[0]:g} to {FIELD_T[1]:g} T"
        sentence = f"The images were made at {strength:.3g} T; {expected} was expected."
        yield Reason("field-strength-far", State.CONDITIONAL, sentence, f"{strength:.3g} T", expected)


def _years(age: float) -> str:
    if age < 1:
        return "less than 1 year"
    return f"{int(age)} year{'' if int(age) == 1 else 's'}"
