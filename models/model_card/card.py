"""The model card of a package, in three encodings of the same content: Markdown, HTML, and JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from html import escape

from models.html_page import html_page, html_table
from models.inference.tasks import TASKS
from models.inference.verdicts import few_per_parameter, is_demonstration, verdicts_of
from models.model_card.blocks import Block, Bullets, Cell, Facts, OpenQuestions, Paragraph, Section
from models.model_card.facts import CardFacts
from models.model_card.guidelines import answers
from models.model_card.metrics_score import metrics_score
from models.model_card.sections import sections
from models.model_card.statements import METRICS_KEYS, STATEMENTS

RESEARCH_USE_ONLY = "Research use only"
RESEARCH_USE = (
    f"{RESEARCH_USE_ONLY}. Not a medical device; not for diagnosis, prognosis or treatment decisions for an individual "
    "patient."
)


def card_files(facts: CardFacts) -> dict[str, bytes]:
    """The card's files by name."""
    content = sections(facts)
    return {
        "MODEL_CARD.md": _markdown(facts, content).encode(),
        "MODEL_CARD.html": _html(facts, content).encode(),
        "MODEL_CARD.json": _json(facts).encode(),
    }


def _against(facts: CardFacts) -> tuple[str, ...]:
    """Sentences above everything else on a card: that the model is not to be used."""
    few = None if is_demonstration(facts.notice) else few_per_parameter(facts.task, facts.training)
    return () if few is None else (few,)


def _markdown(facts: CardFacts, content: tuple[Section, ...]) -> str:
    """The card as Markdown."""
    lines = [f"# {facts.title}", "", f"**{facts.notice}.** {RESEARCH_USE}"]
    lines += [line for sentence in _against(facts) for line in ("", f"**{sentence}**")]
    for section in content:
        lines += ["", f"## {section.heading}"]
        for block in section.blocks:
            lines += ["", *_markdown_lines(block)]
    return "\n".join(lines) + "\n"


def _markdown_lines(block: Block) -> list[str]:
    if isinstance(block, Paragraph):
        return [f"**{block.text}**" if block.is_warning else block.text]
    if isinstance(block, Facts):
        return [f"- {label}: {text}" for label, text in block.pairs]
    if isinstance(block, Bullets):
        return [f"- {item}" for item in block.items]
    if isinstance(block, OpenQuestions):
        return [f"{number}. {question}" for number, question in enumerate(block.questions, start=1)]
    rule = ("---", *("---" if block.holds_words else "--:" for _ in block.header[1:]))
    return [_row(block.header), _row(rule), *(_row(tuple(_plain(cell) for cell in row)) for row in block.rows)]


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _plain(cell: Cell) -> str:
    return f"{cell.text} {_waits(cell, [str(number) for number in cell.waits_for])}".strip()


def _waits(cell: Cell, numbers: list[str]) -> str:
    """ "Open question 3", "Open questions 3, 5"; "" for a cell that waits for nothing."""
    return f"Open question{'s' if len(cell.waits_for) > 1 else ''} {', '.join(numbers)}." if cell.waits_for else ""


def _html(facts: CardFacts, content: tuple[Section, ...]) -> str:
    """The card as one HTML page without outside resources."""
    parts = [f'<p class="warning"><strong>{escape(facts.notice)}.</strong> {escape(RESEARCH_USE)}</p>']
    parts += [f'<p class="warning"><strong>{escape(sentence)}</strong></p>' for sentence in _against(facts)]
    has_annex = False
    for at, section in enumerate(content):
        kind = ' class="new-page"' if section.is_annex and not has_annex else ""
        has_annex = has_annex or section.is_annex
        blocks = "\n".join(_html_block(block) for block in section.blocks)
        parts.append(f'<section id="{_anchor(at)}"{kind}>\n<h2>{escape(section.heading)}</h2>\n{blocks}\n</section>')
    return html_page(
        title=facts.title,
        subtitle=f"Model card of the package {facts.name} {facts.version}",
        use=RESEARCH_USE_ONLY,
        notice=facts.notice,
        contents=((_anchor(at), section.heading) for at, section in enumerate(content)),
        body="\n".join(parts),
        footer=(RESEARCH_USE,),
    )


def _anchor(at: int) -> str:
    return f"section-{at + 1}"


def _html_block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p{' class=warning' if block.is_warning else ''}>{escape(block.text)}</p>"
    if isinstance(block, Facts):
        return f"<dl>{''.join(f'<dt>{escape(label)}</dt><dd>{escape(text)}</dd>' for label, text in block.pairs)}</dl>"
    if isinstance(block, Bullets):
        return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block.items)}</ul>"
    if isinstance(block, OpenQuestions):
        questions = enumerate(block.questions, start=1)
        items = (f'<li id="open-{number}">{escape(text)}</li>' for number, text in questions)
        return f"<ol>{''.join(items)}</ol>"
    rows = ((_linked(cell) for cell in row) for row in block.rows)
    return html_table(block.header, rows, holds_words=block.holds_words)


def _linked(cell: Cell) -> str:
    links = [f'<a href="#open-{number}">{number}</a>' for number in cell.waits_for]
    return f"{escape(cell.text)} {_waits(cell, links)}".strip()


def _json(facts: CardFacts) -> str:
    stated = {*facts.statements, *METRICS_KEYS}
    stored = asdict(facts)
    if not facts.is_foreign:
        del stored["is_foreign"]  # as in the cards of packages that were made before there were others
    content = stored | {
        "scale": TASKS[facts.task].scale,
        "direction": TASKS[facts.task].direction,
        "statistic": TASKS[facts.task].statistic,
        "has_signal": facts.out_of_fold.has_signal,
        "verdicts": [
            note.code
            for note in verdicts_of(
                facts.task,
                name=facts.name,
                notice=facts.notice,
                training=facts.training,
                out_of_fold=facts.out_of_fold,
            )
        ],
        "research_use": RESEARCH_USE,
        "reporting": [asdict(answer) for answer in answers(facts)],
        "open_questions": {one.key: one.question for one in STATEMENTS if one.key not in stated},
        "metrics_score": asdict(metrics_score(facts)),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
