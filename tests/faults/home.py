"""A service under supervision: it is restarted whenever it ends, and its peers are in this process."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import _config

from appliance.settings import Settings, load_settings
from appliance.state.commitment_records import CommitmentRecords, CommitmentState
from appliance.state.database import DatabaseUnavailable
from appliance.state.records import DeliveryState, Records
from appliance.state.states import FINAL, State
from tests.faults.destination import TITLE, Destination, Habit
from tests.faults.ledger import Ledger, Stated
from tests.faults.sender import AE_TITLE, LIMIT_S, SENDER, send_once
from tests.faults.starter import Act

IDLE_S = 0.6
RESTART_S = 0.1  # pause of the supervisor
_AT_START = 3.0  # deaths within so many seconds after the start make the supervisor pause longer


def free_port() -> int:
    """A port nobody listens on; none that the system gives to connections, since a service is down for seconds."""
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


class Stuck(Exception):
    """Something that had to happen has not happened within the limit."""


def wait_for(condition: Callable[[], object], *, what: str, limit_s: float = LIMIT_S, every_s: float = 0.05) -> None:
    """Wait until a condition holds; raises `Stuck`."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise Stuck(f"after {limit_s:g} s: {what}")
        time.sleep(every_s)


@dataclass(frozen=True)
class Death:
    """An end of the service that nobody asked for."""

    at_s: float  # monotonic
    status: int


