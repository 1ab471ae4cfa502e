"""STOW-RS in: the parts that are safe, and the reasons of the others; the same rules as for C-STORE.

Kind: mechanics, oracle (pydicom reads file meta information).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.filebase import DicomBytesIO

from dicom_io.errors import BodyNotReadable, NotReadable
from dicom_io.network.accepted_classes import BEGINNING
from dicom_io.network.dicomweb.receive import StoreRequest
from dicom_io.network.dicomweb.spool import DATASET_START, read_spooled
from dicom_io.network.file_meta import file_meta
from tests.dicom_io.network.dicomweb.web_server import related
from tests.end_to_end.small_study import document, image, uid, write_study

MR = "1.2.840.10008.5.1.4.1.1.4"


def request(folder: Path, *, study_uid: str = "", most: int = 10**9) -> StoreRequest:
    folder.mkdir(exist_ok=True)
    return StoreRequest(
        folder, boundary=b"b0", study_uid=study_uid, most_object_bytes=most, sender="router", address="192.0.2.1"
    )


def sent(folder: Path, body: bytes, *, study_uid: str = "", most: int = 10**9, step: int = 70_000) -> StoreRequest:
    arriving = request(folder, study_uid=study_uid, most=most)
    for place in range(0, len(body), step):
        arriving.feed(body[place : place + step])
    arriving.close()
    arriving.drop()
    return arriving


def reasons(arriving: StoreRequest) -> tuple[int, list[int | None], list[int]]:
    response = arriving.response
    return len(response.referenced), [one.reason for one in response.failed], list(response.others)


def saved(dataset: FileDataset) -> bytes:
    buffer = DicomBytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return bytes(buffer.getvalue())


def body_of(contents: Sequence[bytes], kind: str = "application/dicom") -> bytes:
    parts = [f"\r\n--b0\r\nContent-Type: {kind}\r\n\r\n".encode() + content for content in contents]
    return b"".join(parts) + b"\r\n--b0--\r\n"


def test_what_came_is_in_the_spool_byte_for_byte(tmp_path: Path) -> None:
    files = write_study(tmp_path / "study", "spool", images=3)
    arriving = sent(tmp_path / "in", related(files), study_uid=uid("spool"))
    assert reasons(arriving) == (4, [], [])
    assert [one.sop_instance_uid for one in arriving.response.referenced] == [
        str(dcmread(file).SOPInstanceUID) for file in files
    ]
    spooled = sorted((tmp_path / "in").iterdir())
    assert [path.name for path in spooled] == [f"{number:06d}.instance" for number in range(1, 5)]
    assert {oct(path.stat().st_mode & 0o777) for path in spooled} == {"0o600"}
    for path, file in zip(spooled, files, strict=True):
        content = file.read_bytes()
        meta = file_meta(content)
        with read_spooled(path) as (known, dataset):
            assert bytes(dataset) == content[meta.dataset_start :]
            assert (known.sender, known.address) == ("router", "192.0.2.1")
            assert known.sop_instance_uid == dcmread(file).file_meta.MediaStorageSOPInstanceUID


def test_reasons_are_those_of_c_store(tmp_path: Path) -> None:
    good = saved(image("reasons", 1))
    other = image("reasons", 2)
    ours = str(other.SOPInstanceUID).encode()
    mismatched = saved(other).replace(ours, ours[:-1] + (b"1" if ours[-1:] != b"1" else b"2"), 1)
    no_study = image("reasons", 3)
    del no_study.StudyInstanceUID
    no_storage = image("reasons", 4)
    no_storage.SOPClassUID = no_storage.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.1"
    no_dataset = good[: file_meta(good).dataset_start]
    arriving = sent(
        tmp_path / "in",
        body_of([good, mismatched, saved(no_study), b"no DICOM", b"", saved(no_storage), no_dataset, good]),
    )
    assert reasons(arriving) == (2, [0xA900, 0xC000, 0x0122, 0xC000], [0xC000, 0xC000])
    assert [path.name for path in sorted((tmp_path / "in").iterdir())] == ["000001.instance", "000008.instance"]
    assert reasons(sent(tmp_path / "png", body_of([good], kind="image/png"))) == (0, [], [0xC000])
    assert reasons(sent(tmp_path / "else", body_of([good]), study_uid="1.2.3")) == (0, [0xA900], [])
    assert reasons(sent(tmp_path / "large", body_of([good]), most=100)) == (0, [0xA700], [])


def test_of_what_is_no_input_the_beginning_is_kept(tmp_path: Path) -> None:
    report = document("others")
    report.EncapsulatedDocument = bytes(3 * BEGINNING)
    arriving = sent(tmp_path / "in", body_of([saved(report)]))
    assert reasons(arriving) == (1, [], [])
    assert (tmp_path / "in" / "000001.instance").stat().st_size == DATASET_START + BEGINNING


@pytest.mark.parametrize(("number", "reason"), [(errno.ENOSPC, 0xA700), (errno.EDQUOT, 0xA700), (errno.EIO, 0x0110)])
@pytest.mark.parametrize("call", ["write", "pwrite", "fsync", "open"])
def test_a_disk_that_fails_costs_the_part_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, reason: int
) -> None:
    contents = [saved(image("disk", one)) for one in (1, 2, 3)]
    real, calls = getattr(os, call), []

    def failing(*args: object, **more: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise OSError(number, "it fails")
        return real(*args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        arriving = sent(tmp_path / "in", body_of(contents))
    assert reasons(arriving) == (2, [reason], [])
    assert len(list((tmp_path / "in").iterdir())) == 2


@pytest.mark.parametrize("cut", [1, 30, 1000])
def test_parts_before_the_cut_are_safe_and_the_last_leaves_nothing(tmp_path: Path, cut: int) -> None:
    body = body_of([saved(image("cut", one)) for one in (1, 2, 3)])
    arriving = request(tmp_path / "in")
    arriving.feed(body[: -len(b"\r\n--b0--\r\n") - cut])
    with pytest.raises(BodyNotReadable, match="closing boundary"):
        arriving.close()
    arriving.drop()
    assert len(arriving.response.referenced) == 2
    assert len(list((tmp_path / "in").iterdir())) == 2


def test_a_file_that_was_not_ended_is_not_read(tmp_path: Path) -> None:
    for content in (b"", b"{}".ljust(DATASET_START) + b"x", b"\xff" * DATASET_START, b"1".ljust(DATASET_START) + b"x"):
        path = tmp_path / "000001.instance"
        path.write_bytes(content)
        with pytest.raises(NotReadable), read_spooled(path):
            pass


GOOD = saved(image("meta", 1))


@given(st.integers(0, 400), st.binary(max_size=4), st.integers(0, 700))
def test_file_meta_information_is_read_as_pydicom_reads_it(place: int, put: bytes, length: int) -> None:
    whole = file_meta(GOOD)
    theirs = dcmread(DicomBytesIO(GOOD)).file_meta
    assert whole.transfer_syntax_uid == theirs.TransferSyntaxUID
    assert (whole.sop_class_uid, whole.sop_instance_uid) == (
        theirs.MediaStorageSOPClassUID,
        theirs.MediaStorageSOPInstanceUID,
    )
    damaged = (GOOD[:place] + put + GOOD[place + len(put) :])[:length]
    try:
        read = file_meta(damaged)
    except NotReadable:
        return
    assert read.dataset_start <= len(damaged)
