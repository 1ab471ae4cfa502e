"""Storage commitment: asks each destination whether it keeps what it was sent, and records its report.

It changes no study's state: stored results count as delivered. A destination that does not keep them is shown by
`rdeepnet status` and `show`, and in the log.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from appliance.peer_settings import Destination
from appliance.settings import DeliverySettings
from appliance.state.commitment_records import CommitmentRecords, CommitmentState, Job
from appliance.state.outbox import Outbox, Waiting
from appliance.state.record_rows import utc_now
from dicom_io.answer_roles import Role
from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.commitment_report import FAILURE_REASONS, CommitmentReport
from dicom_io.network.peer import Peer
from dicom_io.network.storage_commitment import Asked, CommitmentCall, commitment_call
from models.number_words import counted

LOG = logging.getLogger("rdeepnet.commitment")

_LONGEST_PAUSE_S = 86400.0  # an archive that owes a report for weeks is asked once a day
MOST_AT_ONCE = 64  # requests on one association
_CAREFUL_S = 3600.0
ASKING_S = 3.0  # after so long no further request is made on an association
_STEPS_BESIDES = 5  # to connect, to open and to close the association, the last request, and one to spare


class _Pace:
    """Number of jobs that a destination is asked about on its next association.

    Twice as many as on the last one, as long as it answers, and at most twice those for which the time was enough. One,
    where it reports on the association of the request: some archives take no second request before their report, and
    nobody waits for such a report in vain. Where it stopped answering behind some requests, no more than those for some
    time.
    """

    def __init__(self) -> None:
        self.at_most = 1
        self._most = MOST_AT_ONCE
        self._most_until_s = 0.0

    def asked(self, number: int, *, left: int, is_well: bool, reports_here: bool) -> None:
        """An association has ended on which it answered so many requests, and so many were left."""
        now_s = time.monotonic()
        if not is_well and number > 0:
            self._most, self._most_until_s = number, now_s + _CAREFUL_S
        elif now_s >= self._most_until_s:
            self._most = MOST_AT_ONCE
        fitted = number if left else self.at_most
        self.at_most = max(1, min(self._most, 2 * fitted)) if is_well and not reports_here else 1


class Commitments:
    """Requests and reports of all destinations.

    Parameters
    ----------
    destinations : those that are asked
    """

    def __init__(
        self,
        *,
        destinations: Sequence[Destination],
        settings: DeliverySettings,
        records: CommitmentRecords,
        outbox: Outbox,
    ) -> None:
        self._destinations: Mapping[str, Destination] = {destination.name: destination for destination in destinations}
        self._settings = settings
        self._records = records
        self._outbox = outbox
        self._paces = {name: _Pace() for name in self._destinations}

    def is_due(self, name: str) -> bool:
        """Returns whether a destination is to be asked about a job now."""
        return name in self._destinations and self._records.is_due(name)

    def ask_next(self, name: str, peer: Peer) -> bool:
        """Asks a destination about some jobs that are due, on one association; False when there was none for us.

        It ends after a few seconds, so that results never wait long behind requests.
        """
        pace = self._paces.get(name)
        if pace is None:
            return False
        lease_s = ASKING_S + _STEPS_BESIDES * peer.timeout_s
        jobs = self._records.take(name, at_most=pace.at_most, lease_s=lease_s)
        waiting = [(job, sent) for job in jobs if (sent := self._sent(job))]
        for job in set(jobs) - {job for job, _ in waiting}:
            sentence = "none of its results are in the outbox: there is nothing to ask about"
            self._records.settled(job, state=CommitmentState.UNSUPPORTED, sentence=sentence)
        if waiting:
            self._ask_about(waiting, peer, pace)
        return bool(jobs)

    def _ask_about(self, waiting: Sequence[tuple[Job, Sequence[Waiting]]], peer: Peer, pace: _Pace) -> None:
        """Asks about jobs that were taken, on one association."""
        left = deque(waiting)
        begun_s = time.monotonic()
        try:
            with commitment_call(peer, reported=self.reported) as call:
                if not call.is_offered:
                    self._not_offered([job for job, _ in left], peer)
                    return
                number, is_well = 0, True
                while left and is_well and time.monotonic() < begun_s + ASKING_S:
                    is_well = self._ask(call, *left.popleft(), peer=peer, is_first=number == 0)
                    number += is_well
                self._records.give_back([job for job, _ in left])
            pace.asked(number, left=len(left), is_well=is_well, reports_here=call.reports > 0)
        except (PeerUnavailable, PeerRejected) as error:
            self._unavailable([job for job, _ in left], error, pause_s=self._settings.retry_max_s)
        except PeerRefused as error:
            self._refused([job for job, _ in left], error)

    def _ask(self, call: CommitmentCall, job: Job, sent: Sequence[Waiting], *, peer: Peer, is_first: bool) -> bool:
        """Asks about one job; returns whether the association takes another request."""
        number = self._records.requests(job) + 1
        transaction_uid = self._records.asking(job, next_at=self._after(number))
        try:
            asked = call.ask(
                [(item.sop_class_uid, item.sop_instance_uid) for item in sent], transaction_uid=transaction_uid
            )
        except PeerUnavailable as error:
            # Behind another request it may be the association that failed: it is asked about again, alone.
            self._unavailable([job], error, pause_s=self._settings.retry_max_s if is_first else 0.0)
            return False
        except PeerRefused as error:
            self._refused([job], error)
            return True
        if asked is Asked.UNSUPPORTED:
            self._not_offered([job], peer)
        else:
            LOG.info("commitment requested", extra={**_extra(job), "attempt": number})
        return True

    def _unavailable(self, jobs: Sequence[Job], error: Exception, *, pause_s: float) -> None:
        again_at = utc_now() + timedelta(seconds=pause_s)
        self._records.answered(jobs, state=CommitmentState.DUE, sentence=str(error), next_at=again_at)
        for job in jobs:
            LOG.warning("commitment cannot be requested: %s", error, extra=_extra(job))

    def _refused(self, jobs: Sequence[Job], error: PeerRefused) -> None:
        self._records.answered(jobs, state=CommitmentState.FAILED, sentence=str(error), next_at=utc_now())
        for job in jobs:
            LOG.error("commitment refused: %s", error, extra=_extra(job))

    def _not_offered(self, jobs: Sequence[Job], peer: Peer) -> None:
        sentence = f"{peer} does not offer storage commitment"
        self._records.answered(jobs, state=CommitmentState.UNSUPPORTED, sentence=sentence, next_at=utc_now())
        for job in jobs:
            LOG.info("storage commitment not offered", extra=_extra(job))

    def ask_now(self, name: str) -> None:
        """Asks a destination about everything that it owes a report on, without waiting for longer."""
        self._records.ask_now(name)

    def reported(self, report: CommitmentReport) -> bool:
        """Records a report; False when we made no such request."""
        job = self._records.asked_by(report.transaction_uid)
        if job is None:
            LOG.warning("a storage commitment report matches no request of ours")
            return False
        state, sentence = judged(report, self._sent(job))
        self._records.settled(job, state=state, sentence=sentence)
        extra = _extra(job)
        if state is CommitmentState.COMMITTED:
            LOG.info("results committed", extra=extra)
        else:
            LOG.error("results not committed: %s", sentence, extra=extra)
        return True

    def _sent(self, job: Job) -> tuple[Waiting, ...]:
        """Objects of a job that the destination was sent and is to keep; empty when its results were deleted.

        A rejection note it may use up. What another host sent to a destination that this one does not know is not
        known here: it is judged by the report alone.
        """
        destination = self._destinations.get(job.destination)
        if destination is None:
            return ()
        objects = destination.chosen(self._outbox.objects(job.job_id))
        return tuple(item for item in objects if item.role is not Role.REJECTION_NOTE)

    def _after(self, number: int) -> datetime:
        """Time at which the n-th request is repeated, unless a report arrives: the pause doubles each time."""
        pause_s = min(_LONGEST_PAUSE_S, self._settings.commitment_report_s * 2.0 ** min(number - 1, 32))
        return utc_now() + timedelta(seconds=max(pause_s, self._settings.commitment_report_s))


def judged(report: CommitmentReport, sent: Sequence[Waiting]) -> tuple[CommitmentState, str]:
    """Commitment state by a report on the objects sent, and a sentence where some are not kept."""
    again = "rdeepnet retry sends the results again"
    lost = [
        f"{item.role} ({_reason(report.failed[item.sop_instance_uid])})"
        for item in sent
        if item.sop_instance_uid in report.failed
    ]
    if lost:
        return (
            CommitmentState.FAILED,
            f"it does not keep {len(lost)} of {counted(len(sent), 'object')}: {', '.join(lost)}; {again}",
        )
    if report.failed:
        reasons = ", ".join(sorted({_reason(code) for code in report.failed.values()}))
        return CommitmentState.FAILED, f"it does not keep {counted(len(report.failed), 'object')} ({reasons}); {again}"
    absent = [str(item.role) for item in sent if item.sop_instance_uid not in report.committed]
    if absent:
        return CommitmentState.FAILED, f"its report leaves out {', '.join(absent)}; {again}"
    return CommitmentState.COMMITTED, ""


def _extra(job: Job) -> dict[str, str]:
    return {"job": job.job_id, "destination": job.destination}


def _reason(code: int) -> str:
    return f"0x{code:04X}, {FAILURE_REASONS.get(code, 'a reason of its own')}" if code else "no reason given"
