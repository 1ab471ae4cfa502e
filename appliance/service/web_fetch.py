"""Studies fetched by hand from a DICOMweb server: looked for by QIDO-RS, brought into a folder by WADO-RS."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from appliance.service.fetch import Fetched, not_none
from appliance.settings import Settings
from appliance.transport import files_of
from dicom_io.network.dicomweb import retrieve
from dicom_io.network.dicomweb.search import find_series, find_studies
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.find_studies import StudyAtPeer, Wanted
from dicom_io.network.retrieve import Sent
from models.errors import NotWritable, SetupError
from models.files import PART, make_output_folder


@dataclass(frozen=True)
class FromWeb:
    """A DICOMweb server; the files of a study come into a folder, one below it for each, all of them or none.

    Attributes
    ----------
    peer : for questions
    patience_s : longest silence while it sends
    folder : None where nothing is fetched
    """

    peer: WebPeer
    patience_s: float
    folder: Path | None

    def studies(self, wanted: Wanted) -> tuple[StudyAtPeer, ...]:
        """Studies of the server."""
        return find_studies(self.peer, wanted)

    def fetch(self, study: StudyAtPeer) -> Fetched:
        """Brings it; a file that is there is replaced.

        Our own results, and objects of classes that no study is read from, are not kept.

        Raises
        ------
        PeerUnavailable, PeerRejected, PeerRefused
            When a series does not come whole: nothing new is in the folder.
        NotWritable
            When the folder cannot be written.
        """
        assert self.folder is not None, "a folder is named where something is fetched"
        uid = study.study_instance_uid
        series = not_none(find_series(self.peer, uid), self.peer)
        sender = replace(self.peer, timeout_s=self.patience_s)
        make_output_folder(self.folder)
        try:
            part = Path(tempfile.mkdtemp(prefix=".fetch-", suffix=PART, dir=self.folder))
            try:
                came = [retrieve.fetch_study(sender, uid, part, series_uid=one.series_instance_uid) for one in series]
                inputs = [file for one in came for file in one.inputs]
                if inputs:
                    make_output_folder(self.folder / uid)
                for file in inputs:
                    file.rename(self.folder / uid / file.name)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            raise NotWritable(
                f"{self.folder} cannot be written ({error.strerror}); name a place that this user may write to and "
                "that has space.",
                because=error,
            ) from error
        sent = sum(len(one.files) for one in came)
        return Fetched(study, Sent(sent, sent, 0), len(inputs))


def web_source_of(
    settings: Settings,
    *,
    out: Path | None,
    url: str = "",
    token_file: Path | None = None,
    authorities: Path | None = None,
) -> FromWeb:
    """The DICOMweb server of an address, else that of the archive of the settings.

    The certificate of [tls] is shown to a server that asks for one.

    Raises
    ------
    SetupError
        When the address is none, or is of another machine and not secured without `archive.plain`.
    """
    archive = settings.archive
    if not url:
        url, token_file, authorities = archive.dicomweb_url, archive.dicomweb_token_file, archive.dicomweb_authorities
    files = None if archive.plain else files_of(settings)
    peer = WebPeer(
        url,
        timeout_s=archive.timeout_s,
        token_file=token_file,
        authorities=authorities,
        certificate=files.certificate if files else None,
        key=files.key if files else None,
    )
    if not url.startswith("https:") and not archive.plain and not _is_here(url):
        raise SetupError(
            f"{peer} is another machine, and the address is not secured; expected https://…, or plain = true in "
            "[archive] where the network is protected."
        )
    return FromWeb(peer, archive.retrieve_timeout_s, out)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
