"""Sentences about objects that could not be read, at no cost beyond that of reading them. Kind: regression."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_io.images.received import received
from tests.dicom_io.made_series import affine_of, voxels_of, write_series

INFLATED = 480 * 1024**2  # more than is inflated of any object


def test_a_bomb_that_was_refused_is_not_inflated_for_its_notice(tmp_path: Path) -> None:
    write_series(tmp_path, [voxels_of((3, 48, 64))], affine=affine_of(), description="T1", number=5)
    files = sorted(tmp_path.glob("*.dcm"))
    dataset = dcmread(files[0])
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(files[0])
    content = files[0].read_bytes()
    begins = 144 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    with files[0].open("wb") as file:
        file.write(content[:begins] + packer.compress(zlib.decompress(content[begins:], -zlib.MAX_WBITS)))
        for _ in range(INFLATED // 1024**2):
            file.write(packer.compress(bytes(1024**2)))
        file.write(packer.flush())
    tracemalloc.start()
    try:
        assert received(files).objects == "3 objects: 2 MR, 1 unreadable"
        assert tracemalloc.get_traced_memory()[1] < INFLATED
    finally:
        tracemalloc.stop()
