"""Sentences and labels of a report; `numerals` writes numbers, `feature_words` features, `page_words` the patient.

SR and PDF show these texts as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from typing import Final

from models.features.settings import Aggregation, BinOrigin, FeatureSettings, NormalizeRegion
from models.inference.outcome import GroupCurve, ScoreRank, TrainingFacts
from models.inference.predict import Group, ModelIdentity, Quantity
from models.number_words import counted, share_of
from models.quality_notes import QualityNote, Severity
from models.volume import Region, Sequence
from reports import numerals, validity_words
from reports.concepts import CONCEPTS
from reports.content import Measurement, SeriesUsed, Subject
from reports.feature_words import REGION_WORDS
from reports.page_words import laterality_shown, text_shown

TITLE: Final = "Breast MRI radiomics: recurrence risk and KRT7-AS expression"
NOTICE: Final = (
    "Research use only. Not a medical device; not for diagnosis, prognosis or treatment decisions for an individual "
    "patient. Not cleared by FDA, not CE-marked."
)
RESEARCH_USE_ONLY: Final = "Research use only"
TRAINING_POPULATION: Final = "training patients (out of fold)"

# Labels of the report's parts.
PREDICTIONS: Final = "Predictions"
KEY_IMAGES: Final = "Key images"
WHY: Final = "Why, in order of weight"
ALL_REASONS: Final = "Validity: all reasons"
NOTHING_AGAINST: Final = "Nothing was found against these answers."
NOT_CHECKED: Final = "Not checked"
WHAT_TO_DO: Final = "What to do"
TUMOUR: Final = "Tumour"
RECEIVED: Final = "What was received"
REVIEWED_BY: Final = "Reviewed by (name, date)"
QUALITY_NOTES: Final = "Quality notes"
NO_QUALITY_NOTES: Final = "No quality note was recorded for this study."
REGIONS: Final = "Regions and selected features"
CONTRIBUTIONS: Final = "Contributions to the output"
LEADING_FEATURES: Final = "Features with the largest attributions"
SERIES: Final = "Images used"
NOT_APPLICABLE: Final = "Models not run"
PROVENANCE: Final = "Versions, settings and digests"
HOW_TO_READ: Final = "How to read this report"

SEVERITY: Final = {Severity.WARNING: "Warning", Severity.NOTE: "Note"}
SERIES_COLUMNS: Final = ("Role", "Series", "Geometry", "Reason for selection")
FEATURE_COLUMN: Final = "Feature"
VALUE_COLUMN: Final = "Value"
IBSI_COLUMN: Final = "IBSI code"

KEY_IMAGE_LEGEND: Final = {Region.INTRATUMORAL: "Tumour", Region.PERITUMORAL: "Peritumoral shell"}
WHOLE_SLICE: Final = "whole slice"
ENLARGED: Final = "enlarged"
ENLARGED_PART: Final = "Enlarged part"
SURVIVAL_HEADING: Final = CONCEPTS[Quantity.RFS].label
SCORE_BELOW: Final = "low"
SCORE_ABOVE: Final = "high"
TRAINING_GROUPS: Final = "Training patients without recurrence"
AT_RISK: Final = "at risk"
MONTHS: Final = "months"

CONTRIBUTIONS_NOTE: Final = (
    "Net share of each group of features in the distance between this patient's output and that of the model's "
    "reference patient (integrated gradients). The thin line behind a bar reaches as far as the features of the group "
    "pull upwards and downwards: where it is much longer than the bar, they disagree. A share is not a cause."
)
LEADING_FEATURES_NOTE: Final = (
    "For the record, not as reasons: the leading single features differ between models trained on the same data. "
    "Rely on the groups above."
)
LOWERS: Final = "lowers the output"
RAISES: Final = "raises the output"

# Labels of provenance; `compose` fills them in this order.
SOFTWARE: Final = "Software"
CREATED: Final = "Report made"
STUDY_UID: Final = "Study Instance UID"
BIAS: Final = "Bias field correction"
INTENSITIES: Final = "Intensities"
IMAGE_TYPES: Final = "Image types"
ENGINE: Final = "Feature engine"
FEATURE_COUNT: Final = "Features computed"
VALIDITY_SETTINGS: Final = "Settings of validity"
SETTINGS_DIGEST: Final = "Feature settings, SHA-256"
PROVIDER: Final = "Execution provider"
PROVENANCE_LABELS: Final = (
    SOFTWARE,
    CREATED,
    STUDY_UID,
    BIAS,
    INTENSITIES,
    IMAGE_TYPES,
    ENGINE,
    FEATURE_COUNT,
    VALIDITY_SETTINGS,
    SETTINGS_DIGEST,
    PROVIDER,
)

CUT_OFF_LABEL: Final = "Cut-off"
VOLUME_LABEL: Final = "Volume"

# --- predictions -----------------------------------------------------------------------------------------------------


def quantity_label(quantity: Quantity, horizon_months: float | None) -> str:
    """Label of a prediction: "RDeepNet recurrence score", "Recurrence-free survival at 2 years"."""
    label = CONCEPTS[quantity].label
    return label if horizon_months is None else f"{label} at {numerals.horizon(horizon_months)}"


def quantity_shown(quantity: Quantity, value: float, *, beside: float | None = None) -> str:
    """A prediction as a reader sees it: a score with two decimals, a probability in per cent."""
    if CONCEPTS[quantity].is_probability:
        return numerals.percent(value, beside=beside)
    return numerals.score(value, beside=beside)


def interval_words(quantity: Quantity, interval: tuple[float, float] | None) -> str:
    """The interval in words: "95% interval 80% to 93%", or "" without an interval."""
    if interval is None:
        return ""
    return f"95% interval {quantity_shown(quantity, interval[0])} to {quantity_shown(quantity, interval[1])}"


def quantity_words(quantity: Quantity, value: float, interval: tuple[float, float] | None) -> str:
    """The prediction in other words: survival and probabilities as a frequency; the interval where there is one."""
    concept = CONCEPTS[quantity]
    words = concept.other_words
    if concept.is_probability:
        words = words.format(of_hundred=numerals.of_hundred(value))
    spread = interval_words(quantity, interval)
    return f"{words}; {spread}" if spread else words


def cut_off_words(quantity: Quantity, cut_off: float) -> str:
    """Sides of the cut-off in words: "high above 1.10, low at or below"."""
    return f"{SCORE_ABOVE} above {quantity_shown(quantity, cut_off)}, {SCORE_BELOW} at or below"


def group_shown(quantity: Quantity, group: Group) -> str:
    """The group in words: "High risk of recurrence", "Low expression of KRT7-AS"."""
    groups = CONCEPTS[quantity].groups
    if groups is None:
        raise ValueError(f"'{quantity}' has no cut-off, so it has no groups.")
    return groups.labels[group]


def range_shown(quantity: Quantity, spread: tuple[float, float], *, beside: float | None = None) -> str:
    """A plausible range: "−0.08 to 2.21", "33% to 54%"; never on the other side of `beside` than it is."""
    return " to ".join(quantity_shown(quantity, value, beside=beside) for value in spread)


def conclusion(
    quantity: Quantity,
    *,
    value_shown: str,
    range_shown: str = "",
    cut_off_shown: str,
    group: Group | None,
    survival: Ordered[tuple[float, float]],
) -> str:
    """One sentence (two with survival) for the tumour board.

    Parameters
    ----------
    group : None where the cut-off lies in the plausible range
    survival : (horizon in months, probability of recurrence-free survival), by horizon
    """
    label = quantity_label(quantity, None)
    spread = f" (plausible range {range_shown})" if range_shown else ""
    if group is None:
        sentence = f"{label} {value_shown}{spread}, cut-off {cut_off_shown}. {validity_words.BORDERLINE_MEANS}"
    else:
        side = "above" if group is Group.HIGH else "not above"
        outcome = group_shown(quantity, group)
        sentence = (
            f"{label} {value_shown}{spread}, {side} the cut-off of {cut_off_shown}: {outcome[0].lower()}{outcome[1:]}."
        )
    if not survival:
        return sentence
    steps = [f"{numerals.percent(value)} at {numerals.horizon(months)}" for months, value in survival]
    return f"{sentence} Estimated recurrence-free survival: {numerals.joined(steps)}."


def about_training(facts: TrainingFacts, quantity: Quantity) -> str:
    """The model in two sentences: trained on whom, with how many events, and how well it tells patients apart."""
    events = "recurrences" if quantity is Quantity.RECURRENCE_SCORE else "with high expression"
    whom = ". ".join(facts.data.rstrip(".").split(". ")[:2])  # the model card has all of it
    return (
        f"Trained on {counted(facts.patients, 'patient')}, {facts.events} {events} ({whom}). "
        f"{numerals.sentence_case(facts.statistic)} out of fold {facts.value:.2f} (95% interval {facts.low:.2f} to "
        f"{facts.high:.2f}; 0.50 is chance)."
    )


def rank_sentence(rank: ScoreRank, quantity: Quantity) -> str:
    """The place of a score among those of the training patients: "higher than that of 83 of 100"."""
    what = "probability" if CONCEPTS[quantity].is_probability else "score"
    whom = TRAINING_POPULATION
    if rank.low == rank.high:
        return f"This {what} is higher than that of {round(100 * rank.low)} of 100 {whom}."
    if rank.low == 0.0:
        return f"This {what} is among the lowest {math.ceil(round(100 * rank.high, 6))} of 100 {whom}."
    return f"This {what} is among the highest {math.ceil(round(100 * (1 - rank.low), 6))} of 100 {whom}."


def curve_label(curve: GroupCurve) -> str:
    """Name of a group of training patients and its survival where its curve ends: "low 97%"."""
    side = SCORE_ABOVE if curve.group is Group.HIGH else SCORE_BELOW
    return f"{side} {numerals.percent(curve.survival[-1])}"


def hazard_ratio_words(ratio: tuple[float, float, float] | None) -> str:
    """ "Hazard ratio 9.1 (95% 5.0 to 17)"; "" where it is not known."""
    if ratio is None:
        return ""
    value, low, high = (f"{number:.1f}" if number < 10 else f"{number:.0f}" for number in ratio)
    return f"Hazard ratio {value} (95% {low} to {high})"


def not_applicable_sentence(reason: str) -> str:
    """Reason why a model was not run: "not applicable, because no T2W series was found"."""
    return f"not applicable, because {reason.rstrip('.')}"


def model_shown(model: ModelIdentity) -> str:
    """Title, package and version of a model: "RDeepNet recurrence score · recurrence 0.1.0"."""
    return f"{model.title} · {model.name} {model.version}"


def share_shown(share: float) -> str:
    """A signed share in per cent: "+38%", "−12%", "+0.4%"; "<0.1%" of very little, "0%" of nothing."""
    if 0 < abs(share) < 0.0005:
        return "<0.1%"
    return ("" if share == 0 else "+" if share > 0 else "−") + share_of(abs(share))


def note_subject(note: QualityNote) -> str:
    """Subject of a quality note: "T1+C, peritumoral shell", "" for the whole study."""
    parts = []
    if note.sequence is not None:
        parts.append(note.sequence.label)
    if note.region is not None:
        parts.append(REGION_WORDS[note.region])
    return ", ".join(parts)


# --- images, series, settings ----------------------------------------------------------------------------------------


def region_title(sequence: Sequence, region: Region) -> str:
    """Title of a region: "Tumour on T1+C"."""
    words = REGION_WORDS[region]
    return f"{numerals.sentence_case(words)} on {sequence.label}"


def series_shown(series: SeriesUsed) -> str:
    """Number and description of a series: "8 · t1_fl3d_tra_dyna"."""
    description = text_shown(series.description)
    return f"{series.series_number} · {description}" if series.series_number else description


def key_image_caption(sequence: Sequence, *, slice_index: int, slices: int, area_mm2: float) -> str:
    """Caption: "T1+C, slice 31 of 60: largest tumour area, 412 mm²"; slices are counted from 1 for the reader."""
    return f"{sequence.label}, slice {slice_index + 1} of {slices}: largest tumour area, {area_mm2:.0f} mm²"


def subtraction_caption(*, first: int, last: int, slices: int, thickness_mm: float) -> str:
    """Caption: "T1+C minus before contrast, maximum of slices 18 to 41 of 60 (48 mm)"; slices are counted from 1."""
    shown = (
        f"slices {first + 1} to {last + 1} of {slices}"
        if last - first + 1 < slices
        else f"all {counted(slices, 'slice')}"
    )
    return f"T1+C minus before contrast, maximum of {shown} ({thickness_mm:.0f} mm)"


def intensities_words(settings: FeatureSettings) -> str:
    """Normalisation and binning of grey levels in words."""
    if settings.normalize:
        region = "body" if settings.normalize_region is NormalizeRegion.BODY else "whole image"
        normalised = f"z-score over the {region} × {settings.normalize_scale:g}"
    else:
        normalised = "not normalised"
    if settings.bin_count is not None:
        bins = counted(settings.bin_count, "bin")
    else:
        bins = f"bin width {settings.bin_width:g}"
        if settings.bin_origin is BinOrigin.MINIMUM:
            bins += " from the lowest value"
    return "; ".join([normalised, *_steps_words(settings), bins])


def _steps_words(settings: FeatureSettings) -> Iterator[str]:
    """Resampling and re-segmentation in words, where there are any."""
    if settings.resample_mm:
        sizes = " × ".join(f"{size:g}" if size else "as acquired" for size in settings.resample_mm)
        rounded = ", rounded" if settings.round_intensities else ""
        how = f"image {settings.image_interpolator}, mask {settings.mask_interpolator}{rounded}"
        yield f"resampled to {sizes} mm ({how})"
    if settings.resegment_range:
        low, high = settings.resegment_range
        yield f"grey values from {low:g} to {high:g}"
    if settings.resegment_sigma is not None:
        yield f"within {settings.resegment_sigma:g} standard deviations"


def image_types_words(settings: FeatureSettings) -> str:
    """Filtered images on which the features are computed, in words."""
    types = ["original"]
    if settings.wavelet is not None:
        levels = "1 level" if settings.wavelet_levels == 1 else f"{settings.wavelet_levels} levels"
        types.append(f"wavelet {settings.wavelet}, {levels}")
    if settings.log_sigma_mm:
        types.append("LoG " + ", ".join(f"{sigma:g} mm" for sigma in settings.log_sigma_mm))
    if settings.aggregation is not Aggregation.AVERAGE_3D:
        types.append(f"texture {settings.aggregation.replace('_', ' ').replace('d', 'D', 1)}")
    return "; ".join(types)


def model_provenance_label(name: str) -> str:
    """Label of a model's row in the provenance: "Model recurrence"."""
    return f"Model {name}"


