"""Report of a peer on objects it was asked to keep (Storage Commitment Push Model, PS3.4 Annex J).

The report comes as an N-EVENT-REPORT, on the association of the request or, more often, on one that the peer opens to
our listener, with the roles negotiated the other way round. Both ends answer it here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.events import Event

from dicom_io.errors import NotReadable
from models.errors import RDeepNetError

STORAGE_COMMITMENT = UID("1.2.840.10008.1.20.1")  # SOP Class: Storage Commitment Push Model
STORAGE_COMMITMENT_INSTANCE = UID("1.2.840.10008.1.20.1.1")  # its well-known SOP Instance

# PS3.4 Table J.3-4: (0008,1197) Failure Reason, in words.
FAILURE_REASONS: Mapping[int, str] = {
    0x0110: "processing failure",
    0x0112: "no such object instance",
    0x0119: "class and instance conflict",
    0x0122: "SOP Class not supported",
    0x0131: "duplicate transaction UID",
    0x0213: "resource limitation",
}


class EventType(IntEnum):
    """Event types of an N-EVENT-REPORT (PS3.4 Table J.3-3)."""

    ALL_COMMITTED = 1  # every object is kept safely
    FAILURES_EXIST = 2  # at least one is not


class ReportStatus(IntEnum):
    """Statuses we answer an N-EVENT-REPORT with (PS3.7 §10.1.1.1.8, Annex C)."""

    SUCCESS = 0x0000  # the report is recorded
    PROCESSING_FAILURE = 0x0110  # it could not be recorded; the peer may repeat it
    NO_SUCH_EVENT_TYPE = 0x0113  # neither 1 nor 2
    INVALID_ARGUMENT_VALUE = 0x0115  # no or unknown Transaction UID, or a report that cannot be read


@dataclass(frozen=True)
class CommitmentReport:
    """One report.

    Attributes
    ----------
    transaction_uid : the request it answers
    committed : SOP Instance UIDs the peer keeps
    failed : SOP Instance UID → Failure Reason (0 where the peer gives none)
    """

    transaction_uid: str
    committed: frozenset[str]
    failed: Mapping[str, int]


def answer_report(event: Event, reported: Callable[[CommitmentReport], bool]) -> tuple[int, Dataset | None]:
    """Answers an N-EVENT-REPORT.

    Parameters
    ----------
    reported : records the report; False when its transaction is not known; it raises `RDeepNetError` when it cannot
    """
    try:
        EventType(event.event_type or 0)
    except ValueError:
        return ReportStatus.NO_SUCH_EVENT_TYPE, None
    try:
        report = read_report(event)
    except NotReadable:
        return ReportStatus.INVALID_ARGUMENT_VALUE, None
    try:
        is_known = reported(report)
    except (OSError, RDeepNetError):  # it cannot be recorded now
        return ReportStatus.PROCESSING_FAILURE, None
    return ReportStatus.SUCCESS if is_known else ReportStatus.INVALID_ARGUMENT_VALUE, None


def read_report(event: Event) -> CommitmentReport:
    """The report in an N-EVENT-REPORT.

    Raises
    ------
    NotReadable
        When it cannot be decoded, or has no Transaction UID.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break a rule; they only have to be compared
        try:
            information = event.event_information
            transaction = str(information.get("TransactionUID", "") or "")
            report = CommitmentReport(
                transaction_uid=transaction,
                committed=frozenset(_uid(item) for item in information.get("ReferencedSOPSequence", ())),
                failed={
                    _uid(item): int(item.get("FailureReason", 0) or 0)
                    for item in information.get("FailedSOPSequence", ())
                },
            )
        except (AttributeError, EOFError, KeyError, NotImplementedError, OSError, TypeError, ValueError) as error:
            kind = type(error).__name__
            raise NotReadable(f"The report cannot be read ({kind}); Event Information was expected.") from error
    if not transaction:
        raise NotReadable("The report has no Transaction UID; the one of our request was expected.")
    return report


def _uid(item: Dataset) -> str:
    return str(item.get("ReferencedSOPInstanceUID", ""))
