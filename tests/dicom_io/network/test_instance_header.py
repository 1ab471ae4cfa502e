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
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SegmentationStorage,
)
from pynetdicom.dsutils import encode

from dicom_io.errors import NotReadable
from dicom_io.identity import ACCEPTED_MODEL_NAME, MODEL_NAME
from dicom_io.network.accepted_classes import TRANSFER_SYNTAXES
from dicom_io.network.instance_header import _simple_header, arrived_header, is_uid
from dicom_io.network.odd_header import odd_header
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
@pytest.mark.filterwarnings("ignore:Unknown encoding:UserWarning")  # where damage makes a character set of a UID
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
    assert simple is None or simple == odd_header(bytes(content), ExplicitVRLittleEndian)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_the_short_way_reads_what_the_library_reads(syntax: UID) -> None:
    dataset = image("one", 1)
    dataset.ImageComments = "after the header"
    dataset.ReferencedImageSequence = [Dataset()]  # encoded with its length
    dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    content = encode(dataset, syntax.is_implicit_VR, is_little_endian=True)
    assert content is not None
    simple = _simple_header(memoryview(content), syntax)
    assert simple == odd_header(content, syntax)
    assert simple is not None
    assert simple.series_instance_uid == dataset.SeriesInstanceUID


def with_sequences(*, is_undefined: bool) -> Dataset:
    """An image with a sequence in a sequence before the header ends, and a private one of an unknown representation."""
    dataset = image("one", 1)
    inner, outer = Dataset(), Dataset()
    inner.CodeValue = "T-04000"
    inner.StudyInstanceUID = "1.2.3"  # of another study: it is not the image's own
    outer.PurposeOfReferenceCodeSequence = [inner]
    outer.ReferencedSOPInstanceUID = "1.2.3"
    dataset.ReferencedImageSequence = [outer, Dataset()]
    for one in (outer["PurposeOfReferenceCodeSequence"], dataset["ReferencedImageSequence"]):
        one.is_undefined_length = is_undefined
        for item in one.value:
            item.is_undefined_length_sequence_item = is_undefined
    return dataset


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("is_undefined", [False, True])
def test_sequences_before_the_header_ends_are_stepped_over(syntax: UID, is_undefined: bool) -> None:
    content = encode(with_sequences(is_undefined=is_undefined), syntax.is_implicit_VR, is_little_endian=True)
    assert content is not None
    assert (b"\xfe\xff\xdd\xe0" in content) is is_undefined
    simple = _simple_header(content, syntax)
    assert simple is not None
    assert simple == odd_header(content, syntax)
    assert simple.study_instance_uid == uid("one")
    for length in range(0, len(content), 3):  # cut off: the library decides
        cut = _simple_header(content[:length], syntax)
        assert cut is None or cut == simple
    if not is_undefined:
        return
    beyond = content.index(b"\xfe\xff\x00\xe0") + 4  # an item that says it is longer than all
    assert _simple_header(content[:beyond] + b"\xfe\xff\xff\x7f" + content[beyond + 4 :], syntax) is None


def test_what_is_unknown_is_implicit_inside() -> None:
    """A sequence that an archive no longer knew: UN of undefined length (PS3.5 §6.2.2)."""
    content = encode(image("one", 1), is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    item = b"\x08\x00\x00\x01" + b"\x04\x00\x00\x00" + b"1.2\0"
    unknown = b"\x09\x00\x10\x10UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + item
    unknown += b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    place = content.index(b"\x10\x00\x10\x00PN")
    simple = _simple_header(content[:place] + unknown + content[place:], ExplicitVRLittleEndian)
    assert simple is not None
    assert simple == odd_header(content, ExplicitVRLittleEndian)


@pytest.mark.parametrize("depth", [3, 40])
def test_sequences_are_not_followed_without_end(depth: int) -> None:
    content = encode(image("one", 1), is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    nested = b""
    for _ in range(depth):
        head = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        nested = head + nested + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    place = content.index(b"\x10\x00\x10\x00PN")
    found = _simple_header(content[:place] + nested + content[place:], ExplicitVRLittleEndian)
    assert (found is None) is (depth > 16)


@pytest.mark.parametrize(("model", "is_ours"), [(MODEL_NAME, True), (ACCEPTED_MODEL_NAME, False)])
def test_what_this_product_made_is_known(model: str, is_ours: bool) -> None:
    dataset = instance("one", sop_class=SegmentationStorage, number=1, ours=True)
    dataset.ManufacturerModelName = model
    content = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    assert _simple_header(content, ExplicitVRLittleEndian) == odd_header(content, ExplicitVRLittleEndian)
    assert arrived_header(content, ExplicitVRLittleEndian).is_ours is is_ours


def test_what_is_odd_is_left_to_the_library() -> None:
    dataset = image("one", 1)
    big = encode(dataset, is_implicit_vr=False, is_little_endian=False)
    del dataset.SeriesInstanceUID
    without_series = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    for content, syntax in ((big, ExplicitVRBigEndian), (without_series, ExplicitVRLittleEndian)):
        assert content is not None
        assert _simple_header(content, syntax) is None
        assert arrived_header(memoryview(content), syntax) == odd_header(content, syntax)
