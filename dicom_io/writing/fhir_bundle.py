"""`Report` → FHIR R4 transaction bundle: an Observation for each number of a model and each volume, a DiagnosticReport.

The bundle is another encoding of the report, with the codes of the SR; nothing is computed or worded here. It creates
no patient, order or study: those exist at the site and are referred to by their identifiers, as the guide "DICOM SR to
FHIR Resource Mapping" does. Every entry is a conditional update (`PUT Observation?identifier=…`), so that a repeated or
replaced answer updates what is there: a number that an answer lacks is sent without a value and with the reason, so
that none of an earlier answer is left standing. The features stay in the SR.

The change since an earlier study is an Observation for each number that it compares, over the time between the two
examinations: it is derived from the number of this study, and has the earlier one and the difference as components. An
Observation of the earlier volume or score itself was rejected: the answer to that study has one already.

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
from dicom_io.writing.readable_numbers import in_reader_units, in_units_of_row
from models.inference.outcome import ModelIdentity, Quantity
from models.validity import State
from models.volume import Region, Sequence
from reports.change import VOLUME_KEY
from reports.concepts import CUT_OFF
from reports.content import ChangeRow, ChangeSection, Measurement, ModelSection, Report
from reports.language import Language
from reports.languages.languages import ENGLISH
from reports.wording import group_shown, region_title

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
    observations = [
        *_of_models(study, report, devices),
        *_of_volumes(study, report, devices),
        *_of_change(study, report, devices),
    ]
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
        "fullUrl": _url(uid),
        "resource": identified,
        "request": {"method": "PUT", "url": f"{kind}?identifier=urn:dicom:uid%7Curn:oid:{uid}"},
    }


def _url(uid: str) -> str:
    """Name of a resource within the bundle."""
    return f"urn:uuid:{uuid.UUID(int=int(uid.removeprefix('2.25.')))}"


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


def _imaging_study(study_instance_uid: str) -> Json:
    return {"type": "ImagingStudy", "identifier": _identifier(study_instance_uid)}


def _observation(study: Study, report: Report, code: Json, device: Json) -> Json:
    observation = {
        **_about(study, report),
        "category": [_hl7("observation-category", "imaging", "Imaging")],
        "code": code,
        "derivedFrom": [_imaging_study(str(study.header.StudyInstanceUID))],
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
    """Volume of the tumour on each sequence, or that it was not measured; 0 where an earlier tumour is gone."""
    rows = () if report.change is None else report.change.rows
    volumes = {one.sequence: one.now for one in rows if _is_volume(one) and one.now is not None}
    volumes |= {one.sequence: one.volume for one in report.regions if one.region is Region.INTRATUMORAL}
    device = devices[equipment.product().uid]
    for sequence in Sequence:
        title = region_title(sequence, Region.INTRATUMORAL)
        observation = _observation(study, report, _concept(codes.VOLUME, text=title), device)
        observation["method"] = _concept(codes.sequence(sequence))
        if (volume := volumes.get(sequence)) is not None:
            observation["valueQuantity"] = _quantity(volume.value, volume.unit)
        else:
            observation["dataAbsentReason"] = _hl7("data-absent-reason", *_ABSENT[State.NOT_ASKED])
        yield _entry("Observation", _uid(study, "volume", sequence), observation)


def _of_change(study: Study, report: Report, devices: dict[str, Json]) -> Iterator[Json]:
    """Change of each volume and each score; where an answer is replaced, also that there is none any longer."""
    section = report.change
    if section is None and report.replaces is None:
        return
    device = devices[equipment.product().uid]
    rows = {} if section is None else dict(_compared(section))
    numbers = [(one.model.name, str(one.quantity)) for one in report.models]
    numbers += [(one.model.name, str(one.quantity)) for one in report.not_applicable if one.quantity is not None]
    numbers += [("volume", str(sequence)) for sequence in Sequence]
    for number in numbers:
        row = rows.get(number)
        if row is not None:
            assert section is not None, "a row is of a section"
            observation = _change(study, report, section, row, device)
        else:
            observation = _observation(study, report, _concept(codes.CHANGE), device)
            observation["dataAbsentReason"] = _hl7("data-absent-reason", *_ABSENT[State.NOT_ASKED])
        observation["derivedFrom"] = [{"reference": _url(_uid(study, *number))}, *observation["derivedFrom"]]
        yield _entry("Observation", _uid(study, "change", *number), observation)


def _is_volume(row: ChangeRow) -> bool:
    return row.then is not None and row.then.key == VOLUME_KEY


def _compared(section: ChangeSection) -> Iterator[tuple[tuple[str, str], ChangeRow]]:
    """Rows that compare a number of the bundle, each with the identifying names of that; diameters are in the SR."""
    quantities = {now.name: now.quantity for _, now in section.facts.change.models}
    for row in section.rows:
        if row.model:
            yield (row.model, str(quantities[row.model])), row
        elif row.sequence is not None and _is_volume(row):
            yield ("volume", str(row.sequence)), row


def _change(study: Study, report: Report, section: ChangeSection, row: ChangeRow, device: Json) -> Json:
    """The change of one number: what it was, between which ends it may have been, and the difference."""
    facts = section.facts
    observation = _observation(study, report, _concept(codes.CHANGE, text=f"{section.title}: {row.label}"), device)
    observation.pop("effectiveDateTime", None)
    observation["effectivePeriod"] = {"start": facts.day_then.isoformat(), "end": facts.day_now.isoformat()}
    observation["derivedFrom"].append(_imaging_study(section.study_instance_uid))
    if row.sequence is not None:
        observation["method"] = _concept(codes.sequence(row.sequence))
    then, now = (None if one is None else in_units_of_row(one, row) for one in (row.then, row.now))
    earlier: Json = {"code": _concept(codes.EARLIER)}
    answered = next((before for before, _ in facts.change.models if before.name == row.model), None)
    if answered is not None:
        label = "" if answered.group is None else group_shown(answered.quantity, answered.group)
        group = codes.group_in(answered.state, answered.quantity, answered.group, label=label)
        earlier["interpretation"] = [_concept(group), _concept(codes.validity(answered.state))]
    components = [
        {"code": _concept(codes.INTERVAL), "valueQuantity": _quantity(section.interval_days, "d")},
        earlier,
    ]
    if then is None:
        state = State.NOT_ASKED if answered is None else answered.state
        earlier["dataAbsentReason"] = _hl7("data-absent-reason", *_ABSENT[state])
    else:
        earlier["valueQuantity"] = _quantity(then.value, then.unit)
        if then.plausible_range is not None:
            components += [
                {"code": _concept(code), "valueQuantity": _quantity(end, then.unit)}
                for code, end in zip(codes.RANGE_ENDS.values(), then.plausible_range, strict=True)
            ]
        if now is not None:
            components.append(
                {"code": _concept(codes.DIFFERENCE), "valueQuantity": _quantity(now.value - then.value, then.unit)}
            )
    observation["component"] = components
    line = ENGLISH.say.change_line(row.label, row.then_shown, row.now_shown, row.change_shown)
    observation["note"] = [{"text": text} for text in (line, *section.sentences)] + observation["note"]
    return observation


def _diagnostic_report(study: Study, report: Report, observations: list[Json], pdf: bytes, language: Language) -> Json:
    sentences = [f"{section.model.title}: {section.headline}. {section.conclusion}" for section in report.models]
    resource = {
        **_about(study, report),
        "category": [_hl7("v2-0074", "RAD", "Radiology")],
        "code": _concept(codes.PDF_TITLE, text=report.title),
        "result": [{"reference": one["fullUrl"]} for one in observations],
        "imagingStudy": [_imaging_study(str(study.header.StudyInstanceUID))],
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
