"""UIDs derived from the content of an object, so that repeating a study duplicates nothing at the peer."""

from __future__ import annotations

import hashlib
import json

from dicom_io.answer_roles import Role
from dicom_io.carried_values import problem
from dicom_io.implementation import IMPLEMENTATION_CLASS_UID as IMPLEMENTATION_CLASS_UID
from dicom_io.implementation import derived_uid as derived_uid
from dicom_io.study import Study
from models.inference.predict import ModelIdentity
from models.version import software_version
from models.volume import Region, Sequence
from reports import wording
from reports.change import PRIOR_NOT_USED, PRIORS_NOT_ASKED
from reports.content import Report
from reports.language import Language

# What, beside content, models and software, determines the numbers; the time and the place of a run do not.
_DETERMINING = (wording.BIAS, wording.ENGINE, wording.SETTINGS_DIGEST, wording.VALIDITY_SETTINGS)


def answer_digest(study: Study, report: Report) -> str:
    """SHA-256 over all that determines an answer: study, content, models, software, settings, and what it replaces."""
    models = [asked.model for asked in report.models]
    models += [absent.model for absent in report.not_applicable]
    parts: dict[str, object] = {
        "study": str(study.header.StudyInstanceUID),
        "content": study.content_digest,
        # A signature changes no number, but the documents name its key: they are other objects.
        "models": [
            (model.name, model.version, model.digest, *([model.signed_by] if model.signed_by else []))
            for model in models
        ],
        "provenance": determining(report),
        "software": software_version(),
        # Settings and confirmations decide the state: another answer is another object.
        "validity": [
            (asked.validity.state, [(one.code, one.sentence) for one in asked.validity.reasons])
            for asked in report.models
        ],
    }
    if priors := about_priors(report):
        parts["priors"] = priors
    if report.replaces is not None:  # back to what was said before is another report than the first
        parts["replaces"] = report.replaces.replaced
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def about_priors(report: Report) -> list[str]:
    """Texts that a report says of earlier studies; empty where it says nothing."""
    said = [note.sentence for note in report.notes if note.code in (PRIOR_NOT_USED, PRIORS_NOT_ASKED)]
    if report.change is not None:
        rows = [f"{row.label}: {row.then_shown}; {row.now_shown}" for row in report.change.rows]
        said += [report.change.title, report.change.study_instance_uid, *rows, *report.change.sentences]
    return said


def determining(report: Report) -> list[str]:
    """Settings that determine the numbers of a report, as its provenance states them."""
    return [report.provenance.get(label, "") for label in _DETERMINING]


def instance_uid(digest: str, role: Role, language: Language = Language.ENGLISH) -> str:
    """SOP Instance UID of our object in `role`; `digest` is that of the answer."""
    return derived_uid("instance", digest, role, *worded(language))


def series_uid(digest: str, role: Role, language: Language = Language.ENGLISH) -> str:
    """Series Instance UID of our object in `role`: every object has a series of its own."""
    return derived_uid("series", digest, role, *worded(language))


def worded(language: Language) -> tuple[str, ...]:
    """The same answer in other words is another object; English ones keep the UIDs that they always had."""
    return () if language is Language.ENGLISH else (language.value,)


def dimension_uid(digest: str, role: Role) -> str:
    """Dimension Organization UID of a segmentation of ours."""
    return derived_uid("dimensions", digest, role)


def frame_of_reference_uid(*, series_instance_uid: str, stated: str) -> str:
    """Frame of Reference of our objects: that of the images where it is a valid UID, else one of our own.

    Parameters
    ----------
    stated : Frame of Reference UID of the images; series that state the same invalid one still share one, and where it
        is empty there is one for each series
    """
    if not stated:
        return derived_uid("frame of reference", series_instance_uid)
    return derived_uid("frame of reference", stated) if problem("FrameOfReferenceUID", stated, vr="UI") else stated


def tracking_uid(study: Study, sequence: Sequence, region: Region) -> str:
    """Tracking Unique Identifier of a region on one sequence, whatever models and software run.

    One for each sequence: viewers key measurement groups by it, so that two groups with one UID would hide each other.
    """
    return derived_uid("tracking", str(study.header.StudyInstanceUID), study.content_digest, sequence, region)


def change_uid(study: Study, prior_study_uid: str) -> str:
    """Tracking Unique Identifier of the change of this study since another."""
    return derived_uid("change", str(study.header.StudyInstanceUID), study.content_digest, prior_study_uid)


def prediction_uid(study: Study, model_name: str) -> str:
    """Tracking Unique Identifier of what a model says about this study, whatever the version of the model."""
    return derived_uid("prediction", str(study.header.StudyInstanceUID), study.content_digest, model_name)


def product_device_uid() -> str:
    """Device UID of this software: a new version is a new device."""
    return derived_uid("device", software_version())


def model_device_uid(model: ModelIdentity) -> str:
    """Device UID of a model: a retrained model is a new device (IHE AI Results)."""
    return derived_uid("model device", model.name, model.version, model.digest)
