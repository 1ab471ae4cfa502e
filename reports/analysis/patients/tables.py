"""Tables of the analysis of patients. Characteristics are texts as papers print them; effects are numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from models.number_words import counted
from models.patients.added_value import AddedValue
from models.patients.analyse import HORIZON_MONTHS, PatientSet
from models.patients.differential import DifferentialFeatures
from models.patients.study import PatientFlow
from models.patients.subgroups import Forest
from models.patients.table_one import Characteristic, FollowUp, NumberSummary, TableOne
from models.statistics.estimate import Estimate, Found, NotEstimable
from reports import numerals
from reports.analysis.content import Column, Format, Table, Value

# What the paper prints of its cohorts, as texts: they are never computed with.
PAPER_COHORTS: Final = {
    "training": ("698", "70 (10 %)", "44.7 (34.0–57.3)", "93.6 % (91.7–95.5)", "0.03 (0.02–0.06)"),
    "validation": ("171", "26 (15 %)", "40.4 (29.3–62.3)", "96.7 % (93.8–99.6)", "0.05 (0.01–0.23)"),
    "testing": ("244", "59 (24 %)", "39.9 (36.1–50.9)", "93.3 % (90.0–96.6)", "0.05 (0.02–0.19)"),
}

_INDENT = "\u00a0\u00a0\u00a0"  # levels below their characteristic


def estimate_cells(found: Found) -> tuple[float | None, float | None, float | None]:
    """Value and limits of an estimate, None for what does not exist."""
    if isinstance(found, NotEstimable):
        return None, None, None
    low, high = found.interval or (None, None)
    return found.value, low, high


def why_not(*found: Found) -> str:
    """The first reason why there is no estimate, "" where all exist."""
    return next((one.reason for one in found if isinstance(one, NotEstimable)), "")


def flow_table(flow: PatientFlow) -> Table:
    """Patients left out at each step, by reason."""
    rows: list[tuple[Value, ...]] = [("Recruited", "", None, flow.recruited)]
    for step in flow.steps:
        rows += [(step.title, reason, count, None) for reason, count in step.left_out]
        rows.append((step.title, "", None, step.remaining))
    columns = (
        Column("step", "Step"),
        Column("reason", "Left out because"),
        Column("left_out", "Left out", Format.COUNT),
        Column("remaining", "Remaining", Format.COUNT),
    )
    return Table("flow", "Patients at each step, and those left out before it.", columns, tuple(rows), 60)


def added_table(sets: Sequence[PatientSet]) -> Table:
    """Value that the score adds, one row for each set of patients."""
    rows: list[tuple[Value, ...]] = []
    for one in sets:
        added = one.added
        if isinstance(added, NotEstimable):
            rows.append((one.name, one.patients, one.events, *([None] * 8), added.reason))
            continue
        ratio = next(row.together for row in added.coefficients if row.term == "score")
        remark = "trained the model" if one.is_training else ""
        rows.append(
            (
                one.name,
                added.patients,
                added.events,
                added.beyond_clinical.p,
                *estimate_cells(ratio),
                added.c_clinical,
                *estimate_cells(added.difference),
                remark or why_not(ratio),
            )
        )
    columns = (
        Column("patients_set", "Patients"),
        Column("patients", "n", Format.COUNT, "Patients with every covariate known."),
        Column("events", "Events", Format.COUNT),
        Column("p", "P", Format.P, "Likelihood-ratio test of the score beyond the clinical covariates."),
        Column("hazard_ratio", "HR per SD", Format.DECIMAL, "Of the score, adjusted for the clinical covariates."),
        Column("hr_low", "95 % from", Format.DECIMAL),
        Column("hr_high", "to", Format.DECIMAL),
        Column("c_clinical", "C clinical", Format.FINE, "Harrell's C of the clinical covariates; apparent."),
        Column("c_difference", "ΔC", Format.FINE, "C with the score minus C without it, corrected for optimism."),
        Column("c_difference_low", "95 % from", Format.FINE),
        Column("c_difference_high", "to", Format.FINE),
        Column("remark", "Remark", on_paper=any(row[-1] for row in rows)),
    )
    caption = (
        "What the score adds beyond the clinical covariates, in each set of patients. P is of the likelihood-ratio "
        "test; ΔC is corrected for optimism by the bootstrap. In simulated cohorts with 90 events the interval of ΔC "
        "held the truth in 90 to 97 %; with fewer it was not measured: the evidence is P."
    )
    return Table("added-value", caption, columns, tuple(rows))


def coefficient_table(one: PatientSet, added: AddedValue, stem: str) -> Table:
    """Hazard ratios of the score and the covariates, alone and together."""
    rows = tuple(
        (
            row.term,
            f"{row.level} vs {row.reference}" if row.level else row.unit,
            *estimate_cells(row.alone),
            row.p_alone,
            *estimate_cells(row.together),
            row.p_together,
            why_not(row.together, row.alone),
        )
        for row in added.coefficients
    )
    columns = (
        Column("term", "Covariate"),
        Column("contrast", "Ratio of", meaning="Level against the reference level, or the step of a number."),
        Column("alone_hazard_ratio", "Alone: HR", Format.DECIMAL, "In a model with this covariate alone."),
        Column("alone_low", "95 % from", Format.DECIMAL),
        Column("alone_high", "to", Format.DECIMAL),
        Column("alone_p", "P", Format.P, "Likelihood-ratio test of the whole covariate."),
        Column("hazard_ratio", "Together: HR", Format.DECIMAL, "With all covariates and the score in one model."),
        Column("low", "95 % from", Format.DECIMAL),
        Column("high", "to", Format.DECIMAL),
        Column("p", "P", Format.P, "Likelihood-ratio test of the whole covariate beyond all others."),
        Column("remark", "Remark", on_paper=any(row[-1] for row in rows)),
    )
    caption = (
        f"{one.name}: hazard ratios alone and together ({counted(added.patients, 'patient')}, "
        f"{counted(added.events, 'event')}, {counted(added.parameters, 'coefficient')}). P is of the whole "
        "covariate, the same for all its levels."
    )
    return Table(f"cox-{stem}", caption, columns, rows, 40)


def hazards_table(one: PatientSet, added: AddedValue, stem: str) -> Table | None:
    """Tests of proportional hazards; None where there are none."""
    if added.hazards is None:
        return None
    rows: list[tuple[Value, ...]] = [(term, test.statistic, test.degrees, test.p) for term, test in added.hazards.terms]
    together = added.hazards.together
    rows.append(("all together", together.statistic, together.degrees, together.p))
    columns = (
        Column("term", "Covariate"),
        Column("chi_square", "Chi-square", Format.DECIMAL),
        Column("degrees", "Degrees of freedom", Format.COUNT),
        Column("p", "P", Format.P),
    )
    caption = f"{one.name}: does a hazard ratio change over the follow-up? A small P says that it does."
    return Table(f"proportional-hazards-{stem}", caption, columns, tuple(rows))


def forest_table(one: PatientSet, forest: Forest, stem: str) -> Table:
    """Hazard ratios in the subgroups, with the interaction P of each column."""
    interaction = {row.column: row for row in forest.interactions}
    rows = []
    for row in forest.rows:
        test = interaction.get(row.column)
        rows.append(
            (
                row.column or "all patients",
                row.level,
                row.patients,
                row.events,
                row.high,
                *estimate_cells(row.by_score),
                *estimate_cells(row.low_against_high),
                row.group_p,
                None if test is None or test.test is None else test.test.p,
                why_not(row.by_score, row.low_against_high),
            )
        )
    columns = (
        Column("column", "Subgroup"),
        Column("level", "Level"),
        Column("patients", "n", Format.COUNT),
        Column("events", "Events", Format.COUNT),
        Column("high_risk", "High risk", Format.COUNT, "Patients of high risk."),
        Column("hazard_ratio", "HR per SD", Format.DECIMAL, "Per standard deviation of the score in all patients."),
        Column("low", "95 % from", Format.DECIMAL),
        Column("high", "to", Format.DECIMAL),
        Column("group_hazard_ratio", "HR low vs high", Format.FINE, "Low against high risk, as the paper prints it."),
        Column("group_low", "95 % from", Format.FINE),
        Column("group_high", "to", Format.FINE),
        Column("group_p", "P", Format.P, "Likelihood-ratio test of the risk groups."),
        Column("interaction_p", "Interaction P", Format.P, "Does the effect of the score differ between the levels?"),
        Column("remark", "Remark", on_paper=False),
    )
    return Table(
        f"subgroups-{stem}",
        f"{one.name}: the score and its risk groups in subgroups; the reference of the groups is high risk. – : not "
        "estimable, the remark in the CSV file says why.",
        columns,
        tuple(rows),
        60,
    )


def feature_table(found: DifferentialFeatures) -> Table:
    """Every tested feature, smallest P first."""
    order = sorted(range(len(found.names)), key=lambda at: (found.p[at], found.names[at]))
    rows = tuple(
        (
            found.names[at],
            float(found.effects[at]),
            float(found.low_limits[at]),
            float(found.high_limits[at]),
            float(found.statistics[at]),
            float(found.p[at]),
            float(found.fdr[at]),
            float(found.student_p[at]),
            float(found.student_fdr[at]),
            float(found.mean_high[at]),
            float(found.mean_low[at]),
            found.high,
            found.low,
        )
        for at in order
    )
    columns = (
        Column("feature", "Feature"),
        Column("effect", "Difference", Format.DECIMAL, f"Mean of high minus low risk; scale: {found.scale}."),
        Column("low", "95 % from", Format.DECIMAL),
        Column("high", "to", Format.DECIMAL),
        Column("t", "t", Format.DECIMAL, "Moderated t."),
        Column("p", "P", Format.P, "Moderated t test."),
        Column("fdr", "FDR", Format.P, "Benjamini-Hochberg, moderated t test."),
        Column("student_p", "t test P", Format.P, "Student's t test."),
        Column("student_fdr", "t test FDR", Format.P, on_paper=False),
        Column("mean_high_risk", "Mean, high risk", Format.NUMBER, on_paper=False),
        Column("mean_low_risk", "Mean, low risk", Format.NUMBER, on_paper=False),
        Column("n_high_risk", "n, high risk", Format.COUNT, on_paper=False),
        Column("n_low_risk", "n, low risk", Format.COUNT, on_paper=False),
    )
    return Table("features-high-vs-low", "Features of high against low risk, smallest P first.", columns, rows, 15)


def cohort_table(sets: Sequence[PatientSet]) -> Table:
    """Follow-up and survival of each set, with what the paper prints of its cohorts of the same names."""
    rows: list[tuple[Value, ...]] = []
    for one in sets:
        everyone = one.forest.rows[0]
        rows.append(
            (
                one.name,
                "here",
                f"{one.patients:,}",
                f"{everyone.high} ({100 * everyone.high / one.patients:.0f} %)",
                follow_up_shown(one.follow_up),
                percent_shown(one.survival),
                ratio_shown(everyone.low_against_high),
            )
        )
        if one.name.lower() in PAPER_COHORTS:
            rows.append((one.name, "paper", *PAPER_COHORTS[one.name.lower()]))
    columns = (
        Column("cohort", "Patients"),
        Column("source", "From"),
        Column("patients", "n"),
        Column("high_risk", "High risk"),
        Column("follow_up", "Follow-up, months", meaning="Median (quartiles), reverse Kaplan-Meier."),
        Column("rfs", f"RFS at {HORIZON_MONTHS:g} months", meaning="Kaplan-Meier, 95 % limits by Wilson."),
        Column("hazard_ratio", "HR low vs high"),
    )
    return Table(
        "cohorts",
        "Follow-up, survival and risk groups; the reference of the hazard ratio is high risk. Rows called paper are "
        "what the paper prints of its own patients: they are no result of these.",
        columns,
        tuple(rows),
    )


def characteristics_table(table: TableOne, *, name: str) -> Table:
    """A table of characteristics as papers print it."""
    columns = (
        Column("characteristic", "Characteristic"),
        *(
            Column(f"group_{place}", f"{group} (n = {count:,})")
            for place, (group, count) in enumerate(zip(table.groups, table.patients, strict=True), start=1)
        ),
        Column("p", "P", Format.P, "Fisher's exact test, or Welch's test of means."),
        Column("rank_p", "Rank P", Format.P, "Wilcoxon's rank-sum test, Kruskal-Wallis of more groups."),
        Column("difference", "Std. diff.", Format.DECIMAL, "Standardised difference, the largest of all pairs."),
    )
    rows: list[tuple[Value, ...]] = []
    if table.follow_up:
        shown = (follow_up_shown(one) for one in table.follow_up)
        rows.append(("follow-up, months: median (quartiles)", *shown, None, None, None))
        events = (_share(one.events, one.patients) for one in table.follow_up)
        rows.append(("events", *events, None, None, None))
    for row in table.rows:
        rows += _characteristic_rows(row, table.patients)
    methods = sorted({row.fisher_method for row in table.rows if row.fisher_method})
    fisher = f" Fisher's test: {' or '.join(methods)}." if methods else ""
    return Table(
        name,
        f"Characteristics by {table.by}. Numbers: mean (SD); median [quartiles]. Categories: patients (%), of those "
        f"known.{fisher}",
        columns,
        tuple(rows),
        80,
    )


def _characteristic_rows(row: Characteristic, patients: tuple[int, ...]) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = []
    if row.levels:
        known = [count - lacking for count, lacking in zip(patients, row.missing, strict=True)]
        rows.append((row.name, *([""] * len(patients)), row.fisher_p, None, _difference(row)))
        rows += [
            (
                f"{_INDENT}{level}",
                *(_share(count, whole) for count, whole in zip(counts, known, strict=True)),
                None,
                None,
                None,
            )
            for level, counts in zip(row.levels, row.counts, strict=True)
        ]
    else:
        rows.append((row.name, *map(_number, row.numbers), row.mean_p, row.rank_p, _difference(row)))
    if any(row.missing):
        rows.append((f"{_INDENT}not known", *(str(count) for count in row.missing), None, None, None))
    return rows


def _difference(row: Characteristic) -> Value:
    return "∞" if row.difference is not None and math.isinf(row.difference) else row.difference


def _number(one: NumberSummary) -> str:
    if one.mean is None or one.median is None:
        return "–"
    deviation = "" if one.deviation is None else f" ({_digits(one.deviation)})"
    quartiles = (
        ""
        if one.lower_quartile is None or one.upper_quartile is None
        else (f" [{_digits(one.lower_quartile)}, {_digits(one.upper_quartile)}]")
    )
    return f"{_digits(one.mean)}{deviation}; {_digits(one.median)}{quartiles}"


def _digits(value: float) -> str:
    """Three significant digits, whole parts complete; a power of ten for very small ones."""
    if 0 < abs(value) < 0.01:
        return numerals.number(value)
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{places}f}"


def _share(count: int, whole: int) -> str:
    return f"{count} ({100 * count / whole:.0f} %)" if whole else "–"


def follow_up_shown(one: FollowUp) -> str:
    """ "44.7 (34.0–57.3)"; a quartile that is not reached as "not reached"."""
    if one.median is None:
        return "not reached"
    quartiles = (
        "not reached" if limit is None else f"{limit:.1f}" for limit in (one.lower_quartile, one.upper_quartile)
    )
    return f"{one.median:.1f} ({'–'.join(quartiles)})"


def ratio_shown(found: Found) -> str:
    """ "0.05 (0.02–0.19)", "–" where there is none."""
    if not isinstance(found, Estimate):
        return "–"
    digits = 2 if found.value >= 0.1 else 3
    limits = "" if found.interval is None else f" ({found.interval[0]:.{digits}f}–{found.interval[1]:.{digits}f})"
    return f"{found.value:.{digits}f}{limits}"


def percent_shown(found: Found) -> str:
    """ "93.6 % (91.7–95.5)", "–" where there is none."""
    if not isinstance(found, Estimate):
        return "–"
    limits = "" if found.interval is None else f" ({100 * found.interval[0]:.1f}–{100 * found.interval[1]:.1f})"
    return f"{100 * found.value:.1f} %{limits}"
