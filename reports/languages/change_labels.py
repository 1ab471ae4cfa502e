"""`ChangeLabels`: texts of the section about an earlier study that have no number in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.validity import State


@dataclass(frozen=True, kw_only=True)
class ChangeLabels:
    """Labels and sentences; the English ones are in `reports.languages.english.change`.

    Attributes
    ----------
    column : of the differences
    no_tumour : beside a 0
    lengths : name of the feature → its label
    states : instead of a score that may not be shown
    """

    interval: str
    column: str
    tumour_volume: str
    no_tumour: str
    lengths: Mapping[str, str]
    states: Mapping[State, str]
    empty_now: str
    empty_then: str
    numbers_only: str
    repeatability_unknown: str
    therapy_not_known: str