def model_provenance(version: str, digest: str, *, signed_by: str = "") -> str:
    """A model in the provenance: "version 1.0.0, SHA-256 3f…, signed by the key 7a…"."""
    return f"version {version}, SHA-256 {digest}" + (f", signed by the key {signed_by}" if signed_by else "")


# --- tumour, and the guide to reading ---------------------------------------------------------------------------------


def more_reasons(count: int, *, has_pages: bool) -> str:
    """Reference on page 1 to reasons and warnings that it does not show; without more pages, the SR has them."""
    where = f"under “{ALL_REASONS}” and “{QUALITY_NOTES}”" if has_pages else "in the structured report"
    return f"{count} more {where}."


def tumour_line(subject: Subject, sizes: Ordered[tuple[Sequence, Ordered[Measurement]]]) -> str:
    """Side and size: "left breast (stated in the headers, confirmed by the images); T1+C: 12.30 cm³, …"; or ""."""
    parts = []
    if subject.laterality:
        side = laterality_shown(subject.laterality)
        parts.append(f"{side}{f' ({subject.laterality_source})' if subject.laterality_source else ''}")
    elif sizes:
        parts.append("side not known")
    for sequence, measured in sizes:
        parts.append(f"{sequence.label}: {', '.join(_size(one) for one in measured)}")
    return "; ".join(parts)


def _size(one: Measurement) -> str:
    """A volume in cm³, a length in whole mm: "12.30 cm³", "longest diameter 41 mm"."""
    return f"longest diameter {one.value:.0f} mm" if one.unit == "mm" else one.shown


# (term, meaning) for the last section of the PDF.
READING_GUIDE: Final = (
    (
        "Recurrence score",
        (
            "Logarithm of the risk relative to the model's reference patient. Higher means higher risk; it has no "
            "unit. Above the cut-off the patient belongs to the high-risk group."
        ),
    ),
    (
        "Recurrence-free survival",
        (
            "Of 100 patients with this score, how many the model expects to be alive without recurrence at that time. "
            "It says nothing about treatment."
        ),
    ),
    (
        "KRT7-AS",
        (
            "Probability, from the images alone, that the tumour's expression of the long non-coding RNA KRT7-AS is "
            "high. It does not replace a measurement in tissue."
        ),
    ),
    (
        "Tumour, shell",
        (
            "The tumour is the segmentation that came with the study; it was not checked or changed. The peritumoral "
            "shell is the tissue around it inside the body."
        ),
    ),
    (
        "Warnings, notes",
        "A warning bears on how far the numbers can be trusted. A note records how they came about.",
    ),
)
