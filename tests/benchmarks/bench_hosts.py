"""Several hosts on one PostgreSQL, measured: `python -m tests.benchmarks.bench_hosts`, writes HOSTS.md.

Everything is the product but the computation, which costs nothing; senders, hosts, PostgreSQL (with fsync) and the
destination share this machine, so rates over several processes show where it saturates, not what several machines
reach. What a study, an instance and an idle process cost the database does not depend on that: those figures are what
`rdeepnet sizing` multiplies.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.settings import JobSettings
from tests.benchmarks.receive_rate import ENVIRONMENT, ROWS
from tests.end_to_end.postgres import Postgres, running_postgres
from tests.end_to_end.running import AE_TITLE
from tests.end_to_end.small_study import image
from tests.faults.destination import Habit
from tests.faults.home import wait_for
from tests.faults.hosts import Pushed, wait_for_end
from tests.faults.sender import SENDER
from tests.faults.site import Site, listens

PAGE = Path(__file__).with_name("HOSTS.md")
STUDIES = 30  # of a measurement of jobs
IMAGES = 200  # of 0.5 MB, of a measurement of receiving
IDLE_S = 20.0


@dataclass(frozen=True)
class Counters:
    """Of the server, at one moment."""

    commits: int
    wal_bytes: int
    at_s: float


def counters(site: Site) -> Counters:
    """Commits of the site's database, and bytes of write-ahead log of the server.

    An idle session of PostgreSQL tells its commits to the statistics after ten seconds at the latest.
    """
    time.sleep(11.0)
    ((commits, written),) = site.postgres.execute(
        "SELECT xact_commit + xact_rollback, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint "
        f"FROM pg_stat_database WHERE datname = '{site.database}'"
    )
    return Counters(int(str(commits)), int(str(written)), time.monotonic())


def connections(site: Site) -> int:
    """Sessions of the site's database."""
    ((count,),) = site.postgres.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{site.database}'")
    return int(str(count))


def start(site: Site, roles: Sequence[str]) -> None:
    """Start the hosts of a site, one role each, and wait until every receiver listens and every worker waits."""
    site.destination.behave(Habit.GOOD)
    for host, role in zip(site.hosts, roles, strict=True):
        host.start(role=role)
    for host, role in zip(site.hosts, roles, strict=True):
        if role != "worker":
            wait_for(lambda host=host: listens(host), what=f"{host.name} does not listen")
    if "worker" in roles:
        warm = Pushed(f"warm {time.monotonic_ns()}")
        site.push(warm.datasets, first=site.hosts[0])
        wait_for_end(site, warm)
    time.sleep(3.0)


