"""Checks of everything that the service needs. Each says what it checked, and what to do about a problem.

`rdeepnet doctor` runs all of them, before the first start or beside a running service.
"""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from appliance.service.delivery import peer_of
from appliance.service.health import DISK_FULL_GB, echo_refused
from appliance.service.service import check_service
from appliance.settings import Destination, Settings
from appliance.state.disk import free_gb, unwritable
from appliance.state.postgres import server_of
from appliance.transport import client_tls, files_of
from dicom_io.errors import PeerRefused, PeerRejected, PeerUnavailable
from dicom_io.network.send import echo
from dicom_io.network.tls import certificate_of, mistakes
from models.errors import SetupError

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
    yield check_port(settings)
    if settings.jobs.database_url:
        yield _setup("queue", lambda: server_of(settings.jobs.database_url))
    for destination in settings.destinations:
        yield check_destination(destination, settings)
    # Imported here: these load the numerical libraries, which takes seconds.
    from models.features.extract import open_engine
    from models.inference.package import shipped_packages
    from models.inference.runtime import check_installation, load_models
    from models.preprocessing.prepare import open_bias_correction

    def runtime() -> str:
        check_installation()
        return "ONNX Runtime is installed once"

    def bias() -> str:
        return open_bias_correction(settings.preprocessing.n4, device=settings.preprocessing.device).name

    def engine() -> str:
        return open_engine(settings.features.engine, device=settings.features.device).name

    def models() -> str:
        folders = settings.models.packages or shipped_packages()
        loaded = load_models(folders, provider=settings.models.provider)
        return "; ".join(f"{m.package.identity.name} {m.package.identity.version} on {m.provider}" for m in loaded)

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
    mode = state_dir.stat().st_mode & 0o777
    if mode & 0o077:
        sentence = f"{state_dir} has mode {mode:04o}, others can read images in it; expected 0700: run chmod 700 on it."
        return Check(subject, Verdict.BAD, sentence)
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
    """Checks that a destination answers a C-ECHO."""
    timeout_s = min(settings.delivery.timeout_s, _ECHO_TIMEOUT_S)
    tls = client_tls(settings, plain=destination.plain)
    peer = peer_of(destination, calling_title=settings.service.ae_title, timeout_s=timeout_s, tls=tls)
    subject = f"destination {destination.name}"
    try:
        echo(peer)
    except PeerUnavailable as error:
        return Check(subject, Verdict.WARNING, f"{error} Results wait until it answers.")
    except PeerRejected as error:
        return Check(subject, Verdict.BAD, f"{error} Results wait until then.")
    except PeerRefused as error:
        return Check(subject, Verdict.BAD, str(error))
    return Check(subject, Verdict.GOOD, f"{peer} answers a C-ECHO")


def check_gpu(settings: Settings) -> Check:
    """Checks for a CUDA device, and whether the settings use it."""
    wanted = "cuda" in (settings.features.device, settings.preprocessing.device, settings.models.provider)
    device = _cuda_device()
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


def _setup(subject: str, look: Callable[[], str]) -> Check:
    try:
        return Check(subject, Verdict.GOOD, look())
    except SetupError as error:
        return Check(subject, Verdict.BAD, str(error))


def _cuda_device() -> str:
    """Name, memory and driver of the CUDA devices as the driver's own program reports it; empty without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    return "; ".join(result.stdout.strip().splitlines()) if result.returncode == 0 else ""


def _damage(path: Path) -> str:
    """Report of SQLite's own check, empty when the file is intact."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as database:
            report = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if report == "ok" else report
