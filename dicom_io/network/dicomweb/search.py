"""QIDO-RS: studies by number, UID or patient, and the series of a study that are worth fetching.

The same questions as by C-FIND, with the same rules: never without a value to match, and what comes back is compared
again, exactly. A server that answers with something else than was asked is refused and not guessed at: by its answer it
is decided whose images are fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from pydicom.datadict import tag_for_keyword

from dicom_io.errors import BodyNotReadable, PeerRefused
from dicom_io.network.dicomweb.store_response import JSON
from dicom_io.network.dicomweb.web_peer import WebPeer, content, judge_status
from dicom_io.network.find import MOST_MATCHES
from dicom_io.network.find_studies import READ_MODALITIES, SeriesAtPeer, StudyAtPeer, Wanted, is_wanted
from dicom_io.network.instance_header import is_uid

PAGE: Final = 200  # matches that are asked for at a time; a server may give fewer
STUDY_FIELDS: Final = (
    "StudyInstanceUID",
    "AccessionNumber",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
)
SERIES_FIELDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "NumberOfSeriesRelatedInstances")
_NO_CONTENT = 204

Item = Mapping[str, object]


def find_studies(peer: WebPeer, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
    """Studies of a server that are exactly what is wanted, by date and UID.

    An issuer is compared where the server states one: many never match or return it.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        As `listed`; also when a study cannot be told from another: without a UID, or with two descriptions of one UID.
    """
    keys = {
        "StudyInstanceUID": wanted.study_instance_uid,
        "AccessionNumber": wanted.accession_number,
        "PatientID": wanted.patient_id,
        "IssuerOfPatientID": wanted.issuer,
    }
    found: dict[str, StudyAtPeer] = {}
    for item in _matches(peer, "/studies", keys, STUDY_FIELDS, unique="StudyInstanceUID"):
        stated = {keyword: _text(peer, item, keyword) for keyword in STUDY_FIELDS}
        study = StudyAtPeer(
            study_instance_uid=_uid(peer, stated["StudyInstanceUID"]),
            accession_number=stated["AccessionNumber"],
            patient_id=stated["PatientID"],
            issuer=stated["IssuerOfPatientID"],
            birth_date=stated["PatientBirthDate"],
            sex=stated["PatientSex"],
            study_date=stated["StudyDate"],
            modalities=tuple(part for part in stated["ModalitiesInStudy"].split("\\") if part),
            instances=_count(stated["NumberOfStudyRelatedInstances"]),
        )
        if found.setdefault(study.study_instance_uid, study) != study:
            raise PeerRefused(
                f"{peer} lists one Study Instance UID twice, with different patients, numbers or dates; expected one "
                "study for each UID: correct it there."
            )
    kept = [study for study in found.values() if is_wanted(study, wanted)]
    return tuple(sorted(kept, key=lambda study: (study.study_date, study.study_instance_uid)))


def find_series(peer: WebPeer, study_instance_uid: str) -> tuple[SeriesAtPeer, ...]:
    """Series of a study that a study is read from, and those of which the server states no modality.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        As `listed`; also when it lists series of another study, or without a UID.
    """
    found: dict[str, SeriesAtPeer] = {}
    path = f"/studies/{study_instance_uid}/series"
    for item in _matches(peer, path, {}, SERIES_FIELDS, unique="SeriesInstanceUID"):
        stated = {keyword: _text(peer, item, keyword) for keyword in SERIES_FIELDS}
        if stated["StudyInstanceUID"] not in ("", study_instance_uid):
            raise PeerRefused(f"{peer} lists series of another study than was asked for; see its log for the reason.")
        uid, modality = _uid(peer, stated["SeriesInstanceUID"]), stated["Modality"]
        if not modality or modality in READ_MODALITIES:
            found[uid] = SeriesAtPeer(uid, modality, _count(stated["NumberOfSeriesRelatedInstances"]))
    return tuple(found[uid] for uid in sorted(found))


def listed(peer: WebPeer, query: str) -> list[Item]:
    """Items of one answer of QIDO-RS.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        When it does not answer, or not with a list.
    """
    with peer.called("GET", query, accept=JSON) as answer:
        judge_status(answer, peer, what="QIDO-RS")
        if answer.status == _NO_CONTENT:
            return []
        try:
            items = json.loads(content(answer))
        except (BodyNotReadable, ValueError, RecursionError) as error:
            raise PeerRefused(f"{peer} answered QIDO-RS with something that is not {JSON}; expected a list.") from error
    if not isinstance(items, list):
        raise PeerRefused(f"{peer} answered QIDO-RS with something that is no list; expected one.")
    return [item for item in items if isinstance(item, dict)]


def _matches(
    peer: WebPeer, path: str, keys: Mapping[str, str], fields: Sequence[str], *, unique: str
) -> Iterator[Item]:
    """Matches, page by page, until a page holds nothing new.

    A short page is not the last: servers have limits of their own.

    Parameters
    ----------
    unique : attribute by which a match is known
    """
    words = [f"{keyword}={quote(value, safe='')}" for keyword, value in keys.items() if value]
    words += [f"includefield={_tag(keyword)}" for keyword in fields]
    seen: set[str] = set()
    taken = 0
    while page := listed(peer, f"{path}?{'&'.join(words)}&limit={PAGE}&offset={taken}"):
        taken += len(page)
        if taken > MOST_MATCHES:
            raise PeerRefused(
                f"{peer} has more than {MOST_MATCHES} matches for QIDO-RS; expected those of one patient or study: "
                "check that it compares the keys it is given."
            )
        yield from page
        uids = {_text(peer, item, unique) for item in page}
        if uids <= seen:
            if len(page) >= PAGE:
                raise PeerRefused(
                    f"{peer} repeats its first {PAGE} matches for QIDO-RS whatever the offset is; expected the next "
                    "ones: more may be there that it does not list."
                )
            return  # it has no pages, and listed all at once
        seen |= uids


def _tag(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, "keywords of this module are of the dictionary"
    return f"{tag:08X}"


def _text(peer: WebPeer, item: Item, keyword: str) -> str:
    """A value of DICOM JSON as text without its padding; several joined by a backslash; empty where there is none."""
    element = item.get(_tag(keyword), {})
    if isinstance(element, dict) and not {"InlineBinary", "BulkDataURI"} & element.keys():
        values = element.get("Value", [])
        if isinstance(values, list) and all(one is None or isinstance(one, str | int | float) for one in values):
            joined = "\\".join("" if one is None else str(one).strip(" \0") for one in values)
            if joined.isprintable():
                return joined
    raise PeerRefused(
        f"{peer} answered QIDO-RS with a {keyword} that cannot be read; expected texts or numbers as DICOM JSON writes "
        "them (PS3.18 F.2)."
    )


def _uid(peer: WebPeer, uid: str) -> str:
    if not is_uid(uid):
        raise PeerRefused(f"{peer} answered QIDO-RS with a match that has no usable UID; expected digits and dots.")
    return uid


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
