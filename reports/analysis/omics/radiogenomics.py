"""`Radiogenomics` → `AnalysisReport`: what is shown, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from models.number_words import counted
from models.omics.compared import ComparedRows
from models.omics.lncrna_screen import FeatureGenes, LncrnaScreen
from models.omics.over_representation import OverRepresentation
from models.omics.radiogenomics import GeneInDepth, Radiogenomics, ScoredSets
from models.statistics.estimate import Estimate, NotEstimable
from models.statistics.feature_tests import HitCount
from reports import wording
from reports.analysis.content import AnalysisReport, Block, Paragraph, Section
from reports.analysis.omics import charts, tables, words
from reports.feature_words import feature_label


def compose_radiogenomics(
    analysis: Radiogenomics, *, created: datetime, software: str, sources: tuple[tuple[str, str], ...]
) -> AnalysisReport:
    """Content of the report for a reader.

    Parameters
    ----------
    created : with its time zone
    software : name and version
    sources : (label, name) of the tables
    """
    patients, settings = analysis.patients, analysis.settings
    paragraphs = words.methods(analysis, software=software)
    sections = [_summary(analysis), _genes(analysis)]
    if analysis.cells is not None:
        sections.append(_sets(analysis, analysis.cells, "Cell types", "A5 to A7", "cell types", "cells"))
    if analysis.pathways is not None:
        sections.append(_sets(analysis, analysis.pathways, "Pathways", "A4", "pathways", "pathways"))
    sections += [_over_representation(analysis), _lncrnas(analysis), _matrix(analysis), *_depth(analysis)]
    sections.append(Section("Methods", tuple(Paragraph(one) for one in paragraphs)))
    return AnalysisReport(
        analysis="radiogenomics",
        title="Gene expression behind the score",
        subtitle=f"{counted(f'{len(patients):,}', 'patient')}, {counted(f'{len(analysis.kept):,}', 'expressed gene')}",
        strip=words.STRIP,
        notice=wording.NOTICE,
        facts=(
            *sources,
            ("Expression", patients.genes.made_from),
            ("Gene in depth", settings.gene),
            ("Threshold", f"{settings.alpha:g}, lists by {'FDR' if settings.selects_by_fdr else 'P'}"),
            ("Ties", str(settings.ties)),
        ),
        sections=tuple(sections),
        methods=paragraphs,
        result=_result(analysis),
        created=created,
        software=software,
    )


def _summary(analysis: Radiogenomics) -> Section:
    blocks: list[Block] = [*words.first_words(analysis), tables.counts_table(analysis)]
    if isinstance(analysis.lncrnas, LncrnaScreen):
        picture = charts.overview(analysis, analysis.lncrnas)
        blocks += [] if picture is None else [picture]
    blocks += [Paragraph(one) for one in analysis.remarks]
    return Section("Summary", tuple(blocks))


def _genes(analysis: Radiogenomics) -> Section:
    blocks: list[Block] = [
        Paragraph(words.compared_words(analysis.genes)),
        words.paper("genes"),
        charts.genes_volcano(
            analysis.genes,
            name="volcano-genes",
            alpha=analysis.settings.alpha,
            effect="log2 fold change, high − low risk",
            caption="Genes of high against low risk.",
        ),
        tables.compared_table(
            analysis.genes,
            name="genes",
            what="Gene",
            caption="Genes of high against low risk, smallest P first; means are of log2(TPM + 1).",
        ),
    ]
    picture = charts.genes_heatmap(analysis)
    blocks += [] if picture is None else [picture]
    return Section("Genes of high and low risk (A2)", tuple(blocks), starts_page=True)


def _sets(analysis: Radiogenomics, scored: ScoredSets, title: str, part: str, what: str, stem: str) -> Section:
    high = analysis.patients.is_high_risk
    blocks: list[Block] = [
        Paragraph(scored.scores.remark()),
        Paragraph(words.ONE_COHORT),
        Paragraph(words.compared_words(scored.by_risk)),
        Paragraph(f"Correlation with the score: {scored.with_score_count}."),
    ]
    if stem == "cells":
        blocks.append(words.paper("cells"))
    blocks += [
        charts.set_boxes(scored, scored.by_risk, high, name=f"{stem}-by-risk", what=what),
        tables.compared_table(
            scored.by_risk, name=f"{stem}-by-risk", what="Set", caption=f"{title} of high against low risk."
        ),
        tables.correlation_table(scored, name=f"{stem}-with-score", what=what, patients=len(analysis.patients)),
        tables.scores_table(
            scored,
            analysis.patients.identifiers,
            name=f"{stem}-scores",
            caption=f"Scores of the {what} in every patient.",
        ),
    ]
    return Section(f"{title} ({part})", tuple(blocks), starts_page=True)


def _over_representation(analysis: Radiogenomics) -> Section:
    found, title = analysis.over_representation, "Pathways among the differential genes (A3)"
    if isinstance(found, NotEstimable):
        return Section(title, (Paragraph(found.reason),))
    blocks: list[Block] = [Paragraph(f"Over-represented: {found.count}.")]
    blocks += [Paragraph(one) for one in found.remarks()]
    blocks += [
        charts.over_representation_dots(found, analysis.settings.alpha),
        tables.over_representation_table(found, analysis.genes.names),
    ]
    return Section(title, tuple(blocks), starts_page=True)


def _lncrnas(analysis: Radiogenomics) -> Section:
    screen, title = analysis.lncrnas, "Long non-coding RNAs and the score (C1, C2)"
    if isinstance(screen, NotEstimable):
        return Section(title, (Paragraph(screen.reason, is_warning=True),))
    blocks: list[Block] = [*words.screen_words(screen), words.paper("screen")]
    if not isinstance(screen.survival, NotEstimable):
        picture = charts.forest(analysis, screen, screen.survival)
        blocks += [] if picture is None else [picture]
    blocks.append(tables.screen_table(analysis, screen))
    return Section(title, tuple(blocks), starts_page=True)


def _matrix(analysis: Radiogenomics) -> Section:
    found, title = analysis.matrix, "Features and long non-coding RNAs (C4)"
    if isinstance(found, NotEstimable):
        return Section(title, (Paragraph(found.reason),))
    names = tuple(analysis.patients.genes.names[row] for row in found.rows)
    return Section(
        title,
        (
            Paragraph(f"{found.count}."),
            charts.feature_matrix(analysis, found, feature_label),
            tables.matrix_table(found, names, feature_label, len(analysis.patients)),
        ),
        starts_page=True,
    )


def _depth(analysis: Radiogenomics) -> Iterator[Section]:
    depth = analysis.depth
    if isinstance(depth, NotEstimable):
        yield Section(f"{analysis.settings.gene} in depth", (Paragraph(depth.reason, is_warning=True),))
        return
    gene = depth.groups.name
    yield Section(f"{gene} in depth", tuple(_survival_blocks(depth)), starts_page=True)
    yield Section(f"Features by {gene} (C6)", tuple(_feature_blocks(analysis, depth)), level=2)
    yield Section(f"Genes, cell types and pathways by {gene} (C7)", tuple(_set_blocks(analysis, depth)), level=2)


def _survival_blocks(depth: GeneInDepth) -> Iterator[Block]:
    groups = depth.groups
    yield Paragraph(groups.sentence())
    if groups.caution:
        yield Paragraph(groups.caution, is_warning=True)
    yield Paragraph(words.STEPS, is_warning=True)
    if isinstance(groups.survival, NotEstimable):
        yield Paragraph(groups.survival.reason, is_warning=True)
    else:
        yield from words.survival_words(groups.survival, groups.name)
        yield charts.survival_chart(groups, groups.survival)
    yield words.paper("survival")


def _feature_blocks(analysis: Radiogenomics, depth: GeneInDepth) -> Iterator[Block]:
    if isinstance(depth.features, NotEstimable):
        yield Paragraph(depth.features.reason)
        return
    yield Paragraph(words.compared_words(depth.features))
    yield words.paper("features")
    yield charts.feature_boxes(analysis, depth.features, depth.groups.is_high, feature_label)
    yield tables.compared_table(
        depth.features,
        name="features-by-gene",
        what="Feature",
        caption=f"Features of high against low {depth.groups.name}, standardised over the patients.",
        label=feature_label,
    )


def _set_blocks(analysis: Radiogenomics, depth: GeneInDepth) -> Iterator[Block]:
    gene = depth.groups.name
    yield Paragraph(words.compared_words(depth.genes))
    yield tables.compared_table(
        depth.genes,
        name="genes-by-gene",
        what="Gene",
        caption=f"Genes of high against low {gene}; {gene} is one of them.",
    )
    for scored, what, stem in ((analysis.cells, "cell types", "cells"), (analysis.pathways, "pathways", "pathways")):
        if scored is not None and scored.by_gene is not None:
            yield Paragraph(words.compared_words(scored.by_gene))
            yield charts.set_boxes(scored, scored.by_gene, depth.groups.is_high, name=f"{stem}-by-gene", what=what)
            yield tables.compared_table(
                scored.by_gene, name=f"{stem}-by-gene", what="Set", caption=f"{what.capitalize()} by {gene}."
            )
    if depth.enrichment is None:
        return
    found = depth.enrichment
    yield Paragraph(words.SAMPLED, is_warning=True)
    if found.partner is not None:
        yield Paragraph(
            f"{found.partner[0]}, on the other strand of {gene}, is at place {found.partner[1]:,} of "
            f"{len(found.statistics):,} in the ranking; {gene} itself is not in it."
        )
    yield charts.enrichment_walks(found, gene)
    names = tuple(depth.genes.names[row] for row in found.rows)
    yield tables.enrichment_table(found, names, gene)


def _result(analysis: Radiogenomics) -> dict[str, Any]:
    """Counts and decisions for programs; the numbers of every row are in the tables."""
    patients, settings = analysis.patients, analysis.settings
    depth = analysis.depth
    return {
        "patients": len(patients),
        "joined": vars(patients.joined),
        "events": patients.event_count,
        "cut_off": patients.cut_off,
        "high_risk": int(patients.is_high_risk.sum()),
        "settings": {
            "gene": settings.gene,
            "cut": settings.cut if isinstance(settings.cut, float) else str(settings.cut),
            "alpha": settings.alpha,
            "selects_by_fdr": settings.selects_by_fdr,
            "lowest_tpm": settings.rule.lowest_tpm,
            "smallest_share": settings.rule.smallest_share,
            "ties": str(settings.ties),
            "permutations": settings.permutations,
            "seed": settings.seed,
        },
        "genes_kept": len(analysis.kept),
        "genes": _compared(analysis.genes),
        "over_representation": _count(analysis.over_representation.count)
        if isinstance(analysis.over_representation, OverRepresentation)
        else {"reason": analysis.over_representation.reason},
        "cells": _scored(analysis.cells),
        "pathways": _scored(analysis.pathways),
        "lncrnas": _screened(analysis),
        "features_lncrnas": _count(analysis.matrix.count)
        if isinstance(analysis.matrix, FeatureGenes)
        else {"reason": analysis.matrix.reason},
        "gene_in_depth": {"reason": depth.reason} if isinstance(depth, NotEstimable) else _gene(depth),
        "remarks": list(analysis.remarks),
    }


def _count(count: HitCount) -> dict[str, Any]:
    return {
        "tested": count.tested,
        "hits": count.hits,
        "expected": count.expected,
        "discoveries": count.discoveries,
        "alpha": count.alpha,
    }


def _compared(compared: ComparedRows) -> dict[str, Any]:
    prior = compared.test.prior_degrees
    return {
        **_count(compared.count),
        "groups": compared.groups,
        "sizes": compared.sizes,
        "prior_degrees": "infinite" if prior == float("inf") else prior,
        "student_hits": compared.student.hits,
        "other_calls": compared.other_calls,
    }


def _scored(scored: ScoredSets | None) -> dict[str, Any] | None:
    if scored is None:
        return None
    return {
        "sets": len(scored.sets),
        "absent": scored.sets.absent,
        "ambiguous_symbols": scored.sets.ambiguous,
        "by_risk": _compared(scored.by_risk),
        "with_score": _count(scored.with_score_count),
        "by_gene": None if scored.by_gene is None else _compared(scored.by_gene),
    }


def _screened(analysis: Radiogenomics) -> dict[str, Any]:
    screen = analysis.lncrnas
    if isinstance(screen, NotEstimable):
        return {"reason": screen.reason}
    names = analysis.patients.genes.names
    survival = screen.survival
    return {
        "correlation": _count(screen.count),
        "selected": [names[screen.rows[one]] for one in screen.selected],
        "survival": {"reason": survival.reason} if isinstance(survival, NotEstimable) else _count(survival.count),
        "survival_of_all": None if isinstance(survival, NotEstimable) else _count(survival.count_of_all),
        "prognostic": [names[screen.rows[one]] for one in screen.prognostic],
    }


def _gene(depth: GeneInDepth) -> dict[str, Any]:
    groups, survival = depth.groups, depth.groups.survival
    found: dict[str, Any] = {
        "gene": groups.identifier,
        "name": groups.name,
        "cut_tpm": groups.cut_tpm,
        "cut": str(groups.cut),
        "low": groups.counts[0],
        "high": groups.counts[1],
        "genes": _compared(depth.genes),
        "features": {"reason": depth.features.reason}
        if isinstance(depth.features, NotEstimable)
        else _compared(depth.features),
    }
    if isinstance(survival, NotEstimable):
        return found | {"survival": {"reason": survival.reason}}
    ratio = survival.ratio
    return found | {
        "survival": {
            "hazard_ratio_low_against_high": ratio.value if isinstance(ratio, Estimate) else None,
            "interval": ratio.interval if isinstance(ratio, Estimate) else None,
            "p_log_rank": survival.test.p,
            "p_likelihood_ratio": survival.p_likelihood_ratio,
            "p_selected_cut": None if survival.selected is None else survival.selected.p_lausen94,
            "events": survival.events,
            "patients": survival.patients,
        }
    }
