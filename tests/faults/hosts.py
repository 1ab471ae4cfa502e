"""Faults of an installation with several hosts on one database: whole hosts killed, locks cut, the server killed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from pydicom.dataset import Dataset

from tests.end_to_end.postgres import running_postgres
from tests.faults.answers import study, study_uid
from tests.faults.cable import ADDRESSES
from tests.faults.home import IDLE_S, Stuck, wait_for
from tests.faults.ledger import covered_by
from tests.faults.results import Tally
from tests.faults.site import Host, Site, in_parallel, running_site, s3_simulator

GROUP = "Several hosts on one database"
NAMES = ("host-a", "host-b")
KILLED, KILLED_S3 = "whole hosts killed at random", "whole hosts killed at random, images in S3"
CUT, SERVER = "the lock of a living worker is cut", "PostgreSQL killed and started again"
BOTH = "one study to both receivers at once"
STUDIES_A_KILL = 6  # at least
JOB_S = 1.0  # a computation, so that kills meet some


class Pushed:
    """A study that was sent."""

    def __init__(self, name: str) -> None:
        self.datasets: list[Dataset] = list(study(name))
        self.study_uid = study_uid(name)


def wait_for_end(site: Site, pushed: Pushed) -> None:
    """Wait until a study is delivered and answered as a whole; its storage commitment may follow."""

    def is_at_its_end() -> bool:
        if site.stated(pushed.study_uid).state != "delivered":
            return False
        return covered_by(site.ledger.of_study(pushed.study_uid)) >= site.ledger.accepted[pushed.study_uid]

    wait_for(is_at_its_end, what=f"study {pushed.study_uid} is {site.stated(pushed.study_uid)}", every_s=0.2)


def judge(tally: Tally, site: Site, all_pushed: Sequence[Pushed]) -> None:
    """Wait for the end of every study, and add the verdicts on them."""
    for pushed in all_pushed:
        try:
            wait_for_end(site, pushed)
        except Stuck as stuck:
            tally.stuck += 1
            tally.problems.append(str(stuck))
    time.sleep(IDLE_S)
    for pushed in all_pushed:
        verdict = site.ledger.judge(pushed.study_uid, site.stated(pushed.study_uid))
        tally.lost += verdict.lost
        tally.doubled += verdict.doubled
        tally.repeated += verdict.repeated


class Senders:
    """Two senders at work all the time, each with one study after the other.

    They wait while several studies are under way, so that what is measured is not the length of the queue.
    """

    def __init__(self, site: Site, *, pause_s: float = 0.3, under_way: int = 4) -> None:
        self._site, self._pause_s, self._under_way = site, pause_s, under_way
        self.pushed: list[Pushed] = []
        self.trouble: list[str] = []
        self._open: list[Pushed] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(2)]

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, sender: int) -> None:
        number = 0
        while not self._stop.is_set():
            pushed = Pushed(f"hosts {sender} {number} {time.monotonic_ns()}")
            number += 1
            self.pushed.append(pushed)
            try:
                self._site.push(pushed.datasets)
            except AssertionError as error:
                self.trouble.append(str(error))
                return
            with self._lock:
                self._open.append(pushed)
            self._stop.wait(self._pause_s)
            while not self._stop.is_set() and self._has_enough():
                self._stop.wait(self._pause_s)

    def _has_enough(self) -> bool:
        with self._lock:
            self._open = [one for one in self._open if not self._site.ledger.of_study(one.study_uid)]
            return len(self._open) >= self._under_way


def taken_over_s(site: Site, killed_at_s: float, interrupted: str) -> float | None:
    """Seconds from the death of a host to the moment at which its computation began again; None where it has not."""
    later = [each.at_s for each in site.begun() if each.study_uid == interrupted and each.at_s > killed_at_s]
    return min(later) - killed_at_s if later else None


def interrupted_by(site: Site, host: Host) -> str:
    """The study that a host computes at this moment; empty where it computes none."""
    begun = [each for each in site.begun() if each.host == host.name and each.at_s > host.started_at_s]
    if not begun or time.time() - begun[-1].at_s > JOB_S - 0.2:
        return ""
    return begun[-1].study_uid


def computing(site: Site, *, among: Sequence[Host] | None = None) -> Host:
    """Wait for a host that computes at this moment."""
    found: list[Host] = []

    def somebody_computes() -> bool:
        found[:] = [host for host in among or site.hosts if host.is_up and interrupted_by(site, host)]
        return bool(found)

    wait_for(somebody_computes, what="no host computes", every_s=0.02)
    return random.choice(found)


def kill_hosts(folder: Path, *, trials: int, names: Sequence[str] = NAMES, s3: bool = False) -> Tally:
    """Whole hosts killed while two senders are at work; each comes back seconds later.

    One kill comes at a random moment, the next at one at which the host computes, in turn.
    """
    tally = Tally(GROUP, KILLED_S3 if s3 else KILLED)
    with (
        running_postgres(addresses=ADDRESSES) as postgres,
        s3_simulator(folder) if s3 else nullcontext("") as more,
        running_site(folder / "site", postgres, names, more=more) as site,
    ):
        site.takes(JOB_S)
        met: list[tuple[float, str]] = []
        with Senders(site) as senders:
            for number in range(trials):
                time.sleep(random.uniform(0.5, 4.0))
                assert all(each.is_up for each in site.hosts), "a host ended by itself"
                host = random.choice(site.hosts) if number % 2 else computing(site)
                study_at_hand = interrupted_by(site, host)
                host.kill()
                if study_at_hand:
                    met.append((time.time(), study_at_hand))
                time.sleep(random.uniform(0.0, 4.0))
                host.start()
                if number % 10 == 9:
                    print(f"  {number + 1} kills, {len(senders.pushed)} studies", flush=True)
            enough = trials * STUDIES_A_KILL
            wait_for(lambda: len(senders.pushed) >= enough, what="too few studies", limit_s=10.0 * enough)
        tally.trials = trials
        tally.problems += senders.trouble
        judge(tally, site, senders.pushed)
        seconds = [taken_over_s(site, *one) for one in met]
        tally.recover_s += [round(each, 2) for each in seconds if each is not None]
        instances = sum(map(len, site.ledger.accepted.values()))
        tally.measured = (
            f"{len(senders.pushed)} studies, {instances} instances, {len(site.begun())} computations; seconds: "
            f"from a kill that met a computation ({len(met)}) until it began again"
        )
    return tally


def lock_cut(folder: Path, *, trials: int) -> Tally:
    """The session with the lock of a worker that lives and computes is cut by the server."""
    tally = Tally(GROUP, CUT)
    with running_postgres(addresses=ADDRESSES) as postgres, running_site(folder / "site", postgres, NAMES) as site:
        site.takes(4.0)
        pushed: list[Pushed] = []
        for _ in range(trials):
            one = Pushed(f"cut {time.monotonic_ns()}")
            pushed.append(one)
            before = len(site.begun())
            site.push(one.datasets)
            wait_for(lambda before=before: len(site.begun()) > before, what="the study is not computed")
            cut_s = time.monotonic()
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                f"AND database = (SELECT oid FROM pg_database WHERE datname = '{site.database}')"
            )
            wait_for_end(site, one)
            tally.recover_s.append(round(time.monotonic() - cut_s, 2))
            tally.trials += 1
        judge(tally, site, pushed)
        tally.measured = f"{len(site.begun())} computations of {len(pushed)} studies, each of 4 s; every lock at once"
    return tally


def server_killed(folder: Path, *, trials: int) -> Tally:
    """PostgreSQL is killed under two senders, and started again seconds later."""
    tally = Tally(GROUP, SERVER)
    with running_postgres(addresses=ADDRESSES) as postgres, running_site(folder / "site", postgres, NAMES) as site:
        site.takes(JOB_S)
        with Senders(site) as senders:
            for _ in range(trials):
                time.sleep(random.uniform(2.0, 5.0))
                postgres.kill()
                time.sleep(random.uniform(1.0, 5.0))
                assert all(host.is_up for host in site.hosts), "a process ended with the database"
                postgres.start()
                back_s, so_far = time.monotonic(), len(senders.pushed)
                wait_for(lambda so_far=so_far: len(senders.pushed) > so_far + 2, what="nothing is received again")
                tally.recover_s.append(round(time.monotonic() - back_s, 2))
                tally.trials += 1
        tally.problems += senders.trouble
        judge(tally, site, senders.pushed)
        tally.measured = f"{len(senders.pushed)} studies; seconds: from its start until two more studies were accepted"
    return tally


def one_study_to_both(folder: Path, *, trials: int) -> Tally:
    """Both receivers are sent instances of one study at once: halves, and the same instances."""
    tally = Tally(GROUP, BOTH)
    with running_postgres(addresses=ADDRESSES) as postgres, running_site(folder / "site", postgres, NAMES) as site:
        pushed: list[Pushed] = []
        for number in range(trials):
            one = Pushed(f"both {number} {time.monotonic_ns()}")
            pushed.append(one)
            parts = [one.datasets[::2], one.datasets[1::2]] if number % 2 else [one.datasets, one.datasets]
            begun_s = time.monotonic()
            tasks: list[Callable[[], None]] = [
                partial(site.push, part, first=host) for part, host in zip(parts, site.hosts, strict=True)
            ]
            in_parallel(tasks)
            wait_for_end(site, one)
            tally.recover_s.append(round(time.monotonic() - begun_s, 2))
            tally.trials += 1
        judge(tally, site, pushed)
        by_study = [sum(each.study_uid == one.study_uid for each in site.begun()) for one in pushed]
        tally.measured = (
            f"computations of a study: {max(by_study)} at most; seconds: from the first instance to the end"
        )
    return tally


# Row → trials at full size, and how it is run.
FAULTS: dict[str, tuple[int, Callable[..., Tally]]] = {
    KILLED: (50, kill_hosts),
    KILLED_S3: (20, partial(kill_hosts, s3=True)),
    CUT: (10, lock_cut),
    SERVER: (10, server_killed),
    BOTH: (20, one_study_to_both),
}
