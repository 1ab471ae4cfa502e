"""`AnalysisReport` → one HTML file that needs nothing else: tables sort and filter, figures are vector graphics.

Nothing is worded here. The script is part of the file; without it the tables are complete, in the order of the report.
"""

from __future__ import annotations

import math
from html import escape

from models.html_page import html_page
from reports import page_words, wording
from reports.analysis.cells import FILTER_HELP, FILTER_LABEL, header_shown, rows_left_out, shown
from reports.analysis.content import AnalysisReport, Block, Column, Paragraph, Section, Table, Value
from reports.figures.chart import Chart
from reports.figures.encode import inline_svg
from reports.figures.theme import DARK, LIGHT, css_variables

_ROWS_TO_FILTER = 8  # a smaller table is seen at a glance

_STYLE = f"""
:root {{ {css_variables(LIGHT)} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {css_variables(DARK)} }}
  figure svg {{ background: none; padding: 0; }} }}
"""
_STYLE += """
figure svg { width: 100%; }
td.text, th.text { text-align: left; }
table.sorts thead th { cursor: pointer; user-select: none; }
table.sorts thead th:focus-visible { outline: 2px solid var(--accent); }
table.sorts thead th[aria-sort=ascending]::after { content: " ▲"; }
table.sorts thead th[aria-sort=descending]::after { content: " ▼"; }
.filter { display: flex; gap: .6rem; align-items: baseline; font-size: .8rem; color: var(--muted); flex-wrap: wrap; }
.filter input { font: inherit; padding: .2rem .4rem; min-width: 16rem; background: var(--page); color: var(--text);
  border: 1px solid var(--muted); border-radius: 3px; }
.tall { max-height: 36rem; overflow: auto; border-bottom: 1px solid var(--rule); }
.tall thead th { position: sticky; top: 0; background: var(--page); }
@media screen and (max-width: 40rem) { caption { max-width: calc(100vw - 3rem); } }
@media print { .filter { display: none; } .tall { max-height: none; } }
"""

_SCRIPT = r"""
"use strict";
for (const table of document.querySelectorAll("table.sorts")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const value = (row, at) => row.cells[at].dataset.v ?? row.cells[at].textContent;
  const sort = at => {
    const down = heads[at].getAttribute("aria-sort") === "ascending";
    heads.forEach(head => head.removeAttribute("aria-sort"));
    heads[at].setAttribute("aria-sort", down ? "descending" : "ascending");
    const numeric = heads[at].dataset.n === "1";
    const rows = [...body.rows].map(row => [value(row, at), row]);
    rows.sort((a, b) => {
      if (!numeric) return a[0].localeCompare(b[0]);
      const x = parseFloat(a[0]), y = parseFloat(b[0]);
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y) ? (isNaN(x) ? (down ? -1 : 1) : (down ? 1 : -1)) : 0;
      return x - y;
    });
    if (down) rows.reverse();
    body.append(...rows.map(pair => pair[1]));
  };
  heads.forEach((head, at) => {
    head.tabIndex = 0;
    head.addEventListener("click", () => sort(at));
    head.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(at); }
    });
  });
  const box = table.closest(".sheet").querySelector("input");
  if (!box) continue;
  const count = table.closest(".sheet").querySelector("output");
  const compare = { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b };
  box.addEventListener("input", () => {
    const tests = box.value.trim().split(/\s+/).filter(Boolean).map(word => {
      const found = word.match(/^([a-z0-9_]+)(<=|>=|<|>)(-?[\d.]+(?:e-?\d+)?)$/i);
      const at = found ? heads.findIndex(head => head.dataset.k === found[1].toLowerCase()) : -1;
      if (at >= 0) return row => compare[found[2]](parseFloat(value(row, at)), parseFloat(found[3]));
      return row => row.textContent.toLowerCase().includes(word.toLowerCase());
    });
    let shown = 0;
    for (const row of body.rows) { row.hidden = !tests.every(test => test(row)); shown += !row.hidden; }
    count.textContent = tests.length ? `${shown} / ${body.rows.length}` : "";
  });
}
"""


def render_analysis_html(report: AnalysisReport) -> str:
    """The report as one HTML document in English."""
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in report.facts)
    sections = "\n".join(_section(section, at) for at, section in enumerate(report.sections))
    return html_page(
        title=report.title,
        subtitle=report.subtitle,
        use=wording.RESEARCH_USE_ONLY,
        notice=report.strip,
        contents=((_anchor(at), section.title) for at, section in enumerate(report.sections) if section.level == 1),
        body=f"<dl>{facts}</dl>\n{sections}",
        footer=(report.notice, page_words.made_shown(report.created, report.software)),
        style=_STYLE,
        script=_SCRIPT,
    )


def _anchor(at: int) -> str:
    return f"section-{at + 1}"


def _section(section: Section, at: int) -> str:
    level = section.level + 1
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f'<section id="{_anchor(at)}">\n<h{level}>{escape(section.title)}</h{level}>\n{blocks}\n</section>'


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p{' class=warning' if block.is_warning else ''}>{escape(block.sentence)}</p>"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Chart):
        return _chart(block, is_alone=True)
    return f'<div class="row">{"".join(_chart(chart) for chart in block.charts)}</div>'


def _table(table: Table) -> str:
    rows = table.rows[: table.rows_in_html]
    head = "".join(_heading(column) for column in table.columns)
    body = "".join(
        "<tr>" + "".join(_cell(value, column) for value, column in zip(row, table.columns, strict=True)) + "</tr>"
        for row in rows
    )
    box = (
        f'<label class="filter">{escape(FILTER_LABEL)} <input type="search" placeholder="glcm p&lt;0.05" '
        f'title="{escape(FILTER_HELP, quote=True)}"><output></output></label>'
        if len(rows) > _ROWS_TO_FILTER
        else ""
    )
    rest = rows_left_out(table, table.rows_in_html)
    caption = escape(f"{table.caption} {rest}".strip())
    tall = " tall" if len(rows) > 20 else ""
    return (
        f'<div class="sheet">{box}<div class="scroll{tall}"><table class="sorts"><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _heading(column: Column) -> str:
    kind = " class=text" if column.is_text else ""
    meaning = f' title="{escape(column.meaning, quote=True)}"' if column.meaning else ""
    numeric = "" if column.is_text else ' data-n="1"'
    return f'<th scope="col" data-k="{escape(column.key)}"{numeric}{kind}{meaning}>{escape(header_shown(column))}</th>'


def _cell(value: Value, column: Column) -> str:
    text = escape(shown(value, column.format))
    if column.is_text:
        return f"<td class=text>{text}</td>"
    if isinstance(value, int | float) and math.isfinite(value):
        return f'<td data-v="{float(value):.7g}">{text}</td>'
    return f"<td>{text}</td>"


def _chart(chart: Chart, *, is_alone: bool = False) -> str:
    """The vector graphic inside the page, so that its text can be searched and it follows the dark mode."""
    kind = " class=wide" if is_alone else ""
    caption = f"<figcaption>{escape(chart.caption)}</figcaption>"
    return f"<figure{kind}>{inline_svg(chart)}{caption}</figure>"
