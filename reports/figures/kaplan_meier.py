"""Kaplan–Meier curves with their limits and, below, the patients at risk, the events and the censored.

A curve is drawn thin and dotted, without limits, where fewer than a stated number of patients are at risk: there one
event moves it by a tenth and more. The vertical axis begins at zero unless every curve stays far above it; then it
begins higher, with a mark and a word in the caption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.statistics.kaplan_meier import FEWEST_AT_RISK, SurvivalCurve
from reports.figures import panel
from reports.figures.chart import Chart
from reports.figures.panel import Entry
from reports.figures.theme import SINGLE_MM, Dash, Theme

_STEPS = (1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 36.0, 48.0, 60.0, 120.0, 240.0, 600.0)  # between ticks
_FLOORS = (0.9, 0.8, 0.7, 0.6, 0.5)  # where the axis may begin, beside 0
_PLOT = 108.0  # height of the axes at one column, in points
_LABELS = 0.24  # of the width of the figure, at most, for the names beside the table
_TICK_GAP = 7.0  # between two numbers of the table
_MOST_BANDS = 4  # bands of more groups cover each other
_CENSORED_GAP = 1.2  # censored patients nearer than this are one mark


@dataclass(frozen=True)
class SurvivalGroup:
    """A curve and its name.

    Attributes
    ----------
    color : of the theme, such as `lambda theme: theme.low`; None for that of its place
    """

    name: str
    curve: SurvivalCurve
    color: Callable[[Theme], str] | None = None


@dataclass(frozen=True)
class _Content:
    groups: tuple[SurvivalGroup, ...]
    title: str
    outcome: str
    unit: str
    notes: tuple[str, ...]
    fewest: int
    last: float
    floor: float


def kaplan_meier_chart(
    groups: Sequence[SurvivalGroup],
    *,
    name: str,
    caption: str,
    months: Sequence[float],
    title: str = "",
    outcome: str = "recurrence-free survival",
    unit: str = "months",
    notes: Sequence[str] = (),
    fewest_at_risk: int = FEWEST_AT_RISK,
    is_explained: bool = True,
    width_mm: float = SINGLE_MM,
) -> Chart:
    """Curves of one or several groups.

    Parameters
    ----------
    groups : at least one
    caption : what it shows; how to read it is added
    months : times whose survival is in the text for those who cannot see the figure
    notes : lines above the curves, such as the log-rank test
    fewest_at_risk : with fewer a curve is thin and dotted
    is_explained : the caption says how to read it; not again in a row of them
    """
    if not groups:
        raise ValueError("a survival figure without a curve; at least one group was expected")
    last = max(float(group.curve.times_months[-1]) for group in groups)
    floor = _floor([group.curve for group in groups], fewest_at_risk)
    content = _Content(tuple(groups), title, outcome, unit, tuple(notes), fewest_at_risk, last, floor)
    reading = ""
    if is_explained:
        limits = "Shaded: 95 % limits; ticks" if len(groups) <= _MOST_BANDS else "Ticks"
        reading = f" {limits}: censored patients; thin and dotted: fewer than {fewest_at_risk} at risk."
    if content.floor:
        reading += f" The axis begins at {100 * content.floor:.0f} %."
    words = "; ".join(
        f"{group.name}: " + ", ".join(_at(group.curve, month, unit) for month in months) for group in groups
    )
    alternative = f"{outcome[:1].upper()}{outcome[1:]}. {words}." + "".join(f" {note}." for note in notes)
    return Chart(name, f"{caption}{reading}", alternative, width_mm, partial(_draw, content))


def _at(curve: SurvivalCurve, month: float, unit: str) -> str:
    """ "85.2 % (79.0–91.9) at 36 months, 41 at risk"."""
    value, low, high = curve.at(month)
    at_risk = curve.numbers_at_risk([month])[0]
    if np.isnan(value):
        return f"not known at {month:g} {unit}"
    limits = "" if np.isnan(low) or low == high else f" ({100 * low:.1f}–{100 * high:.1f})"
    text = f"{100 * value:.1f} %{limits} at {month:g} {unit}"
    return text if _is_coarse(curve) and month % 12 else f"{text}, {at_risk} at risk"


def _is_coarse(curve: SurvivalCurve) -> bool:
    """Numbers at risk are those of whole years only: a curve without small cells holds neither events nor censored."""
    return bool(np.isnan(curve.events).any())


def _floor(curves: Sequence[SurvivalCurve], fewest: int) -> float:
    """The highest beginning of the axis that leaves every curve and its drawn limits in sight; 0 where that is low."""

    def least(curve: SurvivalCurve) -> float:
        drawn = curve.times_months <= curve.followed_until(fewest)
        steps = np.append(True, np.diff(curve.survival) != 0)  # the limits change with the curve
        return float(np.nanmin(np.concatenate([curve.survival, curve.low[drawn & steps], [1.0]])))

    lowest = min(least(curve) for curve in curves)
    return next((floor for floor in _FLOORS if lowest >= floor + 0.02), 0.0)


def _draw(content: _Content, theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 400.0)
    colors = [
        theme.color(place) if group.color is None else group.color(theme) for place, group in enumerate(content.groups)
    ]
    dashes = [theme.dash(place) for place in range(len(content.groups))]
    width, _ = panel.points(figure)
    names, beside_table = _names(content, theme, room=_LABELS * width)
    has_bands = len(content.groups) <= _MOST_BANDS
    entries = [
        Entry(name, color, dash, has_band=has_bands) for name, color, dash in zip(names, colors, dashes, strict=True)
    ]
    table = _table_rows(content)
    row = 1.22 * theme.small_pt
    below = row * len(table) + 3.0
    above = panel.head(figure, theme, title=content.title, entries=entries, notes=content.notes)
    plot = _PLOT * (1 + 0.6 * (width_mm / SINGLE_MM - 1))
    panel.set_height(figure, above + plot + 22.0 + below + 2 * panel.PAD)
    axes = panel.add_axes(figure, theme, x_label=content.unit, y_label=f"{content.outcome}, %")
    axes.set_xlim(0, content.last)
    axes.set_ylim(content.floor - 0.015 * (1 - content.floor), 1.015)
    _percent_ticks(axes, content.floor)
    for group, color, dash in zip(content.groups, colors, dashes, strict=True):
        _draw_curve(axes, group.curve, theme, color, dash, fewest=content.fewest, has_band=has_bands)
    labels = [label if group is None else beside_table[group] for label, _, group in table]
    beside = max(panel.text_width(label, theme.small_pt) for label in labels) + 10.0
    half = panel.text_width(_widest(table, [0.0]), theme.small_pt) / 2
    axes.set_xticks([0.0])
    panel.fit(axes, above=above, below=below, left=beside + half + panel.PAD, right=half + 4.0)
    ticks = _ticks(content, theme, table, length=axes.bbox.width)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    if content.floor:
        panel.break_mark(axes, theme)
    _draw_table(figure, axes, theme, table, labels, ticks, colors, below=below, row=row)
    return figure


def _names(content: _Content, theme: Theme, *, room: float) -> tuple[list[str], list[str]]:
    """Names for the legend and, as short as needed, for the table; numbered where short ones would be the same."""
    names = [group.name for group in content.groups]
    short = [panel.shortened(name, room, theme.small_pt) for name in names]
    if len(set(short)) < len(set(names)):
        names = [f"{place}. {name}" for place, name in enumerate(names, start=1)]
        short = [panel.shortened(name, room, theme.small_pt) for name in names]
    return names, short


Counts = Callable[[Sequence[float]], Sequence[int | None]]
_Row = tuple[str, Counts | None, int | None]  # name, counts by time, place of the group; a heading has no counts


def _table_rows(content: _Content) -> list[_Row]:
    """Headings and rows below the axes; parts that the curves do not hold (suppressed ones) are left out."""
    parts: list[tuple[str, Callable[[SurvivalCurve], Counts]]] = [
        ("At risk", lambda curve: curve.numbers_at_risk),
        ("Events so far", lambda curve: curve.events_by),
        ("Censored so far", lambda curve: curve.censored_by),
    ]
    rows: list[_Row] = []
    for heading, counts in parts:
        if all(value is not None for group in content.groups for value in counts(group.curve)([content.last])):
            rows.append((heading, None, None))
            rows += [(group.name, counts(group.curve), place) for place, group in enumerate(content.groups)]
    return rows


def _widest(table: Sequence[_Row], ticks: Sequence[float]) -> str:
    numbers = [str(value) for _, counts, _ in table if counts is not None for value in counts(ticks)]
    return max(numbers, key=len)


def _ticks(content: _Content, theme: Theme, table: Sequence[_Row], *, length: float) -> list[float]:
    """Ticks as near to each other as numbers of the table and labels of the axis never touch."""
    is_yearly = any(_is_coarse(group.curve) for group in content.groups)
    for step in _STEPS:
        if is_yearly and step % 12:
            continue
        ticks = np.arange(0.0, content.last + 1e-9, step).tolist()
        if len(ticks) > 60:
            continue
        sizes = [panel.text_width(_widest(table, [tick]), theme.small_pt) for tick in ticks]
        labels = [panel.text_width(f"{tick:g}", theme.font_pt) for tick in ticks]
        apart = step / content.last * length
        needed = [max((a + b) / 2 for a, b in pairwise(one)) if len(one) > 1 else 0.0 for one in (sizes, labels)]
        if apart >= max(needed) + _TICK_GAP and len(ticks) <= 9:
            return ticks
    return [0.0]


def _percent_ticks(axes: Axes, floor: float) -> None:
    step = 0.25 if floor == 0.0 else 0.1 if floor < 0.8 else 0.05 if floor < 0.9 else 0.02
    ticks = np.arange(floor, 1.0001, step)
    axes.set_yticks(ticks, [f"{100 * tick:.0f}" for tick in ticks])


def _draw_curve(
    axes: Axes, curve: SurvivalCurve, theme: Theme, color: str, dash: Dash, *, fewest: int, has_band: bool
) -> None:
    end = curve.followed_until(fewest)
    times, survival, low, high = _corners(curve)
    inside = times <= end
    sure = np.append(times[inside], end)
    values = np.append(survival[inside], survival[inside][-1])
    axes.step(sure, values, where="post", color=color, linestyle=dash, linewidth=theme.line_pt)
    if has_band:
        lower, upper = (np.append(one[inside], one[inside][-1]) for one in (low, high))
        axes.fill_between(sure, lower, upper, step="post", **theme.band(color))
    last = float(curve.times_months[-1])
    if end < last:
        rest = np.concatenate([[end], times[~inside], [last]])
        after = np.concatenate([values[-1:], survival[~inside], survival[-1:]])
        axes.step(rest, after, where="post", color=color, linestyle=(0, (1, 1.6)), linewidth=0.55 * theme.line_pt)
    ticks = _censored(curve, axes)
    if ticks.size:
        at = curve.survival[np.searchsorted(curve.times_months, ticks, side="right") - 1]
        axes.plot(ticks, at, "|", color=color, markersize=3.2, markeredgewidth=0.45, clip_on=False)


def _corners(curve: SurvivalCurve) -> tuple[NDArray[np.float64], ...]:
    """Times with a step, from 0, and survival with its limits from there on."""
    values = np.stack([curve.survival, curve.low, curve.high])
    before = np.concatenate([np.ones((3, 1)), values[:, :-1]], axis=1)
    steps = (values[0] != before[0]) | np.isnan(values[1]) & ~np.isnan(before[1])
    times = np.concatenate([[0.0], curve.times_months[steps]])
    return (times, *np.concatenate([np.ones((3, 1)), values[:, steps]], axis=1))


def _censored(curve: SurvivalCurve, axes: Axes) -> NDArray[np.float64]:
    """Times of the marks of censored patients; patients so near that their marks would touch share one."""
    times = curve.times_months[curve.censored > 0]
    if not times.size:
        return times
    unit = _CENSORED_GAP / panel.points(panel.figure_of(axes))[0] * axes.get_xlim()[1]
    return times[np.unique(np.floor(times / unit), return_index=True)[1]]


def _draw_table(
    figure: Figure,
    axes: Axes,
    theme: Theme,
    table: Sequence[_Row],
    labels: Sequence[str],
    ticks: Sequence[float],
    colors: Sequence[str],
    *,
    below: float,
    row: float,
) -> None:
    """Numbers in line with the ticks; names at the left in the colour of their curve."""
    for place, ((_, counts, group), label) in enumerate(zip(table, labels, strict=True)):
        y = panel.PAD + below - 3.0 - (place + 0.5) * row
        if counts is None:
            panel.text_at(figure, panel.PAD, y, label, theme, color=theme.muted, size=theme.small_pt)
            continue
        assert group is not None
        panel.text_at(figure, panel.PAD + 4.0, y, label, theme, color=colors[group], size=theme.small_pt)
        for tick, count in zip(ticks, counts(ticks), strict=True):
            x = float(axes.transData.transform((tick, 1.0))[0])
            panel.text_at(figure, x, y, str(count), theme, ha="center", color=colors[group], size=theme.small_pt)
