"""Studies of a cohort that the workers of a shared home answer: the question, its answer there, its outcome here.

A question says what determined the answer would be here (`recipe`). A worker whose settings, models or version would
answer otherwise refuses it, so a folder of results never mixes two recipes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.files import make_private_folder
from appliance.offline.feature_extraction import (
    Extraction,
    StudyFiles,
    extraction_of,
    open_extraction,
    recipe_of,
    rows_of,
)
from appliance.offline.feature_file import NoRow, Row
from appliance.offline.recipe import digest_of, run_recipe
from appliance.offline.result_folder import write_folder
from appliance.offline.result_json import RESULT
from appliance.offline.runs import Outcome, StudyOutcome, StudyTask, answer_to_folder
from appliance.settings import Settings
from dicom_io.rules import Assignment
from models.errors import SetupError
from models.files import write_output

if TYPE_CHECKING:
    from appliance.pipeline import Workbench

REFUSAL = "refusal.txt"  # why a study has no row, among the files of an answer


class What(StrEnum):
    """Result that is wanted of a study."""

    ANSWER = "answer"  # as `rdeepnet run`
    FEATURES = "features"  # as `rdeepnet features`


OTHER_RECIPE = (
    "The workers would answer it otherwise than this command: their settings, models or version differ; expected the "
    "same configuration file, model packages and version on both."
)


def question_of(task: StudyTask) -> str:
    """A study as JSON; its files travel beside it."""
    return json.dumps(
        {
            "what": What.ANSWER,
            "study_instance_uid": task.study_instance_uid,
            "input_digest": task.input_digest,
            "recipe_digest": task.recipe_digest,
            "assignment": asdict(task.assignment),
            "remarks": task.remarks,
        }
    )


def question_of_row(study: StudyFiles, extraction: Extraction) -> str:
    """A study whose features are wanted, as JSON; its files travel beside it."""
    return json.dumps(
        {
            "what": What.FEATURES,
            "study_instance_uid": study.study_instance_uid,
            "input_digest": study.digest,
            "recipe_digest": recipe_of(extraction, study),
            "assignment": asdict(study.assignment),
            "remarks": study.remarks,
        }
    )


def answer_with(settings: Settings, bench: Workbench) -> Callable[[str, Sequence[Path], Path], None]:
    """Returns what a worker answers questions with: it writes the files of an answer into a folder.

    Raises (what is returned)
    -------------------------
    SetupError
        When this worker would answer otherwise than who asked.
    """

    extraction = extraction_of(settings)

    @lru_cache(maxsize=8)
    def recipe_digest(assignment: Assignment) -> str:
        return digest_of(run_recipe(settings, assignment=assignment))

    @cache
    def opened() -> Callable[[StudyFiles], Row | NoRow]:
        return open_extraction(extraction)

    def answer(question: str, files: Sequence[Path], folder: Path) -> None:
        values = json.loads(question)
        if What(values["what"]) is What.ANSWER:
            task = _task(values, files, folder)
            if recipe_digest(task.assignment) != task.recipe_digest:
                raise SetupError(OTHER_RECIPE)
            answer_to_folder(task, bench)
            return
        study = _study(values, files)
        if recipe_of(extraction, study) != values["recipe_digest"]:
            raise SetupError(OTHER_RECIPE)
        row = opened()(study)
        if isinstance(row, Row):
            rows_of(folder, extraction, study).keep(row, values["input_digest"])
        else:
            write_output(folder / REFUSAL, row.sentence.encode())

    return answer


def outcome_of(task: StudyTask, files: Mapping[str, bytes]) -> StudyOutcome:
    """The outcome of a study that a worker answered; its folder is written."""
    write_folder(task.folder, files)
    description = json.loads(files[RESULT])
    return StudyOutcome(
        study_instance_uid=task.study_instance_uid,
        folder=task.folder,
        outcome=Outcome(description["outcome"]),
        sentence=str(description["sentence"]),
        is_from_before=False,
        description=description,
        identity=task.identity,
    )


def row_of(study: StudyFiles, extraction: Extraction, files: Mapping[str, bytes], *, kept: Path) -> Row | NoRow:
    """The row of a study that a worker extracted; it is kept."""
    if REFUSAL in files:
        return NoRow(study.study_instance_uid, files[REFUSAL].decode())
    make_private_folder(kept)
    for name, content in files.items():
        write_output(kept / name, content)
    row = rows_of(kept, extraction, study).find(study.digest)
    if row is None:
        return NoRow(study.study_instance_uid, "The row that a worker sent cannot be read; see the log of the worker.")
    return replace(row, is_from_before=False)


def _task(values: Mapping[str, Any], files: Sequence[Path], folder: Path) -> StudyTask:
    return StudyTask(
        study_instance_uid=values["study_instance_uid"],
        files=tuple(files),
        folder=folder,
        input_digest=values["input_digest"],
        recipe_digest=values["recipe_digest"],
        assignment=_assignment(values["assignment"]),
        remarks=tuple(values["remarks"]),
    )


def _study(values: Mapping[str, Any], files: Sequence[Path]) -> StudyFiles:
    return StudyFiles(
        values["study_instance_uid"], tuple(files), _assignment(values["assignment"]), tuple(values["remarks"])
    )


def _assignment(values: Mapping[str, Any]) -> Assignment:
    return Assignment(t1c=values["t1c"], t2w=values["t2w"], tumour=tuple(values["tumour"]))
