"""Statements of headers for and against the intended use, and the state that follows. Kind: mechanics.

States are those of the table of rules: contradiction withholds, absence makes conditional, a person overrules.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.errors import SetupError
from models.intended_use import (
    NOT_CHECKED,
    Evidence,
    IntendedUse,
    Item,
    SenderConfirms,
    Unconfirmed,
    check_intended_use,
)
from models.validity import State, decide

COMPLETE = Evidence(
    breast="Body Part Examined “BREAST”",
    sex="F",
    age_years=47.5,
    stated_age_years=47.0,
    contrast="a dynamic series of 5 phases",
    field_strength_t=1.494,
)
THIGH = "Body Part Examined “EXTREMITY”"

CASES = {
    "everything stated": (COMPLETE, State.VALID, ()),
    "nothing stated": (
        Evidence(),
        State.CONDITIONAL,
        ("breast-not-confirmed", "sex-not-confirmed", "age-not-confirmed", "contrast-not-confirmed"),
    ),
    "another organ": (replace(COMPLETE, breast="", other_organ=THIGH), State.OUTSIDE, ("other-organ",)),
    "breast and organ": (replace(COMPLETE, other_organ="TSPINE"), State.CONDITIONAL, ("organ-contradicted",)),
    "male": (replace(COMPLETE, sex="M"), State.OUTSIDE, ("not-female",)),
    "sex missing or O": (replace(COMPLETE, sex=""), State.CONDITIONAL, ("sex-not-confirmed",)),
    "nine years": (replace(COMPLETE, age_years=9.4, stated_age_years=9.0), State.OUTSIDE, ("under-age",)),
    "nine years stated": (replace(COMPLETE, age_years=None, stated_age_years=9.0), State.OUTSIDE, ("under-age",)),
    "just 18": (replace(COMPLETE, age_years=18.0, stated_age_years=18.0), State.VALID, ()),
    "a day before 18": (replace(COMPLETE, age_years=17.997, stated_age_years=17.0), State.OUTSIDE, ("under-age",)),
    "ages differ": (replace(COMPLETE, stated_age_years=74.0), State.CONDITIONAL, ("ages-differ",)),
    "ages differ by rounding": (replace(COMPLETE, age_years=47.99, stated_age_years=47.0), State.VALID, ()),
    "no age": (replace(COMPLETE, age_years=None, stated_age_years=None), State.CONDITIONAL, ("age-not-confirmed",)),
    "no contrast": (replace(COMPLETE, contrast=""), State.CONDITIONAL, ("contrast-not-confirmed",)),
    ".3 T": (replace(COMPLETE, field_strength_t=0.3), State.CONDITIONAL, ("field-strength-far",)),
    "7 T": (replace(COMPLETE, field_strength_t=7.0), State.CONDITIONAL, ("field-strength-far",)),
    "field strength unknown": (replace(COMPLETE, field_strength_t=None), State.VALID, ()),
    "implant": (replace(COMPLETE, implants="Series Description “silicone”"), State.VALID, ()),
}


@pytest.mark.parametrize("case", CASES)
def test_the_state_by_the_headers(case: str) -> None:
    evidence, state, codes = CASES[case]
    reasons = check_intended_use(evidence, IntendedUse())
    assert decide(reasons).state is state
    assert tuple(reason.code for reason in reasons) == codes
    assert all(reason.found and reason.expected and reason.sentence.endswith(".") for reason in reasons)


def test_a_site_may_withhold_what_its_headers_do_not_confirm() -> None:
    reasons = check_intended_use(Evidence(), IntendedUse(unconfirmed=Unconfirmed.WITHHOLD))
    assert {reason.state for reason in reasons} == {State.OUTSIDE}
    # What contradicts itself is not silent: it stays conditional.
    both = replace(COMPLETE, other_organ="TSPINE")
    assert decide(check_intended_use(both, IntendedUse(unconfirmed=Unconfirmed.WITHHOLD))).state is State.CONDITIONAL


@pytest.mark.parametrize(
    ("item", "evidence"),
    [
        (Item.BREAST, replace(COMPLETE, breast="", other_organ=THIGH)),
        (Item.SEX, replace(COMPLETE, sex="M")),
        (Item.AGE, replace(COMPLETE, age_years=9.4, stated_age_years=None)),
        (Item.CONTRAST, replace(COMPLETE, contrast="")),
    ],
)
def test_a_person_overrules_and_the_answer_says_who(item: Item, evidence: Evidence) -> None:
    (reason,) = check_intended_use(evidence, IntendedUse())
    assert f"--confirm {item}" in reason.overruled_by
    (overruled,) = check_intended_use(evidence, IntendedUse().with_option([item]))
    assert (overruled.code, overruled.state) == (reason.code, State.VALID)
    assert overruled.sentence == f"{reason.sentence} It was confirmed by --confirm {item}."
    others = [other for other in Item if other is not item]
    assert check_intended_use(evidence, IntendedUse(confirmed=tuple(others))) == (reason,)


def test_options_add_to_settings_and_name_both() -> None:
    use = IntendedUse(confirmed=(Item.SEX,), confirmed_by="the breast unit").with_option([Item.AGE, Item.AGE])
    assert use.confirmed == (Item.SEX, Item.AGE)
    assert use.confirms(Item.AGE) == "the breast unit; --confirm age"
    assert IntendedUse().with_option([]) == IntendedUse()


def test_a_sender_confirms_for_its_own_studies() -> None:
    use = IntendedUse(senders=(SenderConfirms("MAMMO_WS", (Item.BREAST,)),))
    silent = replace(COMPLETE, breast="")
    (reason,) = check_intended_use(replace(silent, sender="MAMMO_WS"), use)
    assert reason.state is State.VALID
    assert reason.sentence.endswith("It was confirmed by the rule for the sender MAMMO_WS.")
    for sender in ("OTHER", ""):
        (reason,) = check_intended_use(replace(silent, sender=sender), use)
        assert reason.state is State.CONDITIONAL
    with pytest.raises(SetupError, match="MAMMO_WS is duplicated"):
        IntendedUse(senders=(SenderConfirms("MAMMO_WS", ()), SenderConfirms("MAMMO_WS", (Item.AGE,))))
    with pytest.raises(SetupError, match="confirmed_by is empty"):
        IntendedUse(confirmed_by=" ")


def test_the_settings_in_words_for_the_provenance() -> None:
    assert IntendedUse().in_words() == "unconfirmed is conditional"
    use = IntendedUse(senders=(SenderConfirms("MAMMO_WS", (Item.BREAST,)),)).with_option([Item.SEX])
    assert use.in_words() == (
        "unconfirmed is conditional; sex confirmed by --confirm sex; breast confirmed by the sender MAMMO_WS"
    )


def test_sentences_name_what_was_found() -> None:
    (reason,) = check_intended_use(replace(COMPLETE, age_years=9.4, stated_age_years=9.0), IntendedUse())
    assert reason.sentence == "The patient is 9 years old; the models are meant for women of 18 years and over."
    (reason,) = check_intended_use(replace(COMPLETE, breast="", is_prone=True), IntendedUse())
    assert reason.sentence == ("The headers do not say that this is a breast; the patient lay prone, as for one.")
    for what in ("stage", "histology", "before surgery"):
        assert what in NOT_CHECKED
