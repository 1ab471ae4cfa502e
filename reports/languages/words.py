"""`Words`: everything a report says, as a type: labels and typed functions.

Each language has a folder with `labels.py` (one `Labels`) and `sentences.py` (a module that is a `Sentences`). A label
or function that one of them lacks does not pass mypy, and so cannot be forgotten. Sentences of the closed lists
(quality notes, reasons of a validity) are written in English where they arise; `reports.languages.findings` has their
translations side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from models.features.settings import FeatureSettings
from models.inference.outcome import Group, GroupCurve, ScoreRank, TrainingFacts
from models.inference.predict import Quantity
from models.quality_notes import QualityNote, Severity
from models.validity import State, Validity
from models.volume import Region, Sequence
from reports.content import Measurement, Subject
from reports.feature_words import FeatureClass
from reports.language import Language
from reports.languages.change_labels import ChangeLabels
from reports.replacement import Replacement


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Texts without a number in them; named as in `reports.wording`, which has the English ones."""

    title: str
    notice: str
    research_use_only: str
    training_population: str
    not_stated: str
    tumour: str
    key_images: str
    why: str
    all_reasons: str
    nothing_against: str
    not_checked: str
    what_to_do: str
    received: str
    reviewed_by: str
    quality_notes: str
    no_quality_notes: str
    regions: str
    contributions: str
    leading_features: str
    series: str
    not_applicable: str
    provenance: str
    how_to_read: str
    series_columns: tuple[str, str, str, str]
    feature_column: str
    value_column: str
    ibsi_column: str
    whole_slice: str
    enlarged: str
    enlarged_part: str
    survival_heading: str
    score_below: str
    score_above: str
    training_groups: str
    at_risk: str
    months: str
    contributions_note: str
    leading_features_note: str
    lowers: str
    raises: str
    cut_off: str
    volume: str
    range_means: str
    reading_guide: tuple[tuple[str, str], ...]
    severity: Mapping[Severity, str]
    change: ChangeLabels
    regions_drawn: Mapping[Region, str]  # legend of the outlines
    provenance_labels: Mapping[str, str]  # English label of a row of the provenance → what is shown


