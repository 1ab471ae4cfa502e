"""Sentences and numbers of an evaluation."""

from __future__ import annotations

from typing import Final

from models.evaluation.results import ExpressionResult, HorizonResult, RecurrenceResult
from models.evaluation.withheld import WithheldGroups
from models.inference.plausible_range import FACTOR
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.estimate import Estimate, Found

FEW_EVENTS: Final = 30  # below, the sentence on what the interval can show is a warning
_APPARENT = (
    "The name of this cohort says that the model was trained on it: these numbers are apparent, no evidence for new "
    "patients."
)
_TRAINING_NAMES = ("train", "training", "development", "derivation")

RECURRENCE_METHODS: Final = (
    (
        "Scores come from the package as it is; cut-off, baseline hazard and slope were not fitted to these "
        "patients. Higher scores mean higher risk; a score above the cut-off is high risk."
    ),
    (
        "Harrell's C: share of comparable pairs in the right order, 0.5 is chance (Harrell 1982). Uno's C weighs "
        "pairs by the inverse squared probability of not being censored before the event (Uno 2011)."
    ),
    (
        "ROC by a time: cumulative cases against dynamic controls, cases weighted by the inverse probability of not "
        "being censored before the event; patients censored earlier are neither (Uno 2007, Blanche 2013). "
        "Sensitivity and specificity are at the cut-off of the package."
    ),
    (
        "Brier score: mean squared distance of predicted survival, with the same weights (Graf 1999); the scaled "
        "score is 1 minus its ratio to that of the Kaplan-Meier estimate of these patients, 0 is no better than no "
        "model."
    ),
    (
        "Calibration: mean predicted against observed risk (1 - Kaplan-Meier), groups of equal size by predicted "
        "risk, and the coefficient of the score in a Cox model (1 is right, below 1 predictions are too extreme)."
    ),
    (
        "Kaplan-Meier limits: Greenwood's variance on the log scale (R's default). Log-rank test: Mantel 1966. "
        "Hazard ratios: Cox regression, Efron's method for ties, Wald limits. The paper prints low against high "
        "risk (reference: high); both directions are given."
    ),
    "Follow-up: reverse Kaplan-Meier (Schemper and Smith 1996). Net benefit: Vickers 2006, 2008.",
    (
        "Intervals are 95 %; those of C, AUC, sensitivity, specificity and Brier scores are bootstrap percentiles "
        "over patients. Subgroups were not corrected for their number."
    ),
)
EXPRESSION_METHODS: Final = (
    "Probabilities come from the package as it is; the cut-off was not fitted to these patients.",
    (
        "AUC with DeLong's interval (DeLong 1988); shares with Wilson's interval; calibration slope by logistic "
        "regression on the logit of the probability (1 is right). The Brier score is compared with that of the "
        "observed share."
    ),
)

WITHHELD_MEANS: Final = (
    "Each refit of the package (the recipe trained again on a bootstrap sample) is compared with a range made of the "
    "others. Refits share two thirds of their patients: what the range holds of an independent training is in the "
    "model card."
)


def number(value: float, digits: int = 2) -> str:
    """A number with fixed digits and a real minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def shown(found: Found, digits: int = 2) -> str:
    """ "0.84 (0.80–0.88)"; "–" where there is no number."""
    if not isinstance(found, Estimate):
        return "–"
    if found.interval is None:
        return f"{number(found.value, digits)} (no interval)"
    low, high = found.interval
    return f"{number(found.value, digits)} ({number(low, digits)}–{number(high, digits)})"


def percent(found: Found, digits: int = 1) -> str:
    """ "6.5 % (4.1–8.8)"."""
    if not isinstance(found, Estimate):
        return "–"
    text = f"{number(100 * found.value, digits)} %"
    if found.interval is None:
        return text
    return f"{text} ({number(100 * found.interval[0], digits)}–{number(100 * found.interval[1], digits)})"


def ratio(found: Found) -> str:
    """A hazard ratio; enough digits for small ones."""
    digits = 2 if not isinstance(found, Estimate) or found.value >= 0.1 else 3
    return shown(found, digits)


def p_value(p: float | None) -> str:
    """ "P = 0.031", "P < 0.001"."""
    if p is None:
        return "–"
    return "P < 0.001" if p < 0.001 else f"P = {p:.3f}" if p < 0.1 else f"P = {p:.2f}"


def log_rank_words(result: RecurrenceResult) -> str:
    """ "log-rank P < 0.001"; with few events the test's distribution is not known and its p value is not shown."""
    if result.groups.log_rank is None:
        return "no log-rank test"
    if result.events < FEWEST_EVENTS:
        return "too few events for a log-rank test"
    return f"log-rank {p_value(result.groups.log_rank.p)}"


def withheld(found: WithheldGroups) -> str:
    """One sentence about the borderline rule at its own width."""
    at = next(point for point in found.curve if point.factor == FACTOR)
    flips = "none is" if at.flips_shown is None else f"{number(100 * at.flips_shown, 1)} % are another one"
    return (
        f"{number(100 * at.withheld, 0)} % of the {found.patients} patients are between the groups (plausible range "
        f"± {FACTOR:g} standard deviations, other contours left out); of the groups shown, {flips} in a refit."
    )


