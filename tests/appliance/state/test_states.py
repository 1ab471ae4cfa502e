"""The table of states: what it allows, and that the drawing shows exactly it. Kind: mechanics."""

from __future__ import annotations

import itertools
import re

import pytest

from appliance.state.states import FINAL, MOVES, IllegalMove, State, check_move
from tests.conftest import ROOT

OPERATING = ROOT / "appliance" / "OPERATING.md"


@pytest.mark.parametrize(("current", "new"), list(itertools.product(State, State)))
def test_a_move_is_legal_exactly_when_the_table_has_it(current: State, new: State) -> None:
    if (current, new) in MOVES.values():
        check_move(current, new)
    else:
        with pytest.raises(IllegalMove, match=f"{current} and cannot become {new}"):
            check_move(current, new)


def test_every_state_can_be_reached_and_left() -> None:
    assert {to for _, to in MOVES.values()} == set(State)
    assert {source for source, _ in MOVES.values()} == set(State)
    assert len(set(MOVES.values())) == len(MOVES)


def test_only_a_late_instance_or_a_retry_leaves_an_end() -> None:
    assert {to for source, to in MOVES.values() if source in FINAL} == {State.RECEIVED, State.QUEUED, State.SENDING}


def test_the_table_in_operating_is_this_table() -> None:
    rows = re.findall(r"^\| ([a-z]) \| (\w+) \| (\w+) \|", OPERATING.read_text(encoding="utf-8"), re.MULTILINE)
    assert {letter: (State(source), State(to)) for letter, source, to in rows} == dict(MOVES)


def test_the_drawing_in_operating_shows_every_state_and_letter() -> None:
    drawing = OPERATING.read_text(encoding="utf-8").split("```")[1]
    assert all(state in drawing for state in State)
    assert {letter for letters in re.findall(r"\(([a-z, ]+)\)", drawing) for letter in letters.split(", ")} == set(
        MOVES
    )
