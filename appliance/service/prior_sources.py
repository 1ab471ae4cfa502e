"""Ways to bring an earlier study from the archive: C-MOVE to our port, C-GET or DICOMweb into its folder.

C-GET and DICOMweb are those of `rdeepnet fetch`. By C-MOVE the objects come by our port, and `prior_arrivals` puts
them into the folder of the request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from appliance.service.fetch import IntoFolder, Source, worth_fetching
from appliance.service.web_fetch import web_source_of
from appliance.settings import Settings
from appliance.state.prior_folders import arrived
from dicom_io.errors import PeerUnavailable
from dicom_io.network.find_studies import StudyAtPeer, Wanted, find_studies
from dicom_io.network.peer import Peer
from dicom_io.network.retrieve import move_study


class PriorSource(Protocol):
    """The archive, as far as earlier studies are looked for and brought."""

    def studies(self, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
        """Studies there that are exactly what is wanted."""

    def bring(self, study: StudyAtPeer, *, message_id: int, folder: Path) -> tuple[Path, ...]:
        """Brings one of them into the folder of a request.

        Raises
        ------
        PeerUnavailable, PeerRefused
            When the archive does not send it, or not all of it.
        """


@dataclass(frozen=True)
class ByOurPort:
    """C-MOVE; the archive must know our AE title with address and port."""

    peer: Peer
    settings: Settings

    def studies(self, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
        """Studies of the archive, by C-FIND."""
        return find_studies(self.peer, wanted)

    def bring(self, study: StudyAtPeer, *, message_id: int, folder: Path) -> tuple[Path, ...]:
        """Has it sent to our AE title; as many objects must be here as the archive says it sent."""
        sent = move_study(
            replace(self.peer, timeout_s=self.settings.archive.retrieve_timeout_s),
            study.study_instance_uid,
            worth_fetching(self.peer, study),
            destination=self.settings.service.ae_title,
            message_id=message_id,
        )
        files, count = arrived(folder)
        if not sent.is_whole or count < sent.completed:
            raise PeerUnavailable(f"{self.peer} sent {sent.in_words()}, and {count} arrived; expected all of them.")
        return files


@dataclass(frozen=True)
class IntoItsFolder:
    """C-GET or DICOMweb, as a person fetches; no port of ours is needed.

    Attributes
    ----------
    source_into : the archive, as what is fetched from into a folder
    """

    source_into: Callable[[Path], Source]

    def studies(self, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
        """Studies of the archive; nothing is written for that."""
        return self.source_into(Path()).studies(wanted)

    def bring(self, study: StudyAtPeer, *, message_id: int, folder: Path) -> tuple[Path, ...]:
        """Fetches it below the folder."""
        fetched = self.source_into(folder).fetch(study)
        if not fetched.is_whole:
            raise PeerUnavailable(
                f"The archive sent {fetched.sent.in_words()}, and {fetched.arrived or 0} of them can be read from; "
                "expected all of them."
            )
        return tuple(sorted((folder / study.study_instance_uid).glob("*.dcm")))


def prior_source_of(settings: Settings, archive: Peer | None) -> PriorSource | None:
    """The archive as `priors.retrieve` says; None where no earlier study is looked for there.

    Parameters
    ----------
    archive : for C-FIND, C-MOVE and C-GET; None where there is none, or DICOMweb alone
    """
    if not settings.priors.archive:
        return None
    if settings.priors.retrieve == "dicomweb":
        return IntoItsFolder(lambda folder: web_source_of(settings, out=folder))
    if archive is None:
        return None
    if settings.priors.retrieve == "move":
        return ByOurPort(archive, settings)
    return IntoItsFolder(lambda folder: IntoFolder(archive, settings.archive.retrieve_timeout_s, folder))
