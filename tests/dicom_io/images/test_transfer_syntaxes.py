"""Voxels are equal whatever transfer syntax the images have, and whichever toolkit encoded them."""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_io.errors import NotReadable
from dicom_io.images import pixels
from dicom_io.images.decoders import DECODERS, decoder_of
from dicom_io.images.headers import read_instances
from dicom_io.images.pixels import load
from dicom_io.images.series import series_of
from tests.conftest import require_programs
from tests.dicom_io.made_series import affine_of, voxels_of, write_series


def volume_of(folder: Path) -> NDArray[np.float32]:
    (series,) = series_of(read_instances(folder.rglob("*.dcm")))
    assert series.problem == ""
    return load(series.phases[0]).voxels


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name,
)
def test_every_transfer_syntax_gives_the_same_voxels(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    voxels = voxels_of((3, 48, 64))
    write_series(tmp_path, [voxels], affine=affine_of(), description="T1", number=5)
    for path in tmp_path.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        if syntax.is_compressed and syntax.is_encapsulated:
            dataset.compress(syntax, generate_instance_uid=False)
        else:
            dataset.file_meta.TransferSyntaxUID = syntax
            if syntax == ExplicitVRBigEndian:
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        little = syntax != ExplicitVRBigEndian
        implicit = syntax == ImplicitVRLittleEndian
        pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    np.testing.assert_array_equal(volume_of(tmp_path), voxels)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("program", "options", "syntax"),
    [
        ("dcmcjpeg", ["+e1"], JPEGLosslessSV1),
        ("dcmcjpeg", ["+el"], JPEGLossless),
        ("dcmcjpls", ["+el"], JPEGLSLossless),
        ("dcmcrle", [], RLELossless),
        ("dcmconv", ["+tb"], ExplicitVRBigEndian),
        ("dcmconv", ["+ti"], ImplicitVRLittleEndian),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_another_toolkit_wrote_gives_the_same_voxels(
    tmp_path: Path, program: str, options: list[str], syntax: pydicom.uid.UID
) -> None:
    require_programs(program)
    voxels = voxels_of((3, 48, 64))
    made = write_series(tmp_path / "plain", [voxels], affine=affine_of(), description="T1", number=5)
    (tmp_path / "other").mkdir()
    for path in made.files:
        other = tmp_path / "other" / path.name
        subprocess.run([program, *options, str(path), str(other)], check=True, capture_output=True)
        assert pydicom.dcmread(other).file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(volume_of(tmp_path / "other"), voxels)


# 16 × 24 pixels, value (3 row² + 41 column) mod 4096, losslessly encoded by OpenJPH 0.26.3 (imagecodecs 2026.3.6,
# htj2k_encode(pixels, reversible=True)); no encoder of this syntax is among the libraries of the tests.
HTJ2K_CODE_STREAM = (
    "/0//UQApQAAAAAAYAAAAEAAAAAAAAAAAAAAAGAAAABAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJ"
    "CQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAANoAAf+TwAAmf/wFB3QAwAATAHz9Aod0AMAAEsAAE4DtAAd0ACaa+ACC"
    "NADAABPAABWgdOn+gYt0AF98fOHji48AQgN+tgDAABUwAAW8NpvN9tpxAnUAd+/d3d3dXYhdiF2IXYhdiF2I/QAABAAAGPhqMbsAwAAroAAXo4"
    "AQBEEQBEHz+np6cIJ4ALVVVVVVVdVWVVVVVVVbVVVVVVWBVWAVWAVWgVVgFVgFVoFVYBVYBdZwAQgAghCACCEIAMf16/Xr9Zf16/Xr9ZejGoxq"
    "Mb8B/9k="
)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL], ids=lambda syntax: syntax.name)
def test_high_throughput_jpeg_2000_gives_the_same_voxels(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    row, column = np.indices((16, 24))
    pixels = ((3 * row * row + 41 * column) % 4096).astype(np.uint16)
    made = write_series(tmp_path, [np.stack([pixels] * 3)], affine=affine_of(), description="T1", number=5)
    for path in made.files:
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([b64decode(HTJ2K_CODE_STREAM)])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path)
    np.testing.assert_array_equal(volume_of(tmp_path), np.stack([pixels] * 3))


@pytest.mark.parametrize("syntax", DECODERS, ids=lambda syntax: syntax.name)
def test_each_transfer_syntax_has_one_decoder_and_it_is_installed(syntax: pydicom.uid.UID) -> None:
    plugin = decoder_of(syntax)
    assert (plugin == "") == (not syntax.is_encapsulated)
    assert plugin in (*get_decoder(syntax).available_plugins, "")
    assert plugin != "gdcm" or ("JPEG 2000" not in syntax.name and "JPEG-LS" not in syntax.name)


@pytest.mark.parametrize("syntax", [MPEG2MPML, pydicom.uid.UID("1.2.3.4")], ids=lambda syntax: syntax.name)
def test_any_other_is_refused_by_name(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    write_series(tmp_path, [voxels_of((3, 6, 8))], affine=affine_of(), description="T1", number=4)
    for path in tmp_path.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = encapsulate([b"\0" * 8])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax
        pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=True)
    with pytest.raises(NotReadable, match=f"transfer syntax {re.escape(syntax.name)}, which is not supported"):
        volume_of(tmp_path)


def test_no_other_decoder_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def recorded(dataset: pydicom.Dataset, **options: object) -> Iterator[NDArray[np.generic]]:
        asked.append(str(options["decoding_plugin"]))
        return iter_pixels(dataset, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pixels, "iter_pixels", recorded)
    write_series(tmp_path, [voxels_of((3, 48, 64))], affine=affine_of(), description="T1", number=4)
    for path, syntax in zip(
        sorted(tmp_path.glob("*.dcm")), (RLELossless, JPEG2000Lossless, JPEGLSLossless), strict=True
    ):
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    assert volume_of(tmp_path).shape == (3, 48, 64)
    assert sorted(asked) == ["pydicom", "pyjpegls", "pylibjpeg"]
