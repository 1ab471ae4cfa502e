"""Files to `Instance`s: headers only, pixels stay on the disk until a phase has been chosen.

Whatever a damaged file makes pydicom raise leaves this module as `NotReadable`, with the name of the attribute or
file. Values are read through `text`, `numbers` and `items`, which check type and count.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.datadict import keyword_dict
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence as DicomSequence

from dicom_io import decode_errors
from dicom_io.errors import NotReadable
from dicom_io.identity import is_draft, is_ours
from dicom_io.images.file_kinds import DICOMDIR, HEAD_BYTES, LeftOutBecause, is_damaged_dicom, is_dicom, reason_of
from dicom_io.images.limits import USUAL, Limits, inflated_data_set, opened
from dicom_io.images.same_object import are_encoded_alike, differences
from dicom_io.images.structure import check_structure
from models.number_words import counted
from models.plain_text import one_line, without_sequences

# Values that break a rule of their representation (a time with a colon, a UID with a leading zero) are common and
# harmless here: what is used is checked by us. The library would warn with the value, which may be a patient's name.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

DECODE_ERRORS = decode_errors.DECODE_ERRORS


_NAMED = 5  # attributes in a sentence
# Bytes of a value that is read: each number of a list becomes an object a hundred times as large. Pixels and contours
# are read elsewhere.
_LONGEST_VALUE = 64 * 1024
# Control characters but tab, line and page ends and ESC: no text has them.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, eq=False)
class Instance:
    """One DICOM object in a file, its header read.

    Attributes
    ----------
    path : the file
    header : every element before the pixel data
    header_ends : place in the file where they end
    recoded : other files that hold the same object compressed otherwise; their decoded pixels are equal
    limits : what it may ask for where its pixels, segments and contours are read
    """

    path: Path
    header: pydicom.Dataset
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str
    header_ends: int
    recoded: tuple[Path, ...] = ()
    limits: Limits = USUAL

    @property
    def modality(self) -> str:
        """Modality, or empty."""
        return shown(self.header, "Modality")


def read_instances(files: Iterable[Path], *, limits: Limits = USUAL) -> tuple[Instance, ...]:
    """The DICOM objects among `files`, sorted by SOP Instance UID; each object once, however often it is there.

    Files that are not DICOM, DICOM directories, and results of this product are left out.

    Raises
    ------
    NotReadable
        When a DICOM file is damaged or truncated, lacks one of its UIDs, or two files hold different objects under one
        SOP Instance UID.
    """
    found: dict[str, Instance] = {}
    recoded: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(set(files)):
        header, ends = _parsed(path, limits=limits)
        if header is None or why_left_out(path, header) is not None:
            continue
        instance = _instance(path, header, ends, limits)
        known = found.setdefault(instance.sop_instance_uid, instance)
        if known is instance or file_digest(known.path) == file_digest(path):
            continue
        if differing := _differences(known.path, path):
            raise NotReadable(
                f"The files {known.path.name} and {path.name} have the same SOP Instance UID {known.sop_instance_uid} "
                f"but different content ({differing}); one object for each UID was expected. Remove the wrong one."
            )
        if not are_encoded_alike(known.header, header):
            recoded[instance.sop_instance_uid].append(path)
    return tuple(replace(found[uid], recoded=tuple(recoded[uid])) for uid in sorted(found))


def file_digest(path: Path) -> bytes:
    """SHA-256 of a file's bytes."""
    with opened(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise _unread(path, error) from error


def content_digest(instances: Iterable[Instance]) -> str:
    """SHA-256 (hexadecimal) over the SOP Instance UIDs and contents, whatever their order."""
    digest = hashlib.sha256()
    for uid, path in sorted({instance.sop_instance_uid: instance.path for instance in instances}.items()):
        digest.update(uid.encode() + b"\0" + file_digest(path))
    return digest.hexdigest()


def text(dataset: pydicom.Dataset, keyword: str) -> str:
    """A value as text: empty when absent, several joined by a backslash, a code as "SCT 108369006 Neoplasm".

    A text ends where binary follows: by a damaged length it swallows the elements after it, the patient's name among
    them, and would carry them into a sentence. It is one line without control characters (`one_line`): this is where
    texts of a file become texts of ours. What identifies patients is compared as it is in the file (`identifier`).

    Raises
    ------
    NotReadable
        When the value cannot be decoded.
    """
    value = _value(dataset, keyword)
    if isinstance(value, DicomSequence):
        return "\\".join(_code(item) for item in value)
    stated = _stated(value)
    if stated.isprintable():
        return stated
    return one_line(_BINARY.split(without_sequences(stated), maxsplit=1)[0]).strip()


def identifier(dataset: pydicom.Dataset, keyword: str) -> str:
    """A value as it is in the file, to be compared and not to be shown: two that look alike may differ.

    Raises
    ------
    NotReadable
        When the value cannot be decoded.
    """
    return _stated(_value(dataset, keyword))


def _stated(value: Any) -> str:
    """A value as text without its padding; several joined by a backslash, and empty for bytes."""
    if value is None or isinstance(value, bytes):
        return ""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = "\\".join(str(one).strip() for one in value)
    return str(value).strip().strip("\0").strip()


def shown(dataset: pydicom.Dataset, keyword: str) -> str:
    """A text that is only shown or matched: empty as well when it cannot be decoded."""
    try:
        return text(dataset, keyword)
    except NotReadable:
        return ""


def numbers(
    dataset: pydicom.Dataset, keyword: str, *, count: int, default: Sequence[float] | None = None
) -> list[float]:
    """Exactly `count` finite numbers; `default` when the attribute is absent or empty.

    Raises
    ------
    NotReadable
        When there are fewer or more, when one is not a finite number, or when there is none and no default.
    """
    value = _value(dataset, keyword)
    several = list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
    if several in ([], [None], [""]):
        if default is None:
            raise NotReadable(
                f"The attribute {keyword} is absent or empty; {counted(count, 'number was', 'numbers were')} expected."
            )
        return list(default)
    try:
        values = [float(one) for one in several]
    except DECODE_ERRORS as error:
        raise NotReadable(f"The attribute {keyword} does not hold numbers; {count} were expected.") from error
    if len(values) != count or not np.all(np.isfinite(values)):
        raise NotReadable(
            f"The attribute {keyword} holds {values}; {counted(count, 'finite number was', 'finite numbers were')} "
            "expected."
        )
    return values


def whole_number(dataset: pydicom.Dataset, keyword: str, *, default: int | None = None) -> int:
    """One whole number; `default` when the attribute is absent or empty.

    Raises
    ------
    NotReadable
        As `numbers`, and when the number has a fraction.
    """
    (value,) = numbers(dataset, keyword, count=1, default=None if default is None else [default])
    if value != int(value):
        raise NotReadable(f"The attribute {keyword} is {value}; a whole number was expected.")
    return int(value)


def matrix_of(header: pydicom.Dataset) -> tuple[int, int] | None:
    """(rows, columns) of images or masks; None for contours."""
    return (whole_number(header, "Rows"), whole_number(header, "Columns")) if "Rows" in header else None


def items(dataset: pydicom.Dataset, keyword: str) -> Sequence[pydicom.Dataset]:
    """The items of a sequence; none when it is absent.

    Raises
    ------
    NotReadable
        When the attribute is not a sequence.
    """
    value = _value(dataset, keyword)
    if value is None:
        return ()
    if not isinstance(value, DicomSequence):
        raise NotReadable(f"The attribute {keyword} is not a sequence of items; one was expected.")
    return value


def values_for_rules(dataset: pydicom.Dataset, keywords: Iterable[str]) -> Mapping[str, str]:
    """The values rules look at, as text; values that cannot be decoded count as absent."""
    return {keyword: shown(dataset, keyword) for keyword in keywords}


def _value(dataset: pydicom.Dataset, keyword: str) -> Any:
    tag = _TAGS[keyword]
    if tag not in dataset:
        return None
    try:
        raw: object = dataset.get_item(tag)
        if not isinstance(raw, RawDataElement) or raw.VR == "SQ" or len(raw.value or b"") <= _LONGEST_VALUE:
            return dataset[tag].value
    except DECODE_ERRORS as error:
        raise NotReadable(f"The attribute {keyword} cannot be decoded; the file is damaged. Send it again.") from error
    raise NotReadable(
        f"The attribute {keyword} has {counted(len(raw.value or b''), 'byte')}; at most {_LONGEST_VALUE} were "
        "expected. The file is damaged. Send it again."
    )


def _code(item: pydicom.Dataset) -> str:
    parts = (text(item, name) for name in ("CodingSchemeDesignator", "CodeValue", "CodeMeaning"))
    return " ".join(part for part in parts if part)


_TAGS: Mapping[str, int] = keyword_dict


def _instance(path: Path, header: pydicom.Dataset, header_ends: int, limits: Limits) -> Instance:
    uids = {
        keyword: text(header, keyword)
        for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    }
    for keyword, uid in uids.items():
        if not uid:
            raise NotReadable(
                f"The file {path.name} has no {keyword}; every DICOM object has one. It is damaged or truncated: "
                "send it again."
            )
    return Instance(
        path=path,
        header=header,
        sop_class_uid=uids["SOPClassUID"],
        sop_instance_uid=uids["SOPInstanceUID"],
        series_instance_uid=uids["SeriesInstanceUID"],
        study_instance_uid=uids["StudyInstanceUID"],
        frame_of_reference_uid=text(header, "FrameOfReferenceUID"),
        header_ends=header_ends,
        limits=limits,
    )


def read_header(path: Path, *, only: list[str] | None = None, limits: Limits = USUAL) -> pydicom.Dataset | None:
    """The elements before the pixel data (of `only` some of them), or None when the file is not DICOM.

    Raises
    ------
    NotReadable
        When it cannot be opened or decoded, or has more elements than `limits` allow.
    """
    return _parsed(path, only=only, limits=limits)[0]


def _parsed(path: Path, *, limits: Limits, only: list[str] | None = None) -> tuple[pydicom.Dataset | None, int]:
    """The elements before the pixel data and where they end, as `read_header`."""
    with opened(path) as file:
        try:
            head = file.read(HEAD_BYTES) or b""  # None of a special file that has nothing to give now
        except OSError as error:
            raise _unread(path, error) from error
        if not is_dicom(head):
            if is_damaged_dicom(path, head):
                raise NotReadable(
                    f"The file {path.name} does not begin as a DICOM file does{'' if head else ': it is empty'}. It is "
                    "damaged, or no DICOM object: send it again, or keep it elsewhere."
                )
            return None, 0
        inflated = inflated_data_set(file, path.name, limits=limits)
        check_structure(file if inflated is None else inflated, path.name, limits=limits)
        del inflated
        try:
            return pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=only), file.tell()
        except DECODE_ERRORS as error:
            raise NotReadable(
                f"The header of the file {path.name} cannot be decoded ({type(error).__name__}); it is damaged or "
                "truncated. Send it again."
            ) from error


