"""Audit messages against the schema and the tables of PS3.15 §A.5. Kind: oracle (the standard) and mechanics."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_io.audit import messages
from dicom_io.audit.messages import AuditedStudy, AuditMessage, Outcome, Participant, Source
from tests.dicom_io.audit.schema import checked, codes, details, objects

AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
SOURCE = Source("RDEEPNET", "Site 1")
MR = "1.2.840.10008.5.1.4.1.1.4"
STUDY = AuditedStudy("1.2.3", {MR: 5, "1.2.840.10008.5.1.4.1.1.66.4": 1}, patient_id="P 1")
US = messages.this_application("RDEEPNET", is_requestor=True, role=messages.SOURCE)
PACS = Participant("PACS", is_requestor=False, role=messages.DESTINATION, title="PACS", address="192.0.2.10")

# EventID, EventTypeCode, EventActionCode, EventOutcomeIndicator, requestors: Tables A.5.3.x-1
ALL: dict[str, tuple[AuditMessage, tuple[str, list[str], str, str, list[str]]]] = {
    "start": (
        messages.application_activity(SOURCE, AT, starts=True),
        ("110100", ["110120"], "E", "0", ["true"]),
    ),
    "stop": (
        messages.application_activity(SOURCE, AT, starts=False),
        ("110100", ["110121"], "E", "0", ["true"]),
    ),
    "begin": (messages.transfer_begins(US, PACS, AT, STUDY), ("110102", [], "E", "0", ["true", "false"])),
    "sent": (messages.instances_transferred(US, PACS, AT, STUDY), ("110104", [], "C", "0", ["true", "false"])),
    "not sent": (
        messages.instances_transferred(US, PACS, AT, STUDY, outcome=Outcome.SERIOUS_FAILURE, sentence="It refused."),
        ("110104", [], "C", "8", ["true", "false"]),
    ),
    "deleted": (
        messages.study_deleted(SOURCE, AT, STUDY, sentence="received images"),
        ("110105", [], "D", "0", ["true"]),
    ),
    "refused": (
        messages.peer_refused(SOURCE, AT, title="EVIL", address="192.0.2.66", sentence="not a sender"),
        ("110113", ["110126"], "E", "4", ["true", "false"]),
    ),
    "signed in": (
        messages.operator_signed(SOURCE, AT, operator="anna", address="::1"),
        ("110114", ["110122"], "E", "0", ["true", "false"]),
    ),
    "not signed in": (
        messages.operator_signed(SOURCE, AT, operator="unknown", address="::1", is_known=False),
        ("110114", ["110122"], "E", "4", ["true", "false"]),
    ),
    "signed out": (
        messages.operator_signed(SOURCE, AT, operator="anna", address="::1", out=True),
        ("110114", ["110123"], "E", "0", ["true", "false"]),
    ),
    "acted": (
        messages.operator_acted(SOURCE, AT, STUDY, operator="anna", what="drop of a study"),
        ("110113", ["110132"], "E", "0", ["false", "true"]),
    ),
    "read": (
        messages.report_read(SOURCE, AT, STUDY, operator="anna", address="host.example"),
        ("110103", [], "R", "0", ["false", "true"]),
    ),
}


@pytest.mark.parametrize("name", ALL)
def test_a_message_is_that_of_the_standard(name: str) -> None:
    message, (event, kinds, action, outcome, requestors) = ALL[name]
    xml = message.as_xml(SOURCE)
    assert "\n" not in xml
    root = checked(xml)
    assert codes(root, "EventID") == [event]
    assert codes(root, "EventTypeCode") == kinds
    assert (root[0].attrib["EventActionCode"], root[0].attrib["EventOutcomeIndicator"]) == (action, outcome)
    assert [each.attrib["UserIsRequestor"] for each in root.iter("ActiveParticipant")] == requestors
    assert root[0].attrib["EventDateTime"] == "2026-01-02T03:04:05.678+00:00"
    (source,) = root.iter("AuditSourceIdentification")
    assert source.attrib == {"AuditEnterpriseSiteID": "Site 1", "AuditSourceID": "RDEEPNET"}


def test_a_transfer_names_both_ends_study_instances_and_patient() -> None:
    root = checked(messages.instances_transferred(US, PACS, AT, STUDY).as_xml(SOURCE))
    assert codes(root, "RoleIDCode") == ["110153", "110152"]
    sender, receiver = root.iter("ActiveParticipant")
    assert sender.attrib["AlternativeUserID"] == "AETITLES=RDEEPNET"
    assert receiver.attrib["AlternativeUserID"] == "AETITLES=PACS"
    assert (receiver.attrib["NetworkAccessPointID"], receiver.attrib["NetworkAccessPointTypeCode"]) == (
        "192.0.2.10",
        "2",
    )
    assert objects(root) == {"110180": ["1.2.3"], "2": ["P 1"]}
    counts = {each.attrib["UID"]: each.attrib["NumberOfInstances"] for each in root.iter("SOPClass")}
    assert counts == {MR: "5", "1.2.840.10008.5.1.4.1.1.66.4": "1"}


def test_without_the_setting_no_patient_is_in_it() -> None:
    root = checked(messages.transfer_begins(US, PACS, AT, AuditedStudy("1.2.3")).as_xml(SOURCE))
    assert objects(root) == {"110180": ["1.2.3"]}


def test_an_alert_says_what_it_is_about() -> None:
    root = checked(ALL["refused"][0].as_xml(SOURCE))
    assert objects(root) == {"110182": ["192.0.2.66"]}
    assert details(root) == ["not a sender"]
    assert [each.text for each in root.iter("EventOutcomeDescription")] == ["not a sender"]


@given(title=st.text(min_size=1, max_size=16), sentence=st.text(min_size=1, max_size=50))
def test_whatever_a_peer_calls_itself_the_message_is_whole(title: str, sentence: str) -> None:
    """A title of control characters, of half a surrogate pair, of markup."""
    message = messages.peer_refused(
        SOURCE,
        AT,
        title=f"T{title}",
        address="192.0.2.1",
        sentence=f"S{sentence}".encode(errors="replace").decode(),
    )
    checked(message.as_xml(SOURCE))
