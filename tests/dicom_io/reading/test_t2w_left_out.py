"""T2W that cannot be read is left out with the reason, and T1+C is read as if T2W were not there. Kind: invariant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.errors import GeometryInvalid, NotReadable
from dicom_io.reading.read import read_study
from dicom_io.reading.survey import survey_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from dicom_io.study import Study
from models.errors import StudyRejected
from models.quality_notes import Severity
from models.volume import Sequence as MrSequence
from tests.dicom_io.made_series import MadeSeries, affine_of, ball, decimals, voxels_of, write_seg, write_series

T1C, T2W = MrSequence.T1C, MrSequence.T2W
SHAPE, T2_SHAPE = (8, 12, 14), (7, 10, 12)
MASK = ball(SHAPE, centre=(3.4, 6, 7), radius=(2.6, 3.4, 4.2))
T2_MASK = ball(T2_SHAPE, centre=(3, 5, 6), radius=(2, 3, 3))
T2_AFFINE = affine_of(spacing_mm=(3.4, 1.4, 1.2))


def t2w(folder: Path, **changes: object) -> MadeSeries:
    voxels = [voxels_of(T2_SHAPE, seed=9)]
    return write_series(folder, voxels, affine=T2_AFFINE, description="AX T2 FS", number=2, **changes)  # type: ignore[arg-type]


def repeated(dataset: Dataset, _: int, index: int) -> None:
    """Slice 4 lies where slice 3 lies."""
    if index == 3:
        dataset.ImagePositionPatient = decimals(T2_AFFINE[:3, 3] + 2 * T2_AFFINE[:3, 0])


def shortened(dataset: Dataset, _: int, index: int) -> None:
    """Half of the pixels of a slice."""
    if index == 3:
        dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]


FAULTS: dict[str, tuple[Callable[[Path], MadeSeries], type[StudyRejected]]] = {
    "gap": (lambda folder: t2w(folder, skip=[(0, 3)]), GeometryInvalid),
    "duplicate": (lambda folder: t2w(folder, edit=repeated), GeometryInvalid),
    "short of pixels": (lambda folder: t2w(folder, edit=shortened), NotReadable),
    "other Frame of Reference": (lambda folder: t2w(folder, frame_uid="1.2.3"), GeometryInvalid),
}


def t1c(folder: Path) -> MadeSeries:
    return write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="AX T1 FS POST", number=4)


def read(folder: Path, *assign: str, held: dict[str, int] | None = None) -> Study:
    assignment = Assignment.parse(assign)
    return read_study(sorted(folder.iterdir()), rules=SelectionRules(), assignment=assignment, held=held or {})


def check_left_out(study: Study, truth: Study) -> None:
    """T1+C and its tumour are those of the study without T2W; the reason is there once, as a warning."""
    assert list(study.volumes) == list(study.tumours) == list(study.sources) == list(study.acquisitions) == [T1C]
    np.testing.assert_array_equal(study.volumes[T1C].voxels, truth.volumes[T1C].voxels)
    np.testing.assert_array_equal(study.tumours[T1C].mask, truth.tumours[T1C].mask)
    assert (study.series, study.content_digest) == (truth.series, truth.content_digest)
    (note,) = (one for one in study.notes if one.sequence is T2W)
    assert (note.code, note.severity) == ("sequence-left-out", Severity.WARNING)
    reason = note.sentence.removeprefix("T2W was left out, and models that need it were not run: ")
    assert study.missing == {T2W: f"T2W cannot be used: {reason.rstrip('.')}"}


@pytest.mark.parametrize("fault", FAULTS)
def test_t1c_is_read_as_if_t2w_were_not_there(tmp_path: Path, fault: str) -> None:
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=t1c(tmp_path))
    truth = read(tmp_path)
    images = FAULTS[fault][0](tmp_path)
    study = read(tmp_path)
    check_left_out(study, truth)
    survey = survey_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert survey.refusals == ()
    if fault != "short of pixels":  # which the survey does not decode
        assert survey.missing == (study.missing[T2W],)
        assert set(survey.notes) <= set(study.notes)
    # A tumour that was drawn on T2W as well goes with it.
    write_seg(tmp_path / "b.dcm", T2_MASK, affine=T2_AFFINE, source=images, number=901)
    check_left_out(read(tmp_path), truth)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_assigned_t2w_or_one_with_the_only_tumour_is_refused(tmp_path: Path, fault: str) -> None:
    make, kind = FAULTS[fault]
    seg = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=t1c(tmp_path))
    images = make(tmp_path)
    with pytest.raises(kind, match=r"T2W|2-0-3"):
        read(tmp_path, "t2w=AX T2 FS")
    seg.unlink()
    for source in (images, None):  # by reference, and by its matrix
        write_seg(tmp_path / "s.dcm", T2_MASK, affine=T2_AFFINE, source=source)
        with pytest.raises(kind):
            read(tmp_path)


def test_t2w_of_which_the_archive_holds_more_is_left_out(tmp_path: Path) -> None:
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=t1c(tmp_path))
    truth = read(tmp_path)
    held = {t2w(tmp_path).uid: T2_SHAPE[0] + 2}
    study = read(tmp_path, held=held)
    check_left_out(study, truth)
    assert "2 are missing. Send the series again" in study.missing[T2W]
    with pytest.raises(GeometryInvalid, match="2 are missing"):
        read(tmp_path, "t2w=AX T2 FS", held=held)


def test_a_fault_of_t1c_is_refused_whatever_t2w_is(tmp_path: Path) -> None:
    voxels = [voxels_of(SHAPE)]
    images = write_series(tmp_path, voxels, affine=affine_of(), description="AX T1 FS POST", number=4, skip=[(0, 3)])
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    t2w(tmp_path, skip=[(0, 3)])
    with pytest.raises(GeometryInvalid, match=r"The T1\+C series"):
        read(tmp_path)
