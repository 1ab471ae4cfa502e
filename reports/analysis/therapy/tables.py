"""Tables of a therapy analysis."""

from __future__ import annotations

from collections import Counter

import numpy as np

from models.number_words import counted
from models.therapy.design import LISTS, Comparison
from models.therapy.results import ComparedFeatures, TherapyAnalysis
from reports.analysis.content import Column, Format, Table, Value
from reports.analysis.therapy import words
from reports.feature_words import take_apart

OTHER = "other"


def counts_table(analysis: TherapyAnalysis) -> Table:
    """Numbers of hits of the five comparisons and of the overlap, beside chance and the paper."""
    alpha = analysis.settings.alpha
    has_chance = analysis.settings.permutations > 0
    is_ours = words.is_radiomic(analysis.names)
    columns = [
        Column("comparison", "Comparison"),
        Column("patients", "Patients"),
        Column("tested", "Features tested", Format.COUNT, on_paper=False),
        Column("hits", f"P < {alpha:g}", Format.COUNT),
        Column("expected", "Expected by chance", Format.COUNT, "Threshold × features tested; lists: if independent"),
        Column("fdr_hits", f"FDR < {alpha:g}", Format.COUNT, "Benjamini-Hochberg over the features tested"),
    ]
    if has_chance:
        columns += [
            Column("permutation_median", "Permuted, median", Format.COUNT),
            Column("permutation_p95", "Permuted, 95 %", Format.COUNT, "95th percentile of the permutations"),
            Column("permutation_p", "Permutation P", Format.P),
        ]
    if is_ours:
        columns.append(Column("paper", "Paper", Format.COUNT, "Number in the paper, of other patients; not our result"))
    rows = []
    for comparison, compared in analysis.comparisons.items():
        count, chance = compared.count, compared.chance
        row: list[Value] = [
            words.SHORT[comparison],
            words.groups_words(compared),
            count.tested,
            count.hits,
            count.expected,
            count.discoveries,
        ]
        if has_chance:
            row += [None, None, None] if chance is None else [chance.median, chance.upper, chance.p]
        if is_ours:
            row.append(words.PAPER.get(comparison))
        rows.append(tuple(row))
    overlap = analysis.overlap
    last: list[Value] = ["in all four lists", "", len(analysis.names), overlap.features, overlap.expected, None]
    if has_chance and overlap.response is not None:
        last += [overlap.response.median, overlap.response.upper, overlap.response.p]
    elif has_chance:
        last += [None, None, None]
    if is_ours:
        last.append(words.PAPER_OVERLAP)
    rows.append(tuple(last))
    caption = f"Features at P < {alpha:g}, beside what chance gives."
    if has_chance:
        caption += (
            " Permutations: labels shuffled (the rows of responders vs not, and the overlap), examinations of a "
            "patient swapped (change in a group)."
        )
    if is_ours:
        caption += (
            " Paper: not our result, but of 1,726 features in its own 72 responders and 55 non-responders; its "
            "threshold is inferred."
        )
    return Table("counts", caption, tuple(columns), tuple(rows))


def patients_tables(analysis: TherapyAnalysis) -> tuple[Table, ...]:
    """Patients who were analysed, and those who were not and why, by identifier."""
    patients = analysis.patients
    by_category = Counter(patients.responses.categories)
    analysed = Table(
        "patients",
        f"Patients analysed, by response ({patients.responses.scale}).",
        (Column("response", "Response"), Column("group", "Group"), Column("patients", "Patients", Format.COUNT)),
        tuple(
            (category, "responder" if _responded(analysis, category) else "non-responder", number)
            for category, number in sorted(by_category.items())
        ),
    )
    if not patients.left_out:
        return (analysed,)
    reasons = Table(
        "patients-left-out-reasons",
        f"{counted(len(patients.left_out), 'patient')} of the three tables left out; nothing was filled in.",
        (Column("reason", "Reason"), Column("patients", "Patients", Format.COUNT)),
        tuple((str(reason), number) for reason, number in patients.reasons().items()),
    )
    named = Table(
        "patients-left-out",
        "Each of them, as the tables call them.",
        (Column("id", "Identifier"), Column("reason", "Reason"), Column("response", "Response")),
        tuple((one.identifier, str(one.reason), one.category or None) for one in patients.left_out),
        rows_on_paper=60,
    )
    return (analysed, reasons, named)


