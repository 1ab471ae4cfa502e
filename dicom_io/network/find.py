"""C-FIND: how many objects of each series of a study an archive holds, so that a slice lost on the way is noticed.

A slice missing at the edge of a stack leaves no gap; the archive's count is the only proof.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.images.headers import DECODE_ERRORS
from dicom_io.network.arriving_objects import IN_MEMORY, ArrivingObject, hold_arriving_objects
from dicom_io.network.peer import Peer
from dicom_io.network.send import associated

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # Study Root Query/Retrieve Information Model - FIND
MOST_MATCHES = 5000  # series of a study, or studies of a patient; a query that is not compared matches everything
# What the query holds, and what for.
KEYS = {
    "QueryRetrieveLevel": "SERIES",
    "StudyInstanceUID": "unique key, the study",
    "SeriesInstanceUID": "returned",
    "NumberOfSeriesRelatedInstances": "returned",
}
_PENDING = (0xFF00, 0xFF01)  # PS3.4 Table C.4-1: matches are continuing


def images_held(peer: Peer, study_instance_uid: str) -> Mapping[str, int]:
    """Series Instance UID → number of objects at `peer`, for every series of the study it has a number for.

    Number of Series Related Instances is an optional key (PS3.4 Table C.6-3): series for which the archive gives none
    are left out. An archive that knows no such study answers with nothing.

    Raises
    ------
    PeerUnavailable, PeerRefused
        As `matches`.
    """
    wanted = Dataset()
    for keyword in KEYS:
        setattr(wanted, keyword, None)
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "SERIES", study_instance_uid
    held: dict[str, int] = {}
    for match in matches(peer, wanted):
        held.update(_counted(match))
    return held


def matches(peer: Peer, wanted: Dataset) -> Iterator[Dataset]:
    """Matches of a peer for a query (study root), one after the other; none is held longer than it is looked at.

    Parameters
    ----------
    wanted : the identifier, with its level

    Raises
    ------
    PeerUnavailable
        When the peer cannot be reached, falls silent, or says that it is out of resources.
    PeerRefused
        When it does not take the association or the query, or has more than `MOST_MATCHES`.
    """
    with associated(peer, [build_context(STUDY_ROOT_FIND)]) as association:
        if not association.accepted_contexts:
            raise PeerRefused(f"{peer} does not accept C-FIND (study root); allow it there, or configure no archive.")
        bound_answers(association)
        for count, (status, match) in enumerate(association.send_c_find(wanted, STUDY_ROOT_FIND)):
            if "Status" not in status:
                raise PeerUnavailable(
                    f"{peer} did not answer a C-FIND within {peer.timeout_s:g} s, or ended the association; check the "
                    f"peer, and that it allows {peer.calling_title} to query."
                )
            if status.Status in _PENDING and match is not None:
                if count >= MOST_MATCHES:
                    association.abort()
                    raise PeerRefused(
                        f"{peer} has more than {MOST_MATCHES} matches for a C-FIND; expected those of one patient or "
                        "study: check that it compares the keys it is given."
                    )
                yield match
            elif status.Status == 0xA700:
                raise PeerUnavailable(f"{peer} answered a C-FIND with 0xA700 (out of resources).")
            elif status.Status != 0x0000:
                raise PeerRefused(f"{peer} answered a C-FIND with 0x{status.Status:04X}; see its log for the reason.")


def bound_answers(association: Association) -> None:
    """From now on a data set of more bytes than any answer has ends an association of ours."""
    hold_arriving_objects(
        association, lambda _: ArrivingObject(most_bytes=IN_MEMORY, exceeded=lambda: cut(association))
    )


def cut(association: Association) -> None:
    """Ends the connection of an association of ours; may be called from any thread."""
    transport = association.dul.socket
    if transport is not None and transport.socket is not None:
        with suppress(OSError):
            transport.socket.shutdown(socket.SHUT_RDWR)


def _counted(match: Dataset) -> dict[str, int]:
    try:
        count = match.get("NumberOfSeriesRelatedInstances")
        return {} if count is None else {str(match.SeriesInstanceUID): int(count)}
    except DECODE_ERRORS:
        return {}  # a count that cannot be read proves nothing
