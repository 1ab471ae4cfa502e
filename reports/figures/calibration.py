"""Calibration: observed against predicted risk, as a smooth curve with its band and in groups, over a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.number_words import counted
from models.statistics.calibration import CalibrationGroup
from models.statistics.smooth_calibration import CalibrationCurve, RiskHistogram
from reports.figures import panel
from reports.figures.chart import Chart
from reports.figures.panel import Entry
from reports.figures.theme import SINGLE_MM, Theme

_PLOT = 112.0  # height of the axes at one column, in points
_STRIP = 20.0  # height of the histogram
_LEAST = 0.02  # of the axes, where all risks are tiny
_SHOWN = 0.98  # of the patients are inside the axes: one of high risk would push all others into the corner


@dataclass(frozen=True)
class _Content:
    groups: tuple[CalibrationGroup, ...]
    curve: CalibrationCurve | None
    risks: RiskHistogram | None
    title: str
    what: str
    limit: float


def calibration_limit(
    groups: Sequence[CalibrationGroup], curve: CalibrationCurve | None, risks: RiskHistogram | None
) -> float:
    """End of both axes that shows the groups and nearly all patients; the largest serves several charts."""
    seen = [_LEAST, *(value for g in groups for value in (g.predicted, g.observed, g.high) if np.isfinite(value))]
    if risks is not None:
        inside = int(np.searchsorted(np.cumsum(risks.patients), _SHOWN * risks.patients.sum()))
        seen.append(float(risks.edges[inside + 1]))
    elif curve is not None:
        seen.append(float(curve.predicted[-1]))
    return min(1.0, 1.05 * max(seen))


def calibration_chart(
    groups: Sequence[CalibrationGroup],
    curve: CalibrationCurve | None,
    risks: RiskHistogram | None,
    *,
    name: str,
    what: str,
    title: str = "",
    limit: float | None = None,
    width_mm: float = SINGLE_MM,
) -> Chart:
    """A calibration plot.

    Parameters
    ----------
    groups : patients of similar predicted risk; those without an observed risk are left out
    curve, risks : smooth curve and histogram; None where there is none
    what : what is predicted, with its time: "risk at 36 months"
    limit : end of both axes, 0 to 1; that of `calibration_limit` when None
    """
    known = tuple(group for group in groups if not np.isnan(group.observed))
    end = calibration_limit(known, curve, risks) if limit is None else limit
    caption = (
        f"Calibration of the {what}: {counted(len(known), 'group')} of similar prediction with 95 % limits"
        + ("" if curve is None else ", and a smooth curve with its 95 % band")
        + ("" if risks is None else "; below, the patients by prediction")
        + ". On the diagonal is right."
    )
    if risks is not None and risks.edges[-1] > end:
        caption += " A few predictions lie beyond the axes."
    parts = ["Calibration, lowest risk first: " + "; ".join(_group_words(group) for group in known)]
    if curve is not None:
        parts.append(f"Smooth curve: {_curve_words(curve)}")
    if curve is not None and curve.is_line:
        caption += " A spline cannot be fitted here: the curve is a straight line on the scale of the model."
    return Chart(
        name,
        caption,
        ". ".join(parts) + ".",
        width_mm,
        partial(_draw, _Content(known, curve, risks, title, what, end)),
    )


def _group_words(group: CalibrationGroup) -> str:
    limits = "" if np.isnan(group.low) else f" ({100 * group.low:.1f}–{100 * group.high:.1f})"
    return f"predicted {100 * group.predicted:.1f} %, observed {100 * group.observed:.1f} %{limits}"


def _curve_words(curve: CalibrationCurve) -> str:
    return f"ICI {100 * curve.ici:.1f} %, E50 {100 * curve.e50:.1f} %, E90 {100 * curve.e90:.1f} %"


def _draw(content: _Content, theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 400.0)
    entries = [Entry("ideal", theme.muted, (0, (4, 2)), width=0.9)]
    if content.groups:
        entries.append(Entry("groups", theme.ink, None, marker="o"))
    if content.curve is not None:
        entries.append(Entry("line" if content.curve.is_line else "smooth", theme.accent, has_band=True))
    notes = [] if content.curve is None else [_curve_words(content.curve)]
    above = panel.head(figure, theme, title=content.title, entries=entries, notes=notes)
    strip = _STRIP if content.risks is not None else 0.0
    plot = _PLOT * (1 + 0.5 * (width_mm / SINGLE_MM - 1))
    panel.set_height(figure, above + plot + strip + 30.0)
    axes = panel.add_axes(figure, theme, x_label=f"predicted {content.what}, %", y_label="observed, %")
    top = 100 * content.limit
    for scale in (axes.set_xlim, axes.set_ylim):
        scale(0, top)
    axes.plot([0, top], [0, top], color=theme.muted, linewidth=0.9, linestyle=(0, (4, 2)))
    if content.curve is not None:
        x = 100 * content.curve.predicted
        axes.fill_between(x, 100 * content.curve.low, 100 * content.curve.high, **theme.band(theme.accent))
        axes.plot(x, 100 * content.curve.observed, color=theme.accent, linewidth=theme.line_pt)
    for group in content.groups:
        if not np.isnan(group.low):
            ends = [100 * group.low, 100 * group.high]
            axes.plot([100 * group.predicted] * 2, ends, color=theme.ink, linewidth=0.8)
        axes.plot(100 * group.predicted, 100 * group.observed, marker="o", markersize=3.5, color=theme.ink)
    panel.fit(axes, above=above, below=strip)
    if content.risks is not None:
        _draw_histogram(figure, axes, content.risks, theme, top)
    return figure


def _draw_histogram(figure: Figure, axes: Axes, risks: RiskHistogram, theme: Theme, top: float) -> None:
    """Bars below the plot, on its axis, with the number of the tallest bin at its side."""
    strip = panel.add_axes(figure, theme)
    strip.set_axis_off()
    box = axes.bbox
    panel.place(strip, left=box.x0, right=box.x1, bottom=panel.PAD, top=panel.PAD + _STRIP - 3.0)
    edges = 100 * risks.edges
    strip.bar(edges[:-1], risks.patients, width=np.diff(edges), align="edge", color=theme.muted, linewidth=0)
    strip.set_xlim(0, top)
    most = int(risks.patients.max())
    strip.set_ylim(0, most)
    panel.text_at(
        figure, box.x0 - 3.0, panel.PAD + _STRIP - 3.0, str(most), theme, ha="right", va="top", size=theme.small_pt
    )
    panel.text_at(figure, box.x0 - 3.0, panel.PAD, "0", theme, ha="right", va="bottom", size=theme.small_pt)
