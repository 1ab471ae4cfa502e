"""ROC curves, and the area under them over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from models.statistics.estimate import Estimate, Found
from models.statistics.roc import RocCurve
from reports.figures import panel
from reports.figures.chart import Chart
from reports.figures.panel import Entry
from reports.figures.theme import SINGLE_MM, Dash, Theme

_PLOT = 112.0  # height of the axes at one column, in points
_CHANCE: Dash = (0, (1.1, 1.4))


@dataclass(frozen=True)
class RocLine:
    """A ROC curve with its words.

    Attributes
    ----------
    label : in the legend: "36 months: 0.88 (0.80–0.93)"
    curve : the curve
    sensitivity, specificity : at the cut-off, drawn as a point where both are numbers
    """

    label: str
    curve: RocCurve
    sensitivity: Found
    specificity: Found


def roc_chart(lines: Sequence[RocLine], *, name: str, what: str, title: str = "", width_mm: float = SINGLE_MM) -> Chart:
    """ROC curves.

    Parameters
    ----------
    lines : at least one
    what : what is told apart, for the caption
    """
    words = "; ".join(line.label + _cut_off(line) for line in lines)
    caption = (
        f"ROC curves: {what}; the area with its 95 % interval. Shaded: 95 % limits of the sensitivity at each cut-off. "
        "Points: the cut-off of the package."
    )
    return Chart(name, caption, f"AUC {words}.", width_mm, partial(_draw_roc, tuple(lines), title))


def _cut_off(line: RocLine) -> str:
    if not (isinstance(line.sensitivity, Estimate) and isinstance(line.specificity, Estimate)):
        return ""
    return f", at the cut-off sensitivity {line.sensitivity.value:.2f}, specificity {line.specificity.value:.2f}"


def _draw_roc(lines: tuple[RocLine, ...], title: str, theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 400.0)
    entries = [
        Entry(f"AUC {line.label}", theme.color(place), theme.dash(place), marker=theme.marker(place), has_band=True)
        for place, line in enumerate(lines)
    ]
    above = panel.head(figure, theme, title=title, entries=entries)
    plot = _PLOT * (1 + 0.5 * (width_mm / SINGLE_MM - 1))
    panel.set_height(figure, above + plot + 30.0)
    axes = panel.add_axes(figure, theme, x_label="1 − specificity, %", y_label="sensitivity, %")
    axes.plot([0, 100], [0, 100], color=theme.muted, linewidth=0.9, linestyle=_CHANCE)
    for place, line in enumerate(lines):
        color = theme.color(place)
        x, y = 100 * line.curve.false_positive, 100 * line.curve.true_positive
        axes.fill_between(x, 100 * line.curve.low, 100 * line.curve.high, **theme.band(color))
        axes.plot(x, y, color=color, linestyle=theme.dash(place), linewidth=theme.line_pt)
        if isinstance(line.sensitivity, Estimate) and isinstance(line.specificity, Estimate):
            at = (100 * (1 - line.specificity.value), 100 * line.sensitivity.value)
            axes.plot(*at, marker=theme.marker(place), markersize=4.2, color=color, clip_on=False)
    for scale in (axes.set_xlim, axes.set_ylim):
        scale(-1, 101)
    for ticks in (axes.set_xticks, axes.set_yticks):
        ticks([0, 25, 50, 75, 100])
    panel.fit(axes, above=above)
    return figure


@dataclass(frozen=True)
class AucLine:
    """The AUC over time of one model.

    Attributes
    ----------
    label : in the legend
    months, areas : by time; where the area has no interval, the band has a gap
    """

    label: str
    months: tuple[float, ...]
    areas: tuple[Found, ...]


def auc_over_time_chart(
    lines: Sequence[AucLine], *, name: str, title: str = "", unit: str = "months", width_mm: float = SINGLE_MM
) -> Chart:
    """The AUC of an event by each time, with a pointwise band."""
    caption = (
        "AUC over time: recurrence by each time, against none until then, with pointwise 95 % limits; only times with "
        "enough events before and patients beyond. Dotted: chance."
    )
    words = "; ".join(f"{line.label}: {_words(line, unit)}" for line in lines)
    return Chart(name, caption, f"AUC over time, {words}.", width_mm, partial(_draw_auc, tuple(lines), title, unit))


def _words(line: AucLine, unit: str) -> str:
    return ", ".join(
        f"{area.value:.2f}{_limits(area)} at {month:g} {unit}"
        for month, area in zip(line.months, line.areas, strict=True)
        if isinstance(area, Estimate)
    )


def _limits(area: Estimate) -> str:
    return "" if area.interval is None else f" ({area.interval[0]:.2f}–{area.interval[1]:.2f})"


def _draw_auc(lines: tuple[AucLine, ...], title: str, unit: str, theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 400.0)
    styles = [(theme.color(place), theme.dash(place)) for place in range(len(lines))]
    if len(lines) == 1:
        styles = [(theme.accent, "solid")]
    entries = [
        Entry(line.label, color, dash, marker=theme.marker(place), has_band=True)
        for place, (line, (color, dash)) in enumerate(zip(lines, styles, strict=True))
    ]
    entries.append(Entry("chance", theme.muted, _CHANCE, width=1.0))
    above = panel.head(figure, theme, title=title, entries=entries)
    plot = _PLOT * (1 + 0.5 * (width_mm / SINGLE_MM - 1))
    panel.set_height(figure, above + plot + 30.0)
    axes = panel.add_axes(figure, theme, x_label=f"time, {unit}", y_label="AUC")
    axes.axhline(0.5, color=theme.muted, linewidth=0.9, linestyle=_CHANCE)
    least = 0.45
    for place, (line, (color, dash)) in enumerate(zip(lines, styles, strict=True)):
        months = np.array(line.months)
        values, low, high = np.array([_numbers(area) for area in line.areas]).reshape(-1, 3).T
        axes.fill_between(months, low, high, **theme.band(color))
        axes.plot(
            months,
            values,
            color=color,
            linestyle=dash,
            linewidth=theme.line_pt,
            marker=theme.marker(place),
            markersize=3,
        )
        least = min(least, *(float(value) - 0.02 for value in (*low, *values) if np.isfinite(value)))
    axes.set_ylim(max(0.0, least), 1.01)
    last = max(month for line in lines for month in line.months)
    axes.set_xlim(0, 1.03 * last)
    axes.set_xticks(np.arange(0, last + 1e-9, 6 if last <= 36 else 12 if last <= 84 else 24))
    panel.fit(axes, above=above)
    return figure


def _numbers(area: Found) -> tuple[float, float, float]:
    if not isinstance(area, Estimate):
        return np.nan, np.nan, np.nan
    return (area.value, *(area.interval or (np.nan, np.nan)))
