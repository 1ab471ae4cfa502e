"""Studies fetched by hand: looked for at the archive of the settings, then sent to our port or brought into a folder.

A `Source` is where studies come from; C-MOVE and C-GET are two, DICOMweb (`web_fetch`) is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from appliance.settings import Settings
from appliance.state.homes import open_files
from appliance.transport import client_tls
from dicom_io.errors import PeerRefused
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.find_studies import SeriesAtPeer, StudyAtPeer, Wanted, find_series, find_studies
from dicom_io.network.instance_header import is_uid
from dicom_io.network.peer import Peer
from dicom_io.network.retrieve import FetchedObject, Sent, get_study, move_study
from models.errors import SetupError
from models.files import make_output_folder, write_whole
from models.number_words import counted

_LONGEST_NUMBER = 16  # characters of an Accession Number (VR SH); a UID of a real study is longer
HAND_MESSAGES = range(1, 0x8000)  # Message IDs of what a person fetches; those of priors are above


@dataclass(frozen=True)
class Fetched:
    """One study that was fetched.

    Attributes
    ----------
    sent : what the archive says it sent
    arrived : objects of the study that are here now, of those that studies are read from; None where nobody can count
    """

    study: StudyAtPeer
    sent: Sent
    arrived: int | None = None

    @property
    def is_whole(self) -> bool:
        """Returns whether all that the archive has is here."""
        return self.sent.is_whole and self.arrived != 0


class Source(Protocol):
    """A place that studies are fetched from."""

    def studies(self, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
        """Studies there that are exactly what is wanted."""

    def fetch(self, study: StudyAtPeer) -> Fetched:
        """Fetches one of them."""


@dataclass(frozen=True)
class ToOurPort:
    """C-MOVE: the archive sends to the service, which answers the study as any other.

    Attributes
    ----------
    peer : for questions
    patience_s : longest silence while the archive sends
    """

    peer: Peer
    patience_s: float
    settings: Settings

    def studies(self, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
        """Studies of the archive."""
        return find_studies(self.peer, wanted)

    def fetch(self, study: StudyAtPeer) -> Fetched:
        """Has it sent to our AE title; what is in the inbox afterwards is counted."""
        series = worth_fetching(self.peer, study)
        sent = move_study(
            replace(self.peer, timeout_s=self.patience_s),
            study.study_instance_uid,
            series,
            destination=self.settings.service.ae_title,
            message_id=HAND_MESSAGES[0],
        )
        files = open_files(self.settings)
        try:
            arrived = len(files.inbox.content(study.study_instance_uid).instances)
        finally:
            files.close()
        return Fetched(study, sent, arrived)


@dataclass(frozen=True)
class IntoFolder:
    """C-GET: the objects come on our own association and are files of a folder, one below it for each study."""

    peer: Peer
    patience_s: float
    folder: Path

    def studies(self, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
        """Studies of the archive."""
        return find_studies(self.peer, wanted)

    def fetch(self, study: StudyAtPeer) -> Fetched:
        """Brings it; a file that is there is replaced."""
        folder = self.folder / study.study_instance_uid
        make_output_folder(folder)
        written = set[str]()

        def store(one: FetchedObject) -> None:
            write_whole(folder / f"{one.sop_instance_uid}.dcm", (one.meta, one.dataset))
            written.add(one.sop_instance_uid)

        series = worth_fetching(self.peer, study)
        sent = get_study(
            replace(self.peer, timeout_s=self.patience_s), study.study_instance_uid, series, store=store, folder=folder
        )
        return Fetched(study, sent, len(written))


def worth_fetching(peer: Peer, study: StudyAtPeer) -> tuple[SeriesAtPeer, ...]:
    """Series of a study that a study is read from.

    Raises
    ------
    PeerRefused
        When there are none.
    """
    return not_none(find_series(peer, study.study_instance_uid), peer)


def not_none(series: tuple[SeriesAtPeer, ...], peer: Peer | WebPeer) -> tuple[SeriesAtPeer, ...]:
    """Series that a peer lists; raises `PeerRefused` when there are none."""
    if not series:
        raise PeerRefused(
            f"{peer} has no series of this study with images or outlines; expected Modality MR, SEG or RTSTRUCT: check "
            "the study there."
        )
    return series


def source_of(settings: Settings, *, out: Path | None) -> Source:
    """The archive of the settings: by C-GET where there is a folder, else by C-MOVE.

    Raises
    ------
    SetupError
        When no archive is configured, or it may not store to us.
    """
    archive = settings.archive
    if not archive.host:
        raise SetupError(
            "[archive] names no host, so there is nowhere to fetch from; expected the address, port and AE title of "
            "the PACS: set them in the configuration file and name it with --config."
        )
    peer = Peer(
        archive.ae_title,
        archive.host,
        archive.port,
        calling_title=settings.service.ae_title,
        timeout_s=archive.timeout_s,
        tls=client_tls(settings, plain=archive.plain),
    )
    if out is not None:
        return IntoFolder(peer, archive.retrieve_timeout_s, out)
    require_sender(settings)
    return ToOurPort(peer, archive.retrieve_timeout_s, settings)


def require_sender(settings: Settings) -> None:
    """Checks that our port takes what the archive sends.

    Raises
    ------
    SetupError
        When it would be refused.
    """
    title = settings.archive.ae_title
    if settings.service.accept_unknown_senders or title in {sender.ae_title for sender in settings.senders}:
        return
    raise SetupError(
        f"The archive {title} is not among the senders, so our port would refuse what it sends; expected it in "
        "[[senders]]: add it there and start the service again, or fetch into a folder with --out."
    )


def wanted_by(text: str, *, patient: str, issuer: str) -> tuple[Wanted, ...]:
    """Ways to look for a study, in this order: a text may be an accession number or a Study Instance UID.

    Raises
    ------
    PeerRefused
        When it would match others besides.
    """
    if not text:
        return (Wanted(patient_id=patient, issuer=issuer),)
    found = []
    if len(text) <= _LONGEST_NUMBER:
        found.append(Wanted(accession_number=text, patient_id=patient, issuer=issuer))
    if is_uid(text) and "." in text:
        found.append(Wanted(study_instance_uid=text, patient_id=patient, issuer=issuer))
    if not found:
        raise PeerRefused(
            "What to fetch is neither an accession number (16 characters at most) nor a Study Instance UID (digits and "
            "dots); check it, or use --patient."
        )
    return tuple(found)


def look_for(source: Source, wanted: Sequence[Wanted]) -> tuple[StudyAtPeer, ...]:
    """Studies by the first of several ways to look for them that has any."""
    for one in wanted:
        if studies := source.studies(one):
            return studies
    return ()


def of_one_patient(studies: Sequence[StudyAtPeer]) -> str:
    """Empty where studies can all be of one patient; else why not, as a whole sentence.

    The archive's identifiers decide, with birth date and sex where they are stated; an issuer that only some studies
    have is a doubt as well.
    """
    stated = {
        "Patient IDs": {study.patient_id for study in studies},
        "issuers of the Patient ID": {study.issuer for study in studies},
        "birth dates": {study.birth_date for study in studies} - {""},
        "sexes": {study.sex for study in studies} - {""},
    }
    different = [f"{len(values)} {what}" for what, values in stated.items() if len(values) > 1]
    if not different:
        return ""
    return (
        f"The archive has {counted(len(studies), 'study', 'studies')} that fit, of {' and '.join(different)}; one "
        "patient was expected: nothing was fetched. Name one study by its Study Instance UID, or the issuer with "
        "--issuer."
    )
