"""Drawing of a flow of patients: boxes from top to bottom, who left at the side, cohorts at the end (STROBE)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from reports.figures.chart import Chart
from reports.figures.panel import LEADING, PAD, new_figure, points, set_height, wrapped
from reports.figures.theme import DOUBLE_MM, Theme

_INSET = 5.0  # between the edge of a box and its text, points
_GAP = 16.0  # between boxes one above the other
_BETWEEN = 10.0  # between boxes side by side
_MOST_IN_A_ROW = 4
_MAIN, _SIDE_FROM = 0.46, 0.54  # of the width


@dataclass(frozen=True)
class Box:
    """A box: its first line stands out, the others are set below."""

    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """Patients at one stage, and those who left before the next; None where nobody could."""

    box: Box
    left: Box | None = None


@dataclass(frozen=True)
class Branch:
    """A cohort at the end, and the groups within it."""

    box: Box
    parts: tuple[Box, ...] = ()


def flow_chart(
    name: str, *, caption: str, alternative: str, stages: Sequence[Stage], branches: Sequence[Branch]
) -> Chart:
    """The drawing.

    Parameters
    ----------
    stages : at least one, from all patients to those that are analysed
    branches : of the last stage; none where it is not divided
    """

    def draw(theme: Theme, width_mm: float) -> Figure:
        return _draw(stages, branches, theme, width_mm)

    return Chart(name, caption, alternative, DOUBLE_MM, draw)


def _draw(stages: Sequence[Stage], branches: Sequence[Branch], theme: Theme, width_mm: float) -> Figure:
    figure = new_figure(theme, width_mm, 100.0)
    width, _ = points(figure)
    room = width - 2 * PAD
    main, side = _MAIN * room, (1 - _SIDE_FROM) * room
    rows = [branches[at : at + _MOST_IN_A_ROW] for at in range(0, len(branches), _MOST_IN_A_ROW)]
    across = min(len(branches), _MOST_IN_A_ROW)
    each = (room - _BETWEEN * (across - 1)) / across if across else room
    part = (each - 0.6 * _BETWEEN) / 2
    heights = [_height(stage.box, main, theme) for stage in stages]
    sides = [_height(stage.left, side, theme) if stage.left else 0.0 for stage in stages]
    gaps = [max(_GAP, one + 0.7 * _GAP) if one else _GAP for one in sides]
    row_heights = [
        (
            max(_height(branch.box, each, theme) for branch in row),
            max((_height(box, part, theme) for branch in row for box in branch.parts), default=0.0),
        )
        for row in rows
    ]
    total = sum(heights) + sum(gaps[:-1]) + (gaps[-1] if stages[-1].left else 0.0)
    total += sum(2 * _GAP + top + (0.6 * _GAP + below if below else 0.0) for top, below in row_heights)
    set_height(figure, total + 2 * PAD)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, total + 2 * PAD))
    axes.axis("off")
    x, y = PAD, total + PAD
    centre = x + main / 2
    for place, stage in enumerate(stages):
        _box(axes, stage.box, x, y, main, heights[place], theme)
        y -= heights[place]
        is_last = place == len(stages) - 1
        if stage.left is not None:
            middle = y - gaps[place] / 2
            _box(
                axes,
                stage.left,
                PAD + _SIDE_FROM * room,
                middle + sides[place] / 2,
                side,
                sides[place],
                theme,
                is_muted=True,
            )
            _arrow(axes, (centre, middle), (PAD + _SIDE_FROM * room, middle), theme)
        if not is_last:
            _arrow(axes, (centre, y), (centre, y - gaps[place]), theme)
        if not is_last or stage.left is not None:
            y -= gaps[place]
    for number, (row, (top, below)) in enumerate(zip(rows, row_heights, strict=True)):
        feed = centre if number == 0 else None  # a line to a second row would begin at a box of the first
        y = _row(axes, row, feed, y, (each, part), (top, below), theme)
    return figure


def _row(
    axes: Axes,
    row: Sequence[Branch],
    centre: float | None,
    y: float,
    widths: tuple[float, float],
    heights: tuple[float, float],
    theme: Theme,
) -> float:
    """A row of branches below `y`, fed from `centre`, if any; returns its lower end."""
    each, part = widths
    top, below = heights
    starts = [PAD + place * (each + _BETWEEN) for place in range(len(row))]
    middles = [start + each / 2 for start in starts]
    rail = y - _GAP
    line: dict[str, Any] = {"color": theme.muted, "linewidth": 0.8, "solid_capstyle": "butt"}
    if centre is not None:
        axes.plot([centre, centre], [y, rail], **line)
        axes.plot([min([*middles, centre]), max([*middles, centre])], [rail, rail], **line)
    for start, middle, branch in zip(starts, middles, row, strict=True):
        if centre is not None:
            _arrow(axes, (middle, rail), (middle, rail - _GAP), theme)
        _box(axes, branch.box, start, rail - _GAP, each, top, theme)
        for number, box in enumerate(branch.parts):
            left = start + number * (part + 0.6 * _BETWEEN)
            upper = rail - _GAP - top - 0.6 * _GAP
            axes.plot([left + part / 2, left + part / 2], [upper, upper + 0.6 * _GAP], **line)
            _box(axes, box, left, upper, part, below, theme)
    return rail - _GAP - top - (0.6 * _GAP + below if below else 0.0)


def _height(box: Box, width: float, theme: Theme) -> float:
    return len(_lines(box, width, theme)) * LEADING * theme.font_pt + 2 * _INSET


def _lines(box: Box, width: float, theme: Theme) -> list[tuple[str, bool]]:
    """(text, bold) of every line of a box."""
    room = width - 2 * _INSET
    lines = [(line, True) for line in wrapped(box.title, room, theme.font_pt, bold=True)]
    return lines + [(line, False) for text in box.lines for line in wrapped(text, room, theme.font_pt)]


def _box(
    axes: Axes, box: Box, x: float, y: float, width: float, height: float, theme: Theme, *, is_muted: bool = False
) -> None:
    """A box whose upper left corner is (x, y)."""
    edge = theme.muted if is_muted else theme.accent
    style: dict[str, Any] = {"linestyle": (0, (3, 2))} if is_muted else {}
    axes.add_patch(Rectangle((x, y - height), width, height, facecolor="none", edgecolor=edge, linewidth=0.8, **style))
    line = LEADING * theme.font_pt
    for place, (text, is_bold) in enumerate(_lines(box, width, theme)):
        axes.text(
            x + _INSET,
            y - _INSET - place * line,
            text,
            ha="left",
            va="top",
            fontsize=theme.font_pt,
            color=theme.ink,
            fontweight="bold" if is_bold else "normal",
        )


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], theme: Theme) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=6, shrinkA=0, shrinkB=0, linewidth=0.8, color=theme.muted
        )
    )
