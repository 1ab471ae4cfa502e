"""English sentences: those of `reports.wording`, `validity_words`, `numerals` and `feature_words`."""

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
from reports.numerals import horizon, joined, number, sentence_case, volume
from reports.validity_words import advice, banner, headline, lead, titled
from reports.wording import (
    about_training,
    characters_not_shown,
    conclusion,
    curve_label,
    cut_off_words,
    date_shown,
    group_shown,
    hazard_ratio_words,
    identity,
    image_types_words,
    intensities_words,
    key_image_caption,
    made_shown,
    model_provenance,
    model_provenance_label,
    moment_shown,
    more_reasons,
    not_applicable_sentence,
    note_subject,
    page_words,
    quantity_label,
    quantity_shown,
    quantity_words,
    range_shown,
    rank_sentence,
    region_title,
    replaces_sentence,
    running_head,
    share_shown,
    subtraction_caption,
    text_shown,
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


def legend_alternative(words: Ordered[str]) -> str:
    """Legend of outlines."""
    return f"Legend: outlines of {joined(list(words))}"


def strip_alternative(value: str, cut_off: str, *, below: str, above: str) -> str:
    """A value on its scale."""
    return f"Scale with {value}; left of the mark ({cut_off}): {below}; right of it: {above}"


def dots_alternative(count: int) -> str:
    """A frequency as dots."""
    return f"{count} of 100 dots are filled"


def curves_alternative(title: str, ends: Ordered[tuple[str, int]], note: str) -> str:
    """Curves of the training patients: where each ends."""
    shown = [f"{label} after {months} months" for label, months in ends]
    return ". ".join(text for text in (title, joined(shown), note) if text)


def contributions_alternative(labels: Ordered[str], shown: Ordered[str]) -> str:
    """Bars of the shares of an output."""
    return "Bar chart: " + "; ".join(f"{label} {share}" for label, share in zip(labels, shown, strict=True))


def key_images_alternative(captions: Ordered[str]) -> str:
    """Slices of the images with the outlines of tumour and shell."""
    return f"MR images with the outlines of the regions: {'; '.join(captions)}"
