"""A fast part of the fault matrix, for every change; `make faults` runs all of it. Kind: mechanics.

The service is real and a process of its own, the computation is fake, and the judge is outside (`ledger.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import bad_destinations, clocks, disk, hostile, hosts, kills
from tests.faults.destination import Habit
from tests.faults.home import Home
from tests.faults.points import POINTS
from tests.faults.results import Tally

pytestmark = pytest.mark.slow

# One for each part of the flow.
KILLED_AT = (
    "after an instance is stored",
    "after the first step, before the queue knows",
    "after the objects are sent, before that is recorded",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A service that is killed again and again."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.start()
    try:
        yield home
    finally:
        home.stop()


def check(tally: Tally) -> None:
    """Nothing lost, doubled, stuck or otherwise wrong."""
    assert tally.trials
    assert tally.is_good, tally.line()


@pytest.mark.parametrize("name", KILLED_AT)
def test_a_kill_loses_and_doubles_nothing(home: Home, name: str) -> None:
    (point,) = (point for point in POINTS if point.name == name)
    check(kills.kill_at(home, point, trials=1))


def test_a_full_disk_is_told_to_the_sender(tmp_path: Path) -> None:
    try:
        check(disk.fill(tmp_path / "disk", "while images arrive", trials=1))
    except disk.NoFileSystem as why:
        pytest.skip(f"no small file system may be mounted here: {why}")


def test_a_destination_that_vanishes_holds_up_no_other(tmp_path: Path) -> None:
    check(bad_destinations.misbehave(tmp_path, Habit.VANISHES, trials=1))


def test_a_clock_that_is_set_back_holds_up_no_results(tmp_path: Path) -> None:
    check(clocks.jump(tmp_path, "while results wait for a destination", trials=1))


def test_a_study_is_delivered_and_echoes_answered_under_attack(tmp_path: Path) -> None:
    check(hostile.attack(tmp_path, "half requests", trials=1, attack_s=3.0))


@pytest.mark.peers
def test_a_study_that_comes_to_both_receivers_is_answered_once(tmp_path: Path) -> None:
    check(hosts.one_study_to_both(tmp_path, trials=2))


@pytest.mark.peers
def test_a_host_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    check(hosts.kill_hosts(tmp_path, trials=2))
