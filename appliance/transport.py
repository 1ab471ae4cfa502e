"""TLS settings of each connection."""

from __future__ import annotations

from datetime import UTC, datetime

from appliance.settings import Settings
from dicom_io.network.tls import ClientTls, ListenerTls, TlsFiles, certificate_of, mistakes
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
    files = files_of(settings)
    problems = [] if files is None else mistakes(files)
    if problems:
        lines = "".join(f"\n  {mistake}" for mistake in problems)
        raise SetupError(f"The files of [tls] have {counted(len(problems), 'mistake')}:{lines}")


def certificate_in_words(settings: Settings) -> str:
    """Validity of our certificate in words, without a full stop; empty where TLS is not used."""
    files = files_of(settings)
    if files is None:
        return ""
    try:
        return certificate_of(files).in_words(datetime.now(UTC))
    except SetupError as error:
        return str(error).rstrip(".")
