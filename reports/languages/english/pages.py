"""English words of patient and page, those of `reports.page_words`, and words in place of pictures."""

from __future__ import annotations

from collections.abc import Sequence as Ordered

from reports.numerals import joined
from reports.page_words import (
    characters_not_shown,
    identity,
    made_shown,
    page_words,
    replaces_sentence,
    running_head,
    text_shown,
)

__all__ = [
    "characters_not_shown",
    "contributions_alternative",
    "curves_alternative",
    "dots_alternative",
    "identity",
    "key_images_alternative",
    "legend_alternative",
    "made_shown",
    "page_words",
    "replaces_sentence",
    "running_head",
    "strip_alternative",
    "text_shown",
]


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
