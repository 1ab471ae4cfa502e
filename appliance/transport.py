"""TLS settings of each connection."""

from __future__ import annotations

from datetime import UTC, datetime

from appliance.settings import Settings
from dicom_io.network.tls import ClientTls, ListenerTls, TlsFiles
from models.errors import SetupError
from models.number_words import counted


def files_of(settings: Settings) -> TlsFiles | None:
    """The files of [tls]; None where TLS is not used."""
    tls = settings.tls
    if tls.certificate is None or tls.key is None or tls.authorities is None:
        return None
    return TlsFiles(tls.certificate, tls.key, tls.authorities)


def client_tls(settings: Settings, *, plain: bool) -> ClientTls | None:
    """TLS settings of calls to a peer; `plain` is the setting of that peer."""
    files = files_of(settings)
    return None if files is None or plain else ClientTls(files, check_names=settings.tls.check_names)


def listener_tls(settings: Settings) -> ListenerTls | None:
    """TLS settings of our port.

    Raises
    ------
    SetupError
        With every mistake in the files.
    """
    check_files(settings)
    files = files_of(settings)
    if files is None or settings.service.plain:
        return None
    return ListenerTls(files, peers_need_certificates=settings.tls.peers_need_certificates)


def check_files(settings: Settings) -> None:
    """Checks the files of [tls].

    Raises
    ------
    SetupError
        With every mistake in them, one per line.
    """
    problems = mistakes_of_files(settings)
    if problems:
        lines = "".join(f"\n  {mistake}" for mistake in problems)
        raise SetupError(f"The files of [tls] have {counted(len(problems), 'mistake')}:{lines}")


def mistakes_of_files(settings: Settings) -> list[str]:
    """Problems of the files of [tls], each a sentence without a full stop; none where TLS is not used."""
    files = files_of(settings)
    if files is None:
        return []
    from dicom_io.network.certificate import mistakes  # loads cryptography, where TLS is used

    return mistakes(files)


def certificate_in_words(settings: Settings) -> str:
    """Validity of our certificate in words, without a full stop; empty where TLS is not used."""
    files = files_of(settings)
    if files is None:
        return ""
    from dicom_io.network.certificate import certificate_of  # loads cryptography, where TLS is used

    try:
        return certificate_of(files).in_words(datetime.now(UTC))
    except SetupError as error:
        return str(error).rstrip(".")
