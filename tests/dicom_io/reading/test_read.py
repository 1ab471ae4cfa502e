"""Files of one study to `Study`: selection, phases, tumours, quality notes, refusals; and the two real studies."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.errors import GeometryInvalid, NotReadable, SelectionAmbiguous, SeriesNotFound
from dicom_io.reading.read import find_studies, read_study
from dicom_io.reading.survey import survey_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from models.acquisition import Acquisition
from models.errors import StudyRejected
from tests.dicom_io.made_series import (
    STUDY_UID,
    affine_of,
    voxels_of,
    write_enhanced,
    write_seg,
    write_series,
)
from tests.dicom_io.reading.small_studies import (
    MASK,
    SHAPE,
    T1C,
    T2_SHAPE,
    T2W,
    doubts,
    files,
    read,
    refused,
    t1c,
    t2w,
)


def test_a_study_of_two_sequences_is_read_whole(tmp_path: Path) -> None:
    images, other = t1c(tmp_path), t2w(tmp_path)
    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="Localizer", number=1)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    study = read(tmp_path)
    assert set(study.volumes) == {T1C, T2W}
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels_of(SHAPE))
    np.testing.assert_array_equal(study.volumes[T2W].voxels, voxels_of(T2_SHAPE, seed=9))
    assert set(study.tumours) == {T1C}
    assert study.algorithm_types == {T1C: "MANUAL"}
    np.testing.assert_array_equal(study.tumours[T1C].mask, MASK)
    assert tuple(one.sop_instance_uid for one in study.sources[T1C].instances) == images.sop_uids[0]
    assert study.sources[T2W].series_instance_uid == other.uid
    assert study.sources[T1C].frame_numbers is None
    assert [row.role for row in study.series] == ["T1+C", "T2W", "Tumour segmentation (T1+C)"]
    assert study.series[0].detail == "8 axial slices of 3.00 mm; 1.50 × 1.00 mm; 12 × 14; 1.5 T"
    assert (doubts(study), study.missing) == ([], {})
    assert study.subject.study_instance_uid == STUDY_UID
    assert "Rows" not in study.header
    assert [one.sop_class_uid for one in study.segmentations] == ["1.2.840.10008.5.1.4.1.1.66.4"]


def test_the_order_of_the_files_changes_nothing(tmp_path: Path) -> None:
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=t1c(tmp_path))
    shuffled = files(tmp_path)
    random.Random(3).shuffle(shuffled)
    one = read_study(sorted(shuffled), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    other = read_study(shuffled, rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert one.content_digest == other.content_digest
    np.testing.assert_array_equal(one.volumes[T1C].voxels, other.volumes[T1C].voxels)


def test_the_digest_covers_what_is_used_and_nothing_else(tmp_path: Path) -> None:
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=t1c(tmp_path))
    before = read(tmp_path).content_digest
    t1c(tmp_path, number=7, description="AX T1 SUB")
    assert read(tmp_path).content_digest == before
    write_seg(tmp_path / "s.dcm", MASK & (np.indices(SHAPE)[0] < 5), affine=affine_of())
    assert read(tmp_path).content_digest != before


def test_a_missing_t2w_is_said_and_a_missing_t1c_refused(tmp_path: Path) -> None:
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=t1c(tmp_path / "a"))
    assert read(tmp_path).missing == {T2W: "no T2W series was found"}
    t2w(tmp_path / "b")
    refused(tmp_path / "b", SeriesNotFound, 'No T1+C series was found. The study holds: 2 "AX T2 FS" (MR, 7 objects')


def test_no_segmentation_is_refused_with_what_there_is(tmp_path: Path) -> None:
    t1c(tmp_path)
    refused(tmp_path, SeriesNotFound, "No segmentation of the tumour was found", '4 "AX T1 FS POST" (MR, 8 objects')


def test_how_the_images_were_acquired_is_kept(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour")
    assert read(tmp_path).acquisitions == {T1C: Acquisition(3.0, 3.0, 1.5, 1.0, 1.5)}


def test_two_series_that_fit_are_refused_unless_the_segmentation_or_assignment_tells(tmp_path: Path) -> None:
    first = t1c(tmp_path, number=4)
    other = affine_of("sagittal")
    write_series(tmp_path, [voxels_of(SHAPE)], affine=other, description="SAG T1 POST", number=5)
    seg = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    refused(tmp_path, SelectionAmbiguous, "2 series could be T1+C", '4 "AX T1 FS POST"', '5 "SAG T1 POST"', first.uid)
    assert read(tmp_path, assignment=Assignment.parse(["t1c=ax t1 fs post"])).series[0].why == "assigned"
    seg.unlink()
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=first)
    assert "the tumour segmentation refers to it" in read(tmp_path).series[0].why


def test_an_assignment_that_fits_nothing_or_two_series_is_refused(tmp_path: Path) -> None:
    t1c(tmp_path, number=4)
    t1c(tmp_path, number=5)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    refused(tmp_path, SeriesNotFound, "has the UID 'AX T3'", assign=["t1c=AX T3"])
    refused(tmp_path, SelectionAmbiguous, "2 series are called 'AX T1 FS POST'", assign=["t1c=AX T1 FS POST"])
    refused(
        tmp_path, SeriesNotFound, "none is called or has the UID 9.9", assign=["t1c=AX T1 FS POST", "tumour=9.9"][1:]
    )


def test_t2w_may_be_assigned_away(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    t2w(tmp_path, frame_uid="1.2.3")
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    # Left out by itself since T2W that cannot be used is no refusal any more; assigned, it still is one.
    assert "T1+C and T2W have different Frame of Reference UIDs" in read(tmp_path).missing[T2W]
    parts = ("T1+C and T2W have different Frame of Reference UIDs", 'registration = "rigid"')
    refused(tmp_path, GeometryInvalid, *parts, assign=["t2w=AX T2 FS"])
    study = read(tmp_path, assignment=Assignment.parse(["t2w=none"]))
    assert study.missing[T2W].startswith("no T2W series was found")


def test_a_segmentation_in_another_frame_of_reference_is_refused(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images, frame_uid="1.2.3")
    refused(tmp_path, GeometryInvalid, "has the Frame of Reference 1.2.3, the images have")


@pytest.mark.parametrize("uid", ["1.2.03.4", "UNKNOWN", "1." * 40 + "1"])
def test_an_invalid_frame_of_reference_is_a_note_that_says_what_is_done(tmp_path: Path, uid: str) -> None:
    images = t1c(tmp_path, edit=lambda dataset, *_: setattr(dataset, "FrameOfReferenceUID", uid))
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images, frame_uid=uid)
    study = read(tmp_path)
    (note,) = [one for one in study.notes if one.code == "frame-of-reference-invalid"]
    assert note.severity == "warning"
    assert "is no valid UID" in note.sentence
    assert uid not in note.sentence
    assert np.array_equal(study.tumours[T1C].mask, MASK)


def test_half_a_voxel_off_is_read_with_a_note(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    moved = affine_of()
    moved[:3, 3] += 0.5 * moved[:3, 0]
    write_seg(tmp_path / "s.dcm", MASK, affine=moved, source=images)
    study = read(tmp_path)
    assert np.count_nonzero(study.tumours[T1C].mask) == np.count_nonzero(MASK)
    (note,) = doubts(study)
    assert note.code == "segmentation-off-grid"
    assert "lie 1.50 mm off the T1+C voxels (0.50 slices, 0.00 rows, 0.00 columns)" in note.sentence


def test_fractions_and_another_grid_are_recorded(tmp_path: Path) -> None:
    t1c(tmp_path)
    other = affine_of(spacing_mm=(3.0, 1.2, 1.2))
    write_seg(tmp_path / "s.dcm", MASK, affine=other, encoding="FRACTIONAL", fractions=(MASK * 255).astype(np.uint8))
    codes = [note.code for note in doubts(read(tmp_path))]
    assert codes == ["fractional-threshold", "segmentation-resampled"]


def test_a_missing_edge_slice_is_a_note(tmp_path: Path) -> None:
    voxels = [voxels_of(SHAPE)]
    write_series(tmp_path, voxels, affine=affine_of(), description="T1 POST", number=4, skip=[(0, 0)])
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    (note,) = doubts(read(tmp_path))
    assert "run from 1 to 8 with 1 missing" in note.sentence


def test_an_enhanced_image_is_referred_to_by_its_frames(tmp_path: Path) -> None:
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(2)]
    uid = write_enhanced(tmp_path / "e.dcm", voxels, affine=affine_of(), description="T1 DYN", number=6)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    study = read(tmp_path)
    assert [one.sop_instance_uid for one in study.sources[T1C].instances] == [uid]
    assert study.sources[T1C].frame_numbers == tuple(range(9, 17))
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels[1] * 2.0 - 10)


def test_two_patients_or_two_studies_are_refused(tmp_path: Path) -> None:
    def other_patient(dataset: Dataset) -> None:
        dataset.PatientID = "OTHER"

    def other_study(dataset: Dataset) -> None:
        dataset.StudyInstanceUID = "1.2.3"

    t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=other_patient)
    refused(tmp_path, StudyRejected, "2 different Patient IDs")
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=other_study)
    refused(tmp_path, StudyRejected, "belong to 2 studies")
    assert set(find_studies(tmp_path)) == {STUDY_UID, "1.2.3"}


def test_nothing_readable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    refused(tmp_path, SeriesNotFound, "No DICOM object was found")


def test_a_truncated_file_is_refused_by_name(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    whole = images.files[3].read_bytes()
    for keep in (150, 700, len(whole) - 10):
        images.files[3].write_bytes(whole[:keep])
        refused(tmp_path, NotReadable, images.files[3].name)


def test_a_survey_says_how_every_series_and_segment_would_be_taken(tmp_path: Path) -> None:
    images = t1c(tmp_path, phases=2, description="AX T1 DYN")
    t1c(tmp_path, number=8, description="AX T1 DYN SUB")
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images)
    write_seg(tmp_path / "b.dcm", MASK, affine=affine_of(), label="Breast", code=("1", "99X", "Breast"), number=901)
    survey = survey_study(files(tmp_path), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert (survey.study_instance_uid, survey.refusals, survey.missing) == (STUDY_UID, (), ("no T2W series was found",))
    rows = {(row.description, row.is_segment): row for row in survey.rows}
    assert rows["AX T1 DYN", False].role == "T1+C"
    assert "phase 1: the tumour segmentation refers to it" in rows["AX T1 DYN", False].why
    assert "2 phases by TemporalPositionIdentifier; 8 axial slices of 3.00 mm" in rows["AX T1 DYN", False].detail
    assert rows["AX T1 DYN SUB", False].why == 'left out: subtraction (SeriesDescription "AX T1 DYN SUB")'
    assert rows["Tumour", True].role == "Tumour (T1+C)"
    assert 'refers to 4 "AX T1 DYN"' in rows["Tumour", True].detail
    assert (rows["Breast", True].role, rows["Breast", True].why) == ("", '"Breast" is not a tumour')


@pytest.mark.slow
def test_the_real_dynamic_study(shared_data: Path) -> None:
    """UCSF-BR-06: sagittal, three phases in one series; 33,120 voxels in phase 2 (README of the data).

    Its headers say of every phase, the enhanced ones too, that there was no contrast agent.
    """
    folder = shared_data / "breast_dce_ucsf_br_06"
    study = read(folder)
    assert int(np.count_nonzero(study.tumours[T1C].mask)) == 33_120
    assert study.volumes[T1C].shape == (60, 256, 256)
    assert study.series[0].detail.startswith("phase 2 of 3 (the tumour segmentation refers to it); 60 sagittal slices")
    assert study.missing == {T2W: "no T2W series was found"}
    (note,) = doubts(study)
    assert note.code == "contrast-phase-uncertain"
    assert 'phase 2 of the T1+C series name no contrast agent ("NONE")' in note.sentence
    without = [path for path in files(folder) if path.name != "tumour_binary_dcmqi.dcm"]
    with pytest.raises(SeriesNotFound, match=re.escape('"Breast" is not a tumour')):
        read_study(without, rules=SelectionRules(), assignment=NO_ASSIGNMENT)


@pytest.mark.slow
def test_the_real_study_of_two_sequences(shared_data: Path) -> None:
    """STS_001: oblique axial; 364.75 and 364.90 cm³ (README of the data), one SEG for each sequence."""
    folder = shared_data / "sts_001"
    with pytest.raises(SeriesNotFound, match=r"No T1\+C series was found"):
        read(folder)
    study = read(
        folder, assignment=Assignment.parse(["t1c=AXIAL SE T1 - RESEARCH", "t2w=AXIAL SE T2 FAT SAT - RESEARCH"])
    )
    assert study.tumours[T1C].volume_mm3 / 1000 == pytest.approx(364.75, abs=0.005)
    assert study.tumours[T2W].volume_mm3 / 1000 == pytest.approx(364.90, abs=0.005)
    # Not a breast: thick slices, no contrast agent, no field strength; the contours stand behind the segmentations.
    assert Counter(note.code for note in doubts(study)) == {
        "contrast-phase-uncertain": 1,
        "voxel-size-unusual": 2,
        "field-strength-unknown": 2,
        "tumour-segments-not-used": 2,
    }
    assert list(find_studies(folder)) == [study.subject.study_instance_uid]


@pytest.mark.parametrize("mapping", ["rescale", "real-world"])
def test_the_values_are_those_of_the_mapping_asked_for(tmp_path: Path, mapping: str) -> None:
    def edit(dataset: Dataset, phase: int, _: int) -> None:
        item = Dataset()
        item.RealWorldValueSlope, item.RealWorldValueIntercept = 3.0, 1.0
        dataset.RealWorldValueMappingSequence = [item]

    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=t1c(tmp_path, edit=edit))
    study = read(tmp_path, rules=SelectionRules.from_mapping({"value_mapping": mapping}))
    expected = voxels_of(SHAPE) if mapping == "rescale" else voxels_of(SHAPE) * 3.0 + 1.0
    np.testing.assert_array_equal(study.volumes[T1C].voxels, expected)


def test_fewer_images_than_the_archive_holds_are_refused(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    all_of_them = {images.uid: SHAPE[0], "1.2.3": 99}
    study = read_study(files(tmp_path), rules=SelectionRules(), assignment=NO_ASSIGNMENT, held=all_of_them)
    assert doubts(study) == []
    more = {images.uid: SHAPE[0] + 2}
    sentence = re.escape('The archive holds 10 objects of the T1+C series 4 "AX T1 FS POST", but 8 arrived: 2 are')
    with pytest.raises(GeometryInvalid, match=sentence):
        read_study(files(tmp_path), rules=SelectionRules(), assignment=NO_ASSIGNMENT, held=more)
