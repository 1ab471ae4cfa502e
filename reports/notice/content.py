"""`Notice`: that a study was not processed, and why; the reasons in one table.

Reasons are stable: sites name them in their settings, and the UID of a notice follows from its reason. Each has the
standard code that comes nearest (PS3.16 CID 9302 and 9303).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reports.concepts import CodeText
from reports.language import Language


class NoticeReason(StrEnum):
    """Reasons why a study was not processed."""

    NO_TUMOUR = "no-tumour"  # no segmentation has arrived; it may still arrive
    NO_SERIES = "no-series"  # no series fits T1+C: another examination, or it may still arrive
    IMAGES_MISSING = "images-missing"  # the archive holds more images than arrived; they may still arrive
    CHOICE = "choice"  # several series or segments fit, or no segment is called a tumour: a person must choose
    GEOMETRY = "geometry"  # images or segmentation have a geometry that cannot be used
    UNREADABLE = "unreadable"  # an object is damaged
    NOT_USABLE = "not-usable"  # what was read cannot be computed with
    FAILED = "failed"  # a defect of the software or of the machine


@dataclass(frozen=True)
class ReasonRow:
    """One reason in words.

    Attributes
    ----------
    heading : what is the matter
    action : what to do
    code : of the DICOM Controlled Terminology
    is_usual : sent unless the settings say otherwise
    """

    heading: str
    action: str
    code: CodeText
    is_usual: bool


_INCOMPLETE = CodeText("110523", "Object Set incomplete")
_UNSUPPORTED = CodeText("110522", "Object Types not supported")
_INCORRECT = CodeText("110521", "Objects incorrectly formatted")

REASONS: Final[Mapping[NoticeReason, ReasonRow]] = MappingProxyType(
    {
        NoticeReason.NO_TUMOUR: ReasonRow(
            "The segmentation of the tumour is missing",
            "Segment the tumour and send the segmentation; the study is then processed automatically.",
            _INCOMPLETE,
            is_usual=False,
        ),
        NoticeReason.NO_SERIES: ReasonRow(
            "No series with contrast was found",
            "If this is a breast MRI with contrast, send the series, or have the administrator name it.",
            _UNSUPPORTED,
            is_usual=False,
        ),
        NoticeReason.IMAGES_MISSING: ReasonRow(
            "Images are missing",
            "Send the series again; the study is then processed automatically.",
            _INCOMPLETE,
            is_usual=False,
        ),
        NoticeReason.CHOICE: ReasonRow(
            "A choice is needed",
            "Have the administrator choose (with rdeepnet retry), or send what is unambiguous.",
            _INCOMPLETE,
            is_usual=True,
        ),
        NoticeReason.GEOMETRY: ReasonRow(
            "Images or segmentation do not fit together",
            "Correct what is named above and send it again; the study is then processed automatically.",
            _INCORRECT,
            is_usual=True,
        ),
        NoticeReason.UNREADABLE: ReasonRow(
            "An object cannot be read",
            "Send the object that is named above again; the study is then processed automatically.",
            _INCORRECT,
            is_usual=True,
        ),
        NoticeReason.NOT_USABLE: ReasonRow(
            "The study cannot be evaluated",
            "Correct what is named above and send it again; the study is then processed automatically.",
            CodeText("110531", "Insufficient quality for interpretation"),
            is_usual=True,
        ),
        NoticeReason.FAILED: ReasonRow(
            "The processing failed",
            "Tell the administrator, who finds the cause in the log and retries the study.",
            CodeText("110501", "Equipment failure"),
            is_usual=True,
        ),
    }
)
USUAL: Final = tuple(reason for reason, row in REASONS.items() if row.is_usual)


@dataclass(frozen=True)
class Notice:
    """One notice.

    Attributes
    ----------
    reason : why the study was not processed
    sentence : what was found, what was expected and what to do, as `rdeepnet show` prints it; no patient data
    received : what arrived, "163 objects: 160 MR, 2 SR, 1 SEG"
    created : when the study was to be processed, with time zone
    earlier : date of the last report about the study, None where there is none
    language : of the picture; `sentence` is English in all
    fonts : files to look in for characters that DejaVu Sans lacks, before those of the system
    """

    reason: NoticeReason
    sentence: str
    received: str
    created: datetime
    earlier: datetime | None = None
    language: Language = Language.ENGLISH
    fonts: tuple[str, ...] = ()
