"""Processes that share a home, for people: who is there, who is gone, and what they lack together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.service.roles import ServiceRole
from appliance.settings import Settings
from appliance.state.homes import open_records
from appliance.state.host_records import Host, HostRecords
from models.number_words import agreeing, counted

GONE_AFTER_S = 30.0  # each shows itself every five


@dataclass(frozen=True)
class Together:
    """Processes that share a home.

    Attributes
    ----------
    hosts : every process that was seen in the last week and not told to stop; none where nothing is shared
    remarks : sentences on what they lack
    """

    hosts: tuple[Host, ...] = ()
    remarks: tuple[str, ...] = ()


def together(settings: Settings) -> Together:
    """The processes that share the home of these settings.

    Raises
    ------
    SetupError, DatabaseUnavailable
        When the database cannot be read.
    """
    if not settings.shared.is_used:
        return Together()
    records = open_records(settings, read_only=True)
    try:
        hosts = HostRecords(records).hosts()
        return Together(hosts, (*remarks(hosts), *_unknown_destinations(hosts, records.waiting())))
    finally:
        records.close()


def is_gone(host: Host) -> bool:
    """Returns whether a process has not shown itself for so long that something is wrong with it."""
    return host.silent_s > GONE_AFTER_S


def remarks(hosts: Sequence[Host]) -> Iterator[str]:
    """Sentences on what the processes lack together: a worker, a receiver, one version of the steps."""
    there = [host for host in hosts if not is_gone(host)]
    if not hosts:
        return
    if not any(host.role in _RECEIVING for host in there):
        yield "No receiver is there: start one (rdeepnet serve --role receiver)."
    if sentence := no_worker(hosts):
        yield sentence
    steps = sorted({str(host.doing["steps"]) for host in there if "steps" in host.doing})
    if len(steps) > 1:
        yield (
            f"Processes of {len(steps)} versions of the steps of a job are there ({', '.join(steps)}), as while they "
            "are upgraded one by one: a job that one version queued waits for a worker of that version, until none is "
            "left."
        )


def no_worker(hosts: Sequence[Host]) -> str:
    """A sentence when nobody is there who computes, else empty."""
    if any(host.role in _COMPUTING and not is_gone(host) for host in hosts):
        return ""
    return "No worker is there: start one (rdeepnet serve --role worker)."


def _unknown_destinations(hosts: Sequence[Host], waiting: Mapping[str, int]) -> Iterator[str]:
    """Sentences on deliveries that nobody makes: no receiver that is there has their destination in its settings."""
    there = [host for host in hosts if host.role in _RECEIVING and not is_gone(host)]
    if not there or any("destinations" not in host.doing for host in there):
        return  # nobody delivers anything, or one is just starting
    known = {name for host in there for name in host.doing["destinations"]}
    for name, count in sorted(waiting.items()):
        if name not in known:
            yield (
                f"{counted(count, 'delivery', 'deliveries')} {agreeing(count, 'waits', 'wait')} for the destination "
                f"{name}, which no receiver that is there has in its settings: add it to [[destinations]] of one, and "
                "start that again."
            )


_RECEIVING = tuple(role.value for role in ServiceRole if role.receives)
_COMPUTING = tuple(role.value for role in ServiceRole if role.computes)
