"""Reporting guidelines of a model card: a summary, the open questions, and the checklists as annexes."""

from __future__ import annotations

from collections.abc import Mapping

from models.model_card.blocks import Block, Cell, Paragraph, Section, Table, table
from models.model_card.facts import CardFacts
from models.model_card.guidelines import GUIDELINES, Answer, answers
from models.model_card.metrics_score import metrics_score
from models.model_card.statements import METRICS_KEYS, STATEMENTS
from models.number_words import share_of

_SCORED = "METRICS"


def question_numbers(facts: CardFacts) -> Mapping[str, int]:
    """Number of each open question, from 1, by the key of its statement."""
    keys = [one.key for one in STATEMENTS if one.key not in facts.statements and one.key not in METRICS_KEYS]
    return {key: number for number, key in enumerate(keys, start=1)}


def open_questions(facts: CardFacts) -> tuple[str, ...]:
    """The open questions in their order, each with the items of the guidelines that wait for it."""
    questions, everything = {one.key: one.question for one in STATEMENTS}, answers(facts)
    return tuple(questions[key] + _waiting(key, everything) for key in question_numbers(facts))


def _waiting(key: str, everything: tuple[Answer, ...]) -> str:
    """ " (TRIPOD+AI 17; CLEAR 8)"; "" for a statement that no guideline asks for."""
    parts = []
    for guideline in GUIDELINES:
        numbers = [one.number for one in everything if one.guideline == guideline and key in one.waits_for]
        if numbers:
            parts.append(f"{guideline} {', '.join(numbers)}")
    return f" ({'; '.join(parts)})" if parts else ""


def guidelines_in_short(facts: CardFacts) -> tuple[Block, ...]:
    """Number of answered items of each guideline, and the score of METRICS."""
    everything, score = answers(facts), metrics_score(facts)
    rows = []
    for guideline in GUIDELINES:
        items = [one for one in everything if one.guideline == guideline]
        waiting = sum(1 for one in items if not one.is_complete)
        points = share_of(score.percent / 100) if guideline == _SCORED else "–"
        rows.append((guideline, str(len(items)), str(len(items) - waiting), str(waiting), points))
    header = ("Guideline", "Items", "Answered", "Waiting for the trainers", "Score")
    return (
        Paragraph(
            "TRIPOD+AI (BMJ 2024;385:e078378), CLEAR (Insights Imaging 2023;14:75) and METRICS (Insights Imaging "
            "2024;15:8), items in our words; each is answered in an annex."
        ),
        table(header, tuple(rows), holds_words=False),
        Paragraph(f"METRICS score {score.in_words()}"),
    )


def annexes(facts: CardFacts) -> tuple[Section, ...]:
    """The checklists, item by item; what waits for the trainers refers to its open question."""
    numbers, everything, score = question_numbers(facts), answers(facts), metrics_score(facts)
    made = []
    for letter, guideline in zip("ABC", GUIDELINES, strict=True):
        items = [one for one in everything if one.guideline == guideline]
        header, rows = ("Item", "Answer"), [(Cell(one.item), _answer(one, numbers)) for one in items]
        if guideline == _SCORED:
            counted = [Cell(score.verdict(place)) for place in range(1, len(items) + 1)]
            checklist = Table(
                (*header, "Counted as"), tuple((*row, how) for row, how in zip(rows, counted, strict=True))
            )
        else:
            checklist = Table(header, tuple(rows))
        made.append(Section(f"Annex {letter}: {guideline}", (checklist,), is_annex=True))
    return tuple(made)


def _answer(one: Answer, numbers: Mapping[str, int]) -> Cell:
    return Cell(one.answer, tuple(numbers[key] for key in one.waits_for))
