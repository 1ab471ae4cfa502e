"""result.json is what its schema and its page say. Kind: mechanics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from appliance.offline import result_json
from appliance.offline.result_folder import answered
from appliance.offline.result_json import Origin, of_refusal
from appliance.offline.runs import Outcome
from appliance.pipeline import Result
from appliance.stages import StageCost
from dicom_io.answer_roles import RESULTS
from dicom_io.writing.encode import encode
from dicom_io.writing.facts import facts_of
from models.inference.change import Obstacle
from models.inference.outcome import (
    Contribution,
    Group,
    ModelIdentity,
    NotApplicable,
    PlausibleRange,
    Prediction,
    Quantity,
)
from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State
from models.volume import Region, Sequence
from reports.change import PRIOR_NOT_USED
from reports.content import SeriesUsed
from tests.conftest import ROOT
from tests.dicom_io.made_studies import make
from tests.dicom_io.writing.test_comparison import DAYS, IDENTITY, NOW, PRIOR_UID, prior, report_with, then
from tests.reports import examples

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "reference" / "result-json.md").read_text(encoding="utf-8")
VALIDATOR = Draft202012Validator(SCHEMA)
ORIGIN = Origin("1.2.3", "0" * 64, "f" * 64, datetime(2026, 11, 28, 12, 0, tzinfo=UTC))


@pytest.fixture(scope="module")
def result() -> Result:
    made, table = make(), examples.features()
    digest = ModelIdentity("recurrence", "1.0.0", "a" * 64, "Recurrence score", "demonstration")
    return Result(
        study=made.study,
        features=table,
        outcomes=(
            examples.recurrence(table, interval=(0.5, 0.9), model=digest, notes=made.report.notes),
            NotApplicable(digest, "no T2W series was found"),
        ),
        report=made.report,
        answer=encode(made.study, made.prepared, made.report, features_sr=True, key_images=True),
        facts=facts_of(made.study, made.report),
        stages=(StageCost("read", 0.1, 0.2, 300.0),),
    )


def mistakes(description: Any) -> list[str]:
    """Mistakes that the schema finds, each with its path."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(description)]


