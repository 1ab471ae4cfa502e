"""The outbox: the results of one job, written once, complete or not at all.

It has two homes: a folder for each job (`outbox_folder`), and tables that several workers and couriers share
(`outbox_shared`). In both, the results of a job are its objects in the order in which they are sent, the plain PDF, and
what `Results` lists: roles and UIDs of the objects, cost of each stage, digests of what they say; no patient data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from appliance.in_short import AnswerInShort
from appliance.stages import StageCost
from dicom_io.answer import Answer
from dicom_io.answer_roles import RESULTS, Role
from dicom_io.earlier import AnswerFacts, EarlierAnswer, SentObject
from models.version import software_version
from reports.language import Language

PDF = "report.pdf"
FHIR = "fhir.json"


@dataclass(frozen=True, eq=False)
class Outgoing:
    """Results of a study: the objects, their cost, what a later answer is compared with, and the answer in short.

    `review` is empty for an answer; of a draft it says what waits for a person.

    Attributes
    ----------
    facts : for a later answer to the same study
    measured, patient_mark : for a later study of the patient; None and "" without (`dicom_io.priors`)
    """

    answer: Answer
    stages: tuple[StageCost, ...]
    created: datetime | None = None
    facts: AnswerFacts | None = None
    in_short: AnswerInShort | None = None
    fhir: bytes = b""
    measured: Mapping[str, Any] | None = None
    patient_mark: str = ""
    review: str = ""

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and bytes of the files, the objects in the order in which they are sent, then PDF and FHIR bundle."""
        for number, item in enumerate(self.answer.objects, start=1):
            yield f"{number:02d}-{item.role}.dcm", item.file
        if self.answer.pdf:
            yield PDF, self.answer.pdf
        if self.fhir:
            yield FHIR, self.fhir

    def listed(self, job_id: str) -> dict[str, Any]:
        """Content that `Results` reads, for JSON."""
        result: dict[str, Any] = {
            "job": job_id,
            "software": software_version(),
            "objects": [
                {
                    "file": name,
                    "role": item.role.value,
                    "sop_class_uid": item.sop_class_uid,
                    "sop_instance_uid": item.sop_instance_uid,
                    "series_instance_uid": str(item.dataset.SeriesInstanceUID),
                    "language": item.language,
                    "is_default": item.is_default,
                }
                for item, (name, _) in zip(self.answer.objects, self.files(), strict=False)  # PDF and bundle come last
            ],
            "has_pdf": bool(self.answer.pdf),
            "has_fhir": bool(self.fhir),
            "stages": [asdict(cost) for cost in self.stages],
        }
        if self.created is not None:
            result["created"] = self.created.isoformat()
        if self.facts is not None:
            result["facts"] = self.facts.as_json()
        if self.measured is not None:
            result["measured"] = dict(self.measured)
            result["patient_mark"] = self.patient_mark
        if self.in_short is not None:
            result["in_short"] = self.in_short.as_json()
        if self.review:
            result["review"] = self.review
        return result


@dataclass(frozen=True)
class Waiting:
    """One object in the outbox."""

    file_name: str
    role: Role
    sop_class_uid: str
    sop_instance_uid: str
    language: Language | None = None  # None where it has no words, or an older version made it
    is_default: bool = True  # in the language of the site


