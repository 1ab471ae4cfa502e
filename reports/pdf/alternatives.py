"""Texts in place of the pictures of a report, for readers who cannot see them. The words are those of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

from reports import numerals
from reports.content import TrainingGroups


def legend(words: Sequence[str]) -> str:
    """Legend of outlines."""
    return f"Legend: outlines of {numerals.joined(list(words))}"


def strip(value: str, cut_off: str, *, below: str, above: str) -> str:
    """A value on its scale."""
    return f"Scale with {value}; left of the mark ({cut_off}): {below}; right of it: {above}"


def dots(count: int) -> str:
    """A frequency as dots."""
    return f"{count} of 100 dots are filled"


def curves(groups: TrainingGroups) -> str:
    """Curves of the training patients: where each ends."""
    ends = [f"{curve.label} after {len(curve.survival) - 1} {groups.unit}" for curve in groups.curves]
    return ". ".join(text for text in (groups.title, numerals.joined(ends), groups.note) if text)


def contributions(labels: Sequence[str], shown: Sequence[str]) -> str:
    """Bars of the shares of an output."""
    return "Bar chart: " + "; ".join(f"{label} {share}" for label, share in zip(labels, shown, strict=True))


def key_images(captions: Sequence[str]) -> str:
    """Slices of the images with the outlines of tumour and shell."""
    return f"MR images with the outlines of the regions: {'; '.join(captions)}"
