"""States and their order, what decides, and what an outcome may hold in each state. Kind: invariant."""

from __future__ import annotations

from itertools import permutations

import pytest

from models.inference.outcome import (
    Contribution,
    Group,
    ModelIdentity,
    ModelOutcome,
    NotApplicable,
    PlausibleRange,
    Prediction,
    Quantity,
)
from models.validity import VALID, Reason, State, Validity, decide

SCORE = Quantity.RECURRENCE_SCORE
IDENTITY = ModelIdentity("recurrence", "1", "0" * 64, "RDeepNet recurrence score", "demonstration model")


def reason(state: State, code: str = "") -> Reason:
    return Reason(code or f"because-{state.replace('_', '-')}", state, f"This is {state}.")


def outcome() -> ModelOutcome:
    return ModelOutcome(
        IDENTITY,
        Quantity.RECURRENCE_SCORE,
        (Prediction(Quantity.RECURRENCE_SCORE, 1.06), Prediction(Quantity.RFS, 0.93, horizon_months=36)),
        1.1,
        Group.LOW,
        (Contribution("t1c_intratumoral_original_shape_Sphericity", 0.7, 0.2),),
        "CPUExecutionProvider",
        plausible_range=PlausibleRange(-0.08, 2.21, "Members of one training."),
    )


def test_the_order_of_the_states() -> None:
    # VALIDITY.md section 2, and the task: VALID < CONDITIONAL < BORDERLINE < OUTSIDE < NOT_COMPUTABLE.
    order = [State.VALID, State.CONDITIONAL, State.BORDERLINE, State.OUTSIDE, State.NOT_COMPUTABLE]
    assert sorted(order, key=lambda state: state.weight) == order


def test_the_worst_reason_wins_and_all_are_kept() -> None:
    reasons = [reason(state) for state in (State.CONDITIONAL, State.OUTSIDE, State.BORDERLINE, State.VALID)]
    for order in permutations(reasons):
        found = decide(order)
        assert found.state is State.OUTSIDE
        assert [one.state for one in found.reasons] == [
            State.OUTSIDE,
            State.BORDERLINE,
            State.CONDITIONAL,
            State.VALID,
        ]
        assert found.main == found.decisive[0] == reason(State.OUTSIDE)


def test_equal_reasons_keep_their_order_and_are_said_once() -> None:
    first, second = reason(State.CONDITIONAL, "first"), reason(State.CONDITIONAL, "second")
    assert decide((first, second, first)).reasons == (first, second)
    assert decide((first, second)).decisive == (first, second)


def test_nothing_against_it_is_valid_and_what_was_overruled_stays_on_record() -> None:
    assert decide(()) == VALID
    overruled = decide((reason(State.VALID),))
    assert (overruled.state, overruled.main, len(overruled.reasons)) == (State.VALID, None, 1)


def test_a_validity_that_contradicts_its_reasons_cannot_exist() -> None:
    with pytest.raises(ValueError, match="The state is valid, of reasons \\['outside'\\]"):
        Validity(State.VALID, (reason(State.OUTSIDE),))
    with pytest.raises(ValueError, match="The state is outside, of reasons"):
        Validity(State.OUTSIDE, (reason(State.CONDITIONAL), reason(State.OUTSIDE)))


@pytest.mark.parametrize("state", [state for state in State if state is not State.NOT_ASKED])
def test_an_outcome_holds_what_its_state_allows(state: State) -> None:
    held = outcome().held_to([reason(state)])
    assert held.validity.state is state
    assert (held.group is not None) == (state in (State.VALID, State.CONDITIONAL))
    is_withheld = state in (State.OUTSIDE, State.NOT_COMPUTABLE)
    assert held.predictions == (() if is_withheld else outcome().predictions)
    assert held.withheld == (outcome().predictions if is_withheld else ())
    assert bool(held.contributions) == bool(held.plausible_range) == (not is_withheld)


def test_further_reasons_only_take_away() -> None:
    outside = outcome().held_to([reason(State.OUTSIDE)])
    again = outside.held_to([reason(State.CONDITIONAL)])
    assert again.validity.state is State.OUTSIDE
    assert [one.state for one in again.validity.reasons] == [State.OUTSIDE, State.CONDITIONAL]
    assert again.withheld == outcome().predictions


def test_an_outcome_that_says_more_than_its_state_allows_cannot_exist() -> None:
    with pytest.raises(ValueError, match="in state borderline has group low"):
        ModelOutcome(
            IDENTITY, SCORE, outcome().predictions, 1.1, Group.LOW, (), "", validity=decide([reason(State.BORDERLINE)])
        )
    with pytest.raises(ValueError, match="in state outside has group None, 2 predictions"):
        ModelOutcome(
            IDENTITY, SCORE, outcome().predictions, 1.1, None, (), "", validity=decide([reason(State.OUTSIDE)])
        )
    with pytest.raises(ValueError, match="in state valid has group low, 0 predictions"):
        ModelOutcome(IDENTITY, SCORE, (), 1.1, Group.LOW, (), "")
    with pytest.raises(ValueError, match="the smaller was expected first"):
        PlausibleRange(2, 1, "")


def test_a_model_that_was_not_run_says_so_as_a_state() -> None:
    lacking = NotApplicable(IDENTITY, "no T2W series was found").validity
    assert (lacking.state, lacking.reasons[0].code) == (State.NOT_ASKED, "sequence-missing")
    assert lacking.reasons[0].sentence == "Not applicable, because no T2W series was found."
    assert (
        NotApplicable(IDENTITY, "another answers", is_expected=True).validity.reasons[0].code == "other-model-answers"
    )
