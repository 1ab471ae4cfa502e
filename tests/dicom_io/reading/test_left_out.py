"""Files left out of a study, with the reason and with what its reader can do about it. Kind: mechanics."""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.advice import ADVICE, Reader, advised
from dicom_io.errors import GeometryInvalid, Remedy, SelectionAmbiguous, SeriesNotFound
from dicom_io.reading.folder import look_into
from dicom_io.reading.read import read_study
from dicom_io.reading.survey import Survey, survey_folder
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.study import Study
from models.errors import StudyRejected
from models.volume import Sequence as MrSequence
from tests.conftest import ROOT
from tests.dicom_io.made_series import (
    STUDY_UID,
    Edit,
    MadeSeries,
    affine_of,
    ball,
    common,
    save,
    voxels_of,
    write_seg,
    write_series,
)

T1C = MrSequence.T1C
SHAPE = (12, 8, 9)
MASK = ball(SHAPE, centre=(2.5, 4, 4), radius=(2.2, 2.5, 2.5))
UNKNOWN = Assignment.parse([])


def study(folder: Path, *, phases: int = 2, edit: Edit | None = None, seg: bool = True) -> MadeSeries:
    """A dynamic series of `phases`, and a tumour on the second."""
    voxels = [voxels_of(SHAPE, seed=phase) for phase in range(phases)]
    series = write_series(folder, voxels, affine=affine_of(), description="AX T1 DYN", number=4, edit=edit)
    if seg:
        write_seg(folder / "seg.dcm", MASK, affine=affine_of(), source=series, phase=1)
    return series


def read(folder: Path, *, assign: tuple[str, ...] = ()) -> Study:
    files = look_into(folder).studies[STUDY_UID]
    return read_study(files, rules=SelectionRules(), assignment=Assignment.parse(assign))


def survey(folder: Path, *, assign: tuple[str, ...] = ()) -> Survey:
    return survey_folder(folder, rules=SelectionRules(), assignment=Assignment.parse(assign))[0]


def picture_of(path: Path, folder: Path, *, series_uid: str = "", number: int = 999) -> None:
    """A screenshot, in the series of an image or in one of its own."""
    picture = pydicom.dcmread(path)
    picture.SOPClassUID, picture.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", f"1.2.3.{number}"
    picture.InstanceNumber, picture.Modality = number, "OT"
    picture.SeriesInstanceUID = series_uid or picture.SeriesInstanceUID
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        del picture[keyword]
    save(picture, folder / f"picture-{number}.dcm")


def sentences(found: Study, code: str) -> list[str]:
    return [note.sentence for note in found.notes if note.code == code]


def test_a_picture_in_the_series_is_left_out_with_a_note(tmp_path: Path) -> None:
    made = study(tmp_path)
    picture_of(made.files[0], tmp_path)
    found = read(tmp_path)
    np.testing.assert_array_equal(found.volumes[T1C].voxels, voxels_of(SHAPE, seed=1))
    assert sentences(found, "objects-left-out") == [
        "Left out of the T1+C series, because they are no MR images: 1 × Secondary Capture Image Storage."
    ]
    assert sentences(found, "instance-numbers-incomplete") == []  # 999 is the number of the picture
    assigned = read(tmp_path, assign=(f"t1c={made.uid}",))
    np.testing.assert_array_equal(assigned.volumes[T1C].voxels, found.volumes[T1C].voxels)
    problems = {row.description: row.problem for row in survey(tmp_path).rows}
    assert problems["AX T1 DYN [no MR images]"].endswith("1 × Secondary Capture Image Storage.")


def test_a_slice_that_lost_its_class_leaves_a_warning(tmp_path: Path) -> None:
    made = study(tmp_path, phases=1, seg=False)
    write_seg(tmp_path / "seg.dcm", MASK, affine=affine_of(), source=made)
    lost = pydicom.dcmread(made.files[11])
    lost.SOPClassUID = "1.2.840.10008.5.1.4.1.1.44"
    save(lost, made.files[11])
    (sentence,) = sentences(read(tmp_path), "objects-left-out")
    assert "they have a place in the patient, so a slice may be missing" in sentence


def test_a_series_that_is_assigned_and_cannot_be_used_says_why(tmp_path: Path) -> None:
    made = study(tmp_path)
    picture_of(made.files[0], tmp_path, series_uid="1.2.3.4")
    with pytest.raises(SeriesNotFound, match=r"assigned to T1\+C, cannot be used\. It holds no MR images, but 1 × Sec"):
        read(tmp_path, assign=("t1c=1.2.3.4",))
    with pytest.raises(SeriesNotFound, match=r"No series is called or has the UID '9\.9'"):
        read(tmp_path, assign=("t1c=9.9",))


def test_a_refusal_lists_why_each_series_is_not_used(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.SeriesDescription = "EPI"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "MOSAIC"]

    made = study(tmp_path, edit=edit)
    picture_of(made.files[0], tmp_path, series_uid="1.2.3.4")
    with pytest.raises(SeriesNotFound) as refusal:
        read(tmp_path)
    sentence = str(refusal.value)
    assert "EPI" in sentence
    assert "The images are mosaics" in sentence
    assert "It holds no MR images, but 1 × Secondary Capture Image Storage" in sentence
    assert "but 1 × Segmentation Storage" not in sentence  # what is read as a mask is not left out


