"""English texts about an earlier study."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Final

from models.number_words import counted
from models.volume import Sequence
from reports import numerals, page_words, validity_words
from reports.languages.change_labels import ChangeLabels

CHANGE: Final = ChangeLabels(
    interval="Interval between the examinations",
    column="Change",
    tumour_volume="Tumour volume",
    no_tumour="no tumour segmented",
    lengths=MappingProxyType(
        {
            "original_shape_Maximum3DDiameter": "Longest diameter",
            "original_shape_MajorAxisLength": "Major axis",
            "original_shape_MinorAxisLength": "Minor axis",
        }
    ),
    states=MappingProxyType({state: numerals.sentence_case(row.short) for state, row in validity_words.STATES.items()}),
    empty_now="No tumour is segmented in this study; its volume and diameters are 0.",
    empty_then="No tumour was segmented in the earlier study; its volume and diameters are 0.",
    numbers_only=(
        "These are two measurements of the segmented tumour and of the models, then and now. They do not say why "
        "something changed, or anything about other lesions; that is for a radiologist to judge."
    ),
    repeatability_unknown=(
        "Repeatability unknown: how much these numbers differ between two examinations of an unchanged tumour, with "
        "another contour, was not measured on this scanner."
    ),
    therapy_not_known=(
        "Whether a treatment lay between the two examinations is not known here. Scores of examinations after "
        "treatment may be outside what a model was trained on: its card says which examinations it is for."
    ),
)


def change_title(day: date) -> str:
    """ "Change since 2026-03-04"."""
    return f"Change since {page_words.date_shown(day)}"


def days_shown(days: int) -> str:
    """ "128 days"."""
    return counted(days, "day")


def size_label(label: str, sequence: Sequence) -> str:
    """ "Tumour volume, T1+C"."""
    return f"{label}, {sequence.label}"


def not_there(shown: str, why: str) -> str:
    """ "0 (no tumour segmented)"."""
    return f"{shown} ({why})"


def plausible_range_shown(shown: str) -> str:
    """ "plausible range 0.80 to 2.10"."""
    return f"plausible range {shown}"


def percentage_points(shown: str) -> str:
    """ "+5 percentage points"."""
    return f"{shown} percentage points"


def ranges_compared(model: str, *, overlap: bool) -> str:
    """Sentence on the overlap of the plausible ranges of a model then and now."""
    return f"The plausible ranges of {model} then and now {'overlap' if overlap else 'do not overlap'}."


def only_one_computed(model: str, *, is_now: bool) -> str:
    """A model that was computed for one of the two studies."""
    return f"{model} was computed for {'this' if is_now else 'the earlier'} study only, and is not compared."


def other_software(software: str) -> str:
    """The earlier answer was computed by another version."""
    return f"The earlier answer was computed by {software}, with the same settings."


def change_headline(title: str, interval: str) -> str:
    """The section in one line: "Change since 2026-03-04, 128 days"."""
    return f"{title}, {interval}"


def change_line(label: str, then: str, now: str, change: str) -> str:
    """A row in one line: "Tumour volume, T1+C: 12.30 cm³, then 8.10 cm³; change −4.20 cm³ (−34%)"."""
    then, now = (text.replace("\n", ", ") for text in (then, now))
    return f"{label}: {then}, then {now}" + (f"; change {change}" if change else "")
