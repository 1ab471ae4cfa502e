"""Comparisons of two packages on the same patients: the parts of the report, and the table for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.csv_table import lines
from models.evaluation.results import Comparison, Difference, Evaluation
from models.statistics.estimate import Estimate, Found
from reports.evaluation import words
from reports.evaluation.content import Block, FigureRow, Part, TableBlock, Text
from reports.figures.chart import Chart, file_name
from reports.figures.decision_curve import decision_curve_chart, decision_ends

_MEASURES = {"harrell_c": "Harrell's C", "auc": "AUC", "integrated_brier": "Integrated Brier score"}
COMPARISON_METHODS = (
    "Two packages are compared on the patients whom both can score. The interval of a difference in C or AUC is made "
    "of the intervals of both and the correlation of the estimates (Newcombe 1998, Zou and Donner 2008); that of "
    "integrated Brier scores is of the mean difference of the patients' losses, with Student's t of the events: in "
    "simulated cohorts of 60 to 400 patients with five events or more it held the truth in 91 to 99.6 of 100. A "
    "positive difference in C or AUC, a negative one in the Brier score, favours the first."
)


def compared_parts(evaluation: Evaluation) -> list[Part]:
    """A part for each other package; none where there is no comparison."""
    others = list(dict.fromkeys(one.other for one in evaluation.comparisons))
    model = evaluation.model
    parts = []
    for other in others:
        found = [one for one in evaluation.comparisons if one.other == other]
        first = f"{model.name} {model.version}"
        second = f"{other.name} {other.version}"
        blocks: list[Block] = [Text(f"{first} less {second}. {COMPARISON_METHODS}")]
        blocks += [Text(sentence) for one in found if one.subgroup is None for sentence in _sentences(one)]
        blocks.append(_table(found))
        charts = [chart for one in found for chart in _charts(one, first, second)]
        blocks += [FigureRow(tuple(charts[at : at + 2])) for at in range(0, len(charts), 2)]
        parts.append(Part(f"Compared with {second}", 1, tuple(blocks), starts_page=True))
    return parts


def comparison_csv(evaluation: Evaluation) -> bytes:
    """One line for each cohort or subgroup, other package and measure; an empty cell where there is no number."""
    header = (
        *("cohort", "subgroup_column", "subgroup_value", "first", "second", "patients", "events", "measure", "months"),
        *("first_value", "second_value", "difference", "low", "high", "method"),
    )
    return "".join(lines([header, *_rows(evaluation)])).encode()


def _rows(evaluation: Evaluation) -> Iterator[tuple[str | float | None, ...]]:
    for one in evaluation.comparisons:
        column, value = one.subgroup or ("", "")
        for found in one.differences:
            low, high = _interval(found.difference)
            yield (
                *(one.cohort, column, value, evaluation.model.digest, one.other.digest, one.patients, one.events),
                *(found.measure, found.months, _value(found.first), _value(found.second), _value(found.difference)),
                *(low, high, _how(found.difference)),
            )


def _value(found: Found) -> float | None:
    return found.value if isinstance(found, Estimate) else None


def _interval(found: Found) -> tuple[float | None, float | None]:
    if not isinstance(found, Estimate) or found.interval is None:
        return None, None
    return found.interval


def _how(found: Found) -> str:
    return found.method if isinstance(found, Estimate) else found.reason


def _sentences(one: Comparison) -> Iterator[str]:
    """Sentences on which of the two is better, for a whole cohort."""
    for found in one.differences:
        if found.measure != "integrated_brier" and isinstance(found.difference, Estimate) and found.difference.interval:
            low, high = found.difference.interval
            verdict = "the first is better" if low > 0 else "the first is worse" if high < 0 else "not shown to differ"
            yield f"{one.cohort}, {_name(found)}: {words.shown(found.difference, beside=0)}, {verdict}."


def _name(found: Difference) -> str:
    name = _MEASURES[found.measure]
    return name if found.months is None else f"{name} at {found.months:g} months"


def _table(comparisons: Sequence[Comparison]) -> TableBlock:
    rows = []
    for one in comparisons:
        for found in one.differences:
            digits = 4 if found.measure == "integrated_brier" else 3
            rows.append(
                (
                    words.group_name(one.cohort, one.subgroup),
                    f"{one.events} / {one.patients}",
                    _name(found),
                    _bare(found.first, digits),
                    _bare(found.second, digits),
                    words.shown(found.difference, digits),
                )
            )
    return TableBlock(
        "Differences on the same patients, with 95 % intervals.",
        ("Group", "Events / patients", "Measure", "First", "Second", "First less second"),
        tuple(rows),
    )


def _bare(found: Found, digits: int) -> str:
    return words.number(found.value, digits) if isinstance(found, Estimate) else "–"


def _charts(one: Comparison, first: str, second: str) -> Iterator[Chart]:
    """Both packages in one decision curve at each horizon, of whole cohorts."""
    if one.subgroup is not None or not one.decisions:
        return
    ends = decision_ends([curve for found in one.decisions for curve in (found.first, found.second)])
    for found in one.decisions:
        at = "" if found.months is None else f", {found.months:g} months"
        yield decision_curve_chart(
            [(first, found.first), (second, found.second)],
            name=file_name(f"decision-curve-compared-{second}-{one.cohort}{at}"),
            what="probability of high expression" if found.months is None else f"risk at {found.months:g} months",
            title=f"{one.cohort}{at}",
            ends=ends,
        )
