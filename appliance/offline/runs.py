"""`rdeepnet run`: every study in a folder tree through the pipeline, each into a folder of its own.

A study whose files, settings, models and version are those of an earlier run is not processed again. A study that is
refused or fails does not stop the others; its sentence goes into its result.json.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.files import digest_of_files
from appliance.offline.recipe import digest_of, run_recipe
from appliance.offline.result_folder import answered, folder_name, remove_leftovers, write_folder
from appliance.offline.result_json import RESULT, Origin, of_refusal, read_result
from appliance.process_pool import Broken, answers
from appliance.settings import Settings
from dicom_io.advice import Reader, advised
from dicom_io.reading.folder import look_into
from dicom_io.rules import Assignment
from models.errors import RDeepNetError, StudyRejected
from models.validity import State
from reports.validity_words import STATES

if TYPE_CHECKING:
    from appliance.pipeline import Workbench

SUMMARY = "studies.csv"


class Outcome(StrEnum):
    """Outcome of a study."""

    ANSWERED = "answered"  # everything was written
    REFUSED = "refused"  # cannot be answered as it is; the sentence says what is missing
    FAILED = "failed"  # something of ours failed; it is tried again in the next run


@dataclass(frozen=True)
class StudyTask:
    """One study to process.

    Attributes
    ----------
    reader : who reads a refusal
    remarks : what stands outside its files and may explain a refusal, as sentences
    """

    study_instance_uid: str
    files: tuple[Path, ...]
    folder: Path
    input_digest: str
    recipe_digest: str
    assignment: Assignment
    reader: Reader = Reader.COMMAND_LINE
    remarks: tuple[str, ...] = ()

    def origin(self, created: datetime) -> Origin:
        """Origin of its result."""
        return Origin(self.study_instance_uid, self.input_digest, self.recipe_digest, created)


@dataclass(frozen=True)
class StudyOutcome:
    """Outcome of one study, with its folder and reason.

    Attributes
    ----------
    sentence : why it was refused or failed, empty when answered
    is_from_before : an earlier run did it with the same input, settings, models and version
    description : the content of its result.json
    """

    study_instance_uid: str
    folder: Path
    outcome: Outcome
    sentence: str
    is_from_before: bool
    description: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """Work to do in a run.

    Attributes
    ----------
    out : folder of the results
    from_before : outcomes of an earlier run that still hold
    tasks : the studies to process
    """

    out: Path
    from_before: tuple[StudyOutcome, ...]
    tasks: tuple[StudyTask, ...]

    def __len__(self) -> int:
        return len(self.from_before) + len(self.tasks)


def plan_run(
    root: Path, out: Path, *, settings: Settings, assignment: Assignment, reader: Reader = Reader.COMMAND_LINE
) -> Plan:
    """Find the studies below `root`, and those that `out` has the results of; `reader` reads what is refused.

    Raises
    ------
    StudyRejected
        When there is no study below `root`.
    SetupError
        When a model package fails its checks, or the settings contradict each other.
    """
    folder = look_into(root)
    recipe = digest_of(run_recipe(settings, assignment=assignment))
    out.mkdir(parents=True, exist_ok=True)
    remove_leftovers(out)
    from_before: list[StudyOutcome] = []
    tasks: list[StudyTask] = []
    for uid, files in folder.studies.items():
        task = StudyTask(
            study_instance_uid=uid,
            files=tuple(files),
            folder=out / folder_name(uid),
            input_digest=digest_of_files(files),
            recipe_digest=recipe,
            assignment=assignment,
            reader=reader,
            remarks=folder.remarks(uid),
        )
        earlier = _earlier(task)
        if earlier is None:
            tasks.append(task)
        else:
            from_before.append(earlier)
    return Plan(out, tuple(from_before), tuple(tasks))


def run(plan: Plan, *, settings: Settings, jobs: int) -> Iterator[StudyOutcome]:
    """Process the studies of a plan, `jobs` at a time; outcomes come as they end, earlier ones first.

    When the last one has come, `studies.csv` in the folder of the results has one line for each.

    Raises
    ------
    SetupError
        When the settings cannot be followed here: no such device, a model that does not reproduce.
    """
    outcomes = list(plan.from_before)
    yield from plan.from_before
    for ended in answers(plan.tasks, partial(open_worker, settings), jobs=jobs):
        outcome = _failed(ended.task, ended.reason) if isinstance(ended, Broken) else ended.answer
        outcomes.append(outcome)
        yield outcome
    _write_summary(plan.out / SUMMARY, outcomes)


def open_worker(settings: Settings) -> Callable[[StudyTask], StudyOutcome]:
    """Opens the workbench once in a worker and returns the function that it calls for every study."""
    from appliance.workbench import open_workbench

    return partial(answer_to_folder, bench=open_workbench(settings))


def answer_to_folder(task: StudyTask, bench: Workbench) -> StudyOutcome:
    """Answer one study and write its folder."""
    # Imported here: a run that has nothing left to do does not wait for the libraries.
    from appliance.pipeline import answer_study

    created = datetime.now().astimezone()
    try:
        result = answer_study(task.files, bench, assignment=task.assignment, created=created)
    except StudyRejected as error:
        return _given_up(task, Outcome.REFUSED, " ".join([advised(error, task.reader), *task.remarks]))
    except RDeepNetError as error:
        return _given_up(task, Outcome.FAILED, str(error))
    return _written(task, Outcome.ANSWERED, "", answered(result, task.origin(created), withheld=bench.withheld))


def _earlier(task: StudyTask) -> StudyOutcome | None:
    """The outcome of an earlier run that still holds, or None."""
    description = read_result(task.folder)
    if description is None or description["outcome"] == Outcome.FAILED:
        return None
    if (description["input_digest"], description["recipe_digest"]) != (task.input_digest, task.recipe_digest):
        return None
    return StudyOutcome(
        study_instance_uid=task.study_instance_uid,
        folder=task.folder,
        outcome=Outcome(description["outcome"]),
        sentence=description["sentence"],
        is_from_before=True,
        description=description,
    )


def _failed(task: StudyTask, reason: str) -> StudyOutcome:
    return _given_up(task, Outcome.FAILED, reason)


def _given_up(task: StudyTask, outcome: Outcome, sentence: str) -> StudyOutcome:
    origin = task.origin(datetime.now().astimezone())
    return _written(task, outcome, sentence, {RESULT: of_refusal(origin, outcome=outcome, sentence=sentence)})


def _written(task: StudyTask, outcome: Outcome, sentence: str, contents: Mapping[str, bytes]) -> StudyOutcome:
    write_folder(task.folder, contents)
    return StudyOutcome(
        study_instance_uid=task.study_instance_uid,
        folder=task.folder,
        outcome=outcome,
        sentence=sentence,
        is_from_before=False,
        description=json.loads(contents[RESULT]),
    )


def _write_summary(path: Path, outcomes: Sequence[StudyOutcome]) -> None:
    """One line per study: outcome, sentence, and every prediction in a column of its own."""
    predictions = {outcome.study_instance_uid: predictions_of(outcome.description) for outcome in outcomes}
    columns = sorted({name for found in predictions.values() for name in found})
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["study_instance_uid", "folder", "outcome", "sentence", *columns])
        for outcome in sorted(outcomes, key=lambda item: item.study_instance_uid):
            found = predictions[outcome.study_instance_uid]
            values = [found.get(name, "") for name in columns]
            writer.writerow(
                [outcome.study_instance_uid, outcome.folder.name, outcome.outcome, outcome.sentence, *values]
            )
    part.replace(path)


def in_a_line(model: Mapping[str, Any]) -> str:
    """One answered model of a result.json: "recurrence 1.43 high", "krt7_as no result, outside intended use"."""
    state = State(model["validity"])
    score = f"{model['predictions'][0]['value']:.2f} " if model["predictions"] else ""
    words = model["group"] if state is State.VALID else STATES[state].short
    group = f"{model['group']}, " if state is not State.VALID and model["group"] else ""
    return f"{model['name']} {score}{group}{words}"


def predictions_of(description: Mapping[str, Any]) -> dict[str, str]:
    """One study by column: "recurrence.recurrence_score", "recurrence.rfs_12_months", …group, …validity, …reasons."""
    found: dict[str, str] = {}
    for model in description.get("models", ()):
        if "not_applicable" in model:
            continue
        for prediction in model["predictions"]:
            months = prediction["horizon_months"]
            horizon = "" if months is None else f"_{months:g}_months"
            found[f"{model['name']}.{prediction['quantity']}{horizon}"] = repr(prediction["value"])
        found[f"{model['name']}.group"] = model["group"] or ""
        found[f"{model['name']}.validity"] = model["validity"]
        found[f"{model['name']}.reasons"] = "; ".join(dict.fromkeys(reason["code"] for reason in model["reasons"]))
    return found
