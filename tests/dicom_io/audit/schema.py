"""The structure of an audit message, after the schema of PS3.15 §A.5.1: elements, their order, and attributes."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree import ElementTree

_TOKEN = r"\S(.*\S)?"
_CODED = {"csd-code": _TOKEN, "codeSystemName": _TOKEN, "displayName?": _TOKEN, "originalText": _TOKEN}


@dataclass(frozen=True)
class Rule:
    """Attributes (name, with "?" where it may be absent, → pattern), and a pattern of the names of the children."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    children: str = ""
    text: bool = False


RULES: Mapping[str, Rule] = {
    "AuditMessage": Rule(
        children="EventIdentification (ActiveParticipant )+AuditSourceIdentification "
        "(ParticipantObjectIdentification )*"
    ),
    "EventIdentification": Rule(
        {"EventActionCode?": "[CRUDE]", "EventDateTime": ".+", "EventOutcomeIndicator": "0|4|8|12"},
        r"EventID (EventTypeCode )*(EventOutcomeDescription )?",
    ),
    "EventID": Rule(_CODED),
    "EventTypeCode": Rule(_CODED),
    "EventOutcomeDescription": Rule(text=True),
    "ActiveParticipant": Rule(
        {
            "UserID": ".+",
            "AlternativeUserID?": ".*",
            "UserName?": ".*",
            "UserIsRequestor": "true|false",
            "NetworkAccessPointID?": _TOKEN,
            "NetworkAccessPointTypeCode?": "[1-5]",
        },
        r"(RoleIDCode )*(MediaIdentifier )?",
    ),
    "RoleIDCode": Rule(_CODED),
    "AuditSourceIdentification": Rule(
        {"AuditEnterpriseSiteID?": _TOKEN, "AuditSourceID": _TOKEN}, r"(AuditSourceTypeCode )*"
    ),
    "AuditSourceTypeCode": Rule({"csd-code": "[1-9]"}),
    "ParticipantObjectIdentification": Rule(
        {
            "ParticipantObjectID": _TOKEN,
            "ParticipantObjectTypeCode?": "[1-4]",
            "ParticipantObjectTypeCodeRole?": "[1-9]|1[0-9]|2[0-6]",
            "ParticipantObjectDataLifeCycle?": "[1-9]|1[0-5]",
            "ParticipantObjectSensitivity?": _TOKEN,
        },
        r"ParticipantObjectIDTypeCode (ParticipantObjectName |ParticipantObjectQuery )(ParticipantObjectDetail )*"
        r"(ParticipantObjectDescription )*",
    ),
    "ParticipantObjectIDTypeCode": Rule(_CODED),
    "ParticipantObjectName": Rule(text=True),
    "ParticipantObjectDetail": Rule({"type": _TOKEN, "value": "[A-Za-z0-9+/=]+"}),
    "ParticipantObjectDescription": Rule(
        children=r"(MPPS )*(Accession )*(SOPClass )*(ParticipantObjectContainsStudy )?"
    ),
    "SOPClass": Rule({"UID?": r"[0-2](\.(0|[1-9][0-9]*))+", "NumberOfInstances": "[0-9]+"}, r"(Instance )*"),
}


def checked(xml: str) -> ElementTree.Element:
    """A message that keeps to the structure."""
    root = ElementTree.fromstring(xml)
    assert root.tag == "AuditMessage"
    for element in root.iter():
        rule = RULES[element.tag]
        required = {name for name in rule.attributes if not name.endswith("?")}
        patterns = {name.rstrip("?"): pattern for name, pattern in rule.attributes.items()}
        assert required <= set(element.attrib) <= set(patterns), element.tag
        for name, value in element.attrib.items():
            assert re.fullmatch(patterns[name], value), (element.tag, name, value)
        names = "".join(f"{child.tag} " for child in element)
        assert re.fullmatch(rule.children, names), (element.tag, names)
        assert bool(element.text) == rule.text, element.tag
    at = datetime.fromisoformat(root[0].attrib["EventDateTime"])
    assert at.tzinfo is not None, "PS3.15 §A.5.2: the local time zone or UTC is told"
    return root


def codes(root: ElementTree.Element, name: str) -> list[str]:
    """Codes of the elements of a name."""
    return [element.attrib["csd-code"] for element in root.iter(name)]


def objects(root: ElementTree.Element) -> dict[str, list[str]]:
    """Kind of identifier → identifiers of the objects of a message."""
    found: dict[str, list[str]] = {}
    for element in root.iter("ParticipantObjectIdentification"):
        found.setdefault(element[0].attrib["csd-code"], []).append(element.attrib["ParticipantObjectID"])
    return found


def details(root: ElementTree.Element) -> list[str]:
    """Values of the details of the objects."""
    return [base64.b64decode(each.attrib["value"]).decode() for each in root.iter("ParticipantObjectDetail")]
