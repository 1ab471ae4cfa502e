"""Identity of our product in its objects, which recognises them when a PACS sends them back."""

from __future__ import annotations

import pydicom

MANUFACTURER = "rdeepnet"
MODEL_NAME = "rdeepnet breast MRI radiomics"


def is_ours(dataset: pydicom.Dataset) -> bool:
    """Returns whether this product made the object (a PACS that sends a study again also sends our results)."""
    return (
        str(dataset.get("Manufacturer", "")) == MANUFACTURER
        and str(dataset.get("ManufacturerModelName", "")) == MODEL_NAME
    )
