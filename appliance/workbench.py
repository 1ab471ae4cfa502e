"""Opens everything the settings name: bias correction, feature engine, models. Slow, so it is done once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from appliance.outbox import Outgoing
from appliance.pipeline import Workbench, answer_study
from appliance.settings import Settings
from appliance.transport import client_tls
from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.find import images_held
from dicom_io.headers import study_uid_of
from dicom_io.read import NOTHING_KNOWN
from dicom_io.rules import NO_ASSIGNMENT
from dicom_io.send import Peer
from models.features.extract import open_engine
from models.package import shipped_packages
from models.preprocess import open_bias_correction
from models.runtime import load_models

LOG = logging.getLogger("rdeepnet.workbench")


def open_workbench(settings: Settings) -> Workbench:
    """Everything a study is worked on with.

    Raises
    ------
    SetupError
        When an engine, a device, a provider or a model package is not there or fails its checks, or when the packages
        want several tumours taken differently and the settings do not decide.
    """
    models = load_models(settings.models.packages or shipped_packages(), provider=settings.models.provider)
    images = {model.package.identity.name: model.package.images for model in models}
    return Workbench(
        rules=replace(settings.reading, models=images),
        bias=open_bias_correction(settings.preprocessing.n4, device=settings.preprocessing.device),
        shell_mm=settings.preprocessing.shell_mm,
        engine=open_engine(settings.features.engine, device=settings.features.device),
        features=settings.features.settings,
        models=models,
        features_sr=settings.report.features_sr,
    )


def archive_of(settings: Settings) -> Peer | None:
    """The archive to ask for counts, where there is one."""
    archive = settings.archive
    if not archive.host:
        return None
    return Peer(
        archive.ae_title,
        archive.host,
        archive.port,
        calling_title=settings.service.ae_title,
        timeout_s=archive.timeout_s,
        tls=client_tls(settings, plain=archive.plain),
    )


def answer(files: Sequence[Path], created: datetime, *, bench: Workbench, archive: Peer | None = None) -> Outgoing:
    """One study from files to what goes into the outbox; `archive` is asked whether all of its images arrived."""
    held = NOTHING_KNOWN if archive is None else _held(archive, files)
    result = answer_study(files, bench, assignment=NO_ASSIGNMENT, created=created, held=held)
    return Outgoing(result.answer, result.stages)


def _held(archive: Peer, files: Sequence[Path]) -> Mapping[str, int]:
    """What the archive says; nothing when it can not be asked, which must not hold up a study."""
    study_uid = study_uid_of(files)
    try:
        return images_held(archive, study_uid) if study_uid else NOTHING_KNOWN
    except (PeerUnavailable, PeerRefused) as error:
        LOG.warning("the archive could not be asked for its images: %s", error)
        return NOTHING_KNOWN
