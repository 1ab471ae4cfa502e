"""Facts around the service that take a moment to find: echoes, disk, models, certificate, device."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Fact:
    """One fact in words, and whether it is as it should be."""

    subject: str
    is_well: bool
    sentence: str


@dataclass(frozen=True)
class Surroundings:
    """The facts at one moment.

    Attributes
    ----------
    service : what keeps the service from receiving; empty when nothing does
    worker : what keeps received studies from being computed; empty when nothing does
    destinations : name → echo
    free_gb : space for the state folder, in 10⁹ bytes
    certificate_ends : end of our certificate; None without TLS or when it cannot be read
    problems : problems with the configuration
    """

    at: datetime
    service: tuple[str, ...]
    destinations: dict[str, Fact]
    disk: Fact
    free_gb: float
    models: tuple[Fact, ...]
    device: str
    certificate: Fact
    certificate_ends: datetime | None
    problems: tuple[str, ...]
    worker: tuple[str, ...] = ()
