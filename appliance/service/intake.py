"""From an instance that arrives to a study that is complete and queued.

Success is answered when this code has made an instance safe. What the records do not know yet is kept in memory and
told to them in the rounds of the main loop; in a shared home the inbox has told them already, in the same transaction.
"""

from __future__ import annotations

import logging
import threading
import time

from appliance.logs import describe
from appliance.service.completeness import Completeness
from appliance.service.shared_completeness import SharedCompleteness
from appliance.state.database import DatabaseUnavailable
from appliance.state.inbox import Inbox, Kept
from appliance.state.not_kept_records import NotKept, NotKeptRecords
from appliance.state.operator_actions import OperatorActions
from appliance.state.records import Records
from appliance.state.states import IllegalMove, State
from dicom_io.network.received import Received

LOG = logging.getLogger("rdeepnet.service")


class Intake:
    """Reception of instances; every method but `store` is for the main loop."""

    def __init__(self, *, inbox: Inbox, records: Records, completeness: Completeness | SharedCompleteness) -> None:
        self._inbox = inbox
        self._records = records
        self._completeness = completeness
        self._not_kept_records = NotKeptRecords(records)
        self._operator_actions = OperatorActions(records)
        self._lock = threading.Lock()
        self._fresh: set[str] = set()  # studies with something new that the records do not know yet
        self._not_kept: dict[NotKept, None] = {}  # instances the records do not know yet, in order of arrival

    def find_unfinished(self) -> None:
        """At start: what an earlier process received and did not queue is arriving; in a shared home it is anyway."""
        if self._records.is_shared:
            return
        for study_uid in self._inbox.studies():
            record = self._records.find(study_uid)
            is_covered = record is not None and record.digest == self._inbox.content(study_uid).digest
            if record is None or record.state is State.RECEIVED or not is_covered:
                self._note(study_uid, association=0)

    def round(self, now_s: float) -> None:
        """Tells the records what arrived, and queues what is complete."""
        self.record_not_kept()
        self._record_arrivals()
        for study_uid in self._completeness.take_due(now_s):
            self._complete(study_uid)

    def _record_arrivals(self) -> None:
        """Records what is new, and what operators want now; in a shared home both are in the database already."""
        if isinstance(self._completeness, SharedCompleteness):
            return
        with self._lock:
            fresh = sorted(self._fresh)
        for study_uid in fresh:
            self._records.arrived(study_uid)
            with self._lock:
                self._fresh.discard(study_uid)
        for study_uid in self._operator_actions.take_wanted_now():
            self._completeness.wanted_now(study_uid)

    def is_arriving(self) -> bool:
        """Returns whether a study waits to be complete."""
        return bool(self._completeness.arriving())

    def store(self, received: Received) -> None:
        """Stores an instance; when this returns, the receiver answers Success.

        Raises
        ------
        OSError
            When it cannot be stored now.
        """
        if not received.needed:
            self._acknowledge(received)
            return
        try:
            kept = self._inbox.keep(
                received.study_instance_uid,
                instance_uid=received.sop_instance_uid,
                meta=received.meta,
                dataset=received.dataset,
            )
        except OSError as error:
            LOG.error("an instance could not be written", extra={"error": describe(error)})
            raise
        if kept is Kept.NEWER_VERSION:
            LOG.warning(
                "an instance arrived again with different content; the newer version counts",
                extra={"study": received.study_instance_uid, "peer": received.calling_title},
            )
        if kept is Kept.KNOWN:
            self._completeness.seen(
                received.study_instance_uid, association=received.association, now_s=time.monotonic()
            )
        else:
            self._note(received.study_instance_uid, association=received.association)

    def _acknowledge(self, received: Received) -> None:
        """Count what is no input; it makes no study, and one that is arriving waits for what its sender has besides."""
        study_uid = received.study_instance_uid
        if not study_uid:
            LOG.info("instance acknowledged, no input and not readable", extra={"peer": received.calling_title})
            return
        self._completeness.seen(study_uid, association=received.association, now_s=time.monotonic())
        instance = NotKept(
            study_uid=study_uid,
            sop_instance_uid=received.sop_instance_uid,
            series_uid=received.series_instance_uid,
            sop_class_uid=received.sop_class_uid,
            is_ours=received.is_ours,
        )
        with self._lock:
            self._not_kept[instance] = None
        LOG.debug("instance acknowledged, no input", extra={"study": study_uid})

    def record_not_kept(self) -> None:
        """Record what was counted since the last round, before a study that it belongs to can be complete."""
        with self._lock:
            instances = tuple(self._not_kept)
        if instances:
            self._not_kept_records.add(instances)
            with self._lock:
                for instance in instances:
                    del self._not_kept[instance]

    def _note(self, study_uid: str, *, association: int) -> None:
        """Something new of a study is safe."""
        self._completeness.arrived(study_uid, association=association, now_s=time.monotonic())
        if not self._records.is_shared:
            with self._lock:
                self._fresh.add(study_uid)

    def _complete(self, study_uid: str) -> None:
        """Queues a study that fell silent; one the records cannot take now is complete again after the idle time."""
        content = self._inbox.content(study_uid)
        try:
            job_id = self._records.queue(study_uid, digest=content.digest)
        except DatabaseUnavailable:
            self._note(study_uid, association=0)
            raise
        except IllegalMove:  # this host took so long that another did it
            LOG.info("study completed by another host", extra={"study": study_uid})
            return
        if job_id:
            LOG.info("study complete", extra={"job": job_id, "instances": len(content.instances)})
