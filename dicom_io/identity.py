"""Identity of our product in its objects, which recognises them when a PACS sends them back.

Results and drafts are ours and no input. A draft that a person accepted is a segmentation like any other: it says so by
a model name of its own, so that receiver and reader take it without a special case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pydicom

MANUFACTURER = "rdeepnet"
MODEL_NAME = "rdeepnet breast MRI radiomics"
ACCEPTED_MODEL_NAME = "rdeepnet accepted segmentation"
DRAFT_LABEL = "DRAFT"  # Content Label


def is_ours(dataset: pydicom.Dataset) -> bool:
    """Returns whether this product made the object (a PACS that sends a study again also sends our results)."""
    return (
        str(dataset.get("Manufacturer", "")) == MANUFACTURER
        and str(dataset.get("ManufacturerModelName", "")) == MODEL_NAME
    )


def is_draft(dataset: pydicom.Dataset) -> bool:
    """Returns whether an object of ours is a draft that waits for a person."""
    return is_ours(dataset) and str(dataset.get("ContentLabel", "")) == DRAFT_LABEL


def is_accepted(dataset: pydicom.Dataset) -> bool:
    """Returns whether an object is a draft of ours that a person accepted."""
    return (
        str(dataset.get("Manufacturer", "")) == MANUFACTURER
        and str(dataset.get("ManufacturerModelName", "")) == ACCEPTED_MODEL_NAME
    )
