"""`EvaluationReport` → one HTML file that needs nothing else: pictures inside, no script. Nothing is worded here."""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape

from reportlab.lib.colors import Color

from reports import wording
from reports.evaluation.content import Block, EvaluationReport, FigureBlock, Part, TableBlock, Text
from reports.pdf import theme


def _hex(color: Color) -> str:
    return f"#{color.hexval()[2:]}"


_STYLE = f"""
:root {{ color-scheme: light dark; --page: #fff; --around: {_hex(theme.PANEL)}; --text: {_hex(theme.INK)};
  --accent: {_hex(theme.ACCENT)}; --muted: {_hex(theme.MUTED)}; --rule: {_hex(theme.RULE)};
  --tint: {_hex(theme.WARNING_TINT)}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --page: #15181b; --around: #0c0e10; --text: #e6e8ea; --accent: #9cc2ee;
  --muted: #a5adb6; --rule: #3c434a; --tint: #3a2d0c; }}
  img {{ background: #fff; padding: 4px; border-radius: 3px; box-sizing: border-box; }} }}
body {{ margin: 0; background: var(--around); color: var(--text);
  font: 15px/1.5 "DejaVu Sans", Verdana, system-ui, sans-serif; }}
header.strip {{ position: sticky; top: 0; z-index: 1; display: flex; font-weight: 700; font-size: 13px; }}
header.strip span {{ padding: .35em 1em; }}
header.strip .own {{ background: {_hex(theme.ACCENT)}; color: #fff; }}
header.strip .model {{ flex: 1; background: var(--tint);
  border-bottom: 2px solid {_hex(theme.WARNING)}; }}
main {{ max-width: 1040px; margin: 0 auto; padding: 1.5rem 2rem 3rem; background: var(--page); }}
h1, h2 {{ color: var(--accent); line-height: 1.25; }}
h1 {{ font-size: 1.5rem; margin: .5rem 0 0; }}
h2 {{ font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-top: 1px solid var(--rule); padding-top: 1rem; }}
h3 {{ font-size: 1rem; margin: 1.6rem 0 .5rem; }}
p {{ margin: .3rem 0; padding-left: .7rem; border-left: 2px solid var(--rule); }}
p.warning {{ border-left: 5px solid {_hex(theme.WARNING)}; padding-left: .5rem; }}
p.subtitle {{ border: 0; padding: 0; color: var(--muted); }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .85rem; }}
dt {{ color: var(--muted); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; margin: .8rem 0; font-size: .82rem; }}
caption, figcaption {{ text-align: left; color: var(--muted); font-size: .8rem; padding-bottom: .2rem; }}
th, td {{ text-align: right; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid var(--rule); }}
thead th {{ border-bottom-color: var(--muted); vertical-align: bottom; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 0; }}
tbody th {{ font-weight: 400; }}
.range {{ white-space: nowrap; }}
.row {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
figure {{ margin: .6rem 0; }}
.row figure {{ flex: 1 1 18rem; max-width: 30rem; }}
img {{ max-width: 100%; height: auto; }}
footer {{ max-width: 1040px; margin: 0 auto; padding: 1rem 2rem; font-size: .8rem; color: var(--muted); }}
@media (max-width: 40rem) {{ main, footer {{ padding-left: 1rem; padding-right: 1rem; }}
  figure.wide {{ overflow-x: auto; }} figure.wide img {{ max-width: none; }} }}
@media print {{ :root {{ --page: #fff; --around: #fff; --text: #000; }}
  header.strip {{ position: static; }} body {{ font-size: 10pt; }} main {{ max-width: none; padding: 0; }}
  table {{ font-size: 7.5pt; }} .scroll {{ overflow: visible; }} h2, h3, caption {{ break-after: avoid; }}
  figure, tr, p {{ break-inside: avoid; }} .row figure {{ flex: 1 1 13rem; }} }}
"""


def render_evaluation_html(report: EvaluationReport) -> str:
    """The report as one HTML document in English."""
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in report.facts)
    parts = "\n".join(_part(part) for part in report.parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<header class="strip"><span class="own">{escape(wording.RESEARCH_USE_ONLY)}</span>'
        f'<span class="model">{escape(report.model_notice)}</span></header>\n<main>\n'
        f'<h1>{escape(report.title)}</h1>\n<p class="subtitle">{escape(report.subtitle)}</p>\n<dl>{facts}</dl>\n'
        f"{parts}\n</main>\n<footer>{escape(report.notice)}<br>"
        f"{escape(wording.made_shown(report.created, report.software))}</footer>\n</body>\n</html>\n"
    )


def _part(part: Part) -> str:
    level = part.level + 1
    blocks = "\n".join(_block(block) for block in part.blocks)
    return f"<section>\n<h{level}>{escape(part.title)}</h{level}>\n{blocks}\n</section>"


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p{' class=warning' if block.is_warning else ''}>{escape(block.sentence)}</p>"
    if isinstance(block, TableBlock):
        return _table(block)
    if isinstance(block, FigureBlock):
        return _figure(block, is_alone=True)
    return f'<div class="row">{"".join(_figure(figure) for figure in block.figures)}</div>'


def _table(block: TableBlock) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in block.header)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{_cell(text)}</td>" for text in row[1:])}</tr>'
        for row in block.rows
    )
    return (
        f'<div class="scroll"><table><caption>{escape(block.caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """A short interval in brackets stays on one line."""
    return re.sub(r"\([^()]{1,24}\)", lambda found: f'<span class="range">{found[0]}</span>', escape(text))


def _figure(block: FigureBlock, *, is_alone: bool = False) -> str:
    width, height = (round(4 / 3 * length) for length in block.size)  # CSS pixels
    kind, picture = " class=wide" if is_alone else "", b64encode(block.png).decode()
    return (
        f'<figure{kind}><img src="data:image/png;base64,{picture}" width="{width}" height="{height}" '
        f'alt="{escape(block.alternative, quote=True)}"><figcaption>{escape(block.caption)}</figcaption></figure>'
    )
