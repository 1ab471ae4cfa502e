"""Mutated patient and study modules: whatever the images say of their patient, what goes out is valid DICOM.

`python -m tests.dicom_io.writing.test_fuzz_headers 2000` makes 2,000 studies, each into an Encapsulated PDF and every
tenth into all objects of an answer, has dciodvfy look at them, and prints the outcomes; a second number is the first
case. The number of a case is its seed. An error about a value that archives file by (`IDENTITY`) is inherited: carried
as it came, with a quality note. Kind: invariant, with an outside validator.

The first 2,000 cases: 1,625 valid, 130 valid but for what archives file by, 245 refused (no usable Study Instance UID);
no new error, none escaped.
"""

from __future__ import annotations

import random
import re
import struct
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_io.answer import Answer
from dicom_io.carried_values import texts
from dicom_io.images.subject import carried_header, subject_of
from dicom_io.writing.encapsulated_pdf import make_encapsulated_pdf
from dicom_io.writing.encode import encode
from dicom_io.writing.object_check import check_object
from dicom_io.writing.patient_modules import CARRIED, IDENTITY
from models.errors import StudyRejected
from tests.conftest import require_programs
from tests.dicom_io.made_studies import Made, header, make
from tests.dicom_io.writing.test_encapsulated_pdf import small_pdf
from tests.dicom_io.writing.test_patient_modules import OTHER

MADE = make(with_t2w=False, features_per_region=1)
WHOLE_EVERY = 10  # cases; all objects of an answer cost a hundred times the PDF alone
SEQUENCES = sorted(keyword for keyword in CARRIED if dictionary_VR(keyword) == "SQ")
VALUES = sorted(CARRIED - set(SEQUENCES))
ORDER_VALUES = ("AccessionNumber", "RequestedProcedureID", "ScheduledProcedureStepID", "RequestedProcedureDescription")
CHARACTER_SETS = ("", "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 6", "UTF-8", "ISO_IR 999", "\\ISO 2022 IR 87")
# What writers have been seen to put into headers, beside plain noise.
SEEN = (
    b"", b" ", b"\0\0", b"UNKNOWN", b"Female", b"f", b"W", b"N/A", b"20250101-20250314", b"-20250314", b"1969-04-12",
    b"1969.04.12", b"12/04/1969", b"19690431", b"00000000", b"19690412120000", b"09:30:00", b"0930-1000", b"246060",
    b"093000.1234567", b"56", b"56Y", b"056y", b"64,5", b"64.50000000000000000", b"1e400", b"NaN", b"-1", b"+2500",
    b"ACCESSION-NUMBER-THAT-IS-TOO-LONG", b"STUDY-ID-LONGER-THAN-SIXTEEN", b"A^B=C=D=E", b"A^B^C^D^E^F^G", b"^^^^",
    b"====", b"x" * 80, b"y" * 1100, b"two\\values", b"\\", b"\\\\\\", b"tab\there", b"line\r\nend",
    b"\x1b$B;3ED\x1b(B", b"M\xfcller", b"\xff\xfe\xfd", "Jos\u00e9^\u738b=\u738b^\u5c0f\u6771".encode(),
    b"1.2.840.0113.045.7", b"1.2.a.3", b"1..2", b"9" * 80, b"<b>&amp;</b>", b"%s %d {0}", b"'; DROP TABLE",
)  # fmt: skip


Encoded = dict[str, "bytes | list[Encoded]"]  # keyword → value as bytes, or items


def mutated(seed: int) -> Dataset:
    """The header of an image with one to eight values mutated, as it comes from a file."""
    choose = random.Random(seed)
    made = header(character_set="ISO_IR 192")
    root: Encoded = {element.keyword: str(element.value).encode() for element in made}
    ordered: Encoded = dict.fromkeys(ORDER_VALUES, b"RP-1")
    code: Encoded = {"CodeValue": b"MR-1", "CodingSchemeDesignator": b"99HOSP", "CodeMeaning": b"Breast MR"}
    for keyword in choose.sample(VALUES, choose.randint(1, 8)):
        root[keyword] = value(choose)
    if choose.random() < 0.3:
        root["SpecificCharacterSet"] = choose.choice(CHARACTER_SETS).encode()
    for item, often in ((ordered, 0.2), (code, 0.1)):
        for keyword in item:
            if choose.random() < often:
                item[keyword] = value(choose)
    root["RequestAttributesSequence"] = [{**ordered, "RequestedProcedureCodeSequence": [code]}]
    root["ProcedureCodeSequence"] = [code]
    return pydicom.dcmread(BytesIO(encoded(root)), force=True)


