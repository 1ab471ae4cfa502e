"""Progress: a bar that fits a terminal, a line now and then elsewhere, nothing left behind. Kind: mechanics."""

from __future__ import annotations

import io
import re

import pytest

from appliance.commands import progress as module
from appliance.commands.options import PlainConsole
from appliance.commands.progress import progress


def console(*, terminal: bool, width: int = 80) -> PlainConsole:
    return PlainConsole(file=io.StringIO(), force_terminal=terminal, width=width, legacy_windows=False)


def text_of(shown: PlainConsole) -> str:
    assert isinstance(shown.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.file.getvalue())


def test_a_terminal_sees_what_count_and_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    shown = console(terminal=True)
    monkeypatch.setattr(module, "stderr", lambda: shown)
    with progress("Training") as running:
        running.tell("permutation 2/3, fold 10/10, member 5/5", 123, 365)
        assert running._bar is not None
        running._bar[0].refresh()
    frames = [line for line in re.split(r"[\r\n]", text_of(shown)) if "123/365" in line]
    assert frames
    assert all(len(line) <= 80 for line in frames)
    assert re.search(r"Permutation 2/3, fold 10/10, member 5/5 .+ 123/365, 0:00, \d+:\d\d left", frames[-1])


def test_elsewhere_there_is_a_line_every_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    shown = console(terminal=False)
    monkeypatch.setattr(module, "stderr", lambda: shown)
    with progress("Studies", 4) as running:
        running.advance()
        now[0] += 65
        running.advance()
        now[0] += 1
        running.advance()
    assert text_of(shown) == "Studies: 2 of 4, 1:05 so far, about 1:05 left\n"


def test_a_terminal_that_knows_no_cursor_gets_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    shown = console(terminal=True)
    monkeypatch.setattr(module, "stderr", lambda: shown)
    with progress("Studies", 4) as running:
        running.advance()
    assert text_of(shown) == ""


@pytest.mark.parametrize(("seconds", "words"), [(5, "0:05"), (65.4, "1:05"), (7201, "2:00:01")])
def test_times_in_figures(seconds: float, words: str) -> None:
    assert module._clock(seconds) == words
