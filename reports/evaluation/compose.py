"""`Evaluation` → `EvaluationReport`: what is shown, in which order. Sentences are in `evaluation_words`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from models.evaluation.results import Evaluation, ExpressionResult, RecurrenceResult
from models.evaluation.withheld import WithheldGroups
from models.number_words import counted
from models.quality_notes import Severity
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.estimate import Estimate, Found
from reports import wording
from reports.evaluation import figures, words
from reports.evaluation.compared import compared_parts
from reports.evaluation.content import (
    Block,
    EvaluationReport,
    FigureRow,
    Part,
    TableBlock,
    Text,
)
from reports.figures.chart import Chart


def compose_evaluation(evaluation: Evaluation, *, created: datetime, software: str) -> EvaluationReport:
    """Content of the report for a reader.

    Parameters
    ----------
    created : with its time zone
    software : name and version
    """
    parts = [_summary(evaluation)]
    whole = [result for result in evaluation.recurrence if result.subgroup is None]
    if evaluation.recurrence:
        for result in evaluation.recurrence:
            if result.subgroup is None:
                parts.append(_cohort(result, whole))
                parts += _subgroups(
                    result.cohort,
                    [other for other in evaluation.recurrence if other.cohort == result.cohort and other.subgroup],
                )
    for expression in evaluation.expression:
        if expression.subgroup is None:
            parts.append(_expression(expression, [one for one in evaluation.expression if one.subgroup is None]))
    parts += compared_parts(evaluation)
    parts += [_withheld(found) for found in evaluation.withheld]
    parts.append(_methods(evaluation))
    model = evaluation.model
    return EvaluationReport(
        title=f"Evaluation: {model.title}",
        subtitle=f"Package {model.name} {model.version} on {_counted(evaluation)}",
        notice=wording.NOTICE,
        model_notice=model.notice,
        facts=(
            ("Model", f"{model.title}, package {model.name} {model.version}"),
            ("Digest", model.digest),
            *((("Signed by the key", model.signed_by),) if model.signed_by else ()),
            ("Cut-off", f"{evaluation.cut_off:g}, frozen: above it is high"),
            (
                "Scored",
                (
                    f"{counted(evaluation.patients_scored, 'patient')}, "
                    f"{evaluation.patients_scored / max(evaluation.seconds_to_score, 1e-9):.0f} per second"
                ),
            ),
            ("Bootstrap", f"{counted(evaluation.resamples, 'sample')}, seed {evaluation.seed}"),
        ),
        parts=_with_own_names(parts),
        created=created,
        software=software,
    )


def _with_own_names(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with a file name of its own for every chart: "A b" and "a-b" are two cohorts of one file name."""
    taken: set[str] = set()

    def named(chart: Chart) -> Chart:
        name = next(
            name for place in count(1) if (name := chart.name if place == 1 else f"{chart.name}-{place}") not in taken
        )
        taken.add(name)
        return chart if name == chart.name else replace(chart, name=name)

    def block(one: Block) -> Block:
        if isinstance(one, Chart):
            return named(one)
        return FigureRow(tuple(named(chart) for chart in one.figures)) if isinstance(one, FigureRow) else one

    return tuple(replace(part, blocks=tuple(block(one) for one in part.blocks)) for part in parts)


def _counted(evaluation: Evaluation) -> str:
    cohorts = [(result.cohort, result.patients) for result in evaluation.recurrence if result.subgroup is None]
    cohorts += [(result.cohort, result.patients) for result in evaluation.expression if result.subgroup is None]
    names = ", ".join(f"{cohort} ({patients})" for cohort, patients in cohorts)
    return f"{counted(len(cohorts), 'cohort')}: {names}"


def _summary(evaluation: Evaluation) -> Part:
    """The first page: a sentence for each cohort, those without a signal marked."""
    whole = [result for result in evaluation.recurrence if result.subgroup is None]
    first = [(result.cohort, result.has_signal, words.headline(result)) for result in whole]
    first += [
        (result.cohort, result.has_signal, words.headline(result))
        for result in evaluation.expression
        if result.subgroup is None
    ]
    blocks: list[Block] = [Text(note.sentence, is_warning=True) for note in evaluation.verdicts]
    blocks += [
        Text(f"{cohort}: {sentence}", is_warning=has_signal is not True) for cohort, has_signal, sentence in first
    ]
    if whole:
        blocks.append(_overview(whole))
        blocks.append(figures.concordance_figure(evaluation.recurrence))
        hazard = figures.hazard_figure(evaluation.recurrence)
        blocks += [] if hazard is None else [hazard]
    if evaluation.expression:
        blocks.append(_expression_overview(evaluation.expression))
        blocks.append(figures.auc_forest_figure(evaluation.expression))
    blocks += [Text(note.sentence, is_warning=note.severity is Severity.WARNING) for note in evaluation.notes]
    return Part("Summary", 1, tuple(blocks))


def _label(cohort: str, subgroup: tuple[str, str] | None) -> str:
    return cohort if subgroup is None else f"{subgroup[0]}: {subgroup[1]}"


