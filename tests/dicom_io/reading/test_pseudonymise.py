"""A study without names, as it is read: texts, dates, ages, references. Invariants; commands have their own tests."""

from __future__ import annotations

import ast
import datetime
import re
from pathlib import Path

import pydicom
import pytest

from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_header
from dicom_io.reading.plain_words import RUN, is_plain
from dicom_io.reading.pseudonymise import HIDDEN, Pseudonymiser
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from dicom_io.synthetic.study_writer import Grid, SyntheticPatient, make_study
from models.pseudonyms import Dates, Kind, Pseudonyms
from models.volume import Sequence
from tests.conftest import ROOT

PSEUDONYMS = Pseudonyms(b"k" * 32)
SHIFT, DROP = Pseudonymiser(PSEUDONYMS), Pseudonymiser(PSEUDONYMS, Dates.DROP)
BORN, EXAMINED = datetime.date(1925, 3, 15), datetime.date(2025, 3, 14)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    made = make_study(
        tmp_path_factory.mktemp("study"),
        sequences=(Sequence.T1C,),
        t1c=Grid(16, 64, 64, 6.0, (5.0, 5.0)),
        patient=SyntheticPatient("Müller^Änne=张^伟", "ID 471108", BORN, "ACC1"),
        study_date=EXAMINED,
    )
    for file in made.files:
        header = pydicom.dcmread(file)
        header.SpecificCharacterSet = "ISO_IR 192"
        header.PatientName = "Müller^Änne=张^伟"
        header.InstitutionName = "Klinikum am Xylosee"
        del header.PatientAge
        header.save_as(file)
    return made.files


@pytest.fixture(scope="module")
def study(files: tuple[Path, ...]) -> Study:
    return read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ('4 "AX T1 FS DYN Müller"', '4 "AX T1 FS DYN …"'),
        ("T2_MÜLLER_ax", "T2_…_ax"),
        ("Änne, Müller and 张伟, T2 on 张 伟", "…, … and …, T2 on …"),
        ("of Klinikum am Xylosee.", "of …."),
        ("the ID 471108 has 471108 slices", "the ID … has … slices"),
        ("x471108y", "…"),
        ("on 2025-03-14, 20250314 and 19250315", "on …, … and …"),
        ("60 slices of 2.00 mm, 0.70 × 0.70 mm, version 2.1.0", "60 slices of 2.00 mm, 0.70 × 0.70 mm, version 2.1.0"),
    ],
)
def test_sentences_say_no_word_of_the_headers_that_is_not_plain(
    files: tuple[Path, ...], text: str, covered: str
) -> None:
    assert SHIFT.cover(files).sentence(text) == covered


def test_uids_in_sentences_are_those_of_the_objects(files: tuple[Path, ...]) -> None:
    cover = SHIFT.cover(files)
    assert cover.sentence("of 1.2.840.113619.2.1.") == f"of {PSEUDONYMS.uid('1.2.840.113619.2.1')}."
    assert cover.sentence("class 1.2.840.10008.5.1.4.1.1.4") == "class 1.2.840.10008.5.1.4.1.1.4"


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("AX T1 3D FS +C Müller 4711", "AX T1 3D FS +C …"),
        ("t1_fl3d_tra_dyn_1+5", "t1_fl3d_tra_dyn_1+5"),
        ("Frau Huber, Mamma re", "…, Mamma re"),
        ("张伟 T2", "… T2"),
        ("", ""),
    ],
)
def test_descriptions_keep_words_of_imaging(text: str, covered: str) -> None:
    assert SHIFT.cover(()).description(text) == covered


def test_dates_are_moved_or_left_out_and_the_oldest_are_of_one_age(study: Study, files: tuple[Path, ...]) -> None:
    moved, dropped = SHIFT.cover(files).study(study), DROP.cover(files).study(study)
    assert moved.subject.study_date == PSEUDONYMS.shifted(EXAMINED, patient="ID 471108")
    assert moved.header.StudyDate == f"{moved.subject.study_date:%Y%m%d}"
    assert dropped.subject.study_date is None
    assert "StudyDate" not in dropped.header
    codes = [[item.CodeValue for item in one.header.DeidentificationMethodCodeSequence] for one in (moved, dropped)]
    assert codes == [["113100", "113105", "113108", "113107"], ["113100", "113105", "113108"]]
    # 99 years by the dates (the day before the hundredth birthday), which is one of the oldest.
    assert moved.header.PatientAge == moved.subject.age == "090Y"
    assert moved.subject.birth_date is None


