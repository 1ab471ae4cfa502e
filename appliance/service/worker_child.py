"""The service's hold on its worker: started when there is something to compute, ended when it hangs, started again.

Everything here is called from the main thread: the worker asks the kernel to end it with its parent, and the kernel
means the thread that started it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from appliance.state.record_rows import as_text, utc_now
from appliance.state.worker_notes import Activity, Doing, Supervision, activity_in

LOG = logging.getLogger("rdeepnet.service")

_PAUSE_MIN_S, _PAUSE_MAX_S = 1.0, 60.0
_OPEN_WITHIN_S = 600.0  # it takes 3 to 8 s; a network file system under the models may be slow
_STOP_WITHIN_S = 20.0  # a library may hold the interpreter for some seconds


@dataclass(frozen=True)
class End:
    """An end of a worker: how, in words, "" when it was told to stop; and on which job, "" when it had none."""

    how: str
    job_id: str = ""


class WorkerChild:
    """A worker as a child process.

    Parameters
    ----------
    command : starts it
    handed_over : what it reads from its standard input
    state_dir : where it leaves its note
    hung_after_s : a job that takes longer is ended with its worker
    ended : called after each end that is not part of `stop`
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        handed_over: bytes,
        state_dir: Path,
        hung_after_s: float,
        ended: Callable[[End], None],
    ) -> None:
        self._command = list(command)
        self._handed_over = handed_over
        self._state_dir = state_dir
        self._hung_after_s = hung_after_s
        self._ended = ended
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._hung = ""  # how the running process hung, when it was killed for it
        self._failures = 0
        self._how = ""
        self._next_s = 0.0
        self._next_at = ""

    def look(self, *, wanted: bool) -> None:
        """Compares what is with what should be: one worker, if it is `wanted`, that gets on with its job."""
        if self._process is not None and (status := self._process.poll()) is not None:
            self._over(status)
        if self._process is None:
            if wanted and time.monotonic() >= self._next_s:
                self._start()
            return
        activity = self._activity()
        if not self._hung and (hung := self._hangs(activity)):
            LOG.critical("the worker hangs and is ended: %s", hung, extra=_job(activity))
            self._hung = hung
            self._process.kill()
        elif self._failures and activity is not None and activity.doing is not Doing.OPENING and not self._is_new():
            self._failures = 0

    def supervision(self, *, trouble: str) -> Supervision:
        """The content of the service's note, about the worker and the service itself."""
        return Supervision(
            pid=self._process.pid if self._process is not None else 0,
            failures=self._failures,
            how=self._how,
            next_at=self._next_at if self._process is None else "",
            trouble=trouble,
        )

    def ask_to_stop(self) -> None:
        """Tells the worker to stop; a job that runs is queued again."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Stops the worker, and waits until it has gone."""
        self.ask_to_stop()
        if self._process is None:
            return
        try:
            self._process.wait(timeout=_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            LOG.error("the worker does not stop, and is ended; its job is repeated at the next start")
            self._process.kill()
            self._process.wait()
        self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)
        self._started_s = time.monotonic()
        self._hung = ""
        assert self._process.stdin is not None
        try:
            with self._process.stdin as pipe:
                pipe.write(self._handed_over)
        except BrokenPipeError:
            return  # it has ended already; the next look says how

    def _over(self, status: int) -> None:
        """The worker has ended: notes how, and when it is started again."""
        activity = self._activity()
        was_new, self._process = self._is_new(), None
        if status == 0:  # somebody told it to stop; the service still needs one
            LOG.info("the worker was stopped; it is started again when it is needed")
            self._next_s = 0.0
            self._ended(End(""))
            return
        if status == os.EX_TEMPFAIL and not self._hung:  # nothing is wrong with it or with its job
            LOG.warning("the worker ended for want of the database; it is started again")
            self._next_s = time.monotonic() + _PAUSE_MIN_S
            self._next_at = as_text(utc_now() + timedelta(seconds=_PAUSE_MIN_S))
            self._ended(End(""))
            return
        self._how = self._hung or in_words(status)
        job_id = "" if activity is None else activity.job_id
        if job_id or not was_new:
            self._failures = 0  # it worked; how often a job may end it is counted with the job
            self._next_s = 0.0
        else:
            pause_s = min(_PAUSE_MAX_S, _PAUSE_MIN_S * 2.0 ** min(self._failures, 16))
            self._failures += 1
            self._next_s = time.monotonic() + pause_s
            self._next_at = as_text(utc_now() + timedelta(seconds=pause_s))
        LOG.error(
            "the worker has ended: %s; it is started again",
            self._how,
            extra={**_job(activity), "seconds": max(0.0, self._next_s - time.monotonic())},
        )
        self._ended(End(self._how, job_id))

    def _is_new(self) -> bool:
        """Returns whether the worker has neither had a job yet nor lasted."""
        activity = self._activity()
        has_worked = activity is not None and (activity.done > 0 or bool(activity.job_id))
        return not has_worked and time.monotonic() - self._started_s < _PAUSE_MAX_S

    def _activity(self) -> Activity | None:
        """The last note of this worker, and of no other."""
        activity = activity_in(self._state_dir)
        if self._process is None or activity is None or activity.pid != self._process.pid:
            return None
        return activity

    def _hangs(self, activity: Activity | None) -> str:
        """Returns how the worker hangs, in words; "" when it does not."""
        now_s = time.monotonic()
        if activity is None or activity.doing is Doing.OPENING:
            if now_s - self._started_s > _OPEN_WITHIN_S:
                return f"not ready after {now_s - self._started_s:.0f} s"
        elif activity.doing is Doing.COMPUTING:
            taken_s = now_s - activity.since_s
            if taken_s > self._hung_after_s + activity.allowance_s:
                return f"hung for {taken_s:.0f} s"
        return ""


def in_words(status: int) -> str:
    """The end of a process, by its exit status as `subprocess` has it."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    hint = ", perhaps for lack of memory" if -status == signal.SIGKILL else ""
    return f"killed by signal {name}{hint}"


def _job(activity: Activity | None) -> dict[str, str]:
    return {"job": activity.job_id} if activity is not None and activity.job_id else {}
