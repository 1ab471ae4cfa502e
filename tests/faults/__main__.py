"""`python -m tests.faults`: runs the fault matrix, or a part of it, prints progress and writes the page.

    python -m tests.faults                                 everything at full size: hours
    python -m tests.faults --only "named points" --repeat 3
    python -m tests.faults --list
    python -m tests.faults --table docs/reference/faults.md     the page, from the results that were kept

    python -m tests.faults --missing                       only the trials that the kept results lack

Results are appended to a file (build/faults.jsonl), one line per fault, so that a run may be made in parts. The exit
status is 1 when anything was lost, doubled, stuck or otherwise not as it must be.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.faults import (
    bad_destinations,
    bombs,
    clocks,
    dead_hosts,
    disk,
    hostile,
    hosts,
    inputs,
    kills,
    soak,
    worker_deaths,
)
from tests.faults.home import Home
from tests.faults.points import POINTS, Point
from tests.faults.results import Tally, keep, kept, page

RESULTS = Path("build/faults.jsonl")


@dataclass(frozen=True)
class Fault:
    """One row of the matrix: how to run it in a folder of its own, and how often at full size."""

    group: str
    name: str
    trials: int
    run: Callable[[Path, int], Tally]


def faults() -> Iterator[Fault]:
    """Every row of the matrix."""
    for point in POINTS:
        yield Fault(kills.AT_POINTS, point.name, 10, partial(_at_point, point))
    for victim in (kills.SERVICE, kills.WORKER):
        yield Fault(
            kills.AT_RANDOM,
            victim,
            200,
            lambda folder, n, victim=victim: kills.kill_at_random(folder, victim, kills=n),
        )
    for row in worker_deaths.ROWS:
        yield Fault(
            worker_deaths.GROUP, row, 5, lambda folder, n, row=row: worker_deaths.end_worker(folder, row, trials=n)
        )
    for place in disk.PLACES:
        yield Fault(disk.GROUP, place, 3, lambda folder, n, place=place: disk.fill(folder, place, trials=n))
    for habit in bad_destinations.HABITS:
        yield Fault(
            bad_destinations.GROUP,
            habit.value,
            12,
            lambda folder, n, habit=habit: bad_destinations.misbehave(folder, habit, trials=n),
        )
    for moment in clocks.MOMENTS:
        yield Fault(clocks.GROUP, moment, 4, lambda folder, n, moment=moment: clocks.jump(folder, moment, trials=n))
    for attack in (*hostile.ATTACKS, hostile.ALL):
        yield Fault(hostile.GROUP, attack, 3, lambda folder, n, attack=attack: hostile.attack(folder, attack, trials=n))
    for row, (trials, fault) in (hosts.FAULTS | dead_hosts.FAULTS).items():
        yield Fault(hosts.GROUP, row, trials, lambda folder, n, fault=fault: fault(folder, trials=n))
    for bomb in bombs.BOMBS:
        yield Fault(bombs.GROUP, bomb, 3, lambda folder, n, bomb=bomb: bombs.explode(folder, bomb, trials=n))
    yield Fault(inputs.GROUP, inputs.FAULT, 10_000, lambda folder, n: inputs.mutated(folder, trials=n))
    yield Fault(soak.GROUP, soak.FAULT, soak.INSTANCES, lambda folder, n: soak.soak(folder, instances=n))


def _at_point(point: Point, folder: Path, trials: int) -> Tally:
    home = Home(folder, idle_association_s=60.0)  # an operator's command takes seconds to start
    home.start()
    try:
        return kills.kill_at(home, point, trials=trials)
    finally:
        home.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="TEXT", default="", help="rows whose group or name contains a text")
    parser.add_argument("--repeat", metavar="N", type=int, help="trials of each row instead of its own number")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="services at a time (1)")
    parser.add_argument("--results", metavar="FILE", type=Path, default=RESULTS, help=f"kept results ({RESULTS})")
    parser.add_argument("--table", metavar="FILE", type=Path, help="write the page from the kept results, run nothing")
    parser.add_argument("--missing", action="store_true", help="run only the trials that the kept results lack")
    parser.add_argument("--list", action="store_true", help="list the rows")
    arguments = parser.parse_args()
    if arguments.table:
        matrix = {(fault.group, fault.name): fault.trials for fault in faults()}
        arguments.table.write_text(page(kept(arguments.results), matrix), encoding="utf-8")
        return 0
    chosen = [
        fault if arguments.repeat is None else replace(fault, trials=arguments.repeat)
        for fault in faults()
        if arguments.only in f"{fault.group}: {fault.name}"
    ]
    if arguments.missing and arguments.results.exists():
        run_before = {(tally.group, tally.fault): tally.trials for tally in kept(arguments.results)}
        chosen = [
            replace(fault, trials=fault.trials - run_before.get((fault.group, fault.name), 0))
            for fault in chosen
            if fault.trials > run_before.get((fault.group, fault.name), 0)
        ]
    if arguments.list:
        for fault in chosen:
            print(f"{fault.group}: {fault.name} × {fault.trials}")
        return 0
    begun_s = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="rdeepnet-faults-"))
    print(f"{len(chosen)} rows; services work in {folder}", flush=True)

    def run(numbered: tuple[int, Fault]) -> bool:
        number, fault = numbered
        try:
            tally = fault.run(folder / str(number), fault.trials)
        except disk.NoFileSystem as why:
            print(f"{fault.group}: {fault.name}: not run, no small file system may be mounted here ({why})")
            return True
        keep(arguments.results, tally)
        print(f"[{time.monotonic() - begun_s:.0f} s] {tally.line()}", flush=True)
        if tally.is_good:
            shutil.rmtree(folder / str(number), ignore_errors=True)
        return tally.is_good

    with ThreadPoolExecutor(arguments.jobs) as pool:
        outcomes = list(pool.map(run, enumerate(chosen)))
    print(f"{sum(outcomes)} of {len(outcomes)} rows as they must be, in {time.monotonic() - begun_s:.0f} s")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    warnings.simplefilter("ignore", ResourceWarning)
    sys.exit(main())
