"""From the features of one patient to the outcome of every model.

A model that needs a sequence the study lacks is not run, and its outcome gives the reason. Doubts about a prediction
are part of its outcome, and the reasons against it decide its validity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Seq

import numpy as np
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.features.table import FeatureTable
from models.inference.familiarity import Measures
from models.inference.outcome import (
    Contribution,
    Group,
    ModelIdentity,
    ModelOutcome,
    NotApplicable,
    PlausibleRange,
    Prediction,
    Quantity,
    TrainingFacts,
)
from models.inference.package import FeatureOrigin, ModelPackage
from models.inference.plausible_range import range_reasons
from models.inference.range_of_study import Contours, range_of
from models.inference.runtime import LoadedModel
from models.inference.tasks import TASKS
from models.inference.verdicts import FEW_PER_PARAMETER, FEWEST_PER_PARAMETER, few_per_parameter, rarer
from models.note_reasons import reasons_of
from models.number_words import apart, counted, share_of
from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State, decide
from models.volume import Sequence

__all__ = [
    "predict",
    "Contribution",
    "Group",
    "ModelIdentity",
    "ModelOutcome",
    "NotApplicable",
    "PlausibleRange",
    "Prediction",
    "Quantity",
]

FAR = 4.0  # standard deviations; the models see nothing beyond
FAR_RATIO = 1.5  # times the limit of 99%: one in a thousand new patients is farther, or fewer
_NAMED = 5  # of the features that lie so far


def predict(
    features: FeatureTable,
    models: Seq[LoadedModel],
    *,
    missing: Mapping[Sequence, str],
    bias: str | None = None,
    reasons: Iterable[Reason] = (),
    contours: Contours | None = None,
) -> tuple[ModelOutcome | NotApplicable, ...]:
    """Run every model.

    Parameters
    ----------
    features : features of the sequences the study has
    models : in the order of the report
    missing : why a sequence is absent, e.g. {Sequence.T2W: "no T2W series was found"}
    bias : name of the bias correction of the images; compared with that of the training when given
    reasons : what is against an answer to this study, whatever the model
    contours : features of other contours of the tumour; asked only where they can decide a group. None: there are none

    Returns
    -------
    One outcome for each model, in order. A model that stands in for another one is not run where that one is: a
    study gets one answer to one question.

    Raises
    ------
    StudyRejected
        When no model is applicable, or the table lacks a feature that a model needs although its sequence is present.
    """
    against = tuple(reasons)
    return _each(models, missing, lambda model: _ask(features, model, bias, against, contours))


def not_computed(
    models: Seq[LoadedModel], *, missing: Mapping[Sequence, str], reasons: Iterable[Reason]
) -> tuple[ModelOutcome | NotApplicable, ...]:
    """The outcomes of a study on which nothing can be computed; one of `reasons` forces NOT_COMPUTABLE.

    Raises
    ------
    StudyRejected
        As `predict`.
    """
    validity = decide(reasons)

    def none(model: LoadedModel) -> ModelOutcome:
        package = model.package
        return ModelOutcome(
            model=package.identity,
            quantity=TASKS[package.task].quantity,
            predictions=(),
            cut_off=package.cut_off,
            group=None,
            contributions=(),
            provider=model.provider,
            validity=validity,
            training=_training(package),
            sequences=package.sequences,
            horizons_months=package.horizons_months,
        )

    return _each(models, missing, none)


def _each(
    models: Seq[LoadedModel], missing: Mapping[Sequence, str], ask: Callable[[LoadedModel], ModelOutcome]
) -> tuple[ModelOutcome | NotApplicable, ...]:
    """The outcome of each model: of those that are run by `ask`."""
    complete = [model.package for model in models if not set(model.package.sequences) & set(missing)]
    asked = {package.identity.name: package for package in complete}
    outcomes = tuple(_not_asked(model.package, asked, missing) or ask(model) for model in models)
    if not any(isinstance(outcome, ModelOutcome) for outcome in outcomes):
        reasons = "; ".join(f"{o.model.name}: {o.reason}" for o in outcomes if isinstance(o, NotApplicable))
        found = "The only model is not" if len(models) == 1 else f"None of the {len(models)} models is"
        raise StudyRejected(
            f"{found} applicable ({reasons or 'no model is loaded'}); send the study with the missing series, or "
            "configure a model package that does without."
        )
    return outcomes


def _not_asked(
    package: ModelPackage, asked: Mapping[str, ModelPackage], missing: Mapping[Sequence, str]
) -> NotApplicable | None:
    """Reason not to run a model, or None; `asked`: the packages whose sequences are all present, by name."""
    reasons = [missing[sequence] for sequence in package.sequences if sequence in missing]
    if reasons:
        return _not_applicable(package, " and ".join(reasons))
    other = asked.get(package.stands_in_for)
    if other is None:
        return None
    sequences = " and ".join(sequence.label for sequence in other.sequences)
    reason = (
        f"it substitutes for '{other.identity.title}', which was run because the study has all it needs ({sequences})"
    )
    return _not_applicable(package, reason, is_expected=True)


def _not_applicable(package: ModelPackage, reason: str, *, is_expected: bool = False) -> NotApplicable:
    return NotApplicable(
        package.identity,
        reason,
        is_expected=is_expected,
        quantity=TASKS[package.task].quantity,
        horizons_months=package.horizons_months,
    )


def _ask(
    features: FeatureTable,
    model: LoadedModel,
    bias: str | None,
    against: Iterable[Reason],
    contours: Contours | None,
) -> ModelOutcome:
    """The answer of one model to the features of one patient, with its doubts; `against` is what the study says."""
    package = model.package
    values = features.vector(package.inputs)
    output = model.explain(values[np.newaxis])
    score = float(output.score[0])
    survival = package.survival(score)
    origin = _origin_notes(package, features, bias)
    measures = package.familiarity.measures(values[np.newaxis], low=package.low, high=package.high)
    reasons = (
        *against,
        *signal_reasons(package),
        *parameter_reasons(package),
        *familiarity_reasons(package, measures)[0],
        *reasons_of(origin),
    )
    found: PlausibleRange | None = None
    of_range: tuple[Reason, ...] = ()
    if decide(reasons).state.shows_score:
        found = range_of(model, values, output, contours)
        of_range = range_reasons(package, found)
    outcome = ModelOutcome(
        model=package.identity,
        quantity=TASKS[package.task].quantity,
        training=_training(package),
        sequences=package.sequences,
        horizons_months=package.horizons_months,
        plausible_range=found,
        rank=None if package.training_scores is None else package.training_scores.rank(score),
        predictions=(
            Prediction(TASKS[package.task].quantity, score),
            *(Prediction(Quantity.RFS, value, horizon_months=months) for months, value in survival.items()),
        ),
        cut_off=package.cut_off,
        group=Group.HIGH if score > package.cut_off else Group.LOW,
        contributions=_contributions(package.inputs, values, output.attributions[0]),
        provider=model.provider,
        notes=(
            *model.notes,
            *origin,
            *unfamiliar(package, values),
            *no_signal(package),
        ),
    )
    return outcome.held_to((*reasons, *of_range))


def _training(package: ModelPackage) -> TrainingFacts:
    found, training = package.out_of_fold, package.training
    scores = package.training_scores
    return TrainingFacts(
        data=training.data,
        patients=training.patients,
        events=training.events,
        statistic=TASKS[package.task].statistic,
        value=found.value,
        low=found.low,
        high=found.high,
        groups=() if scores is None else scores.groups,
        hazard_ratio=None if scores is None else scores.hazard_ratio,
    )


def _contributions(
    names: tuple[str, ...], values: NDArray[np.float64], attributions: NDArray[np.float64]
) -> tuple[Contribution, ...]:
    order = np.argsort(-np.abs(attributions), kind="stable")
    return tuple(Contribution(names[i], float(values[i]), float(attributions[i])) for i in order)


def _origin_notes(package: ModelPackage, features: FeatureTable, bias: str | None) -> tuple[QualityNote, ...]:
    """Differences between the origins of these and of the training features; empty texts match anything."""
    trained, found = package.origin, FeatureOrigin(features.settings_digest, features.engine, bias or "")
    notes = []
    if trained.settings_digest and found.settings_digest != trained.settings_digest:
        notes.append(
            QualityNote(
                code="feature-settings-differ",
                severity=Severity.WARNING,
                sentence=(
                    f"The features were extracted with settings {found.settings_digest[:12]}, but the model "
                    f"'{package.identity.name}' was trained with settings {trained.settings_digest[:12]}: its numbers "
                    "are not comparable with those of its training patients."
                ),
            )
        )
    if trained.bias_correction and found.bias_correction and found.bias_correction != trained.bias_correction:
        notes.append(
            QualityNote(
                code="bias-correction-differs",
                severity=Severity.WARNING,
                sentence=(
                    f"The images were corrected with '{found.bias_correction}', but the model "
                    f"'{package.identity.name}' was trained on images corrected with '{trained.bias_correction}'."
                ),
            )
        )
    if trained.engine and found.engine != trained.engine:
        # A note: the engines of this product are held equal to 1e-9 by its tests.
        notes.append(
            QualityNote(
                code="feature-engine-differs",
                severity=Severity.NOTE,
                sentence=(
                    f"The features were computed by '{found.engine}'; those of the training patients of "
                    f"'{package.identity.name}' by '{trained.engine}'."
                ),
            )
        )
    return tuple(notes)


def unfamiliar(package: ModelPackage, values: NDArray[np.float64]) -> tuple[QualityNote, ...]:
    """A quality note where the inputs (inputs,) are unlike those of the training patients, with what differs."""
    measures = package.familiarity.measures(values[np.newaxis], low=package.low, high=package.high)
    limits = package.familiarity.limits
    if not measures.exceed(limits)[0]:
        return ()
    residual, distance, share = (float(one[0]) for one in (measures.residual, measures.distance, measures.share))
    reasons = []
    if residual > limits.residual:
        reasons.append(
            f"they do not follow the pattern of the training patients (residual {_beside(residual, limits.residual)})"
        )
    if distance > limits.distance:
        reasons.append(f"they are far along that pattern (Mahalanobis distance {_beside(distance, limits.distance)})")
    if share > limits.share:
        shown, limit = apart(share, limits.share, share_of, places=0)
        reasons.append(
            f"{round(share * values.size)} of {values.size} ({shown}) lie outside the range of 99% of them "
            f"(limit {limit})"
        )
    return (
        QualityNote(
            code="unlike-training-patients",
            severity=Severity.WARNING,
            sentence=(
                f"The inputs of the model '{package.identity.name}' are unlike those of its training patients: "
                f"{'; '.join(reasons)}. 99% of new patients from the same source stay below each limit."
                f"{_far_inputs(package, values)}"
            ),
        ),
    )


def _beside(value: float, limit: float) -> str:
    """A value beside a limit that it exceeds, with as many digits as tell the two apart, at least two."""
    digits = next((n for n in range(2, 17) if f"{value:.{n}g}" != f"{limit:.{n}g}"), 17)
    return f"{value:.{digits}g}, limit {limit:.{digits}g}"


def _far_inputs(package: ModelPackage, values: NDArray[np.float64]) -> str:
    z = package.familiarity.scaled(values[np.newaxis])[0]
    order = np.argsort(-np.abs(z), kind="stable")
    far = order[np.abs(z[order]) > FAR]
    if not far.size:
        return ""
    shown = (f"{package.inputs[package.familiarity.used[place]]} ({z[place]:+.1f})" for place in far[:_NAMED])
    return (
        f" {far.size} input{'s are' if far.size > 1 else ' is'} more than {FAR:g} standard deviations from the mean: "
        f"{', '.join(shown)}{', …' if far.size > _NAMED else ''}."
    )


def familiarity_reasons(package: ModelPackage, measures: Measures) -> tuple[tuple[Reason, ...], ...]:
    """For each patient the reasons against an answer because the inputs are far from those of training.

    Above a limit that 99% of held-out patients keep the answer is conditional. More than `FAR_RATIO` times a limit, or
    more inputs beyond `FAR` standard deviations than 99.9% of them have, there is none: the model sees such inputs as
    if they were at that distance, so that its score is the score of somebody else. A package that does not state the
    limits of the count is held to the ratio alone, and the sentence says so.
    """
    ratios = measures.ratio(package.familiarity.limits)
    return tuple(
        _distance_reasons(package, float(ratio), int(count))
        for ratio, count in zip(ratios, measures.count, strict=True)
    )


def _distance_reasons(package: ModelPackage, ratio: float, count: int) -> tuple[Reason, ...]:
    limits = package.familiarity.limits
    is_many = limits.count is not None and count > limits.count
    is_too_many = limits.count_outside is not None and count > limits.count_outside
    if not (ratio > 1 or is_many):
        return ()
    is_outside = ratio > FAR_RATIO or is_too_many
    usual = (
        "how many are usual this package does not state"
        if limits.count is None
        else f"{limits.count:.0f} at most in 99% of new patients"
    )
    sentence = (
        f"The images are {'far from' if is_outside else 'unlike'} those of the training patients of "
        f"'{package.identity.name}': {ratio:.2f} times the limit that 99% of new patients keep, and {count} of "
        f"{counted(len(package.inputs), 'input')} beyond {FAR:g} standard deviations ({usual})."
    )
    if is_outside:
        sentence += " A score would be extrapolated: the model sees such inputs as if they were closer."
    if package.familiarity_test is not None and package.familiarity_test.blind_to:
        sentence += f" This comparison cannot tell: {', '.join(package.familiarity_test.blind_to)}."
    state = State.OUTSIDE if is_outside else State.CONDITIONAL
    expected = f"at most 1 times the limit{'' if limits.count is None else f', {limits.count:.0f} inputs'}"
    return (
        Reason(
            "unlike-training-patients",
            state,
            sentence,
            f"{ratio:.2f} times the limit, {counted(count, 'input')}",
            expected,
        ),
    )


def signal_reasons(package: ModelPackage) -> tuple[Reason, ...]:
    """The reason against any answer of a model that could not be shown to tell patients apart."""
    if package.out_of_fold.has_signal:
        return ()
    sentence = (
        f"The model '{package.identity.name}' could not be shown to tell patients apart: "
        f"{TASKS[package.task].statistic} {package.out_of_fold.in_words()} out of fold, and 0.50 is chance."
    )
    return (Reason("no-signal", State.OUTSIDE, sentence, package.out_of_fold.in_words(), "an interval above 0.50"),)


def parameter_reasons(package: ModelPackage) -> tuple[Reason, ...]:
    """The reason against taking any answer of a model of too many parameters for its events as it is."""
    sentence = few_per_parameter(package.task, package.training)
    if sentence is None:
        return ()
    return (
        Reason(
            FEW_PER_PARAMETER,
            State.CONDITIONAL,
            f"The model '{package.identity.name}': {sentence[0].lower()}{sentence[1:]}",
            f"{rarer(package.task, package.training) / (package.training.effective_parameters or 1):.1f}",
            f"at least {FEWEST_PER_PARAMETER} events for each effective parameter",
        ),
    )


def no_signal(package: ModelPackage) -> tuple[QualityNote, ...]:
    """A quality note where the model could not be shown to discriminate even between its training patients."""
    found = package.out_of_fold
    if found.has_signal:
        return ()
    return (
        QualityNote(
            code="no-signal",
            severity=Severity.WARNING,
            sentence=(
                f"The model '{package.identity.name}' showed no signal in its training: "
                f"{TASKS[package.task].statistic} {found.value:.2f} out of fold, 95% interval {found.low:.2f} to "
                f"{found.high:.2f}, which does not lie above the 0.50 of chance. Its numbers say nothing about this "
                "patient."
            ),
        ),
    )