def test_the_stack_with_the_tumour_is_taken(tmp_path: Path) -> None:
    """The segmentation names every image of the series, as writers do; only its voxels tell."""

    def slabs(dataset: Dataset, phase: int, index: int) -> None:
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, z + (40.0 if index >= 6 else 0.0)]

    study(tmp_path, edit=slabs)
    found = read(tmp_path)
    np.testing.assert_array_equal(found.volumes[T1C].voxels, voxels_of(SHAPE, seed=1)[:6])
    np.testing.assert_array_equal(found.tumours[T1C].mask, MASK[:6])
    (sentence,) = sentences(found, "one-stack-of-several")
    assert "holds 2 stacks of slices; one of them was used (stack 1 of 2, 6 axial slices from 5 to 20 mm" in sentence


def test_tumours_in_both_stacks_are_refused_with_both(tmp_path: Path) -> None:
    def slabs(dataset: Dataset, phase: int, index: int) -> None:
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, z + (40.0 if index >= 6 else 0.0)]

    made = study(tmp_path, edit=slabs)
    other = affine_of()
    other[2, 3] += 40.0
    write_seg(tmp_path / "other.dcm", np.flip(MASK, 0), affine=other, source=made, phase=1, number=901)
    with pytest.raises(SelectionAmbiguous, match=r"stack 1 of 2.*stack 2 of 2"):
        read(tmp_path)


def test_a_stopped_phase_is_left_out_with_a_warning(tmp_path: Path) -> None:
    made = study(tmp_path, phases=3)
    for path in made.files[28:]:
        path.unlink()
    found = read(tmp_path)
    np.testing.assert_array_equal(found.volumes[T1C].voxels, voxels_of(SHAPE, seed=1))
    (sentence,) = sentences(found, "last-phase-incomplete")
    assert sentence == (
        "Phase 3 of the T1+C series has images at 4 of 12 positions: the scan was stopped, or images are missing. It "
        "was left out; the 2 complete phases were used."
    )
    write_seg(tmp_path / "seg.dcm", MASK, affine=affine_of(), source=made, phase=2)
    with pytest.raises(GeometryInvalid, match="the tumour segmentation refers to this phase"):
        read(tmp_path)


def test_a_stopped_phase_in_a_series_of_its_own_is_left_out_with_a_warning(tmp_path: Path) -> None:
    def at(minute: int) -> Edit:
        def edit(dataset: Dataset, phase: int, index: int) -> None:
            dataset.AcquisitionTime, dataset.TemporalPositionIdentifier = f"10{minute:02d}00", minute

        return edit

    for number in (1, 2, 3):
        made = write_series(
            tmp_path,
            [voxels_of(SHAPE, seed=number)],
            affine=affine_of(),
            description="AX T1 DYN",
            number=number,
            edit=at(number),
            skip=[(0, index) for index in range(5, 12)] if number == 3 else (),
        )
        if number == 2:
            write_seg(tmp_path / "seg.dcm", MASK, affine=affine_of())
    assert len(made.files) == 5
    found = read(tmp_path)
    np.testing.assert_array_equal(found.volumes[T1C].voxels, voxels_of(SHAPE, seed=2))
    assert "images at 5 of 12 positions" in sentences(found, "last-phase-incomplete")[0]