def _responded(analysis: TherapyAnalysis, category: str) -> bool:
    responses = analysis.patients.responses
    return bool(responses.responded[responses.categories.index(category)])


def features_table(analysis: TherapyAnalysis, compared: ComparedFeatures) -> Table:
    """Every feature of a comparison, smallest P first."""
    comparison = compared.comparison
    is_paired = comparison.is_paired
    means = (
        (Column("mean_after", "Mean after", Format.NUMBER), Column("mean_before", "Mean before", Format.NUMBER))
        if is_paired
        else (
            Column("mean_responders", "Mean, responders", Format.NUMBER),
            Column("mean_non_responders", "Mean, others", Format.NUMBER),
        )
    )
    unit = words.effect_words(analysis.settings.scale)
    columns = [
        Column("feature", "Feature name", on_paper=False),
        Column("label", "Feature"),
        Column("effect", f"Difference, {unit}", Format.NUMBER, _direction(comparison)),
        Column("low", "95 % from", Format.NUMBER),
        Column("high", "to", Format.NUMBER),
        Column("t", "t", Format.DECIMAL, "Moderated t statistic", on_paper=False),
        Column("p", "P", Format.P),
        Column("fdr", "FDR", Format.P, "Benjamini-Hochberg over the features tested"),
        *means,
        Column("n", "n", Format.COUNT, "Patients, or pairs", on_paper=False),
    ]
    if compared.unadjusted is not None:
        columns.append(Column("p_unadjusted", "P unadjusted", Format.P, "Without covariates and blocks"))
    if comparison in LISTS:
        columns.append(Column("in_all_four", "In all four", Format.TEXT, on_paper=False))
    test, intervals = compared.test, compared.test.intervals
    rows = []
    for one in compared.order:
        row: list[Value] = [
            analysis.names[one],
            words.label(analysis.names[one]),
            float(test.effects[one]),
            float(intervals[one, 0]),
            float(intervals[one, 1]),
            float(test.statistics[one]),
            float(test.p[one]),
            float(compared.fdr[one]),
            float(compared.first_means[one]),
            float(compared.second_means[one]),
            sum(compared.patients),
        ]
        if compared.unadjusted is not None:
            row.append(float(compared.unadjusted[one]))
        if comparison in LISTS:
            row.append(bool(analysis.overlap.is_common[one]))
        rows.append(tuple(row))
    return Table(
        comparison.value,
        f"Features by P. {_direction(comparison)} Means in the unit of the feature.",
        tuple(columns),
        tuple(rows),
        rows_on_paper=15,
    )


def _direction(comparison: Comparison) -> str:
    if comparison.is_paired:
        return "Difference: after − before."
    if comparison is Comparison.CHANGE:
        return "Difference of the changes (after − before): responders − non-responders."
    return "Difference: responders − non-responders."


def overlap_table(analysis: TherapyAnalysis) -> Table:
    """Features in all four lists, with their direction in each and the direct question beside."""
    common = np.flatnonzero(analysis.overlap.is_common)
    change = analysis.comparisons[Comparison.CHANGE]
    columns = [Column("feature", "Feature name", on_paper=False), Column("label", "Feature")]
    columns += [
        Column(f"effect_{one.value.replace('-', '_')}", words.PART[one], Format.DECIMAL, words.TITLES[one])
        for one in LISTS
    ]
    columns += [
        Column("p_change", "P of change by response", Format.P, "The direct question"),
        Column("fdr_change", "FDR of that", Format.P, "Over all features tested"),
    ]
    rows = []
    for one in common[np.argsort(change.test.p[common], kind="stable")]:
        effects = [float(analysis.comparisons[name].test.effects[one]) for name in LISTS]
        rows.append(
            (
                analysis.names[one],
                words.label(analysis.names[one]),
                *effects,
                float(change.test.p[one]),
                float(change.fdr[one]),
            )
        )
    return Table(
        "overlap",
        f"Features in all four lists: differences in {words.effect_words(analysis.settings.scale)} in each list (B1 "
        "before, B2 after, B3 change in responders, B4 change in non-responders), and the direct question. They were "
        "selected by these tests.",
        tuple(columns),
        tuple(rows),
        rows_on_paper=40,
    )


