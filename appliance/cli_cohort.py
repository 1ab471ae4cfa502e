"""The commands about cohorts: cohort check, cohort simulate, evaluate."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from appliance.cli_exit import Commands, Exit
from appliance.cli_options import AsJson, print_json, stderr, stdout, table

if TYPE_CHECKING:
    from models.cohort.features import FeatureRows
    from models.cohort.outcomes import OutcomeRows
    from models.evaluation.results import Evaluation

cohort = typer.Typer(name="cohort", cls=Commands, help="Features and outcomes of a cohort.", no_args_is_help=True)

Features = Annotated[
    Path,
    typer.Option("--features", "-f", metavar="FILE", help="Table that rdeepnet features wrote: .csv or .parquet."),
]
Outcomes = Annotated[
    Path,
    typer.Option("--outcomes", "-y", metavar="FILE", help="CSV: id, cohort, time_months, event, clinical columns."),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="ROLE=NAME",
        help="Name of a column of the outcomes: id=, cohort=, time=, event=, patient=, krt7_as_high=. May be repeated.",
        show_default=False,
    ),
]
Unit = Annotated[str, typer.Option("--time-unit", metavar="months|days|years", help="Unit of the times.")]


@cohort.command("check")
def check(
    features: Features,
    outcomes: Outcomes,
    column: Column = None,
    time_unit: Unit = "months",
    as_json: AsJson = False,
) -> None:
    """Join features with outcomes and look for mistakes: every one is listed. Nothing is computed.

    Refused are patients in two cohorts (by id, or with the same features), negative times, times in another unit,
    missing and infinite features, and features made with different settings. The exit status is 1 then.

    **Example**

        rdeepnet cohort check --features features.parquet --outcomes outcomes.csv
    """
    from models.cohort.patients import check_cohort

    found = check_cohort(*read_tables(features, outcomes, column, time_unit))
    if as_json:
        print_json(
            {
                "refusals": [asdict(one) for one in found.refusals],
                "findings": [
                    {"code": one.code, "severity": one.severity, "sentence": one.sentence} for one in found.findings
                ],
            }
        )
    else:
        lines = [("refused", "red", one.code, one.sentence) for one in found.refusals]
        lines += [(one.severity.value, "yellow", one.code, one.sentence) for one in found.findings]
        for verdict, colour, code, sentence in lines:
            text = f"[{colour}]{verdict:>7}[/]  {escape(code)}: {escape(sentence)}"
            stdout().print(text, highlight=False, soft_wrap=True)
        if not lines:
            typer.echo("Nothing was found.")
    if found.refusals:
        raise typer.Exit(Exit.INCOMPLETE)


@cohort.command("simulate")
def simulate(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the tables.")],
    truth: Annotated[
        str,
        typer.Option("--truth", metavar="strong|moderate|linear|null", help="What the simulated risk depends on."),
    ] = "strong",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which patients.")] = 1,
) -> None:
    """Write the tables of a simulated cohort of the paper's size, to try training and evaluation.

    No patient is behind it; subgroups are drawn at random.
    """
    from models.cohort.simulated import write_simulated_cohort
    from models.training.simulate import Truth

    if truth not in tuple(Truth):
        raise typer.BadParameter(f"'{truth}' is none of {', '.join(Truth)}", param_hint="--truth")
    for path in write_simulated_cohort(out, truth=Truth(truth), seed=seed):
        typer.echo(str(path))


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
            help="Clinical column whose values are subgroups; without it, those of subtype, therapy, stage and centre "
            "that are there. May be repeated.",
            show_default=False,
        ),
    ] = None,
    column: Column = None,
    time_unit: Unit = "months",
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Bootstrap samples.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the bootstrap.")] = 20230815,
) -> None:
    """Measure a model on patients with known outcomes, for each cohort and subgroup.

    Writes evaluation.json (every number), evaluation.pdf and evaluation.html to DIR: concordance, AUC at the
    horizons of the package, sensitivity and specificity at its cut-off, Brier scores, calibration, Kaplan-Meier
    curves, hazard ratios in both directions, decision curves, follow-up.

    **Example**

        rdeepnet evaluate packages/recurrence --features features.parquet --outcomes outcomes.csv --out evaluation
    """
    from appliance.evaluation import evaluate_into
    from models.cohort.patients import join
    from models.evaluation.evaluate import EvaluationSettings
    from models.runtime import load_models

    (model,) = load_models([package], provider="cpu")
    joined = join(*read_tables(features, outcomes, column, time_unit))
    settings = EvaluationSettings(tuple(subgroup) if subgroup else None, resamples, seed)
    with stderr().status("Evaluating …"):
        evaluation = evaluate_into(out, model, joined, settings, created=datetime.now(UTC).astimezone())
    _print(evaluation, out)


def read_tables(
    features: Path, outcomes: Path, column: list[str] | None, time_unit: str
) -> tuple[FeatureRows, OutcomeRows]:
    """The two tables of a cohort, as the options name them."""
    from models.cohort.features import read_features
    from models.cohort.outcomes import OutcomeColumns, TimeUnit, read_outcomes

    if time_unit not in tuple(TimeUnit):
        raise typer.BadParameter(f"'{time_unit}' is none of {', '.join(TimeUnit)}", param_hint="--time-unit")
    columns = OutcomeColumns().renamed(tuple(column or ()))
    return read_features(features), read_outcomes(outcomes, columns=columns, unit=TimeUnit(time_unit))


def _print(evaluation: Evaluation, out: Path) -> None:
    from reports import evaluation_words as words

    recurrence = [
        (
            words.group_name(one.cohort, one.subgroup),
            f"{one.events} / {one.patients}",
            words.shown(one.harrell_c),
            words.shown(one.horizons[-1].auc),
            words.ratio(one.groups.hazard_ratio_low),
        )
        for one in evaluation.recurrence
    ]
    expression = [
        (words.group_name(one.cohort, one.subgroup), f"{one.high} / {one.patients}", words.shown(one.auc))
        for one in evaluation.expression
    ]
    title = f"{evaluation.model.title} {evaluation.model.version} ({evaluation.model.notice})"
    if recurrence:
        last = f"AUC at {evaluation.horizons_months[-1]:g} months"
        header = ("Group", "Events / patients", "Harrell's C", last, "HR low vs high")
        stdout().print(table(title, header, recurrence))
    if expression:
        stdout().print(table(title, ("Group", "High / patients", "AUC"), expression))
    typer.echo(f"{out}: evaluation.json, evaluation.pdf, evaluation.html")
