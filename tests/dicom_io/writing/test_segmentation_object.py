"""Segmentations: voxel-equal when read back by highdicom, on every kind of grid; references to the right images."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom.uid import UID

from dicom_io.errors import ObjectNotConformant
from dicom_io.identity import is_ours
from dicom_io.uids import tracking_uid
from dicom_io.writing.encode import encode
from dicom_io.writing.object_check import check_object
from dicom_io.writing.segmentation_object import make_segmentation
from models.volume import Region, Sequence
from tests.conftest import require_programs
from tests.dicom_io.made_studies import ORIENTATIONS, Made, make
from tests.dicom_io.writing.test_fuzz_headers import errors


def read_back(made: Made, sequence: Sequence = Sequence.T1C) -> hd.seg.Segmentation:
    item = make_segmentation(made.study, made.prepared.sequences[sequence], made.report, sequence=sequence)
    buffer = BytesIO()
    item.dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return hd.seg.segread(buffer)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("sequence", list(Sequence))
@pytest.mark.parametrize("multi_frame", [False, True])
def test_masks_come_back_voxel_by_voxel(orientation: str, sequence: Sequence, multi_frame: bool) -> None:
    made = make(orientation, multi_frame=multi_frame)
    segmentation = read_back(made, sequence)
    rois = made.prepared.sequences[sequence].rois
    assert [segmentation.get_segment_description(n).segment_label for n in (1, 2)] == ["tumour", "peritumoral shell"]
    for number, region in enumerate(Region, start=1):
        roi = rois[region]
        found = segmentation.get_volume(segment_numbers=[number], combine_segments=True)
        # Where voxel (0, 0, 0) of what was read lies on the grid of the ROI, and how its axes run along it.
        to_roi = np.linalg.inv(roi.affine) @ found.affine
        assert np.allclose(np.abs(to_roi[:3, :3]), np.eye(3), atol=1e-6)
        read = np.argwhere(found.array > 0)
        index = np.round(read @ to_roi[:3, :3].T + to_roi[:3, 3]).astype(int)
        placed = np.zeros(roi.shape, dtype=bool)
        placed[tuple(index.T)] = True
        assert np.array_equal(placed, roi.mask)


def test_frames_refer_to_the_image_of_their_slice() -> None:
    made = make("oblique")
    segmentation = read_back(made)
    roi = made.prepared.sequences[Sequence.T1C].rois[Region.INTRATUMORAL]
    instances = made.study.sources[Sequence.T1C].instances
    seen = 0
    for item in segmentation.PerFrameFunctionalGroupsSequence:
        position = np.array(item.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        index = np.linalg.solve(roi.affine[:3, :3], position - roi.origin_mm)
        assert np.allclose(index[1:], 0, atol=1e-5)
        source = item.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == instances[round(index[0])].sop_instance_uid
        assert "ReferencedFrameNumber" not in source
        seen += 1
    assert seen == segmentation.NumberOfFrames > 5


def test_frames_refer_to_the_frame_of_a_multi_frame_image() -> None:
    made = make("axial", multi_frame=True)
    segmentation = read_back(made)
    roi = made.prepared.sequences[Sequence.T1C].rois[Region.INTRATUMORAL]
    source = made.study.sources[Sequence.T1C]
    assert source.frame_numbers is not None
    for item in segmentation.PerFrameFunctionalGroupsSequence:
        position = np.array(item.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        index = round(float(np.linalg.solve(roi.affine[:3, :3], position - roi.origin_mm)[0]))
        reference = item.DerivationImageSequence[0].SourceImageSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.instances[0].sop_instance_uid
        assert reference.ReferencedFrameNumber == source.frame_numbers[index]


def test_segments_say_what_they_are() -> None:
    made = make(laterality="R")
    segmentation = read_back(made)
    tumour, shell = segmentation.SegmentSequence
    assert tumour.SegmentedPropertyTypeCodeSequence[0].CodeValue == "108369006"
    assert shell.SegmentedPropertyTypeCodeSequence[0].CodingSchemeDesignator == "99RDEEPNET"
    assert tumour.TrackingUID == tracking_uid(made.study, Sequence.T1C, Region.INTRATUMORAL)
    assert tumour.TrackingID == "Tumour on T1+C"
    region = tumour.AnatomicRegionSequence[0]
    assert region.CodeMeaning == "Breast"
    assert region.AnatomicRegionModifierSequence[0].CodeMeaning == "Right"
    assert "Research use only" in segmentation.ImageComments
    assert is_ours(segmentation)


def test_another_body_part_is_not_called_breast() -> None:
    made = make()
    made.study.header.BodyPartExamined = "THIGH"
    assert "AnatomicRegionSequence" not in read_back(made).SegmentSequence[0]


def test_images_without_frame_of_reference_get_one_of_their_own() -> None:
    made = make(with_t2w=False)
    source = replace(made.study.sources[Sequence.T1C], frame_of_reference_uid="")
    study = replace(made.study, sources={Sequence.T1C: source})
    one = read_back(Made(study, made.prepared, made.report)).FrameOfReferenceUID
    again = read_back(Made(study, made.prepared, made.report)).FrameOfReferenceUID
    assert one == again
    assert one.is_valid


def with_frame_of_reference(made: Made, uid: str) -> Made:
    """The same study, its images in another Frame of Reference."""
    sources = {one: replace(source, frame_of_reference_uid=uid) for one, source in made.study.sources.items()}
    return Made(replace(made.study, sources=sources), made.prepared, made.report)


@pytest.mark.peers
@pytest.mark.parametrize("stated", ["1.2.0840.5", "1.2.a.3", "1..2", "UNKNOWN", "9" * 80, "1.2\\1.3", "1"])
def test_an_invalid_frame_of_reference_does_not_go_out(stated: str, tmp_path: Path) -> None:
    """Two series that share one still share one, and an outside validator has no complaint."""
    require_programs("dciodvfy")
    made = with_frame_of_reference(make(features_per_region=1), stated)
    answer = encode(made.study, made.prepared, made.report, features_sr=True)
    written = {item.dataset.FrameOfReferenceUID for item in answer.objects if "FrameOfReferenceUID" in item.dataset}
    assert len(written) == 1
    assert UID(written.pop()).is_valid
    assert errors(answer, tmp_path) == []


def test_a_valid_frame_of_reference_is_kept() -> None:
    assert read_back(with_frame_of_reference(make(), "1.2.840.5")).FrameOfReferenceUID == "1.2.840.5"


def test_a_region_in_one_slice_only() -> None:
    made = make(with_t2w=False)
    part = made.prepared.sequences[Sequence.T1C]
    rois = {}
    for region, roi in part.rois.items():
        mask = np.zeros(roi.shape, dtype=bool)
        mask[4] = roi.mask[4]
        rois[region] = replace(roi, mask=mask)
    prepared = replace(made.prepared, sequences={Sequence.T1C: replace(part, rois=rois)})
    segmentation = read_back(Made(made.study, prepared, made.report))
    assert segmentation.NumberOfFrames == 2
    found = segmentation.get_volume(segment_numbers=[1], combine_segments=True)
    assert np.count_nonzero(found.array) == np.count_nonzero(rois[Region.INTRATUMORAL].mask)
    assert found.spacing[0] == pytest.approx(2.0)


@pytest.mark.parametrize(("axis", "towards"), [(0, 1), (0, 2), (2, 1)])
def test_axes_a_little_off_a_right_angle_are_written_and_read(axis: int, towards: int) -> None:
    made = make(with_t2w=False)
    part = made.prepared.sequences[Sequence.T1C]
    affine = part.volume.affine.copy()
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    affine[:3, axis] += 9e-4 * lengths[axis] * affine[:3, towards] / lengths[towards]
    rois = {region: replace(roi, affine=affine) for region, roi in part.rois.items()}
    prepared = replace(made.prepared, sequences={Sequence.T1C: replace(part, rois=rois)})
    segmentation = read_back(Made(made.study, prepared, made.report))
    found = segmentation.get_volume(segment_numbers=[1], combine_segments=True)
    to_roi = np.linalg.inv(affine) @ found.affine
    index = np.argwhere(found.array) @ to_roi[:3, :3].T + to_roi[:3, 3]
    assert np.allclose(index, np.round(index), atol=0.03)  # 9e-4 along 30 voxels
    placed = np.zeros(part.volume.shape, dtype=bool)
    placed[tuple(np.round(index).astype(int).T)] = True
    assert np.array_equal(placed, rois[Region.INTRATUMORAL].mask)


def test_a_stack_whose_slices_run_against_the_normal() -> None:
    made = make(with_t2w=False)
    part = made.prepared.sequences[Sequence.T1C]
    affine = part.volume.affine.copy()
    affine[:3, 0] *= -1
    rois = {region: replace(roi, affine=affine) for region, roi in part.rois.items()}
    prepared = replace(made.prepared, sequences={Sequence.T1C: replace(part, rois=rois)})
    found = read_back(Made(made.study, prepared, made.report)).get_volume(segment_numbers=[2], combine_segments=True)
    to_roi = np.linalg.inv(affine) @ found.affine
    index = np.round(np.argwhere(found.array) @ to_roi[:3, :3].T + to_roi[:3, 3]).astype(int)
    placed = np.zeros(part.volume.shape, dtype=bool)
    placed[tuple(index.T)] = True
    assert np.array_equal(placed, rois[Region.PERITUMORAL].mask)


def test_the_name_of_a_patient_is_in_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    made = make(with_t2w=False)
    made.study.header.PatientName = "Single-Component"
    read_back(made)
    assert not [warning for warning in recwarn if "Single" in str(warning.message)]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, "SEMIAUTOMATIC"),
        ({Sequence.T1C: ""}, "SEMIAUTOMATIC"),
        ({Sequence.T1C: "by hand"}, "SEMIAUTOMATIC"),
        ({Sequence.T1C: "MANUAL"}, "MANUAL"),
        ({Sequence.T1C: "AUTOMATIC"}, "AUTOMATIC"),
        ({Sequence.T1C: "MANUAL", Sequence.T2W: "AUTOMATIC"}, "MANUAL"),
        ({Sequence.T1C: "", Sequence.T2W: "MANUAL"}, "SEMIAUTOMATIC"),
        ({Sequence.T2W: "MANUAL"}, "MANUAL"),
    ],
)
def test_how_the_tumour_was_segmented_is_taken_over(stated: dict[Sequence, str], expected: str) -> None:
    made = make()
    study = replace(made.study, algorithm_types=stated)
    item = make_segmentation(study, made.prepared.sequences[Sequence.T1C], made.report, sequence=Sequence.T1C)
    check_object(item.dataset)
    tumour, shell = item.dataset.SegmentSequence
    assert (tumour.SegmentAlgorithmType, shell.SegmentAlgorithmType) == (expected, "AUTOMATIC")
    assert ("SegmentAlgorithmName" in tumour) == (expected != "MANUAL")


def test_an_algorithm_is_named_unless_a_person_drew_it() -> None:
    made = make()
    dataset = make_segmentation(
        made.study, made.prepared.sequences[Sequence.T1C], made.report, sequence=Sequence.T1C
    ).dataset
    dataset.SegmentSequence[0].SegmentAlgorithmType = "MANUAL"
    with pytest.raises(ObjectNotConformant, match="segment 1 is MANUAL and names an algorithm"):
        check_object(dataset)
    dataset.SegmentSequence[0].SegmentAlgorithmType = "SEMIAUTOMATIC"
    del dataset.SegmentSequence[0].SegmentAlgorithmName
    with pytest.raises(ObjectNotConformant, match="segment 1 is SEMIAUTOMATIC and names no algorithm"):
        check_object(dataset)
