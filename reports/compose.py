"""From numbers to one `Report`: its content, order and wording.

Encoders (PDF, SR) show a `Report` as it is. Grouping, rounding, choosing a slice or a feature happens here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.features.settings import FeatureSettings
from models.features.table import Feature, FeatureTable, feature_name
from models.inference.predict import Contribution, ModelOutcome, NotApplicable, Prediction, Quantity
from models.intended_use import NOT_CHECKED
from models.preprocessing.prepare import Prepared, PreparedSequence
from models.quality_notes import QualityNote, Severity
from models.validity import decide
from models.version import software_version
from models.volume import Region, Roi, Sequence, Volume
from reports import numerals, validity_words, wording
from reports.concepts import CUT_OFF
from reports.content import (
    ContributionGroup,
    KeyImage,
    Measurement,
    ModelSection,
    NotApplicableSection,
    RegionSection,
    Report,
    SeriesUsed,
    Subject,
)
from reports.feature_words import feature_label, group_label, short_feature_label, take_apart

LEADING_FEATURES = 10
SELECTED_FEATURES = {
    Region.INTRATUMORAL: (
        "original_shape_Maximum3DDiameter",
        "original_shape_MajorAxisLength",
        "original_shape_MinorAxisLength",
        "original_shape_SurfaceVolumeRatio",
        "original_shape_Sphericity",
        "original_firstorder_Mean",
        "original_firstorder_90Percentile",
        "original_firstorder_Entropy",
        "original_glcm_Contrast",
        "original_glcm_JointEntropy",
        "original_glszm_ZoneEntropy",
    ),
    Region.PERITUMORAL: (
        "original_firstorder_Mean",
        "original_firstorder_90Percentile",
        "original_firstorder_Entropy",
        "original_glcm_Contrast",
        "original_glcm_JointEntropy",
        "original_glszm_ZoneEntropy",
    ),
}

# A second direction is named at an edge when it turns by more than 15° towards it (sin 15°).
_OBLIQUE = 0.2588


def compose(
    *,
    subject: Subject,
    prepared: Prepared | None,
    features: FeatureTable | None,
    outcomes: Ordered[ModelOutcome | NotApplicable],
    series: Ordered[SeriesUsed],
    notes: Ordered[QualityNote],
    bias: str,
    settings: FeatureSettings,
    created: datetime,
    received: Mapping[Sequence, tuple[Volume, Roi]] | None = None,
    validity_settings: str = "",
) -> Report:
    """The report about one study, with or without results.

    Parameters
    ----------
    subject : patient and examination
    prepared, features : corrected images and regions, and all their features; None where nothing can be computed
    outcomes : results of the models, in the order of the report
    series : what was read, and why
    notes : doubts from reading and preprocessing; those of the outcomes are added
    bias : the bias correction in words
    settings : feature settings
    created : when the report is made, with time zone
    validity_settings : settings that decide the states, in words
    received : image and tumour as they were read, for the pictures of a report without `prepared`
    """
    applicable = [outcome for outcome in outcomes if isinstance(outcome, ModelOutcome)]
    skipped = [outcome for outcome in outcomes if isinstance(outcome, NotApplicable)]
    state = validity_words.overall(outcome.validity.state for outcome in applicable)
    regions: tuple[RegionSection, ...] = ()
    if prepared is not None and features is not None:
        pictures = {sequence: _Picture.of(one) for sequence, one in prepared.sequences.items()}
        regions = tuple(
            _region_section(sequence, region, one, features)
            for sequence in Sequence
            if (one := prepared.sequences.get(sequence)) is not None
            for region in Region
            if region in one.rois
        )
    else:
        pictures = {sequence: _Picture(volume, tumour.mask) for sequence, (volume, tumour) in (received or {}).items()}
    all_notes = [*notes, *(note for outcome in applicable for note in outcome.notes)]
    return Report(
        subject=subject,
        created=created,
        title=validity_words.titled(wording.TITLE, state),
        models=tuple(_model_section(outcome, features) for outcome in applicable),
        not_applicable=tuple(
            NotApplicableSection(
                outcome.model, wording.not_applicable_sentence(outcome.reason), is_expected=outcome.is_expected
            )
            for outcome in skipped
        ),
        regions=regions,
        key_images=tuple(_key_image(sequence, pictures[sequence]) for sequence in Sequence if sequence in pictures),
        series=tuple(series),
        notes=_warnings_first(all_notes),
        provenance=_provenance(subject, features, outcomes, bias=bias, settings=settings, created=created)
        | ({wording.VALIDITY_SETTINGS: validity_settings} if validity_settings else {}),
        notice=wording.NOTICE,
        notices=tuple(dict.fromkeys(outcome.model.notice for outcome in applicable if outcome.model.notice)),
        state=state,
        reasons=_reasons(applicable),
        not_checked=NOT_CHECKED,
    )


def _reasons(outcomes: Iterable[ModelOutcome]) -> tuple[str, ...]:
    """The sentences of all reasons, each once, the weightiest first."""
    return tuple(
        dict.fromkeys(
            reason.sentence
            for reason in decide(one for outcome in outcomes for one in outcome.validity.reasons).reasons
        )
    )


def _warnings_first(notes: Iterable[QualityNote]) -> tuple[QualityNote, ...]:
    """Each quality note once, warnings first, otherwise in order."""
    return tuple(sorted(dict.fromkeys(notes), key=lambda note: note.severity is not Severity.WARNING))


# --- models ----------------------------------------------------------------------------------------------------------


def _model_section(outcome: ModelOutcome, features: FeatureTable | None) -> ModelSection:
    """Score, survival at the horizons and cut-off of one model, as far as its validity allows."""
    validity, groups = outcome.validity, contribution_groups(outcome.contributions)
    group_label = None if outcome.group is None else wording.group_shown(outcome.quantity, outcome.group)
    measurements = _measurements(outcome)
    return ModelSection(
        model=outcome.model,
        quantity=outcome.quantity,
        validity=validity,
        headline=validity_words.headline(validity.state, group_label),
        lead=validity_words.lead(validity),
        measurements=measurements,
        group=outcome.group,
        group_label=group_label,
        conclusion=_conclusion(outcome, measurements),
        advice=validity_words.advice(validity),
        contributions=tuple((group.label, group.share) for group in groups),
        leading_features=tuple(
            _feature(features[contribution.feature]) for contribution in outcome.contributions[:LEADING_FEATURES]
        )
        if features is not None
        else (),
        provider=outcome.provider,
        contribution_groups=groups,
        range_note=""
        if outcome.plausible_range is None
        else f"{validity_words.RANGE_MEANS} {outcome.plausible_range.source}".strip(),
        about="" if outcome.training is None else wording.about_training(outcome.training, outcome.quantity),
    )


def _measurements(outcome: ModelOutcome) -> tuple[Measurement, ...]:
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
        _prediction(first, beside=outcome.cut_off, spread=(spread.low, spread.high) if spread else None),
        *(_prediction(one, spread=ranges.get(one.horizon_months or 0.0)) for one in survival),
        Measurement(
            key=CUT_OFF,
            label=wording.CUT_OFF_LABEL,
            value=outcome.cut_off,
            unit="1",
            shown=wording.quantity_shown(first.quantity, outcome.cut_off, beside=first.value),
            in_words=wording.cut_off_words(first.quantity, outcome.cut_off),
        ),
    )


def _conclusion(outcome: ModelOutcome, measurements: Ordered[Measurement]) -> str:
    """The answer in one or two sentences."""
    validity = outcome.validity
    if not measurements:
        return " ".join(dict.fromkeys(reason.sentence for reason in validity.decisive))
    score, *survival, cut_off = measurements
    return wording.conclusion(
        outcome.quantity,
        value_shown=score.shown,
        range_shown=score.range_shown,
        cut_off_shown=cut_off.shown,
        group=outcome.group,
        survival=[(p.horizon_months, p.value) for p in survival if p.horizon_months is not None],
    )


def _prediction(
    prediction: Prediction, *, beside: float | None = None, spread: tuple[float, float] | None = None
) -> Measurement:
    return Measurement(
        key=str(prediction.quantity),
        label=wording.quantity_label(prediction.quantity, prediction.horizon_months),
        value=prediction.value,
        unit="1",
        shown=wording.quantity_shown(prediction.quantity, prediction.value, beside=beside),
        horizon_months=prediction.horizon_months,
        interval=prediction.interval,
        in_words=wording.quantity_words(prediction.quantity, prediction.value, prediction.interval),
        plausible_range=spread,
        range_shown="" if spread is None else wording.range_shown(prediction.quantity, spread, beside=beside),
    )


def contribution_groups(contributions: Iterable[Contribution]) -> tuple[ContributionGroup, ...]:
    """Attributions summed over sequence × region × class, largest net movement first.

    Groups, not single features: between two models trained on the same data the leading features of one patient hardly
    overlap, the groups do. Names outside our naming form groups of their own. Empty when nothing moved the output.
    """
    members: dict[str, list[float]] = defaultdict(list)
    for contribution in contributions:
        parts = take_apart(contribution.feature)
        label = (
            contribution.feature if parts is None else group_label(parts.sequence, parts.region, parts.feature_class)
        )
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
        )
        for label, attributions in members.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-abs(group.share), group.label)))


# --- regions and images ----------------------------------------------------------------------------------------------


def _feature(feature: Feature, *, short: bool = False) -> Measurement:
    return Measurement(
        key=feature.name,
        label=numerals.sentence_case(short_feature_label(feature.name)) if short else feature_label(feature.name),
        value=feature.value,
        unit=feature.unit,
        shown=numerals.number(feature.value, feature.unit),
        ibsi=feature.ibsi,
    )


def _region_section(
    sequence: Sequence, region: Region, prepared: PreparedSequence, features: FeatureTable
) -> RegionSection:
    """Volume and selected features of one region on one sequence."""
    prefix = feature_name(sequence, region, "")
    volume_mm3 = prepared.rois[region].volume_mm3
    wanted = (feature_name(sequence, region, name) for name in SELECTED_FEATURES[region])
    return RegionSection(
        sequence=sequence,
        region=region,
        title=wording.region_title(sequence, region),
        volume=Measurement(
            key="volume",
            label=wording.VOLUME_LABEL,
            value=volume_mm3,
            unit="mm3",
            shown=numerals.volume(volume_mm3),
        ),
        features=tuple(_feature(f, short=True) for f in features.features if f.name.startswith(prefix)),
        leading=tuple(name for name in wanted if name in features),
    )


def edge_letters(direction: NDArray[np.float64]) -> tuple[str, str, str, str]:
    """Patient directions at the (left, right, top, bottom) edge of a slice.

    Parameters
    ----------
    direction : (3, 3), unit vectors of the (slice, row, column) axes as columns, patient LPS; the row index grows
        downwards in the picture, the column index to the right

    Notes
    -----
    The letters of DICOM's Patient Orientation (C.7.6.1.1.1): A, P, R, L, H, F. An edge of an oblique slice gets more
    than one, the strongest first, for every axis it is turned towards by more than 15°.
    """
    down, right = direction[:, 1], direction[:, 2]
    return _letters(-right), _letters(right), _letters(-down), _letters(down)


def _letters(vector: NDArray[np.float64]) -> str:
    named = [("L", "R"), ("P", "A"), ("H", "F")]
    order = sorted(range(3), key=lambda axis: -abs(float(vector[axis])))
    return "".join(
        named[axis][0 if vector[axis] > 0 else 1]
        for place, axis in enumerate(order)
        if place == 0 or abs(vector[axis]) > _OBLIQUE
    )


@dataclass(frozen=True, eq=False)
class _Picture:
    """Image, tumour and shell on one grid; without a shell where none was made."""

    volume: Volume
    tumour: NDArray[np.bool_]
    shell: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, prepared: PreparedSequence) -> _Picture:
        shell = prepared.rois.get(Region.PERITUMORAL)
        return cls(prepared.volume, prepared.rois[Region.INTRATUMORAL].mask, None if shell is None else shell.mask)


def _key_image(sequence: Sequence, picture: _Picture) -> KeyImage:
    """The slice with the largest area of tumour, with the outlines of the regions."""
    tumour, shell = picture.tumour, picture.shell
    areas = np.count_nonzero(tumour, axis=(1, 2))
    index = int(np.argmax(areas))
    _, row_mm, column_mm = picture.volume.spacing_mm
    return KeyImage(
        sequence=sequence,
        pixels=picture.volume.voxels[index],
        tumour=tumour[index],
        shell=np.zeros_like(tumour[index]) if shell is None else shell[index],
        pixel_spacing_mm=(row_mm, column_mm),
        slice_index=index,
        edges=edge_letters(picture.volume.direction),
        caption=wording.key_image_caption(
            sequence,
            slice_index=index,
            slices=picture.volume.shape[0],
            area_mm2=float(areas[index]) * row_mm * column_mm,
        ),
    )


# --- provenance ------------------------------------------------------------------------------------------------------


def _provenance(
    subject: Subject,
    features: FeatureTable | None,
    outcomes: Ordered[ModelOutcome | NotApplicable],
    *,
    bias: str,
    settings: FeatureSettings,
    created: datetime,
) -> dict[str, str]:
    """Software, settings, models and time behind the numbers, as label → value."""
    providers = dict.fromkeys(outcome.provider for outcome in outcomes if isinstance(outcome, ModelOutcome))
    return {
        wording.SOFTWARE: f"rdeepnet {software_version()}",
        wording.CREATED: wording.moment_shown(created),
        wording.STUDY_UID: subject.study_instance_uid,
        wording.BIAS: bias,
        wording.INTENSITIES: wording.intensities_words(settings),
        wording.IMAGE_TYPES: wording.image_types_words(settings),
        wording.ENGINE: features.engine if features is not None else wording.NOT_STATED,
        wording.FEATURE_COUNT: str(0 if features is None else len(features)),
        wording.SETTINGS_DIGEST: settings.digest() if features is None else features.settings_digest,
        **{
            wording.model_provenance_label(outcome.model.name): wording.model_provenance(
                outcome.model.version, outcome.model.digest
            )
            for outcome in outcomes
        },
        wording.PROVIDER: numerals.joined(list(providers)) or wording.NOT_STATED,
    }
