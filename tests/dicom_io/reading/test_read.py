"""Files of one study to `Study`: selection, phases, tumours, quality notes, refusals; and the two real studies."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from dicom_io.advice import Reader, advised
from dicom_io.errors import GeometryInvalid, NotReadable, SelectionAmbiguous, SeriesNotFound
from dicom_io.images.quality import NOT_JUDGED
from dicom_io.reading.read import find_studies, read_study
from dicom_io.reading.survey import survey_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from dicom_io.study import Study
from models.acquisition import Acquisition, SeveralTumours, TrainingImages
from models.errors import SetupError, StudyRejected
from models.quality_notes import QualityNote
from models.volume import Sequence as MrSequence
from tests.dicom_io.made_series import (
    STUDY_UID,
    Edit,
    MadeSeries,
    affine_of,
    ball,
    voxels_of,
    write_enhanced,
    write_seg,
    write_series,
)

T1C, T2W = MrSequence.T1C, MrSequence.T2W
SHAPE = (8, 12, 14)
MASK = ball(SHAPE, centre=(3.4, 6, 7), radius=(2.6, 3.4, 4.2))
T2_SHAPE = (7, 10, 12)
T2_AFFINE = affine_of(spacing_mm=(3.4, 1.4, 1.2))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def read(folder: Path, *, rules: SelectionRules | None = None, assignment: Assignment = NO_ASSIGNMENT) -> Study:
    return read_study(files(folder), rules=rules or SelectionRules(), assignment=assignment)


def doubts(study: Study) -> list[QualityNote]:
    """The quality notes of a study but the one that every study has."""
    assert study.notes[0] == NOT_JUDGED
    return list(study.notes[1:])


def refused(folder: Path, kind: type[StudyRejected], *parts: str, assign: Sequence[str] = ()) -> str:
    """The sentence of the refusal, which has all `parts` and is what the survey shows."""
    assignment = Assignment.parse(assign)
    with pytest.raises(kind) as caught:
        read(folder, assignment=assignment)
    sentence = str(caught.value)
    for part in parts:
        assert part in sentence
    survey = survey_study(files(folder), rules=SelectionRules(), assignment=assignment)
    assert not survey.refusals or survey.refusals[0] == advised(caught.value, Reader.COMMAND_LINE)
    assert "Test^Reading" not in sentence
    assert "READ01" not in sentence
    return sentence


def t1c(
    folder: Path,
    *,
    number: int = 4,
    phases: int = 1,
    description: str = "AX T1 FS POST",
    edit: Edit | None = None,
    seed: int = 0,
) -> MadeSeries:
    voxels = [voxels_of(SHAPE, seed=seed + phase) for phase in range(phases)]
    return write_series(folder, voxels, affine=affine_of(), description=description, number=number, edit=edit)


def t2w(folder: Path, *, number: int = 2, frame_uid: str | None = None, description: str = "AX T2 FS") -> MadeSeries:
    frame = {} if frame_uid is None else {"frame_uid": frame_uid}
    voxels = [voxels_of(T2_SHAPE, seed=9)]
    return write_series(folder, voxels, affine=T2_AFFINE, description=description, number=number, **frame)


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


def test_tissue_is_not_a_tumour(tmp_path: Path) -> None:
    t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), label="Breast", code=("76752008", "SCT", "Breast"))
    refused(tmp_path, SeriesNotFound, '"Breast" is not a tumour')
    assert np.any(read(tmp_path, assignment=Assignment.parse(["tumour=breast"])).tumours[T1C].mask)


def test_several_tumours_are_one_region_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    small = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour 1")
    write_seg(tmp_path / "b.dcm", small, affine=affine_of(), source=images, label="Tumour 2", number=901)
    union = read(tmp_path)
    largest = read(tmp_path, rules=SelectionRules(several_tumours=SeveralTumours.LARGEST))
    np.testing.assert_array_equal(union.tumours[T1C].mask, MASK | small)
    np.testing.assert_array_equal(largest.tumours[T1C].mask, MASK)
    assert [row.description for row in union.series[1:]] == ["SEG Tumour 1", "SEG Tumour 2"]
    assert [row.description for row in largest.series[1:]] == ["SEG Tumour 1"]
    # Voxels of 3.0 × 1.5 × 1.0 mm.
    listed = f'"Tumour 1" {MASK.sum() * 4.5 / 1000:.2f} cm³; "Tumour 2" {small.sum() * 4.5 / 1000:.2f} cm³'
    (all_of_them,), (one_of_them,) = doubts(union), doubts(largest)
    assert all_of_them.code == one_of_them.code == "several-tumours"
    assert all_of_them.sentence.startswith(f"2 tumours were segmented on T1+C ({listed}); all of them together")
    assert one_of_them.sentence.endswith('only the largest, "Tumour 1", is analysed.')
    chosen = read(tmp_path, assignment=Assignment.parse(["tumour=Tumour 2"]))
    np.testing.assert_array_equal(chosen.tumours[T1C].mask, small)
    with pytest.raises(SelectionAmbiguous, match='2 segments could be the tumour on T1\\+C: segment 1 "Tumour 1"'):
        read(tmp_path, rules=SelectionRules(several_tumours=SeveralTumours.REFUSE))


def test_the_models_say_what_is_done_with_several_tumours(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    small = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour 1")
    write_seg(tmp_path / "b.dcm", small, affine=affine_of(), source=images, label="Tumour 2", number=901)
    models = {"ours": TrainingImages(SeveralTumours.LARGEST), "theirs": TrainingImages()}
    by_models = read(tmp_path, rules=SelectionRules(models=models))
    np.testing.assert_array_equal(by_models.tumours[T1C].mask, MASK)
    assert [one.code for one in doubts(by_models)] == ["several-tumours"]
    by_site = read(tmp_path, rules=SelectionRules(models=models, several_tumours=SeveralTumours.UNION))
    np.testing.assert_array_equal(by_site.tumours[T1C].mask, MASK | small)
    unlike = doubts(by_site)[1]
    assert unlike.code == "several-tumours-unlike-training"
    assert unlike.sentence == (
        "The model 'ours' was trained on the largest tumour alone; the settings ask for all tumours as one region "
        "(T1+C)."
    )


def test_models_that_want_several_tumours_differently_need_a_setting() -> None:
    models = {"a": TrainingImages(SeveralTumours.LARGEST), "b": TrainingImages(SeveralTumours.UNION)}
    with pytest.raises(SetupError, match=r"\('a' largest, 'b' union\); one way was expected: set several_tumours"):
        SelectionRules(models=models)
    assert SelectionRules(models=models, several_tumours=SeveralTumours.UNION).tumours_together is SeveralTumours.UNION


def test_how_the_images_were_acquired_is_kept(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour")
    assert read(tmp_path).acquisitions == {T1C: Acquisition(3.0, 3.0, 1.5, 1.0, 1.5)}


def test_two_drawings_of_one_tumour_are_not_two_tumours(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="Tumour reader 1")
    moved = np.roll(MASK, 1, axis=1)
    write_seg(tmp_path / "b.dcm", moved, affine=affine_of(), source=images, label="Tumour reader 2", number=901)
    refused(tmp_path, SelectionAmbiguous, "overlap by", '"Tumour reader 1"', "two segmentations of one tumour")


def test_tumours_of_different_kinds_are_refused_unless_assigned(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    small = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images, label="A")
    mass = ("4147007", "SCT", "Mass")
    write_seg(tmp_path / "b.dcm", small, affine=affine_of(), source=images, label="B", code=mass, number=901)
    refused(tmp_path, SelectionAmbiguous, "2 segments could be", "(Mass)", "Their property types differ")
    both = read(tmp_path, assignment=Assignment.parse(["tumour=A", "tumour=B"]))
    np.testing.assert_array_equal(both.tumours[T1C].mask, MASK | small)


def test_a_segment_that_only_a_later_rule_calls_a_tumour_is_named(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images)
    tissue = ("85756007", "SCT", "Tissue")
    other = ball(SHAPE, centre=(0.5, 1, 2), radius=(0.6, 1, 1))
    write_seg(tmp_path / "b.dcm", other, affine=affine_of(), source=images, label="Lesion 2", code=tissue, number=901)
    (note,) = doubts(read(tmp_path))
    assert note.code == "tumour-segments-not-used"
    assert 'segment 1 "Lesion 2" (Tissue)' in note.sentence


@pytest.mark.parametrize("sides", ["two segments", "one segment"])
def test_tumours_in_both_breasts_are_named_by_side(tmp_path: Path, sides: str) -> None:
    # 14 columns of 20 mm: 280 mm wide, middle between columns 6 and 7; LPS, so that column 12 is left.
    affine = affine_of(spacing_mm=(3.0, 1.5, 20.0))
    images = write_series(tmp_path, [voxels_of(SHAPE)], affine=affine, description="T1 POST", number=4)
    left, right = (ball(SHAPE, centre=(3, 5, column), radius=(2, 3, 1.2)) for column in (11, 2))
    right[:, :4] = False
    if sides == "two segments":
        write_seg(tmp_path / "a.dcm", left, affine=affine, source=images, label="Tumour 1")
        write_seg(tmp_path / "b.dcm", right, affine=affine, source=images, label="Tumour 2", number=901)
    else:
        write_seg(tmp_path / "a.dcm", left | right, affine=affine, source=images)
    (note,) = (one for one in doubts(read(tmp_path)) if one.code == "bilateral-tumours")
    cm3 = [mask.sum() * 0.09 for mask in (left, right)]
    assert f"{cm3[0]:.2f} cm³ in the left breast and {cm3[1]:.2f} cm³ in the right" in note.sentence
    assert cm3[0] > cm3[1]


def test_each_sequence_may_have_its_own_segmentation(tmp_path: Path) -> None:
    first, second = t1c(tmp_path), t2w(tmp_path)
    other = ball(T2_SHAPE, centre=(3, 5, 6), radius=(2, 3, 3))
    write_seg(tmp_path / "b.dcm", other, affine=T2_AFFINE, source=second, number=901)
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=first)
    study = read(tmp_path)
    assert list(study.tumours) == [T1C, T2W]
    np.testing.assert_array_equal(study.tumours[T2W].mask, other)


def test_a_segmentation_without_references_goes_to_the_images_of_its_matrix(tmp_path: Path) -> None:
    t1c(tmp_path)
    t2w(tmp_path)
    other = ball(T2_SHAPE, centre=(3, 5, 6), radius=(2, 3, 3))
    write_seg(tmp_path / "b.dcm", other, affine=T2_AFFINE)
    assert list(read(tmp_path).tumours) == [T2W]


@pytest.mark.parametrize("layout", ["one series", "a series each"])
@pytest.mark.parametrize(("segmented", "phase", "used"), [(None, None, 1), (0, None, 0), (2, None, 2), (None, 3, 2)])
def test_the_phase_is_that_of_the_segmentation_else_of_the_settings(
    tmp_path: Path, layout: str, segmented: int | None, phase: int | None, used: int
) -> None:
    if layout == "one series":
        series = t1c(tmp_path, phases=3, description="AX T1 DYN")
        sources = [(series, index) for index in range(3)]
    else:
        sources = []
        for index in range(3):

            def later(dataset: Dataset, _: int, slice_index: int, index: int = index) -> None:
                dataset.AcquisitionTime = f"1{index}00{slice_index:02d}"
                dataset.TemporalPositionIdentifier = 1

            # Numbered backwards: the time decides, not the number.
            name = f"AX T1 DYN {index + 1}"
            sources.append((t1c(tmp_path, number=9 - index, description=name, edit=later, seed=index), 0))
    source, source_phase = sources[segmented] if segmented is not None else (None, 0)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=source, phase=source_phase)
    study = read(tmp_path, rules=SelectionRules(phase=phase))
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels_of(SHAPE, seed=used))
    assert study.series[0].detail.startswith(f"phase {used + 1} of 3")
    (note,) = doubts(study)  # the headers name no contrast agent
    assert note.code == "contrast-phase-uncertain"
    guessed = "the first was taken as unenhanced" in note.sentence
    assert guessed is (segmented is None and phase is None)


AGENT, NO_AGENT = "Gadobutrol", "NONE"


@pytest.mark.parametrize(
    ("agents", "segmented", "doubt"),
    [
        ((NO_AGENT, AGENT, AGENT), 1, ""),
        ((NO_AGENT, AGENT, AGENT), None, ""),
        ((AGENT, AGENT, AGENT), 1, ""),
        ((AGENT, AGENT, AGENT), 0, "The first of 3 phases of the T1+C series is used, which is usually unenhanced"),
        ((NO_AGENT, AGENT, AGENT), 0, 'phase 1 of the T1+C series name no contrast agent ("NONE")'),
        ((NO_AGENT, NO_AGENT, NO_AGENT), 1, 'phase 2 of the T1+C series name no contrast agent ("NONE")'),
        ((AGENT, AGENT, AGENT), None, "do not tell which is before contrast"),
    ],
)
def test_a_phase_the_headers_do_not_call_enhanced_is_doubted(
    tmp_path: Path, agents: tuple[str, ...], segmented: int | None, doubt: str
) -> None:
    def with_agent(dataset: Dataset, phase: int, _: int) -> None:
        dataset.ContrastBolusAgent = agents[phase]

    images = t1c(tmp_path, phases=3, description="AX T1 DYN", edit=with_agent)
    source = images if segmented is not None else None
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=source, phase=segmented or 0)
    found = doubts(read(tmp_path))
    assert [note.code for note in found] == ["contrast-phase-uncertain"] * bool(doubt)
    assert all(doubt in note.sentence for note in found)


def test_phases_called_before_and_after_contrast_need_no_doubt(tmp_path: Path) -> None:
    for index, name in enumerate(("ax dyn pre", "ax dyn 1st pass", "ax dyn 2nd pass")):
        t1c(tmp_path, number=4 + index, description=name, seed=index)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    study = read(tmp_path)
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels_of(SHAPE, seed=1))
    assert doubts(study) == []


def test_a_phase_the_series_does_not_have_is_refused(tmp_path: Path) -> None:
    t1c(tmp_path, phases=3, description="AX T1 DYN")
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    with pytest.raises(GeometryInvalid, match="ask for phase 5, but the T1\\+C series has 3 phases"):
        read(tmp_path, rules=SelectionRules(phase=5))


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


def test_a_hole_is_a_note_up_to_the_limit(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images, order=[1, 2, 5])
    (note,) = doubts(read(tmp_path))
    assert note.sentence.startswith("The tumour on T1+C has 2 empty slices inside its extent (slice 4 to 5)")
    with pytest.raises(GeometryInvalid, match="2 in a row; at most 1 were expected"):
        read(tmp_path, rules=SelectionRules(hole_limit_slices=1))


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


def test_the_phase_of_an_enhanced_image_is_that_of_the_frames_referred_to(tmp_path: Path) -> None:
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(3)]
    uid = write_enhanced(tmp_path / "e.dcm", voxels, affine=affine_of(), description="T1 DYN", number=6)

    def refer(dataset: Dataset) -> None:
        for index, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            source, derivation = Dataset(), Dataset()
            source.ReferencedSOPInstanceUID, source.ReferencedFrameNumber = uid, 2 * SHAPE[0] + index + 2
            derivation.SourceImageSequence = [source]
            group.DerivationImageSequence = [derivation]

    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), edit=refer)
    study = read(tmp_path)
    assert study.sources[T1C].frame_numbers == tuple(range(17, 25))
    assert [note.code for note in doubts(study)] == ["contrast-phase-uncertain"]


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


def dixon(dataset: Dataset, phase: int, _: int) -> None:
    """Water and fat of one acquisition, in one series."""
    dataset.ImageType = ["DERIVED", "PRIMARY", "DIXON", ("WATER", "FAT")[phase]]
    dataset.TemporalPositionIdentifier, dataset.AcquisitionTime = 1, "100000"


def test_the_water_images_of_a_mixed_series_are_used(tmp_path: Path) -> None:
    images = t1c(tmp_path, phases=2, description="AX T1 DIXON POST", edit=dixon)
    write_seg(tmp_path / "s.dcm", MASK, affine=affine_of())
    study = read(tmp_path)
    np.testing.assert_array_equal(study.volumes[T1C].voxels, voxels_of(SHAPE))
    assert study.series[0].description == "AX T1 DIXON POST [WATER]"
    assert study.series[0].series_instance_uid == images.uid
    assert doubts(study) == []
    survey = survey_study(files(tmp_path), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    roles = {row.description: (row.role, row.why.split(" (")[0]) for row in survey.rows if not row.is_segment}
    assert roles["AX T1 DIXON POST [WATER]"][0] == "T1+C"
    assert roles["AX T1 DIXON POST [FAT]"][1].startswith("left out: fat or opposed-phase image")


def test_echoes_nothing_tells_apart_are_refused_with_the_list_unless_told(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, _: int) -> None:
        dataset.EchoTime = ("20", "90")[phase]

    images = t1c(tmp_path)
    voxels = [voxels_of(SHAPE, seed=echo) for echo in (5, 6)]
    echoes = write_series(tmp_path, voxels, affine=affine_of(), description="AX T2 PD", number=7, edit=edit)
    seg = write_seg(tmp_path / "s.dcm", MASK, affine=affine_of(), source=images)
    names = ('7 "AX T2 PD [TE 20 ms]"', '7 "AX T2 PD [TE 90 ms]"')
    refused(tmp_path, SelectionAmbiguous, "2 series could be T2W", *names)
    assigned = read(tmp_path, assignment=Assignment.parse(["t2w=AX T2 PD [TE 90 ms]"]))
    by_rule = {"name": "late echo", "matches": {"SeriesDescription": "T2"}, "ranges": {"EchoTime": [60, 200]}}
    ruled = read(tmp_path, rules=SelectionRules.from_mapping({"t2w": [by_rule]}))
    seg.unlink()
    write_seg(tmp_path / "a.dcm", MASK, affine=affine_of(), source=images)
    write_seg(tmp_path / "b.dcm", MASK, affine=affine_of(), source=echoes, phase=1, number=901)
    segmented = read(tmp_path)
    for study in (assigned, ruled, segmented):
        np.testing.assert_array_equal(study.volumes[T2W].voxels, voxels[1])
    assert T2W in segmented.tumours


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


def test_a_tumour_in_one_slice_is_a_note(tmp_path: Path) -> None:
    images = t1c(tmp_path)
    flat = MASK & (np.indices(SHAPE)[0] == 3)
    write_seg(tmp_path / "s.dcm", flat, affine=affine_of(), source=images)
    (note,) = doubts(read(tmp_path))
    assert note.sentence.startswith("The tumour on T1+C lies in one slice only")
