"""Sentences of a radiogenomic analysis, and the numbers of the paper that stand beside ours."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy

from models.number_words import agreeing, counted
from models.omics.compared import ComparedRows
from models.omics.cox_screen import FEW_EVENTS
from models.omics.gene_groups import GroupSurvival
from models.omics.lncrna_screen import LncrnaScreen
from models.omics.radiogenomics import GeneInDepth, Radiogenomics
from models.omics.set_scores import Ties
from models.statistics.estimate import NotEstimable
from reports.analysis.content import Paragraph

STRIP: Final = "exploratory: associations in one cohort, not confirmed in others"

# Numbers that the paper prints, of 92 patients.
PAPER: Final = {
    "genes": "148 differential genes between the risk groups (t test and limma; scale and threshold not stated)",
    "screen": "47 lncRNAs correlated with the score at P < .05 (of 12,312; noise alone gives 616), 15 of them "
    "associated with recurrence-free survival",
    "survival": "hazard ratio .12 (.030 to .52) of low against high KRT7-AS, printed with P < .001; the interval "
    "itself gives a Wald P of .004",
    "features": "22 of 35 features differed by KRT7-AS at P < .05",
    "cells": "10 cell types correlated with the score",
}

CONSTRUCTED: Final = (
    "The rows were selected by the risk group: clustering on them separates the groups by construction, and is no "
    "evidence."
)
SAMPLED: Final = (
    "P of the preranked walk is from sampled genes and ignores that genes are correlated: it is too small. Camera's P "
    "allows for it and is the one to read."
)
ONE_COHORT: Final = (
    "Scores of sets compare patients of this cohort with each other; they are not comparable with another cohort's, "
    "and no single patient has one."
)
STEPS: Final = (
    "The gene was looked at in depth on the same patients that the lists before it rest on. Where it was chosen from "
    "them, its hazard ratio and its P are too good: other patients are needed to confirm it."
)


def paper(part: str) -> Paragraph:
    """A number of the paper, labelled."""
    return Paragraph(f"Paper (not our result): {PAPER[part]}.")


def first_words(analysis: Radiogenomics) -> tuple[Paragraph, ...]:
    """Sentences that stand on the first page, cautions first."""
    patients = analysis.patients
    found = []
    followed = int(patients.is_followed.sum())
    if followed and patients.event_count < FEW_EVENTS:
        found.append(
            Paragraph(
                f"Only {patients.event_count} of {counted(followed, 'followed patient')} had an event: nothing about "
                "survival in this report is more than chance can give.",
                is_warning=True,
            )
        )
    if not followed:
        found.append(Paragraph("No patient has follow-up: survival was not analysed.", is_warning=True))
    if isinstance(analysis.depth, GeneInDepth) and analysis.depth.groups.caution:
        found.append(Paragraph(analysis.depth.groups.caution, is_warning=True))
    found.append(Paragraph(patients.joined.sentence()))
    found.append(
        Paragraph(
            f"High risk is a score above {patients.cut_off:.4g} ({patients.cut_off_source}): "
            f"{counted(int(patients.is_high_risk.sum()), 'patient')} high, {int((~patients.is_high_risk).sum())} low."
        )
    )
    return tuple(found)


def compared_words(compared: ComparedRows) -> str:
    """Counts of a comparison."""
    return compared.sentence()


def screen_words(screen: LncrnaScreen) -> tuple[Paragraph, ...]:
    """Counts of the screen; the first is a warning where events are few."""
    few = not isinstance(screen.survival, NotEstimable) and screen.survival.per_sd.caution is not None
    return tuple(Paragraph(one, is_warning=few and place == 0) for place, one in enumerate(screen.sentences()))


def survival_words(survival: GroupSurvival, gene: str) -> tuple[Paragraph, ...]:
    """Survival by the gene; a warning where events are few."""
    few = survival.events < FEW_EVENTS
    return tuple(Paragraph(one, is_warning=few and place == 0) for place, one in enumerate(survival.sentences(gene)))


def methods(analysis: Radiogenomics, *, software: str) -> tuple[str, ...]:
    """Paragraphs to paste into a manuscript."""
    patients, settings = analysis.patients, analysis.settings
    judged = "false discovery rate" if settings.selects_by_fdr else "P"
    ties = "tied genes take their mean place" if settings.ties is Ties.MEAN else "tied genes in the order of the table"
    kept = settings.rule.sentence(len(analysis.kept), len(patients.genes))
    found = [
        (
            f"{patients.genes.made_from} {kept} {counted(f'{len(patients):,}', 'patient')} with expression "
            f"and score {agreeing(len(patients), 'was', 'were')} analysed."
        ),
        (
            "Genes on log2(TPM + 1) were compared between high and low risk by moderated t tests with a trend of the "
            "variance (limma; Smyth 2004); scores of gene sets and features by the same test without a trend. P values "
            f"are two-sided; the threshold was {settings.alpha:g}, false discovery rates after Benjamini and Hochberg "
            f"(1995); lists were carried on by {judged}."
        ),
        (
            "Long non-coding RNAs were correlated with the score by Spearman's rho (P by the t approximation) and, "
            "where selected, entered one by one in Cox models of recurrence-free survival (Efron's ties, per standard "
            "deviation of log2(TPM + 1), likelihood-ratio P)."
        ),
    ]
    if analysis.cells is not None:
        found.append(f"Cell types were scored by ssGSEA (Barbie et al. 2009; raw scores, exponent .25; {ties}).")
    if analysis.pathways is not None:
        found.append(
            f"Pathways were scored by GSVA (Hänzelmann et al. 2013; Gaussian kernel; {ties}). Over-representation was "
            "tested by the hypergeometric distribution among the tested genes that are in any pathway, for pathways of "
            "10 to 500 of them. Along the ranking by moderated t, preranked enrichment (Subramanian et al. 2005; "
            f"{settings.permutations:,} sampled sets, seed {settings.seed}) and camera (Wu and Smyth 2012; correlation "
            ".01) were computed."
        )
    if isinstance(analysis.depth, GeneInDepth):
        found.append(
            f"{analysis.depth.groups.sentence()} Survival of both groups: Kaplan-Meier, log-rank test, Cox model"
            + ("; P of the selected cut with Lausen's correction." if settings.cut == "optimal" else ".")
        )
    found.append(f"Computed with {software}, numpy {np.__version__}, scipy {scipy.__version__}.")
    return tuple(found)
