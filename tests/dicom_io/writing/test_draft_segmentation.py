"""Drafts and accepted segmentations: valid (peers), read back as drawn, never answered as drafts (invariants)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from dicom_io.errors import TumourNotFound
from dicom_io.identity import is_accepted, is_draft, is_ours
from dicom_io.reading.read import read_study
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.study import Study
from dicom_io.writing.draft_segmentation import make_final
from models.errors import StudyRejected
from models.segmentation.agreement import dice
from models.volume import Sequence
from tests.conftest import require_programs
from tests.dicom_io.drafted import ACCEPTED, TUMOUR, accepted, drafted, images, painted, store
from tests.dicom_io.made_series import affine_of, write_seg


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    painted(tmp_path / "s.dcm", images(tmp_path))
    return tmp_path


def read(folder: Path, *assign: str) -> Study:
    files = [path for path in folder.iterdir() if path.is_file()]
    return read_study(files, rules=SelectionRules(), assignment=Assignment.parse(assign))


def test_a_draft_says_that_it_is_one_everywhere_but_in_its_label(folder: Path) -> None:
    draft, mask = drafted(folder)
    assert dice(mask, TUMOUR) > 0.95
    segment = draft.SegmentSequence[0]
    assert (draft.ContentLabel, draft.SeriesDescription) == ("DRAFT", "DRAFT tumour, needs review")
    assert segment.SegmentDescription == "DRAFT tumour, needs review"
    assert (segment.SegmentLabel, segment.SegmentAlgorithmType) == ("Tumour", "SEMIAUTOMATIC")
    assert segment.SegmentAlgorithmName == "grow-cut from strokes on 5 slices"
    identified = segment.SegmentationAlgorithmIdentificationSequence[0]
    assert (identified.AlgorithmName, identified.AlgorithmVersion) == ("grow-cut", "1.0")
    assert identified.AlgorithmFamilyCodeSequence[0].CodeValue == "123101"
    assert "eroded_mm" in identified.AlgorithmParameters
    assert segment.TrackingUID
    strokes = pydicom.dcmread(folder / "s.dcm")
    named = {
        one.ReferencedSOPInstanceUID for s in draft.ReferencedSeriesSequence for one in s.ReferencedInstanceSequence
    }
    assert strokes.SOPInstanceUID in named
    assert is_draft(draft)


def test_the_same_marks_make_the_same_draft(folder: Path) -> None:
    first, _ = drafted(folder)
    again, _ = drafted(folder)
    assert first == again


def test_objects_read_back_with_another_library(folder: Path) -> None:
    """Oracle: highdicom's reader."""
    draft, mask = drafted(folder)
    for dataset in (draft, accepted(draft)):
        path = store(dataset, folder / "out.bin")
        read_back = hd.seg.segread(path)
        frames = read_back.pixel_array.astype(bool)
        positions = [
            item.PlanePositionSequence[0].ImagePositionPatient for item in read_back.PerFrameFunctionalGroupsSequence
        ]
        slices = [round(float((np.linalg.inv(affine_of()) @ [*map(float, position), 1])[0])) for position in positions]
        np.testing.assert_array_equal(frames, mask[slices])
        assert sorted(slices) == np.flatnonzero(mask.any(axis=(1, 2))).tolist()


@pytest.mark.peers
def test_objects_pass_dciodvfy(folder: Path) -> None:
    require_programs("dciodvfy")
    draft, _ = drafted(folder)
    for dataset in (draft, accepted(draft)):
        path = store(dataset, folder / "out.bin")
        verdict = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
        errors = [line for line in (verdict.stdout + verdict.stderr).splitlines() if line.startswith("Error")]
        assert not errors


@pytest.mark.parametrize("assigned", [False, True])
@pytest.mark.parametrize("rewritten", [False, True])
def test_a_draft_is_never_answered(folder: Path, assigned: bool, rewritten: bool) -> None:
    """Not when it is assigned, nor when an archive rewrites the manufacturer."""
    draft, _ = drafted(folder)
    if rewritten:
        draft.Manufacturer = draft.ManufacturerModelName = "ARCHIVE"
        assert not is_ours(draft)
    store(draft, folder / "draft.dcm")
    with pytest.raises(TumourNotFound, match=r"none is a tumour that can be used: .*draft"):
        read(folder, *([f"tumour={draft.SeriesInstanceUID}"] if assigned else []))


