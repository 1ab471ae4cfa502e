"""Copies of one object in two files: equal data sets count once, however they are written. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEGLSLossless

from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_instances
from tests.dicom_io.made_series import affine_of, voxels_of, write_series


def original(folder: Path) -> Path:
    def edit(dataset: Dataset, phase: int, index: int) -> None:
        inner = Dataset()
        inner.CodeValue, inner.CodeMeaning = "1", "Breast"
        dataset.AnatomicRegionSequence = [inner]
        block = dataset.private_block(0x0029, "TEST", create=True)
        block.add_new(0x10, "LO", "private")
        block.add_new(0x11, "SQ", [inner])

    voxels = [voxels_of((2, 48, 64))]
    (path, _) = write_series(folder, voxels, affine=affine_of(), description="T1", number=5, edit=edit).files
    return path


def as_another_archive_writes_it(dataset: pydicom.FileDataset, path: Path) -> None:
    dataset.file_meta.SourceApplicationEntityTitle = "OTHER"
    dataset.file_meta.ImplementationClassUID = "1.2.3"
    dataset.save_as(path)


def with_implicit_vr(dataset: pydicom.FileDataset, path: Path) -> None:
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    pydicom.dcmwrite(path, dataset, implicit_vr=True, little_endian=True, enforce_file_format=True)


def with_padding(dataset: pydicom.FileDataset, path: Path) -> None:
    dataset.add_new(0xFFFCFFFC, "OB", b"\0" * 10)
    dataset.save_as(path)


@pytest.mark.parametrize("write", [as_another_archive_writes_it, with_implicit_vr, with_padding])
def test_copies_of_one_object_count_once(tmp_path: Path, write: Callable[[pydicom.FileDataset, Path], None]) -> None:
    path, copy = original(tmp_path), tmp_path / "copy.dcm"
    write(pydicom.dcmread(path), copy)
    assert copy.read_bytes() != path.read_bytes()
    (instance,) = read_instances([path, copy])
    assert instance.path == path


def with_another_value(dataset: pydicom.FileDataset) -> None:
    dataset.EchoTime = "2.4"


def with_another_code(dataset: pydicom.FileDataset) -> None:
    dataset.AnatomicRegionSequence[0].CodeMeaning = "Chest"


def without_an_attribute(dataset: pydicom.FileDataset) -> None:
    del dataset.EchoTime


def with_other_pixels(dataset: pydicom.FileDataset) -> None:
    dataset.PixelData = bytes(len(dataset.PixelData))


def compressed(dataset: pydicom.FileDataset) -> None:
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)


@pytest.mark.parametrize(
    "change", [with_another_value, with_another_code, without_an_attribute, with_other_pixels, compressed]
)
def test_two_contents_under_one_uid_are_refused(tmp_path: Path, change: Callable[[pydicom.FileDataset], None]) -> None:
    path, copy = original(tmp_path), tmp_path / "copy.dcm"
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(copy)
    with pytest.raises(
        NotReadable, match=r"5-0-0\.dcm and copy\.dcm have the same SOP Instance UID .* different content"
    ):
        read_instances([path, copy])
