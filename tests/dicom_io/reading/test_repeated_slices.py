"""Images that are there under two positions: named with their place, and refused under a tumour. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid
from dicom_io.reading.read import read_study
from dicom_io.reading.repeated_slices import repeated_slices
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_seg, write_series

SHAPE = (10, 24, 20)
MASK = ball(SHAPE, centre=(3, 12, 10), radius=(2.2, 5, 5))  # slices 1 to 5 from 0


def read(folder: Path, *phases: NDArray[np.uint16]) -> Study:
    made = write_series(folder, phases, affine=affine_of(), description="AX T1 FS POST", number=4)
    write_seg(folder / "seg.dcm", MASK, affine=affine_of(), source=made, phase=len(phases) // 2)
    return read_study(sorted(folder.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def test_a_slice_that_is_there_twice_is_named_with_its_places(tmp_path: Path) -> None:
    voxels = voxels_of(SHAPE)
    voxels[9] = voxels[7]
    (note,) = [note for note in read(tmp_path, voxels).notes if note.code == "slices-repeat"]
    assert note.severity == "warning"
    # The first slice lies at 5 mm, slices are 3 mm apart.
    assert "2 slices of the T1+C images" in note.sentence
    assert "(slices 8 and 10 at 26.0 and 32.0 mm along the normal)" in note.sentence


def test_under_the_tumour_it_is_refused(tmp_path: Path) -> None:
    voxels = voxels_of(SHAPE)
    voxels[4] = voxels[8]
    with pytest.raises(GeometryInvalid, match=r"slices 5 and 9 at 17\.0 and 29\.0 mm .* and the tumour lies there"):
        read(tmp_path, voxels)


def test_empty_slices_are_no_repetition() -> None:
    voxels = voxels_of(SHAPE).astype(np.float32)
    voxels[0] = voxels[9] = 0
    voxels[6] = voxels[8] = 17
    assert repeated_slices(voxels) == []


def test_slices_that_differ_in_one_pixel_are_two() -> None:
    voxels = voxels_of(SHAPE).astype(np.float32)
    voxels[2] = voxels[5] = voxels[7]
    voxels[5, 3, 3] += 1  # not among the rows and columns that are looked at first
    assert repeated_slices(voxels) == [(2, 7)]


def test_a_phase_that_is_there_twice_is_named(tmp_path: Path) -> None:
    voxels = [voxels_of(SHAPE, seed=seed) for seed in (0, 1, 1, 2)]
    (note,) = [note for note in read(tmp_path, *voxels).notes if note.code == "phases-repeat"]
    assert note.severity == "warning"
    assert note.sentence.startswith("Phases 2 and 3 of 4 of the T1+C series have exactly the same pixels")
    assert "the phase that is used, 3, is the one" in note.sentence


def test_phases_that_differ_in_one_pixel_are_two(tmp_path: Path) -> None:
    voxels = [voxels_of(SHAPE, seed=seed) for seed in (0, 1, 1)]
    voxels[2][0, 0, 0] ^= 1
    assert not [note for note in read(tmp_path, *voxels).notes if note.code == "phases-repeat"]
