"""Name of a package and statements of its trainers; notice and caveats of a package that a site trains itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NOTICE = "research model, not evaluated on patients other than those it was trained on"
CAVEATS = (
    "Out-of-fold figures are of the patients it was trained on: evaluate it on other cohorts (rdeepnet evaluate).",
    "Single inputs share information with many others: read attributions by group, not as reasons.",
    "A figure on the training patients themselves is no evidence: on pure noise it reaches a concordance of .85.",
)


@dataclass(frozen=True)
class About:
    """Name of a package and statements about it.

    Attributes
    ----------
    name, version, title, notice : as in `ModelIdentity`
    data : what the training patients are, in words
    performance : what was measured on patients it was not trained on, or that nothing was
    caveats : sentences for the card
    statements : of the trainers
    stands_in_for : as in `ModelPackage`
    """

    name: str
    version: str
    title: str
    notice: str
    data: str
    performance: str = "Out of fold only; not evaluated on other patients."
    caveats: tuple[str, ...] = CAVEATS
    statements: Mapping[str, str] = field(default_factory=dict)
    stands_in_for: str = ""
