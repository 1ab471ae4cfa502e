"""A doubt as data: whatever the reader of a report must know about how a number came about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.volume import Region, Sequence


class Severity(StrEnum):
    """Weight of a quality note."""

    NOTE = "note"  # how it was done, for the record: nothing to worry about
    WARNING = "warning"  # read the numbers with this in mind


@dataclass(frozen=True)
class QualityNote:
    """One doubt or remark about a study.

    Attributes
    ----------
    code : stable kebab-case identifier, e.g. "shell-cut-by-body"
    severity : note or warning
    sentence : complete, for the reader of the report; numbers included, no patient data
    sequence, region : what it is about, where it is about one of them
    """

    code: str
    severity: Severity
    sentence: str
    sequence: Sequence | None = None
    region: Region | None = None


def left_out(sequence: Sequence, why: str) -> tuple[str, QualityNote]:
    """Clause for "not applicable, because …", and note, of a sequence that cannot be used; `why` is a sentence."""
    sentence = f"{sequence.label} was left out, and models that need it were not run: {why}"
    note = QualityNote("sequence-left-out", Severity.WARNING, sentence, sequence)
    return f"{sequence.label} cannot be used: {why.rstrip('.')}", note
