"""SIGKILL at named points, and at random."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.faults.answers import Kind, study, study_uid
from tests.faults.home import IDLE_S, Home, Stuck, children_of, wait_for
from tests.faults.ledger import covered_by
from tests.faults.points import Point, Traffic
from tests.faults.results import Tally
from tests.faults.starter import Act

AT_POINTS = "SIGKILL at named points"
AT_RANDOM = "SIGKILL at random"
SERVICE, WORKER = "of the service, two senders at work", "of the worker, two senders at work"
LATER_S = 100 * 86400.0  # received images and results are old enough to be deleted


class Trial:
    """One study, and what happens to it."""

    def __init__(self, home: Home, name: str, *, kind: Kind = Kind.ORDINARY) -> None:
        self.home = home
        self.datasets = study(name, kind=kind)
        self.study_uid = study_uid(name)

    def push(self) -> None:
        self.home.push(self.datasets)

    def wait_for_end(self, state: str) -> None:
        """Wait until the study is at its end: settled in a state, and answered as a whole where it is delivered."""

        def is_at_its_end() -> bool:
            if not self.home.is_settled(self.study_uid) or self.home.stated(self.study_uid).state != state:
                return False
            accepted = self.home.ledger.accepted[self.study_uid]
            return state != "delivered" or covered_by(self.home.ledger.of_study(self.study_uid)) >= accepted

        wait_for(is_at_its_end, what=f"study {self.study_uid} is not {state}", every_s=0.1)

    def fired(self) -> None:
        wait_for(self.home.has_fired, what="the service has not come to the point")

    def operate_until_done(self, action: str, *texts: str) -> None:
        """An operator whose command ended without a word looks at the study, and repeats it if it had no effect."""
        before = self.home.stated(self.study_uid)
        for _ in range(3):
            is_done = self.home.operate(action, self.study_uid, *texts).returncode == 0
            if is_done or self.home.stated(self.study_uid) != before:
                return


def warm_up(home: Home) -> None:
    """Has one study delivered, so that everything is loaded."""
    warm = Trial(home, f"warm {time.monotonic_ns()}")
    warm.push()
    warm.wait_for_end("delivered")


def _push(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    trial = Trial(home, name)
    arm()
    trial.push()
    trial.fired()
    trial.wait_for_end("delivered")
    return trial


def _refusal(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    trial = Trial(home, name, kind=Kind.AMBIGUOUS)
    arm()
    trial.push()
    trial.fired()
    trial.wait_for_end("refused")
    wait_for(lambda: home.ledger.of_study(trial.study_uid), what="the notice has not come")
    return trial


def _choice(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    return _refused_then(home, name, arm, "choose", "tumour=Reader 2", end="delivered")


def _drop(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    return _refused_then(home, name, arm, "drop", "not a study of ours", end="refused")


def _refused_then(home: Home, name: str, arm: Callable[[], None], action: str, text: str, *, end: str) -> Trial:
    """A trial with a refused study that an operator acts on."""
    trial = Trial(home, name, kind=Kind.AMBIGUOUS)
    trial.push()
    trial.wait_for_end("refused")
    arm()
    trial.operate_until_done(action, text)
    trial.fired()
    trial.wait_for_end(end)
    return trial


def _retry(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    trial = Trial(home, name, kind=Kind.CRASHES)
    (home.control / trial.study_uid).touch()
    trial.push()
    trial.wait_for_end("failed")
    (home.control / trial.study_uid).unlink()
    arm()
    trial.operate_until_done("retry")
    trial.fired()
    trial.wait_for_end("delivered")
    return trial


def _now(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    trial = Trial(home, name)
    home.push_once(trial.datasets, release=False)  # the open association keeps the study arriving
    wait_for(lambda: home.stated(trial.study_uid).state == "received", what="the study has not arrived")
    arm()
    trial.operate_until_done("now")
    trial.fired()
    trial.push()
    trial.wait_for_end("delivered")
    return trial


def _start(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    trial = Trial(home, name)
    hold = home.control / "hold"
    hold.touch()
    trial.push()
    wait_for(lambda: home.stated(trial.study_uid).state == "running", what="the study is not running")
    with home.down():
        arm()
        hold.unlink()
    trial.fired()
    trial.wait_for_end("delivered")
    return trial


def _retention(home: Home, point: Point, name: str, arm: Callable[[], None]) -> Trial:
    trial = Trial(home, name)
    trial.push()
    trial.wait_for_end("delivered")
    with home.down():
        home.turn_clock(LATER_S)
        arm()
    trial.fired()
    inbox = home.state_dir / "inbox" / trial.study_uid
    wait_for(
        lambda: not home.stated(trial.study_uid).state and not inbox.exists(),
        what="the study is not deleted as a whole",
    )
    assert not list((home.state_dir / "outbox").glob(f"{trial.study_uid}*"))
    with home.down():
        home.turn_clock(0.0)
    home.wait_until_listening()
    return trial


_TRAFFIC: Mapping[Traffic, Callable[[Home, Point, str, Callable[[], None]], Trial]] = {
    Traffic.PUSH: _push,
    Traffic.REFUSAL: _refusal,
    Traffic.CHOICE: _choice,
    Traffic.RETRY: _retry,
    Traffic.NOW: _now,
    Traffic.DROP: _drop,
    Traffic.START: _start,
    Traffic.RETENTION: _retention,
}


def kill_at(home: Home, point: Point, *, trials: int, act: Act = Act.SIGKILL, group: str = AT_POINTS) -> Tally:
    """Ends the service at a point, again and again, with a study for each trial."""
    tally = Tally(group, point.name)
    done: list[Trial] = []
    for number in range(trials):
        name = f"{act} {point.name} {number} {time.monotonic_ns()}"
        home.wait_until_listening()
        tally.trials += 1
        try:
            trial = _TRAFFIC[point.traffic](
                home, point, name, lambda number=number: home.arm(point.name, call=1 + number % point.calls, act=act)
            )
        except Stuck as stuck:
            tally.stuck += 1
            tally.problems.append(f"trial {number + 1}: {stuck}".splitlines()[0])
            home.disarm()
            (home.control / "hold").unlink(missing_ok=True)
            continue
        done.append(trial)
        tally.recover_s.append(round(home.since_fired_s(), 2))
    judge(tally, home, done)
    return tally


def judge(tally: Tally, home: Home, trials: Sequence[Trial]) -> None:
    """Add the verdicts on studies to a tally, some time after the last of them has ended."""
    time.sleep(IDLE_S)
    for trial in trials:
        verdict = home.ledger.judge(trial.study_uid, home.stated(trial.study_uid))
        tally.lost += verdict.lost
        tally.doubled += verdict.doubled
        tally.repeated += verdict.repeated


def kill_at_random(folder: Path, victim: str, *, kills: int) -> Tally:
    """Kills service or worker at random moments, also while it starts, with two senders at work all the time."""
    tally = Tally(AT_RANDOM, victim)
    chance = random.Random()
    home = Home(folder)
    trials: list[Trial] = []
    stop = threading.Event()
    trouble: list[str] = []

    def send(sender: int) -> None:
        number = 0
        while not stop.is_set():
            trial = Trial(home, f"random {sender} {number} {time.monotonic_ns()}")
            number += 1
            trials.append(trial)
            try:
                home.push(trial.datasets)
            except Stuck as stuck:
                trouble.append(str(stuck))
                return
            stop.wait(0.5)

    home.start()
    try:
        senders = [threading.Thread(target=send, args=(number,)) for number in range(2)]
        for sender in senders:
            sender.start()
        for number in range(kills):
            # Half of the time it listens again, half of the time it is still starting.
            time.sleep(chance.uniform(0.2, 1.5))
            if chance.random() < 0.7:
                home.wait_until_listening()
                time.sleep(chance.uniform(0.0, 3.0))
            if victim == SERVICE:
                home.kill()
            else:
                wait_for(lambda: children_of(home.process_id), what="no worker was started")
                time.sleep(chance.choice((0.0, chance.uniform(0.0, 8.0))))  # it takes seconds to start, and backs off
                kill_worker(home)
            if number % 20 == 19:
                print(f"  {number + 1} kills, {len(trials)} studies", flush=True)
        killed_s = time.monotonic()
        stop.set()
        for sender in senders:
            sender.join()
        tally.trials = kills
        for trial in trials:
            try:
                trial.wait_for_end("delivered")
            except Stuck as stuck:
                tally.stuck += 1
                tally.problems.append(str(stuck))
        tally.recover_s.append(round(time.monotonic() - killed_s, 2))
        tally.problems += trouble
        instances = sum(map(len, home.ledger.accepted.values()))
        tally.measured = f"{len(trials)} studies, {instances} instances"
        judge(tally, home, trials)
    finally:
        stop.set()
        home.stop()
    return tally


def kill_worker(home: Home) -> None:
    """SIGKILL to the worker that runs; where none does, the next one."""

    def killed() -> bool:
        for worker in children_of(home.process_id):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                return True
        return False

    wait_for(killed, what="no worker was started", every_s=0.01)
