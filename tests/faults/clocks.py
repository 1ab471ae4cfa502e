"""The wall clock jumps by an hour, forwards and back: while a study arrives, while its results wait, at a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.destination import Habit
from tests.faults.home import Home, Stuck, wait_for
from tests.faults.kills import Trial, judge
from tests.faults.results import Tally

GROUP = "Clock jumps"
HOUR_S = 3600.0


def _arriving(home: Home, trial: Trial, jump_s: float) -> None:
    """Completeness goes by silence alone: not before it, and soon after it."""
    first, rest = trial.datasets[:2], trial.datasets[2:]
    home.push(first)
    home.turn_clock(jump_s)
    home.push(rest)
    trial.wait_for_end("delivered")
    answers = {item.content for item in home.ledger.of_study(trial.study_uid)}
    if len(answers) != 1:
        raise Stuck(f"{len(answers)} answers were given to a study that arrived within its idle time")


def _waiting(home: Home, trial: Trial, jump_s: float) -> None:
    """Results that wait for an absent destination come soon after it is back."""
    (destination,) = home.destinations.values()
    destination.behave(Habit.ABSENT)
    trial.push()
    wait_for(lambda: home.stated(trial.study_uid).state == "sending", what="the study is not sending")
    time.sleep(1.0)
    home.turn_clock(jump_s)
    destination.behave(Habit.GOOD)
    trial.wait_for_end("delivered")


def _committing(home: Home, trial: Trial, jump_s: float) -> None:
    """A destination that owes a report is asked again."""
    (destination,) = home.destinations.values()
    report_to, destination.report_to = destination.report_to, ("NOBODY", 1)
    destination.behave(Habit.GOOD)
    trial.push()
    wait_for(lambda: home.stated(trial.study_uid).state == "delivered", what="the study is not delivered")
    time.sleep(0.5)
    home.turn_clock(jump_s)
    destination.report_to = report_to
    destination.behave(Habit.GOOD)
    trial.wait_for_end("delivered")


def _restarting(home: Home, trial: Trial, jump_s: float) -> None:
    """A job under way, and the service killed and started under another time."""
    hold = home.control / "hold"
    hold.touch()
    trial.push()
    wait_for(lambda: home.stated(trial.study_uid).state == "running", what="the study is not running")
    with home.down():
        home.turn_clock(jump_s)
        hold.unlink()
    trial.wait_for_end("delivered")


_MOMENTS: dict[str, Callable[[Home, Trial, float], None]] = {
    "while a study arrives": _arriving,
    "while results wait for a destination": _waiting,
    "while a report of commitment is owed": _committing,
    "at a restart, with a job under way": _restarting,
}
MOMENTS = tuple(_MOMENTS)


def jump(folder: Path, moment: str, *, trials: int) -> Tally:
    """Jumps back and forwards in turn; received images of earlier trials must still be there at the end."""
    tally = Tally(GROUP, moment)
    home = Home(folder)
    done = []
    home.start()
    try:
        for number in range(trials):
            trial = Trial(home, f"{moment} {number} {time.monotonic_ns()}")
            tally.trials += 1
            home.turn_clock(0.0)
            begun_s = time.monotonic()
            try:
                _MOMENTS[moment](home, trial, -HOUR_S if number % 2 == 0 else HOUR_S)
            except Stuck as stuck:
                tally.stuck += 1
                tally.problems.append(f"{'back' if number % 2 == 0 else 'forwards'}: {stuck}")
                (home.control / "hold").unlink(missing_ok=True)
                for destination in home.destinations.values():
                    destination.behave(Habit.GOOD)
                continue
            tally.recover_s.append(round(time.monotonic() - begun_s, 2))
            done.append(trial)
        judge(tally, home, done)
        gone = [trial for trial in done if not (home.state_dir / "inbox" / trial.study_uid).is_dir()]
        if gone:
            tally.problems.append(f"the received images of {len(gone)} studies were deleted")
    finally:
        home.stop()
    return tally
