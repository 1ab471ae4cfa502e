"""Segmentations drawn on images that are not used, and segments that cannot be used: both are said. Kind: mechanics."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.errors import NotReadable
from dicom_io.reading.read import read_study
from dicom_io.reading.survey import survey_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from models.quality_notes import QualityNote, Severity
from models.volume import Sequence
from tests.dicom_io.made_series import MadeSeries, affine_of, ball, voxels_of, write_seg, write_series

SHAPE = (8, 12, 14)
MASK = ball(SHAPE, centre=(3.4, 6, 7), radius=(2.6, 3.4, 4.2))


def dynamic(folder: Path, *, phases: int = 4) -> MadeSeries:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.ContrastBolusAgent = "Gadobutrol" if phase else "NONE"

    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(phases)]
    return write_series(folder, voxels, affine=affine_of(), description="AX T1 DYN", number=4, edit=edit)


def derived(folder: Path, description: str) -> MadeSeries:
    return write_series(folder, [voxels_of(SHAPE, seed=9)], affine=affine_of(), description=description, number=9)


def read(folder: Path) -> Study:
    return read_study(sorted(folder.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def notes_of(study: Study, code: str) -> list[QualityNote]:
    return [note for note in study.notes if note.code == code]


@pytest.mark.parametrize("description", ["SUB 3-1", "SUBTRACTION MIP"])
def test_a_tumour_drawn_on_a_series_that_is_not_used_says_which_phase_was_taken(
    tmp_path: Path, description: str
) -> None:
    dynamic(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=derived(tmp_path, description))
    (note,) = notes_of(read(tmp_path), "segmentation-of-other-series")
    assert note.severity is Severity.WARNING
    assert f'was drawn on the series 9 "{description}", which is not used' in note.sentence
    assert (
        'phase 2 of 4 (first phase after contrast, by description or contrast agent) of the series 4 "AX T1 DYN" was'
        in (note.sentence)
    )


def test_what_the_frames_name_counts_before_what_the_object_names(tmp_path: Path) -> None:
    """A writer may list the dynamic series for the object, and the subtraction for each frame."""
    images, subtraction = dynamic(tmp_path), derived(tmp_path, "SUB 3-1")

    def edit(dataset: Dataset) -> None:
        slices = np.flatnonzero(MASK.any(axis=(1, 2)))
        for group, index in zip(dataset.PerFrameFunctionalGroupsSequence, slices, strict=True):
            source, derivation = Dataset(), Dataset()
            source.ReferencedSOPInstanceUID = subtraction.sop_uids[0][index]
            derivation.SourceImageSequence = [source]
            group.DerivationImageSequence = [derivation]

    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images, phase=1, edit=edit)
    (note,) = notes_of(read(tmp_path), "segmentation-of-other-series")
    assert "phase 2 of 4 (the tumour segmentation refers to it)" in note.sentence


def test_images_that_did_not_arrive_are_said(tmp_path: Path) -> None:
    dynamic(tmp_path)
    missing = MadeSeries("1.2.3", (), (tuple(f"1.2.3.{index}" for index in range(8)),))
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=missing)
    (note,) = notes_of(read(tmp_path), "segmentation-of-other-series")
    assert "8 images that did not arrive with the study" in note.sentence


def test_a_tumour_drawn_on_the_images_that_are_used_says_nothing(tmp_path: Path) -> None:
    images = dynamic(tmp_path)
    derived(tmp_path, "SUB 3-1")
    for named in (images, None):
        write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=named, phase=2)
        assert notes_of(read(tmp_path), "segmentation-of-other-series") == []


def two_segments(dataset: Dataset) -> None:
    """A second tumour that is described, and has no frame."""
    second = deepcopy(dataset.SegmentSequence[0])
    second.SegmentNumber, second.SegmentLabel = 2, "Tumour 2"
    dataset.SegmentSequence.append(second)


def test_a_segment_without_frames_beside_one_with_frames_is_named(tmp_path: Path) -> None:
    images = dynamic(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images, phase=1, edit=two_segments)
    study = read(tmp_path)
    np.testing.assert_array_equal(study.tumours[Sequence.T1C].mask, MASK)
    (note,) = notes_of(study, "tumour-segments-unusable")
    assert note.severity is Severity.WARNING
    assert 'segment 2 "Tumour 2"' in note.sentence
    assert "no frame of the object belongs to it" in note.sentence


def test_segments_of_one_number_refuse_the_study_by_name(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        two_segments(dataset)
        dataset.SegmentSequence[1].SegmentNumber = 1

    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=dynamic(tmp_path), phase=1, edit=edit)
    with pytest.raises(NotReadable, match="2 segments of the object have this number") as caught:
        read(tmp_path)
    survey = survey_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    assert survey.refusals == (str(caught.value),)
