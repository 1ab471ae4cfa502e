"""`rdeepnet cohort`: features and outcomes of a cohort, checked or simulated; the options that name them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from appliance.commands.exit_status import Commands, Exit
from appliance.commands.options import AsJson, print_json, stdout

if TYPE_CHECKING:
    from models.cohort.features import FeatureRows
    from models.cohort.outcomes import OutcomeRows

cohort = typer.Typer(
    name="cohort", cls=Commands, help="Check or simulate the features and outcomes of a cohort.", no_args_is_help=True
)

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
    """Join features with outcomes and report all mistakes together. Nothing is computed.

    Patients in two cohorts (by id, or with the same features), negative times, times in another unit, missing or
    infinite features, and features made with different settings are refused; the exit status is then 1.

    **Example**

        rdeepnet cohort check --features features.parquet --outcomes outcomes.csv
    """
    from models.cohort.patients import check_cohort

    result = check_cohort(*read_tables(features, outcomes, column, time_unit))
    if as_json:
        print_json(
            {
                "refusals": [asdict(refusal) for refusal in result.refusals],
                "quality_notes": [
                    {"code": note.code, "severity": note.severity, "sentence": note.sentence} for note in result.notes
                ],
            }
        )
    else:
        lines = [("refused", "red", refusal.code, refusal.sentence) for refusal in result.refusals]
        lines += [(note.severity.value, "yellow", note.code, note.sentence) for note in result.notes]
        for verdict, colour, code, sentence in lines:
            text = f"[{colour}]{verdict:>7}[/]  {escape(code)}: {escape(sentence)}"
            stdout().print(text, highlight=False, soft_wrap=True)
        if not lines:
            typer.echo("No problem was found.")
    if result.refusals:
        raise typer.Exit(Exit.INCOMPLETE)


@cohort.command("simulate")
def simulate(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the tables.")],
    truth: Annotated[
        str,
        typer.Option(
            "--truth", metavar="strong|moderate|linear|null", help="Dependence of the simulated risk on the features."
        ),
    ] = "strong",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the patients.")] = 1,
) -> None:
    """Write the tables of a simulated cohort of the paper's size, to try training and evaluation.

    It contains no real patients; subgroups are drawn at random.
    """
    from models.simulation.cohort import Truth
    from models.simulation.files import write_simulated_cohort

    if truth not in tuple(Truth):
        raise typer.BadParameter(f"'{truth}' is not one of {', '.join(Truth)}", param_hint="--truth")
    for path in write_simulated_cohort(out, truth=Truth(truth), seed=seed):
        typer.echo(str(path))


def read_tables(
    features: Path, outcomes: Path, column: list[str] | None, time_unit: str
) -> tuple[FeatureRows, OutcomeRows]:
    """The two tables of a cohort, as the options name them."""
    from models.cohort.features import read_features
    from models.cohort.outcomes import OutcomeColumns, TimeUnit, read_outcomes

    if time_unit not in tuple(TimeUnit):
        raise typer.BadParameter(f"'{time_unit}' is not one of {', '.join(TimeUnit)}", param_hint="--time-unit")
    columns = OutcomeColumns().renamed(tuple(column or ()))
    return read_features(features), read_outcomes(outcomes, columns=columns, unit=TimeUnit(time_unit))
