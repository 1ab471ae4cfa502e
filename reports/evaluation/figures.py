"""Charts of an evaluation: its results in the words of the report, drawn by `reports.figures`."""

from __future__ import annotations

from collections.abc import Sequence

from models.evaluation.results import ExpressionResult, HorizonResult, RecurrenceResult
from models.evaluation.withheld import WithheldGroups
from models.inference.plausible_range import FACTOR
from models.number_words import counted
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.decision_curve import DecisionCurve
from models.statistics.estimate import Estimate
from reports.evaluation.words import group_name, log_rank_words, ratio, shown
from reports.figures.calibration import calibration_chart, calibration_limit
from reports.figures.chart import Chart, file_name
from reports.figures.decision_curve import decision_curve_chart, decision_ends
from reports.figures.forest import ForestRow, forest_chart
from reports.figures.kaplan_meier import SurvivalGroup, kaplan_meier_chart
from reports.figures.risk_coverage import risk_coverage_chart
from reports.figures.roc import AucLine, RocLine, auc_over_time_chart, roc_chart
from reports.figures.theme import DOUBLE_MM, SINGLE_MM

_EXPRESSION = "probability of high expression"


def survival_figure(result: RecurrenceResult) -> Chart:
    """Kaplan-Meier curves of the risk groups, at least one of which has a curve."""
    groups = result.groups
    curves = [
        SurvivalGroup(name, group.curve, color)
        for name, group, color in (
            ("low risk", groups.low, lambda theme: theme.low),
            ("high risk", groups.high, lambda theme: theme.high),
        )
        if group.curve is not None
    ]
    test, hazard = log_rank_words(result), groups.hazard_ratio_low
    if isinstance(hazard, Estimate) and result.events >= FEWEST_EVENTS:
        test += f"; HR low vs high {ratio(hazard)}"
    where = group_name(result.cohort, result.subgroup)
    return kaplan_meier_chart(
        curves,
        name=file_name(f"kaplan-meier-{where}"),
        title=where,
        caption=f"Recurrence-free survival of the risk groups, {where} (Kaplan-Meier): {groups.low.patients} low "
        f"({counted(groups.low.events, 'event')}), {groups.high.patients} high "
        f"({counted(groups.high.events, 'event')}).",
        months=[horizon.months for horizon in result.horizons],
        notes=[f"{test[:1].upper()}{test[1:]}"],
        is_explained=result.subgroup is None,
        width_mm=DOUBLE_MM if result.subgroup is None else SINGLE_MM,
    )


def roc_figure(result: RecurrenceResult) -> Chart | None:
    """ROC curves at the horizons; None where none has one."""
    lines = [
        RocLine(
            f"{horizon.months:g} months: {shown(horizon.auc)}", horizon.roc, horizon.sensitivity, horizon.specificity
        )
        for horizon in result.horizons
        if horizon.roc is not None
    ]
    if not lines:
        return None
    what = f"recurrence by a time, against none until then, {result.cohort}"
    return roc_chart(lines, name=file_name(f"roc-{result.cohort}"), what=what, title=result.cohort)


def auc_figure(result: RecurrenceResult) -> Chart | None:
    """AUC over time; None with fewer than two times."""
    if len(result.auc_over_time) < 2:
        return None
    line = AucLine(
        "score",
        tuple(point.months for point in result.auc_over_time),
        tuple(point.auc for point in result.auc_over_time),
    )
    return auc_over_time_chart([line], name=file_name(f"auc-over-time-{result.cohort}"), title=result.cohort)


def calibration_figure(result: RecurrenceResult, horizon: HorizonResult, *, limit: float) -> Chart | None:
    """Predicted against observed risk; None where the observed one is not known."""
    if not horizon.calibration:
        return None
    return calibration_chart(
        horizon.calibration,
        horizon.calibration_curve,
        horizon.risks,
        name=file_name(f"calibration-{result.cohort}-{horizon.months:g}-months"),
        what=f"risk at {horizon.months:g} months",
        title=f"{result.cohort}, {horizon.months:g} months",
        limit=limit,
    )


def decision_figure(result: RecurrenceResult, horizon: HorizonResult, *, ends: tuple[float, float]) -> Chart | None:
    """Net benefit by threshold; None where there is no decision curve."""
    if horizon.decision is None:
        return None
    return decision_curve_chart(
        [("act by the model", horizon.decision)],
        name=file_name(f"decision-curve-{result.cohort}-{horizon.months:g}-months"),
        what=f"risk at {horizon.months:g} months",
        title=f"{result.cohort}, {horizon.months:g} months",
        ends=ends,
    )


