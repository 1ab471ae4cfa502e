"""Header that the receiver reads from good, damaged and malicious bytes. Kind: laws and mechanics."""

from __future__ import annotations

import tracemalloc
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SegmentationStorage,
)
from pynetdicom.dsutils import encode

from dicom_io.errors import NotReadable
from dicom_io.network.instance_header import _any_header, _simple_header, arrived_header, is_uid
from dicom_io.network.storage_classes import TRANSFER_SYNTAXES
from tests.end_to_end.small_study import image, instance, uid


def plain_bytes() -> bytes:
    """A data set as it travels, Explicit VR Little Endian."""
    buffer = BytesIO()
    image("one", 1).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()[buffer.getvalue().index(b"\x08\x00\x16\x00UI") :]


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def test_a_deflated_data_set_is_read() -> None:
    assert arrived_header(deflated(plain_bytes()), DeflatedExplicitVRLittleEndian).study_instance_uid == uid("one")


def test_a_deflated_data_set_that_ends_too_early_is_refused() -> None:
    whole = deflated(plain_bytes())
    with pytest.raises(NotReadable, match="cannot be read"):
        arrived_header(whole[: len(whole) // 2], DeflatedExplicitVRLittleEndian)


def test_of_a_bomb_no_more_is_inflated_than_a_header_can_need() -> None:
    bomb = deflated(plain_bytes() + bytes(200 * 1024**2))  # zeros: 200 kB as they travel
    tracemalloc.start()
    try:
        assert arrived_header(bomb, DeflatedExplicitVRLittleEndian).study_instance_uid == uid("one")
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore:Expected:UserWarning")  # pydicom guesses the VR of damaged data sets
@given(content=st.binary(max_size=300), syntax=st.sampled_from(TRANSFER_SYNTAXES))
def test_any_bytes_are_read_or_refused(content: bytes, syntax: str) -> None:
    try:
        header = arrived_header(content, UID(syntax))
    except NotReadable:
        return
    assert is_uid(header.study_instance_uid)


@pytest.mark.filterwarnings("ignore:Expected:UserWarning")  # pydicom guesses the VR of damaged data sets
@given(data=st.data())
def test_a_damaged_data_set_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(plain_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = arrived_header(bytes(content), ExplicitVRLittleEndian)
    except NotReadable:
        return
    assert is_uid(header.study_instance_uid)
    simple = _simple_header(bytes(content), ExplicitVRLittleEndian)
    assert simple is None or simple == _any_header(bytes(content), ExplicitVRLittleEndian, is_whole=True)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_the_short_way_reads_what_the_library_reads(syntax: UID) -> None:
    dataset = image("one", 1)
    dataset.ImageComments = "after the header"
    dataset.ReferencedImageSequence = [Dataset()]  # encoded with its length
    dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    content = encode(dataset, syntax.is_implicit_VR, is_little_endian=True)
    assert content is not None
    simple = _simple_header(memoryview(content), syntax)
    assert simple == _any_header(content, syntax, is_whole=True)
    assert simple is not None
    assert simple.series_instance_uid == dataset.SeriesInstanceUID


@pytest.mark.parametrize("unusual", ["undefined length", "ours", "without series"])
def test_what_is_unusual_is_left_to_the_library(unusual: str) -> None:
    dataset = image("one", 1)
    if unusual == "undefined length":
        dataset.ReferencedImageSequence = [Dataset()]
        dataset["ReferencedImageSequence"].is_undefined_length = True
    elif unusual == "ours":
        dataset = instance("one", sop_class=SegmentationStorage, number=1, ours=True)
    else:
        del dataset.SeriesInstanceUID
    content = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    assert _simple_header(content, ExplicitVRLittleEndian) is None
    assert arrived_header(memoryview(content), ExplicitVRLittleEndian).is_ours is (unusual == "ours")
