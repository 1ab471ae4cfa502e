"""From the outcome of one model to its section of the report: numbers, conclusion, contributions, training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from dataclasses import replace

from models.features.table import FeatureTable
from models.inference.outcome import ScoreRank
from models.inference.predict import Contribution, ModelOutcome, Prediction, Quantity
from models.volume import Region, Sequence
from reports.concepts import CONCEPTS, CUT_OFF
from reports.content import (
    ContributionGroup,
    Measurement,
    ModelSection,
    TrainingCurve,
    TrainingGroups,
)
from reports.feature_words import FeatureClass, take_apart
from reports.languages.languages import ENGLISH
from reports.languages.words import Sentences, Words
from reports.region_sections import feature_row

LEADING_FEATURES = 10


def model_section(outcome: ModelOutcome, features: FeatureTable | None, words: Words = ENGLISH) -> ModelSection:
    """Score, survival at the horizons and cut-off of one model, as far as its validity allows."""
    say = words.say
    validity, groups = outcome.validity, contribution_groups(outcome.contributions, say)
    group_label = None if outcome.group is None else say.group_shown(outcome.quantity, outcome.group)
    measurements = _measurements(outcome, words)
    return ModelSection(
        model=outcome.model,
        quantity=outcome.quantity,
        validity=validity,
        headline=say.headline(validity.state, group_label),
        lead=say.lead(validity),
        measurements=measurements,
        group=outcome.group,
        group_label=group_label,
        conclusion=_conclusion(outcome, measurements, words),
        advice=say.advice(validity),
        contributions=tuple((group.label, group.share) for group in groups),
        leading_features=tuple(
            feature_row(features[contribution.feature], say)
            for contribution in outcome.contributions[:LEADING_FEATURES]
        )
        if features is not None
        else (),
        provider=outcome.provider,
        contribution_groups=groups,
        range_note=""
        if outcome.plausible_range is None
        else say.in_a_row([words.labels.range_means, outcome.plausible_range.source]),
        about=_about(outcome, say),
        training_groups=_training_groups(outcome, words) if outcome.validity.state.shows_score else None,
        sequences=outcome.sequences,
        horizons_months=outcome.horizons_months,
    )


def _about(outcome: ModelOutcome, say: Sentences) -> str:
    """Training of the model, and the place of the score among those of its training patients."""
    sentences = []
    if outcome.training is not None:
        sentences.append(say.about_training(outcome.training, outcome.quantity))
    if outcome.rank is not None:
        sentences.append(say.rank_sentence(outcome.rank, outcome.quantity))
    return say.in_a_row(sentences)


def _training_groups(outcome: ModelOutcome, words: Words) -> TrainingGroups | None:
    """The risk groups among the training patients, where the package holds them."""
    if outcome.training is None or not outcome.training.groups:
        return None
    groups = outcome.training.groups
    marks = max((curve.at_risk_months for curve in groups), key=len)
    return TrainingGroups(
        title=words.labels.training_groups,
        curves=tuple(
            TrainingCurve(
                curve.group,
                words.say.curve_label(curve),
                curve.survival,
                tuple((month, str(count)) for month, count in zip(curve.at_risk_months, curve.at_risk, strict=True)),
            )
            for curve in groups
        ),
        ticks=tuple((month, str(month)) for month in marks),
        unit=words.labels.months,
        at_risk_label=words.labels.at_risk,
        note=words.say.hazard_ratio_words(outcome.training.hazard_ratio),
    )


def _measurements(outcome: ModelOutcome, words: Words) -> tuple[Measurement, ...]:
    """Score, survival by horizon and cut-off; nothing where the state does not allow a score."""
    if not outcome.predictions:
        return ()
    first, spread = outcome.predictions[0], outcome.plausible_range
    survival = sorted(
        (prediction for prediction in outcome.predictions if prediction.quantity is Quantity.RFS),
        key=lambda prediction: prediction.horizon_months or 0.0,
    )
    ranges = {one.horizon_months: (one.low, one.high) for one in spread.survival} if spread else {}
    return (
        replace(
            _prediction(first, words.say, beside=outcome.cut_off, spread=(spread.low, spread.high) if spread else None),
            percentile=_percentile(outcome.rank),
        ),
        *(_prediction(one, words.say, spread=ranges.get(one.horizon_months or 0.0)) for one in survival),
        Measurement(
            key=CUT_OFF,
            label=words.labels.cut_off,
            value=outcome.cut_off,
            unit=CONCEPTS[first.quantity].unit,
            shown=words.say.quantity_shown(first.quantity, outcome.cut_off, beside=first.value),
            in_words=words.say.cut_off_words(first.quantity, outcome.cut_off),
        ),
    )


def _percentile(rank: ScoreRank | None) -> float | None:
    """The place of a score among those of the training patients, where it is a number and no limit."""
    return 100 * rank.low if rank is not None and rank.low == rank.high else None


def _conclusion(outcome: ModelOutcome, measurements: Ordered[Measurement], words: Words) -> str:
    """The answer in one or two sentences."""
    validity = outcome.validity
    if not measurements:
        return words.say.in_a_row(list(dict.fromkeys(reason.sentence for reason in validity.decisive)))
    score, *survival, cut_off = measurements
    return words.say.conclusion(
        outcome.quantity,
        value_shown=score.shown,
        range_shown=score.range_shown,
        cut_off_shown=cut_off.shown,
        group=outcome.group,
        survival=[(p.horizon_months, p.value) for p in survival if p.horizon_months is not None],
    )


def _prediction(
    prediction: Prediction, say: Sentences, *, beside: float | None = None, spread: tuple[float, float] | None = None
) -> Measurement:
    return Measurement(
        key=str(prediction.quantity),
        label=say.quantity_label(prediction.quantity, prediction.horizon_months),
        value=prediction.value,
        unit=CONCEPTS[prediction.quantity].unit,
        shown=say.quantity_shown(prediction.quantity, prediction.value, beside=beside),
        horizon_months=prediction.horizon_months,
        interval=prediction.interval,
        in_words=say.quantity_words(prediction.quantity, prediction.value, prediction.interval),
        plausible_range=spread,
        range_shown="" if spread is None else say.range_shown(prediction.quantity, spread, beside=beside),
    )


def contribution_groups(
    contributions: Iterable[Contribution], say: Sentences = ENGLISH.say
) -> tuple[ContributionGroup, ...]:
    """Attributions summed over sequence × region × class, largest net movement first.

    Groups, not single features: between two models trained on the same data the leading features of one patient hardly
    overlap, the groups do. Names outside our naming form groups of their own. Empty when nothing moved the output.
    """
    members: dict[str, list[float]] = defaultdict(list)
    kinds: dict[str, tuple[Sequence, Region, FeatureClass]] = {}
    for contribution in contributions:
        parts = take_apart(contribution.feature)
        label = contribution.feature
        if parts is not None:
            label = say.group_label(parts.sequence, parts.region, parts.feature_class)
            kinds[label] = parts.sequence, parts.region, parts.feature_class
        members[label].append(contribution.attribution)
    total = sum(abs(sum(attributions)) for attributions in members.values())
    if total == 0:
        return ()
    groups = [
        ContributionGroup(
            label=label,
            features=len(attributions),
            share=sum(attributions) / total,
            raising=sum(a for a in attributions if a > 0) / total,
            lowering=sum(a for a in attributions if a < 0) / total,
            kind=kinds.get(label),
        )
        for label, attributions in members.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-abs(group.share), group.label)))
