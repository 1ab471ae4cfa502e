"""The commands that train models on a site's own patients: train recurrence, train krt7-as, train statements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from appliance.commands.cohort import Column, Features, Outcomes, Overrule, Unit, read_tables
from appliance.commands.exit_status import Commands, writing_to
from appliance.commands.options import (
    AsJson,
    echo,
    note_as_json,
    out_of_fold_as_json,
    print_json,
    print_notes,
    stdout,
)
from appliance.commands.parameters import (
    CommandGroup,
    DeviceName,
    RecipeName,
    SequenceName,
    as_mistake,
    each_of,
    existing_file,
    listed,
    one_of,
)
from appliance.commands.progress import progress
from appliance.commands.tables import Table
from models.number_words import counted

if TYPE_CHECKING:
    from models.model_card.about import About
    from models.model_card.facts import Measurement
    from models.quality_notes import QualityNote
    from models.training.network import Recipe
    from models.training.options import Trained, TrainingOptions
    from models.training.patients import TrainingPatients
    from models.volume import Sequence

train = CommandGroup(name="train", cls=Commands, help="Train models on your own patients.", no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the package.")]
Recipes = Annotated[
    RecipeName,
    typer.Option(
        "--recipe",
        metavar=listed(RecipeName),
        help="ensemble: five small networks on inputs selected in folds; low-dimensional: five on all of a few inputs; "
        "paper: one network on all inputs.",
    ),
]
Diagnostics = Annotated[
    bool, typer.Option("--diagnostics", help="Allow the 12 image and mask diagnostics as inputs (paper: always).")
]
Sequences = Annotated[
    list[str] | None,
    typer.Option(
        "--sequence",
        metavar=listed(SequenceName),
        callback=each_of(SequenceName),
        autocompletion=one_of(*get_args(SequenceName)),
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
Device = Annotated[
    DeviceName, typer.Option("--device", metavar=listed(DeviceName), help="auto: the GPU where there is one.")
]
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
OuterFolds = Annotated[
    int | None,
    typer.Option(
        "--outer-folds",
        min=0,
        metavar="N",
        help="Folds in which the whole training is repeated; default: ten, or as many as the events allow. 0: none, "
        "for thousands of patients.",
        show_default=False,
    ),
]
Divisions = Annotated[
    int,
    typer.Option(
        "--divisions",
        min=1,
        metavar="N",
        help="Draw the outer folds N times and average the figures out of fold; the model itself is trained once.",
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
        callback=existing_file,
        help="Statements for the model card; rdeepnet train statements writes a file to fill in.",
        show_default=False,
    ),
]


@train.command("recurrence")
def recurrence(
    features: Features,
    outcomes: Outcomes,
    out: Out,
    recipe: Recipes = "ensemble",
    cut_off: Annotated[
        str,
        typer.Option(
            "--cut-off",
            metavar="NUMBER|optimal",
            autocompletion=one_of("optimal"),
            help="Fixed, or by maximally selected rank statistics.",
        ),
    ] = "1.10",
    cohort: Cohort = None,
    sequence: Sequences = None,
    diagnostics: Diagnostics = False,
    permutations: Permutations = 3,
    refits: Refits = 6,
    outer_folds: OuterFolds = None,
    divisions: Divisions = 3,
    search: Search = 1,
    seed: Seed = 1,
    device: Device = "auto",
    name: Name = None,
    version: Version = "1.0.0",
    data: Data = None,
    statements: Statements = None,
    column: Column = None,
    time_unit: Unit = "months",
    overrule: Overrule = None,
    as_json: AsJson = False,
) -> None:
    """Train a recurrence score (DeepSurv) and write it as a model package.

    Always adds a penalised Cox model on the same inputs and the same training on permuted outcomes, all
    out of fold with intervals. If the interval of the concordance does not lie above 0.5, the package states
    "no signal" in its card and with every result.

    **Example**

        rdeepnet train recurrence --features features.parquet --outcomes outcomes.csv --out packages/recurrence
    """
    with writing_to(out), progress("Loading") as running:
        from models.cohort.patients import join
        from models.inference.tasks import Task
        from models.training.patients import training_patients
        from models.training.recurrence import train_recurrence
        from models.training.recurrence_package import measurements, write_recurrence

        options = _options(
            recipe,
            diagnostics,
            permutations=permutations,
            refits=refits,
            divisions=divisions,
            search=search,
            seed=seed,
            device=device,
            outer_folds=outer_folds,
        )
        limit = _cut_off(cut_off)
        joined = join(*read_tables(features, outcomes, column, time_unit, overrule))
        patients = training_patients(joined, task=Task.RECURRENCE, sequences=_sequences(sequence), cohort=cohort)
        about = _about(out, name, version, "Recurrence score", patients, data, statements)
        trained = train_recurrence(
            patients.names,
            patients.values,
            times_months=patients.times_months,
            events=patients.events,
            options=options,
            cut_off=limit,
            settings_digest=patients.origin.settings_digest,
            tell=running.tell,
        )
        write_recurrence(out, trained, patients, about=about)
    _show(out, about, trained, measurements(trained, patients), joined.notes, as_json=as_json)


@train.command("krt7-as")
def krt7_as(
    features: Features,
    out: Out,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            "--outcomes",
            "-y",
            metavar="FILE",
            callback=existing_file,
            help="CSV: id, cohort, krt7_as_high (1 or 0).",
            show_default=False,
        ),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option(
            "--counts",
            metavar="FILE",
            callback=existing_file,
            help="Read counts instead of outcomes: CSV with columns gene, length (bases) and one per patient.",
            show_default=False,
        ),
    ] = None,
    gene: Annotated[str, typer.Option("--gene", metavar="NAME", help="Gene in the table of counts.")] = "KRT7-AS",
    threshold: Annotated[
        str,
        typer.Option(
            "--threshold",
            metavar="median|TPM",
            autocompletion=one_of("median"),
            help="Expression above this value is high.",
        ),
    ] = "median",
    recipe: Recipes = "ensemble",
    cohort: Cohort = None,
    sequence: Sequences = None,
    diagnostics: Diagnostics = False,
    permutations: Permutations = 3,
    refits: Refits = 6,
    divisions: Divisions = 3,
    search: Search = 1,
    seed: Seed = 1,
    device: Device = "auto",
    name: Name = None,
    version: Version = "1.0.0",
    data: Data = None,
    statements: Statements = None,
    column: Column = None,
    as_json: AsJson = False,
) -> None:
    """Train a model for high expression of KRT7-AS from intratumoral features and write it as a model package.

    High and low come from the outcomes, or from read counts: TPM above the median of the training patients.

    **Example**

        rdeepnet train krt7-as --features features.parquet --counts counts.csv --out packages/krt7_as
    """
    if (outcomes is None) == (counts is None):
        raise typer.BadParameter("give exactly one of the two", param_hint="--outcomes / --counts")
    with writing_to(out), progress("Loading") as running:
        from models.cohort.features import read_features
        from models.cohort.patients import join
        from models.inference.tasks import Task
        from models.training.expression import gene_tpm, high_expression, outcomes_of, read_counts
        from models.training.krt7_as import train_krt7_as
        from models.training.krt7_as_package import measurements, write_krt7_as
        from models.training.patients import training_patients

        options = _options(
            recipe,
            diagnostics,
            permutations=permutations,
            refits=refits,
            divisions=divisions,
            search=search,
            seed=seed,
            device=device,
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
        trained = train_krt7_as(
            patients.names,
            patients.values,
            is_high=patients.is_high,
            options=options,
            settings_digest=patients.origin.settings_digest,
            tell=running.tell,
        )
        write_krt7_as(out, trained, patients, about=about)
    _show(out, about, trained, measurements(trained, patients), joined.notes, as_json=as_json)


@train.command("statements")
def statements_template() -> None:
    """Write a template for everything that only the trainers can state to standard output.

    Reporting guidelines require it; anything left empty appears in the model card as "not stated".
    """
    from models.model_card.statements import template

    echo(template(), nl=False)


def _options(
    recipe: str,
    diagnostics: bool,
    *,
    permutations: int,
    refits: int,
    divisions: int,
    search: int,
    seed: int,
    device: str,
    outer_folds: int | None = None,
) -> TrainingOptions:
    """Options that both trainings share, checked in the order of the command line."""
    from models.training.network import training_device
    from models.training.options import TrainingOptions

    on = training_device(device)
    with as_mistake("--refits / --outer-folds"):
        return TrainingOptions(
            recipe=_recipe(recipe, diagnostics),
            permutations=permutations,
            refits=refits,
            divisions=divisions,
            trials=_trials(search, recipe),
            outer_folds=outer_folds,
            seed=seed,
            device=on,
        )


def _recipe(name: str, diagnostics: bool) -> Recipe:
    from models.training.network import LOW_DIMENSIONAL, PAPER, Recipe

    if name == "paper":
        return PAPER
    return replace(LOW_DIMENSIONAL if name == "low-dimensional" else Recipe(), diagnostics=diagnostics)


def _trials(search: int, recipe: str) -> int:
    if search > 1 and recipe != "ensemble":
        raise typer.BadParameter(
            f"the recipe '{recipe}' is fixed; search with --recipe ensemble", param_hint="--search"
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

    described = data or f"{counted(len(patients.values), 'patient')} of the cohort '{patients.cohort}' of this site."
    return About(
        name=name or out.resolve().name,
        version=version,
        title=title,
        notice=NOTICE,
        data=f"{described} {rule}".strip(),
        statements={} if statements is None else read_statements(statements),
    )


def _show(
    out: Path,
    about: About,
    trained: Trained,
    measured: Iterable[Measurement],
    cohort_notes: Iterable[QualityNote],
    *,
    as_json: bool,
) -> None:
    """Print what was measured, every doubt about cohort and training, and where the package is."""
    networks, everything = trained.seconds
    notes = (*cohort_notes, *trained.notes)
    if as_json:
        print_json(
            {
                "folder": str(out),
                "model": {"name": about.name, "version": about.version, "title": about.title, "notice": about.notice},
                "out_of_fold": out_of_fold_as_json(trained.out_of_fold),
                "measurements": [asdict(one) for one in measured],
                "quality_notes": [note_as_json(note) for note in notes],
                "seconds": {"networks": networks, "all": everything},
            }
        )
        return
    rows = [(one.what, one.value, one.whom) for one in measured]
    stdout().print(Table("Measured in the training", ("Measure", "Value", "Patients and method"), rows))
    print_notes(notes)
    echo(f"{out}: package with MODEL_CARD.md, .html, .json; {networks:.0f} s for the networks, {everything:.0f} s")
