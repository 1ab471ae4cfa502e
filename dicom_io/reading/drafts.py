"""Segmentations that say themselves that they are not the tumour yet: drafts, and strokes to make one from.

They carry the label of a tumour, and answered as one they give a number for an outline nobody stands for. Neither the
rules nor an assignment takes them: a draft becomes a segmentation when a person saves it under another name.
"""

from __future__ import annotations

import re

from dicom_io.identity import is_draft
from dicom_io.images.headers import text
from dicom_io.masks.segmentation import Segment

_DRAFT = re.compile(
    r"(?<![a-z])draft(?:s|ed)?(?![a-z])|needs?[ _-]+(?:a[ _-]+)?review|(?:un|not[ _-]+(?:yet[ _-]+)?)reviewed|"
    r"for[ _-]+review|(?<![a-z])entwurf(?![a-z])|草稿|待审",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"background|not.?tumou?r|healthy|outside|hintergrund|背景", re.IGNORECASE)
_STROKES = re.compile(r"(?<![a-z])(?:seed|stroke|scribble)s?(?![a-z])", re.IGNORECASE)


def why_not_final(segment: Segment) -> str:
    """The reason why a segment is no segmentation yet, as the end of a sentence about it; empty for all others."""
    if is_draft(segment.instance.header):
        return "it is a draft of this software; a person must accept it (rdeepnet segment --accept) or edit it"
    named = {
        "Segment Label": segment.label,
        "Segment Description": text(segment.item, "SegmentDescription"),
        "Series Description": segment.series_description,
        "Content Label": text(segment.instance.header, "ContentLabel"),
        "Content Description": text(segment.instance.header, "ContentDescription"),
        "Structure Set Label": text(segment.instance.header, "StructureSetLabel"),
    }
    for name, value in named.items():
        if _DRAFT.search(value):
            return (
                f'its {name} "{value}" says that it is a draft; a person must review it and save it under a name '
                "without that"
            )
        if _STROKES.search(value):
            return (
                f'its {name} "{value}" says that it holds strokes and not the whole tumour; make a draft of them '
                "(rdeepnet segment), or outline every slice"
            )
    if text(segment.instance.header, "ApprovalStatus") == "REJECTED":
        return "its Approval Status is REJECTED; send the one that was approved"
    return ""


def are_strokes(segment: Segment) -> bool:
    """Returns whether a segment says that it holds strokes of the tumour."""
    named = (segment.label, segment.series_description, text(segment.instance.header, "StructureSetLabel"))
    return not is_background(segment) and any(_STROKES.search(value) for value in named)


def is_background(segment: Segment) -> bool:
    """Returns whether a segment says that it holds what is not the tumour."""
    return bool(_BACKGROUND.search(segment.label))
