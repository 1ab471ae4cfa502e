"""Facts of an answer, by which a later answer to the same study says what has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from dicom_io import uids
from dicom_io.earlier import AnswerFacts, EarlierAnswer, replacement_of
from dicom_io.study import Study
from models.version import software_version
from reports.content import Report

_IDENTITY = ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")
_SHORT = 12  # hexadecimal digits of one image's digest


def facts_of(study: Study, report: Report) -> AnswerFacts:
    """The facts of the answer to a study, before it is known what it replaces."""
    models = [section.model for section in report.models]
    models += [section.model for section in report.not_applicable]
    images = {instance.sop_instance_uid for source in study.sources.values() for instance in source.instances}
    study_uid = str(study.header.StudyInstanceUID)
    return AnswerFacts(
        key=uids.answer_digest(study, replace(report, replaces=None)),
        identity=_digest(study_uid, *(str(study.header.get(keyword, "") or "") for keyword in _IDENTITY)),
        images=_short(images),
        segmentations=_short({instance.sop_instance_uid for instance in study.segmentations}),
        tumour=_tumour_digest(study),
        models=tuple(f"{model.name} {model.version} {model.digest} {model.signed_by}".rstrip() for model in models),
        software=_digest(software_version(), *uids.determining(report)),
        priors=_digest(*priors) if (priors := uids.about_priors(report)) else "",
    )


def with_replacement(
    report: Report, facts: AnswerFacts, earlier: Sequence[EarlierAnswer]
) -> tuple[Report, AnswerFacts]:
    """Report and facts that say which of the earlier answers they replace, if any."""
    replacement = replacement_of(facts, earlier)
    return replace(report, replaces=replacement), replace(facts, replacement=replacement)


def _short(sop_instance_uids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(_digest(uid)[:_SHORT] for uid in sop_instance_uids))


def _tumour_digest(study: Study) -> str:
    """SHA-256 over masks and grids; headers of the segmentation play no role."""
    digest = hashlib.sha256()
    for sequence, roi in sorted(study.tumours.items()):
        digest.update(f"{sequence} {roi.mask.shape} {np.round(roi.affine, 3).tolist()}".encode())
        digest.update(np.packbits(roi.mask).tobytes())
    return digest.hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
