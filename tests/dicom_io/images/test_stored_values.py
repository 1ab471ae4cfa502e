"""Stored values: bits above Bits Stored, sign, High Bit, MONOCHROME1, Modality LUT. Kind: oracle.

Expected values are those the series was written from; ITK (through SimpleITK), which reads for PyRadiomics, is the
reference for MONOCHROME1.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_instances
from dicom_io.images.pixels import load
from dicom_io.images.series import series_of
from dicom_io.rules import ValueMapping
from tests.dicom_io.made_series import affine_of, voxels_of, write_series

SHAPE = (3, 48, 64)  # large enough for every encoder
SYNTAXES = (ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless)


def volume_of(folder: Path, mapping: ValueMapping = ValueMapping.RESCALE) -> NDArray[np.float32]:
    (series,) = series_of(read_instances(folder.glob("*.dcm")))
    assert series.problem == ""
    return load(series.phases[0], mapping=mapping).voxels


def write(
    folder: Path,
    samples: NDArray[np.uint16],
    *,
    syntax: UID = ExplicitVRLittleEndian,
    stored: int = 12,
    high: int = 11,
    signed: bool = False,
    **attributes: object,
) -> None:
    """A series whose pixel cells of 16 bits are `samples`, compressed as such, and only then described."""
    series = write_series(folder, [samples], affine=affine_of(), description="T1", number=5)
    for path in series.files:
        dataset = pydicom.dcmread(path)
        if syntax != ExplicitVRLittleEndian:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = stored, high, int(signed)
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_bits_above_bits_stored_hold_no_value(tmp_path: Path, syntax: UID, signed: bool) -> None:
    voxels = voxels_of(SHAPE).astype(np.int32) - (2048 if signed else 0)
    overlay = np.zeros(SHAPE, dtype=np.uint16)
    overlay[:, 5:20, 9:40] = 0xF000
    write(tmp_path, (voxels & 0x0FFF).astype(np.uint16) ^ overlay, syntax=syntax, signed=signed)
    np.testing.assert_array_equal(volume_of(tmp_path), voxels)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=lambda syntax: syntax.name)
def test_values_below_high_bit_are_shifted_down(tmp_path: Path, syntax: UID) -> None:
    voxels = voxels_of(SHAPE)
    write(tmp_path, (voxels << np.uint16(4)) | np.uint16(0x9), syntax=syntax, high=15)
    np.testing.assert_array_equal(volume_of(tmp_path), voxels)


@pytest.mark.parametrize(
    ("syntax", "high", "said"),
    [
        (JPEG2000Lossless, 15, "High Bit is 15 with 12 Bits Stored in an image compressed as JPEG 2000"),
        (ExplicitVRLittleEndian, 7, "High Bit is 7 with 12 Bits Stored of 16; 11 was expected"),
        (ExplicitVRLittleEndian, 16, "High Bit is 16 with 12 Bits Stored of 16; 11 was expected"),
    ],
)
def test_a_high_bit_that_leaves_the_value_in_doubt_is_refused(
    tmp_path: Path, syntax: UID, high: int, said: str
) -> None:
    write(tmp_path, voxels_of(SHAPE), syntax=syntax, high=high)
    with pytest.raises(NotReadable, match=said):
        volume_of(tmp_path)


@pytest.mark.parametrize("slope", ["1", "0.5"])
def test_monochrome1_is_turned_so_that_bright_is_large_as_itk_does(tmp_path: Path, slope: str) -> None:
    voxels = voxels_of(SHAPE)
    about = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": slope, "RescaleIntercept": "-3"}
    write(tmp_path, voxels, **about)
    found = volume_of(tmp_path)
    np.testing.assert_array_equal(found, (4095 - voxels.astype(np.float64)) * float(slope) - 3)
    first = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "5-0-0.dcm")))[0]
    np.testing.assert_array_equal(found[0], first)


def test_signed_monochrome1_keeps_the_range(tmp_path: Path) -> None:
    voxels = voxels_of(SHAPE).astype(np.int32) - 2048
    write(tmp_path, (voxels & 0x0FFF).astype(np.uint16), signed=True, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(volume_of(tmp_path), -1 - voxels)


def test_images_of_both_kinds_are_no_volume(tmp_path: Path) -> None:
    write(tmp_path, voxels_of(SHAPE))
    path = tmp_path / "5-0-1.dcm"
    dataset = pydicom.dcmread(path)
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.save_as(path)
    with pytest.raises(NotReadable, match="1 of 3 images has the Photometric Interpretation MONOCHROME1"):
        volume_of(tmp_path)


@pytest.mark.parametrize(("value", "is_read"), [(4095, True), (4096, False)])
def test_a_slice_described_otherwise_is_read_where_its_values_are_the_same(
    tmp_path: Path, value: int, is_read: bool
) -> None:
    voxels = voxels_of(SHAPE)
    voxels[1, 0, 0] = value
    write(tmp_path, voxels, stored=16, high=15)
    path = tmp_path / "5-0-1.dcm"
    dataset = pydicom.dcmread(path)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.save_as(path)
    if is_read:
        np.testing.assert_array_equal(volume_of(tmp_path), voxels)
        return
    with pytest.raises(
        NotReadable, match=r"5-0-1\.dcm has Bits Stored, High Bit .* 12, 11, 0, the other .* 16, 15, 0, and"
    ):
        volume_of(tmp_path)


def test_a_palette_is_no_grey_value(tmp_path: Path) -> None:
    write(tmp_path, voxels_of(SHAPE), PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(NotReadable, match="Photometric Interpretation is 'PALETTE COLOR'; one grey value"):
        volume_of(tmp_path)


def lut(entries: NDArray[np.int64], *, first: int = 0) -> list[Dataset]:
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, 16])
    table.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    table.ModalityLUTType = "US"
    return [table]


def test_a_modality_lut_that_is_a_line_is_that_line(tmp_path: Path) -> None:
    voxels = voxels_of(SHAPE)
    write(tmp_path, voxels, ModalityLUTSequence=lut(100 + np.arange(4096) * 3))
    np.testing.assert_array_equal(volume_of(tmp_path), voxels * 3.0 + 100)


def test_a_modality_lut_starts_at_its_first_value(tmp_path: Path) -> None:
    voxels = np.clip(voxels_of(SHAPE), 100, 4000)
    write(tmp_path, voxels, ModalityLUTSequence=lut(np.arange(3901) * 2, first=100))
    np.testing.assert_array_equal(volume_of(tmp_path), (voxels.astype(np.float64) - 100) * 2)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"ModalityLUTSequence": lut(np.arange(4096) ** 2 // 4096)}, "no straight line (it bends by 1024 of 4094)"),
        ({"ModalityLUTSequence": lut(np.full(4096, 7))}, "no straight line"),
        ({"ModalityLUTSequence": lut(np.arange(1000))}, "but the Modality LUT is for 0 to 999"),
        ({"ModalityLUTSequence": lut(np.arange(4096)) * 2}, "2 Modality LUTs and no Rescale Slope"),
        ({"ModalityLUTSequence": lut(np.arange(4096)), "RescaleSlope": "2"}, "1 Modality LUTs and a Rescale Slope"),
        ({"ModalityLUTSequence": [Dataset()]}, "The Modality LUT of the images cannot be decoded"),
    ],
    ids=["curve", "constant", "short", "two", "with slope", "empty"],
)
def test_any_other_modality_lut_is_refused(tmp_path: Path, attributes: dict[str, object], said: str) -> None:
    write(tmp_path, voxels_of(SHAPE), **attributes)
    with pytest.raises(NotReadable) as refusal:
        volume_of(tmp_path)
    assert said in str(refusal.value)


@pytest.mark.parametrize("meta", ["without transfer syntax", "none"])
@pytest.mark.parametrize(
    ("implicit", "little"), [(True, True), (False, True), (False, False)], ids=["implicit", "explicit", "big endian"]
)
def test_a_file_that_does_not_state_its_transfer_syntax_is_read_as_written(
    tmp_path: Path, implicit: bool, little: bool, meta: str
) -> None:
    voxels = voxels_of(SHAPE)
    for path in write_series(tmp_path, [voxels], affine=affine_of(), description="T1", number=5).files:
        dataset = pydicom.dcmread(path)
        if not little:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        encoded = BytesIO()
        bare = Dataset()
        bare.update(dataset)
        pydicom.dcmwrite(encoded, bare, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
        group = BytesIO()
        if meta != "none":
            del dataset.file_meta.TransferSyntaxUID
            group.write(b"\0" * 128 + b"DICM")
            write_file_meta_info(group, dataset.file_meta, enforce_standard=False)
        path.write_bytes(group.getvalue() + encoded.getvalue())
    np.testing.assert_array_equal(volume_of(tmp_path), voxels)


@pytest.mark.parametrize(
    ("surplus", "is_read"),
    [(b"\0" * 20, True), (b"\0" * 128, False), (b"\1" * 20, False)],
    ids=["padding", "row", "data"],
)
def test_pixels_beyond_the_matrix_are_refused_unless_they_are_padding(
    tmp_path: Path, surplus: bytes, is_read: bool
) -> None:
    voxels = voxels_of(SHAPE)
    write(tmp_path, voxels, stored=16, high=15, PixelData=voxels[0].tobytes() + surplus)
    if is_read:
        assert np.all(volume_of(tmp_path) == voxels[0])
        return
    with pytest.raises(NotReadable, match=r"have \d+ bytes; 6144 were expected for 1 frame of 48 × 64 pixels"):
        volume_of(tmp_path)


def test_compressed_pixels_without_transfer_syntax_are_named(tmp_path: Path) -> None:
    write(tmp_path, voxels_of(SHAPE), syntax=JPEGLSLossless)
    path = tmp_path / "5-0-1.dcm"
    dataset = pydicom.dcmread(path)
    del dataset.file_meta.TransferSyntaxUID
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=True, enforce_file_format=False)
    with pytest.raises(NotReadable, match=r"5-0-1\.dcm are compressed, and it has no Transfer Syntax UID to say how"):
        volume_of(tmp_path)


def test_a_compression_without_decoder_is_named(tmp_path: Path) -> None:
    write(tmp_path, voxels_of(SHAPE), syntax=JPEGLSLossless)
    for path in tmp_path.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.102")
        dataset.save_as(path)
    with pytest.raises(NotReadable, match=r"transfer syntax MPEG-4 AVC.* is not supported. Send the images unc"):
        volume_of(tmp_path)
