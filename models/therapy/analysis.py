"""Analysis of therapy: the five comparisons of every feature, their overlap, and the change of correlations.

Parts B1 to B6 of the paper, with what it left out: chance beside every count, and the direct question of whether change
differs by response.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.constant import varies
from models.errors import CohortRejected
from models.number_words import counted
from models.progress import Tell, silent
from models.quality_notes import QualityNote, Severity
from models.statistics.feature_tests import Scale, benjamini_hochberg, count_hits, scale_features
from models.statistics.followed import Floats
from models.statistics.moderated_t import ModeratedT, fit_linear, moderate, ordinary_t
from models.therapy.correlation_change import FEWEST_FEATURES, correlation_change
from models.therapy.design import LISTS, Cohort, Comparison
from models.therapy.overlap import overlap_of
from models.therapy.patients import Covariate, TherapyPatients
from models.therapy.permutation import ChanceCount, permuted_counts
from models.therapy.results import ComparedFeatures, TherapyAnalysis, TherapySettings


def analyse_therapy(
    patients: TherapyPatients,
    settings: TherapySettings,
    *,
    covariates: Sequence[Covariate] = (),
    blocks: Sequence[str] | None = None,
    tell: Tell = silent,
) -> TherapyAnalysis:
    """Tests, counts, overlap and correlations of features before and after therapy.

    Parameters
    ----------
    covariates : of these patients; a feature of that name is not tested
    blocks : name of the block of each patient, such as the scanner
    tell : told how far the permutations are

    Raises
    ------
    CohortRejected
        When no feature is left to test.
    StudyRejected
        When the design cannot be solved, as where a block holds responders only.
    """
    both = np.hstack([patients.before, patients.after])
    adjusted = {one.name for one in covariates}
    is_covariate = np.array([name in adjusted for name in patients.names])
    is_constant = ~varies(both, axis=1) & ~is_covariate
    tested = ~is_constant & ~is_covariate
    if not tested.any():
        raise CohortRejected(
            f"None of the {counted(len(patients.names), 'feature')} can be tested: {int(is_constant.sum())} constant, "
            f"{int(is_covariate.sum())} used as covariates. At least one feature that varies was expected."
        )
    if int(tested.sum()) == 1:  # nothing to share between features: its own unit, and no number of hits to permute
        scale = Scale.NONE if settings.scale is Scale.Z else settings.scale
        settings = replace(settings, scale=scale, permutations=0)
    names = tuple(np.array(patients.names)[tested].tolist())
    raw_before, raw_after = patients.before[tested], patients.after[tested]
    before, after = _scaled(raw_before, raw_after, settings.scale)
    cohort = Cohort(before, after, patients.responded, tuple(_rescaled(covariates, settings.scale)), blocks)
    plain = replace(cohort, covariates=(), blocks=None)
    drawn = None
    if settings.permutations:
        drawn = permuted_counts(
            cohort,
            alpha=settings.alpha,
            permutations=settings.permutations,
            seed=settings.seed,
            tell=tell,
        )
    comparisons = {}
    for comparison in Comparison:
        compared = _compare(cohort, plain, comparison, raw_before, raw_after, settings.alpha)
        if drawn is not None:
            compared = replace(compared, chance=ChanceCount(compared.count.hits, drawn.lists[comparison]))
        comparisons[comparison] = compared
    correlation = None
    if len(names) >= FEWEST_FEATURES:
        correlation = correlation_change(
            raw_before,
            raw_after,
            patients.responded,
            permutations=settings.permutations,
            seed=settings.seed,
            tell=tell,
        )
    return TherapyAnalysis(
        patients=patients,
        names=names,
        constant=tuple(np.array(patients.names)[is_constant].tolist()),
        covariates_tested=tuple(np.array(patients.names)[is_covariate].tolist()),
        comparisons=comparisons,
        overlap=overlap_of(
            {one: comparisons[one].is_hit for one in LISTS},
            None if drawn is None else (drawn.overlap_response, drawn.overlap_nothing),
        ),
        correlation=correlation,
        settings=settings,
        notes=(
            *patients.notes,
            *_notes(is_constant, covariates, settings.block or "the block" if blocks is not None else ""),
        ),
    )


def _scaled(before: Floats, after: Floats, scale: Scale) -> tuple[Floats, Floats]:
    """Both examinations on one scale; around the mean, so that large numbers keep their digits in sums of squares."""
    both = scale_features(np.hstack([before, after]), scale)
    both = both - both.mean(axis=1, keepdims=True)
    return both[:, : before.shape[1]], both[:, before.shape[1] :]


def _rescaled(covariates: Sequence[Covariate], scale: Scale) -> list[Covariate]:
    """Covariates that are measured before and after, on the scale of the features."""
    rescaled = []
    for one in covariates:
        if one.changes:
            before, after = _scaled(one.before.T, one.after.T, Scale.Z if scale is Scale.NONE else scale)
            one = Covariate(one.name, before.T, after.T, one.changes)
        rescaled.append(one)
    return rescaled


def _fit(cohort: Cohort, comparison: Comparison) -> tuple[ModeratedT, ModeratedT]:
    """Moderated and ordinary t of a comparison; the same for a single feature."""
    chosen = cohort.group(comparison)
    fit = fit_linear(cohort.values(comparison)[:, chosen], cohort.design(comparison))
    ordinary = ordinary_t(fit)
    return (moderate(fit) if len(fit.effects) > 1 else ordinary), ordinary


def _compare(
    cohort: Cohort, plain: Cohort, comparison: Comparison, before: Floats, after: Floats, alpha: float
) -> ComparedFeatures:
    test, ordinary = _fit(cohort, comparison)
    is_adjusted = bool(cohort.covariates) or cohort.blocks is not None
    responded = cohort.responded
    if comparison.is_paired:
        group = cohort.group(comparison)
        first, second = after[:, group], before[:, group]
        patients = (int(group.sum()), 0)
    else:
        values: Floats = {Comparison.BEFORE: before, Comparison.AFTER: after}.get(comparison, after - before)
        first, second = values[:, responded], values[:, ~responded]
        patients = (first.shape[1], second.shape[1])
    return ComparedFeatures(
        comparison=comparison,
        patients=patients,
        first_means=first.mean(axis=1),
        second_means=second.mean(axis=1),
        test=test,
        fdr=benjamini_hochberg(test.p),
        count=count_hits(test.p, alpha=alpha),
        chance=None,
        ordinary_hits=int(np.count_nonzero(ordinary.p < alpha)),
        other_calls=int(np.count_nonzero((ordinary.p < alpha) != (test.p < alpha))),
        unadjusted=_fit(plain, comparison)[0].p if is_adjusted else None,
    )


def _notes(is_constant: NDArray[np.bool_], covariates: Sequence[Covariate], block: str) -> list[QualityNote]:
    notes = []
    if constant := int(np.count_nonzero(is_constant)):
        notes.append(
            QualityNote(
                "feature-constant",
                Severity.NOTE,
                f"{counted(constant, 'feature')} with the same value in all examinations; not tested.",
            )
        )
    fixed = [one.name for one in covariates if not one.changes] + ([block] if block else [])
    if fixed:
        notes.append(
            QualityNote(
                "fixed-covariate",
                Severity.NOTE,
                f"{', '.join(fixed)}: the same before and after therapy, so that it cancels out of the change within a "
                "patient and plays no part in the two paired lists.",
            )
        )
    return notes
