"""Several hosts of one installation: a PostgreSQL server, processes under host names of their own, one destination.

A host is what one machine runs: a receiver with couriers, and a worker. All are on the loopback; each has its own port
and state folder. Where the system allows it, each has a host name of its own (a UTS namespace); elsewhere its name is
in the settings. What they share is the database alone (and an S3 simulator, where images are there).
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import _config

from appliance.settings import Settings, load_settings
from appliance.state.homes import open_home
from appliance.state.records import Records
from tests.end_to_end.postgres import Postgres
from tests.faults.answers import HOST_VARIABLE
from tests.faults.cable import Cable, address_of, can_be_cut
from tests.faults.destination import TITLE, Destination, Habit
from tests.faults.home import IDLE_S, children_of, free_port, is_settled, stated_by, wait_for
from tests.faults.ledger import Ledger, Stated
from tests.faults.sender import AE_TITLE, LIMIT_S, SENDER, send_once


@dataclass(frozen=True)
class Begun:
    """A computation that began, as the fake answer noted it."""

    at_s: float  # seconds since 1970
    host: str
    study_uid: str


class Host:
    """One machine of the installation."""

    def __init__(
        self, name: str, folder: Path, control: Path, *, cable: Cable, shared: str, destination: int, poll_s: float
    ) -> None:
        self.name, self.port, self.cable = name, free_port(), cable
        self._control = control
        folder.mkdir()
        self.settings_file = folder / "rdeepnet.toml"
        executor = "" if has_own_names() else f'executor = "{name}"\n'
        self.settings_file.write_text(
            f'[service]\nhost = "127.0.0.1"\nport = {self.port}\nstate_dir = "{folder / "state"}"\n'
            "max_associations_per_address = 20\nmax_object_mib = 64\nassociation_request_s = 3.0\n"
            f"idle_association_s = 8.0\n[shared]\n{shared}[study]\nidle_s = {IDLE_S}\n"
            f"[jobs]\npoll_s = {poll_s}\nmax_attempts = 20\n{executor}"
            "[delivery]\nretry_min_s = 0.3\nretry_max_s = 1.0\ntimeout_s = 3.0\ncommitment_report_s = 2.0\n"
            f'[[senders]]\nae_title = "{SENDER}"\naddresses = ["127.0.0.0/8"]\n'
            f'[[destinations]]\nname = "pacs"\nae_title = "{TITLE}"\nhost = "127.0.0.1"\nport = {destination}\n',
            encoding="utf-8",
        )
        self.settings: Settings = load_settings(self.settings_file)
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at_s = 0.0  # since 1970

    @property
    def is_up(self) -> bool:
        """Returns whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, role: str = "all") -> None:
        """Start its process; it listens some seconds later."""
        command = [sys.executable, "-m", "tests.faults.starter", "serve", str(self.settings_file), str(self._control)]
        command.append(role)
        if has_own_names():
            command = ["unshare", "--uts", "sh", "-c", f'hostname {self.name} && exec "$@"', "sh", *command]
        self.started_at_s = time.time()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1", HOST_VARIABLE: self.name},
            )

    def kill(self) -> None:
        """SIGKILL to everything it runs, as when its power fails."""
        if self._process is None:
            return
        victims = [self._process.pid, *_descendants(self._process.pid)]
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""


