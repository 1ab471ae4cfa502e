"""Storage commitment between real sockets. Kind: mechanics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, MRImageStorage, SegmentationStorage
from pynetdicom import AE, build_context, build_role

from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.bounded_transport import Bounds
from dicom_io.network.callers import Caller
from dicom_io.network.commitment_report import (
    STORAGE_COMMITMENT,
    STORAGE_COMMITMENT_INSTANCE,
    CommitmentReport,
    ReportStatus,
)
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from dicom_io.network.receive import Receiver
from dicom_io.network.storage_commitment import Asked, commitment_call
from models.errors import RDeepNetError
from tests.dicom_io.network.commitment_peer import Archive, Habit

REFERENCES = [(SegmentationStorage, "2.25.11"), (EncapsulatedPDFStorage, "2.25.12")]
TRANSACTION = "2.25.77"


class Told:
    """Records reports; knows one transaction."""

    def __init__(self) -> None:
        self.reports: list[CommitmentReport] = []
        self.error: Exception | None = None

    def __call__(self, report: CommitmentReport) -> bool:
        if self.error is not None:
            raise self.error
        self.reports.append(report)
        return report.transaction_uid == TRANSACTION

    def wait(self) -> CommitmentReport:
        wait_for(lambda: bool(self.reports))
        return self.reports[0]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


@contextmanager
def listening(told: Told, *callers: Caller) -> Iterator[int]:
    """Our own listener; gives its port."""
    receiver = Receiver(
        ae_title="RDEEPNET",
        callers=list(callers),
        store=lambda received: None,
        opened=lambda number: None,
        closed=lambda number: None,
        refused=lambda title, address, why: None,
        reported=told,
        bounds=Bounds(associations=5, idle_s=10.0),
    )
    try:
        yield receiver.start(host="127.0.0.1", port=0)
    finally:
        receiver.stop()


@contextmanager
def running(archive: Archive) -> Iterator[Peer]:
    archive.start()
    try:
        yield Peer("PACS", "127.0.0.1", archive.port, "RDEEPNET", 5.0)
    finally:
        archive.stop()


def ask(peer: Peer, told: Told, *, stay_s: float = 2.0) -> Asked:
    with commitment_call(peer, reported=told, stay_s=stay_s) as call:
        return call.ask(REFERENCES, transaction_uid=TRANSACTION)


@pytest.mark.parametrize("habit", [Habit.OWN_ASSOCIATION, Habit.OWN_ASSOCIATION_WITHOUT_ROLES])
def test_the_report_comes_on_an_association_of_the_peer(habit: Habit) -> None:
    told = Told()
    with listening(told, Caller("PACS", may_store=False)) as port:
        archive = Archive(habit, report_to=("RDEEPNET", port))
        with running(archive) as peer:
            assert ask(peer, told, stay_s=0.0) is Asked.ACCEPTED
            assert told.wait() == CommitmentReport(TRANSACTION, frozenset({"2.25.11", "2.25.12"}), {})
            wait_for(lambda: archive.replies == [ReportStatus.SUCCESS])
    assert archive.requests == [(TRANSACTION, ("2.25.11", "2.25.12"))]


def test_the_report_comes_on_the_association_of_the_request_which_then_ends() -> None:
    told, archive = Told(), Archive(Habit.SAME_ASSOCIATION, failing={"2.25.12": 0x0112})
    begun = time.monotonic()
    with running(archive) as peer:
        assert ask(peer, told, stay_s=8.0) is Asked.ACCEPTED
        assert time.monotonic() - begun < 5.0
        assert told.reports == [CommitmentReport(TRANSACTION, frozenset({"2.25.11"}), {"2.25.12": 0x0112})]
        wait_for(lambda: archive.replies == [ReportStatus.SUCCESS])


def test_a_peer_that_never_reports_is_not_waited_for() -> None:
    told = Told()
    with running(Archive(Habit.NEVER)) as peer:
        assert ask(peer, told, stay_s=0.1) is Asked.ACCEPTED
    assert told.reports == []


def test_an_association_takes_many_requests_and_stays_open_once() -> None:
    told, archive = Told(), Archive(Habit.NEVER)
    begun = time.monotonic()
    with running(archive) as peer, commitment_call(peer, reported=told, stay_s=0.5) as call:
        for number in range(20):
            assert call.ask(REFERENCES, transaction_uid=f"2.25.{number}") is Asked.ACCEPTED
    assert call.reports == 0
    assert 0.5 <= time.monotonic() - begun < 5.0
    assert [transaction for transaction, _ in archive.requests] == [f"2.25.{number}" for number in range(20)]


def test_a_report_that_comes_while_the_next_request_waits_is_answered_first() -> None:
    """An archive of one thread: it reports before it answers, and answers after our answer to the report."""
    told, archive = Told(), Archive(Habit.BEFORE_THE_ANSWER)
    with running(archive) as peer, commitment_call(peer, reported=told, stay_s=5.0) as call:
        for _ in range(3):
            assert call.ask(REFERENCES, transaction_uid=TRANSACTION) is Asked.ACCEPTED
    assert call.reports == 3
    assert [report.transaction_uid for report in told.reports] == [TRANSACTION] * 3
    assert archive.replies == [ReportStatus.SUCCESS] * 3


def test_a_peer_without_commitment_says_so() -> None:
    with running(Archive(offers_commitment=False)) as peer:
        assert ask(peer, Told()) is Asked.UNSUPPORTED


@pytest.mark.parametrize(
    ("status", "expected"), [(0x0122, Asked.UNSUPPORTED), (0x0213, PeerUnavailable), (0x0110, PeerUnavailable)]
)
def test_what_a_status_of_the_request_means(status: int, expected: Asked | type[Exception]) -> None:
    with running(Archive(answer=status)) as peer:
        if isinstance(expected, Asked):
            assert ask(peer, Told()) is expected
        else:
            with pytest.raises(expected, match=f"0x{status:04X}"):
                ask(peer, Told())


def test_any_other_status_is_for_an_operator() -> None:
    with running(Archive(answer=0x0124)) as peer, pytest.raises(PeerRefused, match="0x0124"):
        ask(peer, Told())


# pynetdicom leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_no_peer_at_all_is_tried_later() -> None:
    with pytest.raises(PeerUnavailable):
        ask(Peer("PACS", "127.0.0.1", 9, "RDEEPNET", 2.0), Told())


def event_information(transaction: str | None = TRANSACTION) -> Dataset:
    information = Dataset()
    information.RetrieveAETitle = "PACS"
    if transaction is not None:
        information.TransactionUID = transaction
    return information


@pytest.mark.parametrize(
    ("kind", "information", "expected"),
    [
        (1, event_information(), ReportStatus.SUCCESS),
        (2, event_information(), ReportStatus.SUCCESS),
        (3, event_information(), ReportStatus.NO_SUCH_EVENT_TYPE),
        (1, event_information("2.25.78"), ReportStatus.INVALID_ARGUMENT_VALUE),
        (1, event_information(None), ReportStatus.INVALID_ARGUMENT_VALUE),
    ],
)
def test_statuses_of_a_report(kind: int, information: Dataset, expected: ReportStatus) -> None:
    assert report_to_us(Told(), kind, information) == expected


@pytest.mark.parametrize("error", [OSError(28, "no space"), RDeepNetError("the records cannot be written")])
def test_a_report_that_can_not_be_recorded_is_answered_with_a_failure(error: Exception) -> None:
    told = Told()
    told.error = error
    assert report_to_us(told, 1, event_information()) == ReportStatus.PROCESSING_FAILURE


def report_to_us(told: Told, kind: int, information: Dataset) -> int:
    with listening(told, Caller("PACS")) as port:
        ae = AE("PACS")
        association = ae.associate(
            "127.0.0.1",
            port,
            contexts=[build_context(STORAGE_COMMITMENT)],
            ext_neg=[build_role(STORAGE_COMMITMENT, scu_role=True, scp_role=True)],
            ae_title="RDEEPNET",
        )
        context = association.accepted_contexts[0]
        assert (context.as_scu, context.as_scp) == (False, True)
        status, _ = association.send_n_event_report(information, kind, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
        association.release()
        return int(status.Status)


def test_a_destination_that_is_no_sender_may_echo_and_report_but_not_store() -> None:
    with listening(Told(), Caller("PACS", ("127.0.0.1",), may_store=False), Caller("MR")) as port:
        echo(Peer("RDEEPNET", "127.0.0.1", port, "PACS", 5.0))
        for title, is_accepted in (("PACS", False), ("MR", True)):
            association = AE(title).associate(
                "127.0.0.1",
                port,
                contexts=[build_context(MRImageStorage), build_context(STORAGE_COMMITMENT)],
                ae_title="RDEEPNET",
            )
            accepted = {context.abstract_syntax for context in association.accepted_contexts}
            association.release()
            assert (MRImageStorage in accepted) is is_accepted
            assert STORAGE_COMMITMENT in accepted
