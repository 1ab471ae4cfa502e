"""20,000 instances over 2,000 associations and 1,000 bare TCP probes: memory and descriptors stay as they are."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from tests.faults.answers import study
from tests.faults.home import Home
from tests.faults.kills import Trial, judge
from tests.faults.results import Tally
from tests.faults.watch import memory_mb

GROUP = "Soak"
FAULT = "instances"
INSTANCES = 20_000
PER_ASSOCIATION = 10
ASSOCIATIONS_PER_STUDY = 10
PROBES_PER_ASSOCIATION = 0.5
SETTLED = 0.2  # of the run, after which nothing may grow
GROWN_MB = 24.0  # of memory from then on; 16,000 names of instances in the inbox are a few of them
GROWN_DESCRIPTORS = 8


def soak(folder: Path, *, instances: int = INSTANCES) -> Tally:
    """Pushes studies of 100 instances over ten associations each, with probes in between."""
    tally = Tally(GROUP, FAULT)
    per_study = PER_ASSOCIATION * ASSOCIATIONS_PER_STUDY
    home = Home(folder)
    trials: list[Trial] = []
    samples: list[tuple[float, int]] = []
    probes = associations = 0
    home.start()
    begun_s = time.monotonic()
    try:
        for number in range(instances // per_study):
            trial = Trial(home, f"soak {number} {time.monotonic_ns()}")
            trial.datasets = study(f"soak {number} {begun_s}", images=per_study - 1)
            trial.study_uid = str(trial.datasets[0].StudyInstanceUID)
            for first in range(0, per_study, PER_ASSOCIATION):
                home.push(trial.datasets[first : first + PER_ASSOCIATION])
                associations += 1
                if probes < PROBES_PER_ASSOCIATION * associations:
                    socket.create_connection(("127.0.0.1", home.port), timeout=5).close()
                    probes += 1
            trial.datasets = []
            trials.append(trial)
            samples.append((memory_mb(home.process_id), len(os.listdir(f"/proc/{home.process_id}/fd"))))
            if number % 20 == 19:
                memory, descriptors = samples[-1]
                print(f"  {(number + 1) * per_study} instances, {memory:.0f} MB, {descriptors} descriptors", flush=True)
        for trial in trials:
            trial.wait_for_end("delivered")
        tally.trials = len(trials) * per_study
        settled = samples[int(SETTLED * len(samples)) :]
        grown_mb = settled[-1][0] - settled[0][0]
        grown = settled[-1][1] - settled[0][1]
        if grown_mb > GROWN_MB:
            tally.problems.append(f"memory grew by {grown_mb:.0f} MB after the first fifth; expected {GROWN_MB:g}")
        if grown > GROWN_DESCRIPTORS:
            tally.problems.append(f"{grown} more descriptors are open; expected at most {GROWN_DESCRIPTORS}")
        if home.deaths:
            tally.problems.append(f"the service ended {len(home.deaths)} times")
        tally.measured = (
            f"{associations:,} associations, {probes:,} probes, {time.monotonic() - begun_s:.0f} s; "
            f"memory {settled[0][0]:.0f} → {settled[-1][0]:.0f} MB, descriptors {settled[0][1]} → {settled[-1][1]}"
        )
        judge(tally, home, trials)
    finally:
        home.stop()
    return tally
