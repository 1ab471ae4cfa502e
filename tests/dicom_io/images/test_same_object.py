"""Copies of one object in two files: equal data sets count once, however they are written. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_instances
from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_seg, write_series


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


CHANGES = {
    with_another_value: "Echo Time",
    with_another_code: "Anatomic Region Sequence",
    without_an_attribute: "Echo Time",
    with_other_pixels: "Pixel Data",
}


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_two_contents_under_one_uid_are_refused_with_their_difference(
    tmp_path: Path, change: Callable[[pydicom.FileDataset], None], compress: bool
) -> None:
    path, copy = original(tmp_path), tmp_path / "copy.dcm"
    dataset = pydicom.dcmread(path)
    change(dataset)
    if compress:
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    dataset.save_as(copy)
    with pytest.raises(NotReadable) as refusal:
        read_instances([path, copy])
    sentence = str(refusal.value)
    assert sentence.startswith("The files 5-0-0.dcm and copy.dcm have the same SOP Instance UID")
    assert f"but different content ({CHANGES[change]});" in sentence


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("stored", [12, 16])
def test_copies_that_are_compressed_differently_count_once(tmp_path: Path, syntax: UID, stored: int) -> None:
    path, copies = original(tmp_path), []
    dataset = pydicom.dcmread(path)
    dataset.BitsStored, dataset.HighBit = stored, stored - 1
    dataset.save_as(path)
    for name in ("b.dcm", "c.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax if name == "b.dcm" else RLELossless, generate_instance_uid=False)
        dataset.LossyImageCompression, dataset.DerivationDescription = "00", "Lossless compression"
        dataset.save_as(tmp_path / name)
        copies.append(tmp_path / name)
    (instance,) = read_instances([path, *copies])
    assert instance.path == path
    assert instance.recoded == tuple(copies)


def test_a_copy_that_lost_something_by_compression_is_refused(tmp_path: Path) -> None:
    path, copy = original(tmp_path), tmp_path / "copy.dcm"
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array + 1
    dataset.compress(JPEGLSLossless, pixels, generate_instance_uid=False)
    dataset.LossyImageCompression = "01"
    dataset.save_as(copy)
    with pytest.raises(NotReadable, match=r"different content \(Lossy Image Compression, Pixel Data\)"):
        read_instances([path, copy])


def test_a_study_with_its_copies_is_read_with_a_note(tmp_path: Path) -> None:
    shape = (6, 32, 32)
    mask = ball(shape, centre=(2.5, 16, 16), radius=(2, 6, 6))
    made = write_series(tmp_path, [voxels_of(shape)], affine=affine_of(), description="AX T1 FS POST", number=4)
    write_seg(tmp_path / "seg.dcm", mask, affine=affine_of(), source=made)
    alone = read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    for path in made.files:
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(tmp_path / f"pacs-{path.name}")
    both = read_study(sorted(tmp_path.iterdir()), rules=SelectionRules(), assignment=NO_ASSIGNMENT)
    (note,) = [note for note in both.notes if note.code == "copies-equal"]
    assert note.sentence.startswith("6 objects of the study are there in copies that are compressed differently")
    assert [one for one in both.notes if one is not note] == list(alone.notes)
    assert both.content_digest == alone.content_digest