class Home:
    """Folders, peers and supervisor of one service.

    Parameters
    ----------
    destinations : names; each is an SCP of its own with the same ledger for the first, and its own for others
    idle_association_s : after which the service gives up a silent peer
    jobs, more : further lines of the settings: of [jobs], and tables
    """

    def __init__(
        self,
        folder: Path,
        *,
        destinations: Sequence[str] = ("pacs",),
        state_dir: Path | None = None,
        idle_association_s: float = 8.0,
        jobs: str = "max_attempts = 20\n",
        more: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _config.LOG_HANDLER_LEVEL = "none"
        self.folder = folder
        self.port = free_port()
        self.control = folder / "control"
        self.control.mkdir(exist_ok=True)
        self.state_dir = state_dir or folder / "state"
        self.ledger = Ledger()
        self.destinations = {
            name: Destination(Ledger() if number else self.ledger, free_port(), (AE_TITLE, self.port))
            for number, name in enumerate(destinations)
        }
        peers = "".join(
            f'[[destinations]]\nname = "{name}"\nae_title = "{TITLE}"\nhost = "127.0.0.1"\nport = {each.port}\n'
            for name, each in self.destinations.items()
        )
        settings_file = folder / "rdeepnet.toml"
        settings_file.write_text(
            f'[service]\nhost = "127.0.0.1"\nport = {self.port}\nstate_dir = "{self.state_dir}"\n'
            "max_associations_per_address = 20\nmax_object_mib = 64\nassociation_request_s = 3.0\n"
            f"idle_association_s = {idle_association_s}\n[study]\nidle_s = {IDLE_S}\n[jobs]\npoll_s = 0.1\n{jobs}"
            f"[delivery]\nretry_min_s = 0.3\nretry_max_s = 1.0\ntimeout_s = 3.0\ncommitment_report_s = 2.0\n{more}"
            f'[[senders]]\nae_title = "{SENDER}"\naddresses = ["127.0.0.0/8"]\n{peers}',
            encoding="utf-8",
        )
        self.settings_file = settings_file
        self.settings: Settings = load_settings(settings_file)
        self.deaths: list[Death] = []
        self.log_file = folder / "service.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._held = threading.Event()  # the supervisor is told not to restart for a while
        self._supervisor: threading.Thread | None = None

    # -- the supervisor

    def start(self) -> None:
        """Start destinations and service, and wait until it listens."""
        for each in self.destinations.values():
            each.behave(Habit.GOOD)
        self._stopping.clear()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()
        wait_for(lambda: "service ready" in self.log(), what="the service is not ready", every_s=0.1)
        self.wait_until_listening()

    def stop(self) -> None:
        """Stop everything; whatever state it is in, nothing is left running."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        if self._supervisor is not None:
            self._supervisor.join(timeout=30)
        for each in self.destinations.values():
            each.stop()

    def _supervise(self) -> None:
        pause_s = RESTART_S
        while not self._stopping.is_set():
            begun_s = time.monotonic()
            self._process = self._spawn()
            status = self._process.wait()
            if not self._stopping.is_set():
                self.deaths.append(Death(time.monotonic(), status))
            is_early = time.monotonic() - begun_s < _AT_START
            pause_s = min(2 * pause_s, 2.0) if is_early else RESTART_S
            self._stopping.wait(pause_s)
            while self._held.is_set() and not self._stopping.is_set():
                time.sleep(0.02)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.starter", "serve", str(self.settings_file), str(self.control)]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})

    @property
    def process_id(self) -> int:
        """Of the service that runs, or ran last."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, as from outside; the supervisor starts it again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Killed, and not started again before the block ends."""
        deaths = len(self.deaths)
        self._held.set()
        self.kill()
        try:
            wait_for(lambda: len(self.deaths) > deaths, what="the service to be dead")
            yield
        finally:
            self._held.clear()

    def is_listening(self) -> bool:
        """Returns whether the port accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def wait_until_listening(self) -> None:
        try:
            wait_for(self.is_listening, what="the service to listen")
        except Stuck as stuck:
            raise Stuck(f"{stuck}\n{self.log()[-2000:]}") from stuck

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    # -- faults

    def arm(self, point: str, *, call: int = 1, act: Act = Act.SIGKILL) -> None:
        """Have the process end the next time it comes to a point."""
        (self.control / "fired").unlink(missing_ok=True)
        beside = self.control / "armed.new"
        beside.write_text(json.dumps({"point": point, "call": call, "act": act, "id": time.monotonic_ns()}))
        beside.rename(self.control / "armed")

    def disarm(self) -> bool:
        """Returns whether it came to the point."""
        (self.control / "armed").unlink(missing_ok=True)
        return self.has_fired()

    def has_fired(self) -> bool:
        return (self.control / "fired").exists()

    def since_fired_s(self) -> float:
        """Seconds since it came to the point."""
        return time.time() - (self.control / "fired").stat().st_ctime  # a rename is a change

    def turn_clock(self, seconds: float) -> None:
        """Have the wall clock of the service be off by so much."""
        beside = self.control / "clock.new"
        beside.write_text(str(seconds))
        beside.rename(self.control / "clock")

    # -- the sender

    def push_once(self, datasets: Sequence[Dataset], *, release: bool = True) -> list[int | None]:
        """Send what was not accepted before on one association; returns a status for each, None without answer."""
        return send_once(self.ledger, self.port, datasets, release=release)

    def push(self, datasets: Sequence[Dataset], *, limit_s: float = LIMIT_S) -> None:
        """Send until everything was accepted, as a PACS does."""
        wait_for(
            lambda: self.is_listening() and all(status == 0x0000 for status in self.push_once(datasets)),
            what="the service has not accepted a study",
            limit_s=limit_s,
        )

    def operate(self, action: str, study_uid: str, *texts: str) -> subprocess.CompletedProcess[str]:
        """A command of an operator, in a process of its own."""
        command = [sys.executable, "-m", "tests.faults.starter", "operator", str(self.settings_file)]
        return subprocess.run(
            [*command, str(self.control), action, study_uid, *texts],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )

    # -- what the service states

    def stated(self, study_uid: str) -> Stated:
        """State and sentence of a study; empty when it is not recorded."""
        return self._asked(lambda records: stated_by(records, study_uid)) or Stated()

    def is_settled(self, study_uid: str) -> bool:
        """Returns whether nothing more happens to a study by itself."""
        return bool(self._asked(lambda records: is_settled(records, study_uid)))

    def _asked(self, question: Callable[[Records], object]):  # type: ignore[no-untyped-def]
        path = self.state_dir / "studies.sqlite3"
        try:
            records = Records(path, read_only=True)
        except DatabaseUnavailable:  # not there yet
            return None
        try:
            return question(records)
        except DatabaseUnavailable:  # its tables are not there yet
            return None
        finally:
            records.close()


def stated_by(records: Records, study_uid: str) -> Stated:
    """State and sentence of a study; empty when it is not recorded."""
    record = records.find(study_uid)
    return Stated() if record is None else Stated(record.state.value, record.sentence)


def is_settled(records: Records, study_uid: str) -> bool:
    """Returns whether nothing more happens to a study by itself."""
    record = records.find(study_uid)
    if record is None or record.state not in FINAL:
        return False
    deliveries = records.deliveries(study_uid)
    if any(one.state is DeliveryState.WAITING for one in deliveries):
        return False
    if record.state is not State.DELIVERED:
        return True
    open_states = (CommitmentState.DUE, CommitmentState.PENDING)
    commitments = CommitmentRecords(records).of_study(study_uid)
    return bool(commitments) and all(one.state not in open_states for one in commitments)


def children_of(process_id: int) -> list[int]:
    """Process ids of what a process has started and has not ended."""
    tasks = Path(f"/proc/{process_id}/task").glob("*/children")
    try:
        return [int(child) for task in list(tasks) for child in task.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return []
