"""Contrast of the T1+C images: the phase before it where the tumour is, and fat suppression. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from models.plausibility import enhancement
from models.volume import Sequence
from tests.dicom_io.made_series import (
    MadeSeries,
    affine_of,
    ball,
    voxels_of,
    write_enhanced,
    write_seg,
    write_series,
)

SHAPE = (8, 12, 14)
MASK = ball(SHAPE, centre=(3.4, 6, 7), radius=(2.6, 3.4, 4.2))
SLICES = [int(index) for index in np.flatnonzero(MASK.any(axis=(1, 2)))]
VOXELS = [voxels_of(SHAPE, seed=phase) for phase in range(3)]


def study(
    folder: Path, *, agents: tuple[str, ...] = ("", "", ""), description: str = "AX T1 DYN", options: str = ""
) -> MadeSeries:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.ContrastBolusAgent, dataset.ScanOptions = agents[phase], options

    return write_series(folder, VOXELS, affine=affine_of(), description=description, number=4, edit=edit)


def read(folder: Path, *, whole: bool = False) -> Study:
    return read_study(sorted(folder.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT, whole_before=whole)


def test_the_slices_of_the_tumour_are_read_before_contrast(tmp_path: Path) -> None:
    made = study(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=made, phase=2)
    result = read(tmp_path)
    before = result.contrast.before
    assert before is not None
    np.testing.assert_array_equal(before.voxels, VOXELS[0][SLICES])
    np.testing.assert_allclose(before.origin_mm, affine_of()[:3, 3] + SLICES[0] * affine_of()[:3, 0])
    expected = np.median(VOXELS[2][MASK]) / np.median(VOXELS[0][MASK]) - 1
    tumour, image = result.tumours[Sequence.T1C], result.volumes[Sequence.T1C]
    assert enhancement(tumour, image, before) == pytest.approx(expected)


def test_an_enhanced_image_has_its_first_phase_before_contrast(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "e.dcm", VOXELS, affine=affine_of(), description="T1 DYN", number=6)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    before = read(tmp_path).contrast.before
    assert before is not None
    np.testing.assert_array_equal(before.voxels, VOXELS[0][SLICES] * 2.0 - 10)


def test_key_images_have_the_whole_phase_before_contrast_and_its_images(tmp_path: Path) -> None:
    made = study(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=made, phase=2)
    result, plain = read(tmp_path, whole=True), read(tmp_path)
    before, part = result.contrast.before, plain.contrast.before
    assert before is not None
    assert part is not None
    np.testing.assert_array_equal(before.voxels, VOXELS[0])
    np.testing.assert_array_equal(before.affine, result.volumes[Sequence.T1C].affine)
    assert result.before is not None
    assert plain.before is None
    assert [one.sop_instance_uid for one in result.before.instances] == list(made.sop_uids[0])
    tumour, image = result.tumours[Sequence.T1C], result.volumes[Sequence.T1C]
    assert enhancement(tumour, image, before) == enhancement(tumour, image, part)
    assert result.content_digest == plain.content_digest


def test_a_damaged_slice_beyond_the_tumour_leaves_the_slices_of_the_tumour(tmp_path: Path) -> None:
    assert 0 not in SLICES
    made = study(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=made, phase=2)
    damaged = made.sop_uids[0][0]
    for file in tmp_path.iterdir():
        dataset = dcmread(file)
        if dataset.SOPInstanceUID == damaged:
            dataset.PixelData = dataset.PixelData[:10]
            dataset.save_as(file)
    result = read(tmp_path, whole=True)
    assert result.contrast.before is not None
    np.testing.assert_array_equal(result.contrast.before.voxels, VOXELS[0][SLICES])
    assert result.before is not None
    assert len(result.before.instances) == len(SLICES)


def test_frames_of_an_enhanced_image_before_contrast_are_named(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "e.dcm", VOXELS, affine=affine_of(), description="T1 DYN", number=6)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    result = read(tmp_path, whole=True)
    assert result.before is not None
    assert result.before.frame_numbers is not None
    assert len(result.before.instances) == 1
    assert not set(result.before.frame_numbers) & set(result.sources[Sequence.T1C].frame_numbers or ())


@pytest.mark.parametrize(
    ("agents", "expected"),
    [(("", "", ""), False), (("NONE", "Gadobutrol", "Gadobutrol"), True), (("Gd", "Gd", "Gd"), False)],
)
def test_only_headers_confirm_what_is_before_contrast(tmp_path: Path, agents: tuple[str, ...], expected: bool) -> None:
    made = study(tmp_path, agents=agents)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=made, phase=1)
    assert read(tmp_path).contrast.is_confirmed is expected


def test_there_is_nothing_before_the_first_phase(tmp_path: Path) -> None:
    made = study(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=made, phase=0)
    contrast = read(tmp_path).contrast
    assert contrast.before is None
    assert not contrast.is_confirmed


def test_a_damaged_phase_that_is_not_used_leaves_the_check_out(tmp_path: Path) -> None:
    made = study(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=made, phase=1)
    damaged = made.files[SLICES[1]]
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert read(tmp_path).contrast.before is None


@pytest.mark.parametrize(
    ("description", "options", "expected"),
    [
        ("AX T1 FS DYN", "", True),
        ("t1_fl3d_tra_fatsat_dyn", "", True),
        ("AX T1 DYN", "FAST_GEMS\\FS", True),
        ("AX T1 DYN SPAIR", "", True),
        ("AX T1 DYN", "PFP\\SFS", True),
        ("AX T1 DYN", "FAST_GEMS", False),
        ("AX T1 DYN no fat sat", "", False),
        ("AX T1 DYN w/o FS", "", False),
    ],
)
def test_fat_suppression_is_what_headers_say(tmp_path: Path, description: str, options: str, expected: bool) -> None:
    made = study(tmp_path, description=description, options=options)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=made, phase=1)
    assert read(tmp_path).contrast.fat_suppressed is expected
