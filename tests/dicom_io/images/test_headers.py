"""Files to headers: what is left out, what is refused, names in any character set, digests."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_io.errors import NotReadable
from dicom_io.identity import MANUFACTURER, MODEL_NAME
from dicom_io.images.file_scan import files_by_study
from dicom_io.images.headers import content_digest, numbers, read_instances, text
from dicom_io.images.subject import carried_header, subject_of
from models.quality_notes import Severity
from tests.dicom_io.made_series import STUDY_UID, Edit, affine_of, common, save, voxels_of, write_series

SHAPE = (3, 4, 5)


def write(folder: Path, *, edit: Edit | None = None) -> tuple[Path, ...]:
    made = write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5, edit=edit)
    return made.files


def test_files_that_are_not_dicom_and_our_own_objects_are_left_out(tmp_path: Path) -> None:
    def ours(dataset: Dataset, phase: int, index: int) -> None:
        if index == 0:
            dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, MODEL_NAME

    files = write(tmp_path, edit=ours)
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "empty").touch()
    directory = common("")
    directory.SOPClassUID, directory.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    save(directory, tmp_path / "DICOMDIR")
    instances = read_instances(path for path in tmp_path.rglob("*") if path.is_file())
    assert {instance.path for instance in instances} == set(files[1:])
    assert files_by_study(tmp_path) == {STUDY_UID: tuple(sorted(files[1:]))}


def test_a_copy_counts_once_and_two_contents_under_one_uid_are_refused(tmp_path: Path) -> None:
    files = write(tmp_path)
    copy = tmp_path / "copy.dcm"
    shutil.copy(files[0], copy)
    assert len(read_instances([*files, copy])) == len(files)
    changed = pydicom.dcmread(copy)
    changed.PixelData = bytes(len(changed.PixelData))
    changed.save_as(copy)
    with pytest.raises(NotReadable, match=r"same SOP Instance UID .* but different content"):
        read_instances([*files, copy])


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    (path, *_) = write(tmp_path)
    dataset = pydicom.dcmread(path)
    del dataset.file_meta
    bare = tmp_path / "bare"
    pydicom.dcmwrite(bare, dataset, implicit_vr=True, little_endian=True)
    assert len(read_instances([bare])) == 1


@pytest.mark.parametrize("keep", [0, 50, 140, 200, 400, 500])
def test_a_truncated_header_is_refused_by_the_name_of_the_file(tmp_path: Path, keep: int) -> None:
    files = write(tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:keep])
    with pytest.raises(NotReadable, match=files[1].name):
        read_instances(files)
    assert files[1] in files_by_study(tmp_path)[STUDY_UID]


@pytest.mark.parametrize("name", ["I0000012", "12.dcm"])
@pytest.mark.parametrize("place", [128, 130, 131])
def test_a_file_whose_first_bytes_are_damaged_is_not_taken_for_none(tmp_path: Path, name: str, place: int) -> None:
    """The last slice of a stack leaves no gap: passed over as no DICOM, it would be missing without a word."""
    (*files, last) = write(tmp_path)
    last = last.rename(tmp_path / name)
    data = bytearray(last.read_bytes())
    data[place : place + 2] = b"\xd2\x49"
    last.write_bytes(data)
    with pytest.raises(NotReadable, match=re.escape(last.name)):
        read_instances([*files, last])
    assert last in files_by_study(tmp_path)[STUDY_UID]


def test_what_a_file_system_keeps_beside_an_image_is_no_image(tmp_path: Path) -> None:
    files = write(tmp_path)
    beside = tmp_path / f"._{files[0].name}"
    beside.write_bytes(b"\0\x05\x16\x07\0\x02\0\0Mac OS X" + bytes(200))
    assert len(read_instances([*files, beside])) == len(files)
    assert beside not in files_by_study(tmp_path)[STUDY_UID]


def test_a_damaged_file_alone_in_its_folder_is_not_lost(tmp_path: Path) -> None:
    files = write(tmp_path / "a")
    alone = tmp_path / "b" / "x.dcm"
    alone.parent.mkdir()
    alone.write_bytes(files[0].read_bytes()[:200])
    studies = files_by_study(tmp_path)
    assert studies[STUDY_UID] == tuple(sorted(files))
    (name,) = set(studies) - {STUDY_UID}
    assert name.startswith("unreadable-")
    assert studies[name] == (alone,)


def test_a_text_that_swallowed_the_elements_after_it_does_not_carry_them_on(tmp_path: Path) -> None:
    """A damaged length byte: the description runs on over the patient's name."""
    (path, *_) = write(tmp_path)
    data = path.read_bytes()
    begins = data.index(b"\x08\0\x3e\x10LO") + 6
    ends = data.index(b"\x10\0\x20\0LO")
    path.write_bytes(data[:begins] + (ends - begins - 2).to_bytes(2, "little") + data[begins + 2 :])
    (instance,) = read_instances([path])
    assert "Test^Reading" in str(pydicom.dcmread(path).SeriesDescription)
    assert "Test^Reading" not in text(instance.header, "SeriesDescription")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReadable, match=r"gone\.dcm cannot be opened"):
        read_instances([tmp_path / "gone.dcm"])


def test_the_digest_depends_on_content_and_not_on_order(tmp_path: Path) -> None:
    instances = read_instances(write(tmp_path / "a"))
    assert content_digest(instances) == content_digest(tuple(reversed(instances)))
    assert content_digest(instances) != content_digest(instances[1:])

    def other(dataset: Dataset, phase: int, index: int) -> None:
        dataset.EchoTime = "2.4"

    assert content_digest(instances) != content_digest(read_instances(write(tmp_path / "b", edit=other)))


