"""`rdeepnet cohort`: features and outcomes of a cohort, checked or simulated; the options that name them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from appliance.commands.exit_status import Commands, Exit, writing_to
from appliance.commands.options import (
    AsJson,
    echo,
    note_as_json,
    print_files,
    print_json,
    print_notes,
    stdout,
)
from appliance.commands.parameters import (
    COLUMN_ROLES,
    CommandGroup,
    OutcomeDoubt,
    TimeUnit,
    Truth,
    as_mistake,
    each_of,
    existing_file,
    listed,
    one_of,
)
from appliance.commands.progress import progress
from appliance.commands.tables import Table
from models.number_words import agreeing, counted

if TYPE_CHECKING:
    from models.cohort.contents import CohortContents, TableContents
    from models.cohort.features import FeatureRows
    from models.cohort.outcomes import OutcomeRows

cohort = CommandGroup(
    name="cohort", cls=Commands, help="Check or simulate the features and outcomes of a cohort.", no_args_is_help=True
)

Features = Annotated[
    Path,
    typer.Option(
        "--features",
        "-f",
        callback=existing_file,
        metavar="FILE",
        help="Table that rdeepnet features or import wrote: .csv or .parquet.",
    ),
]
Outcomes = Annotated[
    Path,
    typer.Option(
        "--outcomes",
        "-y",
        callback=existing_file,
        metavar="FILE",
        help="CSV: id, cohort, time_months, event, clinical columns.",
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="ROLE=NAME",
        autocompletion=COLUMN_ROLES,
        help="Name of a column of the outcomes: id=, cohort=, time=, event=, patient=, krt7_as_high=. May be repeated.",
        show_default=False,
    ),
]
Overrule = Annotated[
    list[str] | None,
    typer.Option(
        "--overrule",
        metavar="DOUBT",
        callback=each_of(OutcomeDoubt),
        autocompletion=one_of(*get_args(OutcomeDoubt)),
        help="Accept the outcomes despite a doubt, by its name, that would refuse them. May be repeated.",
        show_default=False,
    ),
]
Unit = Annotated[TimeUnit, typer.Option("--time-unit", metavar=listed(TimeUnit), help="Unit of the times.")]


@cohort.command("check")
def check(
    features: Features,
    outcomes: Outcomes,
    column: Column = None,
    time_unit: Unit = "months",
    overrule: Overrule = None,
    as_json: AsJson = False,
) -> None:
    """Join features with outcomes: patients, events and times of each cohort, what is missing, and all mistakes.

    Patients in two cohorts (by id, or with the same features), negative times, times in another unit, missing or
    infinite features, and features made with different settings are refused; the exit status is then 1.

    **Example**

        rdeepnet cohort check --features features.parquet --outcomes outcomes.csv
    """
    from models.cohort.patients import check_cohort

    with progress("Reading the tables"):
        result = check_cohort(*read_tables(features, outcomes, column, time_unit, overrule))
    if as_json:
        print_json(
            {
                **asdict(result.contents),
                "refusals": [asdict(refusal) for refusal in result.refusals],
                "quality_notes": [note_as_json(note) for note in result.notes],
            }
        )
    else:
        _print_contents(result.contents)
        print_notes(result.notes, refusals=((refusal.code, refusal.sentence) for refusal in result.refusals))
        if not result.notes and not result.refusals:
            echo("No problem was found.")
    if result.refusals:
        raise typer.Exit(Exit.INCOMPLETE)


def _print_contents(contents: TableContents) -> None:
    """Prints who is in the tables: a line, a table of the cohorts, and what is missing."""
    echo(
        f"{counted(contents.joined, 'patient is', 'patients are')} in both tables: of "
        f"{counted(contents.feature_rows, 'row')} of features {contents.only_features} "
        f"{agreeing(contents.only_features, 'has', 'have')} no outcome, of {counted(contents.outcome_rows, 'row')} of "
        f"outcomes {contents.only_outcomes} {agreeing(contents.only_outcomes, 'has', 'have')} no features."
    )
    rows = [
        (
            one.name or "–",
            str(one.patients),
            str(one.events),
            _times(one),
            _follow_up(one),
            f"{one.krt7_as_high} of {one.krt7_as_known}" if one.krt7_as_known else "–",
        )
        for one in contents.cohorts
    ]
    if rows:
        echo("Follow-up: median in months, by the reverse Kaplan-Meier method.")
        stdout().print(Table("", ("Cohort", "Patients", "Events", "Times, months", "Follow-up", "KRT7-AS high"), rows))
    missing = [f"{name} of {count}" for name, count in contents.missing.items()]
    if contents.without_some_features:
        missing.append(f"some features of {contents.without_some_features}")
    whom = counted(contents.joined, "patient")
    echo(f"Missing: {', '.join(missing)} of {whom}." if missing else "Nothing is missing.")


def _times(one: CohortContents) -> str:
    if one.shortest_months is None:
        return "–"
    return f"{one.shortest_months:.1f} to {one.longest_months:.1f}, median {one.median_months:.1f}"


def _follow_up(one: CohortContents) -> str:
    """Median by the reverse Kaplan-Meier method."""
    return "–" if one.follow_up_months is None else f"{one.follow_up_months:.1f}"


@cohort.command("simulate")
def simulate(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the tables.")],
    truth: Annotated[
        Truth,
        typer.Option("--truth", metavar=listed(Truth), help="Dependence of the simulated risk on the features."),
    ] = "strong",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the patients.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Write the tables of a simulated cohort of the paper's size, to try training and evaluation.

    It contains no real patients; subgroups are drawn at random.
    """
    from models.simulation import cohort as truths
    from models.simulation.files import write_simulated_cohort

    with writing_to(out), progress("Simulating"):
        written = write_simulated_cohort(out, truth=truths.Truth(truth), seed=seed)
    print_files(written, as_json=as_json)


def read_tables(
    features: Path,
    outcomes: Path,
    column: list[str] | None,
    time_unit: TimeUnit,
    overrule: list[str] | None = None,
) -> tuple[FeatureRows, OutcomeRows]:
    """The two tables of a cohort, as the options name them."""
    from models.cohort import outcomes as tables
    from models.cohort.features import read_features
    from models.cohort.outcome_plausibility import Doubt

    with as_mistake("--column"):
        columns = tables.OutcomeColumns().renamed(tuple(column or ()))
    read = tables.read_outcomes(
        outcomes,
        columns=columns,
        unit=tables.TimeUnit(time_unit),
        overruled=[Doubt(name) for name in overrule or ()],
    )
    return read_features(features), read
