"""One HTML page that needs nothing else: frame and style of evaluation and model card, for screen, dark mode and paper.

On paper the strip with the notices is the header of a table that the whole page is laid out as, since browsers repeat
such a header on every sheet. It keeps its borders and dark letters there, because backgrounds are printed only on
request. Rejected: a fixed header, which covers the text; boxes in the page margin, which Firefox does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

# Colours of the PDF (`reports.pdf.theme`), which needs a library that this package does not import.
INK, MUTED, RULE, PANEL, ACCENT = "#1a1f2b", "#596273", "#d3d9e0", "#f4f6f8", "#1f3a5f"
WARNING, WARNING_TINT = "#c98500", "#fff5df"
_ROWS_KEPT_TOGETHER = 12  # of numbers; other tables may continue on the next sheet

_STYLE = f"""
:root {{ color-scheme: light dark; --page: #fff; --around: {PANEL}; --text: {INK}; --accent: {ACCENT};
  --muted: {MUTED}; --rule: {RULE}; --tint: {WARNING_TINT}; --warning: {WARNING}; }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ --page: #15181b; --around: #0c0e10; --text: #e6e8ea;
  --accent: #9cc2ee; --muted: #a5adb6; --rule: #3c434a; --tint: #3a2d0c; }}
  img {{ background: #fff; padding: 4px; border-radius: 3px; box-sizing: border-box; }} }}
body {{ margin: 0; background: var(--around); color: var(--text);
  font: 15px/1.5 "DejaVu Sans", Verdana, system-ui, sans-serif; }}
header.strip {{ position: sticky; top: 0; z-index: 1; font-weight: 700; font-size: 13px; }}
header.strip div {{ display: flex; background: var(--tint); }}
header.strip span {{ padding: .35em 1em; }}
header.strip .own {{ background: {ACCENT}; color: #fff; flex: none; }}
header.strip .model {{ flex: 1; border-bottom: 2px solid var(--warning); }}
main {{ max-width: 1040px; margin: 0 auto; padding: 1.5rem 2rem 3rem; background: var(--page);
  box-sizing: border-box; overflow-wrap: break-word; }}
h1, h2 {{ color: var(--accent); line-height: 1.25; }}
h1 {{ font-size: 1.5rem; margin: .5rem 0 0; }}
h2 {{ font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-top: 1px solid var(--rule); padding-top: 1rem; }}
h3 {{ font-size: 1rem; margin: 1.6rem 0 .5rem; }}
section {{ scroll-margin-top: 2.5rem; }}
a {{ color: var(--accent); }}
p {{ margin: .3rem 0; padding-left: .7rem; border-left: 2px solid var(--rule); }}
p.warning {{ border-left: 5px solid var(--warning); padding-left: .5rem; }}
p.subtitle {{ border: 0; padding: 0; color: var(--muted); }}
ul, ol {{ margin: .3rem 0; padding-left: 1.6rem; }}
nav {{ margin: 1rem 0; font-size: .85rem; }}
nav ul {{ columns: 15rem; margin: 0; padding-left: 1.2rem; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .85rem; }}
dt {{ color: var(--muted); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; margin: .8rem 0; font-size: .82rem; }}
caption, figcaption {{ text-align: left; color: var(--muted); font-size: .8rem; padding-bottom: .2rem; }}
th, td {{ text-align: right; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid var(--rule); }}
thead {{ break-after: avoid; }}
thead th {{ border-bottom-color: var(--muted); vertical-align: bottom; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 0; }}
tbody th {{ font-weight: 400; }}
table.words th, table.words td {{ text-align: left; }}
table.words th:first-child {{ width: 24%; }}
table.words th:last-child {{ min-width: 9em; }}
.range {{ white-space: nowrap; }}
.row {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
figure {{ margin: .6rem 0; }}
.row figure {{ flex: 1 1 18rem; max-width: 30rem; }}
img, svg {{ max-width: 100%; height: auto; }}
footer {{ max-width: 1040px; margin: 0 auto; padding: 1rem 2rem; font-size: .8rem; color: var(--muted); }}
@media (max-width: 40rem) {{ main, footer {{ padding-left: 1rem; padding-right: 1rem; }}
  figure.wide {{ overflow-x: auto; }} figure.wide img, figure.wide svg {{ max-width: none; }}
  dl {{ grid-template-columns: 1fr; }} dd {{ margin-bottom: .4rem; }} }}
@page {{ size: A4; margin: 12mm 14mm 14mm; @bottom-right {{ content: counter(page) " / " counter(pages);
  font: 8pt "DejaVu Sans", Verdana, sans-serif; color: {MUTED}; }} }}
@media print {{ :root {{ color-scheme: light; --around: #fff; --text: #000; }}
  body {{ display: table; width: 100%; font-size: 9pt; line-height: 1.4; }}
  header.strip {{ display: table-header-group; break-inside: avoid; position: static; font-size: 8pt; }}
  header.strip div {{ margin-bottom: 4mm; border: 1.5pt solid {ACCENT}; background: none; }}
  header.strip .own {{ background: none; color: {ACCENT}; border-right: 1.5pt solid {ACCENT}; }}
  header.strip .model {{ border: 0; color: #000; }}
  main, footer {{ display: table-row-group; }}
  nav {{ display: none; }} a {{ color: inherit; text-decoration: none; }}
  h1 {{ font-size: 15pt; }} h2 {{ font-size: 12pt; margin-top: 1.2rem; padding-top: .6rem; }} h3 {{ font-size: 10pt; }}
  table, caption, figcaption {{ font-size: 7.5pt; }} dl, footer {{ font-size: 8pt; }}
  .scroll {{ overflow: visible; }}
  h1, h2, h3, caption {{ break-after: avoid; }} figure, tr, p, li, .short {{ break-inside: avoid; }}
  .row {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); }}
  .new-page {{ break-before: page; }} .new-page > h2 {{ border: 0; margin-top: 0; }} }}
"""


def html_page(
    *,
    title: str,
    subtitle: str,
    use: str,
    notice: str,
    contents: Iterable[tuple[str, str]],
    body: str,
    footer: Iterable[str],
    style: str = "",
    script: str = "",
) -> str:
    """The document in English.

    Parameters
    ----------
    title, subtitle : what it is about, as plain text
    use, notice : what it may be used for, and the notice of the model: the strip, on every sheet of paper
    contents : (id, heading) of the sections in `body`, for the list of contents; it is not printed
    body : HTML of the sections
    footer : lines at the end, as plain text
    style, script : more of them for one kind of page; ours, not escaped
    """
    links = "".join(f'<li><a href="#{escape(at)}">{escape(heading)}</a></li>' for at, heading in contents)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        f'<header class="strip"><div><span class="own">{escape(use)}</span>'
        f'<span class="model">{escape(notice)}</span></div></header>\n<main>\n'
        f'<h1>{escape(title)}</h1>\n<p class="subtitle">{escape(subtitle)}</p>\n'
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n'
        f"{body}\n</main>\n<footer>{'<br>'.join(escape(line) for line in footer)}</footer>\n"
        f"{f'<script>{script}</script>' if script else ''}</body>\n</html>\n"
    )


def html_table(
    header: Iterable[str], rows: Iterable[Iterable[str]], *, caption: str = "", holds_words: bool = False
) -> str:
    """A table whose first column names its rows.

    Parameters
    ----------
    header : plain text
    rows : HTML of each cell
    holds_words : cells are sentences, set from the left; numbers are set from the right
    """
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in header)
    lines = [
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>\n'
        for first, *others in rows
    ]
    short = " short" if len(lines) <= _ROWS_KEPT_TOGETHER and not holds_words else ""
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    kind = ' class="words"' if holds_words else ""
    return (
        f'<div class="scroll{short}"><table{kind}>{above}<thead><tr>{head}</tr></thead>\n<tbody>\n'
        f"{''.join(lines)}</tbody></table></div>"
    )