def test_monochrome1_leaves_a_warning(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.PhotometricInterpretation = "MONOCHROME1"

    study(tmp_path, edit=edit)
    found = read(tmp_path)
    np.testing.assert_array_equal(found.volumes[T1C].voxels, 65535.0 - voxels_of(SHAPE, seed=1))
    assert len(sentences(found, "values-inverted")) == 1


def test_a_part_without_patient_id_is_named(tmp_path: Path) -> None:
    study(tmp_path)
    nameless = pydicom.dcmread(tmp_path / "seg.dcm")
    nameless.PatientID = ""
    nameless.save_as(tmp_path / "seg.dcm")
    with pytest.raises(StudyRejected) as refusal:
        read(tmp_path)
    assert str(refusal.value) == (
        'A part of the study has no Patient ID: 900 "SEG Tumour" (SEG, 1 object). The rest has one: 4 "AX T1 DYN" (MR, '
        "24 objects). The same in all was expected: have that part stored again with the Patient ID of the rest."
    )
    nameless.PatientID = "SECRET"
    nameless.save_as(tmp_path / "seg.dcm")
    with pytest.raises(StudyRejected, match=r'2 different Patient IDs: .*4 "AX T1 DYN".*another: 900 "SEG') as refusal:
        read(tmp_path)
    assert "SECRET" not in str(refusal.value)


def test_halves_of_a_study_name_each_other(tmp_path: Path) -> None:
    study(tmp_path)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    seg.StudyInstanceUID = "1.2.3.4711"
    seg.save_as(tmp_path / "seg.dcm")
    folder = look_into(tmp_path)
    assert f"are in the study {STUDY_UID}" in folder.remarks("1.2.3.4711")[0]
    assert "is in the study 1.2.3.4711: have both stored" in folder.remarks(STUDY_UID)[0]
    with pytest.raises(SeriesNotFound, match=r"refers to 12 images that are in no series of this study"):
        read_study(folder.studies["1.2.3.4711"], rules=SelectionRules(), assignment=UNKNOWN)
    with pytest.raises(SeriesNotFound, match=f"with the Study Instance UID of the images, {STUDY_UID}"):
        read(tmp_path)
    first, second = survey_folder(tmp_path, rules=SelectionRules(), assignment=UNKNOWN)
    assert first.remarks
    assert second.remarks


def test_whole_studies_side_by_side_have_no_remarks(tmp_path: Path) -> None:
    study(tmp_path / "a")

    def other(dataset: Dataset, phase: int, index: int) -> None:
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        dataset.SOPInstanceUID = f"1.2.3.{phase}.{index}"

    study(tmp_path / "b", edit=other, seg=False)
    folder = look_into(tmp_path)
    assert [folder.remarks(uid) for uid in folder.studies] == [(), ()]


def test_files_that_are_no_dicom_objects_are_counted_with_the_reason(tmp_path: Path) -> None:
    made = study(tmp_path)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(made.files[0])
    (tmp_path / "readme.txt").write_text("text")
    (tmp_path / "mask.nii.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (tmp_path / "odd").write_bytes(b"\x00\x08\x00\x05\x00\x00\x00\x0aISO_IR 100" * 9)
    (tmp_path / "copy.dcm").write_bytes(made.files[0].read_bytes())
    directory = common("")
    directory.SOPClassUID, directory.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    save(directory, tmp_path / "DICOMDIR")
    found = survey(tmp_path).left_out
    assert {phrase.split(":")[0] for phrase in found} == {
        "1 file (export.zip)",
        "1 file (readme.txt)",
        "1 file (mask.nii.gz)",
        "1 file (odd)",
        "1 file (copy.dcm)",
        "1 file (DICOMDIR)",
    }
    by_file = {re.findall(r"\((.*?)\)", phrase)[0]: phrase for phrase in found}
    assert "packed" in by_file["export.zip"]
    assert "not DICOM (NIfTI" in by_file["mask.nii.gz"]
    assert "byte order" in by_file["odd"]
    assert "second copy" in by_file["copy.dcm"]
    (remark,) = look_into(tmp_path).remarks(STUDY_UID)
    assert "export.zip" in remark
    assert "DICOMDIR" not in remark  # an index explains nothing


def test_a_folder_without_a_study_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(StudyRejected, match="It holds no file"):
        look_into(tmp_path)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(StudyRejected, match=r"It holds 1 file \(export\.zip\): packed .* unpack it"):
        look_into(tmp_path)


@pytest.mark.parametrize("preamble", [True, False])
def test_big_endian_files_without_meta_information_are_read(tmp_path: Path, preamble: bool) -> None:
    """As scanners of the nineties wrote them; meta information without preamble is read as well."""
    for path in study(tmp_path).files:
        dataset = pydicom.dcmread(path)
        if preamble:
            path.write_bytes(path.read_bytes()[132:])
            continue
        bare = Dataset()
        bare.update(dataset)
        bare.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        pydicom.dcmwrite(path, bare, implicit_vr=False, little_endian=False, enforce_file_format=False)
    np.testing.assert_array_equal(read(tmp_path).volumes[T1C].voxels, voxels_of(SHAPE, seed=1))


def test_every_remedy_is_worded_for_every_reader() -> None:
    assert set(ADVICE) == set(Remedy)
    for remedy, texts in ADVICE.items():
        assert set(texts) == set(Reader), remedy
        assert "--" not in texts[Reader.UNATTENDED]
        assert all(text.endswith(".") for text in texts.values())


def test_advice_depends_on_who_reads(tmp_path: Path) -> None:
    study(tmp_path)
    write_seg(tmp_path / "tissue.dcm", MASK, affine=affine_of(), label="Breast", code=("1", "SCT", "Tissue"))
    (tmp_path / "seg.dcm").unlink()
    with pytest.raises(SeriesNotFound) as refusal:
        read(tmp_path)
    assert "--assign tumour=" in advised(refusal.value, Reader.COMMAND_LINE)
    assert "assign" not in advised(refusal.value, Reader.UNATTENDED)
    assert survey(tmp_path).refusals == (advised(refusal.value, Reader.COMMAND_LINE),)


def _texts(path: Path) -> Iterator[str]:
    """Every string of a module but docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("package", ["dicom_io", "models", "reports"])
def test_no_sentence_advises_an_option_its_reader_may_not_have(package: str) -> None:
    """Only `advice` words what the command line can do; `rules` reads it."""
    allowed = {ROOT / "dicom_io" / name for name in ("advice.py", "rules.py", "roles.py")}
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in sorted((ROOT / package).rglob("*.py"))
        if path not in allowed
        for text in _texts(path)
        if re.search(r"--assign|tumour=|t1c=|t2w=|the assignment \w+=", text)
    ]
    assert found == []
