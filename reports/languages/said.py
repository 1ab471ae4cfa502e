"""Texts worded in English before the report, in its language: quality notes, reasons, rows, titles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from models.inference.outcome import ModelIdentity, ModelOutcome, NotApplicable
from models.quality_notes import QualityNote
from models.validity import Validity
from reports.content import SeriesUsed, Subject
from reports.languages.words import Words


def notes_in(words: Words, notes: Iterable[QualityNote]) -> tuple[QualityNote, ...]:
    """The quality notes with their sentences in a language; codes stay."""
    return tuple(replace(note, sentence=words.said(note.sentence)) for note in notes)


def validity_in(words: Words, validity: Validity) -> Validity:
    """The validity with the sentences of its reasons in a language; state and codes stay."""
    reasons = tuple(replace(reason, sentence=words.said(reason.sentence)) for reason in validity.reasons)
    return Validity(validity.state, reasons)


def model_in(words: Words, model: ModelIdentity) -> ModelIdentity:
    """The model with title and notice in a language, where they are those of the models that ship."""
    return replace(model, title=words.part(model.title), notice=words.part(model.notice))


def outcome_in(words: Words, outcome: ModelOutcome | NotApplicable) -> ModelOutcome | NotApplicable:
    """An outcome with all its texts in a language; numbers stay."""
    model = model_in(words, outcome.model)
    if isinstance(outcome, NotApplicable):
        return replace(outcome, model=model, reason=words.part(outcome.reason))
    spread = outcome.plausible_range
    return replace(
        outcome,
        model=model,
        notes=notes_in(words, outcome.notes),
        validity=validity_in(words, outcome.validity),
        plausible_range=None if spread is None else replace(spread, source=words.part(spread.source)),
    )


def series_in(words: Words, series: SeriesUsed) -> SeriesUsed:
    """A row of the images with its texts in a language; what the archive calls the series stays."""
    return replace(series, role=words.part(series.role), detail=words.part(series.detail), why=words.part(series.why))


def subject_in(words: Words, subject: Subject) -> Subject:
    """Patient and examination with the origin of the side in a language; what the images state stays."""
    return replace(subject, laterality_source=words.part(subject.laterality_source))
