"""`EvaluationReport` → one HTML file that needs nothing else: pictures inside, no script. Nothing is worded here."""

from __future__ import annotations

import re
from html import escape

from models.html_page import html_page, html_table
from reports import page_words, wording
from reports.evaluation.content import Block, EvaluationReport, Part, TableBlock, Text
from reports.figures.chart import Chart
from reports.figures.encode import inline_svg


def render_evaluation_html(report: EvaluationReport) -> str:
    """The report as one HTML document in English."""
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in report.facts)
    parts = "\n".join(_part(part, at) for at, part in enumerate(report.parts))
    return html_page(
        title=report.title,
        subtitle=report.subtitle,
        use=wording.RESEARCH_USE_ONLY,
        notice=report.model_notice,
        contents=((_anchor(at), part.title) for at, part in enumerate(report.parts) if part.level == 1),
        body=f"<dl>{facts}</dl>\n{parts}",
        footer=(report.notice, page_words.made_shown(report.created, report.software)),
    )


def _anchor(at: int) -> str:
    return f"part-{at + 1}"


def _part(part: Part, at: int) -> str:
    level = part.level + 1
    blocks = "\n".join(_block(block) for block in part.blocks)
    return f'<section id="{_anchor(at)}">\n<h{level}>{escape(part.title)}</h{level}>\n{blocks}\n</section>'


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p{' class=warning' if block.is_warning else ''}>{escape(block.sentence)}</p>"
    if isinstance(block, TableBlock):
        return _table(block)
    if isinstance(block, Chart):
        return _figure(block, is_alone=True)
    return f'<div class="row">{"".join(_figure(figure) for figure in block.figures)}</div>'


def _table(block: TableBlock) -> str:
    rows = ((escape(row[0]), *map(_cell, row[1:])) for row in block.rows)
    return html_table(block.header, rows, caption=block.caption)


def _cell(text: str) -> str:
    """A short interval in brackets stays on one line."""
    return re.sub(r"\([^()]{1,24}\)", lambda found: f'<span class="range">{found[0]}</span>', escape(text))


def _figure(block: Chart, *, is_alone: bool = False) -> str:
    kind = " class=wide" if is_alone else ""
    return f"<figure{kind}>{inline_svg(block)}<figcaption>{escape(block.caption)}</figcaption></figure>"
