"""A planted warning, the notice of the models and the state of the answer in every output. Kind: mechanics.

One study through `run` (standard output, studies.csv, --json, result.json, PDF, SR) and through the outbox of a service
(`status` and `show`, as tables and as JSON). The warning is planted by an accession number longer than DICOM allows.
"""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from jsonschema import Draft202012Validator
from pypdf import PdfReader
from typer.testing import CliRunner

from appliance.cli import app
from appliance.in_short import _WARNING
from appliance.service.bench import answer
from appliance.service.worker import Asked
from appliance.settings import load_settings
from appliance.state.inbox_folder import FolderInbox
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.records import Records
from appliance.workbench import open_workbench
from dicom_io.rules import NO_ASSIGNMENT
from dicom_io.synthetic.study_writer import Grid, SyntheticStudy, make_study
from models.quality_notes import Severity
from models.volume import Sequence
from tests.conftest import ROOT

NOTICE = "demonstration model, not trained on patients"  # of the packages that come with the product
PLANTED, CODE = "hold values that DICOM does not allow", "header-values"
NUMBER = "SYN-A0001-WITH-A-TAIL"  # 21 characters; SH allows 16 (PS3.5 table 6.2-1)
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "views.schema.json").read_text(encoding="utf-8"))
IDENTITY = ("study_instance_uid", "patient_id", "study_date", "accession_number", "source_folder")
RUNNER = CliRunner()
pytestmark = pytest.mark.slow


@dataclass
class Views:
    """Texts of every output of one study by name, and its JSON documents."""

    study: SyntheticStudy
    folder: Path
    texts: Mapping[str, str]
    run: dict[str, Any]
    result: dict[str, Any]
    row: dict[str, str]
    status: dict[str, Any]
    show: dict[str, Any]
    series: list[dict[str, Any]]
    features: list[dict[str, Any]]


