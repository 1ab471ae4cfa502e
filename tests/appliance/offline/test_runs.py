"""`rdeepnet run`: a folder for each study, resumed when repeated, one bad study among good ones."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest
from click.testing import Result
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from appliance.cli import app
from appliance.files import digest_of_files
from appliance.offline import result_folder
from appliance.offline.result_json import read_result
from dicom_io.synthetic.study_writer import Grid, SyntheticStudy, make_study
from models.validity import State
from models.volume import Sequence
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
TINY_T1C = Grid(16, 64, 64, 6.0, (5.0, 5.0))
TINY_T2W = Grid(14, 56, 56, 7.0, (5.7, 5.7))


@dataclass
class Cohort:
    """Two good studies (one without T2W), one without a segmentation, one with a damaged image; their results."""

    root: Path
    out: Path
    config: Path
    good: SyntheticStudy
    without_t2w: SyntheticStudy
    without_tumour: SyntheticStudy
    damaged: SyntheticStudy

    def run(self) -> tuple[Result, dict[str, dict[str, Any]]]:
        """Run; the outcome of each study by UID."""
        options = ["--out", str(self.out), "--jobs", "2", "--config", str(self.config), "--json"]
        result = CliRunner().invoke(app, ["run", str(self.root), *options])
        return result, {row["study_instance_uid"]: row for row in json.loads(result.stdout)}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohort")
    root = folder / "in"
    config = folder / "rdeepnet.toml"
    # Without N4 it is quicker; N4 has tests of its own. Studies so coarse are far from the training patients, so that
    # their scores are withheld: a researcher's setting writes them.
    config.write_text('[preprocessing]\nn4 = "none"\n[report]\nwithheld = true\n', encoding="utf-8")
    made = {
        name: make_study(root / name, seed=seed, sequences=sequences, t1c=TINY_T1C, t2w=TINY_T2W, segmented=segmented)
        for seed, (name, sequences, segmented) in enumerate(
            [
                ("good", tuple(Sequence), (Sequence.T1C,)),
                ("without_t2w", (Sequence.T1C,), (Sequence.T1C,)),
                ("without_tumour", tuple(Sequence), ()),
                ("damaged", (Sequence.T1C,), (Sequence.T1C,)),
            ],
            start=1,
        )
    }
    broken = made["damaged"].series["t1c"][5]
    broken.write_bytes(broken.read_bytes()[:-3000])
    return Cohort(root=root, out=folder / "out", config=config, **made)


@pytest.fixture(scope="module")
def first(cohort: Cohort) -> tuple[Result, dict[str, dict[str, Any]]]:
    return cohort.run()


@pytest.mark.slow
def test_a_bad_study_does_not_stop_the_others(cohort: Cohort, first: tuple[Result, dict[str, dict[str, Any]]]) -> None:
    result, rows = first
    assert result.exit_code == 1
    outcomes = {name: rows[getattr(cohort, name).study_instance_uid] for name in ("good", "without_t2w")}
    assert {row["outcome"] for row in outcomes.values()} == {"answered"}
    refused = [rows[study.study_instance_uid] for study in (cohort.without_tumour, cohort.damaged)]
    assert {row["outcome"] for row in refused} == {"refused"}
    assert "segmentation" in refused[0]["sentence"]
    assert cohort.damaged.series["t1c"][5].name in refused[1]["sentence"]
    assert not any("Synthetic^" in row["sentence"] or "SYN0" in row["sentence"] for row in rows.values())


@pytest.mark.slow
def test_an_answered_study_has_everything(cohort: Cohort, first: tuple[Result, dict[str, dict[str, Any]]]) -> None:
    row = first[1][cohort.good.study_instance_uid]
    folder = Path(row["folder"])
    assert folder.name == result_folder.folder_name(cohort.good.study_instance_uid)
    description = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    names = {"seg_t1c.dcm", "seg_t2w.dcm", "key_sr.dcm", "pdf.dcm", "report.pdf", "features.csv"}
    assert {file["name"] for file in description["files"]} == names
    assert {file.name for file in folder.iterdir()} == names | {"result.json"}
    for file in description["files"]:
        content = (folder / file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        if "sop_instance_uid" in file:
            assert pydicom.dcmread(folder / file["name"]).SOPInstanceUID == file["sop_instance_uid"]
    assert [stage["stage"] for stage in description["stages"]] == [
        "read", "preprocess", "extract", "predict", "report", "encode",
    ]  # fmt: skip
    assert description["notices"] == ["demonstration model, not trained on patients"]
    assert description["features"]["count"] == 3452
    with (folder / "features.csv").open(encoding="utf-8") as stream:
        features = list(csv.DictReader(stream))
    assert len(features) == 3452
    assert features[0].keys() == {"name", "value", "unit", "ibsi"}
    assert "SYN0" not in (folder / "result.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_models_that_need_t2w_say_so(cohort: Cohort, first: tuple[Result, dict[str, dict[str, Any]]]) -> None:
    folder = Path(first[1][cohort.without_t2w.study_instance_uid]["folder"])
    description = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert description["features"]["count"] == 1726
    models = {model["name"]: model for model in description["models"]}
    assert "no T2W series was found" in models["recurrence"]["not_applicable"]
    assert models["recurrence"]["validity"] == State.NOT_ASKED
    answered = models["recurrence_t1c"]
    shown = answered["predictions" if State(answered["validity"]).shows_score else "withheld"]
    assert {prediction["horizon_months"] for prediction in shown} == {None, 12.0, 24.0, 36.0}


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_every_result_validates(cohort: Cohort) -> None:
    results = [json.loads(file.read_text(encoding="utf-8")) for file in cohort.out.glob("study-*/result.json")]
    assert len(results) == 4
    for description in results:
        Draft202012Validator(SCHEMA).validate(description)


@pytest.mark.slow
def test_the_summary_lists_every_study(cohort: Cohort, first: tuple[Result, dict[str, dict[str, Any]]]) -> None:
    with (cohort.out / "studies.csv").open(encoding="utf-8") as stream:
        rows = {row["study_instance_uid"]: row for row in csv.DictReader(stream)}
    assert rows.keys() == first[1].keys()
    good = rows[cohort.good.study_instance_uid]
    predictions = first[1][cohort.good.study_instance_uid]["predictions"]
    state = State(good["recurrence.validity"])
    assert {name: good[name] for name in predictions} == {name: str(value) for name, value in predictions.items()}
    assert ("recurrence.recurrence_score" in predictions) is state.shows_score
    assert (good["recurrence.group"] in ("high", "low")) is state.shows_group
    assert bool(good["recurrence.reasons"]) is (state is not State.VALID)
    assert rows[cohort.damaged.study_instance_uid]["recurrence.validity"] == ""


@pytest.mark.slow
def test_repeated_only_what_is_not_there_is_done(
    cohort: Cohort, first: tuple[Result, dict[str, dict[str, Any]]]
) -> None:
    folder = Path(first[1][cohort.good.study_instance_uid]["folder"])
    before = (folder / "key_sr.dcm").stat().st_mtime_ns
    leftover = cohort.out / ".study-0000.1.part"
    leftover.mkdir()
    other = Path(first[1][cohort.without_t2w.study_instance_uid]["folder"])
    (other / "report.pdf").unlink()  # no longer whole: done again
    result, rows = cohort.run()
    assert result.exit_code == 1
    assert (folder / "key_sr.dcm").stat().st_mtime_ns == before
    assert {uid for uid, row in rows.items() if not row["is_from_before"]} == {cohort.without_t2w.study_instance_uid}
    assert (other / "report.pdf").is_file()
    assert not leftover.exists()
    assert [row["outcome"] for row in rows.values()] == [first[1][uid]["outcome"] for uid in rows]


def test_the_digest_of_the_input_follows_content_and_nothing_else(tmp_path: Path) -> None:
    one, two, same = (tmp_path / name for name in ("one", "two", "same"))
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    same.write_bytes(b"1")
    assert digest_of_files([one, two]) == digest_of_files([two, same])
    two.write_bytes(b"3")
    assert digest_of_files([one, two]) != digest_of_files([one, one])
    # by hand: sha256sum of the line-joined, sorted sha256sums
    inner = sorted(hashlib.sha256(content).hexdigest() for content in (b"1", b"3"))
    assert digest_of_files([one, two]) == hashlib.sha256("\n".join(inner).encode()).hexdigest()


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "study-1"
    result_folder.write_folder(folder, {"a": b"1", "b": b"2"})
    result_folder.write_folder(folder, {"a": b"3"})
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"a": b"3"}
    assert [item.name for item in tmp_path.iterdir()] == ["study-1"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 0, "files": []}'])
def test_a_result_that_can_not_be_used_is_done_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "result.json").write_bytes(content)
    assert read_result(tmp_path) is None


def test_folder_names_say_nothing() -> None:
    name = result_folder.folder_name("1.2.3")
    assert name == f"study-{hashlib.sha256(b'1.2.3').hexdigest()[:16]}"
