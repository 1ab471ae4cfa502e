"""A FHIR R4 transaction as a way to send results, beside C-STORE and STOW-RS: the same results, the same errors.

The bundle holds conditional updates only (`PUT Observation?identifier=…`), so sending it again changes nothing. A
transaction is done as a whole or not at all, so there is one result. A success is believed only where the answer is a
transaction response for every entry: a proxy that shows a login page answers 200 as well.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from dicom_io.errors import BodyNotReadable, PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.dicomweb.web_peer import Answer, WebPeer, content, in_words, raise_for
from dicom_io.network.peer import Delivery, Sent
from models.number_words import counted

NOUN: Final = "FHIR server"
JSON: Final = "application/fhir+json"
_WHAT = "the transaction"
_CODE = re.compile(r"[a-z][a-z-]{0,40}")  # of an issue (IssueType); its other texts may quote the patient
_MOST_CODES = 3


def send_bundle(file: Path, peer: WebPeer) -> Sent:
    """Posts a transaction bundle; a repetition changes nothing.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        When the server did not do it: what may pass, what an operator changes, and everything else.
    OSError
        When the file cannot be read.
    """
    body = file.read_bytes()
    entries = len(json.loads(body)["entry"])
    headers = {"Content-Type": JSON, "Content-Length": str(len(body)), "Prefer": "return=minimal"}
    with peer.called("POST", "", accept=JSON, headers=headers, body=(body,)) as answer:
        said = _said(answer, peer)
        status = answer.status
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            _raise_for(status, said, peer)
    done = _done(said)
    if done != entries:
        raise PeerUnavailable(
            f"{peer} answered {_WHAT} with {in_words(status)} and confirms {done} of "
            f"{counted(entries, 'entry', 'entries')}; expected a transaction-response: check that the address is the "
            "base of a FHIR R4 server."
        )
    return Sent("", Delivery.STORED, "")


def answers(peer: WebPeer) -> None:
    """Asks a server for its CapabilityStatement, to see that it is there and speaks R4.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        When it does not answer, does not let us in, or is no FHIR server of R4.
    """
    with peer.called("GET", "/metadata", accept=JSON) as answer:
        said = _said(answer, peer)
        status = answer.status
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            _raise_for(status, said, peer)
    version = str(said.get("fhirVersion", ""))
    if said.get("resourceType") != "CapabilityStatement" or not version.startswith("4.0"):
        found = f"FHIR {version[:12]}" if re.fullmatch(r"[0-9.]{1,12}", version) else "no CapabilityStatement of R4"
        raise PeerRejected(f"{peer} speaks {found}; expected FHIR R4 (4.0.1): correct the address.")


def _said(answer: Answer, peer: WebPeer) -> dict[str, Any]:
    """Body of an answer as JSON; empty where it is none."""
    try:
        said = json.loads(content(answer) or b"{}")
    except BodyNotReadable as error:
        raise PeerUnavailable(f"{peer} answered {_WHAT} with {in_words(answer.status)}: {error}") from error
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _done(said: dict[str, Any]) -> int:
    """Number of entries that a transaction response says were done."""
    if said.get("resourceType") != "Bundle" or said.get("type") != "transaction-response":
        return 0
    entries = said.get("entry")
    responses = [one.get("response") for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    return sum(isinstance(one, dict) and str(one.get("status", "")).startswith("2") for one in responses)


def _raise_for(status: int, said: dict[str, Any], peer: WebPeer) -> None:
    """Raises the error of a status, with the codes of the OperationOutcome."""
    codes = _codes(said)
    listed = f" ({', '.join(codes)})" if codes else ""
    stated = f"{peer} answered {_WHAT} with {in_words(status)}{listed}"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        raise PeerRejected(f"{stated}; expected the base of a FHIR R4 server that takes transactions: correct it.")
    if status in (HTTPStatus.CONFLICT, HTTPStatus.LOCKED):
        raise PeerUnavailable(f"{stated}; it will be repeated.")
    if status == HTTPStatus.PRECONDITION_FAILED:
        raise PeerRefused(
            f"{stated}: several resources there have one identifier of ours; expected one at most: remove the others."
        )
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        raise PeerRefused(
            f"{stated}; expected it to take the resources as the page on FHIR lists them: see its log for the rule "
            "that they break."
        )
    raise_for(status, peer, what=_WHAT)


def _codes(said: dict[str, Any]) -> list[str]:
    """Codes of the issues of an OperationOutcome, each once."""
    issues = said.get("issue") if said.get("resourceType") == "OperationOutcome" else None
    codes = [str(one.get("code", "")) for one in issues if isinstance(one, dict)] if isinstance(issues, list) else []
    return [code for code in dict.fromkeys(codes) if _CODE.fullmatch(code)][:_MOST_CODES]
