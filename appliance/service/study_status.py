"""Operators' views of studies, from any process: list them, show one.

Works on the state folder of the service, which may run or not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.settings import Settings
from appliance.stages import StageCost
from appliance.state.choices import Choice, Choices
from appliance.state.commitment_records import CommitmentRecord, CommitmentRecords, CommitmentState
from appliance.state.inbox import instance_counts, newest_files
from appliance.state.outbox import PDF, Outbox, Waiting
from appliance.state.records import (
    DeliveryRecord,
    DeliveryState,
    Move,
    NotKeptCount,
    Records,
    StudyRecord,
    UnknownStudy,
)
from appliance.state.states import State
from dicom_io.earlier import EarlierAnswer
from models.errors import SetupError

_SHORT = 8  # characters


@dataclass(frozen=True)
class StudyLine:
    """One study in the list.

    Attributes
    ----------
    instances : received instances on disk; 0 after retention has deleted them
    sentence : why it is refused or failed, what a destination said while results wait, or why it does not keep them;
        else empty; of several destinations the worst counts
    commitment : the worst that a destination says about keeping the results of the current job; None when none was
        asked
    accession_number : where the settings show it and the images are still here
    """

    study_uid: str
    state: State
    sentence: str
    changed_at: datetime
    instances: int
    commitment: CommitmentState | None = None
    accession_number: str = ""


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
        lacking = worst_deliveries(records.deliveries())
        commitments = CommitmentRecords(records).of_study()
        studies = records.studies()
        numbers = accession_numbers(settings, [record.study_uid for record in studies])
        lines = []
        for record in studies:
            worst = _worst([commitment for commitment in commitments if commitment.job_id == record.job_id])
            sentence = record.sentence
            if not sentence and record.state is State.SENDING:
                sentence = lacking.get(record.job_id, "")
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
                    accession_number=numbers.get(record.study_uid, ""),
                )
            )
        return tuple(lines)
    finally:
        records.close()


def show_study(settings: Settings, study: str, *, read_only: bool = False) -> StudyDetail:
    """Everything about one study.

    Parameters
    ----------
    study : its Study Instance UID, or any unique prefix or suffix of it
    read_only : for a process that never writes into the records

    Raises
    ------
    UnknownStudy
        When none matches, or more than one.
    SetupError
        When no service has ever worked on the state folder.
    """
    records = open_records(settings, read_only=read_only)
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


def worst_deliveries(deliveries: Sequence[DeliveryRecord]) -> Mapping[str, str]:
    """Job → what the worst destination says of it: a refusal before a wait, more attempts before fewer.

    A delivery that was not tried yet says nothing.
    """
    worst: dict[str, DeliveryRecord] = {}
    for one in deliveries:
        if one.sentence and one.state is not DeliveryState.DONE:
            other = worst.get(one.job_id)
            if other is None or _weight(one) > _weight(other):
                worst[one.job_id] = one
    return {job: f"{one.destination}: {one.sentence}" for job, one in worst.items()}


def _weight(delivery: DeliveryRecord) -> tuple[bool, int]:
    return delivery.state is DeliveryState.REFUSED, delivery.attempts


def accession_numbers(settings: Settings, study_uids: Iterable[str]) -> Mapping[str, str]:
    """Study Instance UID → Accession Number, where the settings show it and an image is on disk."""
    if not settings.status.accession_number:
        return {}
    from dicom_io.images.headers import accession_number  # loads pydicom, for this alone

    inbox = settings.service.state_dir / "inbox"
    first = {study: next(iter(newest_files(inbox, study)), None) for study in study_uids}
    return {study: accession_number(file) for study, file in first.items() if file is not None}


def short_ids(study_uids: Iterable[str]) -> Mapping[str, str]:
    """Study Instance UID → its end after "…", at least 8 characters and as long as it is unique among them."""
    backwards = sorted({study[::-1] for study in study_uids})
    shared = [0, *(_in_common(one, other) for one, other in itertools.pairwise(backwards)), 0]
    short = {}
    for backward, before, after in zip(backwards, shared, shared[1:], strict=False):
        study, length = backward[::-1], max(_SHORT, before + 1, after + 1)
        short[study] = study if length >= len(study) else f"…{study[-length:]}"
    return short


def _in_common(one: str, other: str) -> int:
    """Number of characters with which both begin."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


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


def open_records(settings: Settings, *, read_only: bool = False) -> Records:
    """The records of a service; raises `SetupError` where none has ever worked on the state folder."""
    path = settings.service.state_dir / "studies.sqlite3"
    if not path.is_file():
        raise SetupError(
            f"{settings.service.state_dir} holds no studies; expected the state folder of a service that has run: "
            "start it with rdeepnet serve, or name its settings."
        )
    return Records(path, read_only=read_only)


def found(records: Records, study: str) -> StudyRecord:
    """The study with this UID, prefix or suffix; raises `UnknownStudy`."""
    study = study.removeprefix("…")
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
