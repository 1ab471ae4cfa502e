"""Earlier answered studies of the same patient, among the results that are kept.

A mark of 16 bits in the list of results finds candidates; who they are about is read from their objects. Candidates
with another Patient ID are nobody's business, and are passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.logs import describe
from appliance.settings import Settings
from appliance.state.outbox import Outbox, Results
from dicom_io.answer_roles import Role

if TYPE_CHECKING:
    from appliance.pipeline import Workbench
    from appliance.service.worker import Asked
    from dicom_io.network.peer import Peer
    from dicom_io.priors import Comparing, FindPriors, Present, PriorStudy
    from dicom_io.study import Study

LOG = logging.getLogger("rdeepnet.priors")


def own_priors(settings: Settings, outbox: Outbox) -> FindPriors | None:
    """Looks for earlier studies among the results; None where the settings want no comparison."""
    return (lambda present: answered_before(present, outbox)) if settings.priors.compare else None


def comparing(asked: Asked, settings: Settings, *, bench: Workbench, archive: Peer | None) -> Comparing | None:
    """Comparison of a study with earlier ones; None where there is none.

    Parameters
    ----------
    bench : computes studies that the archive has and that were not answered here
    archive : asked where the settings say so; DICOMweb has an address of its own
    """
    from dicom_io.priors import Comparing
    from models.inference.change import ComparisonLimits

    if asked.own_priors is None:
        return None
    limits = ComparisonLimits(settings.priors.voxel_fraction, settings.priors.field_strength_t)
    if not settings.priors.archive:
        return Comparing(asked.own_priors, limits)
    from appliance.pipeline import answer_study
    from appliance.service.archived_priors import ArchivedPriors
    from appliance.service.prior_sources import prior_source_of
    from dicom_io.rules import NO_ASSIGNMENT

    source = prior_source_of(settings, archive)
    if source is None:
        return Comparing(asked.own_priors, limits)
    found = ArchivedPriors(
        settings,
        source,
        asked.own_priors,
        lambda files: answer_study(files, bench, assignment=NO_ASSIGNMENT, created=asked.created),
    )
    return Comparing(found.find, limits, lambda: found.remarks)


def mark_of(study: Study) -> str:
    """The mark of the patient of a study, for the list of its results."""
    from dicom_io.priors import patient_mark
    from dicom_io.reading.patient_identity import patient_of

    return patient_mark(patient_of(study.header).patient_id)


def answered_before(present: Present, outbox: Outbox) -> Iterator[PriorStudy]:
    """Other studies with the Patient ID that have an answer here, each by its last one."""
    from dicom_io.priors import patient_mark

    last: dict[str, tuple[datetime, str, Results]] = {}
    for job_id, results in outbox.marked(patient_mark(present.identity.patient_id)).items():
        study_uid, created = job_id.partition(":")[0], results.created()
        if study_uid == present.study_instance_uid or created is None or results.measured() is None:
            continue
        if study_uid not in last or last[study_uid][0] < created:
            last[study_uid] = created, job_id, results
    for study_uid, (created, job_id, results) in sorted(last.items()):
        prior = _read(study_uid, created, job_id, results, outbox)
        if prior is not None and prior.identity.patient_id == present.identity.patient_id:
            yield prior


def _read(study_uid: str, created: datetime, job_id: str, results: Results, outbox: Outbox) -> PriorStudy | None:
    """An answered study as its key report names the patient; None where it has none, or is being deleted."""
    from dicom_io.errors import NotReadable
    from dicom_io.priors import PriorStudy
    from dicom_io.reading.patient_identity import read_patient
    from models.inference.change import StudyMeasured

    waiting = next((one for one in results.objects() if one.role is Role.KEY_SR), None)
    answer, values = results.answer(), results.measured()
    if waiting is None or answer is None or values is None:
        return None
    sent = next(one for one in answer.objects if one.role is Role.KEY_SR)
    try:
        with outbox.fetched(job_id, [waiting.file_name]) as (file,):
            identity, day = read_patient(file)
        measured = StudyMeasured.from_json(values)
    except (NotReadable, OSError, KeyError, TypeError, ValueError) as error:  # deleted, or of another version
        LOG.warning("an earlier answer cannot be compared", extra={"job": job_id, "error": describe(error)})
        return None
    return PriorStudy(
        identity=identity,
        study_instance_uid=study_uid,
        study_date=day,
        measured=measured,
        created=created,
        report=(sent.sop_class_uid, sent.sop_instance_uid, sent.series_instance_uid),
    )
