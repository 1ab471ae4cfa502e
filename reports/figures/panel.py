"""Layout of a figure: an empty figure in a theme, a head of title, legend and notes, axes that fit their labels.

Everything is measured in points: a figure has 72 dots per inch, so a pixel of its renderer is a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import ScaledTranslation, Transform

from reports.figures.theme import Dash, Theme

PAD: Final = 3.0
"""Room between what is drawn and the edge of the figure, in points."""
LEADING: Final = 1.28
"""Height of a line of text, in font sizes."""
_BREAK = 2.2


@dataclass(frozen=True)
class Entry:
    """A line of the legend.

    Attributes
    ----------
    label : words
    color, dash : of its line; None for no line
    marker : None for no marker
    has_band : the line has a band around it
    """

    label: str
    color: str
    dash: Dash | None = "solid"
    marker: str | None = None
    has_band: bool = False
    width: float = 1.3


def new_figure(theme: Theme, width_mm: float, height: float) -> Figure:
    """An empty figure.

    Parameters
    ----------
    width_mm : in millimetres
    height : in points; may be changed later by `set_height`
    """
    figure = Figure(figsize=(width_mm / 25.4, height / 72), dpi=72, facecolor=theme.page)
    FigureCanvasAgg(figure)
    return figure


def points(figure: Figure) -> tuple[float, float]:
    """(width, height) of a figure in points."""
    width, height = figure.get_size_inches()
    return 72 * float(width), 72 * float(height)


def set_height(figure: Figure, height: float) -> None:
    """Changes the height of a figure, in points; to be done before axes are placed."""
    figure.set_size_inches(figure.get_size_inches()[0], height / 72)


def add_axes(figure: Figure, theme: Theme, *, x_label: str = "", y_label: str = "") -> Axes:
    """Axes in the style of the theme, anywhere: `fit` or `place` puts them."""
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.7), facecolor="none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(theme.muted)
        axes.spines[side].set_linewidth(0.6)
    axes.tick_params(
        labelsize=theme.font_pt, color=theme.muted, labelcolor=theme.ink, width=0.6, length=2.5, pad=2, which="both"
    )
    axes.set_xlabel(x_label, fontsize=theme.font_pt, color=theme.ink, labelpad=2)
    axes.set_ylabel(y_label, fontsize=theme.font_pt, color=theme.ink, labelpad=3)
    return axes


def place(axes: Axes, *, left: float, bottom: float, right: float, top: float) -> None:
    """Puts the edges of the axes at these points of the figure, from its left lower corner."""
    width, height = points(figure_of(axes))
    axes.set_position((left / width, bottom / height, (right - left) / width, (top - bottom) / height))


def overhang(axes: Axes) -> tuple[float, float, float, float]:
    """Room that tick and axis labels take outside the axes: (left, bottom, right, top) in points."""
    figure = figure_of(axes)
    inner, outer = axes.bbox, axes.get_tightbbox(_renderer(figure))
    assert outer is not None
    return (
        max(0.0, inner.x0 - outer.x0),
        max(0.0, inner.y0 - outer.y0),
        max(0.0, outer.x1 - inner.x1),
        max(0.0, outer.y1 - inner.y1),
    )


def fit(axes: Axes, *, above: float = 0.0, below: float = 0.0, left: float = 0.0, right: float = 0.0) -> None:
    """Places the axes so that they fill the figure with all their labels inside.

    Parameters
    ----------
    above, below, left, right : room in points that something else takes; on the left and right at least that much
    """
    width, height = points(figure_of(axes))
    # Ticks that are not fixed depend on the length of the axes, and their labels on them.
    is_fixed = all(isinstance(axis.get_major_locator(), FixedLocator) for axis in (axes.xaxis, axes.yaxis))
    for _ in range(1 if is_fixed else 2):
        outside = overhang(axes)
        place(
            axes,
            left=max(outside[0] + PAD, left),
            bottom=outside[1] + below + PAD,
            right=width - max(outside[2] + PAD, right),
            top=height - outside[3] - above - PAD,
        )


def head(
    figure: Figure,
    theme: Theme,
    *,
    title: str = "",
    entries: Sequence[Entry] = (),
    notes: Sequence[str] = (),
) -> float:
    """Title, legend and notes at the top; returns the height they take, in points, with the room below them.

    They stay at the top when `set_height` changes the height of the figure to what its head and the rest need.
    Long words are broken, long entries of the legend are cut and end in "…"; the legend has as many columns as fit.
    """
    width, _ = points(figure)
    top, room = PAD, width - 2 * PAD

    def write(line: str, *, bold: bool) -> None:
        weight = "bold" if bold else "normal"
        place = _below_top(figure, top)
        figure.text(
            PAD / width,
            1.0,
            line,
            transform=place,
            va="top",
            color=theme.ink,
            fontsize=theme.font_pt,
            fontweight=weight,
        )

    for line in wrapped(title, room, theme.font_pt, bold=True) if title else ():
        write(line, bold=True)
        top += LEADING * theme.font_pt
    if title:
        top += 1.5
    if entries:
        top += _legend(figure, theme, entries, top=top, room=room) + 1.5
    for note in notes:
        for line in wrapped(note, room, theme.font_pt):
            write(line, bold=False)
            top += LEADING * theme.font_pt
    return top + 3.0 if top > PAD else 0.0


def _below_top(figure: Figure, distance: float) -> Transform:
    """Fractions of the figure, moved down by a distance in points."""
    return figure.transFigure + ScaledTranslation(0, -distance / 72, figure.dpi_scale_trans)


def text_at(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    theme: Theme,
    *,
    ha: Literal["left", "center", "right"] = "left",
    va: Literal["top", "center", "bottom", "baseline"] = "center",
    color: str | None = None,
    size: float | None = None,
    bold: bool = False,
) -> None:
    """A line of text at a point of the figure, in points from its left lower corner."""
    width, height = points(figure)
    figure.text(
        x / width,
        y / height,
        text,
        ha=ha,
        va=va,
        color=color or theme.ink,
        fontsize=size or theme.font_pt,
        fontweight="bold" if bold else "normal",
    )


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line of text, in points; to be asked for inside `chart.settings`."""
    return _text_width(text, size, bold)