def _overview(results: Sequence[RecurrenceResult]) -> TableBlock:
    """The table of all cohorts, one line each, at the last horizon."""
    last = results[0].horizons[-1].months
    return TableBlock(
        f"Cohorts. AUC and calibration at {last:g} months; hazard ratio low against high risk.",
        ("Cohort", "Patients", "Events", "Harrell's C", "AUC", "HR low vs high", "Observed / predicted", "Slope"),
        tuple(
            (
                result.cohort,
                str(result.patients),
                str(result.events),
                words.shown(result.harrell_c),
                words.shown(result.horizons[-1].auc),
                words.ratio(result.groups.hazard_ratio_low),
                words.shown(result.horizons[-1].observed_to_expected),
                words.shown(result.calibration_slope),
            )
            for result in results
        ),
    )


def _cohort(result: RecurrenceResult, whole: Sequence[RecurrenceResult]) -> Part:
    """Conclusions, figures and tables of one cohort; axes are the same as in the `whole` other cohorts."""
    blocks: list[Block] = [
        Text(sentence, is_warning=rank == 0 and result.has_signal is not True)
        for rank, sentence in enumerate(words.conclusions(result))
    ]
    if _has_curve(result):
        blocks.append(figures.survival_figure(result))
    blocks += _in_rows([figures.roc_figure(result), figures.auc_figure(result)])
    for place, horizon in enumerate(result.horizons):
        others = [other.horizons[place] for other in whole]
        limit, ends = figures.shared_limit(others), figures.shared_ends(others)
        blocks += _in_rows(
            [
                figures.calibration_figure(result, horizon, limit=limit),
                figures.decision_figure(result, horizon, ends=ends),
            ]
        )
    blocks += [_horizon_table(result), _group_table(result), _overall_table(result)]
    return Part(f"Cohort: {result.cohort}", 1, tuple(blocks), starts_page=True)


def _in_rows(found: Sequence[Chart | None]) -> list[FigureRow]:
    """Two charts of one column beside each other, of those that there are."""
    charts = [chart for chart in found if chart is not None]
    return [FigureRow(tuple(charts[at : at + 2])) for at in range(0, len(charts), 2)]


def _has_curve(result: RecurrenceResult) -> bool:
    return any(group.curve is not None for group in (result.groups.high, result.groups.low))


def _horizon_table(result: RecurrenceResult) -> TableBlock:
    """The measures of one cohort in lines, its horizons in columns."""
    rows: list[tuple[str, ...]] = []
    for name, cell in (
        ("Events / followed beyond", lambda h: f"{h.events} / {h.followed_beyond}"),
        ("Recurrence-free survival", lambda h: words.percent(h.survival)),
        ("AUC", lambda h: words.shown(h.auc)),
        ("Sensitivity at the cut-off", lambda h: words.shown(h.sensitivity)),
        ("Specificity at the cut-off", lambda h: words.shown(h.specificity)),
        ("Mean predicted risk", lambda h: words.share(h.predicted_risk)),
        ("Observed risk", lambda h: words.percent(h.observed_risk)),
        ("Observed / predicted", lambda h: words.shown(h.observed_to_expected)),
        ("Brier score", lambda h: words.shown(h.brier, 4)),
        ("Brier score of Kaplan-Meier", lambda h: words.shown(h.brier_null, 4)),
        ("Scaled Brier score", lambda h: words.shown(h.scaled_brier)),
    ):
        rows.append((name, *(cell(horizon) for horizon in result.horizons)))
    header = ("By horizon", *(f"{horizon.months:g} months" for horizon in result.horizons))
    return TableBlock("Predictions by horizon, with 95 % intervals.", header, tuple(rows))


def _group_table(result: RecurrenceResult) -> TableBlock:
    """Patients, events and survival at each horizon of the high and the low risk group."""
    groups = result.groups
    rows = []
    for name, group in (("High risk", groups.high), ("Low risk", groups.low)):
        survival = []
        for horizon in result.horizons:
            value, low, high = (float("nan"),) * 3 if group.curve is None else group.curve.at(horizon.months)
            if value != value:
                survival.append("–")
            else:
                limits = (low, high) if group.events != 0 and low == low else None
                survival.append(words.percent(Estimate(value, limits, "Kaplan-Meier")))
        rows.append((name, str(group.patients), str(group.events), *survival))
    header = ("Group", "Patients", "Events", *(f"RFS at {horizon.months:g} months" for horizon in result.horizons))
    return TableBlock("Risk groups at the cut-off of the package.", header, tuple(rows))


