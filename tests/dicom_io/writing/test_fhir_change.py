"""The change since an earlier study in FHIR: what it is of, over which time, and that none is left standing.

Kind: mechanics; the validators of R4 are the oracles.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dicom_io.writing.fhir_bundle import make_fhir_bundle
from models.inference.change import TumourSize
from models.inference.outcome import Group
from models.validity import State
from models.volume import Sequence
from reports.content import Report
from tests.dicom_io.made_studies import REPLACEMENT, Made
from tests.dicom_io.writing.test_comparison import DAYS, MADE, NOW, PRIOR_UID, TODAY, prior, report_with, then
from tests.dicom_io.writing.test_fhir_bundle import bundle_of, code_of, node_modules, of_kind, problems

__all__ = ["node_modules"]  # a fixture

OUTSIDE = tuple(replace(one, value=None, low=None, high=None, group=None, state=State.OUTSIDE) for one in NOW.models)


def changes(report: Report) -> dict[str, dict[str, Any]]:
    """Observations of the change, by the number of this study that they are derived from: its code and method."""
    bundle = json.loads(make_fhir_bundle(MADE.study, report, pdf=b"%PDF"))
    resources = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    found = {}
    for one in of_kind(bundle, "Observation"):
        if code_of(one) == "CHANGE":
            of = resources[one["derivedFrom"][0]["reference"]]
            name = code_of(of)
            if "method" in of:
                name += of["method"]["coding"][0]["code"]
                assert one.get("method", of["method"]) == of["method"]
            assert name not in found
            found[name] = one
    return found


def parts(observation: dict[str, Any]) -> dict[str, float | None]:
    return {
        code_of(part): part["valueQuantity"]["value"] if "valueQuantity" in part else None
        for part in observation["component"]
    }


def test_each_volume_and_score_has_its_earlier_number_and_the_difference() -> None:
    assert TODAY is not None
    ranges = tuple(
        replace(one, value=0.25, low=0.125, high=0.5, group=Group.LOW, state=State.VALID) for one in NOW.models
    )
    report = report_with(prior(measured=then(models=ranges)))
    found = changes(report)
    assert set(found) == {"RECURRENCE_SCORE", "KRT7_AS_PROB", "118565006110816", "118565006110805"}
    size = NOW.sizes[Sequence.T1C]
    volume = found["118565006110816"]
    assert parts(volume) == {"PRIOR_INTERVAL": DAYS, "EARLIER": 2 * size.volume_mm3, "DIFFERENCE": -size.volume_mm3}
    assert {part["valueQuantity"]["code"] for part in volume["component"]} == {"d", "mm3"}
    day_then = TODAY - timedelta(days=DAYS)
    for one in found.values():
        assert one["effectivePeriod"] == {"start": day_then.isoformat(), "end": TODAY.isoformat()}
        assert "effectiveDateTime" not in one
        assert [study["identifier"]["value"] for study in one["derivedFrom"][1:]] == [
            f"urn:oid:{MADE.study.header.StudyInstanceUID}",
            f"urn:oid:{PRIOR_UID}",
        ]
        assert f"Change since {day_then.isoformat()}: " in one["code"]["text"]
        said = " ".join(note["text"] for note in one["note"])
        assert "Repeatability unknown" in said
        assert "respon" not in said.lower().replace("responsib", "")
    score, probability = found["RECURRENCE_SCORE"], found["KRT7_AS_PROB"]
    assert parts(score)["EARLIER"] == 0.25
    assert (parts(score)["RANGE_LOW"], parts(score)["RANGE_HIGH"]) == (0.125, 0.5)
    assert parts(probability)["EARLIER"] == 25.0
    now = {one.quantity: one.value for one in NOW.models}
    assert parts(probability)["DIFFERENCE"] == pytest.approx(100 * (now["krt7_as_high"] - 0.25))  # type: ignore[index,operator]
    codes = [stated["coding"][0]["code"] for stated in score["component"][1]["interpretation"]]
    assert codes == ["75976002", "VALID"]  # low risk, then
    assert not [key for key in score if key.startswith("value")]


def test_an_earlier_answer_without_a_score_says_so() -> None:
    one = changes(report_with(prior(measured=then(models=OUTSIDE))))["RECURRENCE_SCORE"]
    assert parts(one) == {"PRIOR_INTERVAL": DAYS, "EARLIER": None}
    earlier = one["component"][1]
    assert earlier["dataAbsentReason"]["coding"][0]["code"] == "not-applicable"
    assert [stated["coding"][0]["code"] for stated in earlier["interpretation"]] == ["82334004", "OUTSIDE_USE"]


def test_a_tumour_that_is_gone_has_the_volume_0() -> None:
    nothing = replace(NOW, sizes={sequence: TumourSize(0.0, {}) for sequence in NOW.sizes})
    report = replace(report_with(prior(), now=nothing), regions=())
    bundle = bundle_of(Made(MADE.study, MADE.prepared, report))
    volumes = [one for one in of_kind(bundle, "Observation") if code_of(one) == "118565006"]
    assert [one["valueQuantity"]["value"] for one in volumes] == [0.0] * len(NOW.sizes)


def test_without_a_comparison_there_is_nothing_about_one_and_nothing_of_an_earlier_answer_stays() -> None:
    assert changes(MADE.report) == {}
    replaced = replace(MADE.report, replaces=REPLACEMENT)
    with_change = replace(report_with(prior()), replaces=REPLACEMENT)
    before = json.loads(make_fhir_bundle(MADE.study, with_change, pdf=b"%PDF"))
    after = json.loads(make_fhir_bundle(MADE.study, replaced, pdf=b"%PDF"))
    urls = [{entry["request"]["url"] for entry in bundle["entry"]} for bundle in (before, after)]
    assert urls[0] == urls[1]
    found = changes(replaced)
    assert found
    for one in found.values():
        assert one["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
        assert "component" not in one


@pytest.mark.peers
def test_validators_of_r4_find_no_problem(node_modules: Path) -> None:
    reports = (
        report_with(prior()),
        report_with(prior(measured=then(models=OUTSIDE))),
        replace(MADE.report, replaces=REPLACEMENT),
    )
    for report in reports:
        assert problems(bundle_of(Made(MADE.study, MADE.prepared, report)), node_modules) == []
