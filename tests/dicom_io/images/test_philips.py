"""Philips' private scaling: said where it matters, applied where it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_instances
from dicom_io.images.philips import CREATOR, FRAME_CREATOR, about_scaling
from dicom_io.images.pixels import load
from dicom_io.images.series import Phase, series_of
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules, ValueMapping
from models.volume import Sequence
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_enhanced, write_seg, write_series

SHAPE = (4, 6, 7)
# Rescale Slope and Philips' scale slope of each slice; the first two are two ways to write one factor.
SLOPES = ((2.0, 0.01), (4.0, 0.005), (2.0, 0.02), (1.0, 0.01))


def state(dataset: Dataset, slope: float, *, creator: str = CREATOR, vr: str = "FL") -> None:
    block = dataset.private_block(0x2005, creator, create=True)
    block.add_new(0x0E, vr, slope if vr == "FL" else np.float32(slope).tobytes())


def write(folder: Path, slopes: tuple[tuple[float, float], ...] = SLOPES, *, vr: str = "FL", last: bool = True) -> Path:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.Manufacturer = "Philips Medical Systems"
        dataset.RescaleSlope, dataset.RescaleIntercept = str(slopes[index][0]), "-8"
        if last or index < SHAPE[0] - 1:
            state(dataset, slopes[index][1], vr=vr)

    write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="T1 POST", number=4, edit=edit)
    return folder


def phase_of(folder: Path) -> Phase:
    (series,) = series_of(read_instances(folder.rglob("*.dcm")))
    return series.phases[0]


@pytest.mark.parametrize("vr", ["FL", "UN"])
def test_the_signal_is_there_for_the_asking(tmp_path: Path, vr: str) -> None:
    phase = phase_of(write(tmp_path, vr=vr))
    stored = voxels_of(SHAPE).astype(float)
    rescale, scale = (np.array(SLOPES)[:, column].reshape(-1, 1, 1) for column in (0, 1))
    display = stored * rescale - 8
    np.testing.assert_allclose(load(phase).voxels, display, rtol=1e-6)
    # Chenevert et al. (2014): FP = DV / (RS · SS)
    signal = display / (rescale * scale)
    np.testing.assert_allclose(load(phase, mapping=ValueMapping.PHILIPS).voxels, signal, rtol=1e-6)


def test_what_makes_slices_incomparable_is_a_note(tmp_path: Path) -> None:
    folder = write(tmp_path)
    mask = ball(SHAPE, centre=(1.5, 3, 3), radius=(1.5, 2, 2))
    write_seg(folder / "s.dcm", mask, affine=affine_of())
    files = sorted(folder.iterdir())
    asked = SelectionRules.from_mapping({"value_mapping": "philips"})
    by_default = read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT).notes
    (note,) = [one for one in by_default if one.code == "philips-scaling-varies"]
    assert "slope times Rescale Slope from 0.01 to 0.04" in note.sentence
    applied = read_study(files, rules=asked, assignment=NO_ASSIGNMENT)
    assert "philips-scaling-varies" not in [one.code for one in applied.notes]


def test_one_factor_written_in_two_ways_does_not_matter(tmp_path: Path) -> None:
    phase = phase_of(write(tmp_path, (*SLOPES[:2], *SLOPES[:2])))
    assert about_scaling(phase.planes, sequence=Sequence.T1C) == []
    plain, signal = (
        load(phase, mapping=one).voxels.astype(float) for one in (ValueMapping.RESCALE, ValueMapping.PHILIPS)
    )
    scores = [(voxels - voxels.mean()) / voxels.std() for voxels in (plain, signal)]
    np.testing.assert_allclose(*scores, atol=1e-5)  # single precision of the voxels


def test_frames_of_a_multi_frame_image_state_it_too(tmp_path: Path) -> None:
    path = tmp_path / "e.dcm"
    write_enhanced(path, [voxels_of(SHAPE)], affine=affine_of(), description="T1 POST", number=4)
    dataset = pydicom.dcmread(path)
    dataset.Manufacturer = "Philips"
    for index, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        item = Dataset()
        state(item, 0.01 * (index + 1))
        group.private_block(0x2005, FRAME_CREATOR, create=True).add_new(0x0F, "SQ", [item])
    dataset.save_as(path)
    phase = phase_of(tmp_path)
    assert len(about_scaling(phase.planes, sequence=Sequence.T1C)) == 1
    scale = 0.01 * np.arange(1, SHAPE[0] + 1).reshape(-1, 1, 1)
    expected = (voxels_of(SHAPE) * 2.0 - 10) / (2 * scale)  # the written image has slope 2 and intercept -10
    np.testing.assert_allclose(load(phase, mapping=ValueMapping.PHILIPS).voxels, expected, rtol=1e-6)


def test_images_without_it_are_rescaled(tmp_path: Path) -> None:
    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1 POST", number=4)
    phase = phase_of(tmp_path)
    assert about_scaling(phase.planes, sequence=Sequence.T1C) == []
    np.testing.assert_array_equal(load(phase, mapping=ValueMapping.PHILIPS).voxels, voxels_of(SHAPE))


def test_some_images_without_it_are_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    phase = phase_of(write(tmp_path, last=False))
    assert about_scaling(phase.planes, sequence=Sequence.T1C) == []
    with pytest.raises(NotReadable, match=r"3 of 4 images state Philips' scale slope"):
        load(phase, mapping=ValueMapping.PHILIPS)


def test_the_tags_of_another_maker_mean_nothing(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        state(dataset, SLOPES[index][1], creator="SOMEBODY ELSE")
        dataset.Manufacturer = "Philips"

    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1 POST", number=4, edit=edit)
    assert about_scaling(phase_of(tmp_path).planes, sequence=Sequence.T1C) == []
