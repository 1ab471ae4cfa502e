"""The worker ends in every way, hangs and has no memory; the port answers throughout."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.answers import Kind
from tests.faults.home import Home, Stuck, wait_for
from tests.faults.kills import Trial, judge, warm_up
from tests.faults.results import Tally
from tests.faults.starter import Act
from tests.faults.watch import Watch

GROUP = "Deaths of the worker"
EVERY_START = "it ends at every start, for 5 s"
EVERY_TIME = "a study that ends it every time"
_ACTS = {f"{act} in the computation": act for act in Act}
ROWS = (*_ACTS, EVERY_START, EVERY_TIME)
HANG_S = 5.0
GROWN_MB = 1400.0  # its limit of 1 GiB, and what it takes at rest


def end_worker(folder: Path, row: str, *, trials: int) -> Tally:
    """Ends the worker in a way in the computation of each of some studies; nobody starts the service again."""
    tally = Tally(GROUP, row)
    act = _ACTS.get(row)
    hung_after_s = HANG_S if act is Act.HANG else 3600.0
    home = Home(
        folder,
        jobs=f"hung_after_s = {hung_after_s}\nmax_attempts = {3 if row == EVERY_TIME else 20}\n",
        more="[worker]\nmemory_gib = 1.0\n",
    )
    done = []
    home.start()
    try:
        warm_up(home)
        with Watch(home) as watch:
            for number in range(trials):
                trial = Trial(
                    home,
                    f"{row} {number} {time.monotonic_ns()}",
                    kind=Kind.ENDS if row == EVERY_TIME else Kind.ORDINARY,
                )
                tally.trials += 1
                begun_s = time.monotonic()
                try:
                    _end(home, row, trial, tally)
                    trial.wait_for_end("delivered")
                    tally.recover_s.append(round(time.monotonic() - begun_s, 2))
                except Stuck as stuck:
                    tally.stuck += 1
                    tally.problems.append(str(stuck).splitlines()[0])
                    home.disarm()
                    continue
                done.append(trial)
        watch.say(tally, most_mb=GROWN_MB)
        if home.deaths:
            tally.problems.append(f"the service ended {len(home.deaths)} times, with status {home.deaths[0].status}")
        judge(tally, home, done)
    finally:
        home.stop()
    return tally


def _end(home: Home, row: str, trial: Trial, tally: Tally) -> None:
    if row == EVERY_START:
        unopened = home.control / "unopened"
        unopened.touch()
        home.arm("before a job begins")  # the worker that is there
        trial.push()
        trial.fired()
        time.sleep(5.0)
        unopened.unlink()
    elif row == EVERY_TIME:
        steered = home.control / trial.study_uid
        steered.touch()
        trial.push()
        _fails(home, trial, "The computation ended its process 3 times (killed by signal SIGSEGV)", tally)
        steered.unlink()
        following = Trial(home, f"after {trial.study_uid}")
        following.push()
        following.wait_for_end("delivered")
        trial.operate_until_done("retry")
    else:
        home.arm("in the computation", act=_ACTS[row])
        trial.push()
        trial.fired()
        if _ACTS[row] is Act.OUT_OF_MEMORY:
            _fails(home, trial, "The study needed more than 1 GiB of memory", tally)
            trial.operate_until_done("retry")


def _fails(home: Home, trial: Trial, sentence: str, tally: Tally) -> None:
    wait_for(lambda: home.stated(trial.study_uid).state == "failed", what="the study has not failed")
    said = home.stated(trial.study_uid).sentence
    if not said.startswith(sentence):
        tally.problems.append(f"the study failed and says: {said}")
