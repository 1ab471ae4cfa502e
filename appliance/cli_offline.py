"""The commands that work on folders: run, series, features, demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from appliance.cli_exit import Exit
from appliance.cli_options import (
    AsJson,
    Assign,
    ConfigFile,
    Jobs,
    assignment_from,
    print_json,
    settings_from,
    stderr,
    stdout,
    table,
)

if TYPE_CHECKING:
    from appliance.offline import StudyOutcome

Folder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, metavar="FOLDER", help="Folder with DICOM files, at any depth.")
]


def run(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the results.")],
    assign: Assign = None,
    jobs: Jobs = 1,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Answer every study below a folder: SR, PDF, SEG, features.csv and result.json for each.

    Each study gets a folder of its own in DIR, and studies.csv there lists them all. Repeated, only what is new or
    changed is worked on. A study that is refused does not stop the others; the exit status is 1 then.

    **Examples**

        rdeepnet run /data/breast --out results --jobs 2

        rdeepnet run study --out results --assign "t1c=AX T1 DYN" --assign t2w=1.2.840.113619.2.1
    """
    from appliance import offline

    settings, assignment = settings_from(config), assignment_from(assign)
    console = stderr()
    with console.status("Looking for studies …"):
        plan = offline.plan_run(folder, out, settings=settings, assignment=assignment)
    outcomes: list[StudyOutcome] = []
    with _progress(console) as progress:
        bar = progress.add_task("Studies", total=len(plan))
        for outcome in offline.run(plan, settings=settings, jobs=jobs):
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
                    "predictions": offline.predictions_of(outcome.description),
                }
                for outcome in outcomes
            ]
        )
    else:
        _print_outcomes(outcomes, out)
    if any(outcome.outcome is not offline.Outcome.ANSWERED for outcome in outcomes):
        raise typer.Exit(Exit.INCOMPLETE)


def _print_outcomes(outcomes: list[StudyOutcome], out: Path) -> None:
    rows = []
    for outcome in outcomes:
        said = [
            f"{model['name']} {model['predictions'][0]['value']:.2f} {model['group']}"
            for model in outcome.description.get("models", ())
            if "predictions" in model
        ]
        seconds = sum(stage["seconds"] for stage in outcome.description.get("stages", ()))
        when = "from before" if outcome.is_from_before else f"{seconds:.0f} s"
        rows.append((outcome.folder.name, outcome.outcome.value, "\n".join(said) or "–", when))
    stdout().print(table(f"Results in {out}", ("Study", "Outcome", "Models", "Time"), rows))
    counts = {kind: sum(outcome.outcome == kind for outcome in outcomes) for kind in ("answered", "refused", "failed")}
    typer.echo(", ".join(f"{count} {kind}" for kind, count in counts.items() if count))


def series(folder: Folder, assign: Assign = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how each series and segment below a folder would be taken, and why. Nothing is computed.

    The exit status is 1 when a study would be refused.

    **Example**

        rdeepnet series /data/breast/study1 --config rdeepnet.toml
    """
    from appliance import cli_survey

    surveys = cli_survey.surveys_below(folder, rules=settings_from(config).reading, assignment=assignment_from(assign))
    if as_json:
        print_json([cli_survey.as_json(survey) for survey in surveys])
    else:
        cli_survey.print_surveys(surveys, stdout())
    if any(survey.refusals for survey in surveys):
        raise typer.Exit(Exit.INCOMPLETE)


def features(
    path: Annotated[
        Path,
        typer.Argument(
            exists=True, metavar="FOLDER|IMAGE", help="Folder with DICOM files, or one NRRD or NIfTI image."
        ),
    ],
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask", exists=True, dir_okay=False, metavar="MASK", help="Mask of the image.", show_default=False
        ),
    ] = None,
    label: Annotated[
        int | None,
        typer.Option("--label", help="Value of the region in the mask, where it holds several.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", dir_okay=False, metavar="FILE", help="Table to write: .csv or .parquet.", show_default=False
        ),
    ] = None,
    row_id: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="study|patient|accession",
            help="First column: Study Instance UID, Patient ID or Accession Number.",
        ),
    ] = "study",
    assign: Assign = None,
    jobs: Jobs = 1,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="own|pyradiomics", help="Feature engine.", show_default=False)
    ] = None,
    n4: Annotated[
        str | None,
        typer.Option("--n4", metavar="own|simpleitk|none", help="Bias correction of the images.", show_default=False),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="auto|cpu|cuda", help="Where the own engine and N4 run.", show_default=False),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Extract the radiomic features: one row for each study, or of one image and its mask.

    A folder gives one row for each study below it, with the 3,452 features of T1+C and T2W, tumour and
    surroundings; repeated, only what is new or changed is worked on. An image with --mask gives the 863 features
    of that region as they are: no N4, no surroundings; without --out they go to standard output. Options go before
    the settings of --config.

    **Examples**

        rdeepnet features /data/cohort --out features.parquet --jobs 4 --id patient

        rdeepnet features image.nrrd --mask tumour.nrrd --engine pyradiomics
    """
    from appliance import cli_features

    settings = settings_from(config)
    chosen = cli_features.Chosen(
        engine=engine or settings.features.engine,
        n4=n4 or settings.preprocessing.n4,
        engine_device=device or settings.features.device,
        n4_device=device or settings.preprocessing.device,
    )
    if path.is_dir():
        if mask is not None or out is None:
            raise typer.BadParameter("a folder needs --out, and takes no --mask", param_hint="FOLDER")
        cli_features.of_folder(
            path, out, settings=settings, chosen=chosen, row_id=row_id, assignment=assignment_from(assign), jobs=jobs
        )
        return
    if mask is None:
        raise typer.BadParameter("an image needs --mask", param_hint="IMAGE")
    cli_features.of_image(path, mask, label=label, out=out, settings=settings, chosen=chosen)


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for what comes back.")
    ] = Path("demo-output"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the synthetic study, the configuration and the state, too.")
    ] = False,
    small: Annotated[bool, typer.Option("--small", help="A study of small images: quicker, coarser.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which synthetic patient.")] = 1,
) -> None:
    """Send a synthetic study through the running service and show what comes back.

    Starts the service on free ports of this machine with a throw-away state, pushes T1+C, T2W and the tumour's
    segmentation by C-STORE, receives the results, and stops everything.
    """
    from appliance import cli_demo

    cli_demo.show(out, keep=keep, small=small, seed=seed, console=stdout())


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