def test_an_accepted_draft_is_answered_and_says_who_accepted_it(folder: Path) -> None:
    draft, mask = drafted(folder)
    store(draft, folder / "draft.dcm")
    final = accepted(draft)
    store(final, folder / "final.dcm")
    assert is_accepted(final)
    assert not is_ours(final)
    assert "draft" not in f"{final.SeriesDescription} {final.SegmentSequence[0].SegmentDescription}".lower()
    assert final.ContentCreatorName == "Reader^Ada"
    assert final.SegmentSequence[0].TrackingUID == draft.SegmentSequence[0].TrackingUID
    study = read(folder)
    np.testing.assert_array_equal(study.tumours[Sequence.T1C].mask, mask)
    outline = study.outlines[Sequence.T1C]
    assert (outline.method, outline.version, outline.strokes) == ("grow-cut", "1.0", 5)
    assert (outline.accepted_by, outline.accepted_at) == ("Ada Reader", "2026-07-04 09:30")
    assert outline.draft is not None
    assert outline.draft.dice == 1
    (note,) = [note for note in study.notes if note.code == "tumour-outlined"]
    assert "accepted unchanged by Ada Reader on 2026-07-04 09:30" in note.sentence
    assert outline.readers_dice < 0.81


def test_an_edited_draft_is_compared_with_what_became_of_it(folder: Path) -> None:
    """OHIF keeps geometry and label only, so the lesion is matched by overlap."""
    draft, mask = drafted(folder)
    store(draft, folder / "draft.dcm")
    edited = mask.copy()
    edited[:, :9] = False

    def by_a_person(dataset: pydicom.Dataset) -> None:
        dataset.ContentDate, dataset.ContentTime = "20270101", "120000"
        dataset.ContentCreatorName = "Lovelace^Ada"

    write_seg(folder / "e.dcm", edited, affine=affine_of(), number=901, edit=by_a_person)
    with_draft = read(folder)
    outline = with_draft.outlines[Sequence.T1C]
    assert outline.draft is not None
    assert outline.draft.dice == pytest.approx(dice(mask, edited))
    assert outline.draft.final_mm3 < outline.draft.draft_mm3
    assert (outline.kind, outline.accepted_by) == ("SEMIAUTOMATIC", "Ada Lovelace")
    (folder / "draft.dcm").unlink()
    without = read(folder)
    assert without.outlines[Sequence.T1C].draft is None
    assert without.content_digest != with_draft.content_digest  # another report is another object


def test_only_drafts_of_this_software_are_accepted(folder: Path) -> None:
    draft, _ = drafted(folder)
    final = accepted(draft)
    strokes = pydicom.dcmread(folder / "s.dcm")
    for dataset in (final, strokes):
        with pytest.raises(StudyRejected, match="is no draft of this software"):
            make_final(dataset, accepted_by="Ada Reader", accepted=ACCEPTED)
    with pytest.raises(StudyRejected, match="has 0 characters"):
        make_final(draft, accepted_by="", accepted=ACCEPTED)


def test_a_rejected_structure_set_is_refused_by_its_status(folder: Path) -> None:
    def rejected(dataset: pydicom.Dataset) -> None:
        dataset.ApprovalStatus = "REJECTED"

    write_seg(folder / "e.dcm", TUMOUR, affine=affine_of(), number=901, edit=rejected)
    with pytest.raises(TumourNotFound, match="Approval Status is REJECTED"):
        read(folder)


def test_strokes_that_do_not_overlap_are_refused_without_a_name(folder: Path) -> None:
    mask = np.zeros_like(TUMOUR)
    for place, index in enumerate((2, 5, 8, 11)):
        mask[index, 2 + 5 * place : 5 + 5 * place, 4:9] = True
    (folder / "s.dcm").unlink()
    write_seg(folder / "e.dcm", mask, affine=affine_of(), number=901)
    with pytest.raises(StudyRejected, match="drawn on 4 of 10 slices, no two of them side by side"):
        read(folder)
