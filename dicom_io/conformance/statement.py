"""The DICOM Conformance Statement (PS3.2 Annex N), written from the code that runs.

SOP classes, roles, transfer syntaxes, statuses, attributes and codes are taken from the modules that use them; only
the sentences between the tables are written here. `dicom_io/CONFORMANCE.md` is this text with the default settings,
and a test holds the two together.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom.presentation import PresentationContext, build_context

from dicom_io.audit import messages, syslog
from dicom_io.audit.messages import AuditCode
from dicom_io.conformance import retrieval
from dicom_io.conformance.annexes import annexes
from dicom_io.conformance.dicomweb import dicomweb
from dicom_io.conformance.markdown import table
from dicom_io.identity import MODEL_NAME
from dicom_io.implementation import IMPLEMENTATION_CLASS_UID, implementation_version_name
from dicom_io.network import (
    accepted_classes,
    bounded_transport,
    find,
    places,
    receive,
    send,
    storage_classes,
    storage_commitment,
    tls,
)
from dicom_io.network.bounded_transport import Bounds
from dicom_io.network.commitment_report import STORAGE_COMMITMENT, EventType, ReportStatus
from dicom_io.network.peer import VERIFICATION, Delivery, delivery_of
from dicom_io.writing.patient_modules import CHARACTER_SET
from dicom_io.writing.required_attributes import KINDS
from models.version import software_version
from reports.language import Language


@dataclass(frozen=True)
class Limits:
    """Settings of a site that the statement names; times in seconds."""

    ae_title: str
    port: int
    bounds: Bounds
    study_idle_s: float
    study_force_after_s: float
    retry_min_s: float
    retry_max_s: float
    timeout_s: float
    commitment_report_s: float
    tls: bool
    peers_need_certificates: bool
    check_names: bool


_STORE_STATUSES = {
    receive.Status.SUCCESS: "it is safe on disk; or it is no input or an object of this product, and not kept",
    receive.Status.PROCESSING_FAILURE: "the disk failed",
    receive.Status.OUT_OF_RESOURCES: "the disk is full; the sender may repeat later",
    receive.Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS: (
        "of an input, SOP Class or Instance UID differ between context, request and data set"
    ),
    receive.Status.CANNOT_UNDERSTAND: "the data set of an input cannot be read, or has no usable Study Instance UID",
}
_REPORT_STATUSES = {
    ReportStatus.SUCCESS: "the report is recorded",
    ReportStatus.PROCESSING_FAILURE: "it could not be recorded; the peer may repeat it",
    ReportStatus.NO_SUCH_EVENT_TYPE: f"Event Type ID is none of {', '.join(str(int(kind)) for kind in EventType)}",
    ReportStatus.INVALID_ARGUMENT_VALUE: "no or unknown Transaction UID, or Event Information that cannot be read",
}
_CONSEQUENCES = {
    Delivery.STORED: "counts as stored",
    Delivery.UNAVAILABLE: "all objects of the study are sent again after the pause",
    Delivery.REFUSED: "not repeated; the study is failed until an operator retries it",
}


def statement(limits: Limits) -> str:
    """The statement in Markdown.

    Parameters
    ----------
    limits : those of a site, or the defaults
    """
    return (
        "\n\n".join(
            [
                *_introduction(),
                *_model(limits),
                *_acceptor(limits),
                *_initiator(limits),
                *_configuration(limits),
                *annexes(),
            ]
        )
        + "\n"
    )


def _introduction() -> Iterable[str]:
    yield "# DICOM Conformance Statement"
    yield "<!-- Written by `make conformance`; do not edit. -->"
    yield (
        f"Product: {MODEL_NAME}, version {software_version()}. Structure: PS3.2 Annex N. "
        "Research software: not a medical device, not for diagnosis."
    )
    yield "## 1 Overview"
    yield (
        "The product receives breast MRI studies (T1-weighted with contrast agent, T2-weighted, a segmentation of the "
        "tumour), computes radiomic features and model outputs, and sends back Segmentations, Structured Reports "
        "(TID 1500) and an Encapsulated PDF in the same study. It can request storage commitment for them."
    )
    rows = [
        ("Verification", *_uid(VERIFICATION), "yes", "yes"),
        *(("Storage, input", *_uid(uid), "no", "yes") for uid in accepted_classes.INPUT_CLASSES if uid not in KINDS),
        *(
            ("Storage, input and result", *_uid(uid), "yes", "yes")
            for uid in accepted_classes.INPUT_CLASSES
            if uid in KINDS
        ),
        *(
            ("Storage, result", *_uid(UID(uid)), "yes", "yes, acknowledged and not kept")
            for uid in KINDS
            if uid not in accepted_classes.INPUT_CLASSES
        ),
        ("Storage, every other class", "see 2.2.2", "see 2.2.2", "no", "yes, acknowledged and not kept"),
        ("Storage Commitment", *_uid(STORAGE_COMMITMENT), "yes", "no"),
        ("Query, where an archive is configured", *_uid(UID(find.STUDY_ROOT_FIND)), "yes", "no"),
        *retrieval.overview(),
    ]
    yield table(("Service", "SOP Class", "UID", "SCU", "SCP"), rows)
    yield (
        "Not supported: Modality Worklist, MPPS, Instance Availability, Print, Media Interchange. For DICOMweb see 2.5."
    )


def _model(limits: Limits) -> Iterable[str]:
    yield "## 2 Networking"
    yield "### 2.1 Implementation model"
    yield (
        "```\n"
        "peer ──C-STORE──▶ RECEIVER ──▶ inbox ──▶ computation ──▶ outbox ──▶ SENDER ──C-STORE──▶ peer\n"
        "                     ▲                                                │\n"
        "                     └───────N-EVENT-REPORT────── peer ◀──N-ACTION────┘\n"
        "```"
    )
    yield (
        f"Both application entities have the AE title `{limits.ae_title}` unless configured otherwise. RECEIVER "
        "answers Success only after the instance has been written and synchronised to disk. A study is complete when "
        f"nothing of it arrived for {limits.study_idle_s:g} s and no association that carried it is open, or "
        f"{limits.study_force_after_s:g} s after its first new instance. A later instance causes the study to be "
        "answered again. SENDER delivers to every configured destination, then requests storage commitment where "
        "the destination is configured for it (default)."
    )
    yield (
        "Results have UIDs derived from study, content, models and software: repeating a study repeats no instance. "
        "Instances of this product that a peer sends back are acknowledged and ignored."
    )


def _acceptor(limits: Limits) -> Iterable[str]:
    yield "### 2.2 RECEIVER"
    yield "#### 2.2.1 Association policies"
    yield table(
        ("Policy", "Value"),
        [
            ("Application Context Name", "1.2.840.10008.3.1.1.1"),
            *_identity(),
            ("Maximum PDU received", f"{bounded_transport.MAXIMUM_PDU} bytes"),
            (
                "Associations at the same time",
                f"{limits.bounds.associations}, of one address {limits.bounds.associations_per_address} (configurable)",
            ),
            ("Further associations, for Verification only", str(places.ECHO_PLACES)),
            (
                "Connections at the same time",
                f"{limits.bounds.connections}, of one address {limits.bounds.connections_per_address} (configurable)",
            ),
            ("Asynchronous operations", "not supported (one operation at a time)"),
            ("Longest wait for the whole A-ASSOCIATE-RQ", f"{limits.bounds.request_s:g} s (configurable)"),
            ("Largest A-ASSOCIATE-RQ", f"{limits.bounds.request_bytes // 1024} KiB"),
            (
                "Silent association is aborted after",
                f"{limits.bounds.idle_s:g} s (configurable), as is one that takes longer for one PDU",
            ),
            ("Largest object; a larger one is aborted", f"{limits.bounds.object_bytes // 1024**2} MiB (configurable)"),
            ("Extended negotiation", "none but SCP/SCU role selection for Storage Commitment"),
        ],
    )
    yield (
        "An association is rejected (rejected-permanent, calling-AE-title-not-recognized) when calling AE title and "
        "address are not configured as sender or destination, and (called-AE-title-not-recognized) when it calls "
        "another AE title. Above the limit of associations it is rejected-transient (local-limit-exceeded). "
        "A destination that is not a sender is offered Verification and Storage Commitment only."
    )
    yield "#### 2.2.2 Presentation contexts accepted"
    inputs = [build_context(uid, list(accepted_classes.TRANSFER_SYNTAXES)) for uid in accepted_classes.INPUT_CLASSES]
    yield _contexts([*receive.supported_contexts(), *inputs], role="SCP")
    yield ("Of the transfer syntaxes a peer proposes, the first in this list is accepted; all of them are decoded:")
    yield table(("Transfer syntax", "UID"), [_uid(UID(syntax)) for syntax in accepted_classes.TRANSFER_SYNTAXES])
    yield (
        "A peer that proposes none of these for an input class is accepted with what it proposes; its objects are "
        "kept, and a study that needs them is refused."
    )
    yield (
        "Instances of every other storage class are accepted in every transfer syntax, acknowledged with 0x0000 and "
        "not kept, since a peer that meets a refusal may give up the whole study. They make no study and have none "
        "answered again; `rdeepnet show` counts them by class. So are private classes, retired ones and those of "
        "newer editions (asked for another service than C-STORE, the association is aborted); of the current standard:"
    )
    yield table(("SOP Class", "UID"), [_uid(uid) for uid in storage_classes.other_classes()])
    yield "#### 2.2.3 Statuses of C-STORE"
    yield (
        "Storage is Level 2 (full): every attribute, standard and private, is kept as received. "
        "Nothing is coerced. Received images are deleted after a configurable time."
    )
    yield table(
        ("Status", "Name", "When"),
        [(f"0x{status:04X}", _name(status), _STORE_STATUSES[status]) for status in receive.Status],
    )
    yield "C-ECHO is answered with 0x0000."
    yield "#### 2.2.4 N-EVENT-REPORT of Storage Commitment"
    yield (
        "Reports are accepted on associations that the peer opens, with SCP role proposed by role selection; a peer "
        "that proposes no roles is accepted too. The report of every request counts, also of one that was repeated."
    )
    yield table(("Event Type ID", "Meaning"), [(str(int(kind)), _name(kind)) for kind in EventType])
    yield table(
        ("Status", "Name", "When"),
        [(f"0x{status:04X}", _name(status), _REPORT_STATUSES[status]) for status in ReportStatus],
    )


def _initiator(limits: Limits) -> Iterable[str]:
    yield "### 2.3 SENDER"
    yield "#### 2.3.1 Association policies"
    yield table(
        ("Policy", "Value"),
        [
            ("Application Context Name", "1.2.840.10008.3.1.1.1"),
            *_identity(),
            ("Maximum PDU received", f"{bounded_transport.MAXIMUM_PDU} bytes"),
            ("Associations at the same time", "one for each destination"),
            ("Asynchronous operations", "not supported (one operation at a time)"),
            ("Longest wait for a connection or an answer", f"{limits.timeout_s:g} s (configurable)"),
            ("Pause before a repetition", f"{limits.retry_min_s:g} s, doubling to {limits.retry_max_s:g} s"),
            ("Number of repetitions", "not limited"),
        ],
    )
    yield "#### 2.3.2 Presentation contexts proposed"
    yield "For delivery, one context per SOP class of the study's results:"
    plain = send.offered_syntaxes(ExplicitVRLittleEndian)
    yield table(
        ("SOP Class", "UID", "Transfer syntaxes", "Role"),
        [(*_uid(UID(uid)), ", ".join(UID(syntax).name for syntax in plain), "SCU") for uid in KINDS],
    )
    yield "For storage commitment (no role selection; a report on the same association is accepted):"
    yield _contexts(storage_commitment.proposed_contexts(), role="SCU")
    yield "For Verification (`rdeepnet doctor`): the Verification SOP Class alone, as SCU."
    yield "#### 2.3.3 C-STORE"
    yield (
        "Segmentations are sent before the reports that refer to them, then the PDF, then the "
        "key images (Secondary Capture) where they are configured, all on one association. A "
        "rejection note (Key Object Selection) for the objects of an answer that was replaced comes last, where it is "
        "configured. A study that is not processed gives one Secondary Capture that says why, for the reasons that are "
        "configured. Where it is configured, a study with strokes in place of its tumour gives a draft Segmentation, a "
        "Key Object Selection that names it for review, and its contact sheet as PDF; the answer to a draft that a "
        "person accepted begins with the final Segmentation. Every object passes the product's own conformance check "
        "before anything is sent. Statuses of the peer:"
    )
    yield table(("Status", "Behaviour"), [(codes, _CONSEQUENCES[what]) for codes, what in _judgements()])
    yield (
        "No answer, an abort, a rejected association (permanent or transient), or a connection that is not established "
        "counts as temporary. A SOP class that is not accepted is not repeated."
    )
    yield "#### 2.3.4 N-ACTION of Storage Commitment"
    yield table(
        ("Item", "Value"),
        [
            ("Action Type ID", str(storage_commitment.REQUEST_COMMITMENT)),
            ("Transaction UID", "new for every request"),
            ("Referenced SOP Sequence", "every instance of one study's results sent to this destination"),
            ("Storage Media File-Set", "not used"),
            ("Requests on one association", "one at first, more where the peer reports on associations of its own"),
            ("Association stays open for a report", f"{storage_commitment.STAY_S:g} s"),
            (
                "Repetition without a report",
                f"after {limits.commitment_report_s:g} s (configurable), the pause doubling to a day",
            ),
            ("0x0000", "a report is awaited"),
            (
                _listed(storage_commitment.TRANSIENT),
                f"repeated after {limits.retry_max_s:g} s; once at once, where it was not the first on the association",
            ),
            (_listed(storage_commitment.UNSUPPORTED), "recorded as not offered, not repeated"),
            ("any other status", "recorded as failed, not repeated"),
        ],
    )
    yield (
        "Instances reported as failed are shown to the operator with their Failure Reason; sending them again is the "
        "operator's decision. The state of a study does not depend on commitment."
    )
    yield "#### 2.3.5 C-FIND"
    yield (
        "Where an archive is configured, it is asked once before a study is answered (study root, level SERIES), on an "
        "association of its own. Fewer images received than the archive holds: the study is refused until the others "
        "arrive. No answer, a failure, or no count: the study is answered without this check."
    )
    yield table(("Attribute", "Use"), [(keyword, use) for keyword, use in find.KEYS.items()])
    yield from retrieval.section()


def _configuration(limits: Limits) -> Iterable[str]:
    yield "### 2.4 Network interfaces and configuration"
    yield (
        "TCP/IP, IPv4 and IPv6, as the operating system offers it. All parameters are in one configuration file; "
        "`rdeepnet config conformance` writes this statement with the values of a site."
    )
    yield table(
        ("Parameter", "Value here"),
        [
            ("AE title of RECEIVER and SENDER", f"`{limits.ae_title}`"),
            ("Port of RECEIVER", str(limits.port)),
            ("Senders: AE title, addresses", "list; unknown peers are refused unless this is switched off"),
            ("Destinations: AE title, host, port, objects, storage commitment", "list"),
        ],
    )
    yield from dicomweb()
    yield "## 3 Media interchange"
    yield "Not supported."
    yield "## 4 Character sets"
    yield (
        f"Objects of this product are {CHARACTER_SET} (UTF-8) whatever the source is. All character sets of PS3.3 "
        "C.12.1.1.2 that pydicom decodes are read, among them ISO 8859 parts 1 to 9, 11, 13 and 15, ISO 2022 IR 13, "
        "87, "
        "149, 159 and 58, GB18030, GBK and UTF-8. A character set that does not fit the texts becomes a quality note "
        "of the report."
    )
    tags = ", ".join(f"{language.tag} ({language.in_english})" for language in Language)
    yield (
        "Sentences of Structured Report, Encapsulated PDF, notice and the note about a draft are in the language that "
        f"is configured: {tags}. The Structured Report names it (TID 1204, RFC 5646; en-US for English). Code "
        "meanings, tracking identifiers, Series Descriptions and Image Comments are English. An object in another "
        "language is another instance."
    )
    yield "## 5 Security"
    yield (
        "Secure Transport Connection Profile: BCP 195 RFC 8996, 9325 TLS (PS3.15 B.12), on both application entities, "
        "where certificates are configured. Then every connection is secured unless its peer is configured as plain; "
        "there is no upgrade from plain to TLS on one connection. Port 2762 is registered for it."
    )
    yield table(
        ("Item", "Value"),
        [
            ("Configured here", _yes(limits.tls)),
            ("Protocol", f"{_version(tls.LOWEST)} or newer; no renegotiation, no compression, no session tickets"),
            ("Cipher suites of TLS 1.2", ", ".join(tls.SUITES)),
            ("Cipher suites of TLS 1.3", "those of the OpenSSL the product runs with"),
            (
                "Peers that call RECEIVER must present a certificate",
                f"{_yes(limits.peers_need_certificates)} (configurable)",
            ),
            ("Certificates are accepted from", "the authorities in one file; revocation lists are not checked"),
            (
                "Certificates of peers that SENDER calls must name the host or address",
                f"{_yes(limits.check_names)} (configurable)",
            ),
            ("Longest wait for the handshake", f"{tls.HANDSHAKE_S:g} s"),
            ("Key management", "PEM files made outside the product; renewed files are picked up without a restart"),
        ],
    )
    yield (
        "Without TLS the connection is not encrypted and peers are known by AE title and address only: use a protected "
        "network. User identity negotiation, digital signatures, de-identification by the service: not supported. "
        "Objects that `rdeepnet run --pseudonymise` writes to files are de-identified (Basic Application "
        "Confidentiality Profile with the options Clean Descriptors, Retain Patient Characteristics and, where dates "
        "are kept, Retain Longitudinal Temporal Information with Modified Dates). "
        "Files and records are readable by the service's user only; logs name studies by UID and never a patient."
    )
    yield "### 5.1 Audit trail"
    yield (
        "Audit Trail Message Format Profile (PS3.15 A.5), where a file or a syslog server is configured; Audit Trail "
        "Message Transmission Profiles SYSLOG-TLS (A.6) and SYSLOG-UDP (A.7), and plain TCP. PRI is 85, MSGID is "
        f"`{syslog.MESSAGE_ID}`. Differences from A.5.3: the patient is named by Patient ID, and only where this is "
        "configured; ParticipantObjectName repeats the identifier."
    )
    yield table(
        ("EventID", "EventTypeCode", "EventActionCode", "Sent when"),
        [
            (_coded(messages.APPLICATION_ACTIVITY), _coded(messages.APPLICATION_START), "E", "the service has started"),
            (_coded(messages.APPLICATION_ACTIVITY), _coded(messages.APPLICATION_STOP), "E", "the service stops"),
            (_coded(messages.BEGIN_TRANSFERRING), "", "E", "before SENDER sends results to a destination"),
            (
                _coded(messages.INSTANCES_TRANSFERRED),
                "",
                "C",
                "an association that stored instances ends, one for each study; SENDER has sent results, or failed to",
            ),
            (_coded(messages.INSTANCES_ACCESSED), "", "R", "an operator reads the report on the page"),
            (_coded(messages.STUDY_DELETED), "", "D", "received images, or results, are deleted because of their age"),
            (
                _coded(messages.SECURITY_ALERT),
                _coded(messages.NODE_AUTHENTICATION),
                "E",
                "an association is refused; TLS is not agreed",
            ),
            (_coded(messages.SECURITY_ALERT), _coded(messages.RESTRICTED_FUNCTION), "E", "an operator acts on a study"),
            (
                _coded(messages.USER_AUTHENTICATION),
                f"{_coded(messages.LOGIN)}; {_coded(messages.LOGOUT)}",
                "E",
                "an operator signs in to the page, or fails to; signs out",
            ),
        ],
    )


def _coded(code: AuditCode) -> str:
    return f"({code.code}, {code.scheme}, {code.meaning})"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _version(version: ssl.TLSVersion) -> str:
    return version.name.replace("TLSv", "TLS ").replace("_", ".")


def _identity() -> list[tuple[str, str]]:
    return [
        ("Implementation Class UID", IMPLEMENTATION_CLASS_UID),
        ("Implementation Version Name", f"`{implementation_version_name()}`"),
    ]


def _uid(uid: str) -> tuple[str, str]:
    return storage_classes.class_name(uid), str(uid)


def _name(member: receive.Status | ReportStatus | EventType) -> str:
    return member.name.replace("_", " ").capitalize()


def _listed(codes: Sequence[int]) -> str:
    return ", ".join(f"0x{code:04X}" for code in codes)


def _contexts(contexts: Iterable[PresentationContext], *, role: str) -> str:
    """Contexts as a table; the long list of transfer syntaxes by name only."""
    rows = []
    for context in contexts:
        uid = UID(context.abstract_syntax or "")
        syntaxes = [UID(syntax) for syntax in context.transfer_syntax or ()]
        is_whole = len(syntaxes) == len(accepted_classes.TRANSFER_SYNTAXES)
        shown = "all of the next table" if is_whole else ", ".join(syntax.name for syntax in syntaxes)
        ours = role if context.scp_role is None else "SCU (the peer is SCP, by role selection)"
        rows.append((*_uid(uid), shown, ours))
    return table(("SOP Class", "UID", "Transfer syntaxes", "Our role"), rows)


def _judgements() -> Iterable[tuple[str, Delivery]]:
    """Every C-STORE status, in ranges, with its meaning for the sender, taken from the code that decides."""
    for what, group in groupby(range(0x10000), key=delivery_of):
        codes = list(group)
        ends = (codes[0], codes[-1])
        yield " – ".join(f"0x{code:04X}" for code in dict.fromkeys(ends)), what
