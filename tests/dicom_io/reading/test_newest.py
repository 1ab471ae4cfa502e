"""The newest segmentation of a region counts: invariants of the rule, and studies with two objects (mechanics)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.errors import SelectionAmbiguous
from dicom_io.reading.newest import covers, is_later
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, Rule, SelectionRules
from dicom_io.study import Study
from models.acquisition import SeveralTumours
from models.segmentation.agreement import dice
from models.volume import Sequence as MrSequence
from tests.dicom_io.made_series import MadeSeries, affine_of, ball, voxels_of, write_seg, write_series

T1C = MrSequence.T1C
SHAPE = (8, 12, 14)
MASK = ball(SHAPE, centre=(3.4, 6, 7), radius=(2.6, 3.4, 4.2))
CORRECTED = np.roll(MASK, 1, axis=1)
PART = MASK & (np.indices(SHAPE)[0] < 3)
TISSUE = ("85756007", "SCT", "Tissue")
MORNING, NOON = "20260301 080000", "20260301 120000"


def made(when: str, *, creation: str = "", algorithm: str = "MANUAL") -> Callable[[Dataset], None]:
    def edit(dataset: Dataset) -> None:
        if when:
            dataset.ContentDate, dataset.ContentTime = when.split()
        if creation:
            dataset.InstanceCreationDate, dataset.InstanceCreationTime = creation.split()
        dataset.SegmentSequence[0].SegmentAlgorithmType = algorithm

    return edit


@pytest.fixture
def images(tmp_path: Path) -> MadeSeries:
    return write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="AX T1 FS POST", number=4)


def read(folder: Path, *, rules: SelectionRules | None = None, assignment: Assignment = NO_ASSIGNMENT) -> Study:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return read_study(files, rules=rules or SelectionRules(), assignment=assignment)


def codes(study: Study) -> set[str]:
    return {note.code for note in study.notes}


def test_a_newer_drawing_of_the_same_region_replaces_the_earlier(tmp_path: Path, images: MadeSeries) -> None:
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour reader 1", edit=made(MORNING))
    before = read(tmp_path)
    write_seg(
        tmp_path / "b.dcm",
        CORRECTED,
        affine=affine_of(),
        source=images,
        label="Tumour reader 2",
        number=901,
        edit=made(NOON),
    )
    after = read(tmp_path)
    np.testing.assert_array_equal(after.tumours[T1C].mask, CORRECTED)
    assert [one.series_instance_uid[-4:] for one in after.segmentations] == [".901"]
    assert after.content_digest != before.content_digest
    (note,) = [note for note in after.notes if note.code == "segmentation-replaced"]
    assert '"Tumour reader 2"' in note.sentence.split(" replaces ")[0]
    assert "2026-03-01 08:00" in note.sentence
    (tmp_path / "a.dcm").unlink()
    assert read(tmp_path).content_digest == after.content_digest  # the earlier one decides nothing any more


@pytest.mark.parametrize("name", ["kind", "refuse", "label"])
def test_what_distinguishes_the_objects_otherwise_does_not_hold_it_up(
    tmp_path: Path, images: MadeSeries, name: str
) -> None:
    """Another property type, a site that refuses several tumours, a label where the other has a code."""
    code = {"kind": ("4147007", "SCT", "Mass"), "label": TISSUE}.get(name, ("108369006", "SCT", "Neoplasm"))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, edit=made(MORNING))
    write_seg(tmp_path / "b.dcm", CORRECTED, affine=affine_of(), source=images, code=code, number=901, edit=made(NOON))
    rules = SelectionRules(several_tumours=SeveralTumours.REFUSE if name == "refuse" else None)
    np.testing.assert_array_equal(read(tmp_path, rules=rules).tumours[T1C].mask, CORRECTED)


def test_the_precedence_of_a_rule_of_the_site_stands(tmp_path: Path, images: MadeSeries) -> None:
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Final", edit=made(MORNING))
    write_seg(tmp_path / "b.dcm", CORRECTED, affine=affine_of(), source=images, number=901, edit=made(NOON))
    own = Rule(name="final", matches={"SegmentLabel": "final"})
    study = read(tmp_path, rules=SelectionRules(tumour=(own, *SelectionRules().tumour)))
    np.testing.assert_array_equal(study.tumours[T1C].mask, MASK)
    assert "tumour-segments-not-used" in codes(study)


@pytest.mark.parametrize(
    ("edits", "masks", "reason"),
    [
        ((made(""), made("")), (MASK, CORRECTED), "cannot be told from their dates"),
        ((made(NOON), made(NOON)), (MASK, CORRECTED), "cannot be told from their dates"),
        ((made(MORNING, creation=NOON), made(NOON, creation=MORNING)), (MASK, CORRECTED), "cannot be told"),
        ((made(MORNING), made(NOON)), (MASK, PART), "does not cover what the earlier does"),
        ((made(MORNING), made(NOON, algorithm="AUTOMATIC")), (MASK, CORRECTED), "by an algorithm, the earlier by a"),
    ],
)
def test_else_the_study_asks_and_an_explicit_choice_answers(
    tmp_path: Path,
    images: MadeSeries,
    edits: tuple[Callable[[Dataset], None], Callable[[Dataset], None]],
    masks: tuple[np.ndarray, np.ndarray],
    reason: str,
) -> None:
    for number, (edit, mask) in enumerate(zip(edits, masks, strict=True)):
        path = tmp_path / f"{number}.dcm"
        write_seg(
            path, mask, affine=affine_of(), source=images, number=900 + number, edit=edit, label=f"Tumour {number}"
        )
    with pytest.raises(SelectionAmbiguous, match=reason):
        read(tmp_path)
    chosen = read(tmp_path, assignment=Assignment(tumour=("Tumour 0",)))
    np.testing.assert_array_equal(chosen.tumours[T1C].mask, masks[0])


def test_the_rule_can_be_switched_off(tmp_path: Path, images: MadeSeries) -> None:
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, edit=made(MORNING))
    write_seg(tmp_path / "b.dcm", CORRECTED, affine=affine_of(), source=images, number=901, edit=made(NOON))
    with pytest.raises(SelectionAmbiguous, match="overlap by"):
        read(tmp_path, rules=SelectionRules(newest_segmentation=False))


def test_another_tumour_in_a_later_object_is_another_tumour(tmp_path: Path, images: MadeSeries) -> None:
    small = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, edit=made(MORNING))
    write_seg(tmp_path / "b.dcm", small, affine=affine_of(), source=images, number=901, edit=made(NOON))
    study = read(tmp_path)
    np.testing.assert_array_equal(study.tumours[T1C].mask, MASK | small)
    assert "several-tumours" in codes(study)
    assert "segmentation-replaced" not in codes(study)


def test_the_last_of_three_counts(tmp_path: Path, images: MadeSeries) -> None:
    for number, when in enumerate(("20260303 080000", MORNING, "20260302 080000")):
        write_seg(
            tmp_path / f"{number}.dcm",
            np.roll(MASK, number, axis=2),
            affine=affine_of(),
            source=images,
            number=900 + number,
            edit=made(when),
        )
    study = read(tmp_path)
    np.testing.assert_array_equal(study.tumours[T1C].mask, MASK)
    notes = [note.sentence for note in study.notes if note.code == "segmentation-replaced"]
    assert len(notes) == 2
    assert all("2026-03-03 08:00 replaces" in sentence for sentence in notes)


def test_one_of_two_tumours_does_not_replace_both() -> None:
    """Two equal pieces: Dice with one of them is 2/3, well above the limit, and yet the other is not covered."""
    one, other = np.zeros((3, 9, 9), dtype=bool), np.zeros((3, 9, 9), dtype=bool)
    one[1, 1:4, 1:4] = True
    other[1, 6:9, 6:9] = True
    assert dice(one, one | other) == pytest.approx(2 / 3)
    assert not covers(one, one | other)
    assert covers(one | other, one)
    assert dice(np.zeros_like(one), np.zeros_like(one)) == 0.0
    assert not covers(np.zeros_like(one), one)


def test_later_needs_a_date_and_a_time() -> None:
    first, second = Dataset(), Dataset()
    first.ContentDate = second.ContentDate = "20260301"
    assert not is_later(second, first)
    first.ContentTime, second.ContentTime = "080000", "080000.5"
    assert is_later(second, first)
    assert not is_later(first, second)
