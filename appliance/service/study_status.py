"""Operators' views of studies, from any process: list them, show one.

Works on the state folder of the service, which may run or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.settings import Settings
from appliance.stages import StageCost
from appliance.state.choices import Choice, Choices
from appliance.state.commitment_records import CommitmentRecord, CommitmentRecords, CommitmentState
from appliance.state.inbox import instance_counts
from appliance.state.outbox import PDF, Outbox, Waiting
from appliance.state.records import DeliveryRecord, Move, NotKeptCount, Records, StudyRecord, UnknownStudy
from appliance.state.states import State
from dicom_io.earlier import EarlierAnswer
from models.errors import SetupError


@dataclass(frozen=True)
class StudyLine:
    """One study in the list.

    Attributes
    ----------
    instances : received instances on disk; 0 after retention has deleted them
    sentence : why it is refused or failed, what a destination said while results wait, or why it does not keep them;
        else empty
    commitment : the worst that a destination says about keeping the results of the current job; None when none was
        asked
    """

    study_uid: str
    state: State
    sentence: str
    changed_at: datetime
    instances: int
    commitment: CommitmentState | None = None


@dataclass(frozen=True)
class StudyDetail:
    """Everything about one study.

    Attributes
    ----------
    moves : its history, oldest first
    deliveries : what each destination has, of all its jobs
    objects : results of the current job, in the order in which they are sent
    pdf : the plain PDF, None when there are no results
    stages : what each stage of the current job cost
    commitments : whether each destination keeps what it has, of all its jobs
    not_kept : what came besides, was acknowledged and not kept, by class
    choices : explicit choices for it, oldest first; the last one counts
    answers : every answer to it whose results are still here, oldest first; each says what it replaces
    """

    record: StudyRecord
    instances: int
    moves: tuple[Move, ...]
    deliveries: tuple[DeliveryRecord, ...]
    objects: tuple[Waiting, ...]
    pdf: Path | None
    stages: tuple[StageCost, ...]
    commitments: tuple[CommitmentRecord, ...] = ()
    not_kept: tuple[NotKeptCount, ...] = ()
    choices: tuple[Choice, ...] = ()
    answers: tuple[EarlierAnswer, ...] = ()


def list_studies(settings: Settings) -> tuple[StudyLine, ...]:
    """Every study the service knows, the one that changed last first.

    Raises
    ------
    SetupError
        When no service has ever worked on the state folder.
    """
    records = open_records(settings)
    try:
        counts = instance_counts(settings.service.state_dir / "inbox")
        waiting = {d.job_id: d.sentence for d in records.deliveries() if d.sentence}
        commitments = CommitmentRecords(records).of_study()
        lines = []
        for record in records.studies():
            worst = _worst([commitment for commitment in commitments if commitment.job_id == record.job_id])
            sentence = record.sentence
            if not sentence and record.state is State.SENDING:
                sentence = waiting.get(record.job_id, "")
            if not sentence and worst is not None and worst.state is CommitmentState.FAILED:
                sentence = f"{worst.destination}: {worst.sentence}"
            lines.append(
                StudyLine(
                    study_uid=record.study_uid,
                    state=record.state,
                    sentence=sentence,
                    changed_at=record.changed_at,
                    instances=counts.get(record.study_uid, 0),
                    commitment=None if worst is None else worst.state,
                )
            )
        return tuple(lines)
    finally:
        records.close()


def show_study(settings: Settings, study: str) -> StudyDetail:
    """Everything about one study.

    Parameters
    ----------
    study : its Study Instance UID, or any unique prefix or suffix of it

    Raises
    ------
    UnknownStudy
        When none matches, or more than one.
    SetupError
        When no service has ever worked on the state folder.
    """
    records = open_records(settings)
    try:
        record = found(records, study)
        outbox = Outbox(settings.service.state_dir / "outbox")
        has_results = outbox.has(record.job_id) if record.job_id else False
        return StudyDetail(
            record=record,
            instances=instance_counts(settings.service.state_dir / "inbox").get(record.study_uid, 0),
            moves=records.moves(record.study_uid),
            deliveries=records.deliveries(record.study_uid),
            objects=outbox.objects(record.job_id) if has_results else (),
            pdf=outbox.folder_of(record.job_id) / PDF if has_results else None,
            stages=outbox.stages(record.job_id) if has_results else (),
            commitments=CommitmentRecords(records).of_study(record.study_uid),
            not_kept=records.not_kept_by_class(record.study_uid),
            choices=Choices(records).of_study(record.study_uid),
            answers=tuple(outbox.answers(record.study_uid).values()),
        )
    finally:
        records.close()


def in_words(count: NotKeptCount) -> str:
    """A class of instances that were not kept, by name."""
    from dicom_io.network.storage_classes import class_name  # loads the network library, for this alone

    name = class_name(count.sop_class_uid)
    return f"{name}, made by this product" if count.is_ours else name


# From worst to best.
_BY_WEIGHT = (
    CommitmentState.FAILED,
    CommitmentState.DUE,
    CommitmentState.PENDING,
    CommitmentState.UNSUPPORTED,
    CommitmentState.COMMITTED,
)


def _worst(commitments: Sequence[CommitmentRecord]) -> CommitmentRecord | None:
    return min(commitments, key=lambda one: _BY_WEIGHT.index(one.state), default=None)


def open_records(settings: Settings) -> Records:
    """The records of a service; raises `SetupError` where none has ever worked on the state folder."""
    path = settings.service.state_dir / "studies.sqlite3"
    if not path.is_file():
        raise SetupError(
            f"{settings.service.state_dir} holds no studies; expected the state folder of a service that has run: "
            "start it with rdeepnet serve, or name its settings."
        )
    return Records(path)


def found(records: Records, study: str) -> StudyRecord:
    """The study with this UID, prefix or suffix; raises `UnknownStudy`."""
    exact = records.find(study)
    if exact is not None:
        return exact
    matching = [r for r in records.studies() if r.study_uid.startswith(study) or r.study_uid.endswith(study)]
    if len(matching) == 1:
        return matching[0]
    if not matching and (others := records.not_kept_by_class(study)):
        listed = ", ".join(f"{other.instances} × {in_words(other)}" for other in others)
        raise UnknownStudy(
            f"Of study {study} nothing arrived that a study is read from, so there is no job: {listed}. Expected MR "
            "images and a segmentation of the tumour; send them too."
        )
    listed = f"{len(matching)} studies match" if matching else "No study matches"
    raise UnknownStudy(f"{listed} '{study}'; expected one: rdeepnet status lists them.")
