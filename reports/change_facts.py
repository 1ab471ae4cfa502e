"""Facts of a change since an earlier study, and of why none is compared; `reports.change` says them in a language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from models.inference.change import Change, Obstacle


@dataclass(frozen=True)
class ChangeFacts:
    """Numbers and dates of a change since an earlier study, of any language.

    Attributes
    ----------
    day_then, day_now : dates of the examinations
    study_instance_uid : of the earlier study
    report : SOP Class, Instance and Series Instance UID of its key report; None where it was not sent
    software_then : version of the software of the earlier answer, where it is another; else ""
    """

    change: Change
    day_then: date
    day_now: date
    study_instance_uid: str
    report: tuple[str, str, str] | None
    software_then: str = ""


@dataclass(frozen=True)
class NotCompared:
    """An earlier study that may be of the patient and is not compared; its day is None where it states none."""

    day: date | None
    obstacle: Obstacle
