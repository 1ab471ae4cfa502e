"""Segmentations that are not the tumour yet are never answered, not even when assigned. Kind: regression.

A segmentation called "Tumour (draft, needs review)" and strokes on every fourth slice were answered.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicom_io.errors import GeometryInvalid, TumourNotFound
from dicom_io.rules import Assignment
from tests.dicom_io.made_series import affine_of, write_seg
from tests.dicom_io.reading.small_studies import MASK, read, t1c


def change(path: Path, **values: str) -> None:
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        target = dataset.SegmentSequence[0] if keyword.startswith("Segment") else dataset
        setattr(target, keyword, value)
    dataset.save_as(path)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"SegmentLabel": "Tumour (draft, needs review)"}, r'Segment Label "Tumour \(draft, needs review\)" .* draft'),
        ({"SegmentDescription": "DRAFT tumour"}, 'Segment Description "DRAFT tumour" .* draft'),
        ({"SeriesDescription": "Tumour_draft"}, 'Series Description "Tumour_draft" .* draft'),
        ({"ContentLabel": "DRAFT"}, 'Content Label "DRAFT" .* draft'),
        ({"ContentDescription": "not yet reviewed"}, 'Content Description "not yet reviewed" .* draft'),
        ({"SegmentLabel": "tumour strokes"}, "strokes and not the whole tumour"),
        ({"SeriesDescription": "Seeds of tumour"}, "strokes and not the whole tumour"),
    ],
)
@pytest.mark.parametrize("assigned", [False, True])
def test_drafts_and_strokes_are_refused(values: dict[str, str], sentence: str, assigned: bool, tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    change(tmp_path / "s.dcm", **values)
    uid = str(pydicom.dcmread(tmp_path / "s.dcm").SeriesInstanceUID)
    assignment = Assignment(tumour=(uid,)) if assigned else Assignment()
    with pytest.raises(TumourNotFound, match=f"none is a tumour that can be used: .*{sentence}"):
        read(tmp_path, assignment=assignment)


@pytest.mark.parametrize(
    "label", ["Tumour", "Draftsman's tumour", "Tumour, reviewed", "Seedless mass", "Stroma tumour"]
)
def test_other_names_are_taken(label: str, tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    change(tmp_path / "s.dcm", SegmentLabel=label)
    assert len(read(tmp_path).tumours) == 1


def test_half_of_the_slices_is_not_a_tumour(tmp_path: Path) -> None:
    """Pairs of slices with pairs left out: no run is longer than the limit, and half of the tumour is missing."""
    images = t1c(tmp_path)
    mask = np.zeros_like(MASK)
    row, column = np.argwhere(MASK.any(axis=0)).mean(axis=0).astype(int)
    for index in (0, 3, 4, 7):
        if index < mask.shape[0]:
            mask[index, row - 2 : row + 3, column - 2 : column + 3] = True
    filled = np.flatnonzero(mask.any(axis=(1, 2)))
    write_seg(tmp_path / "s.dcm", mask, affine=affine_of(), source=images, order=list(filled))
    with pytest.raises(GeometryInvalid, match=rf"drawn on {len(filled)} of {filled[-1] + 1} slices"):
        read(tmp_path)
