"""The sign of life of a process of the service in a shared home: who is there, in which role, and what it does."""

from __future__ import annotations

import logging
from typing import Any

from appliance.logs import describe
from appliance.service.roles import ServiceRole
from appliance.service.worker_process import executor_name
from appliance.settings import Settings
from appliance.state.database import DatabaseUnavailable
from appliance.state.host_records import HostRecords
from appliance.state.job_queue import PIPELINE_VERSION
from appliance.state.records import Records
from appliance.state.takeover_records import TakeoverRecords
from appliance.state.worker_name import receiver_name
from appliance.state.worker_notes import activity_in
from models.version import software_version

LOG = logging.getLogger("rdeepnet.service")

_SHOW_EVERY_S = 5.0


class Presence:
    """One process among those that share a home; for the main loop alone."""

    def __init__(self, settings: Settings, role: ServiceRole, records: Records) -> None:
        self._settings = settings
        self._role = role
        self._hosts = HostRecords(records)
        self._takeovers = TakeoverRecords(records)
        self._name = receiver_name(settings) if role.receives else executor_name(settings, records)
        self._executor = executor_name(settings, records) if role.computes else ""
        self._next_s = 0.0

    def begin(self) -> None:
        """Says that it begins its work."""
        self._takeovers.server_seen()
        self._hosts.started(self._name, role=self._role, version=software_version())

    def show(self, now_s: float) -> None:
        """Says, every few seconds, that it is there, and what it does.

        Raises
        ------
        DatabaseUnavailable
            When the database does not answer now.
        """
        if now_s >= self._next_s:
            self._hosts.seen(self._name, role=self._role, version=software_version(), doing=self._doing())
            self._next_s = now_s + _SHOW_EVERY_S

    def end(self) -> None:
        """Says that it was told to stop."""
        try:
            self._hosts.stopped(self._name, role=self._role)
        except DatabaseUnavailable as error:  # it is missed for some time
            LOG.error("the database was not told of the end", extra={"error": describe(error)})

    def _doing(self) -> dict[str, Any]:
        doing: dict[str, Any] = {"steps": PIPELINE_VERSION}
        if self._role.receives:
            doing["destinations"] = [destination.name for destination in self._settings.destinations]
        if self._role.computes:
            activity = activity_in(self._settings.service.state_dir)
            doing |= {"executor": self._executor, "worker": activity.doing.value if activity else "not started"}
            if activity is not None and activity.job_id:
                doing["job"] = activity.job_id
        return doing
