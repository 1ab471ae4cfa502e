"""DICOM audit messages (PS3.15 §A.5): what happened, who took part in it, and which studies it was about; as XML.

The messages are those of PS3.15 §A.5.3, the XML is that of the schema in §A.5.1. No text of a data set goes into them
but UIDs and, where a site wants it, the Patient ID; never a name.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from xml.etree import ElementTree


class AuditCode(NamedTuple):
    """A coded value: code, coding scheme, meaning."""

    code: str
    scheme: str
    meaning: str


def _dcm(code: str, meaning: str) -> AuditCode:
    return AuditCode(code, "DCM", meaning)


# Events and their types (PS3.16 CID 400 and 401), roles (CID 402), kinds of identifiers (CID 404; RFC 3881 §5.5.4)
APPLICATION_ACTIVITY = _dcm("110100", "Application Activity")
BEGIN_TRANSFERRING = _dcm("110102", "Begin Transferring DICOM Instances")
INSTANCES_ACCESSED = _dcm("110103", "DICOM Instances Accessed")
INSTANCES_TRANSFERRED = _dcm("110104", "DICOM Instances Transferred")
STUDY_DELETED = _dcm("110105", "DICOM Study Deleted")
SECURITY_ALERT = _dcm("110113", "Security Alert")
USER_AUTHENTICATION = _dcm("110114", "User Authentication")
APPLICATION_START = _dcm("110120", "Application Start")
APPLICATION_STOP = _dcm("110121", "Application Stop")
LOGIN = _dcm("110122", "Login")
LOGOUT = _dcm("110123", "Logout")
NODE_AUTHENTICATION = _dcm("110126", "Node Authentication")
RESTRICTED_FUNCTION = _dcm("110132", "Use of Restricted Function")
APPLICATION = _dcm("110150", "Application")
DESTINATION = _dcm("110152", "Destination Role ID")
SOURCE = _dcm("110153", "Source Role ID")
STUDY_UID = _dcm("110180", "Study Instance UID")
NODE_ID = _dcm("110182", "Node ID")
PATIENT_NUMBER = AuditCode("2", "RFC-3881", "Patient Number")

_SERVER_PROCESS = "4"  # of an audit source: application server process
# Characters that XML 1.0 cannot have; a peer may put them into its AE title.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Action(StrEnum):
    """Kind of what was done in an event."""

    CREATE = "C"
    READ = "R"
    DELETE = "D"
    EXECUTE = "E"


class Outcome(StrEnum):
    """Outcome of an event."""

    SUCCESS = "0"
    MINOR_FAILURE = "4"  # it is tried again, or was warded off
    SERIOUS_FAILURE = "8"  # it is not tried again by itself


@dataclass(frozen=True)
class Source:
    """Writer of the messages: our AE title, and the name of the site where it has one."""

    title: str
    site: str = ""


@dataclass(frozen=True)
class Participant:
    """Somebody, or something, that took part.

    Attributes
    ----------
    user : name of an operator, number of a process, or AE title of a peer
    is_requestor : it began what happened
    title : AE title of an application
    address : from where on the network
    """

    user: str
    is_requestor: bool
    role: AuditCode | None = None
    title: str = ""
    address: str = ""


@dataclass(frozen=True)
class AuditedStudy:
    """A study that an event was about.

    Attributes
    ----------
    uid : Study Instance UID
    instances : SOP Class UID → number of instances
    patient_id : "" where it is not to be told
    """

    uid: str
    instances: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    patient_id: str = ""


@dataclass(frozen=True)
class AuditMessage:
    """One audit message.

    Attributes
    ----------
    at : when it happened, with time zone
    kinds : types of the event
    sentence : what an outcome was, or an alert is about; without patient data
    node : address or title of the peer that an alert is about
    """

    event: AuditCode
    action: Action
    at: datetime
    participants: tuple[Participant, ...]
    outcome: Outcome = Outcome.SUCCESS
    kinds: tuple[AuditCode, ...] = ()
    studies: tuple[AuditedStudy, ...] = ()
    sentence: str = ""
    node: str = ""

    def as_xml(self, source: Source) -> str:
        """The message on one line (PS3.15 §A.5.1)."""
        root = ElementTree.Element("AuditMessage")
        event = _sub(
            root,
            "EventIdentification",
            EventActionCode=self.action,
            EventDateTime=self.at.isoformat(timespec="milliseconds"),
            EventOutcomeIndicator=self.outcome,
        )
        _coded(event, "EventID", self.event)
        for kind in self.kinds:
            _coded(event, "EventTypeCode", kind)
        if self.sentence:
            _sub(event, "EventOutcomeDescription").text = _xml_text(self.sentence)
        for participant in self.participants:
            _participant(root, participant)
        written_by = _sub(
            root, "AuditSourceIdentification", AuditEnterpriseSiteID=source.site, AuditSourceID=source.title
        )
        _sub(written_by, "AuditSourceTypeCode", **{"csd-code": _SERVER_PROCESS})
        for study in self.studies:
            _study(root, study)
        for patient_id in dict.fromkeys(study.patient_id for study in self.studies if study.patient_id):
            _object(root, PATIENT_NUMBER, patient_id, kind="1", role="1")
        if self.node:
            subject = _object(root, NODE_ID, self.node, kind="2", role="4")
            value = base64.b64encode(self.sentence.encode()).decode()
            _sub(subject, "ParticipantObjectDetail", type="Alert Description", value=value)
        return ElementTree.tostring(root, encoding="unicode")


def this_application(title: str, *, is_requestor: bool, role: AuditCode | None = None) -> Participant:
    """This process as a participant."""
    return Participant(str(os.getpid()), is_requestor, role, title)


def application_activity(source: Source, at: datetime, *, starts: bool) -> AuditMessage:
    """The service started, or stopped (§A.5.3.1)."""
    participant = this_application(source.title, is_requestor=True, role=APPLICATION)
    kind = APPLICATION_START if starts else APPLICATION_STOP
    return AuditMessage(APPLICATION_ACTIVITY, Action.EXECUTE, at, (participant,), kinds=(kind,))


def transfer_begins(sender: Participant, receiver: Participant, at: datetime, study: AuditedStudy) -> AuditMessage:
    """Instances are about to be sent (§A.5.3.3)."""
    return AuditMessage(BEGIN_TRANSFERRING, Action.EXECUTE, at, (sender, receiver), studies=(study,))


def instances_transferred(
    sender: Participant,
    receiver: Participant,
    at: datetime,
    study: AuditedStudy,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    sentence: str = "",
) -> AuditMessage:
    """Instances were sent, or were not (§A.5.3.7)."""
    return AuditMessage(
        INSTANCES_TRANSFERRED,
        Action.CREATE,
        at,
        (sender, receiver),
        outcome=outcome,
        studies=(study,),
        sentence=sentence,
    )


def study_deleted(source: Source, at: datetime, study: AuditedStudy, *, sentence: str) -> AuditMessage:
    """Files of a study were deleted here (§A.5.3.8)."""
    by = this_application(source.title, is_requestor=True)
    return AuditMessage(STUDY_DELETED, Action.DELETE, at, (by,), studies=(study,), sentence=sentence)


def peer_refused(source: Source, at: datetime, *, title: str, address: str, sentence: str) -> AuditMessage:
    """A peer was turned away: an alert of node authentication that was dealt with (§A.5.3.11)."""
    reporter = this_application(source.title, is_requestor=True)
    peer = Participant(title or address, is_requestor=False, title=title, address=address)
    return AuditMessage(
        SECURITY_ALERT,
        Action.EXECUTE,
        at,
        (reporter, peer),
        outcome=Outcome.MINOR_FAILURE,
        kinds=(NODE_AUTHENTICATION,),
        sentence=sentence,
        node=address,
    )


def operator_signed(
    source: Source, at: datetime, *, operator: str, address: str, out: bool = False, is_known: bool = True
) -> AuditMessage:
    """An operator signed in or out, or somebody tried to (§A.5.3.12)."""
    return AuditMessage(
        USER_AUTHENTICATION,
        Action.EXECUTE,
        at,
        (
            Participant(operator, is_requestor=True, address=address),
            this_application(source.title, is_requestor=False),
        ),
        outcome=Outcome.SUCCESS if is_known else Outcome.MINOR_FAILURE,
        kinds=(LOGOUT if out else LOGIN,),
    )


def operator_acted(source: Source, at: datetime, study: AuditedStudy, *, operator: str, what: str) -> AuditMessage:
    """An operator used a function that is not everybody's: an alert that is information only (§A.5.3.11)."""
    return AuditMessage(
        SECURITY_ALERT,
        Action.EXECUTE,
        at,
        (
            this_application(source.title, is_requestor=False),
            Participant(operator, is_requestor=True),
        ),
        kinds=(RESTRICTED_FUNCTION,),
        studies=(study,),
        sentence=what,
    )