def shared_limit(results: Sequence[HorizonResult] | Sequence[ExpressionResult]) -> float:
    """End of the axes of calibration plots that are to be compared."""
    return max([calibration_limit(one.calibration, one.calibration_curve, one.risks) for one in results], default=1.0)


def shared_ends(results: Sequence[HorizonResult] | Sequence[ExpressionResult]) -> tuple[float, float]:
    """Ends of the axes of decision curves that are to be compared."""
    curves: list[DecisionCurve] = [one.decision for one in results if one.decision is not None]
    return decision_ends(curves) if curves else (1.0, 1.0)


def expression_figures(result: ExpressionResult, *, limit: float, ends: tuple[float, float]) -> list[Chart]:
    """ROC, calibration and decision curve of a KRT7-AS model, as far as there are any."""
    charts = []
    if result.roc is not None:
        line = RocLine(f"high against low: {shown(result.auc)}", result.roc, result.sensitivity, result.specificity)
        what = f"high against low expression of KRT7-AS, {result.cohort}"
        charts.append(roc_chart([line], name=file_name(f"roc-{result.cohort}"), what=what, title=result.cohort))
    if result.calibration:
        charts.append(
            calibration_chart(
                result.calibration,
                result.calibration_curve,
                result.risks,
                name=file_name(f"calibration-{result.cohort}"),
                what=_EXPRESSION,
                title=result.cohort,
                limit=limit,
            )
        )
    if result.decision is not None:
        charts.append(
            decision_curve_chart(
                [("act by the model", result.decision)],
                name=file_name(f"decision-curve-{result.cohort}"),
                what=_EXPRESSION,
                title=result.cohort,
                ends=ends,
            )
        )
    return charts


def concordance_figure(results: Sequence[RecurrenceResult]) -> Chart:
    """Harrell's C of every cohort and subgroup, beside chance."""
    rows = [
        ForestRow(
            _label(one), f"{one.events} / {one.patients}", one.harrell_c, shown(one.harrell_c), one.subgroup is None
        )
        for one in results
    ]
    return forest_chart(
        rows,
        name="forest-harrell-c",
        heads=("Group", "Events / patients", "Harrell's C (95 %)"),
        axis="Harrell's C; 0.5 is chance",
        caption="Harrell's C of each cohort and subgroup.",
        reference=0.5,
    )


def hazard_figure(results: Sequence[RecurrenceResult]) -> Chart | None:
    """Hazard ratio low against high risk of every cohort and subgroup; None where none has one."""
    if not any(isinstance(one.groups.hazard_ratio_low, Estimate) for one in results):
        return None
    rows = [
        ForestRow(
            _label(one),
            f"{one.groups.low.patients} / {one.groups.high.patients}",
            one.groups.hazard_ratio_low,
            ratio(one.groups.hazard_ratio_low),
            one.subgroup is None,
        )
        for one in results
    ]
    return forest_chart(
        rows,
        name="forest-hazard-ratio",
        heads=("Group", "Low / high risk", "HR low vs high (95 %)"),
        axis="hazard ratio low against high risk, logarithmic; 1 is no difference",
        caption="Hazard ratio of low against high risk in each cohort and subgroup; – where it does not exist.",
        reference=1.0,
        is_ratio=True,
    )


def auc_forest_figure(results: Sequence[ExpressionResult]) -> Chart:
    """AUC of every cohort and subgroup of a KRT7-AS model, beside chance."""
    rows = [
        ForestRow(_label(one), f"{one.high} / {one.patients}", one.auc, shown(one.auc), one.subgroup is None)
        for one in results
    ]
    return forest_chart(
        rows,
        name="forest-auc",
        heads=("Group", "High / patients", "AUC (95 %)"),
        axis="AUC; 0.5 is chance",
        caption="AUC of each cohort and subgroup.",
        reference=0.5,
    )


def withheld_figure(found: WithheldGroups) -> Chart:
    """Share of patients without a group against flips among the groups shown."""
    return risk_coverage_chart(
        found.curve, name=file_name(f"risk-coverage-{found.cohort}"), rule=FACTOR, title=found.cohort
    )


def _label(result: RecurrenceResult | ExpressionResult) -> str:
    return result.cohort if result.subgroup is None else f"{result.subgroup[0]}: {result.subgroup[1]}"
