"""STOW-RS as a way to send results, beside C-STORE: the same results for each object, the same errors.

A status alone says little: Orthanc answers 400 although the first object was stored, others 200 although the body lists
failures. So the body is read at every status, and an object is stored exactly when it is listed as stored. Where a
server answers success and lists nothing we can read, it is asked (QIDO-RS) whether it has the object.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path

from dicom_io.errors import BodyNotReadable, PeerUnavailable
from dicom_io.network.dicomweb.multipart import MultipartFiles
from dicom_io.network.dicomweb.store_response import JSON, Instance, StoreResponse, read_store_response
from dicom_io.network.dicomweb.web_peer import WebPeer, content, in_words, judge_status, raise_for
from dicom_io.network.file_meta import file_meta
from dicom_io.network.instance_header import arrived_header
from dicom_io.network.peer import Delivery, Sent, delivery_of

_OK, _NO_CONTENT, _MULTIPLE_CHOICES = 200, 204, 300


def answers(peer: WebPeer) -> None:
    """Asks a server for one study, to see that it is there and lets us in.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        As `web_peer.raise_for`; a server without QIDO-RS (501, 405, 400) answers, too.
    """
    with peer.called("GET", "/studies?limit=1", accept=JSON) as answer:
        if answer.status not in (400, 405, 406, 501):
            judge_status(answer, peer, what="QIDO-RS")


def store(files: Sequence[Path], peer: WebPeer) -> tuple[Sent, ...]:
    """Sends DICOM files of one study in one request; a repetition creates no duplicate.

    Returns
    -------
    One result for each file. Nothing here is repeated.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        When the answer says nothing of any object: as `web_peer.raise_for`, or when there is none.
    OSError
        When a file cannot be read.
    """
    uids = [_identity(file) for file in files]
    body = MultipartFiles(files)
    headers = {"Content-Type": body.content_type, "Content-Length": str(body.length)}
    with peer.called("POST", "/studies", accept=JSON, headers=headers, body=body) as answer:
        status = answer.status
        try:
            said = read_store_response(content(answer))
        except BodyNotReadable as error:
            raise PeerUnavailable(f"{peer} answered STOW-RS with {in_words(status)}: {error}") from error
        is_success = _OK <= status < _MULTIPLE_CHOICES
        if not is_success and not said.referenced and not said.failed and not said.others:
            raise_for(status, peer, what="STOW-RS")
    return tuple(_sent(study_uid, uid, said, status, peer) for study_uid, uid in uids)


def has_instance(peer: WebPeer, *, study_uid: str, sop_instance_uid: str) -> bool:
    """Returns whether a server lists an instance (QIDO-RS); False, too, where it does not say.

    Raises
    ------
    PeerUnavailable
        When it does not answer.
    """
    path = f"/studies/{study_uid}/instances?SOPInstanceUID={sop_instance_uid}"
    with peer.called("GET", path, accept=JSON) as answer:
        if answer.status != _OK:
            return False
        try:
            found = json.loads(content(answer))
        except (BodyNotReadable, ValueError):
            return False
    # An archive that ignores the key lists every instance of the study.
    listed = [one.get("00080018") for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return any(isinstance(element, dict) and element.get("Value") == [sop_instance_uid] for element in listed)


def _identity(file: Path) -> tuple[str, str]:
    """Study and SOP Instance UID of a file of ours."""
    with file.open("rb") as opened:
        content = mmap(opened.fileno(), 0, access=ACCESS_READ)
        meta = file_meta(content)
        header = arrived_header(memoryview(content)[meta.dataset_start :], meta.transfer_syntax_uid)
    return header.study_instance_uid, header.sop_instance_uid


def _sent(study_uid: str, uid: str, said: StoreResponse, status: int, peer: WebPeer) -> Sent:
    """Result for one object; where one is listed as stored and as failed, the failure counts."""
    if (failed := _of(said.failed, uid)) is not None:
        return _failed(failed, peer)
    if (stored := _of(said.referenced, uid)) is not None:
        noted = "" if not stored.reason else f"{peer} stored it with Warning Reason 0x{stored.reason:04X}"
        return Sent(uid, Delivery.STORED, noted)
    if _OK <= status < _MULTIPLE_CHOICES and has_instance(peer, study_uid=study_uid, sop_instance_uid=uid):
        return Sent(uid, Delivery.STORED, f"{peer} did not list it as stored, and has it")
    return Sent(uid, Delivery.UNAVAILABLE, f"{peer} answered {in_words(status)} and does not say that it stored it")


def _of(instances: Sequence[Instance], uid: str) -> Instance | None:
    return next((one for one in instances if one.sop_instance_uid == uid), None)


def _failed(failed: Instance, peer: WebPeer) -> Sent:
    if failed.reason is None:
        return Sent(failed.sop_instance_uid, Delivery.UNAVAILABLE, f"{peer} did not store it and gave no reason")
    delivery = delivery_of(failed.reason)
    reason = f"Failure Reason 0x{failed.reason:04X}"
    if delivery is Delivery.STORED:  # a duplicate: it is there already
        return Sent(failed.sop_instance_uid, delivery, f"{peer} had it already ({reason})")
    if delivery is Delivery.UNAVAILABLE:
        return Sent(failed.sop_instance_uid, delivery, f"{peer} did not store it now ({reason})")
    return Sent(
        failed.sop_instance_uid, delivery, f"{peer} does not store it ({reason}): see its log, or leave it out of send"
    )