def report_read(source: Source, at: datetime, study: AuditedStudy, *, operator: str, address: str) -> AuditMessage:
    """An operator read the report of a study (§A.5.3.6)."""
    return AuditMessage(
        INSTANCES_ACCESSED,
        Action.READ,
        at,
        (
            this_application(source.title, is_requestor=False),
            Participant(operator, is_requestor=True, address=address),
        ),
        studies=(study,),
    )


def _participant(root: ElementTree.Element, participant: Participant) -> None:
    element = _sub(
        root,
        "ActiveParticipant",
        UserID=participant.user,
        AlternativeUserID=f"AETITLES={participant.title}" if participant.title else "",
        UserIsRequestor="true" if participant.is_requestor else "false",
        NetworkAccessPointID=participant.address,
        NetworkAccessPointTypeCode=_address_kind(participant.address),
    )
    if participant.role is not None:
        _coded(element, "RoleIDCode", participant.role)


def _study(root: ElementTree.Element, study: AuditedStudy) -> None:
    element = _object(root, STUDY_UID, study.uid, kind="2", role="3")
    if study.instances:
        description = _sub(element, "ParticipantObjectDescription")
        for sop_class, count in sorted(study.instances.items()):
            _sub(description, "SOPClass", UID=sop_class, NumberOfInstances=str(count))


