"""Drafts of this software as files: one to be accepted, and whether that was done before."""

from __future__ import annotations

from pathlib import Path

import pydicom

from dicom_io.errors import NotReadable
from dicom_io.identity import is_accepted
from dicom_io.images.headers import DECODE_ERRORS, items, read_header, text
from dicom_io.images.limits import USUAL, Limits


def read_draft(path: Path, *, limits: Limits = USUAL) -> pydicom.Dataset:
    """A draft with its pixel data.

    Raises
    ------
    NotReadable
        When the file is no DICOM file, or damaged.
    """
    if read_header(path, limits=limits) is None:
        raise NotReadable(f"{path.name} is no DICOM file; the draft that rdeepnet segment wrote was expected.")
    try:
        dataset = pydicom.dcmread(path)
        for _ in dataset.iterall():
            pass  # decodes every element: a damaged one is met here
    except DECODE_ERRORS as error:
        raise NotReadable(f"{path.name} cannot be read ({type(error).__name__}); make the draft again.") from error
    return dataset


def finals_of_draft(folder: Path, sop_instance_uid: str) -> tuple[Path, ...]:
    """Files beside a draft that are the final segmentation of it."""
    found = []
    for path in sorted(folder.glob("*.dcm")):
        try:
            header = read_header(path, only=["Manufacturer", "ManufacturerModelName", "ReferencedSeriesSequence"])
        except NotReadable:
            continue  # another file's fault
        if header is not None and is_accepted(header) and sop_instance_uid in _referenced(header):
            found.append(path)
    return tuple(found)


def _referenced(header: pydicom.Dataset) -> set[str]:
    return {
        text(instance, "ReferencedSOPInstanceUID")
        for series in items(header, "ReferencedSeriesSequence")
        for instance in items(series, "ReferencedInstanceSequence")
    }