class Sentences(Protocol):
    """Functions of a language; those of `reports.wording`, `validity_words`, `numerals` and `feature_words`."""

    # Numbers and dates.
    def number(self, value: float, unit: str = "1") -> str: ...
    def volume(self, value_mm3: float) -> str: ...
    def horizon(self, months: float) -> str: ...
    def share_shown(self, share: float) -> str: ...
    def in_numbers(self, text: str) -> str:
        """A text of numbers and units, as English writes them, with the decimals of the language."""

    def joined(self, items: Ordered[str]) -> str: ...
    def sentence_case(self, text: str) -> str: ...
    def date_shown(self, day: date | None) -> str: ...
    def moment_shown(self, moment: datetime) -> str: ...
    def in_a_row(self, sentences: Ordered[str]) -> str:
        """Sentences one after the other; empty ones are left out."""

    def about(self, subject: str, text: str) -> str:
        """A subject and what is said of it: "Contributions: Recurrence score"."""

    # Predictions.
    def quantity_label(self, quantity: Quantity, horizon_months: float | None) -> str: ...
    def quantity_shown(self, quantity: Quantity, value: float, *, beside: float | None = None) -> str: ...
    def quantity_words(self, quantity: Quantity, value: float, interval: tuple[float, float] | None) -> str: ...
    def cut_off_words(self, quantity: Quantity, cut_off: float) -> str: ...
    def group_shown(self, quantity: Quantity, group: Group) -> str: ...
    def range_shown(self, quantity: Quantity, spread: tuple[float, float], *, beside: float | None = None) -> str: ...
    def conclusion(
        self,
        quantity: Quantity,
        *,
        value_shown: str,
        range_shown: str = "",
        cut_off_shown: str,
        group: Group | None,
        survival: Ordered[tuple[float, float]],
    ) -> str: ...
    def about_training(self, facts: TrainingFacts, quantity: Quantity) -> str: ...
    def rank_sentence(self, rank: ScoreRank, quantity: Quantity) -> str: ...
    def curve_label(self, curve: GroupCurve) -> str: ...
    def hazard_ratio_words(self, ratio: tuple[float, float, float] | None) -> str: ...

    # Validity.
    def headline(self, state: State, group: str | None) -> str: ...
    def lead(self, validity: Validity) -> str: ...
    def titled(self, title: str, state: State) -> str: ...
    def banner(self, state: State, answers: Iterable[Validity]) -> tuple[str, str]:
        """Label and sentence on a picture; empty where nothing is against an answer."""

    def advice(self, validity: Validity) -> str: ...
    def not_applicable_sentence(self, reason: str) -> str: ...
    def note_subject(self, note: QualityNote) -> str: ...
    def more_reasons(self, count: int, *, has_pages: bool) -> str: ...

    # Images, features, settings.
    def region_title(self, sequence: Sequence, region: Region) -> str: ...
    def key_image_caption(self, sequence: Sequence, *, slice_index: int, slices: int, area_mm2: float) -> str: ...
    def subtraction_caption(self, *, first: int, last: int, slices: int, thickness_mm: float) -> str: ...
    def feature_label(self, name: str) -> str: ...
    def short_feature_label(self, name: str) -> str: ...
    def group_label(self, sequence: Sequence, region: Region, feature_class: FeatureClass) -> str: ...
    def tumour_line(self, subject: Subject, sizes: Ordered[tuple[Sequence, Ordered[Measurement]]]) -> str: ...
    def intensities_words(self, settings: FeatureSettings) -> str: ...
    def image_types_words(self, settings: FeatureSettings) -> str: ...
    def model_provenance(self, version: str, digest: str, *, signed_by: str = "") -> str: ...
    def model_provenance_label(self, name: str) -> str: ...

    # Change since an earlier study.
    def change_title(self, day: date) -> str: ...
    def days_shown(self, days: int) -> str: ...
    def size_label(self, label: str, sequence: Sequence) -> str: ...
    def not_there(self, shown: str, why: str) -> str: ...
    def plausible_range_shown(self, shown: str) -> str: ...
    def percentage_points(self, shown: str) -> str: ...
    def ranges_compared(self, model: str, *, overlap: bool) -> str: ...
    def only_one_computed(self, model: str, *, is_now: bool) -> str: ...
    def other_software(self, software: str) -> str: ...
    def change_headline(self, title: str, interval: str) -> str: ...
    def change_line(self, label: str, then: str, now: str, change: str) -> str:
        """A row in one line; `then` and `now` may have several, and `change` is "" where there is none."""

    # Patient, page.
    def identity(self, subject: Subject) -> tuple[tuple[str, str], ...]: ...
    def running_head(self, subject: Subject) -> str: ...
    def text_shown(self, text: str) -> str: ...
    def made_shown(self, created: datetime, software: str) -> str: ...
    def replaces_sentence(self, replacement: Replacement) -> str: ...
    def page_words(self, page: int) -> str: ...
    def characters_not_shown(self, count: int) -> str: ...

    # In place of pictures, for who cannot see them.
    def legend_alternative(self, words: Ordered[str]) -> str: ...
    def strip_alternative(self, value: str, cut_off: str, *, below: str, above: str) -> str: ...
    def dots_alternative(self, count: int) -> str: ...
    def curves_alternative(self, title: str, ends: Ordered[tuple[str, int]], note: str) -> str:
        """`ends`: label and last month of each curve."""

    def contributions_alternative(self, labels: Ordered[str], shown: Ordered[str]) -> str: ...
    def key_images_alternative(self, captions: Ordered[str]) -> str: ...


class Said(Protocol):
    """Translation of what was worded in English where it arose: quality notes, reasons, rows of the images."""

    def __call__(self, text: str) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Words:
    """A language.

    Attributes
    ----------
    said : sentences of the closed lists; what has no translation stays English, and says so
    part : rows of tables and names; what has no translation stays as it is
    """

    language: Language
    labels: Labels
    say: Sentences
    said: Said
    part: Said