@lru_cache(maxsize=4096)
def _text_width(text: str, size: float, bold: bool) -> float:
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return float(_measure().get_text_width_height_descent(text, font, False)[0])


def shortened(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, cut to `room` points with "…" at its end where it is longer."""
    if text_width(text, size, bold=bold) <= room:
        return text
    kept = text
    while kept and text_width(f"{kept.rstrip()}…", size, bold=bold) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """The text in lines of at most `room` points, broken at spaces, and inside words that are longer than a line."""
    lines: list[str] = []
    line = ""
    for word in (one for one in text.split(" ") if one):  # a no-break space is none
        candidate = f"{line} {word}" if line else word
        if text_width(candidate, size, bold=bold) <= room:
            line = candidate
            continue
        if line:
            lines.append(line)
        while text_width(word, size, bold=bold) > room and len(word) > 1:
            end = len(word)
            while end > 1 and text_width(word[:end], size, bold=bold) > room:
                end -= 1
            lines.append(word[:end])
            word = word[end:]
        line = word
    return [*lines, line] if line else lines


def break_mark(axes: Axes, theme: Theme) -> None:
    """Two slashes at the lower end of the vertical axis: it does not begin at zero."""
    figure = figure_of(axes)
    for shift in (5.0, 7.5):
        width, height = points(figure)
        xs = [float(x) / width for x in (axes.bbox.x0 - _BREAK, axes.bbox.x0 + _BREAK)]
        ys = [float(y) / height for y in (axes.bbox.y0 + shift - 1.0, axes.bbox.y0 + shift + 1.0)]
        line = Line2D(xs, ys, transform=figure.transFigure, color=theme.muted, linewidth=0.7)
        figure.add_artist(line)


def _legend(figure: Figure, theme: Theme, entries: Sequence[Entry], *, top: float, room: float) -> float:
    """Draws the legend with as many columns as fit; returns its height."""
    width, _ = points(figure)
    handle, gap, between = 2.6 * theme.font_pt, 0.5 * theme.font_pt, 1.4 * theme.font_pt
    labels = [shortened(entry.label, room - handle - gap, theme.font_pt) for entry in entries]
    widths = [handle + gap + text_width(label, theme.font_pt) for label in labels]
    columns = next(
        count
        for count in range(len(entries), 0, -1)
        if count == 1 or _columns_width(widths, count) + between * (count - 1) <= room
    )
    legend = figure.legend(
        [_handle(entry, theme) for entry in entries],
        labels,
        loc="upper left",
        bbox_to_anchor=(PAD / width, 1.0),
        bbox_transform=_below_top(figure, top),
        ncols=columns,
        frameon=False,
        fontsize=theme.font_pt,
        labelcolor=theme.ink,
        handlelength=2.6,
        handletextpad=0.5,
        columnspacing=1.4,
        borderpad=0,
        borderaxespad=0,
        labelspacing=0.3,
        handler_map={tuple: HandlerTuple(ndivide=1)},
    )
    return float(legend.get_window_extent(_renderer(figure)).height)


def _columns_width(widths: Sequence[float], count: int) -> float:
    """Width of a legend in columns: matplotlib fills them from the top, the first ones with one entry more."""
    rows, longer = divmod(len(widths), count)
    at, total = 0, 0.0
    for column in range(count):
        size = rows + (1 if column < longer else 0)
        total += max(widths[at : at + size], default=0.0)
        at += size
    return total


def _handle(entry: Entry, theme: Theme) -> Any:
    line: Artist = Line2D(
        [],
        [],
        color=entry.color,
        linestyle=entry.dash or "none",
        linewidth=entry.width,
        marker=entry.marker or "none",
        markersize=3.5,
    )
    if not entry.has_band:
        return line
    return (Patch(**theme.band(entry.color)), line)


def figure_of(axes: Axes) -> Figure:
    """The figure that the axes are on."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def _renderer(figure: Figure) -> Any:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    return canvas.get_renderer()


@lru_cache(maxsize=1)
def _measure() -> Any:
    """A renderer to measure text with."""
    return FigureCanvasAgg(Figure(figsize=(1, 1), dpi=72)).get_renderer()
