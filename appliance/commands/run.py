"""`rdeepnet run`: every study below a folder, with a table of the outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from appliance.commands.exit_status import Exit
from appliance.commands.options import (
    AsJson,
    Assign,
    ConfigFile,
    Confirm,
    Folder,
    Jobs,
    assignment_from,
    confirmed,
    print_json,
    settings_from,
    stderr,
    stdout,
    table,
)

if TYPE_CHECKING:
    from appliance.offline.runs import StudyOutcome


def run(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the results.")],
    assign: Assign = None,
    confirm: Confirm = None,
    jobs: Jobs = 1,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Process every study below a folder: SR, PDF, SEG, features.csv and result.json for each.

    Each study gets its own folder in DIR, and studies.csv lists them all. A repeated run processes only new
    or changed studies. A refused study does not stop the others; the exit status is then 1.

    **Examples**

        rdeepnet run /data/breast --out results --jobs 2

        rdeepnet run study --out results --confirm breast

        rdeepnet run study --out results --assign "t1c=AX T1 DYN" --assign t2w=1.2.840.113619.2.1
    """
    from appliance.offline import runs

    settings, assignment = confirmed(settings_from(config), confirm), assignment_from(assign)
    console = stderr()
    with console.status("Looking for studies …"):
        plan = runs.plan_run(folder, out, settings=settings, assignment=assignment)
    outcomes: list[StudyOutcome] = []
    with _progress(console) as progress:
        bar = progress.add_task("Studies", total=len(plan))
        for outcome in runs.run(plan, settings=settings, jobs=jobs):
            outcomes.append(outcome)
            progress.advance(bar)
            if outcome.sentence and not as_json:
                progress.console.print(
                    f"{outcome.folder.name} {outcome.outcome}: {outcome.sentence}", markup=False, soft_wrap=True
                )
    outcomes.sort(key=lambda outcome: outcome.study_instance_uid)
    if as_json:
        print_json(
            [
                {
                    "study_instance_uid": outcome.study_instance_uid,
                    "folder": str(outcome.folder),
                    "outcome": outcome.outcome,
                    "sentence": outcome.sentence,
                    "is_from_before": outcome.is_from_before,
                    "predictions": runs.predictions_of(outcome.description),
                }
                for outcome in outcomes
            ]
        )
    else:
        _print_outcomes(outcomes, out)
    if any(outcome.outcome is not runs.Outcome.ANSWERED for outcome in outcomes):
        raise typer.Exit(Exit.INCOMPLETE)


def _print_outcomes(outcomes: list[StudyOutcome], out: Path) -> None:
    from appliance.offline import runs

    rows = []
    for outcome in outcomes:
        said = [runs.in_a_line(model) for model in outcome.description.get("models", ()) if "predictions" in model]
        seconds = sum(stage["seconds"] for stage in outcome.description.get("stages", ()))
        when = "from before" if outcome.is_from_before else f"{seconds:.0f} s"
        rows.append((outcome.folder.name, outcome.outcome.value, "\n".join(said) or "–", when))
    stdout().print(table(f"Results in {out}", ("Study", "Outcome", "Models", "Time"), rows))
    counts = {kind: sum(outcome.outcome == kind for outcome in outcomes) for kind in ("answered", "refused", "failed")}
    typer.echo(", ".join(f"{count} {kind}" for kind, count in counts.items() if count))


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
