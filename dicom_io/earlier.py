"""Answers given earlier to the same study: what was sent, and what is compared with a later answer.

No patient data: UIDs and digests. It loads none of the numerical libraries, since the records of a service read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from dicom_io.answer_roles import Role
from reports.language import Language
from reports.replacement import Reason, Replacement


@dataclass(frozen=True)
class SentObject:
    """One object of an answer, by reference."""

    role: Role
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    language: Language | None = None  # of its words; None where it has none, or it is not known


@dataclass(frozen=True)
class AnswerFacts:
    """Everything that can make one answer another than the last.

    Attributes
    ----------
    key : digest of all that determines the answer; equal for a repetition
    identity : fingerprint of the patient as the images state it
    images : short digest of the UID of each image that is used
    segmentations : short digest of the UID of each segmentation that is used
    tumour : digest of the region on its grids
    models : name, version and digest of each model, and the key that signed it
    software : version of the software and digest of the settings
    replacement : the answer that it replaces itself; None for the first
    priors : digest of what is said of earlier studies; "" where nothing is
    """

    key: str
    identity: str
    images: tuple[str, ...]
    segmentations: tuple[str, ...]
    tumour: str
    models: tuple[str, ...]
    software: str
    replacement: Replacement | None = None
    priors: str = ""

    @property
    def version(self) -> int:
        """Number of the answer to its study, from 1 on."""
        return 1 if self.replacement is None else self.replacement.version

    def as_json(self) -> dict[str, Any]:
        """For the outbox."""
        values = asdict(self)
        if self.replacement is not None:
            values["replacement"]["created"] = self.replacement.created.isoformat()
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From the outbox."""
        made = values["replacement"]
        replacement = made and Replacement(
            replaced=made["replaced"],
            created=datetime.fromisoformat(made["created"]),
            reasons=tuple(Reason(reason) for reason in made["reasons"]),
            version=made["version"],
        )
        return cls(
            key=values["key"],
            identity=values["identity"],
            images=tuple(values["images"]),
            segmentations=tuple(values["segmentations"]),
            tumour=values["tumour"],
            models=tuple(values["models"]),
            software=values["software"],
            replacement=replacement,
            priors=values.get("priors", ""),
        )


@dataclass(frozen=True)
class EarlierAnswer:
    """One answer that was given to the study.

    Attributes
    ----------
    created : date of its report, with time zone
    objects : in the order in which they were sent
    """

    created: datetime
    facts: AnswerFacts
    objects: tuple[SentObject, ...]

    @property
    def identifier(self) -> str:
        """SOP Instance UID by which it is named: of its key SR, or of its last object where there is none."""
        reports = [item for item in self.objects if item.role is Role.KEY_SR]
        return (reports or list(self.objects))[-1].sop_instance_uid


def replacement_of(facts: AnswerFacts, earlier: Sequence[EarlierAnswer]) -> Replacement | None:
    """The answer that one with these facts replaces; None for the first, and what the last one says for its repetition.

    Parameters
    ----------
    earlier : answers to the same study, oldest first
    """
    if not earlier:
        return None
    last = earlier[-1]
    if last.facts.key == facts.key:
        return last.facts.replacement
    return Replacement(last.identifier, last.created, reasons(last.facts, facts), last.facts.version + 1)


def reasons(before: AnswerFacts, now: AnswerFacts) -> tuple[Reason, ...]:
    """Changes from one answer to the next, most important first."""
    is_alike = (before.images, before.software) == (now.images, now.software)
    changed = {
        # Under the UID of the earlier one only where nothing else may have moved the region.
        Reason.SEGMENTATION: before.segmentations != now.segmentations or (is_alike and before.tumour != now.tumour),
        Reason.IDENTITY: before.identity != now.identity,
        Reason.IMAGES: set(before.images) < set(now.images),
        Reason.CHOICE: not set(before.images) <= set(now.images),
        Reason.MODEL: before.models != now.models,
        Reason.SOFTWARE: before.software != now.software,
        Reason.PRIOR: before.priors != now.priors,
    }
    return tuple(reason for reason in Reason if changed.get(reason)) or (Reason.HEADERS,)


def objects_replaced(replacement: Replacement | None, earlier: Sequence[EarlierAnswer]) -> tuple[SentObject, ...]:
    """The objects of the answer that is replaced; none where nothing is."""
    if replacement is None:
        return ()
    return next((one.objects for one in reversed(earlier) if one.identifier == replacement.replaced), ())
