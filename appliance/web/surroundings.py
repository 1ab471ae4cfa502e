"""Facts around the service that take a moment to find: echoes, disk, models, certificate, device.

They are looked at every minute, so that a page never waits for a peer; each fact carries its sentence. A process of its
own looks and ends: the DICOM library that calls peers would otherwise be half of the memory of the web process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from appliance.logs import describe
from appliance.process_pool import Done, work_off
from appliance.settings import Settings

LOG = logging.getLogger("rdeepnet.web")

_EVERY_S = 60.0
_LONGEST_S = 60.0  # for one look; its calls end in seconds
_PATIENCE_S = 10.0  # for the look that is under way at the end


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


class Watch:
    """Looks every minute, in a thread of its own.

    Parameters
    ----------
    looked : called after each look
    """

    def __init__(self, settings: Settings, *, looked: Callable[[Surroundings], None] | None = None) -> None:
        self._settings = settings
        self._looked = looked
        self._stopping = threading.Event()
        self._seen: Surroundings | None = None
        self._thread = threading.Thread(target=self._work, name="surroundings", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the look that is under way."""
        self._stopping.set()
        self._thread.join(timeout=_PATIENCE_S)

    @property
    def seen(self) -> Surroundings | None:
        """The facts of the last look; None before the first."""
        return self._seen

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                for outcome in work_off([self._settings], _prepared, workers=1, within_s=_LONGEST_S):
                    if isinstance(outcome, Done):
                        self._seen = outcome.answer
                        if self._looked is not None:
                            self._looked(outcome.answer)
                    elif not self._stopping.is_set():
                        LOG.error("the surroundings cannot be looked at", extra={"error": outcome.reason})
            except Exception as error:  # the page goes on with what it knows, and says how old that is
                LOG.error("the surroundings cannot be looked at", extra={"error": describe(error)})
            self._stopping.wait(_EVERY_S)


def _prepared() -> Callable[[Settings], Surroundings]:
    """For the process that looks: what it loads stays out of this one."""
    from appliance.web.look import look

    return look
