"""Figures of an evaluation, as PNG files; no global state, the same input gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation
from reportlab.lib.colors import Color

from models.evaluation.results import HorizonResult, RecurrenceResult
from models.evaluation.withheld import WithheldGroups
from models.inference.plausible_range import FACTOR
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.estimate import Estimate, Found
from models.statistics.kaplan_meier import SurvivalCurve
from models.statistics.roc import RocCurve
from reports.evaluation.content import FigureBlock
from reports.evaluation.words import log_rank_words, ratio, shown
from reports.pdf import theme

_DPI = 200
_FONT = 7.0  # points
_LINES = ("-", "--", ":", "-.")


def _hex(color: Color) -> str:
    return f"#{color.hexval()[2:]}"


INK, MUTED, RULE, HIGH, LOW, ACCENT = (
    _hex(color) for color in (theme.INK, theme.MUTED, theme.RULE, theme.HIGH, theme.LOW, theme.ACCENT)
)
_HORIZON_COLORS = (_hex(theme.WARNING), ACCENT, HIGH, LOW)


def survival_figure(result: RecurrenceResult, *, size: tuple[float, float], caption: str | None = None) -> FigureBlock:
    """Kaplan-Meier curves of the risk groups with limits and numbers at risk.

    Parameters
    ----------
    caption : instead of the full one, for a small picture; such a picture has no legend of its own
    """
    groups = result.groups
    curves = [
        (name, group.curve, color, line)
        for name, group, color, line in (("low risk", groups.low, LOW, "-"), ("high risk", groups.high, HIGH, "--"))
        if group.curve is not None
    ]
    last = max(float(curve.times_months[-1]) for _, curve, _, _ in curves)
    ticks = np.arange(0, last + 1, 12 if last < 110 else 24)
    figure, axes = _figure(size, bottom=64 / size[1], left=46 / size[0], top=1 - 20 / size[1])
    for name, curve, color, line in curves:
        _draw_curve(axes, curve, name, color, line)
    axes.set_xlim(0, last)
    axes.set_ylim(0, 1.02)
    axes.set_xticks(ticks)
    if caption is None:
        axes.set_ylabel("recurrence-free survival")
        axes.legend(loc="lower left", frameon=False)
    axes.set_xlabel("months", labelpad=1)
    test = log_rank_words(result)
    hazard = groups.hazard_ratio_low
    if isinstance(hazard, Estimate) and result.events >= FEWEST_EVENTS:
        test += f"\nHR low vs high {ratio(hazard)}"
    axes.text(1.0, 1.02, test.strip(), transform=axes.transAxes, ha="right", va="bottom", color=INK)
    below = ScaledTranslation(0, -30 / 72, figure.dpi_scale_trans)  # room for ticks and "months"
    for row, (name, curve, color, _) in enumerate(curves):
        line_below = below + ScaledTranslation(0, -(10 * row + 5) / 72, figure.dpi_scale_trans)
        where = axes.get_xaxis_transform() + line_below
        axes.text(-0.09 * last, 0, name.split()[0], transform=where, ha="right", va="center", color=color)
        for tick, count in zip(ticks, curve.numbers_at_risk(ticks.tolist()), strict=True):
            axes.text(float(tick), 0, str(count), transform=where, ha="center", va="center", color=color)
    where = axes.get_xaxis_transform() + ScaledTranslation(0, -25 / 72, figure.dpi_scale_trans)
    axes.text(-0.09 * last, 0, "at risk", transform=where, ha="right", va="center", color=MUTED)
    words = "; ".join(
        f"{name}: " + ", ".join(f"{100 * curve.at(h.months)[0]:.0f} % at {h.months:g} months" for h in result.horizons)
        for name, curve, _, _ in curves
    )
    return _done(
        figure,
        size,
        caption
        or "Recurrence-free survival of the risk groups (Kaplan-Meier) with 95 % limits; ticks are censored patients. "
        f"{groups.low.patients} low ({groups.low.events} events), {groups.high.patients} high "
        f"({groups.high.events} events).",
        f"Recurrence-free survival, {words}",
    )


def roc_figure(
    curves: Sequence[tuple[str, RocCurve, Found]],
    marks: Sequence[tuple[Found, Found]],
    *,
    size: tuple[float, float],
    what: str,
) -> FigureBlock:
    """ROC curves with their areas; the cut-off's sensitivity and specificity as points.

    Parameters
    ----------
    curves : (label, curve, area)
    marks : (sensitivity, specificity) for each curve
    what : what is told apart, for the caption
    """
    figure, axes = _figure(size, bottom=0.17, left=0.16)
    axes.plot([0, 1], [0, 1], color=RULE, linewidth=0.8)
    words = []
    for place, ((label, curve, area), (sensitivity, specificity)) in enumerate(zip(curves, marks, strict=True)):
        color = _HORIZON_COLORS[place % len(_HORIZON_COLORS)]
        text = f"{label}: {shown(area)}"
        words.append(text)
        axes.plot(
            curve.false_positive,
            curve.true_positive,
            color=color,
            linestyle=_LINES[place % len(_LINES)],
            linewidth=1.2,
            label=text,
        )
        if isinstance(sensitivity, Estimate) and isinstance(specificity, Estimate):
            axes.plot(1 - specificity.value, sensitivity.value, marker="o", markersize=3.5, color=color)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_xlabel("1 − specificity")
    axes.set_ylabel("sensitivity")
    if curves:
        axes.legend(loc="lower right", frameon=False, title="AUC (95 %)", title_fontsize=_FONT)
    return _done(figure, size, f"ROC curves: {what}. Points: the cut-off of the package.", "AUC " + "; ".join(words))


def calibration_figure(horizon: HorizonResult, *, size: tuple[float, float]) -> FigureBlock:
    """Predicted against observed risk in groups of patients."""
    figure, axes = _figure(size, bottom=0.17, left=0.16)
    groups = [group for group in horizon.calibration if not np.isnan(group.observed)]
    top = 100 * max([0.02, *(g.predicted for g in groups), *(np.nan_to_num(g.high, nan=g.observed) for g in groups)])
    top = min(100.0, 1.08 * top)
    axes.plot([0, top], [0, top], color=RULE, linewidth=0.8)
    for group in groups:
        if not np.isnan(group.low):
            axes.plot([100 * group.predicted] * 2, [100 * group.low, 100 * group.high], color=ACCENT, linewidth=0.9)
        axes.plot(100 * group.predicted, 100 * group.observed, marker="o", markersize=3.5, color=ACCENT)
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_xlabel(f"mean predicted risk at {horizon.months:g} months, %")
    axes.set_ylabel("observed risk, %")
    words = "; ".join(f"predicted {100 * g.predicted:.1f} %, observed {100 * g.observed:.1f} %" for g in groups)
    return _done(
        figure,
        size,
        f"Calibration at {horizon.months:g} months: {len(groups)} groups of similar predicted risk against 1 − "
        "Kaplan-Meier with 95 % limits. On the line is right.",
        f"Calibration, lowest risk first: {words}",
    )


def decision_figure(horizon: HorizonResult, *, size: tuple[float, float]) -> FigureBlock | None:
    """Net benefit by threshold; None where there is no decision curve."""
    curve = horizon.decision
    if curve is None:
        return None
    figure, axes = _figure(size, bottom=0.17, left=0.19)
    axes.axhline(0, color=MUTED, linewidth=0.8, linestyle=":", label="act on no one")
    axes.plot(100 * curve.thresholds, curve.everyone, color=MUTED, linewidth=1.0, linestyle="--", label="act on all")
    axes.plot(100 * curve.thresholds, curve.model, color=HIGH, linewidth=1.3, label="act by the model")
    top = float(np.nanmax([curve.everyone[0], np.nanmax(curve.model)]))
    axes.set_ylim(-0.35 * top, 1.1 * top)
    axes.set_xlim(0, 100 * float(curve.thresholds[-1]))
    axes.set_xlabel(f"threshold risk at {horizon.months:g} months, %")
    axes.set_ylabel("net benefit")
    axes.legend(loc="upper right", frameon=False)
    middle = len(curve.thresholds) // 3
    words = (
        f"At a threshold of {100 * curve.thresholds[middle]:.0f} %: model {curve.model[middle]:.4f}, all "
        f"{curve.everyone[middle]:.4f}, none 0"
    )
    return _done(
        figure, size, f"Decision curve at {horizon.months:g} months: true positives per patient, net of harm.", words
    )


def forest_figure(rows: Sequence[tuple[str, int, Found, bool]], *, width: float, measure: str) -> FigureBlock:
    """A number with its interval for each cohort and subgroup, beside chance (.5).

    Parameters
    ----------
    rows : (label, events, number, whether it is a whole cohort)
    measure : name of the number
    """
    height = 30 + 11.5 * len(rows)
    size = (width, height)
    figure, axes = _figure(size, bottom=24 / height, left=0.36, right=0.74, top=1 - 4 / height)
    axes.axvline(0.5, color=MUTED, linewidth=0.8, linestyle=":")
    for place, (label, events, estimate, is_cohort) in enumerate(rows):
        color, weight = (ACCENT, "bold") if is_cohort else (INK, "normal")
        where = axes.get_yaxis_transform()
        axes.text(-0.14, place, label, transform=where, ha="right", va="center", color=color, fontweight=weight)
        axes.text(-0.02, place, str(events), transform=where, ha="right", va="center", color=MUTED)
        axes.text(1.03, place, shown(estimate), transform=where, ha="left", va="center", color=color, fontweight=weight)
        if isinstance(estimate, Estimate):
            if estimate.interval is not None:
                axes.plot(estimate.interval, [place, place], color=color, linewidth=1.0)
            face = color if estimate.interval is not None else "white"
            marker = "s" if is_cohort else "o"
            axes.plot(estimate.value, place, marker=marker, markersize=3.8, color=color, markerfacecolor=face)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.02)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{measure}, 95 % interval (0.5 is chance; open: too few events for an interval)")
    return _done(
        figure,
        size,
        f"{measure} for each cohort (squares) and subgroup; the number before the line is the number of events.",
        "; ".join(f"{label}: {shown(estimate)}" for label, _, estimate, _ in rows),
    )


def withheld_figure(found: WithheldGroups, *, size: tuple[float, float]) -> FigureBlock:
    """Share of patients without a group against flips among the groups shown."""
    figure, axes = _figure(size, bottom=0.17, left=0.16)
    points = [(100 * one.withheld, 100 * one.flips_shown, one) for one in found.curve if one.flips_shown is not None]
    axes.plot(
        [x for x, _, _ in points], [y for _, y, _ in points], color=ACCENT, linewidth=1.3, marker="o", markersize=3
    )
    for x, y, one in points:
        if one.factor == FACTOR:
            axes.plot(x, y, marker="s", markersize=5, color=HIGH)
            axes.annotate(f"± {FACTOR:g}, the rule", (x, y), xytext=(5, 5), textcoords="offset points", color=HIGH)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 1.1 * max([1.0, *(y for _, y, _ in points)]))
    axes.set_xlabel("borderline, % of patients")
    axes.set_ylabel("flips among groups shown, %")
    words = "; ".join(f"± {one.factor:g}: {x:.0f} % borderline, {y:.1f} % flips" for x, y, one in points)
    return _done(
        figure,
        size,
        "Risk-coverage curve: the wider the range, the more answers are borderline and the fewer groups that are shown "
        "are another one in another training.",
        words or "No patient has a group.",
    )


def _draw_curve(axes: Axes, curve: SurvivalCurve, name: str, color: str, line: str) -> None:
    times = np.concatenate([[0.0], curve.times_months])
    survival, low, high = (np.concatenate([[1.0], values]) for values in (curve.survival, curve.low, curve.high))
    axes.step(times, survival, where="post", color=color, linestyle=line, linewidth=1.3, label=name)
    axes.fill_between(times, low, high, step="post", color=color, alpha=0.13, linewidth=0)
    ticks = curve.censored > 0
    axes.plot(
        curve.times_months[ticks], curve.survival[ticks], "|", color=color, markersize=3, markeredgewidth=0.4, alpha=0.6
    )


def _figure(
    size: tuple[float, float], *, bottom: float, left: float, right: float = 0.97, top: float = 0.96
) -> tuple[Figure, Axes]:
    """An empty figure of a size in points with axes at these fractions of it, in the style of the report."""
    figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left, bottom, right - left, top - bottom))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
        axes.spines[side].set_linewidth(0.6)
    axes.tick_params(labelsize=_FONT, color=MUTED, labelcolor=INK, width=0.6, length=2.5, pad=2)
    return figure, axes


def _done(figure: Figure, size: tuple[float, float], caption: str, alternative: str) -> FigureBlock:
    for axes in figure.axes:
        texts: list[Any] = [axes.xaxis.label, axes.yaxis.label, *axes.texts]
        legend = axes.get_legend()
        texts += [] if legend is None else [*legend.get_texts(), legend.get_title()]
        for text in texts:
            text.set_fontsize(_FONT)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return FigureBlock(buffer.getvalue(), size, caption, alternative)
