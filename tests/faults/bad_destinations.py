"""Destinations that refuse, warn, stall, abort and vanish, beside one that is good."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.destination import Habit
from tests.faults.home import Home, Stuck, wait_for
from tests.faults.kills import Trial
from tests.faults.ledger import covered_by
from tests.faults.results import Tally

GROUP = "Destinations that do not behave"
HABITS = tuple(habit for habit in Habit if habit is not Habit.GOOD)
BAD_S = 4.0  # how long it is bad once it has been called
OPERATOR = (Habit.NO_PDF, Habit.REFUSES)  # the study fails with a sentence, and an operator sends the results again
TAKES_ALL = (Habit.WARNS, Habit.SLOW)


def misbehave(folder: Path, habit: Habit, *, trials: int) -> Tally:
    """One destination has a habit for some seconds, the other is good all the time."""
    tally = Tally(GROUP, habit.value)
    home = Home(folder, destinations=("good", "bad"))
    good, bad = home.destinations.values()
    home.start()
    others_s: list[float] = []
    done = []
    try:
        for number in range(trials):
            trial = Trial(home, f"{habit.value} {number} {time.monotonic_ns()}")
            tally.trials += 1
            bad.behave(habit)
            begun_s = time.monotonic()
            try:
                trial.push()
                wait_for(
                    lambda trial=trial: covered_by(good.ledger.of_study(trial.study_uid)),
                    what="the good destination has nothing",
                )
                others_s.append(time.monotonic() - begun_s)
                if habit in OPERATOR:
                    trial.wait_for_end("failed")
                    if not home.stated(trial.study_uid).sentence:
                        tally.problems.append("the study failed without a sentence")
                else:
                    time.sleep(BAD_S)
                if habit not in TAKES_ALL and covered_by(bad.ledger.of_study(trial.study_uid)):
                    tally.problems.append("the destination has taken everything although it was bad")
                bad.behave(Habit.GOOD)
                good_s = time.monotonic()
                if habit in OPERATOR:
                    trial.operate_until_done("retry")
                trial.wait_for_end("delivered")
                wait_for(
                    lambda trial=trial: covered_by(bad.ledger.of_study(trial.study_uid)),
                    what="the destination that was bad has nothing",
                )
                tally.recover_s.append(round(time.monotonic() - good_s, 2))
            except Stuck as stuck:
                tally.stuck += 1
                tally.problems.append(str(stuck))
                bad.behave(Habit.GOOD)
                continue
            done.append(trial)
        for trial in done:
            for destination in (good, bad):
                destination.ledger.accepted[trial.study_uid] = home.ledger.accepted[trial.study_uid]
                verdict = destination.ledger.judge(trial.study_uid, home.stated(trial.study_uid))
                tally.lost += verdict.lost
                tally.doubled += verdict.doubled
                tally.repeated += verdict.repeated
        if others_s:
            tally.measured = f"the other destination had its results {max(others_s):.1f} s after the push at most"
    finally:
        home.stop()
    return tally
