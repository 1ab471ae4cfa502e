"""Roles of our objects in an answer: names that settings and records use, without what writes the objects."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Role of one of our objects."""

    SEG_T1C = "seg_t1c"  # tumour and shell on the T1+C grid
    SEG_T2W = "seg_t2w"  # tumour and shell on the T2W grid
    KEY_SR = "key_sr"  # Comprehensive 3D SR, TID 1500: predictions, leading features, quality notes
    FEATURES_SR = "features_sr"  # optional: all features
    PDF = "pdf"  # Encapsulated PDF, the tumour board's report
    KEY_IMAGES = "key_images"  # optional: Secondary Captures of the largest sections, with outlines; one series
    FHIR = "fhir"  # no DICOM object: the answer as a FHIR bundle, for destinations that take nothing else
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
