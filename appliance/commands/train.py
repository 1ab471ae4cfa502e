"""The commands that train models on a site's own patients: train recurrence, train krt7-as, train statements."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from appliance.commands.cohort import Column, Features, Outcomes, Unit, read_tables
from appliance.commands.exit_status import Commands
from appliance.commands.options import stderr, stdout, table

if TYPE_CHECKING:
    from models.model_card.about import About
    from models.model_card.facts import Measurement
    from models.quality_notes import QualityNote
    from models.training.network import Recipe
    from models.training.options import Trained, TrainingOptions
    from models.training.patients import TrainingPatients
    from models.volume import Sequence

train = typer.Typer(name="train", cls=Commands, help="Train models on your own patients.", no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the package.")]
RecipeName = Annotated[
    str,
    typer.Option(
        "--recipe",
        metavar="ensemble|paper",
        help="ensemble: five small networks on inputs selected in folds; paper: one network on all inputs.",
    ),
]
Diagnostics = Annotated[
    bool, typer.Option("--diagnostics", help="Allow the 12 image and mask diagnostics as inputs (paper: always).")
]
Sequences = Annotated[
    list[str] | None,
    typer.Option(
        "--sequence",
        metavar="t1c|t2w",
        help="Sequence the model may require; default: both. May be repeated.",
        show_default=False,
    ),
]
Cohort = Annotated[
    str | None,
    typer.Option(
        "--cohort",
        metavar="NAME",
        help="Training cohort; default: the one called training, or the only one.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same model on the same machine.")]
Device = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda", help="auto: the GPU where there is one.")]
Permutations = Annotated[
    int,
    typer.Option("--permutations", min=0, help="Number of trainings on permuted outcomes, to detect leakage."),
]
Refits = Annotated[
    int,
    typer.Option(
        "--refits",
        min=0,
        metavar="N",
        help="Trainings on bootstrap samples, for the plausible range of a score: 0, or at least 6.",
    ),
]
Search = Annotated[
    int,
    typer.Option(
        "--search",
        min=1,
        metavar="N",
        help="Try N recipes in every outer fold and keep the best on held-out folds: N times the training time.",
    ),
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name of the package; default: that of the folder.")
]
Version = Annotated[str, typer.Option("--version", metavar="TEXT", help="Version of the package.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="TEXT", help="Description of the training patients, for the card.", show_default=False
    ),
]
Statements = Annotated[
    Path | None,
    typer.Option(
        "--statements",
        metavar="FILE",
        help="Statements for the model card; rdeepnet train statements writes a file to fill in.",
        show_default=False,
    ),
]


@train.command("recurrence")
def recurrence(
    features: Features,
    outcomes: Outcomes,
    out: Out,
    recipe: RecipeName = "ensemble",
    cut_off: Annotated[
        str,
        typer.Option("--cut-off", metavar="NUMBER|optimal", help="Fixed, or by maximally selected rank statistics."),
    ] = "1.10",
    cohort: Cohort = None,
    sequence: Sequences = None,
    diagnostics: Diagnostics = False,
    permutations: Permutations = 3,
    refits: Refits = 6,
    search: Search = 1,
    seed: Seed = 1,
    device: Device = "auto",
    name: Name = None,
    version: Version = "1.0.0",
    data: Data = None,
    statements: Statements = None,
    column: Column = None,
    time_unit: Unit = "months",
) -> None:
    """Train a recurrence score (DeepSurv) and write it as a model package.

    Always adds a penalised Cox model on the same inputs and the same training on permuted outcomes, all
    out of fold with intervals. If the interval of the concordance does not lie above 0.5, the package states
    "no signal" in its card and with every result.

    **Example**

        rdeepnet train recurrence --features features.parquet --outcomes outcomes.csv --out packages/recurrence
    """
    from models.cohort.patients import join
    from models.inference.tasks import Task
    from models.training.patients import training_patients
    from models.training.recurrence import train_recurrence
    from models.training.recurrence_package import measurements, write_recurrence

    options = _options(
        recipe, diagnostics, permutations=permutations, refits=refits, search=search, seed=seed, device=device
    )
    limit = _cut_off(cut_off)
    joined = join(*read_tables(features, outcomes, column, time_unit))
    patients = training_patients(joined, task=Task.RECURRENCE, sequences=_sequences(sequence), cohort=cohort)
    about = _about(out, name, version, "Recurrence score", patients, data, statements)
    with _training(patients, options):
        trained = train_recurrence(
            patients.names,
            patients.values,
            times_months=patients.times_months,
            events=patients.events,
            options=options,
            cut_off=limit,
            settings_digest=patients.origin.settings_digest,
        )
        write_recurrence(out, trained, patients, about=about)
    _show(out, trained, measurements(trained, patients), joined.notes)


@train.command("krt7-as")
def krt7_as(
    features: Features,
    out: Out,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            "--outcomes", "-y", metavar="FILE", help="CSV: id, cohort, krt7_as_high (1 or 0).", show_default=False
        ),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option(
            "--counts",
            metavar="FILE",
            help="Read counts instead of outcomes: CSV with columns gene, length (bases) and one per patient.",
            show_default=False,
        ),
    ] = None,
    gene: Annotated[str, typer.Option("--gene", metavar="NAME", help="Gene in the table of counts.")] = "KRT7-AS",
    threshold: Annotated[
        str, typer.Option("--threshold", metavar="median|TPM", help="Expression above this value is high.")
    ] = "median",
    recipe: RecipeName = "ensemble",
    cohort: Cohort = None,
    sequence: Sequences = None,
    diagnostics: Diagnostics = False,
    permutations: Permutations = 3,
    refits: Refits = 6,
    search: Search = 1,
    seed: Seed = 1,
    device: Device = "auto",
    name: Name = None,
    version: Version = "1.0.0",
    data: Data = None,
    statements: Statements = None,
    column: Column = None,
) -> None:
    """Train a model for high expression of KRT7-AS from intratumoral features and write it as a model package.

    High and low come from the outcomes, or from read counts: TPM above the median of the training patients.

    **Example**

        rdeepnet train krt7-as --features features.parquet --counts counts.csv --out packages/krt7_as
    """
    from models.cohort.features import read_features
    from models.cohort.patients import join
    from models.inference.tasks import Task
    from models.training.expression import gene_tpm, high_expression, outcomes_of, read_counts
    from models.training.krt7_as import train_krt7_as
    from models.training.krt7_as_package import measurements, write_krt7_as
    from models.training.patients import training_patients

    if (outcomes is None) == (counts is None):
        raise typer.BadParameter("give exactly one of the two", param_hint="--outcomes / --counts")
    options = _options(
        recipe, diagnostics, permutations=permutations, refits=refits, search=search, seed=seed, device=device
    )
    rule = "High expression as stated in the outcomes."
    if counts is not None:
        rows = read_features(features)
        known = read_counts(counts).of(rows.identifiers)  # the median is that of patients with features
        expression = gene_tpm(known, gene)
        high = high_expression(expression, threshold_tpm=_threshold(threshold), gene=gene)
        rule, joined = high.words, join(rows, outcomes_of(known, expression, high))
    elif outcomes is not None:
        joined = join(*read_tables(features, outcomes, column, "months"))
    patients = training_patients(joined, task=Task.KRT7_AS, sequences=_sequences(sequence), cohort=cohort)
    about = _about(out, name, version, "KRT7-AS expression", patients, data, statements, rule=rule)
    with _training(patients, options):
        trained = train_krt7_as(
            patients.names,
            patients.values,
            is_high=patients.is_high,
            options=options,
            settings_digest=patients.origin.settings_digest,
        )
        write_krt7_as(out, trained, patients, about=about)
    _show(out, trained, measurements(trained, patients), joined.notes)


@train.command("statements")
def statements_template() -> None:
    """Write a template for everything that only the trainers can state to standard output.

    Reporting guidelines require it; anything left empty appears in the model card as "not stated".
    """
    from models.model_card.statements import template

    typer.echo(template(), nl=False)


def _options(
    recipe: str, diagnostics: bool, *, permutations: int, refits: int, search: int, seed: int, device: str
) -> TrainingOptions:
    """Options that both trainings share, checked in the order of the command line."""
    from models.training.network import training_device
    from models.training.options import TrainingOptions

    return TrainingOptions(
        recipe=_recipe(recipe, diagnostics),
        permutations=permutations,
        refits=refits,
        trials=_trials(search, recipe),
        seed=seed,
        device=training_device(device),
    )


def _training(patients: TrainingPatients, options: TrainingOptions) -> AbstractContextManager[object]:
    """Says on standard error that a training goes on."""
    return stderr().status(f"Training on {len(patients.values)} patients, {options.device} …")


def _recipe(name: str, diagnostics: bool) -> Recipe:
    from models.training.network import PAPER, Recipe

    if name not in ("ensemble", "paper"):
        raise typer.BadParameter(f"'{name}' is not one of ensemble, paper", param_hint="--recipe")
    return PAPER if name == "paper" else Recipe(diagnostics=diagnostics)


def _trials(search: int, recipe: str) -> int:
    if search > 1 and recipe != "ensemble":
        raise typer.BadParameter(
            "the recipe of the paper is fixed; search with --recipe ensemble", param_hint="--search"
        )
    return search


def _cut_off(text: str) -> float | None:
    return None if text == "optimal" else _number(text, "optimal", "--cut-off")


def _threshold(text: str) -> float | None:
    return None if text == "median" else _number(text, "median", "--threshold")


def _number(text: str, word: str, option: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is neither a number nor {word}", param_hint=option) from error


def _sequences(names: list[str] | None) -> tuple[Sequence, ...]:
    from models.volume import Sequence

    if wrong := [name for name in names or () if name not in tuple(Sequence)]:
        raise typer.BadParameter(f"'{wrong[0]}' is not one of {', '.join(Sequence)}", param_hint="--sequence")
    return tuple(sequence for sequence in Sequence if not names or sequence in names)


def _about(
    out: Path,
    name: str | None,
    version: str,
    title: str,
    patients: TrainingPatients,
    data: str | None,
    statements: Path | None,
    *,
    rule: str = "",
) -> About:
    """The statements of a site about its model, for manifest and card."""
    from models.model_card.about import NOTICE, About
    from models.model_card.statements import read_statements

    described = data or f"{len(patients.values)} patients of the cohort '{patients.cohort}' of this site."
    return About(
        name=name or out.resolve().name,
        version=version,
        title=title,
        notice=NOTICE,
        data=f"{described} {rule}".strip(),
        statements={} if statements is None else read_statements(statements),
    )


def _show(out: Path, trained: Trained, measured: Iterable[Measurement], cohort_notes: Iterable[QualityNote]) -> None:
    """Print what was measured, every doubt about cohort and training, and where the package is."""
    seconds = trained.seconds
    rows = [(one.what, one.value, one.whom) for one in measured]
    stdout().print(table("Measured in the training", ("Measure", "Value", "Patients and method"), rows))
    for note in (*cohort_notes, *trained.notes):
        text = f"[yellow]{note.severity.value:>7}[/]  {escape(note.code)}: {escape(note.sentence)}"
        stdout().print(text, highlight=False, soft_wrap=True)
    typer.echo(
        f"{out}: package with MODEL_CARD.md, .html, .json; {seconds[0]:.0f} s for the networks, {seconds[1]:.0f} s"
    )
