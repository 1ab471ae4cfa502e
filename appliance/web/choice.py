"""Series and segments that arrived of a study, offered for a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.settings import Settings
from appliance.state.homes import open_files
from dicom_io.rules import NO_ASSIGNMENT
from models.errors import StudyRejected

if TYPE_CHECKING:
    from dicom_io.reading.survey import SurveyRow

_IMAGES = "MR"


@dataclass(frozen=True)
class Option:
    """One series or segment that can be chosen.

    Attributes
    ----------
    value : what `--assign` takes for it: Series Instance UID, or the label of a segment
    role : what the rules make of it; empty when they do not use it
    """

    value: str
    title: str
    detail: str
    role: str


@dataclass(frozen=True)
class Offer:
    """Everything that can be chosen of a study, and what the rules say to it."""

    images: tuple[Option, ...]
    tumours: tuple[Option, ...]
    refusals: tuple[str, ...]


def offer(settings: Settings, study_uid: str) -> Offer:
    """Reads the headers of what arrived; nothing is decoded.

    Raises
    ------
    StudyRejected
        When nothing of it is on disk.
    """
    from dicom_io.reading.survey import survey_study  # loads the reader, for this alone

    files = open_files(settings)
    try:
        instances = files.inbox.content(study_uid).instances
        if not instances:
            raise StudyRejected(
                "The received images were deleted (see [retention]); expected them in the inbox: send them again."
            )
        with files.inbox.fetched(study_uid, instances) as received:
            survey = survey_study(received, rules=settings.reading, assignment=NO_ASSIGNMENT, limits=settings.limits)
    finally:
        files.close()
    labels = [row.description for row in survey.rows if row.is_segment]
    return Offer(
        images=tuple(_series(row) for row in survey.rows if row.modality == _IMAGES and not row.is_segment),
        tumours=tuple(
            _segment(row) if row.is_segment else _series(row)
            for row in survey.rows
            if (row.is_segment and labels.count(row.description) == 1)
            or (not row.is_segment and row.modality != _IMAGES)
        ),
        refusals=survey.refusals,
    )


def _series(row: SurveyRow) -> Option:
    number = f"{row.number} " if row.number else ""
    title = f"{number}{row.modality} {row.description or '–'} ({row.objects})"
    return Option(row.series_instance_uid, title, "; ".join(filter(None, (row.detail, row.why, row.problem))), row.role)


def _segment(row: SurveyRow) -> Option:
    return Option(
        row.description, f"segment {row.description}", "; ".join(filter(None, (row.detail, row.why))), row.role
    )
