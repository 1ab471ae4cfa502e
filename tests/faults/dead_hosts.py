"""Hosts that are killed and never come back: what they had accepted and begun is finished by others."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.end_to_end.postgres import Postgres, running_postgres
from tests.faults.cable import ADDRESSES, can_be_cut
from tests.faults.home import wait_for
from tests.faults.hosts import GROUP, JOB_S, NAMES, Pushed, Senders, computing, interrupted_by, judge, taken_over_s
from tests.faults.ledger import covered_by
from tests.faults.results import Tally
from tests.faults.sender import send_once
from tests.faults.site import Host, Site, in_parallel, running_site

COMPUTES = "one of two hosts killed for good while it computes"
RECEIVES = "one of two hosts killed for good while it receives"
POWER = "the power of one of two hosts fails while it computes"
NETWORK = "one of two hosts, alive and computing, loses the database for good"
BOTH = "both hosts killed for good, one of a new name started"
NEW_NAME = "host-c"
_PAUSE_S = 3.0  # between two studies of a sender: one worker keeps up with both
_BEFORE, _AFTER = 4, 4  # studies that are sent before and after a death


def _wait_for_pushed(senders: Senders, count: int) -> None:
    wait_for(lambda: len(senders.pushed) >= count, what=f"{len(senders.pushed)} studies were sent, expected {count}")


def _begun_again_s(site: Site, killed_at_s: float, study_uid: str) -> float:
    """Seconds from a kill until the computation that it met begins again; waits for it."""
    wait_for(lambda: taken_over_s(site, killed_at_s, study_uid), what="a computation has not begun again")
    return round(taken_over_s(site, killed_at_s, study_uid) or 0.0, 2)


def _receiving(site: Site, host: Host, name: str) -> tuple[Pushed, Callable[[], None]]:
    """A study of which a host has accepted the half, on an association that stays open; and what sends the rest.

    The half that was accepted is a study of its own: an image and the segmentation.
    """
    pushed = Pushed(name)
    half = pushed.datasets[-2:]
    assert send_once(site.ledger, host.port, half, release=False) == [0x0000] * 2, "a host has not accepted a study"
    return pushed, partial(site.push, pushed.datasets)


def while_it_computes(folder: Path, *, trials: int) -> Tally:
    """One of two hosts is killed while it computes, and stays dead."""
    tally = Tally(GROUP, COMPUTES)

    def trial(site: Site, senders: Senders) -> None:
        _wait_for_pushed(senders, _BEFORE)
        host = computing(site)
        study_at_hand = interrupted_by(site, host)
        host.kill()
        killed_at_s, so_far = time.time(), len(senders.pushed)
        _wait_for_pushed(senders, so_far + _AFTER)
        tally.recover_s.append(_begun_again_s(site, killed_at_s, study_at_hand))

    _run(tally, folder, trials, trial)
    tally.measured += "; seconds: from the kill until its computation began again"
    return tally


def while_it_receives(folder: Path, *, trials: int) -> Tally:
    """One of two hosts is killed with half a study accepted; the sender sends the rest to the other, or never."""
    tally = Tally(GROUP, RECEIVES)

    def trial(site: Site, senders: Senders) -> None:
        _wait_for_pushed(senders, _BEFORE)
        host = site.hosts[tally.trials % 2]
        halves = [_receiving(site, host, f"half {number} {time.monotonic_ns()}") for number in range(2)]
        host.kill()
        killed_s = time.monotonic()
        (never, _), (resumed, send_rest) = halves
        send_rest()
        senders.pushed += [never, resumed]
        for pushed in (never, resumed):
            accepted = site.ledger.accepted[pushed.study_uid]
            wait_for(
                lambda pushed=pushed, accepted=accepted: covered_by(site.ledger.of_study(pushed.study_uid)) >= accepted,
                what="a study of which half was accepted is not answered",
            )
        tally.recover_s.append(round(time.monotonic() - killed_s, 2))

    _run(tally, folder, trials, trial)
    tally.measured += "; seconds: from the kill until the half and the whole study were answered"
    return tally


def both_and_a_new_one(folder: Path, *, trials: int) -> Tally:
    """Both hosts are killed at once while they receive and compute; a third, of a name never seen, starts."""
    tally = Tally(GROUP, BOTH)

    def trial(site: Site, senders: Senders) -> None:
        _wait_for_pushed(senders, _BEFORE)
        half, _ = _receiving(site, site.hosts[0], f"half {time.monotonic_ns()}")
        senders.pushed.append(half)
        computing(site)
        met = [study for host in site.hosts if (study := interrupted_by(site, host))]
        in_parallel([host.kill for host in site.hosts])
        killed_at_s, so_far = time.time(), len(senders.pushed)
        site.add(NEW_NAME)
        _wait_for_pushed(senders, so_far + _AFTER)
        for study in met:
            tally.recover_s.append(_begun_again_s(site, killed_at_s, study))

    _run(tally, folder, trials, trial)
    tally.measured += "; seconds: from the kill, the start of the new host included, until a computation began again"
    return tally


def without_power(folder: Path, *, trials: int) -> Tally:
    """One of two hosts ends while it computes, and its kernel, too: no connection is closed."""
    return _cut_off(Tally(GROUP, POWER), folder, trials, lives=False)


def without_network(folder: Path, *, trials: int) -> Tally:
    """One of two hosts computes on, and no packet of the database comes to it any more."""
    return _cut_off(Tally(GROUP, NETWORK), folder, trials, lives=True)


def _cut_off(tally: Tally, folder: Path, trials: int, *, lives: bool) -> Tally:
    if not can_be_cut():
        tally.problems.append("not run: the packet filter (iptables) is not open to us")
        return tally

    def trial(site: Site, senders: Senders) -> None:
        _wait_for_pushed(senders, _BEFORE)
        host = computing(site)
        study_at_hand = interrupted_by(site, host)
        host.cable.cut()
        cut_at_s, so_far = time.time(), len(senders.pushed)
        if not lives:
            host.kill()
        _wait_for_pushed(senders, so_far + _AFTER)
        tally.recover_s.append(_begun_again_s(site, cut_at_s, study_at_hand))

    _run(tally, folder, trials, trial)
    tally.measured += "; seconds: from the cut until its computation began again"
    return tally


def _run(tally: Tally, folder: Path, trials: int, trial: Callable[[Site, Senders], None]) -> None:
    """Trials, each at a site of its own with two senders at work, and the verdicts on every study."""
    studies = begun = 0
    with running_postgres(addresses=ADDRESSES) as postgres:
        for number in range(trials):
            all_pushed, computations = _one(tally, folder / str(number), postgres, trial)
            studies, begun = studies + all_pushed, begun + computations
            tally.trials += 1
    tally.measured = f"{studies} studies, {begun} computations"


def _one(tally: Tally, folder: Path, postgres: Postgres, trial: Callable[[Site, Senders], None]) -> tuple[int, int]:
    with running_site(folder, postgres, NAMES) as site:
        site.takes(JOB_S)
        with Senders(site, pause_s=_PAUSE_S) as senders:
            trial(site, senders)
        tally.problems += senders.trouble
        judge(tally, site, senders.pushed)
        return len(senders.pushed), len(site.begun())


# Row → trials at full size, and how it is run.
FAULTS: dict[str, tuple[int, Callable[..., Tally]]] = {
    COMPUTES: (5, while_it_computes),
    RECEIVES: (4, while_it_receives),
    BOTH: (5, both_and_a_new_one),
    POWER: (5, without_power),
    NETWORK: (5, without_network),
}
