"""Named points of the service and its worker at which one of them is ended, in the order of the flow of a study.

A point is a function of the product and a side of it: before its body, or after it, when its result is about to be
returned. `starter.py` wraps them all, whatever process they run in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Side of a function."""

    BEFORE = "before"
    AFTER = "after"


class Traffic(StrEnum):
    """Work that a trial gives the service, so that it comes to a point."""

    PUSH = "push"  # a study that is answered
    REFUSAL = "refusal"  # a study that is refused, with a notice
    CHOICE = "choice"  # a refused study that is answered by an operator's choice
    RETRY = "retry"  # a failed study that is retried by an operator
    NOW = "now"  # a study that is arriving, and answered on an operator's request
    DROP = "drop"  # a refused study that an operator drops
    START = "start"  # a service that was killed at work, and starts again
    RETENTION = "retention"  # a study old enough to be deleted


@dataclass(frozen=True)
class Point:
    """One point.

    Attributes
    ----------
    target : module:function of the product, as the caller of the function finds it
    calls : how often one trial comes here at least; trials are spread over the first so many
    by_operator : it is in the process of the operator's command
    """

    name: str
    target: str
    side: Side
    traffic: Traffic = Traffic.PUSH
    calls: int = 1
    by_operator: bool = False


def _both(
    name: str, target: str, *, traffic: Traffic = Traffic.PUSH, calls: int = 1, by_operator: bool = False
) -> Iterator[Point]:
    for side in Side:
        yield Point(f"{side} {name}", target, side, traffic, calls, by_operator)


_OBJECTS = 4  # of a study of `study.py`: three images and a segmentation
_ANSWER = 2  # objects of its answer

POINTS: tuple[Point, ...] = (
    # receive
    *_both("an instance is stored", "appliance.service.intake:Intake.store", calls=_OBJECTS),
    Point("before an instance is written", "appliance.state.inbox_folder:write_durably", Side.BEFORE, calls=_OBJECTS),
    Point("between write and rename of an instance", "models.files:_write_all", Side.AFTER, calls=2 * _OBJECTS),
    Point("after the folder of a study is made, before its name is synced", "appliance.files:sync_folder", Side.BEFORE),
    Point("after an instance has its name", "appliance.state.inbox_folder:write_durably", Side.AFTER, calls=_OBJECTS),
    Point("after an instance is kept, before it is counted", "appliance.state.inbox_folder:FolderInbox.keep",
          Side.AFTER, calls=_OBJECTS),
    # records and queue
    *_both("the arrival is recorded", "appliance.state.records:Records.arrived"),
    *_both("the study is recorded as complete", "appliance.state.records:Records.queue"),
    *_both("the job is queued", "appliance.state.job_queue:JobQueue.put"),
    # job
    Point("before a worker opens", "tests.faults.answers:opening", Side.BEFORE, Traffic.START),
    Point("before a job begins", "appliance.service.worker:Worker.answer", Side.BEFORE),
    Point("after a job is recorded as running", "appliance.state.records:Records.start", Side.AFTER),
    Point("in the computation", "tests.faults.answers:computing", Side.BEFORE),
    Point("after the computation", "appliance.state.outbox_folder:FolderOutbox.put", Side.BEFORE),
    Point("between objects in the outbox", "appliance.state.outbox_folder:write_durably", Side.AFTER, calls=_ANSWER),
    Point("after rename of the outbox, before its name is synced", "appliance.state.outbox_folder:sync_folder",
          Side.BEFORE),
    Point("after the outbox is filled", "appliance.state.outbox_folder:FolderOutbox.put", Side.AFTER),
    Point("after the first step, before the queue knows", "appliance.service.worker:Worker.answer", Side.AFTER),
    *_both("the outcome is recorded", "appliance.state.records:Records.answered"),
    *_both("the job is concluded", "appliance.service.worker:Worker.conclude"),
    # delivery and commitment
    *_both("a delivery", "appliance.service.delivery:Courier.deliver"),
    Point("between two objects of a delivery", "dicom_io.network.send:_send_one", Side.AFTER, calls=_ANSWER),
    Point("after the objects are sent, before that is recorded", "appliance.service.delivery:send", Side.AFTER),
    *_both("a delivery is recorded", "appliance.state.records:Records.delivery_tried"),
    *_both("a request for commitment is recorded",
           "appliance.state.commitment_records:CommitmentRecords.asking"),
    Point("after commitment is requested", "dicom_io.network.storage_commitment:CommitmentCall.ask", Side.AFTER),
    *_both("a report of commitment is recorded", "appliance.state.commitment_records:CommitmentRecords.settled"),
    # refusals and operators
    *_both("a notice is made", "appliance.service.notices:Notices.post", traffic=Traffic.REFUSAL),
    *_both("a refusal is recorded", "appliance.state.records:Records.gave_up", traffic=Traffic.REFUSAL),
    *_both("a choice is recorded", "appliance.state.choices:Choices.choose", traffic=Traffic.CHOICE,
           by_operator=True),
    Point("after a choice is read for an answer", "appliance.state.choices:Choices.counting", Side.AFTER,
          Traffic.CHOICE),
    *_both("a retry is recorded", "appliance.state.records:Records.retry", traffic=Traffic.RETRY, by_operator=True),
    *_both("an operator's wish is recorded", "appliance.state.operator_actions:OperatorActions.want_now",
           traffic=Traffic.NOW, by_operator=True),
    Point("before an operator's wish is taken", "appliance.service.completeness:Completeness.wanted_now", Side.BEFORE,
          Traffic.NOW),
    *_both("a study is dropped", "appliance.state.operator_actions:OperatorActions.note", traffic=Traffic.DROP,
           by_operator=True),
    # start and retention
    Point("at start, after interrupted studies are queued", "appliance.state.records:Records.interrupted", Side.AFTER,
          Traffic.START),
    Point("at start, before waiting deliveries are tried", "appliance.state.records:Records.waiting_restarted",
          Side.BEFORE, Traffic.START),
    Point("before a worker takes jobs over", "appliance.state.job_worker:JobWorker._adopt", Side.BEFORE,
          Traffic.START),
    Point("at start, before it listens", "dicom_io.network.receive:Receiver.start", Side.BEFORE, Traffic.START),
    *_both("received images are deleted", "appliance.state.inbox_folder:FolderInbox.remove", traffic=Traffic.RETENTION),
    Point("after results are deleted", "appliance.state.outbox_folder:FolderOutbox.remove", Side.AFTER,
          Traffic.RETENTION),
    Point("after the queue forgets", "appliance.state.job_queue:JobQueue.forget", Side.AFTER, Traffic.RETENTION),
    Point("after the record is deleted", "appliance.state.records:Records.forget", Side.AFTER, Traffic.RETENTION),
)  # fmt: skip
