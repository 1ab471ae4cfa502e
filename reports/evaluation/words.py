"""Sentences and numbers of an evaluation."""

from __future__ import annotations

from functools import partial
from typing import Final

from models.evaluation.results import ExpressionResult, HorizonResult, RecurrenceResult
from models.evaluation.withheld import WithheldGroups
from models.inference.plausible_range import FACTOR
from models.number_words import apart, counted, fixed, share_of
from models.statistics.bootstrap import FEWEST_EVENTS
from models.statistics.estimate import Estimate, Found

FEW_EVENTS: Final = 30  # below, the sentence on what the interval can show is a warning
_NOT_KNOWN = (
    "The name of this cohort says that the model was trained on it: then these numbers are apparent, no evidence for "
    "new patients. Whether it was is not known, since the package has no fingerprints of its training rows."
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
        "Smooth calibration curve: Cox regression on log(-log(1 - predicted risk)), stopped at the time, with a "
        "restricted cubic spline of three knots, a straight line with fewer than 20 events (Austin 2020). ICI, E50 and "
        "E90: mean, median and 90th percentile over the patients of its distance from the prediction."
    ),
    (
        "Kaplan-Meier limits: Wilson's, with the number of patients that would give Greenwood's variance (Rothman "
        "1978). Log-rank test: Mantel 1966. Hazard ratios: Cox regression, Efron's method for ties, profile limits "
        "with Firth's penalty (Heinze and Schemper 2001). The paper prints low against high risk (reference: high); "
        "both directions are given."
    ),
    "Follow-up: reverse Kaplan-Meier (Schemper and Smith 1996). Net benefit: Vickers 2006, 2008; bootstrap band.",
    (
        "Intervals are 95 %. C and AUC: Wilson's with the effective number of observations, smoothed by half a case "
        "of each kind; sensitivity and specificity: Wilson's with Kish's effective number; Brier scores of the model: "
        "log scale, Student's t of the events; of Kaplan-Meier and scaled: bootstrap percentiles. With fewer than "
        f"{FEWEST_EVENTS} events an interval holds and says little. Subgroups were not corrected for their number."
    ),
)
EXPRESSION_METHODS: Final = (
    "Probabilities come from the package as it is; the cut-off was not fitted to these patients.",
    (
        "AUC with Wilson's interval of its effective number of observations, smoothed by half a patient of each kind; "
        "shares with Wilson's interval; calibration slope by logistic "
        "regression on the logit of the probability (1 is right). The Brier score is compared with that of the "
        "observed share."
    ),
    (
        "Smooth calibration curve: logistic regression on the logit of the probability with a restricted cubic spline "
        "of three knots, a straight line with fewer than 20 patients on one side; ICI, E50 and E90: mean, median and "
        "90th percentile over the patients of its distance from the prediction (Austin 2019). Net benefit: Vickers "
        "2006, with a bootstrap band."
    ),
)

WITHHELD_MEANS: Final = (
    "Each refit of the package (the recipe trained again on a bootstrap sample) is compared with a range made of the "
    "others. Refits share two thirds of their patients: what the range holds of an independent training is in the "
    "model card."
)


def number(value: float, digits: int = 2) -> str:
    """A number with fixed digits and a real minus sign, none before zero."""
    return fixed(value, digits).replace("-", "−")


def shown(found: Found, digits: int = 2, *, beside: float | None = None) -> str:
    """ "0.84 (0.80–0.88)"; "–" where there is no number.

    With `beside`, more digits where fewer would hide on which side of it a limit of the interval lies.
    """
    if not isinstance(found, Estimate):
        return "–"
    if found.interval is None:
        return f"{number(found.value, digits)} (no interval)"
    if beside is not None:
        digits = _digits_beside(found.interval, beside, digits)
    low, high = found.interval
    return f"{number(found.value, digits)} ({number(low, digits)}–{number(high, digits)})"


def _digits_beside(limits: tuple[float, float], beside: float, digits: int, *, scale: int = 1) -> int:
    """Decimals, `digits` or more, that show on which side of `beside` each limit lies."""
    write = partial(fixed, scale=scale)
    return max(len(apart(limit, beside, write, places=digits)[0].partition(".")[2]) for limit in limits)


def share(value: float, digits: int = 1) -> str:
    """A share (of 1): "6.5 %", "0.03 %", never "0.0 %" for more than none of something."""
    return share_of(value, digits).replace("%", " %")


