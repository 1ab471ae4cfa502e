"""The service, its worker, or a command of an operator, with functions of the product wrapped so that it ends there.

    python -m tests.faults.starter serve SETTINGS CONTROL [ROLE]
    python -m tests.faults.starter worker SETTINGS CONTROL                            started by the service
    python -m tests.faults.starter operator SETTINGS CONTROL ACTION STUDY [TEXT]

Files in the CONTROL folder steer it while it runs: `armed` names a point, the number of the call that counts, and what
becomes of the process then; it is renamed to `fired` before that happens, so that it happens once whichever process
comes first. `clock` holds seconds by which the wall clock of the process is off; the monotonic clock is the system's.
"""

from __future__ import annotations

import datetime as datetime_module
import functools
import importlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from models.errors import SetupError
from tests.faults.points import POINTS, Point, Side


class Act(StrEnum):
    """Ends of the process at a point."""

    SIGKILL = "SIGKILL"
    SIGSEGV = "SIGSEGV"
    EXIT = "exit status 3"
    HANG = "hang"
    OUT_OF_MEMORY = "out of memory"


class Armed:
    """The order in the control folder, looked at whenever a wrapped function is called."""

    def __init__(self, control: Path) -> None:
        self._path = control / "armed"
        self._fired = control / "fired"
        self._lock = threading.Lock()
        self._calls: dict[str, int] = {}

    def at(self, point: str) -> None:
        """Count a call, and act where it is the one."""
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return
        order = json.loads(text)
        if order["point"] != point:
            return
        with self._lock:
            self._calls[text] = calls = self._calls.get(text, 0) + 1
        if calls < order["call"]:
            return
        try:
            self._path.rename(self._fired)
        except FileNotFoundError:  # another process or thread was first
            return
        act(Act(order["act"]))


def act(what: Act) -> None:
    """End this process, or as good as."""
    if what is Act.SIGKILL:
        os.kill(os.getpid(), signal.SIGKILL)
    elif what is Act.SIGSEGV:
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what is Act.EXIT:
        os._exit(3)
    elif what is Act.OUT_OF_MEMORY:
        hoard = []
        while True:  # until the limit of the process, which the product sets
            hoard.append(bytearray(64 * 1024**2))
    while True:
        time.sleep(3600)


def wrap(point: Point, armed: Armed) -> None:
    """Replace a function of the product by one that comes to the point."""
    module_name, _, path = point.target.partition(":")
    holder: Any = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    function: Callable[..., Any] = getattr(holder, name)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if point.side is Side.BEFORE:
            armed.at(point.name)
        result = function(*args, **kwargs)
        if point.side is Side.AFTER:
            armed.at(point.name)
        return result

    setattr(holder, name, wrapped)


def falsify_clock(control: Path) -> None:
    """Have the wall clock of this process go by the file `clock` as well, in `time` and in the product's modules."""
    true_time = time.time
    path = control / "clock"

    def offset_s() -> float:
        try:
            return float(path.read_text())
        except (FileNotFoundError, ValueError):
            return 0.0

    def false_time() -> float:
        return true_time() + offset_s()

    true_datetime = datetime_module.datetime

    class Alike(type):
        """A class whose instances are those of the true class, too, which libraries make."""

        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, true_datetime)

    class FalseDateTime(true_datetime, metaclass=Alike):  # type: ignore[valid-type,misc]
        @classmethod
        def now(cls, tz: datetime_module.tzinfo | None = None) -> FalseDateTime:
            return cls.fromtimestamp(false_time(), tz)

    time.time = false_time
    for name, module in list(sys.modules.items()):
        if name.startswith("appliance.") and getattr(module, "datetime", None) is true_datetime:
            module.datetime = FalseDateTime  # type: ignore[attr-defined]


def prepare(control: Path) -> None:
    """Wrap everything in this process."""
    armed = Armed(control)
    for point in POINTS:
        wrap(point, armed)
    falsify_clock(control)


def main(arguments: list[str]) -> int:
    what, settings_file, control = arguments[0], Path(arguments[1]), Path(arguments[2])
    if what == "worker":
        from appliance.service.worker_process import taken_over, work
        from tests.faults import answers

        settings = taken_over()
        prepare(control)
        return work(settings, open_answer=lambda _: answers.opening(control), first_study_s=0.0)
    from appliance.settings import load_settings

    settings = load_settings(settings_file)
    if what == "serve":
        import appliance.service.service as service
        from appliance.logs import configure
        from appliance.service.roles import ServiceRole

        prepare(control)
        configure(settings.logs)
        command = [sys.executable, "-m", "tests.faults.starter", "worker", *arguments[1:3]]
        try:
            return service.run(settings, worker=command, role=ServiceRole(*arguments[3:] or ["all"]))
        except SetupError as error:  # as the command line does
            print(error, file=sys.stderr)
            return 2
    import appliance.service.operator as operator

    prepare(control)
    action, study, *texts = arguments[3:]
    by = "the harness"
    if action == "choose":
        print(operator.choose(settings, study, texts, by=by))
    elif action == "retry":
        print(operator.retry(settings, study, by=by))
    elif action == "now":
        print(operator.answer_now(settings, study, by=by))
    else:
        print(operator.drop(settings, study, reason=texts[0], by=by))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
