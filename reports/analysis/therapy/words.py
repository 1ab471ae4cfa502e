"""Sentences of a therapy analysis, and the numbers of the paper that stand beside ours."""

from __future__ import annotations

from typing import Final

from models.number_words import agreeing, counted
from models.statistics.feature_tests import Scale
from models.therapy.design import Comparison
from models.therapy.results import ComparedFeatures, TherapyAnalysis
from reports.analysis.cells import p_shown
from reports.feature_words import feature_label, take_apart

TITLES: Final = {
    Comparison.BEFORE: "Responders against non-responders, before therapy",
    Comparison.AFTER: "Responders against non-responders, after therapy",
    Comparison.RESPONDERS: "After against before therapy, in responders",
    Comparison.NON_RESPONDERS: "After against before therapy, in non-responders",
    Comparison.CHANGE: "Does change differ by response?",
}
SHORT: Final = {
    Comparison.BEFORE: "before: responders vs not",
    Comparison.AFTER: "after: responders vs not",
    Comparison.RESPONDERS: "change in responders",
    Comparison.NON_RESPONDERS: "change in non-responders",
    Comparison.CHANGE: "change: responders vs not",
}
PART: Final = {
    Comparison.BEFORE: "B1",
    Comparison.AFTER: "B2",
    Comparison.RESPONDERS: "B3",
    Comparison.NON_RESPONDERS: "B4",
    Comparison.CHANGE: "direct",
}
PAPER: Final = {
    Comparison.BEFORE: 456,
    Comparison.AFTER: 352,
    Comparison.RESPONDERS: 306,
    Comparison.NON_RESPONDERS: 793,
}
"""Numbers that the paper prints, of 1,726 features in 72 responders and 55 non-responders; P < .05 is inferred."""
PAPER_OVERLAP: Final = 35
PAPER_FEATURES: Final = 1726

STRIP: Final = "exploratory analysis: change of features, not a measure of response"
NOT_EVIDENCE: Final = (
    "A feature in all four lists is not evidence of response. The lists say that the groups differ before and after, "
    "and that both groups change; where therapy moves every patient equally and response makes no difference at all, "
    "overlaps of dozens of features still occur (simulation with 1,726 correlated features and the paper's group "
    "sizes: 35 or more in 4.7 % of cohorts). “Significant in responders, not in non-responders” does not show a "
    "difference between them either. The question that answers it is asked directly: does change differ by response?"
)
SIZE: Final = (
    "Tumours of responders shrink (RECIST is a measure of size itself), so that shape and everything that depends on "
    "volume differ after therapy by definition."
)
SIZE_ADVICE: Final = (
    "Repeat with --adjust t1c_intratumoral_original_shape_MeshVolume to see which of the features differ beyond that."
)
READERS: Final = (
    "The tables do not say who drew the tumours. Where different readers drew them before and after therapy, their "
    "difference is part of every change."
)
CLUSTERED: Final = (
    "Rows and columns are clustered (complete linkage, Euclidean). The rows were selected by the label: clustering on "
    "them separates the groups by construction, and is no evidence."
)


def label(name: str) -> str:
    """A feature in words; a name that is not ours as it is."""
    return feature_label(name)


def is_radiomic(names: tuple[str, ...]) -> bool:
    """Returns whether the features are those of our tables, with which the paper's numbers can be compared."""
    return all(take_apart(name) is not None for name in names)


def effect_words(scale: Scale) -> str:
    """Unit of the effects: that of the scale."""
    return {Scale.Z: "SD", Scale.RANK: "normal scores", Scale.NONE: "unit of the feature"}[scale]


def groups_words(compared: ComparedFeatures) -> str:
    """ "72 responders, 55 non-responders", or "72 pairs"."""
    first, second = compared.patients
    if compared.comparison.is_paired:
        return counted(first, "pair")
    return f"{counted(first, 'responder')}, {counted(second, 'non-responder')}"