def with_site(postgres: Postgres, roles: Sequence[str], measured: Callable[[Site], None]) -> None:
    """A site with hosts of these roles, while something is measured."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{role}-{number}" for number, role in enumerate(roles)]
        site = Site(Path(folder) / "site", postgres, names, poll_s=JobSettings().poll_s)
        try:
            start(site, roles)
            measured(site)
        finally:
            site.stop()


@dataclass(frozen=True)
class Idle:
    """Cost of processes that have nothing to do."""

    connections: int
    commits_per_s: float


def idle(postgres: Postgres, roles: Sequence[str]) -> Idle:
    """Sessions and transactions a second of a site without studies."""
    found: list[Idle] = []

    def measured(site: Site) -> None:
        before = counters(site)
        time.sleep(IDLE_S)
        after = counters(site)
        found.append(Idle(connections(site), (after.commits - before.commits) / (after.at_s - before.at_s)))

    with_site(postgres, roles, measured)
    return found[0]


@dataclass(frozen=True)
class Jobs:
    """Studies that waited, computed and delivered."""

    per_s: float
    commits: float  # of a study, what is idle left out
    wal_kib: float  # of a study of four instances


def jobs(postgres: Postgres, workers: int, idle_commits_per_s: float) -> Jobs:
    """Studies a second from a queue that is full, with a computation that costs nothing."""
    found: list[Jobs] = []

    def measured(site: Site) -> None:
        hold = site.control / "hold"
        before = counters(site)
        hold.touch()
        pushed = [Pushed(f"job {number} {time.monotonic_ns()}") for number in range(STUDIES)]
        for one in pushed:
            site.push(one.datasets, first=site.hosts[0])

        asked = 0

        def states() -> set[str]:
            nonlocal asked
            asked += len(pushed)  # transactions of our own
            return {site.stated(one.study_uid).state for one in pushed}

        wait_for(lambda: not {"", "received"} & states(), what="not every study is queued")
        begun_s = time.monotonic()
        hold.unlink()
        wait_for(lambda: not {"queued", "running"} & states(), what="not every study is computed", every_s=0.1)
        wall_s = time.monotonic() - begun_s
        wait_for(lambda: states() == {"delivered"}, what="not every study is delivered")
        after = counters(site)
        commits = after.commits - before.commits - asked - idle_commits_per_s * (after.at_s - before.at_s)
        found.append(Jobs(STUDIES / wall_s, commits / STUDIES, (after.wal_bytes - before.wal_bytes) / STUDIES / 1024))

    with_site(postgres, ["receiver"] + ["worker"] * workers, measured)
    return found[0]


@dataclass(frozen=True)
class Receiving:
    """Instances of 0.5 MB over four senders."""

    per_s: float
    commits: float  # of an instance
    wal_ratio: float  # bytes of write-ahead log over bytes received


def receiving(postgres: Postgres, receivers: int, idle_commits_per_s: float) -> Receiving:
    """Instances a second that several receivers store in the database, from four senders."""
    found: list[Receiving] = []

    def measured(site: Site) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number in range(IMAGES):
                dataset = image(f"rate {number % 4}", number, rows=ROWS)
                files.append(Path(folder) / f"{number}.dcm")
                dataset.save_as(files[-1], enforce_file_format=True)
            total = sum(file.stat().st_size for file in files)
            before = counters(site)
            begun_s = time.monotonic()
            senders = [
                subprocess.Popen(
                    ["storescu", "--required", "--max-send-pdu", "131072", "--aetitle", SENDER, "--call", AE_TITLE,
                     "127.0.0.1", str(site.hosts[first % receivers].port), *map(str, files[first::4])],
                    env=ENVIRONMENT,
                    stderr=subprocess.DEVNULL,
                )
                for first in range(4)
            ]  # fmt: skip
            statuses = [sender.wait() for sender in senders]
            assert not any(statuses), statuses
            wall_s = time.monotonic() - begun_s
            after = counters(site)
            found.append(
                Receiving(
                    IMAGES / wall_s,
                    (after.commits - before.commits - idle_commits_per_s * (after.at_s - before.at_s)) / IMAGES,
                    (after.wal_bytes - before.wal_bytes) / total,
                )
            )

    with_site(postgres, ["receiver"] * receivers, measured)
    return found[0]


def main() -> int:
    with running_postgres(durable=True) as postgres:
        receiver, worker = idle(postgres, ["receiver"]), idle(postgres, ["receiver", "worker"])
        of_worker = Idle(worker.connections - receiver.connections, worker.commits_per_s - receiver.commits_per_s)
        print(receiver, of_worker, flush=True)
        by_workers = {}
        for count in (1, 2, 4):
            by_workers[count] = jobs(postgres, count, receiver.commits_per_s + count * of_worker.commits_per_s)
            print(count, by_workers[count], flush=True)
        by_receivers = {count: receiving(postgres, count, count * receiver.commits_per_s) for count in (1, 2, 4)}
        print(by_receivers, flush=True)
    rest = PAGE.read_text(encoding="utf-8").partition("\n## ") if PAGE.exists() else ("", "", "")
    text = page(receiver, of_worker, by_workers, by_receivers)
    PAGE.write_text(text + "".join(rest[1:]), encoding="utf-8")
    return 0


def page(receiver: Idle, worker: Idle, by_workers: dict[int, Jobs], by_receivers: dict[int, Receiving]) -> str:
    """HOSTS.md."""
    load = os.getloadavg()[0]
    # Of the shortest run: a longer one also counts what processes ask while studies wait.
    one, instance = by_workers[max(by_workers)], by_receivers[1]
    return f"""# Several hosts on one PostgreSQL

{(__doc__ or "").split(chr(10) + chr(10), 1)[1].strip()}

Written by `python -m tests.benchmarks.bench_hosts` on {os.cpu_count()} processors, load average {load:.0f} at the end;
{STUDIES} studies of four small instances, {IMAGES} images of 0.5 MB from four senders, PostgreSQL 15 with fsync.

| workers | studies/s from a full queue, computation of 0 s |
|---|---|
{chr(10).join(f"| {count} | {each.per_s:.1f} |" for count, each in by_workers.items())}

| receivers | instances/s into the database |
|---|---|
{chr(10).join(f"| {count} | {each.per_s:.0f} |" for count, each in by_receivers.items())}

| cost to the database | |
|---|---|
| sessions of a receiver | {receiver.connections} |
| sessions of a worker | {worker.connections} |
| transactions a second of an idle receiver | {receiver.commits_per_s:.1f} |
| transactions a second of an idle worker | {worker.commits_per_s:.1f} |
| transactions of a study (four instances, one destination, before its storage commitment) | {one.commits:.0f} |
| transactions of an instance | {instance.commits:.2f} |
| write-ahead log over bytes received | {instance.wal_ratio:.2f} |
| write-ahead log of a study of four small instances | {one.wal_kib:.0f} KiB |
"""


if __name__ == "__main__":
    sys.exit(main())
