"""Places for associations: so many at the same time, so many of one address, and some for C-ECHO alone."""

from __future__ import annotations

import threading

from pynetdicom.association import Association

from dicom_io.network.bounded_transport import Bounds
from models.number_words import counted

ECHO_PLACES = 5  # for associations that ask for C-ECHO only: whoever looks whether the port answers gets an answer


class Places:
    """Associations that hold a place; every method may be called from any thread."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._taken: dict[Association, tuple[str, bool]] = {}  # address, and whether it asks for C-ECHO only

    def take(self, association: Association, *, address: str, echo_only: bool) -> str:
        """Takes a place until `leave`; where there is none, returns why, without a full stop."""
        most = ECHO_PLACES if echo_only else self._bounds.associations
        most_here = most if echo_only else min(most, self._bounds.associations_per_address)
        with self._lock:
            alike = [peer for peer, is_echo in self._taken.values() if is_echo == echo_only]
            if len(alike) >= most or alike.count(address) >= most_here:
                return (
                    f"{counted(len(alike), 'association is', 'associations are')} open, {alike.count(address)} of this "
                    "address"
                )
            self._taken[association] = (address, echo_only)
        return ""

    def leave(self, association: Association) -> None:
        """Gives a place back, if it holds one."""
        with self._lock:
            self._taken.pop(association, None)
