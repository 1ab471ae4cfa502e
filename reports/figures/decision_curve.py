"""Decision curves: net benefit by threshold of one or several models, against acting on all and on no one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from models.statistics.decision_curve import DecisionCurve
from reports.figures import panel
from reports.figures.chart import Chart
from reports.figures.panel import Entry
from reports.figures.theme import SINGLE_MM, Dash, Theme

_PLOT = 112.0  # height of the axes at one column, in points
_ALL: Dash = (0, (6, 1.6, 1.1, 1.6))
_NONE: Dash = (0, (1.1, 1.4))


@dataclass(frozen=True)
class _Content:
    models: tuple[tuple[str, DecisionCurve], ...]
    title: str
    what: str
    ends: tuple[float, float]


def decision_ends(curves: Sequence[DecisionCurve]) -> tuple[float, float]:
    """(last threshold, highest net benefit) over several curves, for the same axes in all of their charts."""
    threshold = max(float(curve.thresholds[-1]) for curve in curves)
    highest = [np.concatenate([curve.everyone[:1], curve.model, curve.high]) for curve in curves]
    return threshold, max(float(np.nanmax(values)) for values in highest)


def decision_curve_chart(
    models: Sequence[tuple[str, DecisionCurve]],
    *,
    name: str,
    what: str,
    title: str = "",
    ends: tuple[float, float] | None = None,
    width_mm: float = SINGLE_MM,
) -> Chart:
    """Decision curves on the same patients.

    Parameters
    ----------
    models : (label, curve), at least one; acting on all is that of the first
    what : what is predicted, with its time: "risk at 36 months"
    ends : of the axes, from `decision_ends`; of these models when None
    """
    curves = [curve for _, curve in models]
    has_band = any(np.isfinite(curve.low).any() for curve in curves)
    caption = f"Decision curve for the {what}: true positives per patient, net of false ones at the rate of exchange of"
    caption += " the threshold" + (", with a pointwise 95 % bootstrap band." if has_band else ".")
    content = _Content(tuple(models), title, what, ends or decision_ends(curves))
    return Chart(name, caption, _words(models), width_mm, partial(_draw, content))


def _words(models: Sequence[tuple[str, DecisionCurve]]) -> str:
    """Net benefits at a quarter, half and three quarters of the thresholds."""
    first = models[0][1]
    parts = []
    for place in (len(first.thresholds) * quarter // 4 for quarter in (1, 2, 3)):
        each = [f"{label} {_benefit(curve, place)}" for label, curve in models]
        all_ = "not known" if np.isnan(first.everyone[place]) else f"{first.everyone[place]:.4f}"
        parts.append(f"at a threshold of {100 * first.thresholds[place]:.0f} %: {', '.join(each)}, all {all_}, none 0")
    return f"Net benefit {'; '.join(parts)}.".replace("-", "−")


def _benefit(curve: DecisionCurve, place: int) -> str:
    if np.isnan(curve.model[place]):
        return "not known"
    limits = "" if np.isnan(curve.low[place]) else f" ({curve.low[place]:.4f} to {curve.high[place]:.4f})"
    return f"{curve.model[place]:.4f}{limits}"


def _draw(content: _Content, theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 400.0)
    styles = [(theme.color(place), theme.dash(place)) for place in range(len(content.models))]
    if len(content.models) == 1:
        styles = [(theme.accent, "solid")]
    entries = [
        Entry(label, color, dash, has_band=bool(np.isfinite(curve.low).any()))
        for (label, curve), (color, dash) in zip(content.models, styles, strict=True)
    ]
    entries += [
        Entry("act on all", theme.muted, _ALL, width=1.0),
        Entry("act on no one", theme.muted, _NONE, width=1.0),
    ]
    above = panel.head(figure, theme, title=content.title, entries=entries)
    plot = _PLOT * (1 + 0.5 * (width_mm / SINGLE_MM - 1))
    panel.set_height(figure, above + plot + 30.0)
    axes = panel.add_axes(figure, theme, x_label=f"threshold: {content.what}, %", y_label="net benefit")
    threshold, top = content.ends
    axes.set_xlim(0, 100 * threshold)
    axes.set_ylim(-0.25 * top, 1.03 * top)
    axes.axhline(0, color=theme.muted, linewidth=1.0, linestyle=_NONE)
    first = content.models[0][1]
    axes.plot(100 * first.thresholds, first.everyone, color=theme.muted, linewidth=1.0, linestyle=_ALL)
    for (_, curve), (color, dash) in zip(content.models, styles, strict=True):
        x = 100 * curve.thresholds
        axes.fill_between(x, curve.low, curve.high, **theme.band(color))
        axes.plot(x, curve.model, color=color, linewidth=theme.line_pt, linestyle=dash)
    panel.fit(axes, above=above)
    return figure
