"""`rdeepnet analyse demo`: what was planted is found, and nothing where nothing was. Kind: whole command, slow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appliance.cli import app

pytestmark = pytest.mark.slow


def questions(out: Path, *options: str) -> dict[str, dict[str, Any]]:
    answer = CliRunner().invoke(app, ["analyse", "demo", "--out", str(out), "--json", *options])
    assert answer.exit_code == 0, answer.output
    shown = json.loads(answer.stdout)
    assert shown["is_null"] is ("--null" in options)
    return {one["what"]: one for one in shown["questions"]}


def test_what_was_planted_is_found(tmp_path: Path) -> None:
    found = questions(tmp_path)
    assert found["lncRNAs of the score"]["things"] == 9
    assert found["lncRNAs of the score"]["right"] >= 8
    assert found["lncRNAs of the score"]["wrong"] <= 3
    assert found["pathways of KRT7-AS (camera)"]["right"] >= 3
    before = found["responders against non-responders, before"]
    assert before["right"] > 10  # effects of a third of a standard deviation, 127 patients
    assert before["wrong"] <= 3
    changed = found["after against before, responders"]
    assert changed["right"] > changed["things"] / 2
    assert "likelihood-ratio P < .001 beyond age, stage, subtype" in found["score and recurrence"]["found"]
    for folder in ("patients", "therapy", "radiogenomics"):
        names = {path.name for path in (tmp_path / folder).iterdir()}
        assert {"report.html", "report.pdf", "result.json", "methods.txt", "figures"} <= names
    # The label that the radiogenomic analysis derives is what `train krt7-as` takes.
    assert (tmp_path / "radiogenomics" / "krt7-as.csv").exists()


def test_where_nothing_was_planted_next_to_nothing_is_found(tmp_path: Path) -> None:
    found = questions(tmp_path, "--null")
    assert all(one["things"] == 0 for one in found.values())
    assert found["lncRNAs of the score"]["wrong"] <= 1
    assert found["pathways of the score (GSVA)"]["wrong"] <= 1
    assert found["does change differ by response"]["wrong"] <= 10
