"""Kinds of files by their first bytes, before anything is parsed; and files that were left out, with the reason.

Nothing is left out without a word: a portal's ZIP archive, eighty images in a byte order nobody expects or a picture
between the images are the commonest causes of "no series was found".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DICOMDIR = "1.2.840.10008.1.3.10"
HEAD_BYTES = 140

_SHOWN = 2  # names of files in a sentence


class LeftOutBecause(StrEnum):
    """Reasons why a file is no part of any study, in the words of a reader."""

    ARCHIVE = "packed (ZIP, 7z, RAR, gzip, tar), which is not opened: unpack it"
    DICOMDIR = "a DICOMDIR, the index of a medium; the images it lists are read from their own files"
    OURS = "a result of this product"
    COPY = "a second copy of an object that is there"
    OTHER_IMAGE = "an image that is not DICOM (NIfTI, NRRD, picture): send the original DICOM files"
    ODD_BYTE_ORDER = "in a byte order that DICOM does not have (big endian without value representations): convert it"
    LINK = "a link to a folder, which is not followed: name the folder itself"
    NOT_DICOM = "not DICOM"


@dataclass(frozen=True)
class LeftOut:
    """One file that was not read."""

    path: Path
    because: LeftOutBecause


def is_dicom(head: bytes) -> bool:
    """Returns whether a file is DICOM by its first `HEAD_BYTES`: with a preamble, or from its first element on.

    Without preamble a file starts with its meta information (group 0002) or with group 0008, in either byte order.
    """
    return head[128:132] == b"DICM" or _starts_with_meta(head) or _starts_bare(head)


def is_damaged_dicom(path: Path, head: bytes) -> bool:
    """Returns whether a file that does not begin as DICOM does was meant to: it is called so, or has most of the mark.

    Such a file may be an image of the study, whose absence nothing else tells; hidden files (a file system keeps some
    beside the images, under their names) are none.
    """
    mark = head[128:HEAD_BYTES]
    if sum(one == other for one, other in zip(mark, _MARK, strict=False)) >= _MARK_ENOUGH:
        return True
    is_called_so = path.suffix.lower() in _EXTENSIONS and not path.name.startswith(".")
    return is_called_so and reason_of(path, head) is LeftOutBecause.NOT_DICOM


def reason_of(path: Path, head: bytes) -> LeftOutBecause:
    """The reason why a file that is not DICOM is left out."""
    if path.name.lower().endswith(_IMAGES):
        return LeftOutBecause.OTHER_IMAGE
    if any(head.startswith(magic) for magic in _ARCHIVES) or path.name.lower().endswith(".tar"):
        return LeftOutBecause.ARCHIVE
    if head[:3] == b"\0\x08\0" and head[3:4] in _FIRST_ELEMENTS:
        return LeftOutBecause.ODD_BYTE_ORDER
    return LeftOutBecause.NOT_DICOM


def counted(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """One phrase for each reason, most files first: "80 files (a.dcm, b.dcm, …): not DICOM"."""
    by_reason: dict[LeftOutBecause, list[str]] = defaultdict(list)
    for one in left_out:
        by_reason[one.because].append(one.path.name)
    order = sorted(by_reason, key=lambda because: (-len(by_reason[because]), because))
    return tuple(f"{_files(by_reason[because])}: {because}" for because in order)


def beside(studies: Mapping[str, Sequence[Path]], left_out: Iterable[LeftOut]) -> Mapping[str, tuple[LeftOut, ...]]:
    """Key of a study → what was left out in its folders or above them (a DICOMDIR or an archive lies at the top).

    Under the empty key stands what belongs to no study.
    """
    owners: dict[Path, set[str]] = defaultdict(set)
    for study, files in studies.items():
        for folder in {path.parent for path in files}:
            for holder in (folder, *folder.parents):
                owners[holder].add(study)
    found: dict[str, list[LeftOut]] = defaultdict(list)
    for file in left_out:
        for study in owners.get(file.path.parent, {""}):
            found[study].append(file)
    return {study: tuple(files) for study, files in found.items()}


def _files(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"{len(names)} file{'' if len(names) == 1 else 's'} ({shown})"


def _starts_with_meta(head: bytes) -> bool:
    return head[:8] == b"\x02\0\0\0UL\x04\0"


def _starts_bare(head: bytes) -> bool:
    """Returns whether the first element is one of group 0008 that data sets start with, as old archives write them."""
    if head[:2] == b"\x08\0":  # little endian, implicit or explicit
        return head[2:3] in _FIRST_ELEMENTS and head[3:4] == b"\0"
    # Big endian only with the value representation: without it no transfer syntax has it.
    return head[:3] == b"\0\x08\0" and head[3:4] in _FIRST_ELEMENTS and head[4:6] in (b"UL", b"CS", b"UI", b"DA", b"TM")


_MARK = b"DICM\x02\0\0\0UL\x04\0"  # after the preamble: the prefix, and the first element of the meta information
_MARK_ENOUGH = 9  # bytes
_EXTENSIONS = (".dcm", ".ima", ".dicom")
_FIRST_ELEMENTS = (b"\0", b"\x05", b"\x08", b"\x12", b"\x13", b"\x14", b"\x16", b"\x18")
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_IMAGES = (
    ".nii",
    ".nii.gz",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".hdr",
    ".img",
    ".jpg",
    ".jpeg",
    ".png",
    ".tif",
    ".tiff",
)
