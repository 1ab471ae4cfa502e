"""Two Frames of Reference in one study: refused, or registered, with the motion that was put in found and said."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom_io.errors import GeometryInvalid
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, Registration, SelectionRules
from dicom_io.study import Study
from models.preprocessing.prepare import NoBiasCorrection, prepare
from models.volume import Region, Sequence, Volume
from tests.dicom_io.made_series import affine_of, write_seg, write_series
from tests.models.preprocessing.test_registration import motion, phantom

T1C, T2W = Sequence.T1C, Sequence.T2W
T1_SHAPE, T2_SHAPE = (36, 64, 64), (34, 60, 60)
RIGID = SelectionRules(registration=Registration.RIGID)
TRUE = motion(degrees=3.0, shift_mm=(4.0, -5.0, 2.0))
CENTRE, RADIUS_MM = (20.0, -10.0, -6.0), 8.0  # inside one of the phantom's ellipsoids


def centred(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    affine = affine_of(spacing_mm=spacing_mm, origin_mm=(0, 0, 0))
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


T1_AFFINE, T2_AFFINE = centred(T1_SHAPE, (3.0, 1.7, 1.7)), TRUE @ centred(T2_SHAPE, (3.2, 1.8, 1.8))


def ball_at(affine: NDArray[np.float64], shape: tuple[int, int, int], centre: NDArray[np.float64]) -> NDArray[np.bool_]:
    index = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), axis=-1)
    return np.asarray(np.linalg.norm(index @ affine[:3, :3].T + affine[:3, 3] - centre, axis=-1) < RADIUS_MM)


def write_study(folder: Path, *, on: str = "t1", both: bool = False) -> None:
    """The phantom in two contrasts, the second written in coordinates that are `TRUE` away; a tumour on one of them."""
    still = np.linalg.inv(TRUE) @ T2_AFFINE
    one = phantom(T1_AFFINE, T1_SHAPE, contrast=0, seed=1).voxels
    other = phantom(still, T2_SHAPE, contrast=1, seed=2).voxels
    images = [np.clip(voxels, 0, 4000).astype(np.uint16) for voxels in (one, other)]
    first = write_series(folder, images[:1], affine=T1_AFFINE, description="T1 POST", number=4, frame_uid="1.2.3.1")
    second = write_series(folder, images[1:], affine=T2_AFFINE, description="T2 FS", number=5, frame_uid="1.2.3.2")
    moved = (TRUE @ np.array([*CENTRE, 1.0]))[:3]
    if on == "t1" or both:
        mask = ball_at(T1_AFFINE, T1_SHAPE, np.array(CENTRE))
        write_seg(folder / "a.dcm", mask, affine=T1_AFFINE, source=first, frame_uid="1.2.3.1")
    if on == "t2" or both:
        mask = ball_at(T2_AFFINE, T2_SHAPE, moved)
        write_seg(folder / "b.dcm", mask, affine=T2_AFFINE, source=second, frame_uid="1.2.3.2", number=901)


def read(folder: Path, rules: SelectionRules) -> Study:
    return read_study(sorted(folder.iterdir()), rules=rules, assignment=NO_ASSIGNMENT)


@pytest.mark.parametrize("on", ["t1", "t2"])
def test_the_tumour_is_carried_to_where_it_lies_in_the_other_image(tmp_path: Path, on: str) -> None:
    write_study(tmp_path, on=on)
    if on == "t1":  # the other image is left out; T1+C is never
        assert 'set registration = "rigid"' in read(tmp_path, SelectionRules()).missing[T2W]
    else:
        with pytest.raises(GeometryInvalid, match='set registration = "rigid"'):
            read(tmp_path, SelectionRules())
    study = read(tmp_path, RIGID)
    assert set(study.tumours) == {T1C, T2W}
    (note,) = (one for one in study.notes if one.code == "registered-rigidly")
    degrees = float(re.findall(r"rotation ([0-9.]+)°", note.sentence)[0])
    assert degrees == pytest.approx(3.0, abs=0.5)
    assert "mutual information" in note.sentence
    # The images stay on their own grids, so that what is made on them lies in their Frames of Reference.
    np.testing.assert_allclose(study.volumes[T2W].affine, T2_AFFINE, atol=1e-3)
    prepared = prepare(study.volumes, study.tumours, bias=NoBiasCorrection(), shell_mm=10.0)
    for sequence, expected in ((T1C, np.array(CENTRE)), (T2W, (TRUE @ np.array([*CENTRE, 1.0]))[:3])):
        tumour = prepared.sequences[sequence].rois[Region.INTRATUMORAL]
        centre = np.argwhere(tumour.mask).mean(axis=0) @ tumour.affine[:3, :3].T + tumour.affine[:3, 3]
        assert np.linalg.norm(centre - expected) < 1.0  # less than a voxel


@pytest.mark.parametrize("on", ["t1", "t2"])
def test_after_a_motion_beyond_the_limits_t2w_is_left_out_unless_the_tumour_is_on_it(tmp_path: Path, on: str) -> None:
    write_study(tmp_path, on=on)
    for rules in (
        SelectionRules(registration=Registration.RIGID, registration_limit_mm=2.0),
        SelectionRules(registration=Registration.RIGID, registration_limit_degrees=1.0),
    ):
        if on == "t1":
            study = read(tmp_path, rules)
            assert (set(study.volumes), set(study.tumours)) == ({T1C}, {T1C})
            assert "registration of T2W to T1+C is not credible: translation" in study.missing[T2W]
            assert [note.code for note in study.notes if note.sequence is T2W] == ["sequence-left-out"]
        else:
            with pytest.raises(GeometryInvalid, match="registration of T1\\+C to T2W is not credible: translation"):
                read(tmp_path, rules)


def test_nothing_is_registered_where_each_image_has_its_own_tumour(tmp_path: Path) -> None:
    write_study(tmp_path, both=True)
    codes = [note.code for note in read(tmp_path, RIGID).notes]
    assert "frames-of-reference-differ" in codes
    assert "registered-rigidly" not in codes


def test_one_frame_of_reference_is_left_alone(tmp_path: Path) -> None:
    volume = Volume(T1_AFFINE, np.zeros(T1_SHAPE, dtype=np.float32))
    voxels = [volume.voxels.astype(np.uint16)]
    images = write_series(tmp_path, voxels, affine=T1_AFFINE, description="T1 POST", number=4)
    write_series(tmp_path, voxels, affine=T1_AFFINE, description="T2 FS", number=5)
    mask = ball_at(T1_AFFINE, T1_SHAPE, np.array(CENTRE))
    write_seg(tmp_path / "a.dcm", mask, affine=T1_AFFINE, source=images)
    study = read(tmp_path, RIGID)
    assert set(study.tumours) == {T1C}
    assert not any(note.code.startswith(("registered", "frames-of")) for note in study.notes)
