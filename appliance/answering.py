"""When the service opens its workbench: tried before the start in a process of its own, opened at the first study.

So the service does not start with what does not work, starts soon, and while it waits for a first study it holds none
of the numerical libraries, which are three quarters of its memory. They are imported inside the functions for that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.crew import Broken, work_off
from appliance.outbox import Outgoing
from appliance.settings import Settings
from appliance.worker import Answerer
from models.errors import SetupError

if TYPE_CHECKING:
    from appliance.pipeline import Workbench


def try_workbench(settings: Settings) -> None:
    """Open the workbench in a process that then ends.

    Raises
    ------
    SetupError
        As `open_workbench`, or when the process is ended from outside.
    """
    for outcome in work_off([None], partial(_opened, settings), workers=1):
        if isinstance(outcome, Broken):
            raise SetupError(f"The models and engines could not be tried: {outcome.reason}")


def _opened(settings: Settings) -> Callable[[None], None]:
    from appliance.workbench import open_workbench

    open_workbench(settings)
    return _nothing_more


def _nothing_more(_: None) -> None:
    """The task of the process that tries the workbench: to have opened it was all."""


def answerer(settings: Settings) -> Answerer:
    """Answers studies on a workbench that is opened for the first of them."""
    opened: list[Workbench] = []
    lock = threading.Lock()

    def answered(files: Sequence[Path], created: datetime) -> Outgoing:
        from appliance.workbench import answer, archive_of, open_workbench

        with lock:
            if not opened:
                opened.append(open_workbench(settings))
        return answer(files, created, bench=opened[0], archive=archive_of(settings))

    return answered