class Site:
    """PostgreSQL, hosts and a destination; `accepted` and `arrived` are in the ledger.

    Parameters
    ----------
    postgres : a running server of the site's own
    more : further lines of [shared]
    poll_s : how often processes look for work
    """

    def __init__(
        self, folder: Path, postgres: Postgres, names: Sequence[str], *, more: str = "", poll_s: float = 0.1
    ) -> None:
        _config.LOG_HANDLER_LEVEL = "none"
        folder.mkdir(parents=True, exist_ok=True)
        self.postgres = postgres
        self.database = f"site_{time.monotonic_ns()}"
        postgres.execute(f"CREATE DATABASE {self.database}")
        self.control = folder / "control"
        self.control.mkdir()
        self.ledger = Ledger()
        self.destination = Destination(self.ledger, free_port())
        self._host = partial(Host, control=self.control, destination=self.destination.port, poll_s=poll_s)
        self._folder, self._more = folder, more
        self.hosts: list[Host] = []
        for name in names:
            self._made(name)
        self.destination.report_to = (AE_TITLE, self.hosts[0].port)
        self._records: Records | None = None

    def start(self) -> None:
        """Start destination and hosts, and wait until each listens."""
        self.destination.behave(Habit.GOOD)
        for host in self.hosts:
            host.start()
        for host in self.hosts:
            wait_for(lambda host=host: listens(host), what=f"{host.name} does not listen")

    def add(self, name: str) -> Host:
        """Start one more host, and wait until it listens."""
        host = self._made(name)
        host.start()
        wait_for(lambda: listens(host), what=f"{name} does not listen")
        return host

    def _made(self, name: str) -> Host:
        own = address_of(len(self.hosts))
        address = own if can_be_cut() and own in self.postgres.addresses else "127.0.0.1"
        url = self.postgres.url(self.database, address=address)
        host = self._host(
            name,
            self._folder / name,
            cable=Cable(address, self.postgres.port),
            shared=f'database_url = "{url}"\n{self._more}',
        )
        self.hosts.append(host)
        return host

    def stop(self) -> None:
        """Leave nothing running, and no packet filter behind."""
        for host in self.hosts:
            host.cable.mend()
            host.kill()
        self.destination.stop()
        if self._records is not None:
            self._records.close()

    def takes(self, seconds: float) -> None:
        """From now on a computation lasts so long."""
        beside = self.control / "takes.new"
        beside.write_text(str(seconds))
        beside.rename(self.control / "takes")

    def begun(self) -> list[Begun]:
        """Computations that began, in order."""
        path = self.control / "begun"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Begun(float(at), host, study) for at, host, study in map(str.split, lines)]

    def push(self, datasets: Sequence[Dataset], *, first: Host | None = None, limit_s: float = 2 * LIMIT_S) -> None:
        """Send until everything was accepted, going to the next host when one fails, as a PACS with two nodes does."""
        end = time.monotonic() + limit_s
        while True:
            hosts = [first] if first is not None else []
            others = [host for host in self.hosts if host is not first]  # one may have been added meanwhile
            for host in (*hosts, *random.sample(others, k=len(others))):
                if listens(host) and all(status == 0x0000 for status in send_once(self.ledger, host.port, datasets)):
                    return
            assert time.monotonic() < end, "no host has accepted a study"
            time.sleep(0.1)

    @property
    def records(self) -> Records:
        """Read only; of whichever hosts are up."""
        if self._records is None:
            settings = self.hosts[0].settings
            ours = replace(settings.shared, database_url=self.postgres.url(self.database))  # no cable that may be cut
            self._records = open_home(replace(settings, shared=ours), read_only=True).records
        return self._records

    def stated(self, study_uid: str) -> Stated:
        """State and sentence of a study."""
        return stated_by(self.records, study_uid)

    def is_settled(self, study_uid: str) -> bool:
        """Returns whether nothing more happens to a study by itself."""
        return is_settled(self.records, study_uid)


@contextmanager
def running_site(folder: Path, postgres: Postgres, names: Sequence[str], *, more: str = "") -> Iterator[Site]:
    """A site that is started, and ended with the block."""
    site = Site(folder, postgres, names, more=more)
    try:
        site.start()
        yield site
    finally:
        site.stop()


@contextmanager
def s3_simulator(folder: Path) -> Iterator[str]:
    """A simulator of S3 in a process of its own; gives the lines of [shared] that put images there."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    key_file = folder / "s3.key"
    key_file.touch(mode=0o600)
    key_file.write_text("key\nsecret\n", encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-m", "tests.s3_simulator", str(port), "images"])
    try:
        wait_for(lambda: _accepts(port), what="the simulator of S3 does not listen")
        yield (
            f'objects_url = "s3://images/site"\nobjects_endpoint = "http://127.0.0.1:{port}"\n'
            f'objects_key_file = "{key_file}"\n'
        )
    finally:
        process.terminate()
        process.wait()


def listens(host: Host) -> bool:
    """Returns whether the port of a host accepts connections."""
    return _accepts(host.port)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@cache
def has_own_names() -> bool:
    """Returns whether a process may have a host name of its own here."""
    tried = ["unshare", "--uts", "hostname", "host-a"]
    return (
        shutil.which("unshare") is not None and subprocess.run(tried, capture_output=True, check=False).returncode == 0
    )


def in_parallel(tasks: Sequence[Callable[[], None]]) -> None:
    """Does several things at the same time; raises what the first of them raised."""
    errors: list[Exception] = []

    def tried(task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=tried, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _descendants(process_id: int) -> list[int]:
    children = children_of(process_id)
    return [*children, *(each for child in children for each in _descendants(child))]
