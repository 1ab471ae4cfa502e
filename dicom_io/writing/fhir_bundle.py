"""`Report` → FHIR R4 transaction bundle: an Observation for each number of a model and each volume, a DiagnosticReport.

The bundle is another encoding of the report, with the codes of the SR; nothing is computed or worded here. It creates
no patient, order or study: those exist at the site and are referred to by their identifiers, as the guide "DICOM SR to
FHIR Resource Mapping" does. Every entry is a conditional update (`PUT Observation?identifier=…`), so that a repeated or
replaced answer updates what is there: a number that an answer lacks is sent without a value and with the reason, so
that none of an earlier answer is left standing. The features stay in the SR.

Written as plain dictionaries: no library of R4 was found that refuses what the standard refuses.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydicom.sr.coding import Code

from dicom_io import codes, uids
from dicom_io.identity import MANUFACTURER
from dicom_io.study import Study
from dicom_io.writing import equipment
from dicom_io.writing.readable_numbers import in_reader_units
from models.inference.outcome import ModelIdentity, Quantity
from models.validity import State
from models.volume import Region, Sequence
from reports.concepts import CUT_OFF
from reports.content import Measurement, ModelSection, Report
from reports.language import Language
from reports.wording import region_title

Json = dict[str, Any]

PRIVATE_SYSTEM: Final = f"urn:oid:{uids.derived_uid('code system', codes.PRIVATE_SCHEME)}"
_SYSTEMS: Final = {
    codes.PRIVATE_SCHEME: PRIVATE_SYSTEM,
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "UCUM": "http://unitsofmeasure.org",
}
_HL7: Final = "http://terminology.hl7.org/CodeSystem"
_ABSENT: Final = {  # state without a score → data-absent-reason
    State.OUTSIDE: ("not-applicable", "Not Applicable"),
    State.NOT_COMPUTABLE: ("error", "Error"),
    State.NOT_ASKED: ("not-performed", "Not Performed"),
}


def make_fhir_bundle(study: Study, report: Report, *, pdf: bytes, language: Language = Language.ENGLISH) -> bytes:
    """The bundle as JSON; the same arguments give the same bytes.

    Parameters
    ----------
    pdf : the report for people, attached to the DiagnosticReport
    language : of `pdf`; the bundle itself is English
    """
    devices = {device.uid: _entry("Device", device.uid, _device(device)) for device in equipment.devices(report)}
    observations = [*_of_models(study, report, devices), *_of_volumes(study, report, devices)]
    result = _entry(
        "DiagnosticReport", _uid(study, "report"), _diagnostic_report(study, report, observations, pdf, language)
    )
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": report.created.isoformat(timespec="seconds"),
        "entry": [*devices.values(), *observations, result],
    }
    return json.dumps(bundle, ensure_ascii=False, indent=1).encode()


def _uid(study: Study, *parts: str) -> str:
    """Identifier of a resource about a study: the same for every version of its answer."""
    return uids.derived_uid("fhir", str(study.header.StudyInstanceUID), *parts)


def _entry(kind: str, uid: str, resource: Json) -> Json:
    identified = {"resourceType": kind, "identifier": [_identifier(uid)], **resource}
    return {
        "fullUrl": f"urn:uuid:{uuid.UUID(int=int(uid.removeprefix('2.25.')))}",
        "resource": identified,
        "request": {"method": "PUT", "url": f"{kind}?identifier=urn:dicom:uid%7Curn:oid:{uid}"},
    }


def _identifier(uid: str) -> Json:
    return {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}


def _concept(*coded: Code, text: str = "") -> Json:
    concept: Json = {
        "coding": [
            {"system": _SYSTEMS[one.scheme_designator], "code": one.value, "display": one.meaning} for one in coded
        ]
    }
    return concept | ({"text": text} if text else {})


def _hl7(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": f"{_HL7}/{system}", "code": code, "display": display}]}


def _quantity(value: float, unit: str) -> Json:
    return {"value": float(value), "unit": codes.unit(unit).meaning, "system": _SYSTEMS["UCUM"], "code": unit}


def _device(device: equipment.Device) -> Json:
    return {
        "manufacturer": MANUFACTURER,
        "serialNumber": device.serial_number,
        "deviceName": [{"name": device.model_name, "type": "model-name"}],
        "version": [{"value": device.version}],
    }


def _about(study: Study, report: Report) -> Json:
    """Status, patient and time of every resource, as far as the images state them."""
    about: Json = {"status": "preliminary"}
    if report.subject.patient_id:
        identifier: Json = {"value": report.subject.patient_id}
        if issuer := str(study.header.get("IssuerOfPatientID", "") or ""):
            identifier["assigner"] = {"display": issuer}
        about["subject"] = {"type": "Patient", "identifier": identifier}
    if report.subject.study_date is not None:
        about["effectiveDateTime"] = report.subject.study_date.isoformat()
    return about | {"issued": report.created.isoformat(timespec="milliseconds")}


def _imaging_study(study: Study) -> Json:
    return {"type": "ImagingStudy", "identifier": _identifier(str(study.header.StudyInstanceUID))}


def _observation(study: Study, report: Report, code: Json, device: Json) -> Json:
    observation = {
        **_about(study, report),
        "category": [_hl7("observation-category", "imaging", "Imaging")],
        "code": code,
        "derivedFrom": [_imaging_study(study)],
        "device": {"reference": device["fullUrl"]},
        "note": [{"text": text} for text in (report.notice, *report.notices)],
    }
    if codes.is_breast(study.header):
        side = codes.side(report.subject)
        observation["bodySite"] = (
            _concept(codes.BREAST)
            if side is None
            else _concept(codes.BREAST, text=f"{side.meaning} {codes.BREAST.meaning.lower()}")
        )
    return observation


def _of_models(study: Study, report: Report, devices: dict[str, Json]) -> Iterator[Json]:
    """Numbers of every model, and for each number that there is none of why; an earlier answer had it perhaps."""
    for section in report.models:
        device = devices[equipment.model(section.model).uid]
        numbers = [row for row in section.measurements if row.key != CUT_OFF]
        for row in numbers:
            yield _number(study, report, section, row, device)
        if not numbers:
            words = (section.model, section.conclusion)
            stated = _interpretation(section)
            for name, code in _expected(section.quantity, section.horizons_months):
                absent = _absent(study, report, code, device, state=section.state, words=words)
                absent["interpretation"] = stated
                yield _entry("Observation", _uid(study, section.model.name, *name), absent)
    for skipped in report.not_applicable:
        if skipped.quantity is not None:
            words = (skipped.model, skipped.sentence)
            device = devices[equipment.product().uid]
            for name, code in _expected(skipped.quantity, skipped.horizons_months):
                absent = _absent(study, report, code, device, state=State.NOT_ASKED, words=words)
                yield _entry("Observation", _uid(study, skipped.model.name, *name), absent)


def _expected(quantity: Quantity, horizons: Iterable[float]) -> Iterator[tuple[tuple[str, ...], Code]]:
    """Identifying names and code of each number that a model gives where it has an answer."""
    yield (str(quantity),), codes.score(quantity)
    for months in horizons:
        yield (str(Quantity.RFS), f"{months:g}"), codes.score(Quantity.RFS)


def _absent(
    study: Study, report: Report, code: Code, device: Json, *, state: State, words: tuple[ModelIdentity, str]
) -> Json:
    model, sentence = words
    observation = _observation(study, report, _concept(code, text=f"{model.title}: {code.meaning}"), device)
    observation["dataAbsentReason"] = _hl7("data-absent-reason", *_ABSENT[state])
    observation["note"] = [{"text": sentence}, *observation["note"]]
    return observation


def _number(study: Study, report: Report, section: ModelSection, row: Measurement, device: Json) -> Json:
    shown = in_reader_units(row, section.quantity)
    code = codes.quantity(row)
    observation = _observation(study, report, _concept(code, text=row.label), device)
    observation["valueQuantity"] = _quantity(shown.value, shown.unit)
    parts = [("low", shown.plausible_range), ("high", shown.plausible_range)]
    components = [
        {"code": _concept(codes.RANGE_ENDS[end]), "valueQuantity": _quantity(ends[end == "high"], shown.unit)}
        for end, ends in parts
        if ends is not None
    ]
    names = [section.model.name, row.key]
    if row.horizon_months is not None:
        names.append(f"{row.horizon_months:g}")
        horizon = _quantity(row.horizon_months, "mo")
        components.insert(0, {"code": _concept(codes.HORIZON), "valueQuantity": horizon})
    if row is section.measurements[0]:
        cut_off = in_reader_units(section.measurements[-1], section.quantity)
        observation["interpretation"] = _interpretation(section)
        observation["referenceRange"] = [
            {"high": _quantity(cut_off.value, cut_off.unit), "text": f"{cut_off.label} {cut_off.shown}"}
        ]
        observation["note"] = [{"text": section.conclusion}, *observation["note"]]
    if components:
        observation["component"] = components
    return _entry("Observation", _uid(study, *names), observation)


def _interpretation(section: ModelSection) -> list[Json]:
    """The group, and whether the answer holds."""
    return [_concept(codes.group(section)), _concept(codes.validity(section.state))]


def _of_volumes(study: Study, report: Report, devices: dict[str, Json]) -> Iterator[Json]:
    """Volume of the tumour on each sequence, or that it was not measured."""
    tumours = {one.sequence: one for one in report.regions if one.region is Region.INTRATUMORAL}
    device = devices[equipment.product().uid]
    for sequence in Sequence:
        title = region_title(sequence, Region.INTRATUMORAL)
        observation = _observation(study, report, _concept(codes.VOLUME, text=title), device)
        observation["method"] = _concept(codes.sequence(sequence))
        if sequence in tumours:
            volume = tumours[sequence].volume
            observation["valueQuantity"] = _quantity(volume.value, volume.unit)
        else:
            observation["dataAbsentReason"] = _hl7("data-absent-reason", *_ABSENT[State.NOT_ASKED])
        yield _entry("Observation", _uid(study, "volume", sequence), observation)


def _diagnostic_report(study: Study, report: Report, observations: list[Json], pdf: bytes, language: Language) -> Json:
    sentences = [f"{section.model.title}: {section.headline}. {section.conclusion}" for section in report.models]
    resource = {
        **_about(study, report),
        "category": [_hl7("v2-0074", "RAD", "Radiology")],
        "code": _concept(codes.PDF_TITLE, text=report.title),
        "result": [{"reference": one["fullUrl"]} for one in observations],
        "imagingStudy": [_imaging_study(study)],
        "conclusion": " ".join((*sentences, report.notice, *report.notices)),
        "presentedForm": [
            {
                "contentType": "application/pdf",
                "language": language.tag,
                "data": base64.b64encode(pdf).decode(),
                "title": report.title,
                "creation": report.created.isoformat(timespec="seconds"),
            }
        ],
    }
    if report.subject.accession_number:
        accession = {"type": _hl7("v2-0203", "ACSN", "Accession ID"), "value": report.subject.accession_number}
        resource["basedOn"] = [{"type": "ServiceRequest", "identifier": accession}]
    return resource
