"""UIDs: the same for the same input, new when input, model or settings change."""

from __future__ import annotations

from dataclasses import replace

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_io import implementation, uids
from dicom_io.answer_roles import Role
from models.volume import Region, Sequence
from reports import wording
from tests.dicom_io.made_studies import CREATED, RECURRENCE, make


@given(st.lists(st.text(max_size=20), max_size=4))
def test_every_derived_uid_is_valid(parts: list[str]) -> None:
    uid = pydicom.uid.UID(uids.derived_uid("test", *parts))
    assert uid.is_valid
    assert len(uid) <= 64


def test_parts_do_not_run_into_each_other() -> None:
    assert uids.derived_uid("test", "ab", "c") != uids.derived_uid("test", "a", "bc")
    assert uids.derived_uid("test", "a") != uids.derived_uid("testa")


def test_time_and_place_of_a_run_do_not_matter() -> None:
    made = make()
    later = replace(
        made.report,
        created=CREATED.replace(year=2027),
        provenance={**made.report.provenance, wording.CREATED: "2027", wording.PROVIDER: "CUDAExecutionProvider"},
    )
    assert uids.answer_digest(made.study, made.report) == uids.answer_digest(made.study, later)


@pytest.mark.parametrize("label", [wording.SETTINGS_DIGEST, wording.ENGINE, wording.BIAS])
def test_other_settings_give_new_objects(label: str) -> None:
    made = make()
    other = replace(made.report, provenance={**made.report.provenance, label: "other"})
    assert uids.answer_digest(made.study, made.report) != uids.answer_digest(made.study, other)


def test_other_content_gives_new_objects_and_new_tracking() -> None:
    made = make()
    other = replace(made.study, content_digest="0" * 64)
    assert uids.answer_digest(made.study, made.report) != uids.answer_digest(other, made.report)
    region = (Sequence.T1C, Region.INTRATUMORAL)
    assert uids.tracking_uid(made.study, *region) != uids.tracking_uid(other, *region)


def test_a_retrained_model_gives_new_objects_and_is_a_new_device_but_tracks_the_same_tumour() -> None:
    made = make()
    retrained = replace(RECURRENCE, digest="f" * 64)
    section = replace(made.report.models[0], model=retrained)
    other = replace(made.report, models=(section, *made.report.models[1:]))
    assert uids.answer_digest(made.study, made.report) != uids.answer_digest(made.study, other)
    assert uids.model_device_uid(RECURRENCE) != uids.model_device_uid(retrained)


def test_documents_that_name_another_key_are_new_objects_of_the_same_device() -> None:
    made = make()
    digests = [uids.answer_digest(made.study, made.report)]
    for key in ("a" * 64, "b" * 64):
        section = replace(made.report.models[0], model=replace(RECURRENCE, signed_by=key))
        digests.append(uids.answer_digest(made.study, replace(made.report, models=(section, *made.report.models[1:]))))
    assert len(set(digests)) == 3
    assert uids.model_device_uid(RECURRENCE) == uids.model_device_uid(replace(RECURRENCE, signed_by="a" * 64))


def test_roles_regions_and_sequences_have_uids_of_their_own() -> None:
    made = make()
    digest = uids.answer_digest(made.study, made.report)
    found = [make_uid(digest, role) for make_uid in (uids.instance_uid, uids.series_uid) for role in Role]
    found += [uids.tracking_uid(made.study, s, r) for s in Sequence for r in Region]
    found += [uids.product_device_uid(), uids.IMPLEMENTATION_CLASS_UID]
    assert len(set(found)) == len(found)


def test_the_implementation_version_name_fits() -> None:
    assert 0 < len(implementation.implementation_version_name()) <= 16
