"""Tables of a radiogenomic analysis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.number_words import counted
from models.omics.compared import ComparedRows
from models.omics.lncrna_screen import FeatureGenes, LncrnaScreen
from models.omics.over_representation import OverRepresentation
from models.omics.radiogenomics import Enrichment, Radiogenomics, ScoredSets
from models.statistics.estimate import NotEstimable
from reports.analysis.content import Column, Format, Table, Value

_MOST_CELLS = 20_000  # of the matrix of features and lncRNAs; a list of features keeps it small
_P = (Column("p", "P", Format.P), Column("fdr", "FDR", Format.P))


def counts_table(analysis: Radiogenomics) -> Table:
    """Every list with its number of hits, the number expected by chance, and the number below the FDR."""
    rows = []
    found = [("genes, high against low risk", "A2", analysis.genes.count)]
    for part, what, scored in (("A4", "pathways", analysis.pathways), ("A7", "cell types", analysis.cells)):
        if scored is not None:
            found.append((f"{what}, high against low risk", part, scored.by_risk.count))
            found.append((f"{what}, correlation with the score", "A6", scored.with_score_count))
    if not isinstance(analysis.over_representation, NotEstimable):
        found.append(("pathways, over-represented", "A3", analysis.over_representation.count))
    if isinstance(analysis.lncrnas, LncrnaScreen):
        found.append(("lncRNAs, correlation with the score", "C1", analysis.lncrnas.count))
        if not isinstance(analysis.lncrnas.survival, NotEstimable):
            found.append(("of these, survival", "C2", analysis.lncrnas.survival.count))
            found.append(("all lncRNAs, survival", "C2", analysis.lncrnas.survival.count_of_all))
    if isinstance(analysis.matrix, FeatureGenes):
        found.append(("features × lncRNAs", "C4", analysis.matrix.count))
    if not isinstance(analysis.depth, NotEstimable):
        gene = analysis.depth.groups.name
        found.append((f"genes, high against low {gene}", "C7", analysis.depth.genes.count))
        if not isinstance(analysis.depth.features, NotEstimable):
            found.append((f"features, high against low {gene}", "C6", analysis.depth.features.count))
    for what, part, count in found:
        rows.append((what, part, count.tested, count.hits, count.expected, count.discoveries))
    return Table(
        "counts",
        f"Every list at P < {analysis.settings.alpha:g}: its hits, the hits that chance alone gives on average, and "
        "those at a false discovery rate below the same threshold. Tests of one list are correlated, so that numbers "
        "by chance vary far more than independent ones.",
        (
            Column("list", "List"),
            Column("part", "In the paper"),
            Column("tested", "Tested", Format.COUNT),
            Column("hits", "Hits", Format.COUNT),
            Column("expected", "By chance", Format.DECIMAL),
            Column("discoveries", "FDR", Format.COUNT),
        ),
        tuple(rows),
    )


def compared_table(
    compared: ComparedRows, *, name: str, what: str, caption: str, label: Callable[[str], str] = str
) -> Table:
    """Rows of a comparison, smallest P first."""
    limits = compared.test.intervals
    has_label = label is not str
    rows: list[tuple[Value, ...]] = []
    for row in compared.order.tolist():
        name_of = compared.names[row]
        numbers = (
            float(compared.first_means[row]),
            float(compared.second_means[row]),
            float(compared.test.effects[row]),
            float(limits[row, 0]),
            float(limits[row, 1]),
            float(compared.test.statistics[row]),
            float(compared.test.p[row]),
            float(compared.fdr[row]),
            sum(compared.sizes),
        )
        rows.append((name_of, *((label(name_of),) if has_label else ()), *numbers))
    labelled = (Column("label", what),) if has_label else ()
    columns = (
        Column("name", what, on_paper=not has_label),
        *labelled,
        Column("mean_first", f"Mean, {compared.groups[0]}", Format.NUMBER),
        Column("mean_second", f"Mean, {compared.groups[1]}", Format.NUMBER),
        Column("effect", "Difference", Format.NUMBER, "second minus first group"),
        Column("low", "95 % from", Format.NUMBER),
        Column("high", "to", Format.NUMBER),
        Column("t", "t", Format.DECIMAL, "moderated t", on_paper=False),
        *_P,
        Column("n", "n", Format.COUNT, on_paper=False),
    )
    return Table(name, caption, columns, tuple(rows))


def correlation_table(scored: ScoredSets, *, name: str, what: str, patients: int) -> Table:
    """Correlations of set scores with the score."""
    order = np.argsort(scored.with_score.p, kind="stable").tolist()
    return Table(
        name,
        f"Spearman's correlation of {what} with the score: {scored.with_score_count}.",
        (
            Column("set", "Set"),
            Column("genes", "Genes found", Format.COUNT),
            Column("genes_in_set", "of", Format.COUNT),
            Column("rho", "ρ", Format.DECIMAL),
            *_P,
            Column("n", "n", Format.COUNT, on_paper=False),
        ),
        tuple(
            (
                scored.sets.names[row],
                len(scored.sets.members[row]),
                scored.sets.sizes[row],
                float(scored.with_score.effects[row]),
                float(scored.with_score.p[row]),
                float(scored.with_score_fdr[row]),
                patients,
            )
            for row in order
        ),
    )


def scores_table(scored: ScoredSets, identifiers: tuple[str, ...], *, name: str, caption: str) -> Table:
    """Scores of every patient, raw and over the range of the cohort."""
    raw, scaled = scored.scores.scores, scored.scores.scaled
    rows: list[tuple[Value, ...]] = [
        (identifier, one, float(raw[row, column]), float(scaled[row, column]))
        for column, identifier in enumerate(identifiers)
        for row, one in enumerate(scored.sets.names)
    ]
    return Table(
        name,
        caption,
        (
            Column("id", "Patient"),
            Column("set", "Set"),
            Column("score", "Score", Format.NUMBER),
            Column("scaled", "Over the range", Format.NUMBER, "for display; another patient or set changes all"),
        ),
        tuple(rows),
        rows_on_paper=5,
        rows_in_html=200,
    )


def over_representation_table(found: OverRepresentation, names: tuple[str, ...]) -> Table:
    """Sets with at least one differential gene."""
    rows = tuple(
        (
            found.names[row],
            int(found.hits[row]),
            found.drawn,
            int(found.sizes[row]),
            found.universe,
            float(found.ratios[row]),
            float(found.p[row]),
            float(found.fdr[row]),
            "yes" if found.repeats[row] else "",
            " ".join(names[gene] for gene in found.hit_genes[row]),
        )
        for row in range(len(found.names))
    )
    return Table(
        "over-representation",
        f"Pathways among the differential genes: {found.count}.",
        (
            Column("pathway", "Pathway"),
            Column("hits", "Hits", Format.COUNT),
            Column("drawn", "of", Format.COUNT),
            Column("size", "Genes", Format.COUNT),
            Column("universe", "Universe", Format.COUNT, on_paper=False),
            Column("ratio", "Observed / expected", Format.DECIMAL),
            *_P,
            Column("repeats", "Same hits as above", Format.TEXT, "Another pathway above has the same selected genes."),
            Column("genes", "Differential genes", on_paper=False),
        ),
        rows,
    )


def screen_table(analysis: Radiogenomics, screen: LncrnaScreen) -> Table:
    """Every lncRNA of the screen, with its Cox model where it was selected."""
    table, patients = analysis.patients.genes, len(analysis.patients)
    place = {int(position): number for number, position in enumerate(screen.selected)}
    survival = None if isinstance(screen.survival, NotEstimable) else screen.survival
    rows = []
    for row in np.argsort(screen.correlation.p, kind="stable").tolist():
        gene, chosen = int(screen.rows[row]), place.get(row)
        cox: tuple[Value, ...] = (None,) * 7
        if chosen is not None and survival is not None:
            limits, groups = survival.per_sd.intervals[chosen], survival.groups
            cox = (
                float(survival.per_sd.hazard_ratios[chosen]),
                float(limits[0]),
                float(limits[1]),
                float(survival.per_sd.p_likelihood_ratio[chosen]),
                float(survival.fdr[chosen]),
                "yes" if survival.per_sd.is_separated[chosen] else "",
                float(np.exp(groups.coefficients[chosen] / groups.spreads[chosen]))
                if np.isfinite(groups.coefficients[chosen])
                else None,
            )
        rows.append(
            (
                table.identifiers[gene],
                table.names[gene],
                int(screen.non_zero[row]),
                float(screen.correlation.effects[row]),
                float(screen.correlation.p[row]),
                float(screen.fdr[row]),
                *cox,
                patients,
            )
        )
    return Table(
        "lncrnas",
        "Long non-coding RNAs by their correlation with the score. Hazard ratios are per standard deviation of "
        "log2(TPM + 1), above 1 a worse outcome with more expression; P of Cox is of the likelihood ratio.",
        (
            Column("gene", "Identifier", on_paper=False),
            Column("gene_name", "Name"),
            Column("non_zero", "Expressed in", Format.COUNT, "patients with a value above zero"),
            Column("rho", "ρ", Format.DECIMAL),
            *_P,
            Column("hazard_ratio", "HR per SD", Format.DECIMAL),
            Column("hr_low", "95 % from", Format.DECIMAL),
            Column("hr_high", "to", Format.DECIMAL),
            Column("cox_p", "P, Cox", Format.P),
            Column("cox_fdr", "FDR, Cox", Format.P),
            Column("separated", "Separated", Format.TEXT, "The gene separates patients: no ratio.", on_paper=False),
            Column("hr_groups", "HR high against low", Format.DECIMAL, "above the median against the others", False),
            Column("n", "n", Format.COUNT, on_paper=False),
        ),
        tuple(rows),
    )


def matrix_table(found: FeatureGenes, names: tuple[str, ...], label: Callable[[str], str], patients: int) -> Table:
    """Every cell of the matrix, smallest P first."""
    order = np.argsort(found.p, axis=None, kind="stable")
    shown = f"Spearman's correlations of features with lncRNAs: {found.count}."
    if order.size > _MOST_CELLS:
        order = order[:_MOST_CELLS]
        shown += f" The {order.size:,} of {counted(f'{found.p.size:,}', 'cell')} with the smallest P."
    cells: list[tuple[Value, ...]] = []
    for feature, gene in zip(*(one.tolist() for one in np.unravel_index(order, found.p.shape)), strict=True):
        numbers = (float(found.rho[feature, gene]), float(found.p[feature, gene]), float(found.fdr[feature, gene]))
        cells.append((found.features[feature], label(found.features[feature]), names[gene], *numbers, patients))
    return Table(
        "features-lncrnas",
        shown,
        (
            Column("feature", "Feature", on_paper=False),
            Column("label", "Feature"),
            Column("gene_name", "lncRNA"),
            Column("rho", "ρ", Format.DECIMAL),
            *_P,
            Column("n", "n", Format.COUNT, on_paper=False),
        ),
        tuple(cells),
    )


def enrichment_table(found: Enrichment, gene_names: tuple[str, ...], gene: str) -> Table:
    """Pathways along the ranking, by camera's P."""
    rows = tuple(
        (
            found.sets.names[row],
            int(found.walk.sizes[row]),
            "up" if found.camera.statistics[row] > 0 else "down",
            float(found.camera.p[row]),
            float(found.camera.fdr[row]),
            float(found.walk.scores[row]),
            float(found.walk.normalised[row]),
            float(found.walk.p[row]),
            float(found.walk.fdr[row]),
            " ".join(gene_names[one] for one in found.walk.leading_edges[row]),
        )
        for row in np.argsort(found.camera.p, kind="stable").tolist()
    )
    return Table(
        "enrichment",
        f"Pathways along all genes ranked by high against low {gene}.",
        (
            Column("pathway", "Pathway"),
            Column("size", "Genes", Format.COUNT),
            Column("direction", "With the gene"),
            Column("camera_p", "P, camera", Format.P),
            Column("camera_fdr", "FDR", Format.P),
            Column("es", "ES", Format.DECIMAL, on_paper=False),
            Column("nes", "NES", Format.DECIMAL),
            Column("prerank_p", "P, preranked", Format.P, "too small: ignores that genes are correlated"),
            Column("prerank_fdr", "FDR, preranked", Format.P, on_paper=False),
            Column("leading_edge", "Leading edge", on_paper=False),
        ),
        rows,
    )
