"""Answers that a later one replaces, and why. Kind: mechanics."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dicom_io.answer_roles import Role
from dicom_io.earlier import AnswerFacts, EarlierAnswer, SentObject, objects_replaced, reasons, replacement_of
from reports.page_words import replaces_sentence
from reports.replacement import REASONS, Reason, Replacement

FACTS = AnswerFacts(
    key="one",
    identity="patient",
    images=("i1", "i2"),
    segmentations=("s1",),
    tumour="mask",
    models=("recurrence 1.0 abc",),
    software="0.2",
)
CREATED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def answered(facts: AnswerFacts, *, days: int = 0) -> EarlierAnswer:
    objects = (
        SentObject(Role.SEG_T1C, "1.2.3", f"2.25.1{days}", f"2.25.2{days}"),
        SentObject(Role.KEY_SR, "1.2.4", f"2.25.3{days}", f"2.25.4{days}"),
        SentObject(Role.PDF, "1.2.5", f"2.25.5{days}", f"2.25.6{days}"),
    )
    return EarlierAnswer(CREATED + timedelta(days=days), facts, objects)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"segmentations": ("s2",), "tumour": "other"}, (Reason.SEGMENTATION,)),
        ({"tumour": "other"}, (Reason.SEGMENTATION,)),
        ({"identity": "corrected"}, (Reason.IDENTITY,)),
        ({"images": ("i1", "i2", "i3")}, (Reason.IMAGES,)),
        ({"images": ("i1", "i3"), "tumour": "on another grid"}, (Reason.CHOICE,)),
        ({"images": ("i1",)}, (Reason.CHOICE,)),
        ({"models": ("recurrence 1.1 def",)}, (Reason.MODEL,)),
        ({"software": "0.3", "tumour": "placed otherwise"}, (Reason.SOFTWARE,)),
        ({}, (Reason.HEADERS,)),
        ({"identity": "corrected", "segmentations": ("s2",)}, (Reason.SEGMENTATION, Reason.IDENTITY)),
    ],
)
def test_what_has_changed_is_the_reason(changes: dict[str, object], expected: tuple[Reason, ...]) -> None:
    now = replace(FACTS, key="two", **changes)  # type: ignore[arg-type]
    assert reasons(FACTS, now) == expected


def test_every_reason_is_worded() -> None:
    assert set(REASONS) == set(Reason)


def test_the_first_answer_replaces_nothing_and_a_repetition_what_it_replaced_before() -> None:
    assert replacement_of(FACTS, ()) is None
    assert replacement_of(FACTS, [answered(FACTS)]) is None
    second = replace(FACTS, key="two", tumour="other")
    replacement = replacement_of(second, [answered(FACTS)])
    assert replacement == Replacement("2.25.30", CREATED, (Reason.SEGMENTATION,), 2)
    chain = [answered(FACTS), answered(replace(second, replacement=replacement), days=1)]
    assert replacement_of(second, chain) == replacement
    assert objects_replaced(replacement, chain) == chain[0].objects
    assert objects_replaced(None, chain) == ()


def test_back_to_what_was_said_first_is_a_third_version() -> None:
    second = replace(FACTS, key="two", tumour="other")
    second = replace(second, replacement=replacement_of(second, [answered(FACTS)]))
    third = replacement_of(FACTS, [answered(FACTS), answered(second, days=1)])
    assert third is not None
    assert (third.version, third.replaced) == (3, "2.25.31")


def test_facts_survive_the_outbox() -> None:
    replacement = Replacement("2.25.30", CREATED, (Reason.IDENTITY, Reason.MODEL), 2)
    for facts in (FACTS, replace(FACTS, replacement=replacement)):
        assert AnswerFacts.from_json(json.loads(json.dumps(facts.as_json()))) == facts


def test_the_sentence_names_date_and_every_reason() -> None:
    replacement = Replacement("2.25.30", CREATED, (Reason.SEGMENTATION, Reason.IDENTITY, Reason.MODEL), 2)
    assert replaces_sentence(replacement) == (
        "Replaces the report of 2026-03-01 08:00 +00:00, because the tumour was segmented again, the identity of the "
        "patient was corrected and the models have changed."
    )
    with pytest.raises(ValueError, match="expected a reason, and 2 or more"):
        Replacement("2.25.30", CREATED, (), 1)