def _overall_table(result: RecurrenceResult) -> TableBlock:
    """The measures over the whole follow-up, each with its method or why it is missing."""
    groups = result.groups

    def row(name: str, found: Found, text: str) -> tuple[str, str, str]:
        return name, text, found.method if isinstance(found, Estimate) else found.reason

    test = groups.log_rank
    return TableBlock(
        "Over the whole follow-up.",
        ("Measure", "Value (95 %)", "How, or why not"),
        (
            row("Median follow-up, months", result.follow_up, words.shown(result.follow_up, 1)),
            row("Harrell's C", result.harrell_c, words.shown(result.harrell_c, 3)),
            row(f"Uno's C up to {result.tau_months:g} months", result.uno_c, words.shown(result.uno_c, 3)),
            row("Calibration slope", result.calibration_slope, words.shown(result.calibration_slope)),
            row(
                f"Integrated Brier score to {result.tau_months:g} months",
                result.integrated_brier,
                words.shown(result.integrated_brier, 4),
            ),
            row("… of Kaplan-Meier", result.integrated_brier_null, words.shown(result.integrated_brier_null, 4)),
            row("HR high vs low (reference: low)", groups.hazard_ratio_high, words.ratio(groups.hazard_ratio_high)),
            row("HR low vs high (reference: high)", groups.hazard_ratio_low, words.ratio(groups.hazard_ratio_low)),
            (
                "Log-rank test",
                words.p_value(test.p if test and result.events >= FEWEST_EVENTS else None),
                f"χ² {test.chi_square:.2f}, {test.degrees} degree of freedom; {words.log_rank_words(result)}"
                if test
                else "A group is empty, or there is no event.",
            ),
        ),
    )


def _subgroups(cohort: str, results: Sequence[RecurrenceResult]) -> list[Part]:
    """The table of the subgroups of one cohort; no part where there are none."""
    if not results:
        return []
    last = results[0].horizons[-1].months
    rows = []
    for result in results:
        horizon = result.horizons[-1]
        assert result.subgroup is not None
        rows.append(
            (
                f"{result.subgroup[0]}: {result.subgroup[1]}",
                f"{result.events} / {result.patients}",
                words.shown(result.harrell_c),
                words.shown(horizon.auc),
                words.shown(horizon.sensitivity),
                words.shown(horizon.specificity),
                words.ratio(result.groups.hazard_ratio_low),
                words.shown(horizon.observed_to_expected),
            )
        )
    table = TableBlock(
        f"Subgroups; AUC, sensitivity, specificity and calibration at {last:g} months. – where it cannot be computed; "
        "the reason is in evaluation.json.",
        (
            "Subgroup",
            "Events / patients",
            "Harrell's C",
            "AUC",
            "Sensitivity",
            "Specificity",
            "HR low vs high",
            "Obs. / pred.",
        ),
        tuple(rows),
    )
    charts = [figures.survival_figure(result) for result in results if result.events and _has_curve(result)]
    blocks: list[Block] = [table, *_in_rows(charts)]
    return [Part(f"Subgroups of {cohort}", 2, tuple(blocks))]


def _expression_overview(results: Sequence[ExpressionResult]) -> TableBlock:
    """The table of all cohorts and subgroups for KRT7-AS, one line each."""
    return TableBlock(
        "Cohorts and subgroups. Sensitivity and specificity at the cut-off of the package.",
        ("Group", "High / patients", "AUC", "Sensitivity", "Specificity", "Brier (null)", "Slope"),
        tuple(
            (
                _label(result.cohort, result.subgroup),
                f"{result.high} / {result.patients}",
                words.shown(result.auc),
                words.shown(result.sensitivity),
                words.shown(result.specificity),
                f"{words.number(result.brier, 3)} ({words.number(result.brier_null, 3)})",
                words.shown(result.calibration_slope),
            )
            for result in results
        ),
    )


def _expression(result: ExpressionResult, whole: Sequence[ExpressionResult]) -> Part:
    """Conclusions, figures and table of one cohort for KRT7-AS."""
    blocks: list[Block] = [
        Text(sentence, is_warning=rank == 0 and result.has_signal is not True)
        for rank, sentence in enumerate(words.expression_conclusions(result))
    ]
    limit, ends = figures.shared_limit(whole), figures.shared_ends(whole)
    blocks += _in_rows(figures.expression_figures(result, limit=limit, ends=ends))
    return Part(f"Cohort: {result.cohort}", 1, tuple(blocks), starts_page=False)


def _withheld(found: WithheldGroups) -> Part:
    def share(value: float | None, digits: int) -> str:
        return "–" if value is None else words.share(value, digits)

    table = TableBlock(
        f"Risk-coverage curve, {counted(found.refits, 'refit')}. Flips: refits that say the other group.",
        ("Range, standard deviations", "Held", "Borderline", "Flips, group shown", "Flips, borderline"),
        tuple(
            (
                f"± {point.factor:g}",
                share(point.held, 0),
                share(point.withheld, 0),
                share(point.flips_shown, 1),
                share(point.flips_withheld, 0),
            )
            for point in found.curve
        ),
    )
    figure = figures.withheld_figure(found)
    blocks = (Text(words.withheld(found)), FigureRow((figure,)), table, Text(words.WITHHELD_MEANS))
    return Part(f"Between the groups: {found.cohort}", 2, blocks)


def _methods(evaluation: Evaluation) -> Part:
    sentences = words.RECURRENCE_METHODS if evaluation.recurrence else words.EXPRESSION_METHODS
    return Part("How it was computed", 1, tuple(Text(sentence) for sentence in sentences))
