"""The one kind of progress: what is being done, a bar, the count, the time that has passed and the time left.

It is drawn on standard error and taken away at the end. Where nothing can be drawn (a file, a pipe, a terminal that
knows no cursor) there is a line every half minute instead.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from appliance.commands.options import say, stderr

_EVERY_S = 30.0  # between two lines
_BAR = 16  # characters


class Running:
    """Progress of one thing that is being done.

    Attributes
    ----------
    console : where it is shown, and lines may be written above it
    """

    def __init__(self, console: Console, what: str, total: int | None) -> None:
        self.console = console
        self._what, self._total, self._done = what, total, 0
        self._bar: tuple[Progress, TaskID] | None = None
        self._started = self._last = time.monotonic()

    def draw_on(self, progress: Progress) -> None:
        """Draws itself from now on."""
        self._bar = progress, progress.add_task(self._what, total=self._total)

    def tell(self, what: str, done: int, total: int) -> None:
        """Says how far it is; as `models.progress.Tell`."""
        self._what, self._done, self._total = (what[:1].upper() + what[1:]) or self._what, done, total
        if self._bar is not None:
            progress, task = self._bar
            progress.update(task, description=self._what, completed=done, total=total)
        elif time.monotonic() - self._last >= _EVERY_S:
            self._last = time.monotonic()
            say(self.console, f"{self._what}: {_in_words(done, total, self._last - self._started)}")

    def say(self, console: Console, sentence: str) -> None:
        """Writes a line to another console, standard output say, while nothing is drawn over it."""
        if self._bar is None:
            say(console, sentence)
            return
        drawn, _ = self._bar
        drawn.stop()
        say(console, sentence)
        drawn.start()

    def advance(self) -> None:
        """One more is done."""
        self.tell("", self._done + 1, self._total or 0)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Running]:
    """Shows on standard error that something is being done, until it is done.

    Parameters
    ----------
    what : in a few words, capitalised
    total : number of steps; None where it is not known (yet)
    """
    console = stderr()
    running = Running(console, what, total)
    if not console.is_terminal or console.is_dumb_terminal:
        yield running
        return
    drawn = Progress(
        SpinnerColumn("dots" if console.encoding.startswith("utf") else "line"),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=_BAR),
        _Count(table_column=Column(no_wrap=True)),
        console=console,
        transient=True,
        redirect_stdout=False,  # what goes to standard output stays there
    )
    with drawn:
        running.draw_on(drawn)
        yield running


class _Count(ProgressColumn):
    """ "3/10, 1:05, 2:31 left"; without a total only the time that has passed."""

    def render(self, task: Task) -> Text:
        """The text beside the bar."""
        passed = _clock(task.elapsed or 0.0)
        if not task.total:
            return Text(passed)
        left = task.time_remaining
        if left is None and task.completed and task.elapsed:  # before the first estimate of speed
            left = task.elapsed / task.completed * (task.total - task.completed)
        return Text(f"{task.completed:g}/{task.total:g}, {passed}" + ("" if left is None else f", {_clock(left)} left"))


def _in_words(done: int, total: int, seconds: float) -> str:
    if not total:
        return f"{_clock(seconds)} so far"
    left = f", about {_clock(seconds / done * (total - done))} left" if done else ""
    return f"{done} of {total}, {_clock(seconds)} so far{left}"


def _clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: 1:05, 2:00:01."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
