"""Replacing an earlier report: which one, and why, derived from what was recorded of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from models.number_words import counted


class Reason(StrEnum):
    """Reasons why a report replaces an earlier one of the same study."""

    SEGMENTATION = "new-segmentation"  # the region of the tumour is another one
    IDENTITY = "corrected-identity"  # name, ID, birth date or sex of the patient was corrected
    IMAGES = "late-images"  # images that the earlier report did not have are used
    CHOICE = "other-images"  # other images of the study are used, or fewer
    MODEL = "new-model"  # a model was added, retrained, signed by another key, or is no longer run
    SOFTWARE = "new-software"  # another version of the software or other settings
    PRIOR = "earlier-study"  # another earlier study is compared, or none any longer
    HEADERS = "corrected-headers"  # the images are the same, but something else was corrected in them


REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.SEGMENTATION: "the tumour was segmented again",
        Reason.IDENTITY: "the identity of the patient was corrected",
        Reason.IMAGES: "further images have arrived",
        Reason.CHOICE: "other images of the study are used",
        Reason.MODEL: "the models have changed",
        Reason.SOFTWARE: "the software or its settings have changed",
        Reason.PRIOR: "another earlier study is compared",
        Reason.HEADERS: "the headers of the images were corrected",
    }
)


@dataclass(frozen=True)
class Replacement:
    """The report that is replaced.

    Attributes
    ----------
    replaced : identifier of the earlier report
    created : when it was made, with time zone
    reasons : what has changed since, most important first; at least one
    version : of the report that replaces it, from 2 on
    """

    replaced: str
    created: datetime
    reasons: tuple[Reason, ...]
    version: int

    def __post_init__(self) -> None:
        if not self.reasons or self.version < 2:
            raise ValueError(
                f"{counted(len(self.reasons), 'reason')}, version {self.version}; expected a reason, and 2 or more."
            )
