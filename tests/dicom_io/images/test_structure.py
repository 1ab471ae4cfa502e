"""Items, elements and points are counted in the bytes as the library would make them. Kind: oracle (pydicom)."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_io.errors import NotReadable
from dicom_io.images.headers import read_header, text
from dicom_io.images.limits import USUAL, Limits, inflated_data_set
from dicom_io.images.structure import Structure, check_structure, structure_of
from tests.dicom_io.made_series import affine_of, ball, voxels_of, write_rtstruct, write_seg, write_series

SHAPE = (4, 6, 8)
SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


@pytest.fixture
def seg(tmp_path: Path) -> Dataset:
    write_seg(tmp_path / "seg.dcm", ball(SHAPE, centre=(1.5, 3, 4), radius=(1.2, 2, 3)), affine=affine_of())
    return pydicom.dcmread(tmp_path / "seg.dcm")


def counted(dataset: Dataset, *, depth: int = 0) -> Structure:
    """The counts by what pydicom parsed."""
    found = Structure(depth=depth)
    for element in dataset:
        found.elements += 1
        if element.keyword == "ContourData":
            found.points += len(element.value) // 3
        for item in element.value if element.VR == "SQ" else ():
            inner = counted(item, depth=depth + 1)
            found.elements += inner.elements + 1
            found.depth = max(found.depth, inner.depth)
            found.groups += inner.groups + (element.keyword == "PerFrameFunctionalGroupsSequence")
            found.contours += inner.contours + (element.keyword == "ContourSequence")
            found.points += inner.points
            found.references += inner.references + (
                element.keyword
                in (
                    "SourceImageSequence",
                    "ReferencedSOPSequence",
                    "ReferencedImageSequence",
                    "ReferencedInstanceSequence",
                    "ContourImageSequence",
                )
            )
    return found


def walked(path: Path, limits: Limits = USUAL) -> Structure:
    with path.open("rb") as file:
        inflated = inflated_data_set(file, path.name, limits=limits)
        return structure_of(file if inflated is None else inflated, limits=limits)


def assert_as_parsed(path: Path) -> None:
    mine, parsed = walked(path), counted(pydicom.dcmread(path))
    parsed.header_bytes = mine.header_bytes
    assert mine == parsed
    assert 0 < mine.header_bytes <= path.stat().st_size or mine.elements > 20


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("undefined", [False, True], ids=["defined lengths", "undefined lengths"])
def test_the_counts_are_those_of_the_library(seg: Dataset, tmp_path: Path, syntax: UID, *, undefined: bool) -> None:
    icon = Dataset()  # compressed pixels of their own inside an item
    icon.Rows = icon.Columns = 2
    if syntax is ExplicitVRLittleEndian:
        icon.PixelData = encapsulate([b"\xff\xd8 no elements inside \xff\xd9"])
        icon["PixelData"].VR, icon["PixelData"].is_undefined_length = "OB", True
    seg.IconImageSequence = [icon]
    for element in seg.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    path = tmp_path / "other.dcm"
    seg.file_meta.TransferSyntaxUID = syntax
    if syntax is ExplicitVRBigEndian:
        del seg.PixelData
    pydicom.dcmwrite(path, seg, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    assert_as_parsed(path)
    assert walked(path).groups == len(seg.PerFrameFunctionalGroupsSequence) > 1


def test_contours_and_points_are_counted(tmp_path: Path) -> None:
    series = write_series(tmp_path, [voxels_of(SHAPE)], affine=affine_of(), description="T1", number=4)
    corners = np.array([[-17, -27, 0], [-14, -27, 0], [-15, -24, 0], [-15.5, -25, 0]])
    write_rtstruct(tmp_path / "contours.dcm", [corners + np.array([0, 0, z]) for z in (8, 11)], series=series)
    assert_as_parsed(tmp_path / "contours.dcm")
    found = walked(tmp_path / "contours.dcm")
    assert (found.contours, found.points) == (2, 8)


def test_a_file_without_meta_information_is_walked(seg: Dataset, tmp_path: Path) -> None:
    content = (tmp_path / "seg.dcm").read_bytes()
    (tmp_path / "bare.dcm").write_bytes(content[144 + int.from_bytes(content[140:144], "little") :])
    bare, whole = walked(tmp_path / "bare.dcm"), walked(tmp_path / "seg.dcm")
    bare.header_bytes = whole.header_bytes
    assert bare == whole


def _more_groups(seg: Dataset) -> None:
    seg.PerFrameFunctionalGroupsSequence = list(seg.PerFrameFunctionalGroupsSequence) * 30


def _more_references(seg: Dataset) -> None:
    seg.SourceImageSequence = [Dataset() for _ in range(60)]


def _deep(seg: Dataset) -> None:
    inner = Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    seg.ContentSequence = [inner]


def _many(seg: Dataset) -> None:
    seg.private_block(0x99, "TEST", create=True).add_new(1, "SQ", [Dataset() for _ in range(2000)])


@pytest.mark.parametrize(
    ("more", "limits", "words"),
    [
        (_more_groups, Limits(functional_groups=50), "more than 50 groups of attributes of its frames"),
        (_more_references, Limits(references=50), "more than 50 references to other objects"),
        (_deep, USUAL, "more than 32 sequences within each other"),
        (_many, Limits(elements=1000), "more than 1000 elements"),
    ],
)
def test_what_passes_a_limit_is_refused_by_name_where_it_is_passed(
    seg: Dataset, tmp_path: Path, more: Callable[[Dataset], None], limits: Limits, words: str
) -> None:
    more(seg)
    seg.save_as(tmp_path / "many.dcm")
    with pytest.raises(NotReadable, match=words):
        read_header(tmp_path / "many.dcm", limits=limits)
    assert walked(tmp_path / "many.dcm", limits).elements < counted(seg).elements
    with pytest.raises(NotReadable, match=words):
        check_structure(BytesIO((tmp_path / "many.dcm").read_bytes()), "x", limits=limits)


def test_a_value_of_a_megabyte_is_not_made_into_numbers(seg: Dataset, tmp_path: Path) -> None:
    seg.add_new("PatientWeight", "UN", b"1\\" * 500_000 + b"1 ")
    seg.save_as(tmp_path / "long.dcm")
    header = read_header(tmp_path / "long.dcm")
    assert header is not None
    with pytest.raises(NotReadable, match="PatientWeight has 1000002 bytes; at most 65536"):
        text(header, "PatientWeight")
