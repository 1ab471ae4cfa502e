"""The files below a folder: which study each belongs to, and why some belong to none."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dicom_io.errors import NotReadable
from dicom_io.images.file_kinds import LeftOut, LeftOutBecause
from dicom_io.images.headers import class_of, read_header, shown, text, why_left_out
from dicom_io.images.library_remarks import library_remarks
from dicom_io.images.limits import USUAL, Limits
from models.progress import Tell, silent

_IDENTITY = [
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",
    "FrameOfReferenceUID",
    "Manufacturer",
    "ManufacturerModelName",
    "ContentLabel",
]
_TOLD_EVERY = 20  # files


@dataclass(frozen=True)
class FileHead:
    """The identity of the object in a file; all of it is empty for a file that is damaged."""

    path: Path
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    sop_class_uid: str = ""
    frame_of_reference_uid: str = ""


def scan(
    root: Path, *, limits: Limits = USUAL, tell: Tell = silent
) -> tuple[tuple[FileHead, ...], tuple[LeftOut, ...]]:
    """The DICOM objects below `root`, damaged ones included, and the files that are none or are not read; by path.

    Parameters
    ----------
    tell : told how many of the files have been looked at
    """
    heads: list[FileHead] = []
    left_out: list[LeftOut] = []
    with library_remarks():  # made again where a study is read
        walked = sorted(_walk(root), key=lambda one: one if isinstance(one, Path) else one.path)
        for number, path in enumerate(walked, start=1):
            found = _looked_at(path, limits) if isinstance(path, Path) else path
            if number % _TOLD_EVERY == 0:
                tell("Looking at files", number, len(walked))
            if isinstance(found, FileHead):
                heads.append(found)
            else:
                left_out.append(found)
    return tuple(heads), tuple(left_out)


def heads_of(files: Iterable[Path]) -> tuple[FileHead, ...]:
    """The identities of the objects in some files; damaged files, and those that are no input, left out."""
    found = (_looked_at(path, USUAL) for path in files)
    return tuple(head for head in found if isinstance(head, FileHead) and head.study_instance_uid)


def studies_of(heads: Iterable[FileHead]) -> dict[str, tuple[Path, ...]]:
    """Study Instance UID → files.

    A damaged file belongs to the study of its folder, so that reading the study names it; where its folder holds no
    study, it stands alone under "unreadable-" and twelve letters, so that it is refused and not lost.
    """
    studies: dict[str, list[Path]] = defaultdict(list)
    damaged: list[Path] = []
    for head in heads:
        if head.study_instance_uid:
            studies[head.study_instance_uid].append(head.path)
        else:
            damaged.append(head.path)
    neighbours = {folder: study for study, paths in studies.items() for folder in {path.parent for path in paths}}
    for path in damaged:
        name = f"unreadable-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
        studies[neighbours.get(path.parent, name)].append(path)
    return {study: tuple(sorted(paths)) for study, paths in sorted(studies.items())}


def files_by_study(root: Path, *, limits: Limits = USUAL) -> dict[str, tuple[Path, ...]]:
    """Study Instance UID → files below `root`, for every file that is DICOM and was not made by this product."""
    heads, _ = scan(root, limits=limits)
    return studies_of(heads)


def study_uid_of(files: Iterable[Path]) -> str:
    """Study Instance UID of the first of `files` that has one and can be read; empty when none has."""
    for path in files:
        try:
            header = read_header(path, only=_IDENTITY)
            if header is not None and (uid := text(header, "StudyInstanceUID")):
                return uid
        except NotReadable:
            continue  # reading the study names the file
    return ""


def _walk(root: Path) -> Iterator[Path | FileHead | LeftOut]:
    """Everything below a folder: paths of files; links to folders, and folders that cannot be opened, looked at.

    Links to folders are not followed: they may lead round in a circle, or out of the folder that was named.
    """
    closed: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=closed.append):
        folders.sort()
        for name in folders:
            if (path := Path(folder, name)).is_symlink():
                yield LeftOut(path, LeftOutBecause.LINK)
        for name in names:
            yield Path(folder, name)
    # It may hold images of the study beside it, whose absence nothing else tells: like a damaged file of that study.
    for error in closed:
        yield FileHead(Path(error.filename))


def _looked_at(path: Path, limits: Limits) -> FileHead | LeftOut:
    try:
        header = read_header(path, only=_IDENTITY, limits=limits)
        because = why_left_out(path, header)
    except NotReadable:
        return FileHead(path)
    if because is not None:
        return LeftOut(path, because)
    assert header is not None, "what is not left out is DICOM"
    study, series, instance, frame_of_reference = (
        shown(header, keyword)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
    )
    return FileHead(path, study, series, instance, class_of(header), frame_of_reference) if study else FileHead(path)
