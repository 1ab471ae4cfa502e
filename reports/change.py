"""The part of a report about an earlier study: its rows and its sentences.

It says what was measured then and now, and the interval. It says nothing about what a change means: response to a
therapy is for a radiologist to judge, who sees all lesions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from models.inference.change import Change, Difference, ModelAnswered, Obstacle
from models.inference.outcome import Quantity
from models.number_words import counted
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence
from reports import numerals, validity_words, wording
from reports.concepts import CONCEPTS
from reports.content import ChangeRow, ChangeSection, Measurement

PRIOR_NOT_USED: Final = "prior-not-used"  # code of the quality note about an earlier study that is not compared

PRIORS_NOT_ASKED: Final = "priors-not-asked"  # code of the note that the archive did not answer
NOT_ASKED: Final = (
    "The archive could not be asked for earlier studies of the patient; only answers that are kept here were looked at."
)
INTERVAL: Final = "Interval between the examinations"
COLUMNS: Final = ("", "{then}", "{now}", "Change")
NUMBERS_ONLY: Final = (
    "These are two measurements of the segmented tumour and of the models, then and now. They do not say why something "
    "changed, and nothing about other lesions; that is for a radiologist to judge."
)
REPEATABILITY_UNKNOWN: Final = (
    "Repeatability unknown: how much these numbers differ between two examinations of an unchanged tumour, with "
    "another contour, was not measured on this scanner."
)
OVERLAP: Final = "The plausible ranges of {model} then and now overlap."
NO_OVERLAP: Final = "The plausible ranges of {model} then and now do not overlap."
NO_TUMOUR: Final = "No tumour segmented"
EMPTY_NOW: Final = "No tumour is segmented in this study; its volume and diameters are 0."
EMPTY_THEN: Final = "No tumour was segmented in the earlier study; its volume and diameters are 0."
THERAPY_NOT_KNOWN: Final = (
    "Whether a treatment lay between the two examinations is not known here. Scores of examinations after treatment "
    "may be outside what a model was trained on: its card says which examinations it is for."
)
OTHER_SOFTWARE: Final = "The earlier answer was computed by {software}, with the same settings."
ONLY_ONE: Final = "{model} was computed {when} only, and is not compared."

# The end of "The study of DATE … is not compared, because …".
OBSTACLES: Final[Mapping[Obstacle, str]] = MappingProxyType(
    {
        Obstacle.OTHER_PATIENT_ID: "its Patient ID is not exactly the same",
        Obstacle.ISSUER_MISSING: (
            "only one of the two studies states who issued the Patient ID, so it may be of another patient"
        ),
        Obstacle.OTHER_ISSUER: (
            "its Patient ID was issued by another assigning authority, so it may be of another patient"
        ),
        Obstacle.OTHER_BIRTH_DATE: "it states another birth date",
        Obstacle.OTHER_SEX: "it states another sex",
        Obstacle.NO_DATE: "one of the two studies has no Study Date",
        Obstacle.NOT_EARLIER: "it is not earlier than this study",
        Obstacle.NOT_FETCHED: "the archive did not send all of it",
        Obstacle.NO_ANSWER: "there is no measurement of a tumour in it, for example because it has no segmentation",
        Obstacle.OTHER_MODELS: "it was answered by other model packages, or other versions of them",
        Obstacle.OTHER_SETTINGS: "its features were computed with other settings",
        Obstacle.NO_IMAGES: "no sequence was measured in both studies",
        Obstacle.OTHER_VENDOR: "its images are from a scanner of another manufacturer",
        Obstacle.OTHER_SCANNER: "its images are from another scanner model",
        Obstacle.OTHER_FIELD: "its images are of another field strength, or it is not stated",
        Obstacle.OTHER_TECHNIQUE: "one of the two has a dynamic series with contrast, and the other a single one",
        Obstacle.OTHER_VOXELS: "its voxel sizes differ by more than the settings allow",
        Obstacle.OTHER_SIDE: "the tumour is in the other breast",
        Obstacle.LATER_ONE_USED: "a later one is compared",
    }
)

_LENGTH_LABELS: Final = {
    "original_shape_Maximum3DDiameter": "Longest diameter",
    "original_shape_MajorAxisLength": "Major axis",
    "original_shape_MinorAxisLength": "Minor axis",
}
LENGTHS: Final = tuple(_LENGTH_LABELS)
VOLUME_KEY: Final = "volume"


def change_section(
    change: Change,
    *,
    day_then: date,
    day_now: date,
    software_then: str = "",
    study_instance_uid: str,
    report: tuple[str, str, str] | None,
) -> ChangeSection:
    """The section about a change.

    Parameters
    ----------
    software_then : version of the software of the earlier answer, where it is another; else ""
    study_instance_uid, report : of the earlier study, by reference
    """
    shown = {"then": wording.date_shown(day_then), "now": wording.date_shown(day_now)}
    return ChangeSection(
        title=f"Change since {shown['then']}",
        interval_days=change.interval_days,
        interval_shown=counted(change.interval_days, "day"),
        rows=(*_sizes(change), *(_model_row(then, now) for then, now in change.models)),
        sentences=tuple(_sentences(change, software_then)),
        study_instance_uid=study_instance_uid,
        report=report,
        columns=tuple(name.format(**shown) for name in COLUMNS),
    )


def not_used_note(day: date | None, obstacle: Obstacle) -> QualityNote:
    """The quality note about an earlier study that may be of the patient and is not compared."""
    return QualityNote(
        code=PRIOR_NOT_USED,
        severity=Severity.NOTE,
        sentence=f"The study of {wording.date_shown(day)} is not compared, because {OBSTACLES[obstacle]}.",
    )


def archive_not_asked() -> QualityNote:
    """The quality note that earlier studies may be missed."""
    return QualityNote(code=PRIORS_NOT_ASKED, severity=Severity.NOTE, sentence=NOT_ASKED)


def _sizes(change: Change) -> Iterator[ChangeRow]:
    for sequence, volume in change.volumes_mm3.items():
        yield _size_row(f"Tumour volume, {sequence.label}", VOLUME_KEY, "mm3", volume, sequence)
        for name in LENGTHS:
            if (length := change.lengths_mm.get((sequence, name))) is not None:
                yield _size_row(f"{_LENGTH_LABELS[name]}, {sequence.label}", name, "mm", length, sequence)


def _size_row(label: str, key: str, unit: str, numbers: Difference, sequence: Sequence) -> ChangeRow:
    shows = numerals.volume if unit == "mm3" else _length
    then, now = (Measurement(key, label, value, unit, _or_none(value, shows)) for value in (numbers.then, numbers.now))
    absolute = f"{_sign(numbers.absolute)}{shows(abs(numbers.absolute))}"
    relative = "" if numbers.fraction is None else f" ({_percent(numbers.fraction)})"
    return ChangeRow(label, then, now, then.shown, now.shown, f"{absolute}{relative}", sequence)


def _or_none(value: float, shows: object) -> str:
    assert callable(shows)
    return f"0 ({NO_TUMOUR[0].lower()}{NO_TUMOUR[1:]})" if value == 0 else str(shows(value))


def _length(value_mm: float) -> str:
    return f"{value_mm:.0f} mm"


def _sign(value: float) -> str:
    return "" if value == 0 else "+" if value > 0 else "−"


def _percent(fraction: float) -> str:
    return f"{_sign(fraction)}{abs(fraction) * 100:.0f}%"


def _model_row(then: ModelAnswered, now: ModelAnswered) -> ChangeRow:
    quantity = now.quantity
    change = ""
    if then.value is not None and now.value is not None:
        change = _score_change(quantity, now.value - then.value)
    return ChangeRow(
        CONCEPTS[quantity].label,
        then=_number(then),
        now=_number(now),
        then_shown=_answer_shown(then),
        now_shown=_answer_shown(now),
        change_shown=change,
        model=now.name,
        model_title=now.title,
    )


def _score_change(quantity: Quantity, difference: float) -> str:
    """Difference of two scores, or of two probabilities in percentage points."""
    if CONCEPTS[quantity].is_probability:
        return f"{_sign(difference)}{abs(difference) * 100:.0f} percentage points"
    return f"{_sign(difference)}{abs(difference):.2f}"


def _number(one: ModelAnswered) -> Measurement | None:
    if one.value is None:
        return None
    return Measurement(
        key=str(one.quantity),
        label=CONCEPTS[one.quantity].label,
        value=one.value,
        unit=CONCEPTS[one.quantity].unit,
        shown=wording.quantity_shown(one.quantity, one.value),
        plausible_range=None if one.low is None or one.high is None else (one.low, one.high),
    )


def _answer_shown(one: ModelAnswered) -> str:
    """Score, range, and group or state: "1.44\nplausible range 0.80 to 2.10\nHigh risk of recurrence"."""
    state = validity_words.STATES[one.state]
    if one.value is None:
        return numerals.sentence_case(state.short)
    text = wording.quantity_shown(one.quantity, one.value)
    if one.low is not None and one.high is not None:
        text += f"\nplausible range {wording.range_shown(one.quantity, (one.low, one.high))}"
    group = None if one.group is None else wording.group_shown(one.quantity, one.group)
    return f"{text}\n{validity_words.headline(one.state, group)}" if group or one.state.shows_score else text


def _sentences(change: Change, software_then: str) -> Iterator[str]:
    if change.is_empty_now:
        yield EMPTY_NOW
    if change.is_empty_then:
        yield EMPTY_THEN
    for then, now in change.models:
        ends = (then.low, then.high, now.low, now.high)
        if None not in ends:
            apart = then.high < now.low or now.high < then.low  # type: ignore[operator]
            yield (NO_OVERLAP if apart else OVERLAP).format(model=now.title)
    for title in change.only_then:
        yield ONLY_ONE.format(model=title, when="for the earlier study")
    for title in change.only_now:
        yield ONLY_ONE.format(model=title, when="for this study")
    if software_then:
        yield OTHER_SOFTWARE.format(software=software_then)
    yield NUMBERS_ONLY
    yield REPEATABILITY_UNKNOWN
    yield THERAPY_NOT_KNOWN
