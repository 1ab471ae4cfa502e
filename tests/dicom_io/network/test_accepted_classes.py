"""Classes of the doors, which are known without the library, are those of the library. Kind: laws."""

from __future__ import annotations

import pytest
from pydicom.uid import UID, UID_dictionary
from pynetdicom.presentation import AllStoragePresentationContexts

from dicom_io.network.accepted_classes import (
    BIG_ENDIAN_SYNTAX,
    DEFLATED_SYNTAXES,
    IMPLICIT_SYNTAX,
    INPUT_CLASSES,
    LABEL_MAP_SEGMENTATION,
    TRANSFER_SYNTAXES,
    is_storage,
)
from dicom_io.network.storage_classes import class_name

SERVED = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
RETIRED_WITHOUT_NAME = {uid for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class" and not name}


def is_storage_by_the_dictionary(uid: str) -> bool:
    name, kind = UID_dictionary[uid][:2]
    is_named_so = "Storage" in name and not name.startswith("Storage Commitment")
    return uid in SERVED or uid in RETIRED_WITHOUT_NAME or (kind == "SOP Class" and is_named_so)


def test_storage_is_what_the_dictionary_says() -> None:
    standard = [uid for uid in UID_dictionary if uid.startswith("1.2.840.10008.")]
    assert len(standard) > 400
    assert [uid for uid in standard if is_storage(uid) != is_storage_by_the_dictionary(uid)] == []
    assert all(map(is_storage, SERVED))


@pytest.mark.parametrize(
    ("uid", "is_one"),
    [("1.3.12.2.1107.5.9.1", True), ("1.2.840.10008.5.1.4.1.1.999", True), ("1.2.840.10008.9.9", False)],
)
def test_of_unknown_classes_private_and_newer_ones_are_storage(uid: str, is_one: bool) -> None:
    assert uid not in UID_dictionary
    assert is_storage(uid) is is_one


def test_the_constants_have_their_meaning() -> None:
    names = [class_name(uid) for uid in INPUT_CLASSES]
    assert names == [
        "MR Image Storage",
        "Enhanced MR Image Storage",
        "Legacy Converted Enhanced MR Image Storage",
        "Segmentation Storage",
        "Label Map Segmentation Storage",
        "RT Structure Set Storage",
    ]
    assert LABEL_MAP_SEGMENTATION in SERVED
    for syntax in TRANSFER_SYNTAXES:
        uid = UID(syntax)
        assert uid.is_transfer_syntax
        assert uid.is_implicit_VR is (syntax == IMPLICIT_SYNTAX)
        assert uid.is_little_endian is (syntax != BIG_ENDIAN_SYNTAX)
        assert uid.is_deflated is (syntax in DEFLATED_SYNTAXES)