def test_the_header_is_an_allow_list(study: Study, files: tuple[Path, ...]) -> None:
    header = SHIFT.cover(files).study(study).header
    assert {element.keyword for element in header} <= {
        *("SpecificCharacterSet", "StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName"),
        *("AccessionNumber", "StudyDescription", "StudyDate", "PatientAge", "PatientSex", "PatientWeight"),
        *("MagneticFieldStrength", "Manufacturer", "BodyPartExamined", "ImageLaterality", "PatientPosition"),
        *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    }
    assert header.PatientID == PSEUDONYMS.of(Kind.PATIENT, "ID 471108")


def test_a_study_is_covered_once(study: Study, files: tuple[Path, ...]) -> None:
    """Pseudonyms of the key are left alone: identifiers, UIDs, dates."""
    cover = SHIFT.cover(files)
    once = cover.study(study)
    twice = cover.study(once)
    assert twice.subject == once.subject
    assert [vars(source) for source in twice.sources.values()] == [vars(source) for source in once.sources.values()]
    assert twice.segmentations == once.segmentations


def test_images_with_writing_are_refused(study: Study, files: tuple[Path, ...], tmp_path: Path) -> None:
    image = next(file for file in files if pydicom.dcmread(file).Modality == "MR")
    written = pydicom.dcmread(image)
    written.BurnedInAnnotation = "YES"
    written.save_as(tmp_path / image.name)
    with pytest.raises(NotReadable, match="1 of the images that are used say"):
        SHIFT.cover([tmp_path / image.name]).study(study)


def test_a_damaged_file_is_not_read_for_words(tmp_path: Path) -> None:
    (tmp_path / "Huber.dcm").write_bytes(b"damaged")
    cover = SHIFT.cover([tmp_path / "Huber.dcm"])
    assert cover.sentence("The file Huber.dcm does not begin as a DICOM file does.").startswith(
        f"The file {HIDDEN}.dcm"
    )


def test_uids_that_do_not_look_like_any_are_hidden_too(files: tuple[Path, ...], tmp_path: Path) -> None:
    header = pydicom.dcmread(files[0])
    for uid in ("STUDY-Xaver/7", "1.2"):
        header.StudyInstanceUID = uid
        header.save_as(tmp_path / f"{len(uid)}.dcm")
    sentence = SHIFT.cover(sorted(tmp_path.iterdir())).sentence("study STUDY-Xaver/7, 1.2 mm, 1.25 mm")
    assert sentence == f"study {PSEUDONYMS.uid('STUDY-Xaver/7')}, 1.2 mm, 1.25 mm"


def test_sequences_without_end_are_not_followed(files: tuple[Path, ...], tmp_path: Path) -> None:
    header = item = pydicom.dcmread(files[0])
    for _ in range(150):
        inner = pydicom.Dataset()
        inner.PatientName = "Xaver"
        item.ReferencedStudySequence = [inner]
        item = inner
    header.save_as(tmp_path / "deep.dcm")
    with pytest.raises(NotReadable) as refused:  # so no sentence can hold a word of it
        read_header(tmp_path / "deep.dcm")
    assert "Xaver" not in str(refused.value)
    SHIFT.cover([tmp_path / "deep.dcm"])


def test_keys_of_files_without_a_study_have_pseudonyms() -> None:
    found = SHIFT.study_uid("unreadable-0123456789ab")
    assert re.fullmatch(r"unreadable-[0-9a-f]{12}", found)
    assert found != "unreadable-0123456789ab"


def test_most_words_of_the_sentences_of_reading_are_plain() -> None:
    """A refusal without names still says what was found: of its own words hardly one is hidden."""
    own = {
        word
        for folder in ("images", "masks", "reading")
        for file in (ROOT / "dicom_io" / folder).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
        for word in RUN.findall(part.value)
    }
    assert len(own) > 300
    assert len([word for word in own if not is_plain(word)]) < 0.05 * len(own)
