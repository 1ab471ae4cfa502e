"""Sentences of the analysis of patients: what the numbers mean, and what they do not."""

from __future__ import annotations

from collections.abc import Iterator

from models.number_words import agreeing, counted
from models.patients.added_value import EVENTS_PER_PARAMETER, AddedValue
from models.patients.analyse import PatientAnalysis, PatientSet
from models.patients.differential import DifferentialFeatures
from models.patients.scores import CutOffRule
from models.patients.study import Study
from models.statistics.comparison import IMBALANCE
from models.statistics.cutpoint import SMALLEST_SHARE
from models.statistics.estimate import Estimate, NotEstimable
from models.statistics.feature_tests import HitCount
from models.version import software_version
from reports.analysis.cells import p_shown

ALPHA = 0.05


def p_words(p: float) -> str:
    """ "P = 0.031", "P < 10⁻³⁰⁰"."""
    text = p_shown(p)
    return f"P {text}" if text[0] in "<>" else f"P = {text}"


def hits_words(hits: HitCount, things: str = "features") -> str:
    """ "47 of 12,312 features at P < 0.05 (616 expected by chance), 0 at a false discovery rate < 0.05"."""
    expected = f"{hits.expected:,.0f}" if hits.expected >= 10 else f"{hits.expected:.1f}"
    return (
        f"{hits.hits:,} of {hits.tested:,} {things} at P < {hits.alpha:g} ({expected} expected by chance), "
        f"{hits.discoveries:,} at a false discovery rate < {hits.alpha:g}"
    )


def added_words(one: PatientSet) -> str:
    """Value that the score adds in one set, in a sentence or two."""
    added = one.added
    if isinstance(added, NotEstimable):
        return f"{one.name}: not estimable. {added.reason}"
    names = _listed(added.covariates)
    verdict = "adds to" if added.beyond_clinical.p < ALPHA else "is not shown to add to"
    sentence = (
        f"{one.name}: the score {verdict} {names} (likelihood-ratio {p_words(added.beyond_clinical.p)}; "
        f"{counted(added.events, 'event')} among {counted(f'{added.patients:,}', 'patient')})."
    )
    if isinstance(added.difference, Estimate):
        limits = added.difference.interval
        interval = "" if limits is None else f" (95 % interval {_signed(limits[0])} to {_signed(limits[1])})"
        corrected = "corrected for optimism" if limits is not None else "not corrected for optimism"
        sentence += (
            f" Harrell's C changes from {added.c_clinical:.3f} by {_signed(added.difference.value)}{interval}, "
            f"{corrected}."
        )
    if one.is_training:
        sentence += " These patients trained the model: the result is apparent."
    return sentence


def few_events_words(analysis: PatientAnalysis) -> Iterator[str]:
    """Sentences for the first page: sets with few events, and models with few events for each coefficient."""
    codes = ("few-events", "few-events-per-parameter", "training-patients-only", "cut-off-selected")
    yield from (note.sentence for note in analysis.notes if note.code in codes)


def beyond_words(added: AddedValue) -> str:
    """Both likelihood-ratio tests of one set, and how well they are founded."""
    few = "" if added.events_per_parameter >= EVENTS_PER_PARAMETER else " Fewer than 10 make coefficients unstable."
    return (
        f"Score beyond {_listed(added.covariates)}: likelihood-ratio chi-square {added.beyond_clinical.statistic:.2f}, "
        f"{p_words(added.beyond_clinical.p)}. Clinical covariates beyond the score: chi-square "
        f"{added.beyond_score.statistic:.2f} with "
        f"{counted(added.beyond_score.degrees, 'degree of freedom', 'degrees of freedom')}, "
        f"{p_words(added.beyond_score.p)}. Harrell's C: score {added.c_score:.3f}, clinical covariates "
        f"{added.c_clinical:.3f}, both {added.c_both:.3f}, on the patients of the models. "
        f"{added.events_per_parameter:.1f} events for each of {added.parameters} coefficients.{few}"
    )


def missing_words(added: AddedValue) -> str:
    """Covariates and patients that are not in the models; "" where all are."""
    same = f"All these patients have the same {_listed(added.constant)}: not in the models. " if added.constant else ""
    if not added.left_out:
        return same.strip()
    lacking = _listed([f"{name} of {count}" for name, count in added.missing.items()])
    return same + (
        f"{added.left_out} of {counted(added.left_out + added.patients, 'patient')} ({added.events_left_out} of "
        f"{counted(added.events_left_out + added.events, 'event')}) {agreeing(added.left_out, 'is', 'are')} not in the "
        f"models, since a covariate is not known ({lacking}). Nothing is filled in."
    )


def interaction_words(one: PatientSet) -> str:
    """The interaction tests of a set, beside what chance gives."""
    forest = one.forest
    tests = [row for row in forest.interactions if row.test is not None]
    lacking = [f"{row.column}: {row.why_not}" for row in forest.interactions if row.test is None]
    untested = f" Not tested: {'; '.join(lacking)}." if lacking else ""
    if not tests:
        return f"No interaction test is possible.{untested}"
    each = "; ".join(f"{row.column}, {p_words(row.test.p)}" for row in tests if row.test is not None)
    return (
        f"Does the effect of the score differ between the levels? {each}. {hits_words(forest.hits, 'tests')}. A small "
        f"P in one subgroup beside a large one in another is no difference between them.{untested}"
    )


