"""The part of a report about an earlier study: its rows and its sentences.

It says what was measured then and now, and the interval. It says nothing about what a change means: response to a
therapy is for a radiologist to judge, who sees all lesions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from models.inference.change import Change, Difference, ModelAnswered, Obstacle
from models.inference.outcome import Quantity
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence
from reports import numerals, page_words
from reports.change_facts import ChangeFacts, NotCompared
from reports.concepts import CONCEPTS
from reports.content import ChangeRow, ChangeSection, Measurement
from reports.languages.english.change import CHANGE
from reports.languages.languages import ENGLISH
from reports.languages.words import Words

PRIOR_NOT_USED: Final = "prior-not-used"  # code of the quality note about an earlier study that is not compared

PRIORS_NOT_ASKED: Final = "priors-not-asked"  # code of the note that the archive did not answer
NOT_ASKED: Final = (
    "The archive could not be asked for earlier studies of the patient; only answers that are kept here were looked at."
)

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

LENGTHS: Final = tuple(CHANGE.lengths)
VOLUME_KEY: Final = "volume"


def change_section(facts: ChangeFacts, words: Words = ENGLISH) -> ChangeSection:
    """The section about a change, in a language."""
    change, say = facts.change, words.say
    return ChangeSection(
        facts=facts,
        title=say.change_title(facts.day_then),
        interval_days=change.interval_days,
        interval_shown=say.days_shown(change.interval_days),
        rows=(*_sizes(change, words), *(_model_row(then, now, words) for then, now in change.models)),
        sentences=tuple(_sentences(facts, words)),
        columns=("", say.date_shown(facts.day_then), say.date_shown(facts.day_now), words.labels.change.column),
    )


def not_used_note(prior: NotCompared) -> QualityNote:
    """The quality note about an earlier study that may be of the patient and is not compared."""
    day = page_words.date_shown(prior.day)
    return QualityNote(
        code=PRIOR_NOT_USED,
        severity=Severity.NOTE,
        sentence=f"The study of {day} is not compared, because {OBSTACLES[prior.obstacle]}.",
    )


def archive_not_asked() -> QualityNote:
    """The quality note that earlier studies may be missed."""
    return QualityNote(code=PRIORS_NOT_ASKED, severity=Severity.NOTE, sentence=NOT_ASKED)


def _sizes(change: Change, words: Words) -> Iterator[ChangeRow]:
    labels = words.labels.change
    for sequence, volume in change.volumes_mm3.items():
        yield _size_row(labels.tumour_volume, VOLUME_KEY, "mm3", volume, sequence, words)
        for name, label in labels.lengths.items():
            if (length := change.lengths_mm.get((sequence, name))) is not None:
                yield _size_row(label, name, "mm", length, sequence, words)


def _size_row(name: str, key: str, unit: str, numbers: Difference, sequence: Sequence, words: Words) -> ChangeRow:
    shows = numerals.volume if unit == "mm3" else _length
    label = words.say.size_label(name, sequence)
    then, now = (
        Measurement(key, label, value, unit, _or_none(value, shows, words)) for value in (numbers.then, numbers.now)
    )
    absolute = f"{_sign(numbers.absolute)}{shows(abs(numbers.absolute))}"
    relative = "" if numbers.fraction is None else f" ({_percent(numbers.fraction)})"
    difference = words.say.in_numbers(f"{absolute}{relative}")
    return ChangeRow(label, then, now, then.shown, now.shown, difference, sequence)


def _or_none(value: float, shows: Callable[[float], str], words: Words) -> str:
    if value == 0:
        return words.say.not_there("0", words.labels.change.no_tumour)
    return words.say.in_numbers(shows(value))


def _length(value_mm: float) -> str:
    return f"{value_mm:.0f} mm"


def _sign(value: float) -> str:
    return "" if value == 0 else "+" if value > 0 else "−"


def _percent(fraction: float) -> str:
    return f"{_sign(fraction)}{abs(fraction) * 100:.0f}%"


def _model_row(then: ModelAnswered, now: ModelAnswered, words: Words) -> ChangeRow:
    quantity = now.quantity
    change = ""
    if then.value is not None and now.value is not None:
        change = _score_change(quantity, now.value - then.value, words)
    return ChangeRow(
        words.say.quantity_label(quantity, None),
        then=_number(then, words),
        now=_number(now, words),
        then_shown=_answer_shown(then, words),
        now_shown=_answer_shown(now, words),
        change_shown=change,
        model=now.name,
        model_title=words.part(now.title),
    )


def _score_change(quantity: Quantity, difference: float, words: Words) -> str:
    """Difference of two scores, or of two probabilities in percentage points."""
    if CONCEPTS[quantity].is_probability:
        return words.say.percentage_points(f"{_sign(difference)}{abs(difference) * 100:.0f}")
    return words.say.in_numbers(f"{_sign(difference)}{abs(difference):.2f}")


def _number(one: ModelAnswered, words: Words) -> Measurement | None:
    if one.value is None:
        return None
    return Measurement(
        key=str(one.quantity),
        label=words.say.quantity_label(one.quantity, None),
        value=one.value,
        unit=CONCEPTS[one.quantity].unit,
        shown=words.say.quantity_shown(one.quantity, one.value),
        plausible_range=None if one.low is None or one.high is None else (one.low, one.high),
    )


def _answer_shown(one: ModelAnswered, words: Words) -> str:
    """Score, range, and group or state: "1.44\nplausible range 0.80 to 2.10\nHigh risk of recurrence"."""
    say = words.say
    if one.value is None:
        return words.labels.change.states[one.state]
    text = say.quantity_shown(one.quantity, one.value)
    if one.low is not None and one.high is not None:
        text += f"\n{say.plausible_range_shown(say.range_shown(one.quantity, (one.low, one.high)))}"
    group = None if one.group is None else say.group_shown(one.quantity, one.group)
    return f"{text}\n{say.headline(one.state, group)}" if group or one.state.shows_score else text


def _sentences(facts: ChangeFacts, words: Words) -> Iterator[str]:
    change, labels, say = facts.change, words.labels.change, words.say
    if change.is_empty_now:
        yield labels.empty_now
    if change.is_empty_then:
        yield labels.empty_then
    for then, now in change.models:
        ends = (then.low, then.high, now.low, now.high)
        if None not in ends:
            apart = then.high < now.low or now.high < then.low  # type: ignore[operator]
            yield say.ranges_compared(words.part(now.title), overlap=not apart)
    for title in change.only_then:
        yield say.only_one_computed(words.part(title), is_now=False)
    for title in change.only_now:
        yield say.only_one_computed(words.part(title), is_now=True)
    if facts.software_then:
        yield say.other_software(facts.software_then)
    yield labels.numbers_only
    yield labels.repeatability_unknown
    yield labels.therapy_not_known
