"""Paragraphs of methods of a therapy analysis, to paste into a manuscript."""

from __future__ import annotations

import numpy as np
import scipy

from models.number_words import agreeing, counted
from models.statistics.feature_tests import Scale
from models.therapy.results import TherapyAnalysis

_SCALES = {
    Scale.Z: "standardised to mean 0 and standard deviation 1 over all examinations, before and after therapy together",
    Scale.RANK: "transformed to normal scores (Blom) over all examinations, before and after therapy together",
    Scale.NONE: "used in their own units",
}


def methods(analysis: TherapyAnalysis, *, software: str) -> tuple[str, ...]:
    """The paragraphs: patients, tests, permutations, overlap and correlations, software."""
    patients, settings = analysis.patients, analysis.settings
    is_single = len(analysis.names) == 1
    test = (
        "an ordinary t test of a linear model"
        if is_single
        else "moderated t tests (limma: linear model of each feature, variances shrunken; Smyth 2004)"
    )
    scaled = "used in its own unit" if is_single and settings.scale is Scale.NONE else _SCALES[settings.scale]
    paragraphs = [
        (
            f"Patients with complete features before and after neoadjuvant therapy and a known response "
            f"({patients.responses.scale}) were analysed: {counted(patients.responders, 'responder')} and "
            f"{counted(patients.non_responders, 'non-responder')}; {counted(len(patients.left_out), 'patient')} with "
            "one examination, without response or with incomplete features "
            f"{agreeing(len(patients.left_out), 'was', 'were')} left out, and nothing was imputed."
        ),
        (
            f"{len(analysis.names):,} {'feature was' if is_single else 'features were'} {scaled}. "
            f"Responders and non-responders were compared before and after therapy, and examinations after with those "
            f"before therapy within each group (paired), by {test}. Whether change differs by response was tested "
            "directly on the difference of each pair, responders against non-responders. P values are two-sided; "
            f"the threshold was {settings.alpha:g}"
            + ("." if is_single else ", false discovery rates after Benjamini and Hochberg (1995).")
        ),
    ]
    if settings.adjusted or settings.block:
        covariates = ", ".join([*settings.adjusted, *([f"{settings.block} (block)"] if settings.block else [])])
        paragraphs.append(
            f"Models were adjusted for {covariates}; in paired comparisons for the change of covariates that change."
        )
    if settings.permutations:
        paragraphs.append(
            f"Numbers of features below the threshold were compared with {settings.permutations:,} permutations (seed "
            f"{settings.seed}): response labels shuffled over patients"
            + (f" within {settings.block}" if settings.block else "")
            + ", both examinations of a patient together, and for change within a group the two examinations of each "
            "patient exchanged at random; P = (1 + permutations with at least as many) / (1 + permutations)."
        )
    if not is_single:
        paragraphs.append(
            "The overlap of the four lists was compared with that of independent lists and of the same permutations; "
            "it is not evidence of an effect of response on change."
        )
    if analysis.correlation is not None:
        paragraphs.append(
            "Correlations among features are Spearman's, in one order from complete linkage of 1 − ρ in all patients "
            "before therapy; the change of the mean |ρ| was tested by exchanging the examinations of patients, on "
            f"{counted(analysis.correlation.tested_features, 'feature')} drawn at random."
        )
    paragraphs.append(f"Computed with {software}, numpy {np.__version__}, scipy {scipy.__version__}.")
    return tuple(paragraphs)
