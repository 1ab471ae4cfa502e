"""Looks at the surroundings every minute, so that a page never waits for a peer.

A process of its own looks and ends: the DICOM library that calls peers would otherwise be half of the memory of the web
process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from appliance.logs import describe
from appliance.process_pool import Done, work_off
from appliance.settings import Settings
from appliance.web.surroundings import Surroundings

LOG = logging.getLogger("rdeepnet.web")

_EVERY_S = 60.0
_LONGEST_S = 60.0  # for one look; its calls end in seconds
_PATIENCE_S = 10.0  # for the look that is under way at the end


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
