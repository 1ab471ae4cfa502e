"""Outlines: words, the table's key, and what a method adds to the contours of other readers. Kind: mechanics."""

from __future__ import annotations

import math

import pytest

from models.outline import (
    ADDED,
    ADDED_FEW_STROKES,
    READERS_DICE,
    DraftComparison,
    Outline,
    outlined_in_words,
    strokes_in,
)
from models.preprocessing.other_readers import DICE
from models.volume import Sequence

ACCEPTED = Outline(
    kind="SEMIAUTOMATIC",
    method="grow-cut",
    version="1.0",
    detail="grow-cut from strokes on 5 slices",
    strokes=5,
    accepted_by="Ada Reader",
    accepted_at="2026-11-29 12:30",
    draft=DraftComparison(1.0, 12_720.0, 12_720.0),
)


def test_sentences_say_method_person_and_agreement() -> None:
    assert ACCEPTED.sentence("T1+C") == (
        "The tumour on T1+C was outlined semi-automatically (grow-cut from strokes on 5 slices, version 1.0). The "
        "draft was accepted unchanged by Ada Reader on 2026-11-29 12:30: Dice 1.00, 12.72 cm³."
    )
    edited = Outline(kind="MANUAL", draft=DraftComparison(0.874, 10_000.0, 11_000.0)).sentence("T1+C")
    assert "outlined by hand. The draft was edited, by whom is not stated: Dice 0.87" in edited
    assert "10.00 cm³ became 11.00 cm³" in edited
    assert Outline().sentence("T2W") == "The tumour on T2W was outlined in a way the segmentation does not state."


def test_the_key_of_a_method_does_not_depend_on_the_patient() -> None:
    assert ACCEPTED.key == "semiautomatic: grow-cut 1.0"
    assert Outline(kind="MANUAL").key == "manual"
    assert Outline().key == ""
    both = {Sequence.T1C: ACCEPTED, Sequence.T2W: Outline(kind="MANUAL")}
    assert outlined_in_words(both) == "t1c semiautomatic: grow-cut 1.0; t2w manual"
    assert outlined_in_words({Sequence.T1C: ACCEPTED, Sequence.T2W: ACCEPTED}) == ACCEPTED.key


@pytest.mark.parametrize(("strokes", "added"), [(5, ADDED["grow-cut"]), (3, ADDED_FEW_STROKES)])
def test_a_method_widens_the_contours_in_squares(strokes: int, added: float) -> None:
    outline = Outline(method="grow-cut", strokes=strokes, draft=ACCEPTED.draft)
    assert outline.readers_dice == pytest.approx(1 - math.sqrt(0.19**2 + added**2))
    assert outline.readers_dice < READERS_DICE == DICE == Outline(kind="MANUAL").readers_dice


def test_the_number_of_strokes_is_in_the_name_of_the_method() -> None:
    assert strokes_in("grow-cut from strokes on 12 slices") == 12
    assert strokes_in("OHIF Brush") is None
