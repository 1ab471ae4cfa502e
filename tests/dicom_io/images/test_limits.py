"""Files that ask for more than a study needs are refused before it is given. Kind: regression and oracle (encoders)."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

from dicom_io.errors import NotReadable
from dicom_io.images.file_scan import files_by_study
from dicom_io.images.headers import read_header, read_instances
from dicom_io.images.limits import Limits, codestream_size, opened
from dicom_io.images.pixels import decode, load
from dicom_io.images.series import series_of
from tests.dicom_io.made_series import affine_of, voxels_of, write_series

SHAPE = (3, 48, 64)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=5)
    return tmp_path


def compressed(path: Path, syntax: UID) -> pydicom.FileDataset:
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def test_a_pipe_is_not_waited_for(study: Path) -> None:
    os.mkfifo(study / "pipe.dcm")
    with pytest.raises(NotReadable, match=r"pipe\.dcm is no file but a pipe"):
        opened(study / "pipe.dcm")
    (files,) = files_by_study(study).values()
    with pytest.raises(NotReadable, match=r"pipe\.dcm is no file"):
        read_instances(files)


def test_a_link_to_nothing_is_a_sentence(study: Path) -> None:
    (study / "link.dcm").symlink_to("nothing")
    (files,) = files_by_study(study).values()
    with pytest.raises(NotReadable, match=r"link\.dcm cannot be opened \(No such file"):
        read_instances(files)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless], ids=lambda syntax: syntax.name)
def test_the_size_in_a_codestream_is_that_of_the_encoder(study: Path, syntax: UID) -> None:
    dataset = compressed(next(study.glob("*.dcm")), syntax)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    assert codestream_size(frame) == SHAPE[1:]
    assert codestream_size(frame[:10]) is None


def test_the_size_in_a_jpeg_is_behind_its_other_segments() -> None:
    tables = b"\xff\xc4\x00\x04\x00\x00" + b"\xff\xe0\x00\x06JFIF"
    frame = b"\xff\xc3\x00\x0b\x10" + (48).to_bytes(2, "big") + (64).to_bytes(2, "big") + b"\x01\x00\x11\x00"
    assert codestream_size(b"\xff\xd8" + tables + frame) == (48, 64)
    assert codestream_size(b"\xff\xd8" + tables) is None
    assert codestream_size(b"RLE") is None


def test_a_codestream_that_claims_another_size_is_refused_before_it_is_decoded(study: Path) -> None:
    path = next(study.glob("*.dcm"))
    dataset = compressed(path, JPEG2000Lossless)
    frame = bytearray(get_frame(dataset.PixelData, 0, number_of_frames=1))
    begins = frame.index(b"\xff\x4f\xff\x51")
    frame[begins + 8 : begins + 16] = (60_000).to_bytes(4, "big") * 2  # Xsiz, Ysiz
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset.save_as(path)
    (instance,) = read_instances([path])
    tracemalloc.start()
    try:
        with pytest.raises(NotReadable, match="compressed as 60000 × 60000 pixels, and its header says 48 × 64"):
            list(decode(instance))
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("rows", "frames"), [(60_000, 1), (4096, 30_000), (2048, 60)])
def test_a_header_that_claims_more_than_a_study_has_is_refused(study: Path, rows: int, frames: int) -> None:
    for path in study.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.Rows = dataset.Columns = rows
        dataset.NumberOfFrames = frames
        dataset.save_as(path)
        (instance,) = read_instances([path])
        with pytest.raises(NotReadable, match="claims"):
            list(decode(instance))


def test_a_deflated_bomb_is_not_inflated(study: Path) -> None:
    path = next(study.glob("*.dcm"))
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    assert read_header(path) is not None
    content = path.read_bytes()
    begins = 144 + int.from_bytes(content[140:144], "little")
    plain = zlib.decompress(content[begins:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    path.write_bytes(content[:begins] + packer.compress(plain + bytes(100 * 1024**2)) + packer.flush())
    tracemalloc.start()
    try:
        with pytest.raises(NotReadable, match="inflates to more than 8 MB"):
            read_header(path, limits=Limits(inflated_mib=8, header_mib=1))
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    finally:
        tracemalloc.stop()


def test_a_usual_study_passes(study: Path) -> None:
    (series,) = series_of(read_instances(study.glob("*.dcm")))
    assert load(series.phases[0]).voxels.shape == SHAPE


def test_a_volume_larger_than_the_limit_is_refused(study: Path) -> None:
    (series,) = series_of(read_instances(study.glob("*.dcm"), limits=Limits(voxels=SHAPE[0] * SHAPE[1] * SHAPE[2] - 1)))
    with pytest.raises(NotReadable, match=r"has 3 slices of 48 × 64 voxels; at most 9215 voxels were expected"):
        load(series.phases[0])