def encoded(values: Encoded) -> bytes:
    """Implicit VR Little Endian (PS3.5 §7.1.3), whatever the bytes are: the library would look at them."""
    elements = []
    for tag, content in sorted((tag_for_keyword(keyword) or 0, content) for keyword, content in values.items()):
        if isinstance(content, list):
            items = [encoded(item) for item in content]
            content = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in items)
        content += b"\0" * (len(content) % 2)
        elements.append(struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(content)) + content)
    return b"".join(elements)


def value(choose: random.Random) -> bytes:
    """A value that was seen, one that was changed a little, or noise."""
    kind = choose.random()
    if kind < 0.7:
        return choose.choice(SEEN)
    if kind < 0.85:
        changed = bytearray(choose.choice(SEEN) or b"x")
        changed[choose.randrange(len(changed))] = choose.randrange(256)
        return bytes(changed)
    return choose.randbytes(choose.choice((1, 7, 16, 17, 64, 65, 200)))


def answered(source: Dataset, *, whole: bool) -> tuple[Answer, set[str]]:
    """The answer to a study of such images, only its PDF or all of it; and the codes of the quality notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says in passing what the quality notes say
        subject, notes = subject_of(source)
        carried = carried_header(source)
        study = replace(MADE.study, header=carried, subject=subject, notes=notes)
        report = replace(MADE.report, subject=subject, notes=notes)
        made = Made(study, MADE.prepared, report)
        if whole:
            answer = encode(made.study, made.prepared, made.report, features_sr=True)
        else:
            document = make_encapsulated_pdf(made.study, made.report, pdf=small_pdf(), sources=(OTHER,))
            check_object(document.dataset)
            answer = Answer((document,), small_pdf())
    return answer, {note.code for note in notes}


def errors(answer: Answer, folder: Path) -> list[str]:
    """Lines that dciodvfy calls an error in the objects of an answer."""
    found = []
    for number, item in enumerate(answer.objects):
        path = folder / f"{number}.dcm"
        item.dataset.save_as(path, enforce_file_format=True)
        done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        found += [
            f"{item.role}: {line}" for line in said if line.startswith("Error") and not is_of_bytes(line, item.dataset)
        ]
    return found


def is_of_bytes(line: str, dataset: Dataset) -> bool:
    """Returns whether an error is dciodvfy's own: it counts the bytes of UTF-8 where PS3.5 §6.2 counts characters."""
    match = re.search(
        r"(\w+)\([0-9a-f,]+\)(?:\[\d+\])?> - .*Length invalid for this VR = <\d+> - expected <= (\d+)", line
    )
    if match is None:
        return False
    values = [text for element in dataset.iterall() if element.keyword == match[1] for text in texts(element)]
    return bool(values) and all(len(group) <= int(match[2]) for text in values for group in text.split("="))


def outcome(seed: int, folder: Path) -> tuple[str, list[str]]:
    """Outcome of one case, and the errors that were not inherited."""
    source = mutated(seed)
    try:
        answer, codes = answered(source, whole=seed % WHOLE_EVERY == 0)
    except StudyRejected as error:
        return f"refused ({type(error).__name__})", []
    found = errors(answer, folder)
    new = [line for line in found if not is_inherited(line)]
    if found and not new:
        assert "header-values" in codes, "an error was inherited without a quality note"
        return "valid but for what archives file by", []
    return ("with new errors" if new else "valid"), new


def is_inherited(line: str) -> bool:
    """Returns whether an error is about a value that is carried as it came."""
    names = {f"<{keyword}" for keyword in IDENTITY} | {f"/{keyword}" for keyword in IDENTITY}
    return any(re.search(rf"{re.escape(name)}\b", line) for name in names)


@pytest.mark.peers
@pytest.mark.parametrize("first", [0, 20, 40])
def test_mutated_headers_make_valid_objects(first: int, tmp_path: Path) -> None:
    require_programs("dciodvfy")
    for seed in range(first, first + 20):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's, on the bytes of the headers
            _, new = outcome(seed, tmp_path)
        assert new == [], seed


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        for seed in range(first, first + count):
            try:
                what, new = outcome(seed, Path(name))
            except Exception as error:  # this is what is looked for
                what, new = f"escaped: {type(error).__name__}", [str(error)[:300]]
            outcomes[what] += 1
            for line in new:
                print(seed, line, flush=True)
    for what, number in outcomes.most_common():
        print(f"{number:6} {what}")
    return int(any("escaped" in what or "new" in what for what in outcomes))


if __name__ == "__main__":
    sys.exit(main())