def group_name(cohort: str, subgroup: tuple[str, str] | None) -> str:
    """ "testing", "testing, subtype: TNBC"."""
    return cohort if subgroup is None else f"{cohort}, {subgroup[0]}: {subgroup[1]}"


def is_training(cohort: str) -> bool:
    """Returns whether the name of a cohort indicates that the model was trained on it."""
    return cohort.lower() in _TRAINING_NAMES


def conclusions(result: RecurrenceResult) -> tuple[str, ...]:
    """Meaning of the numbers of a recurrence model on one group of patients, most important first."""
    sentences = [_signal(result.has_signal, result.harrell_c, "Harrell's C", "earlier recurrence"), _precision(result)]
    if is_training(result.cohort):
        sentences.append(_APPARENT)
    sentences.append(_hazard(result))
    if result.horizons:
        sentences.append(_calibration(result.horizons[-1], result.calibration_slope))
    return tuple(sentences)


def headline(result: RecurrenceResult | ExpressionResult) -> str:
    """The first conclusion, with the warning that belongs to it."""
    sentence = (conclusions(result) if isinstance(result, RecurrenceResult) else expression_conclusions(result))[0]
    return f"{sentence} Apparent: the model was trained on these patients." if is_training(result.cohort) else sentence


def expression_conclusions(result: ExpressionResult) -> tuple[str, ...]:
    """The same for a KRT7-AS model."""
    fewer = min(result.high, result.patients - result.high)
    width = _width(result.auc)
    sentences = [_signal(result.has_signal, result.auc, "The AUC", "high expression")]
    if width is not None:
        sentences.append(
            f"{result.patients} patients, {result.high} with high expression: the interval of the AUC is "
            f"{number(width)} wide; differences smaller than about {number(width / 2)} cannot be detected here."
        )
    else:
        sentences.append(f"{fewer} patients in the smaller group: no interval can be given.")
    if is_training(result.cohort):
        sentences.append(_APPARENT)
    sentences.append(
        f"Mean predicted probability {number(100 * result.predicted, 1)} %, observed share "
        f"{percent(result.observed)}; calibration slope {shown(result.calibration_slope)}."
    )
    return tuple(sentences)


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"


def _width(found: Found) -> float | None:
    if not isinstance(found, Estimate) or found.interval is None:
        return None
    return found.interval[1] - found.interval[0]


def _signal(has_signal: bool | None, found: Found, name: str, what: str) -> str:
    """The sentence on whether the score goes with the outcome at all."""
    if not isinstance(found, Estimate):
        return f"{name} cannot be computed: {found.reason}"
    if has_signal is None or found.interval is None:
        return f"{name} is {number(found.value)}, without an interval: whether there is a signal cannot be determined."
    if has_signal:
        return f"{name} is {shown(found)}: higher scores go with {what}."
    if found.interval[1] < 0.5:
        return f"{name} is {shown(found)}, below 0.5: the score is reversed for these patients."
    low, high = found.interval
    what_is = name.replace("The AUC", "the AUC")
    return (
        f"No signal: {what_is} is {number(found.value)}, and its interval ({number(low)}–{number(high)}) contains 0.5."
    )


def _precision(result: RecurrenceResult) -> str:
    width = _width(result.harrell_c)
    counted = f"{_events(result.events)} among {result.patients} patients"
    if width is None:
        return f"{counted}: too few for any interval; nothing can be concluded from these numbers."
    sentence = f"{counted}: the interval of C is {number(width)} wide"
    if result.events < FEW_EVENTS:
        return (
            f"{sentence}. Differences in C smaller than about {number(width / 2)}, between models or groups, cannot "
            "be detected here, and a few more or fewer patients with an event change every number."
        )
    return f"{sentence}; differences smaller than about {number(width / 2)} cannot be detected here."


def _hazard(result: RecurrenceResult) -> str:
    groups = result.groups
    sizes = f"{groups.high.patients} patients ({_events(groups.high.events)}) are above the cut-off"
    if not isinstance(groups.hazard_ratio_high, Estimate):
        reason = groups.hazard_ratio_high.reason
        return f"{sizes}; {log_rank_words(result)}. No hazard ratio: {reason[0].lower()}{reason[1:]}"
    return (
        f"{sizes}: hazard ratio high against low {ratio(groups.hazard_ratio_high)} (reference: low), which is low "
        f"against high {ratio(groups.hazard_ratio_low)} (reference: high); "
        f"{log_rank_words(result)}."
    )


def _calibration(horizon: HorizonResult, slope: Found) -> str:
    """The sentence that compares predicted with observed risk, and the slope."""
    predicted = f"Mean predicted risk at {horizon.months:g} months {number(100 * horizon.predicted_risk, 1)} %"
    observed = horizon.observed_risk
    if not isinstance(observed, Estimate):
        return f"{predicted}; the observed risk is not known: {observed.reason}"
    sentence = f"{predicted}, observed {percent(observed)}"
    if observed.interval is not None and not observed.interval[0] <= horizon.predicted_risk <= observed.interval[1]:
        sentence += ": the level is not right for these patients"
    if isinstance(slope, Estimate) and slope.interval is not None:
        sentence += f"; calibration slope {shown(slope)}"
        if slope.interval[1] < 1:
            sentence += ": predictions are too extreme"
        elif slope.interval[0] > 1:
            sentence += ": predictions are too timid"
    return sentence + "."
