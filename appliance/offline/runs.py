"""`rdeepnet run`: every study in a folder tree through the pipeline, each into a folder of its own.

A study whose files, settings, models and version are those of an earlier run is not processed again. A study that is
refused or fails does not stop the others; its sentence goes into its result.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.files import digest_of_files
from appliance.in_short import NO_ANSWER, AnswerInShort, warnings_of
from appliance.offline.folder_priors import StudiesBeside, studies_beside
from appliance.offline.pseudonymised import claim
from appliance.offline.recipe import digest_of, run_recipe
from appliance.offline.result_folder import answered, folder_name, remove_leftovers, write_folder
from appliance.offline.result_json import RESULT, Origin, of_refusal, read_result
from appliance.process_pool import Broken, answers
from appliance.settings import Settings
from dicom_io.advice import Reader, advised
from dicom_io.reading.folder import look_into
from dicom_io.reading.pseudonymise import Pseudonymiser
from dicom_io.reading.study_identity import NOBODY, StudyIdentity, identity_of
from dicom_io.rules import Assignment
from models.csv_table import lines
from models.errors import NotWritable, RDeepNetError, StudyRejected
from models.files import require_writable, write_output
from models.progress import Tell, silent
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
    pseudonymiser : takes the names out of everything that is written; None leaves them
    identity : by which a person finds the study again; of pseudonyms where there is a pseudonymiser
    beside : other studies of the run that it is compared with; None: it is not compared
    """

    study_instance_uid: str
    files: tuple[Path, ...]
    folder: Path
    input_digest: str
    recipe_digest: str
    assignment: Assignment
    reader: Reader = Reader.COMMAND_LINE
    remarks: tuple[str, ...] = ()
    pseudonymiser: Pseudonymiser | None = None
    identity: StudyIdentity = NOBODY
    beside: StudiesBeside | None = None

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
    identity : by which a person finds the study again
    """

    study_instance_uid: str
    folder: Path
    outcome: Outcome
    sentence: str
    is_from_before: bool
    description: Mapping[str, Any]
    identity: StudyIdentity = NOBODY

    @property
    def in_short(self) -> AnswerInShort | None:
        """State, first reason, warnings and notices; None where there is no answer."""
        return AnswerInShort.of_description(self.description)

    def as_json(self) -> dict[str, Any]:
        """Everything that `rdeepnet run --json` says of the study; docs/views.schema.json describes it."""
        in_short = self.in_short
        return {
            "study_instance_uid": self.study_instance_uid,
            "folder": str(self.folder),
            "outcome": self.outcome,
            "sentence": self.sentence,
            "is_from_before": self.is_from_before,
            "predictions": predictions_of(self.description),
            **self.identity.as_json(),
            **(NO_ANSWER if in_short is None else in_short.as_json()),
            "quality_notes": list(self.description.get("quality_notes", ())),
        }


@dataclass(frozen=True, eq=False)
class Plan:
    """Work to do in a run.

    Attributes
    ----------
    out : folder of the results
    from_before : outcomes of an earlier run that still hold
    tasks : the studies to process
    left_out : files that are part of no study and might be missed, one phrase for each reason
    """

    out: Path
    from_before: tuple[StudyOutcome, ...]
    tasks: tuple[StudyTask, ...]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.from_before) + len(self.tasks)


def plan_run(
    root: Path,
    out: Path,
    *,
    settings: Settings,
    assignment: Assignment,
    reader: Reader = Reader.COMMAND_LINE,
    pseudonymiser: Pseudonymiser | None = None,
    compare: bool = False,
    tell: Tell = silent,
) -> Plan:
    """Find the studies below `root`, and those that `out` has the results of.

    Parameters
    ----------
    reader : reads what is refused
    pseudonymiser : takes the names out of everything that is written; None leaves them
    compare : compare each study with the earlier ones of the patient below `root`; not together with a pseudonymiser
    tell : told how many files have been looked at, then how many studies

    Raises
    ------
    StudyRejected
        When there is no study below `root`.
    SetupError
        When a model package fails its checks, the settings contradict each other, or `out` holds results with names
        and these are to be without, or the other way round.
    """
    folder = look_into(root, limits=settings.limits, tell=tell)
    recipe = run_recipe(settings, assignment=assignment)
    if pseudonymiser is not None:
        recipe = {**recipe, "pseudonymised": pseudonymiser.recipe}
    require_writable(out)
    claim(out, pseudonymiser, has_results=any(out.glob("study-*")))
    remove_leftovers(out)
    from_before: list[StudyOutcome] = []
    tasks: list[StudyTask] = []
    cover = None if pseudonymiser is None else pseudonymiser.cover((), names=folder.file_names)
    digests: dict[str, str] = {}
    for number, (uid, files) in enumerate(folder.studies.items()):
        tell("Comparing with earlier results", number, len(folder.studies))
        digests[uid] = digest_of_files(files)
    identities = {uid: identity_of(files, pseudonymiser) for uid, files in folder.studies.items()}
    patients = {uid: one.patient_id for uid, one in identities.items()}
    for uid, files in folder.studies.items():
        digest = digests[uid]
        beside = studies_beside(uid, patients, folder.studies, settings.priors) if compare else None
        remarks = folder.remarks(uid)
        shown = uid if pseudonymiser is None else pseudonymiser.study_uid(uid)
        task = StudyTask(
            study_instance_uid=shown,
            files=tuple(files),
            folder=out / folder_name(shown),
            input_digest=digest if pseudonymiser is None else pseudonymiser.pseudonyms.digest(digest),
            recipe_digest=digest_of(
                recipe if beside is None else {**recipe, "beside": sorted(digests[other] for other in beside.files)}
            ),
            assignment=assignment,
            reader=reader,
            remarks=remarks if cover is None else tuple(cover.sentence(remark) for remark in remarks),
            pseudonymiser=pseudonymiser,
            identity=identities[uid],
            beside=beside,
        )
        earlier = _earlier(task)
        if earlier is None:
            tasks.append(task)
        else:
            from_before.append(earlier)
    left_out = folder.phrases()
    if cover is not None:
        left_out = tuple(cover.sentence(phrase) for phrase in left_out)
    return Plan(out, tuple(from_before), tuple(tasks), left_out)


def run(plan: Plan, *, settings: Settings, jobs: int) -> Generator[StudyOutcome, None, None]:
    """Process the studies of a plan, `jobs` at a time; outcomes come as they end, earlier ones first.

    As `run_by`, here.
    """

    def here() -> Generator[StudyOutcome, None, None]:
        for ended in answers(plan.tasks, partial(open_worker, settings), jobs=jobs):
            yield failed(ended.task, ended.reason) if isinstance(ended, Broken) else ended.answer

    yield from run_by(plan, here())


def run_by(plan: Plan, ended: Generator[StudyOutcome, None, None]) -> Generator[StudyOutcome, None, None]:
    """The outcomes of a plan: those from before, then what `ended` makes of its tasks, whose folders it writes.

    When the last one has come, `studies.csv` in the folder of the results has one line for each.

    Raises
    ------
    SetupError
        When the settings cannot be followed here: no such device, a model that does not reproduce.
    NotWritable
        When the disk is full.
    """
    outcomes = list(plan.from_before)
    yield from plan.from_before
    try:
        with closing(ended):
            for outcome in ended:
                outcomes.append(outcome)
                yield outcome
    except (KeyboardInterrupt, GeneratorExit, NotWritable):
        remove_leftovers(plan.out)  # of workers that were ended while they wrote
        raise
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
    cover = None if task.pseudonymiser is None else task.pseudonymiser.cover(task.files)
    alone = partial(answer_study, bench=bench, assignment=task.assignment, created=created)
    comparing = None if task.beside is None else task.beside.comparing(alone)
    try:
        result = alone(task.files, cover=cover, comparing=comparing)
    except StudyRejected as error:
        sentence = " ".join([advised(error, task.reader), *task.remarks])
        return _given_up(task, Outcome.REFUSED, sentence if cover is None else cover.sentence(sentence))
    except RDeepNetError as error:
        return _given_up(task, Outcome.FAILED, str(error) if cover is None else cover.sentence(str(error)))
    files = answered(result, task.origin(created), withheld=bench.withheld, fhir=bench.fhir)
    return _written(task, Outcome.ANSWERED, "", files)


def _earlier(task: StudyTask) -> StudyOutcome | None:
    """The outcome of an earlier run that still holds, or None."""
    description = read_result(task.folder)
    if description is None:
        return None
    try:
        outcome = StudyOutcome(
            study_instance_uid=task.study_instance_uid,
            folder=task.folder,
            outcome=Outcome(description["outcome"]),
            sentence=str(description["sentence"]),
            is_from_before=True,
            description=description,
            identity=task.identity,
        )
        determined = tuple(description[key] for key in ("study_instance_uid", "input_digest", "recipe_digest"))
        _look_through(description)
    except (KeyError, ValueError, TypeError, AttributeError, LookupError):
        return None  # nobody knows who wrote it: it is done again
    if outcome.outcome is Outcome.FAILED:
        return None
    is_ours = determined == (task.study_instance_uid, task.input_digest, task.recipe_digest)
    return outcome if is_ours else None


def _look_through(description: Mapping[str, Any]) -> None:
    """Reads everything that a command shows of a result, so that one that lacks a part of it raises here."""
    predictions_of(description)
    AnswerInShort.of_description(description)
    [(note["code"], note["sentence"]) for note in warnings_of(description)]
    for model in description.get("models", ()):
        if "predictions" in model:
            in_a_line(model)
    sum(stage["seconds"] for stage in description.get("stages", ()))


def failed(task: StudyTask, reason: str) -> StudyOutcome:
    """The outcome of a study that something of ours kept from being answered; its folder is written."""
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
        identity=task.identity,
    )


def _write_summary(path: Path, outcomes: Sequence[StudyOutcome]) -> None:
    """One line per study: outcome, sentence, every prediction in a column of its own, identity, and answer in short."""
    predictions = {outcome.study_instance_uid: predictions_of(outcome.description) for outcome in outcomes}
    columns = sorted({name for found in predictions.values() for name in found})
    identity = tuple(NOBODY.as_json())
    in_short = ("validity", "reason", "warnings", "warning_codes", "notices")
    rows: list[tuple[object, ...]] = [
        ("study_instance_uid", "folder", "outcome", "sentence", *columns, *identity, *in_short)
    ]
    for outcome in sorted(outcomes, key=lambda item: item.study_instance_uid):
        found = predictions[outcome.study_instance_uid]
        values = [found.get(name, "") for name in columns]
        said = (outcome.study_instance_uid, outcome.folder.name, outcome.outcome, outcome.sentence)
        rows.append((*said, *values, *outcome.identity.as_json().values(), *_cells(outcome)))
    write_output(path, "".join(lines(rows)).encode())


def _cells(outcome: StudyOutcome) -> tuple[object, ...]:
    """State, first reason, number and codes of the warnings, notices; empty where there is no answer."""
    in_short = outcome.in_short
    if in_short is None:
        return (None,) * 5
    codes = dict.fromkeys(str(note["code"]) for note in warnings_of(outcome.description))
    notices = "; ".join(in_short.notices)
    return in_short.validity.value, in_short.reason, in_short.warnings, "; ".join(codes), notices


def in_a_line(model: Mapping[str, Any]) -> str:
    """One answered model of a result.json: "recurrence 1.43 high", "krt7_as no result, outside intended use"."""
    state = State(model["validity"])
    score = f"{model['predictions'][0]['value']:.2f} " if model["predictions"] else ""
    words = model["group"] if state is State.VALID else STATES[state].short
    group = f"{model['group']}, " if state is not State.VALID and model["group"] else ""
    return f"{model['name']} {score}{group}{words}"


def predictions_of(description: Mapping[str, Any]) -> dict[str, float | str]:
    """One study by column: "recurrence.recurrence_score", "recurrence.rfs_12_months", …group, …validity, …reasons."""
    found: dict[str, float | str] = {}
    for model in description.get("models", ()):
        if "not_applicable" in model:
            continue
        for prediction in model["predictions"]:
            months = prediction["horizon_months"]
            horizon = "" if months is None else f"_{months:g}_months"
            found[f"{model['name']}.{prediction['quantity']}{horizon}"] = float(prediction["value"])
        found[f"{model['name']}.group"] = model["group"] or ""
        found[f"{model['name']}.validity"] = model["validity"]
        found[f"{model['name']}.reasons"] = "; ".join(dict.fromkeys(reason["code"] for reason in model["reasons"]))
    return found
