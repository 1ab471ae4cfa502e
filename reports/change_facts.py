"""Facts of a change since an earlier study, of which `reports.change` says the section in a language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from models.inference.change import Change


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
