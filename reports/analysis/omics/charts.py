"""Charts of a radiogenomic analysis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from models.constant import varies
from models.number_words import agreeing, counted
from models.omics.compared import ComparedRows
from models.omics.gene_groups import GeneGroups, GroupSurvival
from models.omics.lncrna_screen import FeatureGenes, LncrnaScreen, Survival
from models.omics.over_representation import OverRepresentation
from models.omics.prerank import running_sum
from models.omics.radiogenomics import Enrichment, Radiogenomics, ScoredSets
from models.omics.tpm import log2_tpm
from models.statistics.clustering import Clustering, cluster
from models.statistics.estimate import Estimate, Found, NotEstimable
from models.statistics.feature_tests import Scale, scale_features
from reports.analysis.cells import p_shown
from reports.analysis.content import PAGE_MM
from reports.analysis.omics import words
from reports.figures.boxes import BoxRows, boxes
from reports.figures.chart import Chart
from reports.figures.dots import DotRows, dots
from reports.figures.forest import ForestRow, forest_chart
from reports.figures.heatmap import MOST_LABELS, Track, heatmap, risk_track
from reports.figures.kaplan_meier import SurvivalGroup, kaplan_meier_chart
from reports.figures.labelled_matrix import NamedMatrix, labelled_matrix
from reports.figures.volcano import VolcanoPoints, volcano
from reports.figures.walks import Walk, walks

_MOST_ROWS = 400  # of a heatmap
_MOST_BOXES, _MOST_DOTS, _MOST_WALKS, _MOST_FOREST = 30, 20, 6, 30
_MOST_ROWS_OF_MATRIX, _MOST_COLUMNS_OF_MATRIX = 40, 30
_MOST_CATEGORIES = 8
_TRACKS = ("stage", "pTNM", "subtype")


def tracks(analysis: Radiogenomics) -> tuple[Track, ...]:
    """Annotation bars: risk group, and clinical columns with few categories."""
    found = [risk_track(analysis.patients.is_high_risk.tolist())]
    for name in _TRACKS:
        cells = analysis.patients.clinical.get(name)
        if cells is not None and 2 <= len({one for one in cells if one}) <= _MOST_CATEGORIES:
            found.append(Track(name, cells))
    return tuple(found)


def genes_volcano(compared: ComparedRows, *, name: str, alpha: float, effect: str, caption: str) -> Chart:
    """Effect against P."""
    return volcano(
        name,
        VolcanoPoints(compared.test.effects, compared.test.p, compared.fdr, compared.names),
        effect=effect,
        alpha=alpha,
        caption=caption,
        alternative=compared.sentence(),
        width_mm=PAGE_MM / 2,
    )


def genes_heatmap(analysis: Radiogenomics) -> Chart | None:
    """Differential genes in all patients; None with fewer than two."""
    rows = analysis.genes.order[analysis.genes.is_hit[analysis.genes.order]][:_MOST_ROWS]
    if rows.size < 2:
        return None
    values = log2_tpm(analysis.patients.genes.tpm[analysis.kept[rows]])
    hits = analysis.genes.count.hits
    shown = counted(f"{hits:,}", "gene")
    shown = shown if rows.size == hits else f"the first {rows.size:,} of {shown}"
    labelled = "" if rows.size <= MOST_LABELS else " Too many rows for labels; they are in the table."
    return heatmap(
        "heatmap-genes",
        cluster(values),
        [analysis.genes.names[row] for row in rows],
        tracks(analysis),
        caption=f"{shown[:1].upper() + shown[1:]} at P < {analysis.settings.alpha:g}: z-scores of log2(TPM + 1) in "
        f"{counted(len(analysis.patients), 'patient')}, clipped at ±3.{labelled} {words.CONSTRUCTED}",
        alternative=f"Heatmap of {shown}. {analysis.genes.sentence()}",
        width_mm=PAGE_MM,
    )


def set_boxes(
    scored: ScoredSets, compared: ComparedRows, is_second: NDArray[np.bool_], *, name: str, what: str
) -> Chart:
    """Sets with the smallest P, both groups."""
    order = compared.order[:_MOST_BOXES]
    values = scored.scores.scores[order]
    keeps = varies(values, axis=1)
    order, values = order[keeps], values[keeps]
    shown = what if len(order) == len(compared.names) else f"the {len(order)} {what} with the smallest P"
    rows = BoxRows(
        [compared.names[row] for row in order],
        scale_features(values, Scale.Z),
        is_second,
        compared.fdr[order],
        compared.groups,
    )
    return boxes(
        name,
        rows,
        axis="score, z over the patients",
        caption=f"{shown[:1].upper() + shown[1:]}: {compared.groups[0]} and {compared.groups[1]}.",
        alternative=compared.sentence(),
        width_mm=PAGE_MM,
    )


def feature_boxes(
    analysis: Radiogenomics, compared: ComparedRows, is_high: NDArray[np.bool_], label: Callable[[str], str]
) -> Chart:
    """Features with the smallest P by the gene, both groups (the paper's Fig. 6b)."""
    place = {name: row for row, name in enumerate(analysis.patients.feature_names)}
    order = compared.order[:_MOST_BOXES]
    values = analysis.patients.features[[place[compared.names[row]] for row in order]]
    shown = (
        counted(len(order), "feature")
        if len(order) == len(compared.names)
        else f"The {len(order)} of {counted(f'{len(compared.names):,}', 'feature')} with the smallest P"
    )
    rows = BoxRows(
        [label(compared.names[row]) for row in order],
        scale_features(values, Scale.Z),
        is_high,
        compared.fdr[order],
        compared.groups,
    )
    return boxes(
        "features-by-gene",
        rows,
        axis="feature, z over the patients",
        caption=f"{shown}: {compared.groups[0]} and {compared.groups[1]}.",
        alternative=compared.sentence(),
        width_mm=PAGE_MM,
    )


def over_representation_dots(found: OverRepresentation, alpha: float) -> Chart:
    """Pathways with the smallest P."""
    count = min(_MOST_DOTS, len(found.names))
    rows = DotRows(
        found.names[:count],
        found.ratios[:count],
        found.hits[:count],
        found.fdr[:count] < alpha,
        [f"{found.hits[row]} of {found.sizes[row]}, P {p_shown(float(found.p[row]))}" for row in range(count)],
    )
    return dots(
        "over-representation",
        rows,
        axis="differential genes in the pathway, observed over expected",
        alpha=alpha,
        caption=f"The {count} pathways with the smallest P of over-representation; expected is 1 (dotted).",
        alternative="; ".join(f"{name}: {text}" for name, text in zip(rows.names, rows.words, strict=True)),
        width_mm=PAGE_MM,
    )


def forest(analysis: Radiogenomics, screen: LncrnaScreen, survival: Survival) -> Chart | None:
    """Hazard ratios of the prognostic lncRNAs, else of all selected; None where none has a ratio."""
    chosen = screen.prognostic if screen.prognostic.size else screen.selected
    place = {int(position): number for number, position in enumerate(screen.selected)}
    rows = []
    for position in chosen[:_MOST_FOREST].tolist():
        number = place[position]
        low, high = (float(one) for one in survival.per_sd.intervals[number])
        ratio = float(survival.per_sd.hazard_ratios[number])
        found: Found = NotEstimable("no ratio")
        shown = "no ratio"
        if np.isfinite(ratio) and np.isfinite(low) and np.isfinite(high):
            found = Estimate(ratio, (low, high), "Cox, Wald interval")
            p = p_shown(float(survival.per_sd.p_likelihood_ratio[number]))
            shown = f"{ratio:.2f} ({low:.2f}–{high:.2f}), P {p}, FDR {p_shown(float(survival.fdr[number]))}"
        gene = int(screen.rows[position])
        counts = f"{int(screen.non_zero[position])}"
        rows.append(ForestRow(analysis.patients.genes.names[gene], counts, found, shown, is_main=False))
    if not any(isinstance(row.estimate, Estimate) for row in rows):
        return None
    kind = "prognostic" if screen.prognostic.size else "selected"
    caption = (
        f"Cox models of the {len(rows)} {kind} lncRNAs of {len(screen.selected)} selected by their correlation with "
        "the score on the same patients; lines are 95 % intervals."
    )
    drawn = forest_chart(
        rows,
        name="forest-lncrnas",
        heads=("lncRNA", "Expressed in", "HR per SD (95 %), LRT P, FDR"),
        axis="hazard ratio per standard deviation",
        caption=caption,
        reference=1.0,
        is_ratio=True,
        width_mm=PAGE_MM,
    )
    return replace(drawn, caption=caption)  # rows are genes, not the cohorts and subgroups of other forests


def feature_matrix(analysis: Radiogenomics, found: FeatureGenes, label: Callable[[str], str]) -> Chart:
    """Features × lncRNAs, the features with the strongest correlations where there are many."""
    order = np.argsort(found.p.min(axis=1), kind="stable")[:_MOST_ROWS_OF_MATRIX]
    columns = np.arange(len(found.rows))[:_MOST_COLUMNS_OF_MATRIX]
    if len(order) > 2:
        order = order[cluster_order(found.rho[order])]
    names = [analysis.patients.genes.names[row] for row in found.rows[columns]]
    shown = (
        counted(len(order), "feature")
        if len(order) == len(found.features)
        else f"the {len(order)} of {counted(f'{len(found.features):,}', 'feature')} with the smallest P"
    )
    genes = counted(len(names), "lncRNA")
    return labelled_matrix(
        "features-lncrnas",
        NamedMatrix(
            [label(found.features[row]) for row in order],
            names,
            found.rho[np.ix_(order, columns)],
            found.fdr[np.ix_(order, columns)],
        ),
        caption=f"Spearman's correlations of {shown} with {genes}; light is positive, dark negative.",
        alternative=f"Matrix of {shown} and {genes}: {found.count}.",
        width_mm=PAGE_MM,
    )


def cluster_order(rho: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows in the order of complete linkage."""
    return np.asarray(leaves_list(linkage(rho, "complete")), dtype=np.intp)


def overview(analysis: Radiogenomics, screen: LncrnaScreen) -> Chart | None:
    """One column for each patient by ascending score, with the selected lncRNAs (the paper's Fig. 5a)."""
    chosen = (screen.prognostic if screen.prognostic.size else screen.selected)[:_MOST_FOREST]
    if chosen.size < 1:
        return None
    rows = screen.rows[chosen]
    values = log2_tpm(analysis.patients.genes.tpm[rows])
    order = np.argsort(analysis.patients.scores, kind="stable")
    z = scale_features(values, Scale.Z)
    shape = Clustering(z, None, None, np.arange(len(rows)), order)
    events = analysis.patients.events
    bars = [*tracks(analysis)]
    if analysis.patients.is_followed.any():
        state = np.where(np.isnan(events), "", np.where(events == 1, "recurrence", "none"))
        bars.append(Track("Event", tuple(state.tolist())))
    genes = counted(len(rows), "lncRNA")
    return heatmap(
        "overview",
        shape,
        [analysis.patients.genes.names[row] for row in rows],
        bars,
        caption=f"Patients by ascending score, from left to right; {genes} as z-scores of log2(TPM + 1). "
        f"The {agreeing(len(rows), 'lncRNA was selected by its', 'lncRNAs were selected by their')} correlation with "
        "the score.",
        alternative=f"{counted(len(analysis.patients), 'patient')} by score with {genes}.",
        width_mm=PAGE_MM,
    )


def survival_chart(groups: GeneGroups, survival: GroupSurvival) -> Chart:
    """Kaplan-Meier curves of low and high expression."""
    notes = [f"log-rank P {p_shown(survival.test.p)}, likelihood ratio P {p_shown(survival.p_likelihood_ratio)}"]
    if survival.selected is not None:
        notes = [f"P of the selected cut, Lausen's correction: {p_shown(survival.selected.p_lausen94)}"]
    low, high = groups.counts
    return kaplan_meier_chart(
        [
            SurvivalGroup(f"low {groups.name} ({low})", survival.low, lambda theme: theme.low),
            SurvivalGroup(f"high {groups.name} ({high})", survival.high, lambda theme: theme.high),
        ],
        name="survival-by-gene",
        caption=f"Recurrence-free survival by {groups.name}, {counted(survival.events, 'event')}.",
        months=(12.0, 24.0, 36.0),
        notes=notes,
        width_mm=PAGE_MM * 0.75,
    )


def enrichment_walks(found: Enrichment, gene: str) -> Chart:
    """Walks of the pathways with the smallest P of camera."""
    order = np.argsort(found.camera.p, kind="stable")[:_MOST_WALKS].tolist()
    ranking = np.argsort(-found.statistics, kind="stable")
    place = np.empty_like(ranking)
    place[ranking] = np.arange(ranking.size)
    panels = [
        Walk(
            found.sets.names[row],
            f"NES {found.walk.normalised[row]:.2f}, camera P {p_shown(float(found.camera.p[row]))}",
            running_sum(found.statistics, found.sets.members[row]),
            np.sort(place[found.sets.members[row]]),
        )
        for row in order
    ]
    return walks(
        "enrichment",
        panels,
        axis=f"genes, from higher to lower with {gene}",
        caption=f"Running sums of the {len(panels)} pathways with the smallest P of camera; each tick is a gene of the "
        "pathway.",
        alternative="; ".join(f"{panel.title}: {panel.note}" for panel in panels),
        width_mm=PAGE_MM,
    )
