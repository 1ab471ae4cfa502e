"""Looks at the facts around the service: calls its port and the destinations, reads manifests and the certificate.

It runs in a process of its own, which ends when it has looked (see `appliance/web/watch.py`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from appliance.logs import describe
from appliance.peer_settings import Destination
from appliance.service.cuda import cuda_device
from appliance.service.destination_peers import peer_of, web_peer_of
from appliance.service.fhir_delivery import check_fhir
from appliance.service.health import DISK_FULL_GB, not_computing, not_receiving, not_writing
from appliance.service.startup_checks import missing_peers
from appliance.settings import Settings
from appliance.state.disk import free_gb
from appliance.transport import client_tls, files_of, mistakes_of_files
from appliance.web.surroundings import Fact, Surroundings
from dicom_io.network.certificate import certificate_of
from dicom_io.network.dicomweb.store import answers
from dicom_io.network.echo import echo
from models.errors import RDeepNetError
from models.inference.manifest import MANIFEST, read_manifest, shipped_packages

_ECHO_TIMEOUT_S = 5.0


def look(settings: Settings) -> Surroundings:
    """Looks at everything once; the peers all together, each for some seconds at most."""
    with ThreadPoolExecutor(max_workers=max(1, min(16, len(settings.destinations)))) as pool:
        echoes = dict(
            zip(
                [d.name for d in settings.destinations],
                pool.map(lambda d: _echo(d, settings), settings.destinations),
                strict=True,
            )
        )
    free = free_gb(settings.service.state_dir)
    certificate, ends = _certificate(settings, datetime.now(UTC))
    return Surroundings(
        at=datetime.now(UTC),
        service=(*not_receiving(settings), *not_writing(settings)),
        worker=tuple(not_computing(settings)),
        destinations=echoes,
        disk=Fact("Disk", free >= DISK_FULL_GB, f"{free:.1f} GB are free"),
        free_gb=free,
        models=tuple(_models(settings)),
        device=_device(settings),
        certificate=certificate,
        certificate_ends=ends,
        problems=tuple(_problems(settings)),
    )


def _echo(destination: Destination, settings: Settings) -> Fact:
    timeout_s = min(settings.delivery.timeout_s, _ECHO_TIMEOUT_S)
    if destination.is_fhir:
        try:
            return Fact(destination.name, True, check_fhir(destination, settings, timeout_s=timeout_s))
        except RDeepNetError as error:
            return Fact(destination.name, False, str(error))
    if (web := web_peer_of(destination, settings, timeout_s=timeout_s)) is not None:
        try:
            answers(web)
        except RDeepNetError as error:
            return Fact(destination.name, False, str(error))
        return Fact(destination.name, True, "answers by DICOMweb")
    peer = peer_of(
        destination,
        calling_title=settings.service.ae_title,
        timeout_s=timeout_s,
        tls=client_tls(settings, plain=destination.plain),
    )
    try:
        echo(peer)
    except RDeepNetError as error:
        return Fact(destination.name, False, str(error))
    return Fact(destination.name, True, "answers a C-ECHO")


def _models(settings: Settings) -> list[Fact]:
    facts = []
    for folder in settings.models.packages or shipped_packages():
        try:
            path = folder / MANIFEST
            manifest = read_manifest(path, path.read_bytes())
        except (OSError, RDeepNetError) as error:
            facts.append(Fact(folder.name, False, f"cannot be read: {describe(error)}"))
        else:
            facts.append(Fact(f"{manifest.name} {manifest.version}", True, f"{manifest.title}: {manifest.notice}"))
    return facts


def _device(settings: Settings) -> str:
    found = cuda_device()
    wanted = {settings.features.device, settings.preprocessing.device}
    if found and wanted & {"auto", "cuda"}:
        return f"GPU: {found}"
    return f"CPU; {found} is not used" if found else "CPU"


def _certificate(settings: Settings, now: datetime) -> tuple[Fact, datetime | None]:
    files = files_of(settings)
    if files is None:
        return Fact("TLS", True, "is not used"), None
    try:
        certificate = certificate_of(files)
    except RDeepNetError as error:
        return Fact("TLS", False, str(error)), None
    is_well = certificate.is_valid(now) and not certificate.ends_soon(now)
    return Fact("TLS", is_well, certificate.in_words(now)), certificate.not_after


def _problems(settings: Settings) -> list[str]:
    return [*missing_peers(settings), *mistakes_of_files(settings)]