@dataclass(frozen=True)
class Results:
    """The list of a job's results, also as earlier versions wrote it."""

    values: Mapping[str, Any]

    def objects(self) -> tuple[Waiting, ...]:
        """The objects, in the order in which they are sent."""
        return tuple(
            Waiting(
                item["file"],
                Role(item["role"]),
                item["sop_class_uid"],
                item["sop_instance_uid"],
                Language(item["language"]) if item.get("language") else None,
                item.get("is_default", True),
            )
            for item in self.values["objects"]
        )

    def of_role(self, role: Role) -> str:
        """SOP Instance UID of the object in a role; empty where there is none."""
        return next((item.sop_instance_uid for item in self.objects() if item.role is role), "")

    @property
    def has_pdf(self) -> bool:
        """Returns whether there is a plain PDF; results of answers have one, and notices none."""
        return bool(self.values.get("has_pdf", "facts" in self.values))

    @property
    def has_fhir(self) -> bool:
        """Returns whether there is a FHIR bundle."""
        return bool(self.values.get("has_fhir"))

    @property
    def review(self) -> str:
        """Sentence of a draft, about what waits for a person; empty where the results are none."""
        return str(self.values.get("review", ""))

    def stages(self) -> tuple[StageCost, ...]:
        """Cost of each stage of the job."""
        return tuple(StageCost(**cost) for cost in self.values["stages"])

    def in_short(self) -> AnswerInShort | None:
        """State, first reason, warnings and notices; None where an older version made it."""
        values = self.values.get("in_short")
        return AnswerInShort.from_json(values) if values else None

    def measured(self) -> Mapping[str, Any] | None:
        """Numbers that a later study of the patient is compared with, as `models.inference.change` wrote them."""
        return self.values.get("measured")

    def created(self) -> datetime | None:
        """Date of what the job made; None where it is not known."""
        created = self.values.get("created")
        return datetime.fromisoformat(created) if created else None

    def answer(self) -> EarlierAnswer | None:
        """Facts that a later answer is compared with; None for a notice, and where an older version made it."""
        if "facts" not in self.values:
            return None
        return EarlierAnswer(
            created=datetime.fromisoformat(self.values["created"]),
            facts=AnswerFacts.from_json(self.values["facts"]),
            objects=tuple(
                SentObject(
                    Role(item["role"]),
                    item["sop_class_uid"],
                    item["sop_instance_uid"],
                    item["series_instance_uid"],
                    Language(item["language"]) if item.get("language") else None,
                )
                for item in self.values["objects"]
                if item["role"] in RESULTS
            ),
        )


class Outbox(Protocol):
    """Results of jobs; every method may be called from any thread."""

    def has(self, job_id: str) -> bool:
        """Returns whether the results of a job exist."""

    def put(self, job_id: str, outgoing: Outgoing) -> None:
        """Writes the results of a job, unless they exist; when this returns they survive a power cut."""

    def results(self, job_ids: Iterable[str]) -> Mapping[str, Results]:
        """Job → list of its results, of those jobs that have any."""

    def objects(self, job_id: str) -> tuple[Waiting, ...]:
        """The objects of a job, in the order in which they are sent; empty when there are no results."""

    def stages(self, job_id: str) -> tuple[StageCost, ...]:
        """Cost of each stage of a job; empty when there are no results."""

    def created(self, job_id: str) -> datetime | None:
        """Date of what a job made; None where it is not known."""

    def answers(self, study_uid: str) -> Sequence[EarlierAnswer]:
        """Answers to a study, oldest first; those of older versions are left out."""

    def marked(self, mark: str) -> Mapping[str, Results]:
        """Job → list of its results, of every answer with this mark of a patient (`dicom_io.priors`)."""

    def fetched(self, job_id: str, file_names: Sequence[str]) -> AbstractContextManager[tuple[Path, ...]]:
        """Some files of a job, in that order, on this machine while the block runs; only to read."""

    def path(self, job_id: str, file_name: str) -> Path | None:
        """A file of a job where it lies on this machine; None where it does not, or does not exist."""

    def drop(self, job_id: str) -> None:
        """Deletes the results of a job."""

    def remove(self, study_uid: str) -> None:
        """Deletes the results of every job of a study."""


def has_mark(listed: bytes | str, mark: str) -> bool:
    """Returns whether a list of results, as JSON, may have a mark; it is read for certainty."""
    searched = f'"patient_mark": "{mark}"'
    return (searched.encode() in listed) if isinstance(listed, bytes) else (searched in listed)


class ListedResults(ABC):
    """Answers of an outbox on a job, from the list of its results; the base of both homes."""

    @abstractmethod
    def results(self, job_ids: Iterable[str]) -> Mapping[str, Results]:
        """Job → list of its results, of those jobs that have any."""

    def objects(self, job_id: str) -> tuple[Waiting, ...]:
        """The objects of a job, in the order in which they are sent; empty when there are no results."""
        results = self._listed(job_id)
        return () if results is None else results.objects()

    def stages(self, job_id: str) -> tuple[StageCost, ...]:
        """Cost of each stage of a job; empty when there are no results."""
        results = self._listed(job_id)
        return () if results is None else results.stages()

    def created(self, job_id: str) -> datetime | None:
        """Date of what a job made; None where it is not known."""
        results = self._listed(job_id)
        return None if results is None else results.created()

    def _listed(self, job_id: str) -> Results | None:
        return self.results([job_id]).get(job_id)


def in_order(results: Iterable[Results]) -> tuple[EarlierAnswer, ...]:
    """The answers among results, oldest first."""
    answers = [answer for answer in (one.answer() for one in results) if answer is not None]
    return tuple(sorted(answers, key=lambda answer: answer.created))
