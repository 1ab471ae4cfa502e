"""Operators' views of studies, from any process: list them, show one.

Works on the state folder of the service, which may run or not.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.in_short import NO_ANSWER, AnswerInShort
from appliance.settings import Settings
from appliance.stages import StageCost
from appliance.state.choices import Choice, Choices
from appliance.state.commitment_records import CommitmentRecord, CommitmentRecords, CommitmentState
from appliance.state.homes import open_files, open_home
from appliance.state.inbox import InboxReader
from appliance.state.not_kept_records import NotKeptCount, NotKeptRecords
from appliance.state.operator_actions import OperatorAction, OperatorActions
from appliance.state.outbox import PDF, Outbox, Results
from appliance.state.record_rows import DeliveryRecord, DeliveryState, Move, StudyRecord, UnknownStudy
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.takeover_records import Takeover, TakeoverRecords
from dicom_io.answer_roles import Role
from dicom_io.earlier import EarlierAnswer
from models.number_words import counted

_SHORT = 8  # characters
_HEADERS_READ = 5  # of a study, for who it is about: every object of it says the same


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
    accession_number, patient_id, study_date : where the settings show it and the images are still here
    in_short : state, first reason, warnings and notices of the answer; None where there is none
    """

    study_uid: str
    state: State
    sentence: str
    changed_at: datetime
    instances: int
    commitment: CommitmentState | None = None
    accession_number: str = ""
    patient_id: str = ""
    study_date: str = ""
    in_short: AnswerInShort | None = None

    def as_json(self) -> dict[str, Any]:
        """Everything that `rdeepnet status --json` says of the study."""
        return {
            "study_instance_uid": self.study_uid,
            "state": self.state,
            "sentence": self.sentence,
            "changed_at": self.changed_at.isoformat(),
            "instances": self.instances,
            "commitment": self.commitment,
            "patient_id": self.patient_id,
            "study_date": self.study_date,
            "accession_number": self.accession_number,
            **(NO_ANSWER if self.in_short is None else self.in_short.as_json()),
        }


@dataclass(frozen=True)
class ResultObject:
    """One object of the results; its file, or in the shared home the name of its file."""

    file: Path
    role: Role
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class StudyDetail:
    """Everything about one study.

    Attributes
    ----------
    moves : its history, oldest first
    deliveries : what each destination has, of all its jobs
    objects : results of the current job, in the order in which they are sent
    pdf : the plain PDF on this machine, None where it is not here
    has_pdf : there is one, here or in the shared home
    stages : what each stage of the current job cost
    commitments : whether each destination keeps what it has, of all its jobs
    not_kept : what came besides, was acknowledged and not kept, by class
    choices : explicit choices for it, oldest first; the last one counts
    actions : actions of operators on it, from the command line or the page, oldest first
    takeovers : of its jobs, from workers that were gone, oldest first; in a shared home
    answers : every answer to it whose results are still here, oldest first; each says what it replaces
    draft : SOP Instance UID of the draft that the current job made; empty where it made none
    accession_number, patient_id, study_date, in_short : as in the list
    """

    record: StudyRecord
    instances: int
    moves: tuple[Move, ...]
    deliveries: tuple[DeliveryRecord, ...]
    objects: tuple[ResultObject, ...]
    pdf: Path | None
    has_pdf: bool
    stages: tuple[StageCost, ...]
    commitments: tuple[CommitmentRecord, ...] = ()
    not_kept: tuple[NotKeptCount, ...] = ()
    choices: tuple[Choice, ...] = ()
    actions: tuple[OperatorAction, ...] = ()
    takeovers: tuple[Takeover, ...] = ()
    answers: tuple[EarlierAnswer, ...] = ()
    draft: str = ""
    accession_number: str = ""
    patient_id: str = ""
    study_date: str = ""
    in_short: AnswerInShort | None = None


