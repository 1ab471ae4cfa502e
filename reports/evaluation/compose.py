"""`Evaluation` → `EvaluationReport`: what is shown, in which order. Sentences are in `evaluation_words`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from models.evaluation.results import Evaluation, ExpressionResult, RecurrenceResult
from models.evaluation.withheld import WithheldGroups
from models.quality_notes import Severity
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.estimate import Estimate, Found
from reports import wording
from reports.evaluation import figures, words
from reports.evaluation.content import (
    Block,
    EvaluationReport,
    FigureRow,
    Part,
    TableBlock,
    Text,
)

WIDTH = 504.0  # points of text on A4, that of the other reports
_HALF = WIDTH / 2 - 6


def compose_evaluation(evaluation: Evaluation, *, created: datetime, software: str) -> EvaluationReport:
    """Content of the report for a reader.

    Parameters
    ----------
    created : with its time zone
    software : name and version
    """
    parts = [_summary(evaluation)]
    if evaluation.recurrence:
        for result in evaluation.recurrence:
            if result.subgroup is None:
                parts.append(_cohort(result))
                parts += _subgroups(
                    result.cohort,
                    [other for other in evaluation.recurrence if other.cohort == result.cohort and other.subgroup],
                )
    for expression in evaluation.expression:
        if expression.subgroup is None:
            parts.append(_expression(expression))
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
            ("Cut-off", f"{evaluation.cut_off:g}, frozen: above it is high"),
            (
                "Scored",
                (
                    f"{evaluation.patients_scored} patients, "
                    f"{evaluation.patients_scored / max(evaluation.seconds_to_score, 1e-9):.0f} per second"
                ),
            ),
            ("Bootstrap", f"{evaluation.resamples} samples, seed {evaluation.seed}"),
        ),
        parts=tuple(parts),
        created=created,
        software=software,
    )


def _counted(evaluation: Evaluation) -> str:
    cohorts = [(result.cohort, result.patients) for result in evaluation.recurrence if result.subgroup is None]
    cohorts += [(result.cohort, result.patients) for result in evaluation.expression if result.subgroup is None]
    names = ", ".join(f"{cohort} ({patients})" for cohort, patients in cohorts)
    return f"{len(cohorts)} cohort{'s' if len(cohorts) != 1 else ''}: {names}"


def _summary(evaluation: Evaluation) -> Part:
    """The first page: a sentence for each cohort, those without a signal marked."""
    whole = [result for result in evaluation.recurrence if result.subgroup is None]
    first = [(result.cohort, result.has_signal, words.headline(result)) for result in whole]
    first += [
        (result.cohort, result.has_signal, words.headline(result))
        for result in evaluation.expression
        if result.subgroup is None
    ]
    blocks: list[Block] = [
        Text(f"{cohort}: {sentence}", is_warning=has_signal is not True) for cohort, has_signal, sentence in first
    ]
    if whole:
        blocks.append(_overview(whole))
        rows = [
            (_label(result.cohort, result.subgroup), result.events, result.harrell_c, result.subgroup is None)
            for result in evaluation.recurrence
        ]
        blocks.append(figures.forest_figure(rows, width=WIDTH, measure="Harrell's C"))
    if evaluation.expression:
        blocks.append(_expression_overview(evaluation.expression))
        auc = [
            (_label(result.cohort, result.subgroup), result.high, result.auc, result.subgroup is None)
            for result in evaluation.expression
        ]
        blocks.append(figures.forest_figure(auc, width=WIDTH, measure="AUC"))
    blocks += [Text(note.sentence, is_warning=note.severity is Severity.WARNING) for note in evaluation.notes]
    return Part("Summary", 1, tuple(blocks))


def _label(cohort: str, subgroup: tuple[str, str] | None) -> str:
    return cohort if subgroup is None else f"{subgroup[0]}: {subgroup[1]}"


def _overview(results: Sequence[RecurrenceResult]) -> TableBlock:
    """The table of all cohorts, one line each, at the last horizon."""
    last = results[0].horizons[-1].months
    return TableBlock(
        f"Cohorts. AUC, calibration and Brier score at {last:g} months; hazard ratio low against high risk.",
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


def _cohort(result: RecurrenceResult) -> Part:
    """Conclusions, figures and tables of one cohort."""
    blocks: list[Block] = [
        Text(sentence, is_warning=rank == 0 and result.has_signal is not True)
        for rank, sentence in enumerate(words.conclusions(result))
    ]
    size = (_HALF, 178.0)
    curves = [(f"{h.months:g} months", h.roc, h.auc) for h in result.horizons if h.roc is not None]
    marks = [(h.sensitivity, h.specificity) for h in result.horizons if h.roc is not None]
    blocks.append(
        FigureRow(
            (
                figures.survival_figure(result, size=size),
                figures.roc_figure(curves, marks, size=size, what="recurrence by a time, against none until then"),
            )
        )
    )
    last = result.horizons[-1]
    lower = [figures.calibration_figure(last, size=size)] if last.calibration else []
    decision = figures.decision_figure(last, size=size)
    lower += [] if decision is None else [decision]
    if lower:
        blocks.append(FigureRow(tuple(lower)))
    blocks += [_horizon_table(result), _group_table(result), _overall_table(result)]
    return Part(f"Cohort: {result.cohort}", 1, tuple(blocks), starts_page=True)


def _horizon_table(result: RecurrenceResult) -> TableBlock:
    """The measures of one cohort in lines, its horizons in columns."""
    rows: list[tuple[str, ...]] = []
    for name, cell in (
        ("Events / followed beyond", lambda h: f"{h.events} / {h.followed_beyond}"),
        ("Recurrence-free survival", lambda h: words.percent(h.survival)),
        ("AUC", lambda h: words.shown(h.auc)),
        ("Sensitivity at the cut-off", lambda h: words.shown(h.sensitivity)),
        ("Specificity at the cut-off", lambda h: words.shown(h.specificity)),
        ("Mean predicted risk", lambda h: f"{words.number(100 * h.predicted_risk, 1)} %"),
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
                limits = (low, high) if group.events and low == low else None
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
    pictures = [
        figures.survival_figure(result, size=(WIDTH / 3 - 8, 126.0), caption=_label(result.cohort, result.subgroup))
        for result in results
        if result.events
    ]
    blocks: list[Block] = [table]
    blocks += [FigureRow(tuple(pictures[at : at + 3])) for at in range(0, len(pictures), 3)]
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


def _expression(result: ExpressionResult) -> Part:
    """Conclusions, figures and table of one cohort for KRT7-AS."""
    blocks: list[Block] = [
        Text(sentence, is_warning=rank == 0 and result.has_signal is not True)
        for rank, sentence in enumerate(words.expression_conclusions(result))
    ]
    if result.roc is not None:
        blocks.append(
            FigureRow(
                (
                    figures.roc_figure(
                        [("high against low", result.roc, result.auc)],
                        [(result.sensitivity, result.specificity)],
                        size=(_HALF, 178.0),
                        what="high against low expression of KRT7-AS",
                    ),
                )
            )
        )
    return Part(f"Cohort: {result.cohort}", 1, tuple(blocks), starts_page=False)


def _withheld(found: WithheldGroups) -> Part:
    def share(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{words.number(100 * value, digits)} %"

    table = TableBlock(
        f"Risk-coverage curve, {found.refits} refits. Flips: refits that say the other group.",
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
    figure = figures.withheld_figure(found, size=(_HALF, 178.0))
    blocks = (Text(words.withheld(found)), FigureRow((figure,)), table, Text(words.WITHHELD_MEANS))
    return Part(f"Between the groups: {found.cohort}", 2, blocks)


def _methods(evaluation: Evaluation) -> Part:
    sentences = words.RECURRENCE_METHODS if evaluation.recurrence else words.EXPRESSION_METHODS
    return Part("How it was computed", 1, tuple(Text(sentence) for sentence in sentences))
