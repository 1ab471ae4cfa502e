"""Curve of a search for a cut-off: how much the two groups differ at every candidate."""

from __future__ import annotations

from matplotlib.figure import Figure

from models.statistics.cutpoint import SelectedCutOff
from reports.figures.chart import Chart
from reports.figures.panel import Entry, add_axes, fit, head, new_figure
from reports.figures.theme import SINGLE_MM, Theme


def cut_off_chart(
    selected: SelectedCutOff, *, name: str, caption: str, alternative: str, used: float, title: str = ""
) -> Chart:
    """Standardised log-rank statistic of every cut-off that was tried, with the best one and the one in use."""

    def draw(theme: Theme, width_mm: float) -> Figure:
        figure = new_figure(theme, width_mm, 0.62 * 72 * width_mm / 25.4)
        axes = add_axes(figure, theme, x_label="Cut-off of the score", y_label="|log-rank statistic|, standardised")
        axes.plot(
            selected.candidates,
            selected.statistics,
            color=theme.accent,
            linewidth=theme.line_pt,
            drawstyle="steps-post",
            gid="curve",
        )
        axes.plot(
            selected.cut_off, selected.statistic, marker="o", markersize=4, color=theme.high, linestyle="none", zorder=3
        )
        low, high = float(selected.candidates[0]), float(selected.candidates[-1])
        reach = 0.04 * (high - low or 1.0)
        is_inside = low - reach <= used <= high + reach
        if is_inside:
            axes.axvline(used, color=theme.low, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.set_xlim(low - reach, high + reach)
        axes.set_ylim(0, 1.12 * selected.statistic)
        entries = [
            Entry("every candidate", theme.accent),
            Entry(f"best: {selected.cut_off:.3g}", theme.high, None, "o"),
            Entry(f"in use: {used:.3g}{'' if is_inside else ' (outside)'}", theme.low, (0, (4, 2)), width=0.9),
        ]
        fit(axes, above=head(figure, theme, title=title, entries=entries))
        return figure

    return Chart(name, caption, alternative, SINGLE_MM, draw)
