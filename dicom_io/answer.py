"""`Answer`: the DICOM objects sent back for one study, in the order in which they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from io import BytesIO

import pydicom

from reports.language import Language


class Role(StrEnum):
    """Role of one of our objects."""

    SEG_T1C = "seg_t1c"  # tumour and shell on the T1+C grid
    SEG_T2W = "seg_t2w"  # tumour and shell on the T2W grid
    KEY_SR = "key_sr"  # Comprehensive 3D SR, TID 1500: predictions, leading features, quality notes
    FEATURES_SR = "features_sr"  # optional: all features
    PDF = "pdf"  # Encapsulated PDF, the tumour board's report
    KEY_IMAGES = "key_images"  # optional: Secondary Captures of the largest sections, with outlines; one series
    REJECTION_NOTE = "rejection_note"  # Key Object Selection: the objects of the answer that this one replaces
    NOTICE = "notice"  # Secondary Capture: the study was not processed, and why
    DRAFT_SEG = "draft_seg"  # draft of the tumour, made from strokes; nothing is computed from it
    DRAFT_NOTE = "draft_note"  # Key Object Selection "For Physician Review": the draft waits for a person
    DRAFT_SHEET = "draft_sheet"  # Encapsulated PDF: every slice with the draft
    ACCEPTED_SEG = "accepted_seg"  # the draft that a person accepted, which the answer was computed from


# Roles of a result; the others are about results, and have settings of their own at each destination.
RESULTS = (Role.SEG_T1C, Role.SEG_T2W, Role.KEY_SR, Role.FEATURES_SR, Role.PDF, Role.KEY_IMAGES)
# Those that are sent where a destination does not name any.
UNASKED = tuple(role for role in RESULTS if role is not Role.KEY_IMAGES)

DRAFTS = (Role.DRAFT_SEG, Role.DRAFT_NOTE, Role.DRAFT_SHEET)  # of a draft, in the order in which they are sent


def file_of(dataset: pydicom.Dataset) -> bytes:
    """A data set with file meta information as a DICOM file; pydicom raises where it cannot be written."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


@dataclass(frozen=True, eq=False)
class AnswerObject:
    """One object: its role and its data set with file meta information.

    Attributes
    ----------
    language : of the words in it; None for an object that is the same in all
    is_default : in the language of the site; the others are for destinations with a language of their own
    """

    role: Role
    dataset: pydicom.Dataset
    language: Language | None = None
    is_default: bool = True

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return str(self.dataset.SOPInstanceUID)

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""
        return str(self.dataset.SOPClassUID)

    @cached_property
    def file(self) -> bytes:
        """The object as a DICOM file, written once: by the check before anything leaves, for all who keep it."""
        return file_of(self.dataset)


@dataclass(frozen=True, eq=False)
class Answer:
    """All objects for one study; segmentations precede the reports that refer to them."""

    objects: tuple[AnswerObject, ...]
    pdf: bytes  # the plain PDF inside the Encapsulated PDF
