"""Study states and the moves between them. `OPERATING.md` draws this table.

An illegal move raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from models.errors import RDeepNetError


class State(StrEnum):
    """State of a study."""

    RECEIVED = "received"  # instances are arriving or just arrived; it is not complete yet
    QUEUED = "queued"  # complete, waits for the worker
    RUNNING = "running"  # the worker is on it
    SENDING = "sending"  # answered; results are on their way, or wait for a destination
    DELIVERED = "delivered"  # every destination has every result
    REVIEW = "review"  # a draft of the tumour was made from strokes; a person must edit or accept it
    REFUSED = "refused"  # cannot be answered as it is; the sentence says what is missing
    FAILED = "failed"  # something of ours or of a destination failed; the sentence says what, retry repeats it


class IllegalMove(RDeepNetError):
    """A study cannot move from its state to the requested one."""


# Letter in OPERATING.md → from, to.
MOVES: Mapping[str, tuple[State, State]] = {
    "a": (State.RECEIVED, State.QUEUED),  # silence: the study is complete
    "b": (State.QUEUED, State.RUNNING),  # the worker takes it
    "c": (State.RUNNING, State.SENDING),  # answered, results are in the outbox
    "d": (State.SENDING, State.DELIVERED),  # the last destination has the last object
    "e": (State.RUNNING, State.REFUSED),  # the study must change
    "f": (State.RUNNING, State.FAILED),  # the computation failed
    "g": (State.SENDING, State.FAILED),  # a destination does not take the results
    "h": (State.QUEUED, State.FAILED),  # it has ended its worker too often
    "i": (State.RUNNING, State.QUEUED),  # the worker ended in the middle; it starts again
    "j": (State.QUEUED, State.RECEIVED),  # a late instance
    "k": (State.RUNNING, State.RECEIVED),  # a late instance; what is being computed is dropped
    "l": (State.SENDING, State.RECEIVED),  # a late instance; results so far are still sent
    "m": (State.DELIVERED, State.RECEIVED),  # a late instance
    "n": (State.REFUSED, State.RECEIVED),  # a late instance, perhaps what was missing
    "o": (State.FAILED, State.RECEIVED),  # a late instance
    "p": (State.REFUSED, State.QUEUED),  # retry: answer again
    "q": (State.FAILED, State.QUEUED),  # retry: answer again
    "r": (State.FAILED, State.SENDING),  # retry: the results are there, send them again
    "s": (State.DELIVERED, State.SENDING),  # retry: send the results again
    "t": (State.DELIVERED, State.QUEUED),  # retry with an explicit choice: answer anew
    "u": (State.SENDING, State.QUEUED),  # retry with an explicit choice; results so far are still sent
    "v": (State.RUNNING, State.REVIEW),  # strokes: the draft is in the outbox
    "w": (State.REVIEW, State.RECEIVED),  # a late instance: the reviewed segmentation, or other strokes
    "x": (State.REVIEW, State.QUEUED),  # a person accepted the draft, or an explicit choice was made
}

FINAL = frozenset({State.DELIVERED, State.REVIEW, State.REFUSED, State.FAILED})
SETTLED_BY_DROP = frozenset({State.REVIEW, State.REFUSED, State.FAILED})  # they wait for somebody until then


def check_move(current: State, new: State) -> None:
    """Raises `IllegalMove` unless the table has the move."""
    if (current, new) not in MOVES.values():
        allowed = ", ".join(to for source, to in MOVES.values() if source is current)
        raise IllegalMove(f"The study is {current} and cannot become {new}; from here it can become {allowed}.")
