"""Of an object that is not kept, only its beginning is held in memory; the rest is read from the peer and dropped.

The library collects a whole data set before it hands it on. A study for which somebody pushes its tomosynthesis, its
raw data or a film along would take gigabytes for nothing. Its own remedy, a temporary file for every object
(STORE_RECV_CHUNKED_DATASET), was rejected: it holds for images too, which would be written twice.
"""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO
from typing import TYPE_CHECKING

from pynetdicom.association import Association
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

BEGINNING = 1024**2  # bytes; identity stands in the first groups, references in them take kilobytes


class Beginning(BytesIO):
    """Takes everything that is written, and keeps the first `BEGINNING` bytes."""

    def write(self, content: ReadableBuffer, /) -> int:
        """Keep what there is room for; returns the length of all of it."""
        content = memoryview(content)
        room = BEGINNING - self.tell()
        if room > 0:
            super().write(content[:room])
        return len(content)


def hold_beginnings(association: Association, context_ids: Collection[int]) -> None:
    """From now on, of what arrives in these presentation contexts only the beginning is held.

    Parameters
    ----------
    association : before anything has arrived on it
    """
    if not context_ids:
        return
    dimse = association.dimse
    receive = dimse.receive_primitive

    def receive_beginning(primitive: P_DATA) -> None:
        contexts = {context_id for context_id, _ in primitive.presentation_data_value_list}
        if dimse.message is None and not contexts.isdisjoint(context_ids):
            dimse.message = DIMSEMessage()
            dimse.message.data_set = Beginning()
        receive(primitive)

    dimse.receive_primitive = receive_beginning  # type: ignore[method-assign]
