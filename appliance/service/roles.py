"""Roles of a process of the service, where several hosts share a home."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from models.errors import SetupError

if TYPE_CHECKING:
    from appliance.settings import Settings


class ServiceRole(StrEnum):
    """Part of the work that a process of the service takes on; any number of each may share a home."""

    RECEIVER = "receiver"  # receives studies, says when they are complete, delivers results
    WORKER = "worker"  # computes
    ALL = "all"

    @property
    def receives(self) -> bool:
        """Returns whether it listens and delivers."""
        return self is not ServiceRole.WORKER

    @property
    def computes(self) -> bool:
        """Returns whether it has a worker."""
        return self is not ServiceRole.RECEIVER


def check_role(settings: Settings, role: ServiceRole) -> None:
    """Checks that the settings allow a role.

    Raises
    ------
    SetupError
        When it needs a shared home and there is none.
    """
    if role is not ServiceRole.ALL and not settings.shared.is_used:
        raise SetupError(
            f"The role is {role}, and everything is in one state folder; expected the role all, or a database that "
            "receivers and workers share: database_url in [shared]."
        )
