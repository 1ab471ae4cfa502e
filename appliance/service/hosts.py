"""Processes that share a home, for people: who is there, who is gone, and which wait for each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from appliance.service.roles import ServiceRole
from appliance.settings import Settings
from appliance.state.homes import open_records
from appliance.state.host_records import Host, HostRecords

GONE_AFTER_S = 30.0  # each shows itself every five


def hosts_of(settings: Settings) -> tuple[Host, ...]:
    """Every process that was seen in the last week and not told to stop; none where nothing is shared.

    Raises
    ------
    SetupError, DatabaseUnavailable
        When the database cannot be read.
    """
    if not settings.shared.is_used:
        return ()
    records = open_records(settings, read_only=True)
    try:
        return HostRecords(records).hosts()
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
    for part, roles in (("receiver", _RECEIVING), ("worker", _COMPUTING)):
        if not any(host.role in roles for host in there):
            yield f"No {part} is there: start one (rdeepnet serve --role {part})."
    steps = sorted({str(host.doing["steps"]) for host in there if "steps" in host.doing})
    if len(steps) > 1:
        yield (
            f"Processes of {len(steps)} versions of the steps of a job are there ({', '.join(steps)}), as while they "
            "are upgraded one by one: a job that one version queued waits for a worker of that version, until none is "
            "left."
        )


_RECEIVING = tuple(role.value for role in ServiceRole if role.receives)
_COMPUTING = tuple(role.value for role in ServiceRole if role.computes)