def objects(schema: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object that the schema describes key by key."""
    if isinstance(schema, dict):
        if "properties" in schema and "additionalProperties" in schema:
            yield path, schema
        for key, part in schema.items():
            yield from objects(part, f"{path}.{key}")


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema"]["const"] == result_json.SCHEMA


def test_an_answered_study_validates(result: Result) -> None:
    description = json.loads(answered(result, ORIGIN)["result.json"])
    assert mistakes(description) == []
    assert set(description) == set(SCHEMA["properties"])
    assert len(description["files"]) == 11


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
def test_a_study_that_was_given_up_validates(outcome: Outcome) -> None:
    assert mistakes(json.loads(of_refusal(ORIGIN, outcome=outcome, sentence="No tumour was found."))) == []
    assert mistakes(json.loads(of_refusal(ORIGIN, outcome=outcome, sentence=""))) != []


def test_a_key_that_is_added_without_being_described_is_seen(result: Result) -> None:
    content = answered(result, ORIGIN)["result.json"]
    for path in ((), ("models", 0), ("models", 0, "predictions", 0), ("quality_notes", 0), ("files", 0), ("stages", 0)):
        description = part = json.loads(content)
        for step in path:
            part = part[step]
        part["new_key"] = 1
        assert any("new_key" in mistake for mistake in mistakes(description)), path


def test_the_change_since_an_earlier_study_is_that_of_the_report(result: Result) -> None:
    used, other = prior(), prior(days=400, identity=replace(IDENTITY, issuer=""))
    compared = replace(result, report=report_with(used, other, prior(study_date=None)))
    description = json.loads(answered(compared, ORIGIN)["result.json"])
    assert mistakes(description) == []
    change, section = description["change"], compared.report.change
    assert section is not None
    assert (change["study_instance_uid"], change["interval_days"]) == (PRIOR_UID, DAYS)
    assert f"Change since {change['study_date']}" == section.title
    rows = [row for row in section.rows if not row.model]
    assert [(row["measure"], row["sequence"], row["then"], row["now"], row["unit"]) for row in change["sizes"]] == [
        (size.then.key, size.sequence, size.then.value, size.now.value, size.then.unit)
        for size in rows
        if size.then is not None and size.now is not None
    ]
    volume = change["sizes"][0]
    assert (volume["measure"], volume["difference"], volume["fraction"]) == ("volume", -volume["now"], -0.5)
    models = [row for row in section.rows if row.model]
    assert [(one["name"], one["then"]["value"], one["now"]["value"]) for one in change["models"]] == [
        (row.model, row.then.value, row.now.value) for row in models if row.then is not None and row.now is not None
    ]
    assert all(one["difference"] == one["now"]["value"] - one["then"]["value"] for one in change["models"])
    assert change["sentences"] == list(section.sentences)
    assert [one["reason"] for one in description["not_compared"]] == ["issuer-missing", "no-date"]
    assert [one["sentence"] for one in description["not_compared"]] == [
        note["sentence"] for note in description["quality_notes"] if note["code"] == PRIOR_NOT_USED
    ]
    assert "respon" not in json.dumps(change).lower().replace("responsib", "")


def test_a_model_without_a_score_has_no_difference(result: Result) -> None:
    outside = tuple(replace(one, value=None, group=None, state=State.OUTSIDE) for one in NOW.models)
    compared = replace(result, report=report_with(prior(measured=then(models=outside))))
    description = json.loads(answered(compared, ORIGIN)["result.json"])
    assert mistakes(description) == []
    assert [(one["then"]["validity"], one["difference"]) for one in description["change"]["models"]] == [
        ("outside", None)
    ] * len(NOW.models)


# Keys that were added within the schema: older files lack them.
ADDED = {"change", "not_compared"}


def test_a_key_that_is_missing_is_seen(result: Result) -> None:
    content = answered(result, ORIGIN)["result.json"]
    for key in json.loads(content).keys() - ADDED:
        description = json.loads(content)
        del description[key]
        assert mistakes(description), key


def test_every_key_is_closed_described_and_on_the_page() -> None:
    found = dict(objects(SCHEMA))
    assert len(found) == 18
    for path, part in found.items():
        assert part["additionalProperties"] is False or path == "$.properties.provenance", path
        for key, described in part["properties"].items():
            assert described.get("description", ""), f"{path}: {key}"
            assert f"`{key}`" in PAGE, f"{path}: {key}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("series", SeriesUsed),
        ("prediction", Prediction),
        ("contribution", Contribution),
        ("quality_note", QualityNote),
        ("stage", StageCost),
        ("reason", Reason),
        ("plausible_range", PlausibleRange),
    ],
)
def test_every_field_that_is_written_is_described(name: str, kind: type) -> None:
    assert set(SCHEMA["$defs"][name]["required"]) == {field.name for field in fields(kind)}  # type: ignore[arg-type]
    assert set(SCHEMA["$defs"][name]["properties"]) == {field.name for field in fields(kind)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("enumerated", "members"),
    [
        (SCHEMA["properties"]["outcome"], Outcome),
        (SCHEMA["$defs"]["model"]["properties"]["group"], (*Group, None)),
        (SCHEMA["$defs"]["quantity"], Quantity),
        (SCHEMA["$defs"]["state"], State),
        (SCHEMA["$defs"]["quality_note"]["properties"]["severity"], Severity),
        (SCHEMA["$defs"]["quality_note"]["properties"]["sequence"], (*Sequence, None)),
        (SCHEMA["$defs"]["quality_note"]["properties"]["region"], (*Region, None)),
        (SCHEMA["$defs"]["file"]["properties"]["role"], RESULTS),
        (SCHEMA["$defs"]["not_compared"]["properties"]["reason"], Obstacle),
        (SCHEMA["$defs"]["size_change"]["properties"]["sequence"], Sequence),
        (SCHEMA["$defs"]["answer_then_or_now"]["properties"]["group"], (*Group, None)),
    ],
)
def test_what_the_schema_enumerates_is_what_there_is(enumerated: dict[str, Any], members: Iterable[str | None]) -> None:
    assert set(enumerated["enum"]) == set(members)


def test_the_page_lists_every_quantity() -> None:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.split("| `quantity` | is |")[1], re.MULTILINE)
    assert rows == [str(quantity) for quantity in Quantity]


def test_the_number_of_contributions_is_that_of_the_code() -> None:
    assert SCHEMA["$defs"]["model"]["properties"]["leading_contributions"]["maxItems"] == result_json.LEADING
