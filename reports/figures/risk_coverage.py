"""Risk-coverage curve: share of patients without a group against flips among the groups shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matplotlib.figure import Figure

from models.statistics.risk_coverage import RiskCoverage
from reports.figures import panel
from reports.figures.chart import Chart
from reports.figures.panel import Entry
from reports.figures.theme import SINGLE_MM, Theme

_NOTHING = "No patient has a group."
_PLOT = 112.0  # height of the axes at one column, in points


def risk_coverage_chart(
    curve: Sequence[RiskCoverage], *, name: str, rule: float, title: str = "", width_mm: float = SINGLE_MM
) -> Chart:
    """The curve over the half widths of the plausible range; that of the rule stands out.

    Parameters
    ----------
    rule : half width in standard deviations that the reports use
    """
    points = [(100 * one.withheld, 100 * one.flips_shown, one.factor) for one in curve if one.flips_shown is not None]
    caption = (
        "Risk-coverage curve: the wider the range, the more answers are borderline and the fewer groups that are shown "
        "are another one in another training."
    )
    words = "; ".join(f"± {factor:g}: {x:.0f} % borderline, {y:.1f} % flips" for x, y, factor in points)
    draw = partial(_draw, tuple(points), rule, title)
    return Chart(name, caption, words or _NOTHING, width_mm, draw)


def _draw(
    points: tuple[tuple[float, float, float], ...], rule: float, title: str, theme: Theme, width_mm: float
) -> Figure:
    figure = panel.new_figure(theme, width_mm, 400.0)
    entries = [
        Entry("half widths of the range", theme.accent, marker="o"),
        Entry(f"± {rule:g}, the rule", theme.high, None, marker="s"),
    ]
    notes = [] if points else [_NOTHING]
    above = panel.head(figure, theme, title=title, entries=entries, notes=notes)
    panel.set_height(figure, above + _PLOT + 30.0)
    axes = panel.add_axes(figure, theme, x_label="borderline, % of patients", y_label="flips among groups shown, %")
    line = [list(values) for values in zip(*((x, y) for x, y, _ in points), strict=True)] or [[], []]
    axes.plot(*line, color=theme.accent, linewidth=theme.line_pt, marker="o", markersize=3, clip_on=False)
    for x, y, factor in points:
        if factor == rule:
            axes.plot(x, y, marker="s", markersize=5, color=theme.high, clip_on=False)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 1.1 * max([1.0, *(y for _, y, _ in points)]))
    panel.fit(axes, above=above)
    return figure