def percent(found: Found, digits: int = 1) -> str:
    """ "6.5 % (4.1–8.8)"."""
    if not isinstance(found, Estimate):
        return "–"
    if found.interval is None:
        return share(found.value, digits)
    low, high = (share_of(limit, digits).removesuffix("%") for limit in found.interval)
    return f"{share(found.value, digits)} ({low}–{high})"


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
    flips = "none is another one" if not at.flips_shown else f"{share(at.flips_shown)} are another one"
    return (
        f"{share(at.withheld, 0)} of {counted(found.patients, 'patient is', 'patients are')} between the groups "
        f"(plausible range ± {FACTOR:g} standard deviations, other contours left out); of the groups shown, {flips} in "
        "a refit."
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
    sentences += _trained_on(result)
    sentences.append(_hazard(result))
    if result.horizons:
        sentences.append(_calibration(result.horizons[-1], result.calibration_slope))
    return tuple(sentences)


def headline(result: RecurrenceResult | ExpressionResult) -> str:
    """The first conclusion, with the warning that belongs to it."""
    sentence = (conclusions(result) if isinstance(result, RecurrenceResult) else expression_conclusions(result))[0]
    overlap = result.overlap
    if overlap is None or not overlap.trained_on:
        return sentence
    if overlap.is_apparent:
        return f"{sentence} Apparent: the model was trained on {overlap.in_words()}."
    return f"{sentence} The model was trained on {overlap.in_words()}."


def _trained_on(result: RecurrenceResult | ExpressionResult) -> list[str]:
    """Sentences by the fingerprints; without any, what the name of the cohort suggests."""
    overlap = result.overlap
    if overlap is None:
        return [_NOT_KNOWN] if is_training(result.cohort) else []
    if not overlap.trained_on:
        return []
    sentence = f"The model was trained on {overlap.in_words()}"
    if overlap.is_apparent:
        return [f"{sentence}: these numbers are apparent, no evidence for new patients."]
    return [f"{sentence}: without them the numbers may be worse."]


def expression_conclusions(result: ExpressionResult) -> tuple[str, ...]:
    """The same for a KRT7-AS model."""
    fewer = min(result.high, result.patients - result.high)
    width = _width(result.auc)
    sentences = [_signal(result.has_signal, result.auc, "The AUC", "high expression")]
    if width is not None:
        sentences.append(
            f"{counted(result.patients, 'patient')}, {result.high} with high expression: the interval of the AUC is "
            f"{number(width)} wide; differences smaller than about {number(width / 2)} cannot be detected here."
        )
    else:
        sentences.append(f"{counted(fewer, 'patient')} in the smaller group: no interval can be given.")
    sentences += _trained_on(result)
    sentences.append(
        f"Mean predicted probability {share(result.predicted)}, observed share "
        f"{percent(result.observed)}; calibration slope {shown(result.calibration_slope)}."
    )
    return tuple(sentences)


def _width(found: Found) -> float | None:
    if not isinstance(found, Estimate) or found.interval is None:
        return None
    return found.interval[1] - found.interval[0]


def _signal(has_signal: bool | None, found: Found, name: str, what: str) -> str:
    """The sentence on whether the score goes with the outcome at all."""
    if not isinstance(found, Estimate):
        return f"{name} cannot be computed: {found.reason}"
    if has_signal is None or found.interval is None:
        return f"{name} is {shown(found)}: from so few patients whether there is a signal cannot be determined."
    if has_signal:
        return f"{name} is {shown(found, beside=0.5)}: higher scores go with {what}."
    if found.interval[1] < 0.5:
        return f"{name} is {shown(found, beside=0.5)}, below 0.5: the score is reversed for these patients."
    low, high = found.interval
    what_is = name.replace("The AUC", "the AUC")
    return (
        f"No signal: {what_is} is {number(found.value)}, and its interval ({number(low)}–{number(high)}) contains 0.5."
    )


def _precision(result: RecurrenceResult) -> str:
    width = _width(result.harrell_c)
    sample = f"{counted(result.events, 'event')} among {counted(result.patients, 'patient')}"
    if width is None:
        return f"{sample}: too few for any interval; nothing can be concluded from these numbers."
    sentence = f"{sample}: the interval of C is {number(width)} wide"
    if result.events < FEWEST_EVENTS:
        return f"{sentence}. Too few events to tell anything."
    if result.events < FEW_EVENTS:
        return (
            f"{sentence}. Differences in C smaller than about {number(width / 2)}, between models or groups, cannot "
            "be detected here, and a few more or fewer patients with an event change every number."
        )
    return f"{sentence}; differences smaller than about {number(width / 2)} cannot be detected here."


def _hazard(result: RecurrenceResult) -> str:
    groups = result.groups
    verb = "is" if groups.high.patients == 1 else "are"
    events = counted(groups.high.events, "event")
    sizes = f"{counted(groups.high.patients, 'patient')} ({events}) {verb} above the cut-off"
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
    observed, digits = horizon.observed_risk, 1
    if isinstance(observed, Estimate) and observed.interval is not None:
        digits = _digits_beside(observed.interval, horizon.predicted_risk, digits, scale=100)
    predicted = f"Mean predicted risk at {horizon.months:g} months {share(horizon.predicted_risk, digits)}"
    if not isinstance(observed, Estimate):
        return f"{predicted}; the observed risk is not known: {observed.reason}"
    sentence = f"{predicted}, observed {percent(observed, digits)}"
    if observed.interval is not None and not observed.interval[0] <= horizon.predicted_risk <= observed.interval[1]:
        sentence += ": the level is not right for these patients"
    if isinstance(slope, Estimate) and slope.interval is not None:
        sentence += f"; calibration slope {shown(slope, beside=1)}"
        if slope.interval[1] < 1:
            sentence += ": predictions are too extreme"
        elif slope.interval[0] > 1:
            sentence += ": predictions are too timid"
    return sentence + "."
