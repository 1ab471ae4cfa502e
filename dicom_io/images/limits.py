"""Limits of what a file may ask for, checked before it is given: a header or a codestream of a few bytes can claim
gigabytes.

The limits are several times what a breast MRI needs (5 phases of 200 slices of 512 × 512 pixels in one object), and an
object beyond them is refused by name like any other that cannot be read.
"""

from __future__ import annotations

import os
import stat
import zlib
from io import BufferedReader
from pathlib import Path

from dicom_io.errors import NotReadable

MOST_FRAME_SAMPLES = 4096 * 4096
MOST_VOXELS = 512 * 512 * 512  # of the frames that are decoded together
MOST_FRAMES = 20_000  # of one object
MOST_INFLATED = 400 * 1024**2  # bytes of a deflated data set

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META_BEGINS = 132  # preamble and prefix
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
        raise NotReadable(f"The file {path.name} cannot be opened ({error.strerror}).") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotReadable(f"{path.name} is no file but a pipe, socket, device or folder; remove it.")
    return os.fdopen(handle, "rb")


def check_inflated(file: BufferedReader, name: str) -> None:
    """Checks that a deflated data set, which the library inflates at once, is not larger than `MOST_INFLATED`.

    Parameters
    ----------
    file : anywhere; it is left at its beginning

    Raises
    ------
    NotReadable
        When it is larger. Damaged ones pass: the library says so.
    """
    file.seek(0)
    head = file.read(1024)
    begins = _META_BEGINS + len(_GROUP_LENGTH) + 4
    if _DEFLATED in head and head[_META_BEGINS:].startswith(_GROUP_LENGTH):
        file.seek(begins + int.from_bytes(head[begins - 4 : begins], "little"))
        if _inflated_bytes(file) > MOST_INFLATED:
            raise NotReadable(
                f"The data set of the file {name} inflates to more than {MOST_INFLATED // 1024**2} MB; at most that "
                "was expected of a breast MRI. Send it uncompressed if it is one."
            )
    file.seek(0)


def _inflated_bytes(file: BufferedReader) -> int:
    """Bytes that a deflated stream inflates to; no more than just above the limit are counted."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    count = 0
    try:
        while count <= MOST_INFLATED and not inflater.eof:
            piece = inflater.unconsumed_tail or file.read(_PIECE)
            if not piece:
                break
            count += len(inflater.decompress(piece, _PIECE))
    except zlib.error:
        return 0
    return count


def check_frames(name: str, *, rows: int, columns: int, samples: int, frames: int, wanted: int) -> None:
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
    if frames > MOST_FRAMES or rows * columns * wanted > MOST_VOXELS:
        raise NotReadable(
            f"The file {name} claims {frames} frames of {rows} × {columns} pixels, {wanted} of them wanted; at "
            f"most {MOST_FRAMES} frames and {MOST_VOXELS} pixels were expected. Its header is damaged, or it is no "
            "breast MRI."
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