def count_words(compared: ComparedFeatures) -> str:
    """Number of hits with all that belongs to it."""
    count = compared.count
    if count.tested == 1:
        return f"P = {p_shown(float(compared.test.p[0]))}."
    sentence = (
        f"{count.hits:,} of {counted(f'{count.tested:,}', 'feature')} at P < {count.alpha:g} ({count.expected:,.0f} "
        f"expected by chance), {count.discoveries:,} at a false discovery rate < {count.alpha:g}"
    )
    if compared.chance is not None:
        chance = compared.chance
        sentence += (
            f". In {chance.drawn.size:,} permutations the median is {chance.median:,.0f}, the 95th percentile "
            f"{chance.upper:,.0f}: permutation P = {p_shown(chance.p)}"
        )
    return f"{sentence}."


def direct_answer(compared: ComparedFeatures) -> str:
    """The answer to the question of whether change differs by response."""
    count = compared.count
    if count.tested == 1:
        p = float(compared.test.p[0])
        verdict = "it does" if p < count.alpha else "no difference was shown"
        return f"Does change differ by response? At P < {count.alpha:g} {verdict}: {count_words(compared)}"
    if compared.chance is None:
        verdict = (
            "it does in the features that pass the correction for many tests"
            if count.discoveries
            else "no difference was shown: no feature passes the correction for many tests"
        )
    elif compared.chance.p < count.alpha:
        verdict = "it does in more features than shuffled labels give"
    elif count.discoveries:
        verdict = (
            "it does in the features that pass the correction for many tests; the number of features at P < "
            f"{count.alpha:g} is not beyond what shuffled labels give"
        )
    else:
        verdict = "no difference was shown: no more features than shuffled labels give, and none passes the correction"
    return f"Does change differ by response? {verdict[0].upper()}{verdict[1:]}. {count_words(compared)}"


def overlap_words(analysis: TherapyAnalysis) -> str:
    """The overlap with its expectations."""
    overlap = analysis.overlap
    sentence = (
        f"{counted(f'{overlap.features:,}', 'feature')} in all four lists; independent lists of these sizes would "
        f"share {overlap.expected:,.1f}"
    )
    if overlap.response is not None and overlap.nothing is not None:
        sentence += (
            f". Where response makes no difference and therapy acts on everybody as it does here (labels shuffled), "
            f"the median is {overlap.response.median:,.0f}, the 95th percentile {overlap.response.upper:,.0f}: P = "
            f"{p_shown(overlap.response.p)}. Where neither makes a difference (pairs swapped as well), they are "
            f"{overlap.nothing.median:,.0f} and {overlap.nothing.upper:,.0f}: P = {p_shown(overlap.nothing.p)}"
        )
    return f"{sentence}."


def moderation_words(compared: ComparedFeatures) -> str:
    """Effect of the moderation: its prior, and calls that the ordinary t test makes otherwise."""
    if compared.count.tested == 1:
        return "One feature: an ordinary t test, since there are no other variances to shrink towards."
    prior = compared.test.prior_degrees
    weight = "∞ (one variance for all)" if prior == float("inf") else f"{prior:.2f}"
    return (
        f"Prior degrees of freedom {weight}; the ordinary t test of the same model has {compared.ordinary_hits:,} hits "
        f"and calls {counted(f'{compared.other_calls:,}', 'feature')} otherwise."
    )


def survival_words(compared: ComparedFeatures) -> str:
    """Hits that survive the covariates; "" without covariates."""
    if compared.unadjusted is None:
        return ""
    unadjusted = int((compared.unadjusted < compared.count.alpha).sum())
    return (
        f"Without covariates and blocks {unadjusted:,} "
        f"{agreeing(unadjusted, 'feature is a hit', 'features are hits')}; with them as well, {compared.survivors:,} "
        f"of {unadjusted:,}."
    )


def correlation_words(analysis: TherapyAnalysis) -> str:
    """Change of the correlations in both groups."""
    found = analysis.correlation
    assert found is not None
    parts = []
    for name, group in (("responders", found.responders), ("non-responders", found.non_responders)):
        sentence = (
            f"In {group.patients} {name} the mean |ρ| is {group.mean_before:.3f} before and {group.mean_after:.3f} "
            f"after therapy; {group.noise:.3f} of each is what noise gives with so many patients"
        )
        if found.permutations:
            sentence += f" (change, by swapping the examinations of patients: P = {p_shown(group.p)})"
        parts.append(f"{sentence}.")
    return " ".join(parts)
