"""JSON of the commands without studies follows docs/views.schema.json. Kind: mechanics.

Those with studies are in test_every_output.py, training in commands/test_train.py.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands.exit_status import Exit
from appliance.state.records import Records
from appliance.state.states import State
from tests.conftest import ROOT

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "views.schema.json").read_text(encoding="utf-8"))
PACKAGE = ROOT / "models" / "packages" / "krt7_as"
RUNNER = CliRunner()


def mistakes(name: str, document: Any) -> list[str]:
    """Mistakes of a document by the definition of this name."""
    validator = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def written(name: str, *line: object, status: int = Exit.OK) -> Any:
    """The document that a command prints, which follows its definition and lacks nothing of it."""
    result = RUNNER.invoke(app, [*map(str, line), "--json"])
    assert result.exit_code == status, result.output
    document = json.loads(result.stdout)
    assert mistakes(name, document) == []
    one = document[0] if isinstance(document, list) else document
    for key in SCHEMA["$defs"][name].get("required", ()):
        assert mistakes(name, {other: value for other, value in one.items() if other != key}), key
    return document


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated cohort, a package, keys and a configuration."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, folder / "package")
    (folder / "rdeepnet.toml").write_text('[service]\nstate_dir = "state"\n[[senders]]\nae_title = "MR1"\n')
    tables = written("files", "cohort", "simulate", "--out", folder)
    assert tables == {"files": [str(folder / "features.parquet"), str(folder / "outcomes.csv")]}
    return folder


def test_the_sizing() -> None:
    found = written("sizing", "sizing", "--studies", "400")
    assert found["resources"][0]["share"] == max(each["share"] for each in found["resources"])


def test_the_cohort(site: Path) -> None:
    tables = ("--features", site / "features.parquet", "--outcomes", site / "outcomes.csv")
    checked = written("cohort_check", "cohort", "check", *tables)
    training = next(cohort for cohort in checked["cohorts"] if cohort["name"] == "training")
    assert training["shortest_months"] < training["follow_up_months"] < training["longest_months"]
    out = site / "scores.csv"
    scored = written("score", "score", PACKAGE, *tables[:2], "--out", out)
    assert scored["patients"] == sum(scored["validity"].values()) == checked["joined"]
    assert scored["patients"] - scored["scored"] == scored["validity"].get("outside", 0)  # those are withheld
    with out.open() as lines:
        assert sum(",high," in line for line in lines) == scored["high"]
    evaluated = written("evaluate", "evaluate", PACKAGE, *tables, "--out", site / "evaluation", "--resamples", "100")
    assert evaluated == json.loads((site / "evaluation" / "evaluation.json").read_text())
    key = site / "names.key"
    assert written("key", "pseudonymise", "make-key", key)["file"] == str(key)
    made = written(
        "pseudonymise_table", "pseudonymise", "table", tables[3], "--key", key, "--out", site / "p.csv"
    )  # fmt: skip
    assert made["rows"] == checked["outcome_rows"]
    assert {*made["columns"], *made["left_out"]} == set(tables[3].read_text().splitlines()[0].split(","))


def test_the_packages(site: Path) -> None:
    package, key = site / "package", site / "sign.key"
    (listed, *_) = written("models", "models")
    shown = written("models_show", "models", "show", package)
    assert {name for name in listed if name != "provider"} <= set(shown)
    assert shown["out_of_fold"]["low"] < shown["out_of_fold"]["value"] < shown["out_of_fold"]["high"]
    made = written("key", "models", "make-key", key)
    assert made["public_file"] == f"{key}.pub"
    ((fingerprint,),) = ([entry["fingerprint"] for entry in _list("key", "models", "show-key", f"{key}.pub")],)
    assert written("models_sign", "models", "sign", package, "--key", key)["signed_by"] == fingerprint
    (verified,) = _list("models_verify", "models", "verify", package, "--key", f"{key}.pub")
    assert (verified["model"]["signed_by"], verified["is_trusted"]) == (fingerprint, True)


def _list(name: str, *line: object) -> list[dict[str, Any]]:
    result = RUNNER.invoke(app, [*map(str, line), "--json"])
    assert result.exit_code == Exit.OK, result.output
    documents: list[dict[str, Any]] = json.loads(result.stdout)
    assert [mistakes(name, one if name == "key" else documents) for one in documents] == [[]] * len(documents)
    return documents


def test_the_configuration(site: Path) -> None:
    config = site / "rdeepnet.toml"
    assert written("config_check", "config", "check", config)["senders"] == 1
    wrong = site / "wrong.toml"
    wrong.write_text("[service]\nport = 1\nprot = 2\n[studdy]\n")
    error = written("error", "config", "check", wrong, status=Exit.SETUP)["error"]
    assert [mistake["line"] for mistake in error["mistakes"]] == [3, 4]
    assert all(mistake["sentence"] in error["sentence"] for mistake in error["mistakes"])


def test_the_map(tmp_path: Path) -> None:
    assert set(written("map_show", "map", "show")) == {"app", "pkg"}
    assert set(written("map_show", "map", "show", "pkg")) == {"pkg"}
    files = written("files", "map", "manifests", "--out", tmp_path)["files"]
    assert all(Path(file).is_file() for file in files)


def test_the_service_and_its_studies(site: Path, tmp_path: Path) -> None:
    at = ("--config", site / "rdeepnet.toml")
    records = Records(site / "state" / "studies.sqlite3")
    records.arrived("1.2.826.1")
    records.arrived("1.2.826.2")
    job = records.queue("1.2.826.2", digest="d")
    records.start(job)
    records.gave_up(job, state=State.REFUSED, sentence="No T1+C series was found.")
    records.close()
    assert written("moved", "complete", "826.1", *at)["study_instance_uid"] == "1.2.826.1"
    assert written("show", "show", "826.1", *at)["record"]["study_instance_uid"] == "1.2.826.1"
    assert "study_uid" not in json.dumps(written("show", "show", "826.1", *at))
    assert {study["state"] for study in written("status", "status", *at)} == {State.RECEIVED, State.REFUSED}
    dropped = written("moved", "drop", "826.2", "--reason", "sent by mistake", *at)
    assert (dropped["study_instance_uid"], dropped["state"]) == ("1.2.826.2", State.REFUSED)
    assert written("moved", "retry", "826.2", *at) == {"study_instance_uid": "1.2.826.2", "state": State.QUEUED}
    healthy = written("health", "health", *at, status=Exit.INCOMPLETE)
    assert not healthy["healthy"]
    saved = written("backup", "backup", tmp_path / "copy", *at)
    assert saved["files"] == sum(path.is_file() for path in (tmp_path / "copy").rglob("*")) > 0