def _object(root: ElementTree.Element, id_type: AuditCode, value: str, *, kind: str, role: str) -> ElementTree.Element:
    """An object with its identifier, which is its name, too: the schema wants one, and ours are told without names."""
    element = _sub(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=value,
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    _coded(element, "ParticipantObjectIDTypeCode", id_type)
    _sub(element, "ParticipantObjectName").text = _xml_text(value)
    return element


def _address_kind(address: str) -> str:
    """NetworkAccessPointTypeCode: 2 for an IP address, 1 for the name of a machine, none without an address."""
    if not address:
        return ""
    return "2" if re.fullmatch(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", address) else "1"


def _coded(parent: ElementTree.Element, name: str, code: AuditCode) -> None:
    _sub(
        parent,
        name,
        **{
            "csd-code": code.code,
            "codeSystemName": code.scheme,
            "displayName": code.meaning,
            "originalText": code.meaning,
        },
    )


def _sub(parent: ElementTree.Element, name: str, **attributes: str) -> ElementTree.Element:
    """An element; an empty attribute is left out."""
    given = {key: _xml_text(value) for key, value in attributes.items() if value}
    return ElementTree.SubElement(parent, name, given)


def _xml_text(text: str) -> str:
    return " ".join(_NOT_IN_XML.sub("?", text).split())


def count_of(classes: Iterable[str]) -> dict[str, int]:
    """SOP Class UID → number of instances, from the class of each."""
    counts: dict[str, int] = {}
    for sop_class in classes:
        counts[sop_class] = counts.get(sop_class, 0) + 1
    return counts