def list_studies(settings: Settings) -> tuple[StudyLine, ...]:
    """Every study the service knows, the one that changed last first.

    Raises
    ------
    SetupError
        When no service has ever worked on the state folder.
    """
    home = open_home(settings)
    try:
        records = home.records
        counts = home.inbox.counts()
        lacking = worst_deliveries(records.deliveries())
        commitments: dict[str, list[CommitmentRecord]] = defaultdict(list)
        for commitment in CommitmentRecords(records).of_study():
            commitments[commitment.job_id].append(commitment)
        studies = records.studies()
        identities = _identities(settings, home.inbox, [record.study_uid for record in studies])
        results = home.outbox.results(record.job_id for record in studies if record.job_id)
        lines = []
        for record in studies:
            worst = _worst(commitments.get(record.job_id, ()))
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
                    in_short=results[record.job_id].in_short() if record.job_id in results else None,
                    **identities.get(record.study_uid, {}),
                )
            )
        return tuple(lines)
    finally:
        home.close()


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
    home = open_home(settings, read_only=read_only)
    try:
        records, outbox = home.records, home.outbox
        record = found(records, study)
        results = outbox.results([record.job_id]).get(record.job_id) if record.job_id else None
        return StudyDetail(
            record=record,
            instances=len(home.inbox.content(record.study_uid).instances),
            moves=records.moves(record.study_uid),
            deliveries=records.deliveries(record.study_uid),
            objects=() if results is None else _objects(outbox, record.job_id, results),
            pdf=None if results is None else outbox.path(record.job_id, PDF),
            has_pdf=results is not None and results.has_pdf,
            stages=() if results is None else results.stages(),
            commitments=CommitmentRecords(records).of_study(record.study_uid),
            not_kept=NotKeptRecords(records).by_class(record.study_uid),
            choices=Choices(records).of_study(record.study_uid),
            actions=OperatorActions(records).of_study(record.study_uid),
            takeovers=TakeoverRecords(records).of_study(record.study_uid),
            answers=tuple(outbox.answers(record.study_uid)),
            draft="" if results is None else results.of_role(Role.DRAFT_SEG),
            in_short=None if results is None else results.in_short(),
            **_identities(settings, home.inbox, [record.study_uid]).get(record.study_uid, {}),
        )
    finally:
        home.close()


def pdf_of(settings: Settings, detail: StudyDetail) -> bytes:
    """The plain PDF of a study, wherever it lies; empty where there is none."""
    if detail.pdf is not None:
        return detail.pdf.read_bytes()
    if not detail.has_pdf:
        return b""
    files = open_files(settings)
    try:
        with files.outbox.fetched(detail.record.job_id, [PDF]) as paths:
            return b"".join(path.read_bytes() for path in paths if path.is_file())
    finally:
        files.close()


def _objects(outbox: Outbox, job_id: str, results: Results) -> tuple[ResultObject, ...]:
    return tuple(
        ResultObject(
            outbox.path(job_id, item.file_name) or Path(item.file_name),
            item.role,
            item.sop_class_uid,
            item.sop_instance_uid,
        )
        for item in results.objects()
    )


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

    files = open_files(settings)
    try:
        numbers: dict[str, str] = {}
        for study in study_uids:
            with files.inbox.fetched(study, files.inbox.content(study).instances[:1]) as first:
                for file in first:
                    numbers[study] = accession_number(file)
        return numbers
    finally:
        files.close()


def _identities(settings: Settings, inbox: InboxReader, study_uids: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """Study Instance UID → what the settings show of patient and examination, where the images are still here."""
    shown = [
        *(["accession_number"] if settings.status.accession_number else []),
        *(["patient_id", "study_date"] if settings.status.patient else []),
    ]
    if not shown:
        return {}
    from dicom_io.reading.study_identity import identity_of  # loads pydicom, for this alone

    identities = {}
    for study in study_uids:
        with inbox.fetched(study, inbox.content(study).instances[:_HEADERS_READ]) as files:
            identity = identity_of(files).as_json()
        identities[study] = {key: identity[key] for key in shown}
    return identities


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


def found(records: Records, study: str) -> StudyRecord:
    """The study with this UID, prefix or suffix; raises `UnknownStudy`."""
    study = study.removeprefix("…")
    exact = records.find(study)
    if exact is not None:
        return exact
    matching = [r for r in records.studies() if r.study_uid.startswith(study) or r.study_uid.endswith(study)]
    if len(matching) == 1:
        return matching[0]
    if not matching and (others := NotKeptRecords(records).by_class(study)):
        listed = ", ".join(f"{other.instances} × {in_words(other)}" for other in others)
        raise UnknownStudy(
            f"Of study {study} nothing arrived that a study is read from, so there is no job: {listed}. Expected MR "
            "images and a segmentation of the tumour; send them too."
        )
    listed = counted(len(matching), "study matches", "studies match") if matching else "No study matches"
    raise UnknownStudy(f"{listed} '{study}'; expected one: rdeepnet status lists them.")
