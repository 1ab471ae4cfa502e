"""From numbers to one `Report`: its content, order and wording.

Encoders (PDF, SR) show a `Report` as it is. Grouping, rounding, choosing a slice or a feature happens here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Ordered
from datetime import datetime

from models.features.settings import FeatureSettings
from models.features.table import FeatureTable
from models.inference.predict import ModelOutcome, NotApplicable
from models.preprocessing.prepare import Prepared
from models.quality_notes import QualityNote, Severity
from models.validity import decide
from models.version import software_version
from models.volume import Region, Roi, Sequence, Volume
from reports import validity_words, wording
from reports.content import (
    NotApplicableSection,
    RegionSection,
    Report,
    SeriesUsed,
    Subject,
    Subtraction,
)
from reports.language import Language
from reports.languages.languages import WORDS
from reports.languages.said import notes_in, outcome_in, series_in, subject_in
from reports.languages.words import Words
from reports.model_sections import model_section
from reports.region_sections import Picture, key_image, region_section
from reports.subtraction import subtraction_of


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
    before: Volume | None = None,
    validity_settings: str = "",
    language: Language = Language.ENGLISH,
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
    language : of every text
    before : slices of T1+C before contrast, for the subtraction; None where no key images are asked for
    """
    words = WORDS[language]
    subject, notes = subject_in(words, subject), notes_in(words, notes)
    outcomes = [outcome_in(words, outcome) for outcome in outcomes]
    applicable = [outcome for outcome in outcomes if isinstance(outcome, ModelOutcome)]
    skipped = [outcome for outcome in outcomes if isinstance(outcome, NotApplicable)]
    state = validity_words.overall(outcome.validity.state for outcome in applicable)
    regions: tuple[RegionSection, ...] = ()
    if prepared is not None and features is not None:
        pictures = {sequence: Picture.of(one) for sequence, one in prepared.sequences.items()}
        regions = tuple(
            region_section(sequence, region, one, features, words)
            for sequence in Sequence
            if (one := prepared.sequences.get(sequence)) is not None
            for region in Region
            if region in one.rois
        )
    else:
        pictures = {sequence: Picture(volume, tumour.mask) for sequence, (volume, tumour) in (received or {}).items()}
    all_notes = [*notes, *(note for outcome in applicable for note in outcome.notes)]
    return Report(
        subject=subject,
        created=created,
        title=words.say.titled(words.labels.title, state),
        models=tuple(model_section(outcome, features, words) for outcome in applicable),
        not_applicable=tuple(
            NotApplicableSection(
                outcome.model,
                words.say.not_applicable_sentence(outcome.reason),
                is_expected=outcome.is_expected,
                quantity=outcome.quantity,
                horizons_months=outcome.horizons_months,
            )
            for outcome in skipped
        ),
        regions=regions,
        key_images=tuple(
            key_image(sequence, pictures[sequence], words) for sequence in Sequence if sequence in pictures
        ),
        series=tuple(series_in(words, one) for one in series),
        notes=_warnings_first(all_notes),
        provenance=_provenance(subject, features, outcomes, words, bias=bias, settings=settings, created=created)
        | ({wording.VALIDITY_SETTINGS: validity_settings} if validity_settings else {}),
        notice=words.labels.notice,
        notices=tuple(dict.fromkeys(outcome.model.notice for outcome in applicable if outcome.model.notice)),
        state=state,
        reasons=_reasons(applicable),
        subtraction=_subtraction(received or {}, before, words),
        not_checked=words.labels.not_checked,
        language=language,
    )


def _reasons(outcomes: Iterable[ModelOutcome]) -> tuple[str, ...]:
    """The sentences of all reasons, each once, the weightiest first."""
    return tuple(
        dict.fromkeys(
            reason.sentence
            for reason in decide(one for outcome in outcomes for one in outcome.validity.reasons).reasons
        )
    )


def _subtraction(
    received: Mapping[Sequence, tuple[Volume, Roi]], before: Volume | None, words: Words
) -> Subtraction | None:
    """Of the images as they were read: bias correction and normalisation would show in the difference."""
    if before is None or Sequence.T1C not in received:
        return None
    volume, tumour = received[Sequence.T1C]
    return subtraction_of(volume, before, tumour.mask, words)


def _warnings_first(notes: Iterable[QualityNote]) -> tuple[QualityNote, ...]:
    """Each quality note once, warnings first, otherwise in order."""
    return tuple(sorted(dict.fromkeys(notes), key=lambda note: note.severity is not Severity.WARNING))


def _provenance(
    subject: Subject,
    features: FeatureTable | None,
    outcomes: Ordered[ModelOutcome | NotApplicable],
    words: Words,
    *,
    bias: str,
    settings: FeatureSettings,
    created: datetime,
) -> dict[str, str]:
    """Software, settings, models and time behind the numbers, as English label → value."""
    say = words.say
    providers = dict.fromkeys(outcome.provider for outcome in outcomes if isinstance(outcome, ModelOutcome))
    return {
        wording.SOFTWARE: f"rdeepnet {software_version()}",
        wording.CREATED: say.moment_shown(created),
        wording.STUDY_UID: subject.study_instance_uid,
        wording.BIAS: bias,
        wording.INTENSITIES: say.intensities_words(settings),
        wording.IMAGE_TYPES: say.image_types_words(settings),
        wording.ENGINE: features.engine if features is not None else words.labels.not_stated,
        wording.FEATURE_COUNT: str(0 if features is None else len(features)),
        wording.SETTINGS_DIGEST: settings.digest() if features is None else features.settings_digest,
        **{
            wording.model_provenance_label(outcome.model.name): say.model_provenance(
                outcome.model.version, outcome.model.digest, signed_by=outcome.model.signed_by
            )
            for outcome in outcomes
        },
        wording.PROVIDER: say.joined(list(providers)) or words.labels.not_stated,
    }
