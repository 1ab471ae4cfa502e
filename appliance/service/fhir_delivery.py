"""FHIR bundles as results of a destination: to a server, or into a folder where an interface engine takes them.

In the folder there is one file for each study, replaced by a later answer: the bundle holds conditional updates, so the
newest is all that counts. Its name is a digest, and says nothing of the patient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from appliance.files import sync_folder
from appliance.peer_settings import Destination
from appliance.settings import Settings
from appliance.state.outbox import FHIR, Outbox
from appliance.state.record_rows import DeliveryRecord
from appliance.transport import files_of
from dicom_io.errors import PeerRefused, PeerUnavailable
from dicom_io.network.dicomweb.web_peer import WebPeer
from dicom_io.network.fhir.send import NOUN, answers, send_bundle
from dicom_io.network.peer import Delivery, Sent
from models.files import write_whole

# A file of the outbox and the study it is about → the result.
FhirSender = Callable[[Path, str], Sent]

_FOR_THE_ENGINE = 0o640  # the group of the folder may read


def fhir_sender(destination: Destination, settings: Settings) -> FhirSender | None:
    """Returns what brings a bundle to a destination; None where it takes DICOM objects."""
    if destination.fhir_folder is not None:
        return partial(_put, destination.fhir_folder)
    peer = fhir_peer(destination, settings, timeout_s=settings.delivery.timeout_s)
    return None if peer is None else lambda file, study_uid: send_bundle(file, peer)


def fhir_peer(destination: Destination, settings: Settings, *, timeout_s: float) -> WebPeer | None:
    """The FHIR server of a destination; None where it has none."""
    if not destination.fhir_url:
        return None
    files = None if destination.plain else files_of(settings)
    return WebPeer(
        destination.fhir_url,
        timeout_s=timeout_s,
        token_file=destination.fhir_token_file,
        authorities=destination.fhir_authorities,
        certificate=files.certificate if files else None,
        key=files.key if files else None,
        noun=NOUN,
    )


def check_fhir(destination: Destination, settings: Settings, *, timeout_s: float) -> str:
    """Asks whether a destination would take bundles; returns how it answered, in words.

    Raises
    ------
    PeerUnavailable, PeerRejected, PeerRefused
        When it would not.
    """
    if destination.fhir_folder is not None:
        if not destination.fhir_folder.is_dir():
            raise PeerUnavailable(_no_folder(destination.fhir_folder, "there is no such folder"))
        return f"the folder {destination.fhir_folder} is there"
    peer = fhir_peer(destination, settings, timeout_s=timeout_s)
    assert peer is not None
    answers(peer)
    return f"{peer} answers, and speaks R4"


def bundles_of(delivery: DeliveryRecord, outbox: Outbox) -> list[str]:
    """Names of the bundles of a job: none for a notice or a draft, and none where a later answer exists.

    A bundle updates what is there: one that waited must not undo a later answer.

    Raises
    ------
    PeerRefused
        When the results were made without, or were deleted meanwhile.
    """
    results = outbox.results([delivery.job_id]).get(delivery.job_id)
    if results is None:
        raise PeerRefused("The results are no longer in the outbox: retry computes the study again.")
    if results.has_fhir:
        created = results.created()
        later = [one for one in outbox.answers(delivery.study_uid) if created is not None and one.created > created]
        return [] if later else [FHIR]
    if results.answer() is not None:
        raise PeerRefused(
            "The results hold no FHIR bundle, since no destination asked for one when they were made; expected one: "
            "send the study again after a change, or leave this destination out."
        )
    return []


def bundle_name(study_uid: str) -> str:
    """Name of the file of a study in the folder."""
    return f"study-{hashlib.sha256(study_uid.encode()).hexdigest()[:16]}.json"


def _put(folder: Path, file: Path, study_uid: str) -> Sent:
    content = file.read_bytes()
    try:
        write_whole(folder / bundle_name(study_uid), (content,), mode=_FOR_THE_ENGINE)
        sync_folder(folder)
    except OSError as error:
        raise PeerUnavailable(_no_folder(folder, error.strerror or type(error).__name__)) from error
    return Sent("", Delivery.STORED, "")


def _no_folder(folder: Path, why: str) -> str:
    return f"FHIR bundles cannot be written to {folder} ({why}); expected a folder that this user may write to."
