"""`rdeepnet evaluate`: performance of a model package on patients with known outcomes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.cohort import Column, Features, Outcomes, Unit, read_tables
from appliance.commands.options import stderr, stdout, table

if TYPE_CHECKING:
    from models.evaluation.results import Evaluation


def evaluate(
    package: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, metavar="PACKAGE", help="Folder of a model package.")
    ],
    features: Features,
    outcomes: Outcomes,
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the reports.")],
    subgroup: Annotated[
        list[str] | None,
        typer.Option(
            "--subgroup",
            metavar="COLUMN",
            help="Clinical column whose values define subgroups; default: those of subtype, therapy, stage and centre "
            "that exist. May be repeated.",
            show_default=False,
        ),
    ] = None,
    column: Column = None,
    time_unit: Unit = "months",
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Bootstrap samples.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 20230815,
) -> None:
    """Measure a model on patients with known outcomes, for each cohort and subgroup.

    Writes evaluation.json (every number), evaluation.pdf and evaluation.html to DIR: concordance, AUC at the
    horizons of the package, sensitivity and specificity at its cut-off, Brier scores, calibration, Kaplan-Meier
    curves, hazard ratios in both directions, decision curves, follow-up.

    **Example**

        rdeepnet evaluate packages/recurrence --features features.parquet --outcomes outcomes.csv --out evaluation
    """
    from appliance.offline.evaluation import evaluate_into
    from models.cohort.patients import join
    from models.evaluation.evaluate import EvaluationSettings
    from models.inference.runtime import load_models

    (model,) = load_models([package], provider="cpu")
    joined = join(*read_tables(features, outcomes, column, time_unit))
    settings = EvaluationSettings(tuple(subgroup) if subgroup else None, resamples, seed)
    with stderr().status("Evaluating …"):
        evaluation = evaluate_into(out, model, joined, settings, created=datetime.now(UTC).astimezone())
    _print(evaluation, out)


def _print(evaluation: Evaluation, out: Path) -> None:
    from reports.evaluation import words

    recurrence = [
        (
            words.group_name(result.cohort, result.subgroup),
            f"{result.events} / {result.patients}",
            words.shown(result.harrell_c),
            words.shown(result.horizons[-1].auc),
            words.ratio(result.groups.hazard_ratio_low),
        )
        for result in evaluation.recurrence
    ]
    expression = [
        (
            words.group_name(result.cohort, result.subgroup),
            f"{result.high} / {result.patients}",
            words.shown(result.auc),
        )
        for result in evaluation.expression
    ]
    title = f"{evaluation.model.title} {evaluation.model.version} ({evaluation.model.notice})"
    if recurrence:
        last = f"AUC at {evaluation.horizons_months[-1]:g} months"
        header = ("Group", "Events / patients", "Harrell's C", last, "HR low vs high")
        stdout().print(table(title, header, recurrence))
    if expression:
        stdout().print(table(title, ("Group", "High / patients", "AUC"), expression))
    typer.echo(f"{out}: evaluation.json, evaluation.pdf, evaluation.html")