def _unread(path: Path, error: OSError) -> NotReadable:
    return NotReadable(f"The file {path.name} cannot be read ({error.strerror}); copy it again, or keep it elsewhere.")


def accession_number(path: Path) -> str:
    """Accession Number of an object; empty where it has none or is not readable."""
    try:
        header = read_header(path, only=["AccessionNumber"])
    except NotReadable:
        return ""
    return "" if header is None else shown(header, "AccessionNumber")


def patient_id(path: Path) -> str:
    """Patient ID of an object; empty where it has none or is not readable."""
    try:
        header = read_header(path, only=["PatientID"])
    except NotReadable:
        return ""
    return "" if header is None else shown(header, "PatientID")


def _differences(one: Path, other: Path) -> str:
    """Differences of two files in words; empty when they hold the same object."""
    try:
        names = differences(pydicom.dcmread(one, force=True), pydicom.dcmread(other, force=True))
    except DECODE_ERRORS as error:
        return f"what they differ in cannot be told: {type(error).__name__}"
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def class_of(header: pydicom.Dataset) -> str:
    """SOP Class UID, or what the file meta information gives for it; empty when neither does."""
    meta = getattr(header, "file_meta", None)
    return text(header, "SOPClassUID") or (text(meta, "MediaStorageSOPClassUID") if meta is not None else "")


def sender_of(instance: Instance) -> str:
    """AE title that sent a file over the network, as the receiver notes it (0002,0017); empty for other files."""
    meta = getattr(instance.header, "file_meta", None)
    return shown(meta, "SendingApplicationEntityTitle") if meta is not None else ""


def why_left_out(path: Path, header: pydicom.Dataset | None) -> LeftOutBecause | None:
    """The reason why a file is not read, by what `read_header` gives for it; None for an object that is.

    A draft of ours is: never as the tumour (`reading.drafts`), but the final segmentation is compared with it.

    Raises
    ------
    NotReadable
        When the file cannot be opened, or what identifies it cannot be decoded.
    """
    if header is None:
        with opened(path) as file:
            return reason_of(path, file.read(HEAD_BYTES))
    if class_of(header) == DICOMDIR:
        return LeftOutBecause.DICOMDIR
    try:
        return LeftOutBecause.OURS if is_ours(header) and not is_draft(header) else None
    except DECODE_ERRORS as error:
        raise NotReadable(
            f"The manufacturer in the file {path.name} cannot be decoded; send the file again."
        ) from error