def classes_table(analysis: TherapyAnalysis) -> Table:
    """Numbers of features by sequence and class, in each list and in all four (Table S5 of the paper)."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place, name in enumerate(analysis.names):
        parts = take_apart(name)
        key = (
            (OTHER, OTHER)
            if parts is None
            else (parts.sequence.label, "diagnostics" if parts.image == "diagnostics" else parts.family)
        )
        groups.setdefault(key, []).append(place)
    total = len(analysis.names)
    share = analysis.overlap.features / total
    rows: list[tuple[Value, ...]] = []
    for (sequence, family), members in groups.items():
        chosen = np.array(members)
        hits = [int(np.count_nonzero(analysis.comparisons[one].is_hit[chosen])) for one in LISTS]
        common = int(np.count_nonzero(analysis.overlap.is_common[chosen]))
        rows.append((sequence, family, len(members), *hits, common, share * len(members)))
    columns = (
        Column("sequence", "Sequence"),
        Column("class", "Class"),
        Column("features", "Features", Format.COUNT),
        *(Column(one.value.replace("-", "_"), words.PART[one], Format.COUNT, words.TITLES[one]) for one in LISTS),
        Column("all_four", "All four", Format.COUNT),
        Column("all_four_expected", "Expected", Format.DECIMAL, "If the overlap took every class by its size"),
    )
    return Table(
        "classes",
        f"Features at P < {analysis.settings.alpha:g} by sequence and class. Expected: the class's share of the "
        "overlap by its number of features.",
        columns,
        tuple(sorted(rows, key=_by_overlap)),
        rows_on_paper=30,
    )


def _by_overlap(row: tuple[Value, ...]) -> tuple[int, int]:
    """Key that sorts classes by their features in all four lists, then by their size."""
    common, features = row[-2], row[2]
    assert isinstance(common, int)
    assert isinstance(features, int)
    return -common, -features


def correlations_table(analysis: TherapyAnalysis) -> Table:
    """Mean size of the correlations before and after."""
    found = analysis.correlation
    assert found is not None
    rows = tuple(
        (
            name,
            group.patients,
            group.mean_before,
            group.mean_after,
            group.noise,
            group.mean_before - group.noise,
            group.mean_after - group.noise,
            group.tested_change,
            group.p,
        )
        for name, group in (("responders", found.responders), ("non-responders", found.non_responders))
    )
    return Table(
        "correlations",
        f"Mean |ρ| (Spearman) over all pairs of {counted(f'{len(analysis.names):,}', 'feature')}, and beyond what "
        f"noise gives with so many patients. Change and P: {counted(found.tested_features, 'feature')} drawn at "
        f"random, examinations of a patient swapped in {found.permutations:,} permutations.",
        (
            Column("group", "Group"),
            Column("patients", "Patients", Format.COUNT),
            Column("before", "Before", Format.NUMBER),
            Column("after", "After", Format.NUMBER),
            Column("noise", "Noise", Format.NUMBER, "sqrt(2 / (π (n - 1)))"),
            Column("before_beyond", "Before, beyond noise", Format.NUMBER),
            Column("after_beyond", "After, beyond noise", Format.NUMBER),
            Column("change", "Change", Format.NUMBER),
            Column("p", "P", Format.P),
        ),
        rows,
    )
