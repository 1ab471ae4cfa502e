"""`Chart` → SVG, PDF and PNG bytes, and SVG for inside a web page. The same chart gives the same bytes.

In SVG, text stays text with a fallback of fonts; in PDF, fonts are embedded as TrueType. A picture inside a page takes
its colours from CSS variables (`theme.css_variables`), so that it follows the page's dark mode.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from xml.sax.saxutils import escape, quoteattr

from reportlab.pdfgen.canvas import Canvas

from models.files import write_output
from reports.figures.chart import FAMILY, Chart, settings
from reports.figures.page import draw_on
from reports.figures.theme import DARK, LIGHT, Theme
from reports.fonts import REGULAR, FontFinder

DPI: Final = 300
FONT_STACK: Final = "'DejaVu Sans', Verdana, 'WenQuanYi Micro Hei', 'Noto Sans CJK SC', sans-serif"
"""Verdana has the widths of DejaVu Sans, so that a figure without that font keeps its layout."""

_FONT_FAMILY = re.compile(rf"font-family: '{FAMILY}'[^;\"]*")
_POINTS_PER_MM = 72 / 25.4
_DATES = re.compile(rb"/(?:CreationDate|ModDate) \(D:[^)]*\)")


def svg(chart: Chart, theme: Theme = LIGHT, width_mm: float | None = None) -> bytes:
    """An SVG file of the chart's size in millimetres, with its alternative text inside."""
    head, body = _svg(chart, theme, width_mm).split(">", 1)
    words = f"<title>{escape(chart.caption)}</title><desc>{escape(chart.alternative)}</desc>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}>{words}{body}\n'.encode()


def inline_svg(chart: Chart) -> str:
    """An SVG element for inside HTML: its ids begin with the chart's name; its colours follow the page's dark mode.

    Each colour is a CSS variable of the element (`--figure-ink`, …) with the light one as its default.
    """
    text = _svg(chart, LIGHT, None)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r"\n(?=[LCQMz\"])", " ", text)  # inside the data of a path
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{chart.name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{chart.name}-", text)
    names = {value: name for name, value in LIGHT.colors().items()}
    shown: set[str] = set()

    def variable(found: re.Match[str]) -> str:
        name = names.get(found[2])
        if name is None:
            return found[0]
        shown.add(name)
        return f"{found[1]}var(--figure-{name}, {found[2]})"

    text = re.sub(r"((?:fill|stroke|stop-color): ?)(#[0-9a-f]{6})", variable, text)
    dark = " ".join(f"--figure-{name}: {value};" for name, value in DARK.colors().items() if name in shown)
    style = f"<style>@media screen and (prefers-color-scheme: dark) {{ #{chart.name}-svg {{ {dark} }} }}</style>"
    head, body = text.split(">", 1)
    # As wide as its place on the page, down to where its text could no longer be read.
    head += f' id="{chart.name}-svg" style="width: 100%; height: auto; min-width: {0.8 * chart.width_mm:.0f}mm"'
    return re.sub(r">\s+<", "><", f"{head}>{style}{body}")


def pdf(chart: Chart, theme: Theme = LIGHT, width_mm: float | None = None) -> bytes:
    """A PDF file of one page of the chart's size, vector graphics, fonts embedded as TrueType."""
    buffer, finder = io.BytesIO(), FontFinder()
    size = chart.size(theme, width_mm)
    # Without a font of ours reportlab asks for Helvetica, which is not embedded; its stubs take the name for a size.
    canvas = Canvas(buffer, pagesize=size, initialFontName=cast(Any, REGULAR), invariant=1, lang="en")
    canvas.setTitle(chart.caption)
    canvas.setSubject(chart.alternative)
    canvas.setAuthor("")
    canvas.setCreator("")
    canvas.setProducer("")
    draw_on(canvas, chart, finder, theme, width_mm)
    canvas.save()
    # With `invariant`, reportlab dates the file to the year 2000; as many spaces leave every offset as it is.
    return _DATES.sub(lambda found: b" " * len(found[0]), buffer.getvalue())


def png(chart: Chart, theme: Theme = LIGHT, width_mm: float | None = None, *, dpi: float = DPI) -> bytes:
    """A PNG file."""
    return _encoded(chart, theme, width_mm, "png", dpi=dpi, metadata={"Software": None})


def files(chart: Chart, theme: Theme = LIGHT, width_mm: float | None = None) -> dict[str, bytes]:
    """The chart's own files by name: `NAME.svg` and `NAME.pdf`."""
    return {f"{chart.name}.svg": svg(chart, theme, width_mm), f"{chart.name}.pdf": pdf(chart, theme, width_mm)}


def save(chart: Chart, folder: Path, theme: Theme = LIGHT, width_mm: float | None = None) -> tuple[Path, ...]:
    """Writes `NAME.svg` and `NAME.pdf` into a folder, each completely or not at all; returns their paths."""
    paths = []
    for name, content in files(chart, theme, width_mm).items():
        write_output(folder / name, content)
        paths.append(folder / name)
    return tuple(paths)


def _encoded(
    chart: Chart,
    theme: Theme,
    width_mm: float | None,
    kind: str,
    *,
    dpi: float,
    metadata: Mapping[str, str | None],
) -> bytes:
    buffer = io.BytesIO()
    figure = chart.figure(theme, width_mm)
    with settings():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=dict(metadata), facecolor=theme.page)
    return buffer.getvalue()


def _svg(chart: Chart, theme: Theme, width_mm: float | None) -> str:
    """The svg element alone, made once: size in millimetres, alternative text, no date and no program."""
    key = (theme.name, chart.width_mm if width_mm is None else width_mm)
    if key not in chart.svg_texts:
        chart.svg_texts[key] = _svg_text(chart, theme, width_mm)
    return chart.svg_texts[key]


def _svg_text(chart: Chart, theme: Theme, width_mm: float | None) -> str:
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    text = _encoded(chart, theme, width_mm, "svg", dpi=72, metadata=metadata).decode()
    text = text[text.index("<svg") :].rstrip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    # The rule would hold for the whole page that the figure is put into; as attributes it is the figure's own.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    text = _FONT_FAMILY.sub(f"font-family: {FONT_STACK}", text)
    width, height = (points / _POINTS_PER_MM for points in chart.size(theme, width_mm))
    text = re.sub(r'width="[\d.]+pt"', f'width="{width:.4g}mm"', text, count=1)
    text = re.sub(r'height="[\d.]+pt"', f'height="{height:.4g}mm"', text, count=1)
    lines = 'stroke-linejoin="round" stroke-linecap="butt"'
    return text.replace("<svg", f'<svg role="img" aria-label={quoteattr(chart.alternative)} {lines}', 1)
