"""Phases that are there twice are named. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_seg, write_series

SHAPE = (10, 24, 20)
MASK = ball(SHAPE, centre=(3, 12, 10), radius=(2.2, 5, 5))


def read(folder: Path, *phases: NDArray[np.uint16]) -> Study:
    made = write_series(folder, phases, affine=affine_of(), description="AX T1 FS POST", number=4)
    write_seg(folder / "seg.dcm", MASK, affine=affine_of(), source=made, phase=len(phases) // 2)
    return read_study(sorted(folder.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)


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
