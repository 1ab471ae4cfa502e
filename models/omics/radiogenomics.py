"""Radiogenomics of a cohort: genes, cell types and pathways by risk group; lncRNAs of the score; one lncRNA in depth.

The analyses are those of the paper's phase 3 (`A2` to `C7`). Every count has its expectation by chance beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.errors import CohortRejected
from models.omics.camera import Camera, camera_of
from models.omics.compared import ALPHA, ComparedRows, compare_rows
from models.omics.gene_groups import Cut, GeneGroups, gene_groups
from models.omics.gene_sets import MatchedSets, SetFile, match_sets
from models.omics.lncrna_screen import FeatureGenes, LncrnaScreen, correlate_features, screen_lncrnas
from models.omics.over_representation import LARGEST, SMALLEST, OverRepresentation, over_represented
from models.omics.patients import RnaPatients
from models.omics.prerank import PERMUTATIONS, Prerank, prerank
from models.omics.set_scores import SetScores, Ties, gsva, ssgsea
from models.omics.tpm import ExpressionFilter, log2_tpm
from models.progress import Tell, silent
from models.statistics.estimate import NotEstimable
from models.statistics.feature_tests import (
    FeatureTests,
    HitCount,
    Scale,
    benjamini_hochberg,
    count_hits,
    scale_features,
    spearman,
)
from models.statistics.followed import Floats

RISK = ("low risk", "high risk")
GENE = "KRT7-AS"


@dataclass(frozen=True)
class RadiogenomicsSettings:
    """Settings of the analysis.

    Attributes
    ----------
    gene : long non-coding RNA that is looked at in depth, by identifier or name
    cut : between its low and high expression: a rule, or a TPM
    rule : filter of genes
    alpha : threshold of P and of false discovery rates
    selects_by_fdr : lists that are carried on (differential genes, lncRNAs) by false discovery rate instead of P
    features : names of the features of the matrix and of the comparison by gene; all when None
    ties : places of tied genes in scores of sets
    permutations, seed : of preranked enrichment
    """

    gene: str = GENE
    cut: Cut | float = Cut.MEDIAN
    rule: ExpressionFilter = field(default_factory=ExpressionFilter)
    alpha: float = ALPHA
    selects_by_fdr: bool = False
    features: tuple[str, ...] | None = None
    ties: Ties = Ties.MEAN
    permutations: int = PERMUTATIONS
    seed: int = 1


@dataclass(frozen=True, eq=False)
class ScoredSets:
    """Scores of sets (cell types or pathways) and their comparison by risk group.

    Attributes
    ----------
    sets : as matched with the genes
    scores : of the sets in the patients
    by_risk : high against low risk
    with_score : Spearman's correlation with the score, its false discovery rates and hits
    by_gene : high against low expression of the gene in depth; None without that gene
    """

    sets: MatchedSets
    scores: SetScores
    by_risk: ComparedRows
    with_score: FeatureTests
    with_score_fdr: Floats
    with_score_count: HitCount
    by_gene: ComparedRows | None


@dataclass(frozen=True, eq=False)
class Enrichment:
    """Pathways along the genes ranked by high against low expression of one gene.

    Attributes
    ----------
    sets : as matched with the ranked genes
    walk : preranked enrichment; its P ignores that genes are correlated
    camera : the competitive test that allows for it
    rows : int64 (genes,), ranked genes as rows of the kept genes
    statistics : float64 (genes,), moderated t they are ranked by
    partner : gene on the other strand, with its place (from 1) in the ranking; None where there is none
    """

    sets: MatchedSets
    walk: Prerank
    camera: Camera
    rows: NDArray[np.int64]
    statistics: Floats
    partner: tuple[str, int] | None


@dataclass(frozen=True, eq=False)
class GeneInDepth:
    """Everything about one gene.

    Attributes
    ----------
    groups : high and low expression, with survival
    features : features of high against low expression; or why there are none
    genes : all kept genes of high against low expression
    enrichment : of pathways; None without pathways
    """

    groups: GeneGroups
    features: ComparedRows | NotEstimable
    genes: ComparedRows
    enrichment: Enrichment | None


@dataclass(frozen=True, eq=False)
class Radiogenomics:
    """Results of the analysis.

    Attributes
    ----------
    kept : int64 (genes,), rows of the genes that the filter keeps and that vary
    genes : differential genes, high against low risk (A2)
    over_representation : of pathways among the differential genes (A3); or why there is none
    pathways, cells : scores of sets and their comparisons (A4; A5 to A7); None without such sets
    lncrnas : screen (C1, C2); or why there is none
    matrix : features × selected lncRNAs (C4); or why there is none
    depth : the gene in depth (C5 to C7); or why there is none
    remarks : sentences about tables and sets
    """

    patients: RnaPatients
    settings: RadiogenomicsSettings
    kept: NDArray[np.int64]
    genes: ComparedRows
    over_representation: OverRepresentation | NotEstimable
    pathways: ScoredSets | None
    cells: ScoredSets | None
    lncrnas: LncrnaScreen | NotEstimable
    matrix: FeatureGenes | NotEstimable
    depth: GeneInDepth | NotEstimable
    remarks: tuple[str, ...]


def analyse_radiogenomics(
    patients: RnaPatients,
    *,
    cells: Sequence[SetFile] = (),
    pathways: Sequence[SetFile] = (),
    settings: RadiogenomicsSettings | None = None,
    tell: Tell = silent,
) -> Radiogenomics:
    """Runs every analysis that the tables allow.

    Raises
    ------
    CohortRejected
        When no gene passes the filter, a named feature is not there, or no set has a gene.
    """
    options = settings or RadiogenomicsSettings()
    table = patients.genes
    keeps = options.rule.keeps(table.tpm)
    keeps[keeps] = varies(table.tpm[keeps], axis=1)
    kept = np.flatnonzero(keeps).astype(np.int64)
    if kept.size < 2:
        raise CohortRejected(
            f"{options.rule.sentence(kept.size, len(table))} At least two are needed; lower the filter."
        )
    values = log2_tpm(table.tpm[kept])
    names = tuple(table.names[row] for row in kept)
    steps = iter(range(1, 7))
    tell("genes by risk group", next(steps), 6)
    genes = compare_rows(
        values, patients.is_high_risk, _labels(patients, kept), RISK, alpha=options.alpha, has_trend=True
    )
    identifiers = tuple(table.identifiers[row] for row in kept)
    chosen = _features(patients, options.features)
    tell("lncRNAs", next(steps), 6)
    lncrnas = _lncrnas(patients, kept, options)
    depth_groups = _groups(patients, options)
    is_high_gene = depth_groups.is_high if isinstance(depth_groups, GeneGroups) else None
    tell("cell types", next(steps), 6)
    cell_scores = (
        _scored(patients, values, match_sets(cells, identifiers, names), ssgsea, is_high_gene, options)
        if cells
        else None
    )
    tell("pathways", next(steps), 6)
    sets = match_sets(pathways, identifiers, names, smallest=SMALLEST, largest=LARGEST) if pathways else None
    pathway_scores = None if sets is None else _scored(patients, values, sets, gsva, is_high_gene, options)
    tell("over-representation", next(steps), 6)
    over = _over_represented(genes, sets, options)
    tell("enrichment", next(steps), 6)
    depth: GeneInDepth | NotEstimable
    if isinstance(depth_groups, NotEstimable):
        depth = depth_groups
    else:
        depth = _in_depth(patients, depth_groups, kept, values, sets, chosen, options)
    return Radiogenomics(
        patients=patients,
        settings=options,
        kept=kept,
        genes=genes,
        over_representation=over,
        pathways=pathway_scores,
        cells=cell_scores,
        lncrnas=lncrnas,
        matrix=_matrix(patients, lncrnas, chosen, options),
        depth=depth,
        remarks=(
            options.rule.sentence(int(kept.size), len(table)),
            *table.remarks,
            *(() if cell_scores is None else cell_scores.sets.remarks),
            *(() if sets is None else sets.remarks),
        ),
    )


def _labels(patients: RnaPatients, rows: NDArray[np.int64]) -> tuple[str, ...]:
    """Names of genes; the identifier behind a name that several have."""
    table = patients.genes
    names = [table.names[row] for row in rows]
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return tuple(
        name if counts[name] == 1 else f"{name} ({table.identifiers[row]})"
        for name, row in zip(names, rows.tolist(), strict=True)
    )


def _features(patients: RnaPatients, named: tuple[str, ...] | None) -> list[int]:
    if named is None:
        return list(range(len(patients.feature_names)))
    place = {name: index for index, name in enumerate(patients.feature_names)}
    lacking = [name for name in named if name not in place]
    if lacking:
        raise CohortRejected(
            f"{len(lacking)} of the {len(named)} named features are not among the {len(place):,} that all patients "
            f"have and that vary (first: {lacking[0]}); leave them out of the list."
        )
    return [place[name] for name in named]


def _lncrnas(
    patients: RnaPatients, kept: NDArray[np.int64], options: RadiogenomicsSettings
) -> LncrnaScreen | NotEstimable:
    rows = kept[patients.genes.is_lncrna[kept]]
    if not rows.size:
        known = any(patients.genes.biotypes)
        return NotEstimable(
            "No long non-coding RNA passes the filter."
            if known
            else "The biotypes of the genes are not known; give an annotation to screen long non-coding RNAs."
        )
    return screen_lncrnas(patients, rows, alpha=options.alpha, selects_by_fdr=options.selects_by_fdr)


def _groups(patients: RnaPatients, options: RadiogenomicsSettings) -> GeneGroups | NotEstimable:
    try:
        return gene_groups(patients, options.gene, options.cut)
    except CohortRejected as error:
        if options.gene != GENE or options.cut is not Cut.MEDIAN:
            raise  # it was asked for
        return NotEstimable(str(error))  # nobody asked, and not every annotation has it


def _scored(
    patients: RnaPatients,
    values: Floats,
    sets: MatchedSets,
    score: Callable[..., SetScores],
    is_high_gene: NDArray[np.bool_] | None,
    options: RadiogenomicsSettings,
) -> ScoredSets:
    scores = score(values, sets.members, ties=options.ties)
    tests = spearman(scores.scores, patients.scores)
    return ScoredSets(
        sets=sets,
        scores=scores,
        by_risk=compare_rows(scores.scores, patients.is_high_risk, sets.names, RISK, alpha=options.alpha),
        with_score=tests,
        with_score_fdr=benjamini_hochberg(tests.p),
        with_score_count=count_hits(tests.p, alpha=options.alpha),
        by_gene=None
        if is_high_gene is None
        else compare_rows(scores.scores, is_high_gene, sets.names, _words(options.gene), alpha=options.alpha),
    )


def _words(gene: str) -> tuple[str, str]:
    return f"low {gene}", f"high {gene}"


def _over_represented(
    genes: ComparedRows, sets: MatchedSets | None, options: RadiogenomicsSettings
) -> OverRepresentation | NotEstimable:
    if sets is None:
        return NotEstimable("No pathways were given.")
    judged = genes.fdr if options.selects_by_fdr else genes.test.p
    selected = np.flatnonzero(judged < options.alpha).tolist()
    annotated = set(np.concatenate(sets.members).tolist())
    if not annotated & set(selected):
        return NotEstimable(
            f"None of the {len(selected):,} differential genes is in any pathway; over-representation was not tested."
        )
    return over_represented(sets, selected, range(len(genes.names)))


def _matrix(
    patients: RnaPatients, lncrnas: LncrnaScreen | NotEstimable, chosen: list[int], options: RadiogenomicsSettings
) -> FeatureGenes | NotEstimable:
    if isinstance(lncrnas, NotEstimable):
        return lncrnas
    if not chosen:
        return NotEstimable("No features were given; their matrix with the lncRNAs was not computed.")
    positions = lncrnas.prognostic if lncrnas.prognostic.size else lncrnas.selected
    if not positions.size:
        return NotEstimable("No lncRNA was selected; there is no matrix with features.")
    return correlate_features(patients, chosen, lncrnas.rows[positions], alpha=options.alpha)


def _in_depth(
    patients: RnaPatients,
    groups: GeneGroups,
    kept: NDArray[np.int64],
    values: Floats,
    sets: MatchedSets | None,
    chosen: list[int],
    options: RadiogenomicsSettings,
) -> GeneInDepth:
    words = _words(groups.name)
    genes = compare_rows(values, groups.is_high, _labels(patients, kept), words, alpha=options.alpha, has_trend=True)
    features: ComparedRows | NotEstimable = NotEstimable("Fewer than two features were given.")
    if len(chosen) > 1:
        scaled = scale_features(patients.features[chosen], Scale.Z)
        labels = [patients.feature_names[one] for one in chosen]
        features = compare_rows(scaled, groups.is_high, labels, words, alpha=options.alpha)
    enrichment = None if sets is None else _enriched(patients, groups, kept, genes, sets, options)
    return GeneInDepth(groups, features, genes, enrichment)


def _enriched(
    patients: RnaPatients,
    groups: GeneGroups,
    kept: NDArray[np.int64],
    genes: ComparedRows,
    sets: MatchedSets,
    options: RadiogenomicsSettings,
) -> Enrichment:
    """The gene that makes the groups is not in the ranking."""
    ranked = np.flatnonzero(kept != groups.row)
    new_place = np.cumsum(kept != groups.row) - 1
    members, names, sizes = [], [], []
    for name, rows, size in zip(sets.names, sets.members, sets.sizes, strict=True):
        inside = new_place[rows[kept[rows] != groups.row]]
        if inside.size:
            members.append(inside.astype(np.int64))
            names.append(name)
            sizes.append(size)
    matched = MatchedSets(tuple(names), tuple(members), tuple(sizes), sets.absent, sets.ambiguous, ())
    statistics = genes.test.statistics[ranked]
    partner_name = groups.name.rsplit("-AS", 1)[0] if "-AS" in groups.name else ""
    order = np.argsort(-statistics, kind="stable")
    partner = next(
        (
            (partner_name, place + 1)
            for place, one in enumerate(order.tolist())
            if partner_name and patients.genes.names[kept[ranked[one]]] == partner_name
        ),
        None,
    )
    return Enrichment(
        sets=matched,
        walk=prerank(statistics, members, permutations=options.permutations, seed=options.seed),
        camera=camera_of(replace(genes.test, statistics=statistics), members),
        rows=ranked.astype(np.int64),
        statistics=statistics,
        partner=partner,
    )