def features_words(found: DifferentialFeatures, study: Study) -> tuple[str, str]:
    """Number of features that differ, and the warning that belongs to it."""
    prior = "infinite" if found.prior_degrees == float("inf") else f"{found.prior_degrees:.2f}"
    untested = [
        f"{count:,} {why}"
        for count, why in ((found.constant, "constant"), (found.incomplete, "not known in all patients"))
        if count
    ]
    rest = f" Not tested: {' and '.join(untested)}." if untested else ""
    hits = (
        f"Cohort {study.reference}, {counted(found.high, 'patient')} of high against {found.low} of low risk. "
        f"Moderated t test: {hits_words(found.moderated)}. Student's t test: {hits_words(found.student)}. The two "
        f"disagree about {counted(found.disagreements, 'feature')}; prior degrees of freedom {prior}.{rest}"
    )
    by_construction = (
        "The risk groups are computed from these very features: that features differ between them is how the score "
        "works, not evidence of a difference between the patients. The number expected by chance is that of groups "
        "that have nothing to do with the features."
    )
    return hits, by_construction


def cut_off_words(study: Study) -> tuple[str, ...]:
    """The cut-off in use, and the search for the best one."""
    origin = {
        CutOffRule.PACKAGE: "frozen in the model package",
        CutOffRule.TABLE: "of the groups in the table of scores",
        CutOffRule.GIVEN: "given in the command line",
        CutOffRule.MEDIAN: f"the median score of the cohort {study.reference}",
        CutOffRule.OPTIMAL: f"selected in the cohort {study.reference}",
    }[study.rule]
    used = f"In use: {study.cut_off:.3g}, {origin}; high risk is above it. The paper's cut-off is 1.10 (paper)."
    found = study.selected
    if found is None:
        return used, f"No optimal cut-off: {study.why_no_selection}"
    edge = (
        " It is the first or the last candidate: the search would have gone on beyond the smallest share allowed."
        if found.is_at_edge
        else ""
    )
    return used, (
        f"Best of {found.candidates.size:,} candidates in the cohort {study.reference}: {found.cut_off:.3g} "
        f"({found.high_patients} of high, {found.low_patients} of low risk; standardised log-rank statistic "
        f"{found.statistic:.2f}). P corrected for the search (Lausen 1994): {p_shown(found.p_lausen94)}.{edge} A "
        "selected cut-off is evidence in other patients only: without any signal, the uncorrected P of the best "
        "cut-off is below .05 in almost half of all cohorts."
    )


def methods_words(analysis: PatientAnalysis) -> tuple[str, ...]:
    """Paragraphs to paste into a manuscript."""
    study, settings = analysis.study, analysis.settings
    covariates = next((one.added.covariates for one in analysis.sets if isinstance(one.added, AddedValue)), ())
    return (
        (
            f"Patients were analysed with rdeepnet {software_version()}. Scores were those of {study.score_source}; "
            f"high risk was a score above {study.cut_off:.6g}. Follow-up is the median time to censoring by the "
            "reverse Kaplan-Meier method, with quartiles. Survival is the Kaplan-Meier estimate with Wilson's "
            "95 % limits, for the number of patients that would give Greenwood's variance (Rothman 1978)."
        ),
        (
            "Characteristics were compared by Fisher's exact test (tables larger than 2 × 2: all tables with the "
            "same margins, or, where these are more than ten million, 100,000 random ones with a fixed seed), "
            "Welch's t test or analysis of variance, and Wilcoxon's rank-sum or the Kruskal-Wallis test. "
            f"Standardised differences are of means or shares; above {IMBALANCE:g} they are commonly called an "
            "imbalance. Unknown values were counted and left out of shares and tests."
        ),
        (
            "Cox models were fitted by maximum partial likelihood with Efron's method for ties to patients with "
            f"every covariate known ({_listed(covariates) if covariates else 'none'}); with several cohorts together "
            "each had a baseline hazard of its own. What the score adds is the likelihood-ratio test of the models "
            "with and without it, and the difference of their Harrell's C, corrected for optimism by refitting both "
            f"models in {settings.resamples} bootstrap samples (seed {settings.seed}); its interval is the percentile "
            "interval of the bootstrap less the optimism. Models with fewer than 5 events were not fitted. "
            "Proportional hazards were tested by the score test of a coefficient that changes with 1 - Kaplan-Meier "
            "survival. In subgroups, hazard ratios are per standard deviation of the score among all patients; "
            "interactions were tested by the likelihood ratio. Numbers were split at their median."
        ),
        (
            f"Features of high and low risk were compared on the scale '{settings.scale}' by the moderated t test of "
            "limma and by Student's t test, with the false discovery rate of Benjamini and Hochberg. The optimal "
            f"cut-off maximises the standardised log-rank statistic with at least {100 * SMALLEST_SHARE:g} % of the "
            "patients on each side; its P is corrected for the search (Lausen, Sauerbrei and Schumacher 1994)."
        ),
    )


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