def called(*arguments: str) -> str:
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Views:
    folder = tmp_path_factory.mktemp("views")
    grid = Grid(16, 64, 64, 6.0, (5.0, 5.0))
    study = make_study(folder / "in" / "a", seed=1, sequences=(Sequence.T1C,), t1c=grid, segmented=(Sequence.T1C,))
    for path in study.files:
        dataset = pydicom.dcmread(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library says that the value is too long, as it is meant to be
            dataset.AccessionNumber = NUMBER
            dataset.save_as(path)
    config = folder / "rdeepnet.toml"
    config.write_text(
        '[service]\nstate_dir = "state"\n[preprocessing]\nn4 = "none"\n'
        "[status]\naccession_number = true\npatient = true\n",
        encoding="utf-8",
    )
    root, out, shared = str(folder / "in"), folder / "out", ("--config", str(config))
    printed = called("run", root, "--out", str(out), *shared)
    (ran,) = json.loads(called("run", root, "--out", str(out), "--json", *shared))
    uid = study.study_instance_uid
    _answered_by_a_service(study, config)
    made = next(out.glob("study-*"))
    table = (out / "studies.csv").read_text(encoding="utf-8")
    result = json.loads((made / "result.json").read_text(encoding="utf-8"))
    (status,), show = (
        json.loads(called("status", "--json", *shared)),
        json.loads(called("show", uid, "--json", *shared)),
    )
    embedded = io.BytesIO(pydicom.dcmread(made / "pdf.dcm").EncapsulatedDocument)
    texts = {
        "run": printed,
        "run --json": json.dumps(ran, ensure_ascii=False),
        "studies.csv": table,
        "result.json": json.dumps(result, ensure_ascii=False),
        "report.pdf": _pages(io.BytesIO((made / "report.pdf").read_bytes())),
        "pdf.dcm": _pages(embedded),
        "key_sr.dcm": _tree(pydicom.dcmread(made / "key_sr.dcm")),
        "status": called("status", *shared),
        "status --json": json.dumps(status, ensure_ascii=False),
        "show": called("show", uid, *shared),
        "show --json": json.dumps(show, ensure_ascii=False),
    }
    surveyed = json.loads(called("series", root, "--json", *shared))
    extracted = json.loads(called("features", root, "--out", str(folder / "f.csv"), "--json", *shared))
    (row,) = csv.DictReader(io.StringIO(table))
    return Views(study, folder, texts, ran, result, row, status, show, surveyed, extracted)


def _answered_by_a_service(study: SyntheticStudy, config: Path) -> None:
    """Puts images, records and results of the study into a state folder, as the service leaves them."""
    settings = load_settings(config)
    uid, state = study.study_instance_uid, settings.service.state_dir
    inbox = FolderInbox(state / "inbox")
    for number, path in enumerate(study.files):
        inbox.keep(uid, instance_uid=f"1.{number}", meta=b"", dataset=path.read_bytes())
    records = Records(state / "studies.sqlite3")
    records.arrived(uid)
    job = records.queue(uid, digest="d")
    records.start(job)
    asked = Asked(assignment=NO_ASSIGNMENT, created=datetime(2026, 11, 29, 12, 0, tzinfo=UTC))
    FolderOutbox(state / "outbox").put(job, answer(study.files, asked, bench=open_workbench(settings)))
    records.close()


def _tree(item: pydicom.Dataset) -> str:
    return " ".join([str(item.get("TextValue", "")), *(_tree(child) for child in item.get("ContentSequence", ()))])


def _pages(stream: Any) -> str:
    return " ".join(page.extract_text() for page in PdfReader(stream).pages)


def _words(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_the_notice_is_in_every_output(views: Views) -> None:
    assert not [name for name, text in views.texts.items() if _words(NOTICE) not in _words(text)]


def test_the_planted_warning_is_in_every_output(views: Views) -> None:
    """Its sentence where there is room, its code in the table, the number of warnings where only that is shown."""
    counted = len([note for note in views.result["quality_notes"] if note["severity"] == Severity.WARNING])
    assert counted > 0
    said = {
        "studies.csv": CODE,
        "status": f"{counted}warning",
        "status --json": f'"warnings":{counted},',
        "show": f"{counted}warning",
        "show --json": f'"warnings":{counted},',
    }
    for name, text in views.texts.items():
        assert said.get(name, _words(PLANTED)) in _words(text), name
    (extracted,) = views.features
    assert CODE in [note["code"] for note in extracted["quality_notes"] if note["severity"] == Severity.WARNING]
    assert 0 < extracted["warnings"] <= counted  # those of the models are not among them
    assert views.run["warnings"] == views.status["warnings"] == views.show["warnings"] == counted
    assert views.row["warnings"] == str(counted)


def test_state_and_first_reason_are_the_same_everywhere(views: Views) -> None:
    (worst,) = [model for model in views.result["models"] if model["validity"] == views.result["validity"]]
    expected = worst["reasons"][0]["sentence"]
    for said in (views.run, views.status, views.show, views.row):
        assert (said["validity"], said["reason"]) == (views.result["validity"], expected)
    for name in ("run", "status", "show"):
        assert _words(expected)[:20] in _words(views.texts[name]), name


def test_the_identity_is_the_same_everywhere(views: Views) -> None:
    header = pydicom.dcmread(views.study.files[0])
    day = datetime.strptime(header.StudyDate, "%Y%m%d").date().isoformat()
    for said in (views.run, views.status, views.show, views.row):
        assert said["study_instance_uid"] == views.study.study_instance_uid
        assert (said["patient_id"], said["study_date"]) == (header.PatientID, day)
        assert said["accession_number"] == NUMBER
    for (other,) in (views.series, views.features):
        assert {key: other[key] for key in IDENTITY} == {key: views.run[key] for key in IDENTITY}
    assert views.run["source_folder"] == views.row["source_folder"] == str(views.folder / "in" / "a")
    for text in (header.PatientID, day):
        assert text in views.texts["run"]
        assert text in views.texts["show"]


def test_result_json_stays_without_patient_data(views: Views) -> None:
    assert "SYN0001" not in views.texts["result.json"]


def test_a_service_shows_no_patient_unless_it_is_set(views: Views) -> None:
    config = views.folder / "rdeepnet.toml"
    silent = views.folder / "silent.toml"
    silent.write_text(config.read_text(encoding="utf-8").split("[status]")[0], encoding="utf-8")
    for command in (["status"], ["status", "--json"], ["show", views.study.study_instance_uid, "--json"]):
        text = called(*command, "--config", str(silent))
        assert "SYN0001" not in text
        assert NUMBER not in text


def test_numbers_are_numbers(views: Views) -> None:
    models = {model["name"]: model for model in views.result["models"]}
    scored = {name: value for name, value in views.run["predictions"].items() if isinstance(value, float)}
    shown = sum(len(model.get("predictions", ())) for model in models.values())
    assert len(scored) == shown


def test_the_word_for_a_warning() -> None:
    assert Severity.WARNING == _WARNING


def _mistakes(name: str, document: Any) -> list[str]:
    validator = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_the_documents_follow_their_schema(views: Views) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert _mistakes("run", [views.run]) == _mistakes("status", [views.status]) == _mistakes("show", views.show) == []
    assert _mistakes("series", views.series) == _mistakes("features", views.features) == []
    lists = {"run": views.run, "status": views.status, "series": views.series[0], "features": views.features[0]}
    for name, row in lists.items():
        for key in row:
            assert _mistakes(name, [{other: value for other, value in row.items() if other != key}]), f"{name}: {key}"
