"""English sentences: those of `reports.wording`, `page_words`, `validity_words`, `numerals` and `feature_words`."""

from __future__ import annotations

from collections.abc import Sequence as Ordered

from reports.feature_words import feature_label, group_label, short_feature_label
from reports.languages.english.change import (
    change_headline,
    change_line,
    change_title,
    days_shown,
    not_there,
    only_one_computed,
    other_software,
    percentage_points,
    plausible_range_shown,
    ranges_compared,
    size_label,
)
from reports.languages.english.pages import (
    characters_not_shown,
    contributions_alternative,
    curves_alternative,
    dots_alternative,
    identity,
    key_images_alternative,
    legend_alternative,
    made_shown,
    page_words,
    replaces_sentence,
    running_head,
    strip_alternative,
    text_shown,
)
from reports.numerals import horizon, joined, number, sentence_case, volume
from reports.page_words import date_shown, moment_shown
from reports.validity_words import advice, banner, headline, lead, titled
from reports.wording import (
    about_training,
    conclusion,
    curve_label,
    cut_off_words,
    group_shown,
    hazard_ratio_words,
    image_types_words,
    intensities_words,
    key_image_caption,
    model_provenance,
    model_provenance_label,
    more_reasons,
    not_applicable_sentence,
    note_subject,
    quantity_label,
    quantity_shown,
    quantity_words,
    range_shown,
    rank_sentence,
    region_title,
    share_shown,
    subtraction_caption,
    tumour_line,
)

__all__ = [
    "about",
    "about_training",
    "advice",
    "banner",
    "change_headline",
    "change_line",
    "change_title",
    "characters_not_shown",
    "conclusion",
    "contributions_alternative",
    "curve_label",
    "curves_alternative",
    "cut_off_words",
    "date_shown",
    "days_shown",
    "dots_alternative",
    "feature_label",
    "group_label",
    "group_shown",
    "hazard_ratio_words",
    "headline",
    "horizon",
    "identity",
    "image_types_words",
    "in_a_row",
    "in_numbers",
    "intensities_words",
    "joined",
    "key_image_caption",
    "key_images_alternative",
    "lead",
    "legend_alternative",
    "made_shown",
    "model_provenance",
    "model_provenance_label",
    "moment_shown",
    "more_reasons",
    "not_applicable_sentence",
    "not_there",
    "note_subject",
    "number",
    "only_one_computed",
    "other_software",
    "page_words",
    "percentage_points",
    "plausible_range_shown",
    "quantity_label",
    "quantity_shown",
    "quantity_words",
    "range_shown",
    "ranges_compared",
    "rank_sentence",
    "region_title",
    "replaces_sentence",
    "running_head",
    "sentence_case",
    "share_shown",
    "short_feature_label",
    "size_label",
    "strip_alternative",
    "subtraction_caption",
    "text_shown",
    "titled",
    "tumour_line",
    "volume",
]


def in_numbers(text: str) -> str:
    """The text as it is."""
    return text


def in_a_row(sentences: Ordered[str]) -> str:
    """Sentences one after the other; empty ones are left out."""
    return " ".join(sentence for sentence in sentences if sentence)


def about(subject: str, text: str) -> str:
    """ "Contributions to the output: RDeepNet recurrence score"."""
    return f"{subject}: {text}"
