"""Earlier studies of the same patient: who counts as the same patient, and what is known of an earlier study.

A prior is an identity question before it is one of images. Patient ID and issuer must be equal, or both studies without
an issuer; birth date and sex must not contradict. Anything else is listed for a person, and not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from models.inference.change import ComparisonLimits, Obstacle, StudyMeasured
from models.quality_notes import QualityNote

_MARK_DIGITS = 4  # hexadecimal: 16 bits find candidates among thousands, and say nothing about a Patient ID


@dataclass(frozen=True)
class PatientIdentity:
    """A patient as the objects of one study state it; compared exactly, never shown.

    Attributes
    ----------
    birth_date : YYYYMMDD, or ""
    sex : F, M, O, or ""
    """

    patient_id: str
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""

    def obstacle(self, then: PatientIdentity) -> Obstacle | None:
        """The reason why an earlier study cannot be taken as one of this patient; None where it can."""
        if self.patient_id != then.patient_id or not self.patient_id:
            return Obstacle.OTHER_PATIENT_ID
        if bool(self.issuer) != bool(then.issuer):
            return Obstacle.ISSUER_MISSING
        if self.issuer != then.issuer:
            return Obstacle.OTHER_ISSUER
        if self.birth_date and then.birth_date and self.birth_date != then.birth_date:
            return Obstacle.OTHER_BIRTH_DATE
        if self.sex and then.sex and self.sex != then.sex:
            return Obstacle.OTHER_SEX
        return None


@dataclass(frozen=True)
class PriorStudy:
    """An earlier study as it was found.

    Attributes
    ----------
    measured : its answer as far as it is compared; None where it has none, and `obstacle` says why
    report : SOP Class, Instance and Series Instance UID of its key report; empty where that was not sent
    """

    identity: PatientIdentity
    study_instance_uid: str
    study_date: date | None
    measured: StudyMeasured | None = None
    created: datetime | None = None
    report: tuple[str, str, str] | None = None
    obstacle: Obstacle | None = None


@dataclass(frozen=True)
class Present:
    """The study that is being answered, as far as earlier ones are looked for by it."""

    identity: PatientIdentity
    study_instance_uid: str
    study_date: date | None


FindPriors = Callable[[Present], Iterable[PriorStudy]]


@dataclass(frozen=True)
class Comparing:
    """Comparison of a study with earlier ones.

    Attributes
    ----------
    find : earlier studies that may be of the patient
    limits : how far images may differ
    remarks : what the report says about the search, asked for after it
    """

    find: FindPriors
    limits: ComparisonLimits = field(default_factory=ComparisonLimits)
    remarks: Callable[[], Sequence[QualityNote]] = tuple


def patient_mark(patient_id: str) -> str:
    """A mark that all studies with a Patient ID share, and one in 65,536 others; "" without one."""
    if not patient_id:
        return ""
    return hashlib.sha256(f"patient {patient_id}".encode()).hexdigest()[:_MARK_DIGITS]


def computed_last_first(
    listed: Iterable[PriorStudy],
    present: Present,
    compute: Callable[[PriorStudy], PriorStudy],
    *,
    most: int,
    after: date = date.min,
) -> Iterator[PriorStudy]:
    """Studies that have no answer yet, the last first; those that may be compared are computed, as many as are wanted.

    Parameters
    ----------
    compute : gives a study its answer, or the obstacle against one
    most : number of studies that are computed
    after : day of the last study that has an answer; what is not later is not computed
    """
    left = most
    for prior in sorted(listed, key=lambda one: one.study_date or date.min, reverse=True):
        day = prior.study_date
        is_earlier = day is not None and present.study_date is not None and day < present.study_date
        if present.identity.obstacle(prior.identity) is not None or not is_earlier:
            yield prior  # who asks says why it is not compared
        elif left == 0 or (day is not None and day <= after):
            yield replace(prior, obstacle=Obstacle.LATER_ONE_USED)
        else:
            left -= 1
            yield compute(prior)
