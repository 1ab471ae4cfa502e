"""The service: receiver → inbox → completeness → queue, and outbox → couriers, started and stopped in order.

What is between, the computation, is a process of its own: the worker takes jobs from the queue and fills the outbox.
The service starts it, ends it when it hangs, and starts it again; whatever happens to it, studies are received.

The main loop is level-triggered: every round it compares what is on disk and in the records with what the queue
does, and puts right what differs. So a crash between any two writes needs no code of its own: the next round, or the
next start, finds the difference.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType

from appliance import interrupts
from appliance.files import lock_folder, make_private_folder
from appliance.logs import configure, describe
from appliance.service.audit import Audit
from appliance.service.bench import try_workbench
from appliance.service.fates import fates_of
from appliance.service.notices import made_apart
from appliance.service.presence import Presence
from appliance.service.pulse import Pulse
from appliance.service.reception import Reception
from appliance.service.roles import ServiceRole, check_role
from appliance.service.shared_completeness import LEASE_S
from appliance.service.startup_checks import missing_peers
from appliance.service.worker_child import WorkerChild
from appliance.service.worker_process import hand_over, queue_place
from appliance.settings import Settings
from appliance.state.database import DatabaseUnavailable
from appliance.state.disk import is_disk_full
from appliance.state.homes import open_receiving_home
from appliance.state.job_queue import JobQueue, QueueUnavailable
from appliance.state.job_takeover import JobTakeover
from appliance.state.worker_name import receiver_name
from appliance.state.worker_notes import ServiceNote, Supervision
from models.errors import SetupError
from models.version import software_version

LOG = logging.getLogger("rdeepnet.service")

EXIT_DEFECT = 70  # EX_SOFTWARE of sysexits.h: the supervisor starts the service again, and the job is repeated

# The command of the worker that reads its settings from the service.
WORKER = (sys.executable, "-m", "appliance.cli", "worker", "--of-service")


class Service:
    """All parts of the service but the computation, as far as its role needs them.

    Parameters
    ----------
    worker : the command that starts the worker
    role : in a shared home; with a state folder, all

    Raises
    ------
    SetupError
        When the settings do not make a working service, or another service holds the state folder.
    """

    def __init__(self, settings: Settings, *, worker: Sequence[str], role: ServiceRole = ServiceRole.ALL) -> None:
        check_role(settings, role)
        check_service(settings, role)
        self._settings = settings
        self._role = role
        state_dir = settings.service.state_dir
        make_private_folder(state_dir)
        self._lock = lock_folder(state_dir)
        self._pulse = Pulse(state_dir)
        self._note_file = ServiceNote(state_dir)
        self._home = open_receiving_home(
            settings, last_pulse_s=self._pulse.last_s(), receiver=receiver_name(settings), lease_s=LEASE_S
        )
        self._records, self._inbox, self._outbox = self._home.records, self._home.inbox, self._home.outbox
        self._queue = JobQueue(queue_place(settings, self._records))
        self._fates = fates_of(
            settings, records=self._records, inbox=self._inbox, outbox=self._outbox, queue=self._queue, make=made_apart
        )
        self._audit = Audit(settings, self._home)
        self._worker = self._new_worker(worker) if role.computes else None
        self._presence = Presence(settings, role, self._records) if settings.shared.is_used else None
        self._takeover = (
            JobTakeover(settings.shared.database_url, self._queue, interrupted=self._fates.interrupted)
            if settings.shared.is_used
            else None
        )
        self._reception = (
            Reception(
                settings,
                records=self._records,
                inbox=self._inbox,
                outbox=self._outbox,
                queue=self._queue,
                fates=self._fates,
                audit=self._audit,
            )
            if role.receives
            else None
        )

    def _new_worker(self, command: Sequence[str]) -> WorkerChild:
        return WorkerChild(
            command,
            handed_over=hand_over(self._settings),
            state_dir=self._settings.service.state_dir,
            hung_after_s=self._settings.jobs.hung_after_s,
            ended=self._fates.worker_ended,
        )

    def start(self) -> None:
        """Resumes the work of the last process, then begins to listen."""
        self._queue.open()
        if self._takeover is None or self._presence is None:
            self._records.interrupted()
        else:
            self._presence.begin()
            self._takeover.start()
        if self._reception is not None:
            self._reception.start()
        self._pulse.beat(time.monotonic())
        self._audit.activity(starts=True)
        LOG.info(
            "service ready, version %s%s",
            software_version(),
            "" if self._role is ServiceRole.ALL else f", as {self._role}",
            extra={"port": self._settings.service.port} if self._role.receives else {},
        )

    def work(self, stopping: threading.Event) -> int:
        """Does the rounds until `stopping`; returns an exit status, 0 when it was told to stop."""
        trouble = ""
        while not stopping.wait(self._settings.jobs.poll_s):
            before, trouble = trouble, self._tried_round()
            if trouble and trouble != before:
                LOG.error("%s", trouble)
            elif before and not trouble:
                LOG.info("the service works again")
            if not self._threads_live():
                LOG.critical("a thread of the service ended unexpectedly; the process exits")
                return EXIT_DEFECT
        return 0

    def _threads_live(self) -> bool:
        return (self._reception is None or self._reception.is_alive) and (
            self._takeover is None or self._takeover.is_alive
        )

    def _tried_round(self) -> str:
        """One round, and a look after the worker; a sentence when something outside keeps them from their work.

        Studies are received meanwhile, or refused with 0xA700 where there is no place for them: starting again cures
        neither, so the sign of life goes on.
        """
        troubles = []
        for part in (lambda: self.round(time.monotonic()), self._look_after_worker):
            try:
                part()
            except (QueueUnavailable, DatabaseUnavailable) as error:
                if is_disk_full(error) and not self._records.is_shared:
                    troubles.append("The disk is full: senders get 0xA700, and what is here waits for space.")
                elif isinstance(error, QueueUnavailable) or self._records.is_shared:
                    troubles.append(str(error))
                else:
                    LOG.error("the records are slow; the next round tries again", extra={"error": describe(error)})
                    return ""
                if self._records.is_shared:
                    break  # a worker that is started now would only end again
            except OSError as error:
                if not is_disk_full(error):
                    raise
                troubles.append("The disk is full: senders get 0xA700, and what is here waits for space.")
        trouble = " ".join(dict.fromkeys(troubles))
        self._pulse.beat(time.monotonic())
        supervision = (
            Supervision(trouble=trouble) if self._worker is None else self._worker.supervision(trouble=trouble)
        )
        self._note_file.write(replace(supervision, role=self._role))
        return trouble

    def round(self, now_s: float) -> None:
        """One round of the main loop."""
        if self._presence is not None:
            self._presence.show(now_s)
        if self._reception is not None:
            self._reception.round(now_s)

    def _look_after_worker(self) -> None:
        """Starts the worker where there may be work: in a shared home always, since others bring it."""
        if self._worker is not None:
            self._worker.look(
                wanted=self._reception is None or self._settings.shared.is_used or self._reception.has_work
            )

    def stop(self) -> None:
        """Stops in the order of the flow. A computation that runs is repeated at the next start."""
        if self._worker is not None:
            self._worker.ask_to_stop()
        if self._reception is not None:
            self._reception.stop_threads()
        if self._takeover is not None:
            self._takeover.stop()
        if self._worker is not None:
            self._worker.stop()
        if self._reception is not None:
            self._reception.last_records()
        if self._presence is not None:
            self._presence.end()
        self._queue.close()
        self._audit.activity(starts=False)
        self._audit.close()
        self._home.close()
        os.close(self._lock)
        LOG.info("service stopped")


def check_service(settings: Settings, role: ServiceRole = ServiceRole.ALL) -> None:
    """Checks that the settings are complete for a service.

    Raises
    ------
    SetupError
        When nobody may send, or nobody gets the results.
    """
    if mistakes := missing_peers(settings, role):
        raise SetupError(f"The settings are incomplete for a service: {'; '.join(mistakes)}.")


def serve(settings: Settings, role: ServiceRole = ServiceRole.ALL) -> int:
    """Runs the service, or one role of it, until SIGTERM or SIGINT; returns the exit status: 0, or 130 after SIGINT.

    Raises
    ------
    SetupError
        When it cannot start; the sentence says what to change.
    """
    configure(settings.logs)
    check_role(settings, role)
    check_service(settings, role)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _nothing_begun)
    if role.computes:
        try_workbench(settings)
    return run(settings, worker=WORKER, role=role)


def _nothing_begun(number: int, frame: FrameType | None) -> None:
    """Told to stop before there is anything to stop."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(0)


def run(settings: Settings, *, worker: Sequence[str], role: ServiceRole = ServiceRole.ALL) -> int:
    """Runs the service with a command that starts its worker, until SIGTERM or SIGINT."""
    stopping, told = threading.Event(), list[int]()

    def stop(number: int, frame: FrameType | None) -> None:
        told.append(number)
        stopping.set()

    service = _started(settings, worker, role, stop)
    status = service.work(stopping)
    if status != 0:
        logging.shutdown()
        os._exit(status)  # nothing can be trusted to stop in order; the worker ends with this process
    service.stop()
    return interrupts.STATUS if signal.SIGINT in told else 0


def _started(
    settings: Settings, worker: Sequence[str], role: ServiceRole, stop: Callable[[int, FrameType | None], None]
) -> Service:
    try:
        service = Service(settings, worker=worker, role=role)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        service.start()
    except Exception as error:  # a full disk has the class of whichever library met it; all else is raised again
        if not is_disk_full(error):
            raise
        raise SetupError(
            f"The disk of {settings.service.state_dir} is full, and the service cannot write its records there; "
            "expected 1 GB at least: make space, then start it again."
        ) from error
    return service
