"""Checks of everything that the service needs. Each says what it checked, and what to do about a problem.

`rdeepnet doctor` runs all of them, before the first start or beside a running service.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.peer_settings import Destination
from appliance.service.audit import is_on, out_of_reach
from appliance.service.cuda import cuda_device
from appliance.service.destination_peers import peer_of, web_peer_of
from appliance.service.fhir_delivery import check_fhir
from appliance.service.health import DISK_FULL_GB, echo_refused
from appliance.service.hosts import is_gone, together
from appliance.service.service import check_service
from appliance.settings import Settings
from appliance.state.database import DatabaseUnavailable
from appliance.state.disk import exposed, free_gb, unwritable
from appliance.state.postgres import server_of
from appliance.tokens import read_tokens
from appliance.transport import client_tls, files_of
from appliance.workbench import load_configured
from dicom_io.answer_roles import Role
from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.certificate import certificate_of, mistakes
from dicom_io.network.dicomweb.store import answers
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.negotiation import negotiate
from models.errors import SetupError
from models.number_words import agreeing, counted

if TYPE_CHECKING:
    from models.inference.runtime import LoadedModel

_ECHO_TIMEOUT_S = 5.0  # a peer on the network answers in milliseconds
_DISK_WARN_GB = 20.0  # a study takes 0.1 to 1 GB


class Verdict(StrEnum):
    """Outcome of a check."""

    GOOD = "good"  # as it should be
    WARNING = "warning"  # the service works, but somebody should look
    BAD = "bad"  # the service does not start, or cannot do its work


@dataclass(frozen=True)
class Check:
    """One check: what was looked at, how it is, and a sentence for the operator."""

    subject: str
    verdict: Verdict
    sentence: str


def checks(settings: Settings) -> Iterator[Check]:
    """All checks, quick ones first; each is made on demand."""
    yield _setup("settings", lambda: _peers_listed(settings))
    yield check_state_folder(settings.service.state_dir)
    yield check_disk(settings.service.state_dir)
    if settings.tls.certificate is not None:
        yield check_tls(settings, datetime.now(UTC))
    if is_on(settings):
        yield check_audit(settings)
    yield check_port(settings)
    if settings.shared.database_url:
        yield _setup("shared database", lambda: server_of(settings.shared.database_url))
        yield check_hosts(settings)
    if settings.shared.objects_url:
        yield check_objects(settings)
    if settings.web.stow_token_file is not None:
        yield check_stow_tokens(settings.web.stow_token_file)
    for destination in settings.destinations:
        yield check_destination(destination, settings)
    # Imported here: these load the numerical libraries, which takes seconds.
    from models.features.extract import open_engine
    from models.inference.runtime import check_installation
    from models.preprocessing.prepare import open_bias_correction

    def runtime() -> str:
        check_installation()
        return "ONNX Runtime is installed once"

    def bias() -> str:
        return open_bias_correction(settings.preprocessing.n4, device=settings.preprocessing.device).name

    def engine() -> str:
        return open_engine(settings.features.engine, device=settings.features.device).name

    def models() -> str:
        return "; ".join(_in_a_line(model) for model in load_configured(settings))

    yield _setup("onnxruntime", runtime)
    yield _setup("bias correction", bias)
    yield _setup("feature engine", engine)
    yield _setup("models", models)
    yield check_gpu(settings)


def is_ready(settings: Settings) -> bool:
    """Returns whether the service of these settings runs and answers a C-ECHO; any listed sender may ask."""
    return echo_refused(settings) == ""


def check_state_folder(state_dir: Path) -> Check:
    """Checks that the state folder is writable and private, and its records intact."""
    subject = "state folder"
    if why_not := unwritable(state_dir):
        return Check(subject, Verdict.BAD, why_not)
    if not state_dir.exists():
        return Check(subject, Verdict.GOOD, f"{state_dir} will be made at the first start")
    if why_not := exposed(state_dir):
        return Check(subject, Verdict.BAD, why_not)
    for name in ("studies.sqlite3", "queue.sqlite3"):
        if (state_dir / name).is_file() and (damage := _damage(state_dir / name)):
            sentence = f"{state_dir / name} is damaged ({damage}); restore it from a backup, see OPERATING.md."
            return Check(subject, Verdict.BAD, sentence)
    return Check(subject, Verdict.GOOD, f"{state_dir} is private and writable")


def check_disk(state_dir: Path) -> Check:
    """Checks that there is space for further studies."""
    free = free_gb(state_dir)
    verdict = Verdict.BAD if free < DISK_FULL_GB else Verdict.WARNING if free < _DISK_WARN_GB else Verdict.GOOD
    advice = (
        ""
        if verdict is Verdict.GOOD
        else f"; expected at least {_DISK_WARN_GB:g} GB: make space or shorten [retention]"
    )
    return Check("disk", verdict, f"{free:.1f} GB are free for {state_dir}{advice}")


def check_objects(settings: Settings) -> Check:
    """Checks that objects can be written, read and deleted in the object store."""
    from appliance.state.object_store import ObjectBytes  # loads obstore, for this alone

    try:
        return Check("object store", Verdict.GOOD, ObjectBytes(settings.shared).check())
    except (SetupError, DatabaseUnavailable) as error:
        return Check("object store", Verdict.BAD, str(error))


def check_hosts(settings: Settings) -> Check:
    """Checks what the processes that share the database lack together; before the first start they lack nothing."""
    try:
        found = together(settings)
    except (SetupError, DatabaseUnavailable):
        return Check("hosts", Verdict.GOOD, "nobody has worked on this database yet, or it cannot be read")
    there = sum(not is_gone(host) for host in found.hosts)
    sentence = f"{counted(there, 'process', 'processes')} {agreeing(there, 'is', 'are')} there"
    if found.remarks:
        return Check("hosts", Verdict.WARNING, " ".join((f"{sentence}.", *found.remarks)))
    return Check("hosts", Verdict.GOOD, sentence)


def check_audit(settings: Settings) -> Check:
    """Checks that audit messages find their way; the service works without, and says so in the log."""
    if sentence := out_of_reach(settings):
        return Check("audit trail", Verdict.WARNING, sentence)
    return Check("audit trail", Verdict.GOOD, "audit messages find their way")


def check_stow_tokens(path: Path) -> Check:
    """Checks the tokens of who may send images by STOW-RS; without one nobody can, and the page does not start."""

    def senders() -> str:
        return f"{counted(len(read_tokens(path, setting='web.stow_token_file')), 'sender')} may send images by STOW-RS"

    return _setup("STOW-RS", senders)


def check_port(settings: Settings) -> Check:
    """Checks that our port is free, or that our own service answers on it."""
    host, port = settings.service.host, settings.service.port
    try:
        with socket.create_server((host, port)):
            return Check("port", Verdict.GOOD, f"port {port} is free; the service is not running")
    except OSError as error:
        why_not = echo_refused(settings)
        if not why_not:
            return Check("port", Verdict.GOOD, f"the service answers a C-ECHO on port {port}")
        sentence = f"port {port} of {host} cannot be used ({error.strerror}), and {why_not}"
        return Check("port", Verdict.BAD, f"{sentence}: stop what uses it, or change host or port in [service].")


def check_tls(settings: Settings, now: datetime) -> Check:
    """Checks the files of [tls], the validity of our certificate, and which connections are not secured."""
    subject = "TLS"
    files = files_of(settings)
    if files is None:
        return Check(subject, Verdict.GOOD, "is not used")
    if problems := mistakes(files, now=now):
        return Check(subject, Verdict.BAD, f"{'; '.join(problems)}.")
    certificate = certificate_of(files)
    sentence = certificate.in_words(now)
    if not certificate.is_valid(now):
        return Check(subject, Verdict.BAD, f"{sentence}.")
    if certificate.ends_soon(now):
        return Check(subject, Verdict.WARNING, f"{sentence}: renew it.")
    if files.key.stat().st_mode & 0o077:
        return Check(subject, Verdict.WARNING, f"{sentence}; others can read {files.key}: run chmod 600 on it.")
    peers = [f"destination {peer.name}" for peer in settings.destinations if peer.plain]
    plain = [*(["our port"] if settings.service.plain else []), *peers]
    plain += ["the archive"] if settings.archive.host and settings.archive.plain else []
    if plain:
        return Check(subject, Verdict.WARNING, f"{sentence}; not secured: {', '.join(plain)}.")
    return Check(subject, Verdict.GOOD, sentence)


def check_destination(destination: Destination, settings: Settings) -> Check:
    """Checks that a destination answers, accepts what we send, and offers storage commitment where it is wanted."""
    timeout_s = min(settings.delivery.timeout_s, _ECHO_TIMEOUT_S)
    tls = client_tls(settings, plain=destination.plain)
    peer = peer_of(destination, calling_title=settings.service.ae_title, timeout_s=timeout_s, tls=tls)
    subject = f"destination {destination.name}"
    if destination.is_fhir:
        return _asked(subject, lambda: check_fhir(destination, settings, timeout_s=timeout_s))
    if (web := web_peer_of(destination, settings, timeout_s=timeout_s)) is not None:
        return _asked(subject, lambda: _answered(web))
    if _is_this_service(destination, settings):
        sentence = f"{peer} is this service itself; expected the PACS: correct host and port."
        return Check(subject, Verdict.BAD, sentence)
    try:
        answer = negotiate(peer, _sent_to(destination, settings))
    except PeerUnavailable as error:
        return Check(subject, Verdict.WARNING, f"{error} Results wait until it answers.")
    except PeerRejected as error:
        return Check(subject, Verdict.BAD, f"{error} Results wait until then.")
    except PeerRefused as error:
        return Check(subject, Verdict.BAD, str(error))
    if answer.refused:
        refused = ", ".join(answer.refused)
        return Check(
            subject,
            Verdict.BAD,
            f"{peer} would not accept {refused}; expected it to take all we send: allow these classes there, or leave "
            "them out (send, notices, reject_replaced).",
        )
    doubts = []
    if not answer.answers_echo:
        doubts.append("it does not accept C-ECHO: the page and the alerts cannot tell whether it answers")
    if destination.commits and not answer.commits:
        doubts.append("it offers no storage commitment: enable it there, or set storage_commitment = false")
    if doubts:
        return Check(subject, Verdict.WARNING, f"{peer} accepts everything we send, but {'; '.join(doubts)}.")
    sends = destination.ae_title in {sender.ae_title for sender in settings.senders}
    # No loop: what this product made is recognised by Manufacturer and Manufacturer's Model Name.
    guard = "; it also sends: results that come back are acknowledged and not processed" if sends else ""
    return Check(subject, Verdict.GOOD, f"{peer} answers a C-ECHO and accepts everything we send{guard}")


def _answered(peer: WebPeer) -> str:
    answers(peer)
    return f"{peer} answers"


def _asked(subject: str, ask: Callable[[], str]) -> Check:
    """Checks that a server or folder answers and lets us in; what it takes shows when something is sent."""
    try:
        said = ask()
    except PeerUnavailable as error:
        return Check(subject, Verdict.WARNING, f"{error} Results wait until it answers.")
    except PeerRejected as error:
        return Check(subject, Verdict.BAD, f"{error} Results wait until then.")
    except PeerRefused as error:
        return Check(subject, Verdict.BAD, str(error))
    return Check(subject, Verdict.GOOD, said)


def _sent_to(destination: Destination, settings: Settings) -> list[Role]:
    """Roles of the objects that these settings make and send to a destination."""
    is_made = {Role.FEATURES_SR: settings.report.features_sr, Role.NOTICE: bool(destination.notices)}
    return [role for role in Role if is_made.get(role, True) and destination.wants(role)]


def _is_this_service(destination: Destination, settings: Settings) -> bool:
    here = {"localhost", "127.0.0.1", "::1", settings.service.host}
    return destination.port == settings.service.port and destination.host in here


def check_gpu(settings: Settings) -> Check:
    """Checks for a CUDA device, and whether the settings use it."""
    wanted = "cuda" in (settings.features.device, settings.preprocessing.device, settings.models.provider)
    device = cuda_device()
    if device:
        advice = "" if wanted else "; the settings do not use it"
        return Check("GPU", Verdict.GOOD, f"{device}{advice}")
    if wanted:
        return Check(
            "GPU",
            Verdict.BAD,
            "the settings require cuda, but no CUDA device was found: install the driver or set cpu.",
        )
    return Check("GPU", Verdict.GOOD, "no CUDA device was found, and the settings require none")


def _peers_listed(settings: Settings) -> str:
    check_service(settings)
    return f"{len(settings.senders)} sender(s), {len(settings.destinations)} destination(s)"


def _in_a_line(model: LoadedModel) -> str:
    """ "recurrence 2.1.0 on CPUExecutionProvider, signed by 3f2a…"."""
    identity = model.package.identity
    signature = f"signed by {identity.signed_by[:16]}" if identity.signed_by else "not signed"
    return f"{identity.name} {identity.version} on {model.provider}, {signature}"


def _setup(subject: str, look: Callable[[], str]) -> Check:
    try:
        return Check(subject, Verdict.GOOD, look())
    except SetupError as error:
        return Check(subject, Verdict.BAD, str(error))


def _damage(path: Path) -> str:
    """Report of SQLite's own check, empty when the file is intact."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as database:
            report = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if report == "ok" else report
