"""Charts of a therapy analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.number_words import counted
from models.statistics.clustering import cluster
from models.therapy.design import LISTS, Comparison
from models.therapy.results import ComparedFeatures, TherapyAnalysis
from reports.analysis.cells import p_shown
from reports.analysis.content import PAGE_MM
from reports.analysis.therapy import words
from reports.figures.chance import ChanceRow, chance
from reports.figures.chart import Chart
from reports.figures.heatmap import MOST_LABELS, Track, heatmap
from reports.figures.matrices import Matrix, matrices
from reports.figures.slopes import SlopePanel, slopes
from reports.figures.upset import UpSetColumn, upset
from reports.figures.volcano import VolcanoPoints, volcano

_HALF_MM = 86.0
_MOST_ROWS = 800  # of a heatmap
_PANELS = 6
_COLUMNS = 12  # intersections of the UpSet plot


def chance_chart(analysis: TherapyAnalysis) -> Chart:
    """Observed numbers of hits beside the permutations."""
    rows = []
    for comparison, compared in analysis.comparisons.items():
        assert compared.chance is not None
        rows.append(
            ChanceRow(
                words.SHORT[comparison],
                compared.count.hits,
                compared.count.expected,
                compared.chance.drawn,
                f"P = {p_shown(compared.chance.p)}",
            )
        )
    overlap = analysis.overlap
    assert overlap.response is not None
    rows.append(
        ChanceRow(
            "in all four lists",
            overlap.features,
            overlap.expected,
            overlap.response.drawn,
            f"P = {p_shown(overlap.response.p)}",
        )
    )
    return chance(
        "chance",
        rows,
        caption=f"Features at P < {analysis.settings.alpha:g} (dots) beside {analysis.settings.permutations:,} "
        "permutations: bar 5 to 95 %, tick median, line to the largest. Features are correlated, so that numbers vary "
        "far more than those of independent features (diamond: expected mean).",
        alternative="; ".join(f"{row.label}: {row.observed}, expected {row.expected:.1f}, {row.words}" for row in rows),
        width_mm=PAGE_MM,
    )


def volcano_chart(analysis: TherapyAnalysis, compared: ComparedFeatures) -> Chart:
    """Effects against P of one comparison."""
    comparison = compared.comparison
    unit = words.effect_words(analysis.settings.scale)
    difference = "after − before" if comparison.is_paired else "responders − non-responders"
    return volcano(
        f"volcano-{comparison.value}",
        VolcanoPoints(
            compared.test.effects, compared.test.p, compared.fdr, [words.label(name) for name in analysis.names]
        ),
        effect=f"{difference}, {unit}",
        alpha=analysis.settings.alpha,
        caption=f"{words.TITLES[comparison]}. Dashed: P = {analysis.settings.alpha:g}; dotted: the least P with a "
        "false discovery rate below it, where there is one.",
        alternative=words.count_words(compared),
        width_mm=_HALF_MM,
    )


def heatmap_chart(
    analysis: TherapyAnalysis, compared: ComparedFeatures, tracks: Mapping[str, Sequence[str]]
) -> Chart | None:
    """The hits of one comparison in all its examinations; None with fewer than two.

    Parameters
    ----------
    tracks : annotation bars besides the response, one text for each patient
    """
    values, patients, times = _examinations(analysis, compared.comparison)
    rows = compared.order[compared.is_hit[compared.order]][:_MOST_ROWS]
    rows = rows[varies(values[rows], axis=1)] if rows.size else rows
    if rows.size < 2:
        return None
    groups = np.where(analysis.patients.responded, "responder", "non-responder")
    bars = []
    if times:
        bars.append(Track("Examination", tuple(times)))
    else:
        bars.append(Track("Response", tuple(groups[patients].tolist())))
    if analysis.patients.responses.scale.value == "RECIST":
        categories = np.array(analysis.patients.responses.categories)
        bars.append(Track("RECIST", tuple(categories[patients].tolist())))
    for name, texts in tracks.items():
        bars.append(Track(name, tuple(np.array(texts)[patients].tolist())))
    hits = compared.count.hits
    shown = counted(f"{rows.size:,}", "feature") + ("" if rows.size == hits else f" of {hits:,}")
    labelled = "" if rows.size <= MOST_LABELS else " Too many rows for labels; they are in the table."
    return heatmap(
        f"heatmap-{compared.comparison.value}",
        cluster(values[rows]),
        [words.label(analysis.names[row]) for row in rows],
        bars,
        caption=f"{words.TITLES[compared.comparison]}: {shown} at P < {analysis.settings.alpha:g}, z-scores over "
        f"{counted(len(patients), 'examination')}, clipped at ±3.{labelled} {words.CLUSTERED}",
        alternative=f"Heatmap of {shown} in {counted(len(patients), 'examination')}. {words.count_words(compared)}",
        width_mm=PAGE_MM,
    )


def _examinations(
    analysis: TherapyAnalysis, comparison: Comparison
) -> tuple[NDArray[np.float64], NDArray[np.intp], list[str]]:
    """Values (features, examinations) of a comparison, the patient of each, and its time where that is compared."""
    patients = analysis.patients
    place = {name: at for at, name in enumerate(patients.names)}
    tested = [place[name] for name in analysis.names]
    before, after = patients.before[tested], patients.after[tested]
    everybody = np.arange(before.shape[1])
    if comparison is Comparison.BEFORE:
        return before, everybody, []
    if comparison is Comparison.AFTER:
        return after, everybody, []
    if comparison is Comparison.CHANGE:
        return after - before, everybody, []
    is_responders = comparison is Comparison.RESPONDERS
    chosen = everybody[patients.responded if is_responders else ~patients.responded]
    both = np.hstack([before[:, chosen], after[:, chosen]])
    return both, np.tile(chosen, 2), ["before"] * len(chosen) + ["after"] * len(chosen)


def slopes_chart(analysis: TherapyAnalysis) -> Chart:
    """Values of single patients for the features with the smallest P of the direct question."""
    change = analysis.comparisons[Comparison.CHANGE]
    place = {name: at for at, name in enumerate(analysis.patients.names)}
    panels = []
    for one in change.order[:_PANELS]:
        row = place[analysis.names[one]]
        panels.append(
            SlopePanel(
                words.label(analysis.names[one]),
                f"change by response: P = {p_shown(float(change.test.p[one]))}"
                + (f", FDR {p_shown(float(change.fdr[one]))}" if change.count.tested > 1 else ""),
                analysis.patients.before[row],
                analysis.patients.after[row],
                analysis.patients.responded,
            )
        )
    several = change.count.tested > 1
    chosen = (
        f"The {counted(len(panels), 'feature')} with the smallest P of the direct question, selected for it: other "
        "patients will show less."
        if several
        else "Every patient."
    )
    return slopes(
        "slopes",
        panels,
        ("responders", "non-responders"),
        caption=f"Each thin line is a patient, from before to after therapy; the thick line joins the means. {chosen}",
        alternative="; ".join(f"{panel.title}: {panel.note}" for panel in panels),
        width_mm=PAGE_MM,
    )


def upset_chart(analysis: TherapyAnalysis) -> Chart:
    """Intersections of the four lists; the one of all four is always there."""
    inside = [one for one in analysis.overlap.intersections if one.lists]
    shown = inside[:_COLUMNS]
    everything = next(one for one in inside if len(one.lists) == len(LISTS))
    if everything not in shown:
        shown = [*shown[:-1], everything]
    columns = [UpSetColumn(tuple(LISTS.index(name) for name in one.lists), one.features, one.expected) for one in shown]
    return upset(
        "upset",
        [(words.SHORT[one], analysis.comparisons[one].count.hits) for one in LISTS],
        columns,
        caption="Intersections of the four lists: features in the lists with a dot and in no other. Diamonds: expected "
        "if the lists were independent. The black column is the overlap of all four.",
        alternative="; ".join(
            f"{' and '.join(words.SHORT[name] for name in one.lists)}: {one.features}, expected {one.expected:.1f}"
            for one in shown
        ),
        width_mm=PAGE_MM,
    )


def matrices_chart(analysis: TherapyAnalysis) -> Chart:
    """Correlations before and after in both groups, and their difference."""
    found = analysis.correlation
    assert found is not None
    rows = [
        (
            Matrix(f"{name}, before", group.before),
            Matrix(f"{name}, after", group.after),
            Matrix(f"{name}, after − before", group.after - group.before),
        )
        for name, group in (("Responders", found.responders), ("Non-responders", found.non_responders))
    ]
    cells = (
        ""
        if found.features_per_cell == 1
        else f" Each cell is the mean over {found.features_per_cell} × {found.features_per_cell} features."
    )
    return matrices(
        "correlations",
        rows,
        caption=f"Spearman's correlations among {counted(f'{len(analysis.names):,}', 'feature')}, all in the order of "
        f"complete linkage on all patients before therapy.{cells} Lightness rises with ρ: dark −1, grey 0, light 1.",
        alternative=words.correlation_words(analysis),
        width_mm=PAGE_MM,
    )