@pytest.mark.parametrize(
    ("character_set", "name", "shown"),
    [
        ("", "Doe^Jane", "Doe, Jane"),
        ("ISO_IR 100", "Müller^Anna Ñ^^Dr.", "Müller, Dr. Anna Ñ"),
        ("ISO_IR 192", "Łukasz^Zoë", "Łukasz, Zoë"),
        ("GB18030", "Wang^XiaoDong=王^小东", "Wang, XiaoDong (王 小东)"),
        ("GB18030", "王^小东", "王, 小东"),
        ("GBK", "李^四", "李, 四"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田 太郎)"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "Hong, Gildong (洪 吉洞)"),
    ],
)
def test_names_are_decoded_in_their_character_set(
    tmp_path: Path, character_set: str | list[str], name: str, shown: str
) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.SpecificCharacterSet, dataset.PatientName = character_set, name

    header = read_instances(write(tmp_path, edit=edit))[0].header
    subject, notes = subject_of(header)
    assert (subject.patient_name, notes) == (shown, ())
    carried = carried_header(header)
    assert str(carried.PatientName) == name
    written = tmp_path / "carried.dcm"
    carried.SOPClassUID, carried.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.3"
    assert str(pydicom.dcmread(save(carried, written)).PatientName) == name


def test_texts_that_do_not_fit_their_character_set_have_a_note(tmp_path: Path) -> None:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        dataset.PatientName = "Wang"

    (path, *_) = write(tmp_path, edit=edit)
    marker = b"Wang"
    path.write_bytes(path.read_bytes().replace(marker, "王东".encode("gbk")).replace(b"ISO_IR 192", b"ISO_IR 6  "))
    _, notes = subject_of(read_instances([path])[0].header)
    assert [note.code for note in notes] == ["character-set"]


def test_the_subject_says_what_the_header_says() -> None:
    header = common("MR")
    header.Laterality, header.PatientAge, header.InstitutionName = "L", "055Y", "Hospital"
    header.StudyDescription, header.ReferringPhysicianName = "MR Breast", "Ref^Erring"
    subject, _ = subject_of(header)
    assert (subject.patient_name, subject.patient_id, subject.sex) == ("Test, Reading", "READ01", "F")
    assert (subject.birth_date, subject.study_date) == (date(1970, 1, 2), date(2025, 3, 14))
    assert (subject.age, subject.laterality, subject.accession_number) == ("055Y", "L", "A1")
    assert (subject.referring_physician, subject.study_instance_uid) == ("Ref, Erring", STUDY_UID)
    header.PatientBirthDate, header.PatientSex, header.Laterality = "", "", ""
    subject, _ = subject_of(header)
    assert (subject.birth_date, subject.sex, subject.laterality) == (None, "", "")


def test_values_that_dicom_does_not_allow_have_one_note_without_the_values() -> None:
    header = common("MR")
    for keyword, value in (
        ("StudyDate", "20250101-20250314"),
        ("AccessionNumber", "ACCESSION-NUMBER-THAT-IS-TOO-LONG"),
        ("StudyID", "STUDY-ID-LONGER-THAN-SIXTEEN"),
        ("PatientBirthDate", "1969-04-12"),
        ("PatientSex", "Female"),
        ("StudyInstanceUID", "1.2.840.0113.045.7"),
    ):
        tag = tag_for_keyword(keyword)
        assert tag is not None
        header.add(DataElement(tag, dictionary_VR(keyword), value, validation_mode=pydicom.config.IGNORE))
    subject, (note,) = subject_of(header)
    assert (note.code, note.severity) == ("header-values", Severity.WARNING)
    for said in (
        "Study Date is no date of the form YYYYMMDD (left out)",
        "Accession Number has 33 characters, at most 16 are allowed (left out)",
        "Study ID has 28 characters, at most 16 are allowed (left out)",
        "Patient's Birth Date is no date of the form YYYYMMDD (repaired)",
        "Patient's Sex is none of F, M, O (repaired)",
        "Study Instance UID is no valid UID (carried as it came)",
    ):
        assert said in note.sentence
    assert "1969" not in note.sentence
    assert "ACCESSION-" not in note.sentence
    assert (subject.birth_date, subject.sex, subject.study_date) == (date(1969, 4, 12), "F", None)
    assert subject.accession_number.startswith("ACCESSION-"), "a reader of the PDF sees what the images say"


def test_a_report_that_names_no_patient_says_so() -> None:
    header = common("MR")
    header.PatientID = ""
    _, (note,) = subject_of(header)
    assert (note.code, note.severity) == ("patient-not-identified", Severity.WARNING)
    assert note.sentence.startswith("The images carry no Patient ID;")
    header.PatientName = ""
    _, (note,) = subject_of(header)
    assert note.sentence.startswith("The images carry no Patient ID and no Patient's Name;")


def test_values_are_checked_for_type_and_count() -> None:
    dataset = Dataset()
    dataset.PixelSpacing = [1.5, 2.5]
    assert numbers(dataset, "PixelSpacing", count=2) == [1.5, 2.5]
    assert numbers(dataset, "RescaleSlope", count=1, default=[1]) == [1]
    with pytest.raises(NotReadable, match="PixelSpacing holds"):
        numbers(dataset, "PixelSpacing", count=3)
    with pytest.raises(NotReadable, match="RescaleSlope is absent"):
        numbers(dataset, "RescaleSlope", count=1)
    assert text(dataset, "PixelSpacing") == "1.5\\2.5"
