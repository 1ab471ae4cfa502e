"""`rdeepnet run`: every study below a folder, with a table of the outcomes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.exit_status import Exit, kept_so_far, stopping
from appliance.commands.options import (
    AsJson,
    Assign,
    ConfigFile,
    Confirm,
    DatesOption,
    Folder,
    Jobs,
    Pseudonymise,
    Queue,
    assignment_from,
    confirmed,
    echo,
    print_json,
    pseudonymiser_from,
    say,
    settings_from,
    stderr,
    stdout,
)
from appliance.commands.progress import progress
from appliance.commands.tables import Table
from reports.language import Language

if TYPE_CHECKING:
    from appliance.offline.runs import Plan, StudyOutcome
    from appliance.settings import Settings


def run(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the results.")],
    assign: Assign = None,
    confirm: Confirm = None,
    jobs: Jobs = 1,
    queue: Queue = False,
    pseudonymise: Pseudonymise = None,
    dates: DatesOption = "shift",
    fhir: Annotated[
        bool, typer.Option("--fhir", help="Also write each answer as a FHIR R4 bundle, fhir.json.", show_default=False)
    ] = False,
    language: Annotated[
        Language | None,
        typer.Option("--language", help="Language of SR and PDF; default: that of the settings.", show_default=False),
    ] = None,
    key_images: Annotated[
        bool,
        typer.Option("--key-images", help="Also write the key images as Secondary Capture.", show_default=False),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Compare each study with the last earlier one of the patient in FOLDER, which takes twice as long.",
            show_default=False,
        ),
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Process every study below a folder: SR, PDF, SEG, features.csv and result.json for each.

    Each study gets its own folder in DIR, and studies.csv lists them all. A repeated run processes only new
    or changed studies. A refused study does not stop the others; the exit status is then 1.

    **Examples**

        rdeepnet run /data/breast --out results --jobs 2

        rdeepnet run /data/breast --out results --queue --jobs 8 --config /etc/rdeepnet.toml

        rdeepnet run study --out results --confirm breast

        rdeepnet run study --out results --assign "t1c=AX T1 DYN" --assign t2w=1.2.840.113619.2.1
    """
    from appliance.offline import runs

    if queue and (confirm or pseudonymise or language or compare):
        raise typer.BadParameter("it takes no --confirm, --pseudonymise, --language, --compare", param_hint="--queue")
    if compare and pseudonymise:
        raise typer.BadParameter(
            "it takes no --pseudonymise: reports name dates of examinations", param_hint="--compare"
        )
    settings, assignment = confirmed(settings_from(config), confirm), assignment_from(assign)
    if fhir:
        settings = replace(settings, report=replace(settings.report, fhir=True))
    if language is not None:
        settings = replace(settings, report=replace(settings.report, language=language))
    if key_images:
        settings = replace(settings, report=replace(settings.report, key_images=True))
    console = stderr()
    with progress("Looking for studies") as looking:
        plan = runs.plan_run(
            folder,
            out,
            settings=settings,
            assignment=assignment,
            pseudonymiser=pseudonymiser_from(pseudonymise, dates),
            compare=compare,
            tell=looking.tell,
        )
    for phrase in plan.left_out:
        say(console, f"Left out: {phrase}")
    outcomes: list[StudyOutcome] = []
    ended_by = _by_workers(plan, settings, jobs) if queue else runs.run(plan, settings=settings, jobs=jobs)
    with (
        stopping(lambda: kept_so_far(len(outcomes), len(plan), out)),
        closing(ended_by) as ended,
        progress("Studies", len(plan)) as running,
    ):
        for outcome in ended:
            outcomes.append(outcome)
            running.advance()
            if outcome.sentence and not as_json:
                say(running.console, f"{outcome.folder.name} {outcome.outcome}: {outcome.sentence}")
    outcomes.sort(key=lambda outcome: outcome.study_instance_uid)
    if as_json:
        print_json([outcome.as_json() for outcome in outcomes])
    else:
        _print_outcomes(outcomes, out)
    if any(outcome.outcome is not runs.Outcome.ANSWERED for outcome in outcomes):
        raise typer.Exit(Exit.INCOMPLETE)


def _by_workers(plan: Plan, settings: Settings, jobs: int) -> Generator[StudyOutcome, None, None]:
    """The outcomes of a plan, computed by the workers of a shared home."""
    from appliance.commands.queueing import answered_by_workers
    from appliance.offline import handed_over, runs

    def ended() -> Generator[StudyOutcome, None, None]:
        questions = [(handed_over.question_of(task), task.files) for task in plan.tasks]
        with closing(answered_by_workers(questions, settings, at_once=jobs)) as answers:
            for number, answer in answers:
                task = plan.tasks[number]
                yield runs.failed(task, answer.reason) if answer.reason else handed_over.outcome_of(task, answer.files)

    return runs.run_by(plan, ended())


def _print_outcomes(outcomes: list[StudyOutcome], out: Path) -> None:
    """A table of the studies, then every warning, the notices, and how many ended how."""
    from appliance.in_short import warnings_of

    rows = []
    for outcome in outcomes:
        seconds = sum(stage["seconds"] for stage in outcome.description.get("stages", ()))
        when = "from before" if outcome.is_from_before else f"{seconds:.0f} s"
        name = "\n".join((outcome.folder.name, *outcome.identity.phrases()))
        in_short = outcome.in_short
        warnings = "–" if in_short is None else str(in_short.warnings)
        rows.append((name, outcome.outcome.value, _said(outcome), warnings, when))
    stdout().print(Table(f"Results in {out}", ("Study", "Outcome", "Models", "Warnings", "Time"), rows))
    for outcome in outcomes:
        for note in warnings_of(outcome.description):
            echo(f"{outcome.folder.name} warning: {note['sentence']}")
    for notice in dict.fromkeys(notice for outcome in outcomes for notice in _notices(outcome)):
        echo(f"Notice: {notice}")
    counts = {kind: sum(outcome.outcome == kind for outcome in outcomes) for kind in ("answered", "refused", "failed")}
    echo(", ".join(f"{count} {kind}" for kind, count in counts.items() if count))


def _said(outcome: StudyOutcome) -> str:
    """The models in a line each, then the first reason for the state of the whole."""
    from appliance.offline import runs

    said = [runs.in_a_line(model) for model in outcome.description.get("models", ()) if "predictions" in model]
    if outcome.in_short is not None and outcome.in_short.reason:
        said.append(outcome.in_short.reason)
    return "\n".join(said) or "–"


def _notices(outcome: StudyOutcome) -> tuple[str, ...]:
    return () if outcome.in_short is None else outcome.in_short.notices
