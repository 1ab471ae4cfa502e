"""Studies of a cohort answered by the worker of a shared home: the same files as here. Kind: mechanics."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from appliance.offline import handed_over, runs
from appliance.offline.feature_extraction import StudyFiles, extraction_of, rows_of
from appliance.offline.feature_file import NoRow, Row
from appliance.settings import PreprocessingSettings, ReportSettings, Settings
from appliance.workbench import open_workbench
from dicom_io.rules import NO_ASSIGNMENT
from dicom_io.synthetic.study_writer import Grid, SyntheticStudy, make_study
from models.errors import SetupError

TINY_T1C = Grid(16, 64, 64, 6.0, (5.0, 5.0))
TINY_T2W = Grid(14, 56, 56, 7.0, (5.7, 5.7))
SETTINGS = Settings(preprocessing=PreprocessingSettings(n4="none"), report=ReportSettings(withheld=True))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SyntheticStudy:
    return make_study(tmp_path_factory.mktemp("in") / "study", seed=3, t1c=TINY_T1C, t2w=TINY_T2W)


def test_a_worker_writes_the_folder_that_would_be_written_here(tmp_path: Path, study: SyntheticStudy) -> None:
    bench = open_workbench(SETTINGS)
    answer = handed_over.answer_with(SETTINGS, bench)
    here, there = (
        runs.plan_run(study.folder, tmp_path / name, settings=SETTINGS, assignment=NO_ASSIGNMENT)
        for name in ("here", "there")
    )
    (task,) = there.tasks
    worker = tmp_path / "worker"
    worker.mkdir()
    answer(handed_over.question_of(task), task.files, worker)
    outcome = handed_over.outcome_of(task, {file.name: file.read_bytes() for file in worker.iterdir()})
    expected = runs.answer_to_folder(here.tasks[0], bench)
    assert outcome.outcome is expected.outcome is runs.Outcome.ANSWERED
    assert runs.predictions_of(outcome.description) == runs.predictions_of(expected.description)
    names = sorted(file.name for file in outcome.folder.iterdir())
    assert names == sorted(file.name for file in expected.folder.iterdir())
    features = [(folder / "features.csv").read_bytes() for folder in (outcome.folder, expected.folder)]
    assert features[0] == features[1]
    again = runs.plan_run(study.folder, tmp_path / "there", settings=SETTINGS, assignment=NO_ASSIGNMENT)
    assert (len(again.tasks), len(again.from_before)) == (0, 1), "a repeated run finds it"

    other = handed_over.answer_with(replace(SETTINGS, report=ReportSettings()), bench)
    with pytest.raises(SetupError, match="The workers would answer it otherwise"):
        other(handed_over.question_of(task), task.files, worker)


def test_a_worker_extracts_the_row_that_would_be_extracted_here(tmp_path: Path, study: SyntheticStudy) -> None:
    extraction, files = extraction_of(SETTINGS), tuple(sorted(study.folder.rglob("*.dcm")))
    answer = handed_over.answer_with(SETTINGS, bench=None)  # type: ignore[arg-type]  # features need no workbench
    one = StudyFiles("1.2.3", files, NO_ASSIGNMENT)
    rows = []
    for name in ("first", "second"):
        worker = tmp_path / name
        worker.mkdir()
        answer(handed_over.question_of_row(one, extraction), files, worker)
        sent = {file.name: file.read_bytes() for file in worker.iterdir()}
        rows.append(handed_over.row_of(one, extraction, sent, kept=tmp_path / "kept"))
    assert all(isinstance(row, Row) and not row.is_from_before for row in rows)
    first, second = rows
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.names == second.names
    np.testing.assert_array_equal(first.values, second.values)
    kept = rows_of(tmp_path / "kept", extraction, one).find(one.digest)
    assert kept is not None
    np.testing.assert_array_equal(kept.values, first.values)

    images = tuple(file for file in files if "seg" not in file.name.lower())
    refused = tmp_path / "refused"
    refused.mkdir()
    without = StudyFiles("1.2.3", images[:3], NO_ASSIGNMENT, remarks=("Beside it lies a file.",))
    answer(handed_over.question_of_row(without, extraction), without.files, refused)
    sent = {file.name: file.read_bytes() for file in refused.iterdir()}
    row = handed_over.row_of(without, extraction, sent, kept=tmp_path / "kept")
    assert isinstance(row, NoRow)
    assert row.sentence.endswith("Beside it lies a file.")

    asked = json.loads(handed_over.question_of_row(one, extraction)) | {"recipe_digest": "another"}
    with pytest.raises(SetupError, match="The workers would answer it otherwise"):
        answer(json.dumps(asked), files, refused)
