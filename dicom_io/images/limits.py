"""Limits of what a file may ask for, checked before it is given: a header or a codestream of a few bytes can claim
gigabytes.

With the defaults an object beyond them is refused by name, like any other that cannot be read, within 1 GB of memory
and 10 seconds of computing (`tests/end_to_end/test_budgets.py`).
"""

from __future__ import annotations

import os
import stat
import zlib
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Annotated

from dicom_io.errors import NotReadable
from models.number_words import counted
from models.typed_tables import Between, check

MOST_FRAME_SAMPLES = 4096 * 4096
_Count = Annotated[int, Between(1, 2_000_000_000)]


@dataclass(frozen=True)
class Limits:
    """Largest counts and sizes of one object, or of a volume made of several; each a setting with its reason."""

    voxels: _Count = 640 * 640 * 200  # of one volume; two in float32 take 0.66 GB. 512 × 512 × 312 fit as well
    frames: _Count = 10_000  # of one object; 5 phases of 200 slices are 1,000, and ultrafast series have some thousand
    functional_groups: _Count = 10_000  # as many as frames; a group is 136 bytes in a file, and 0.4 ms of computing
    references: _Count = 100_000  # a segmentation of 500 frames that each name 200 images
    contours: _Count = 20_000  # of one structure set; 50 regions of 200 slices are 10,000
    contour_points: _Count = 3_000_000  # 50 regions of 200 slices of 300 points
    elements: _Count = 500_000  # of one object; 2,000 frames of 250 elements, as the largest private groups have
    depth: Annotated[int, Between(1, 100)] = 32  # sequences within each other; a report of ours has 10
    header_mib: _Count = 128  # before the pixels; the largest structure sets have 100
    inflated_mib: _Count = 256  # of a deflated data set with its pixels; 5 phases of 100 slices of 512 × 512

    def __post_init__(self) -> None:
        check(self)


USUAL = Limits()

META_BEGINS = 132  # preamble and prefix
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_PIECE = 1024**2

# Frame headers of JPEG and JPEG-LS (ISO 10918-1 B.1.1.3 without DHT, JPG and DAC; ISO 14495-1 C.1.1)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_JPEG_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_J2K_BEGINS = b"\xff\x4f\xff\x51"  # SOC and SIZ (ISO 15444-1 A.5.1)


def opened(path: Path) -> BufferedReader:
    """A file for reading.

    Raises
    ------
    NotReadable
        When it cannot be opened, or is no regular file: a pipe would be waited for, a device has no end.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        what = "folder" if path.is_dir() else "file"
        raise NotReadable(
            f"The {what} {path.name} cannot be opened ({error.strerror}); correct its permissions or its link, or "
            "keep it outside the folder of the study."
        ) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotReadable(f"{path.name} is no file but a pipe, socket, device or folder; keep it elsewhere.")
    return os.fdopen(handle, "rb")


def inflated_data_set(file: BufferedReader, name: str, *, limits: Limits) -> BytesIO | None:
    """A deflated data set, inflated, for its structure; None for a file that is not deflated.

    Parameters
    ----------
    file : anywhere; it is left at its beginning

    Raises
    ------
    NotReadable
        When it inflates to more than `Limits.inflated_mib`, which the library would do at once. Damaged ones pass: the
        library says so.
    """
    file.seek(0)
    head = file.read(1024)
    begins = META_BEGINS + len(_GROUP_LENGTH) + 4
    if _DEFLATED not in head or not head[META_BEGINS:].startswith(_GROUP_LENGTH):
        file.seek(0)
        return None
    file.seek(begins + int.from_bytes(head[begins - 4 : begins], "little"))
    most = limits.inflated_mib * _PIECE
    inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), BytesIO()
    with suppress(zlib.error):
        while inflated.tell() <= most and not inflater.eof:
            piece = inflater.unconsumed_tail or file.read(_PIECE)
            if not piece:
                break
            inflated.write(inflater.decompress(piece, _PIECE))
    file.seek(0)
    if inflated.tell() > most:
        raise NotReadable(
            f"The data set of the file {name} inflates to more than {limits.inflated_mib} MB; at most that was "
            "expected of a breast MRI ([limits] inflated_mib). Send it uncompressed if it is one."
        )
    return inflated


def check_frames(
    name: str, *, rows: int, columns: int, samples: int, frames: int, wanted: int, limits: Limits = USUAL
) -> None:
    """Checks what a header claims before pixels are decoded.

    Parameters
    ----------
    frames, wanted : of the object, and how many of them are to be decoded

    Raises
    ------
    NotReadable
        When it is more than a breast MRI can have.
    """
    if rows * columns * samples > MOST_FRAME_SAMPLES:
        raise NotReadable(
            f"The file {name} claims images of {rows} × {columns} pixels; at most {MOST_FRAME_SAMPLES} pixels were "
            "expected. Its header is damaged, or it is no breast MRI."
        )
    if frames > limits.frames or rows * columns * wanted > limits.voxels:
        raise NotReadable(
            f"The file {name} claims {counted(frames, 'frame')} of {rows} × {columns} pixels, {wanted} of them wanted; "
            f"at most {limits.frames} frames and {limits.voxels} pixels were expected ([limits] in the settings). Its "
            "header is damaged, or it is no breast MRI."
        )


def check_volume(slices: int, rows: int, columns: int, *, what: str, limits: Limits) -> None:
    """Checks that a volume is not larger than the limit, before memory is asked for it.

    Raises
    ------
    NotReadable
        When it is.
    """
    if slices * rows * columns > limits.voxels:
        raise NotReadable(
            f"{what} has {counted(slices, 'slice')} of {rows} × {columns} voxels; at most {limits.voxels} voxels were "
            "expected of a breast MRI ([limits] voxels). Send the series that was meant, or raise the limit."
        )


def check_codestream(frame: bytes, name: str, *, rows: int, columns: int) -> None:
    """Checks that a compressed frame has the size that the header says, before memory is asked for it.

    Raises
    ------
    NotReadable
        When it says another size.
    """
    size = codestream_size(frame)
    if size is not None and size != (rows, columns):
        raise NotReadable(
            f"The pixels of the file {name} are compressed as {size[0]} × {size[1]} pixels, and its header says {rows} "
            f"× {columns}; one size was expected. It is damaged: send it again."
        )


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a frame in JPEG, JPEG-LS or JPEG 2000 claims; None for others and for damaged ones."""
    if frame[:2] == b"\xff\xd8":
        return _jpeg_size(frame)
    begins = frame.find(_J2K_BEGINS, 0, 1024)  # behind the boxes of a JP2 file, which some writers leave
    if begins < 0 or len(frame) < begins + 24:
        return None
    width, height, left, top = (int.from_bytes(frame[begins + at : begins + at + 4], "big") for at in (8, 12, 16, 20))
    return height - top, width - left


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker == 0xFF or marker in _JPEG_ALONE:
            place += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES:
            return int.from_bytes(frame[place + 5 : place + 7], "big"), int.from_bytes(
                frame[place + 7 : place + 9], "big"
            )
        place += 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    return None
