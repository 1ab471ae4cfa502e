"""Storage commitment: asks each destination whether it keeps what it was sent, and records its report.

It changes no study's state: stored results count as delivered. A destination that does not keep them is shown by
`rdeepnet status` and `show`, and in the log.
"""

from __future__ import annotations

import logging
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
from dicom_io.network.storage_commitment import Asked, request_commitment
from models.number_words import counted

LOG = logging.getLogger("rdeepnet.commitment")

_LONGEST_PAUSE_S = 86400.0  # an archive that owes a report for weeks is asked once a day


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

    def is_due(self, name: str) -> bool:
        """Returns whether a destination is to be asked about a job now."""
        return name in self._destinations and bool(self._records.due(name))

    def ask_next(self, name: str, peer: Peer) -> CommitmentState | None:
        """Asks a destination about one job that is due; returns what is known after it, None when nothing was due.

        One at a time, so that results never wait behind requests.
        """
        due = self._records.due(name) if name in self._destinations else ()
        if not due:
            return None
        job = due[0]
        sent = self._sent(job)
        number = self._records.requests(job) + 1
        extra = {"job": job.job_id, "destination": name, "attempt": number}
        if not sent:
            sentence = "none of its results are in the outbox: there is nothing to ask about"
            self._records.settled(job, state=CommitmentState.UNSUPPORTED, sentence=sentence)
            return CommitmentState.UNSUPPORTED
        transaction_uid = self._records.asking(job, next_at=self._after(number))
        try:
            asked = request_commitment(
                [(item.sop_class_uid, item.sop_instance_uid) for item in sent],
                peer,
                transaction_uid=transaction_uid,
                reported=self.reported,
            )
        except (PeerUnavailable, PeerRejected) as error:
            pause = timedelta(seconds=self._settings.retry_max_s)
            self._records.answered(job, state=CommitmentState.DUE, sentence=str(error), next_at=utc_now() + pause)
            LOG.warning("commitment cannot be requested: %s", error, extra=extra)
            return CommitmentState.DUE
        except PeerRefused as error:
            self._records.answered(job, state=CommitmentState.FAILED, sentence=str(error), next_at=utc_now())
            LOG.error("commitment refused: %s", error, extra=extra)
            return CommitmentState.FAILED
        if asked is Asked.UNSUPPORTED:
            sentence = f"{peer} does not offer storage commitment"
            self._records.answered(job, state=CommitmentState.UNSUPPORTED, sentence=sentence, next_at=utc_now())
            LOG.info("storage commitment not offered", extra=extra)
            return CommitmentState.UNSUPPORTED
        LOG.info("commitment requested", extra=extra)
        return CommitmentState.PENDING

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
        extra = {"job": job.job_id, "destination": job.destination}
        if state is CommitmentState.COMMITTED:
            LOG.info("results committed", extra=extra)
        else:
            LOG.error("results not committed: %s", sentence, extra=extra)
        return True

    def _sent(self, job: Job) -> tuple[Waiting, ...]:
        """Objects of a job that the destination was sent and is to keep; empty when its results were deleted.

        A rejection note it may use up.
        """
        destination = self._destinations.get(job.destination)
        objects = self._outbox.objects(job.job_id)
        if destination is None:
            return objects
        return tuple(item for item in destination.chosen(objects) if item.role is not Role.REJECTION_NOTE)

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


def _reason(code: int) -> str:
    return f"0x{code:04X}, {FAILURE_REASONS.get(code, 'a reason of its own')}" if code else "no reason given"
