"""Ctrl-C: what was asked for ends at once and in order, wherever it is met.

An interrupt is an exception at whatever statement the main thread is on. Libraries may swallow it (a bare `except`),
turn it into an error of their own (an import that fails), or be unable to pass it on (a callback from C, whose
exceptions Python only prints). So it is remembered, and raised again where it was lost.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Final

STATUS: Final = 128 + signal.SIGINT  # exit status of a command that a person stopped, as a shell has it
_AGAIN_S = 0.05  # long enough that the callback that lost an interrupt has returned

_received, _answered = threading.Event(), threading.Event()


def listen() -> None:
    """Raises `KeyboardInterrupt` in the main thread at SIGINT, and remembers it; call it in the main thread, once.

    Where SIGINT is ignored (a job in the background of a script, `nohup`) it stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _raise_again


def ignore() -> None:
    """Ignores SIGINT from now on: the process is ending, and a second Ctrl-C has nothing to add."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def was_interrupted() -> bool:
    """Returns whether an interrupt came, whatever became of it."""
    return _received.is_set()


def answer(sentence: str) -> None:
    """Says on standard error that the command was stopped."""
    _answered.set()
    sys.stderr.write(f"{sentence}\n")


def was_answered() -> bool:
    """Returns whether somebody has said that the command was stopped."""
    return _answered.is_set()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.set()
    raise KeyboardInterrupt


def _raise_again(lost: sys.UnraisableHookArgs) -> None:
    if lost.exc_type is not None and issubclass(lost.exc_type, KeyboardInterrupt):
        again = threading.Timer(_AGAIN_S, signal.raise_signal, (signal.SIGINT,))
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(lost)
