"""Objects of a study that could not be read: whose they are, and how many of each modality arrived."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom

from dicom_io.errors import NotReadable
from dicom_io.images.headers import DECODE_ERRORS, read_header, shown
from dicom_io.images.subject import carried_header


@dataclass(frozen=True, eq=False)
class Received:
    """Objects that arrived.

    Attributes
    ----------
    header : patient and study of the first image, or of the first object; None when none can be read
    laterality : "L", "R" or "" as that object states it
    objects : "163 objects: 160 MR, 2 SR, 1 SEG"
    """

    header: pydicom.Dataset | None
    laterality: str
    objects: str


def received(files: Sequence[Path]) -> Received:
    """Looks into the headers of the files of one study; none of them must be in order."""
    modalities: Counter[str] = Counter()
    first: pydicom.Dataset | None = None
    for path in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is wrong with a value is said where it is read
                header = read_header(path)
                modality = "" if header is None else shown(header, "Modality") or "unknown"
        except (NotReadable, *DECODE_ERRORS):
            header = None
        if header is None:
            modalities["unreadable"] += 1
            continue
        modalities[modality] += 1
        if first is None or (modality == "MR" and shown(first, "Modality") != "MR"):
            first = header
    total = "1 object" if len(files) == 1 else f"{len(files)} objects"
    listed = ", ".join(f"{count} {modality}" for modality, count in modalities.most_common())
    side = next(
        (
            value
            for keyword in ("ImageLaterality", "Laterality")
            if first is not None and (value := shown(first, keyword)) in ("L", "R")
        ),
        "",
    )
    return Received(None if first is None else carried_header(first), side, f"{total}: {listed}")
