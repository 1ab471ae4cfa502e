"""Marks of a person on a study: strokes as SEG and RT Structure Set, boxes in mm, refusals. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dicom_io.errors import SelectionAmbiguous
from dicom_io.reading.marks import BoxMarks
from models.errors import StudyRejected
from models.volume import Sequence
from tests.dicom_io.drafted import PAINTED, SHAPE, TUMOUR, accepted, drafted, images, marked, painted, store
from tests.dicom_io.made_series import affine_of, write_rtstruct, write_seg


def test_strokes_are_found_by_their_name_and_placed(tmp_path: Path) -> None:
    painted(tmp_path / "s.dcm", images(tmp_path))
    study = marked(tmp_path)
    assert study.sequence is Sequence.T1C
    assert tuple(study.seeds.painted_slices) == PAINTED
    assert study.seeds.strokes is not None
    np.testing.assert_array_equal(study.seeds.strokes[list(PAINTED)], TUMOUR[list(PAINTED)])
    assert study.images.before is None
    assert study.described == "the image alone"


def test_phases_are_subtracted(tmp_path: Path) -> None:
    painted(tmp_path / "s.dcm", images(tmp_path, phases=3), phase=1)
    study = marked(tmp_path)
    assert study.described == "phase 2 minus phase 1; phase 3 is the late one"
    contrast = study.images.contrast
    assert contrast[TUMOUR].min() > 300
    assert abs(contrast[~TUMOUR]).max() < 20


def test_a_file_outside_the_folder_may_hold_the_strokes(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    strokes = painted(tmp_path / "s.dcm", images(folder), label="Segment 1")
    assert tuple(marked(folder, strokes=strokes).seeds.painted_slices) == PAINTED


def test_contours_may_be_the_strokes(tmp_path: Path) -> None:
    source = images(tmp_path)
    square = np.array([(8.0, 9.0), (8.0, 17.0), (16.0, 17.0), (16.0, 9.0)])
    corners = [np.column_stack([np.full(4, float(index)), square]) for index in PAINTED]
    contours = [points @ affine_of()[:3, :3].T + affine_of()[:3, 3] for points in corners]
    write_rtstruct(tmp_path / "r.dcm", contours, name="tumour strokes", series=source)
    study = marked(tmp_path)
    assert tuple(study.seeds.painted_slices) == PAINTED


def test_a_study_without_marks_or_with_two_is_refused(tmp_path: Path) -> None:
    source = images(tmp_path)
    with pytest.raises(StudyRejected, match="No strokes were found"):
        marked(tmp_path)
    for number in (800, 801):
        painted(tmp_path / f"{number}.dcm", source, number=number)
    with pytest.raises(SelectionAmbiguous, match="2 segments hold strokes of a tumour"):
        marked(tmp_path)


def test_a_file_that_is_no_segmentation_holds_no_strokes(tmp_path: Path) -> None:
    images(tmp_path)
    image = next(path for path in tmp_path.iterdir() if path.is_file())
    with pytest.raises(StudyRejected, match="is no segmentation and no structure set"):
        marked(tmp_path, strokes=image)


def test_no_draft_is_made_beside_a_final_segmentation(tmp_path: Path) -> None:
    source = images(tmp_path)
    painted(tmp_path / "s.dcm", source)
    draft, _ = drafted(tmp_path)
    store(draft, tmp_path / "draft.dcm")
    assert tuple(marked(tmp_path).seeds.painted_slices) == PAINTED  # a draft is no final one
    store(accepted(draft), tmp_path / "final.dcm")
    with pytest.raises(StudyRejected, match=r"has a segmentation of the tumour already.*reviewed and accepted"):
        marked(tmp_path)
    (tmp_path / "final.dcm").unlink()
    write_seg(tmp_path / "theirs.dcm", TUMOUR, affine=affine_of(), source=source)
    with pytest.raises(StudyRejected, match="No draft is made beside a final segmentation"):
        marked(tmp_path)


def test_a_box_is_given_in_the_patient(tmp_path: Path) -> None:
    images(tmp_path)
    affine = affine_of()
    first, last, point = (1, 4, 5), (12, 20, 21), (6, 12, 13)
    low, high, centre = (tuple((affine @ [*place, 1])[:3]) for place in (first, last, point))
    seeds = marked(tmp_path, box=BoxMarks((high, low), centre)).seeds  # type: ignore[arg-type]
    assert seeds.box is not None
    assert (seeds.box.first, seeds.box.last, seeds.point) == (first, last, point)
    with pytest.raises(StudyRejected, match="lies outside the images; patient coordinates"):
        marked(tmp_path, box=BoxMarks(((9e3, 9e3, 9e3), (9.1e3, 9.1e3, 9.1e3))))
    assert seeds_shape(tmp_path) == SHAPE


def seeds_shape(folder: Path) -> tuple[int, ...]:
    return marked(folder, box=BoxMarks(((-1e4, -1e4, -1e4), (1e4, 1e4, 1e4)))).images.after.shape
