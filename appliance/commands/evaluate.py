"""`rdeepnet evaluate`: performance of a model package on patients with known outcomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.cohort import Column, Features, Outcomes, Overrule, Unit, read_tables
from appliance.commands.exit_status import writing_to
from appliance.commands.options import AsJson, ConfigFile, Package, echo, print_json, settings_from, stdout
from appliance.commands.progress import progress
from appliance.commands.tables import Table

if TYPE_CHECKING:
    from models.evaluation.results import Evaluation


def evaluate(
    package: Package,
    features: Features,
    outcomes: Outcomes,
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the reports.")],
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            "--compare",
            metavar="DIR",
            help="Another package of the same task, compared on the patients whom both can score. May be repeated.",
            show_default=False,
        ),
    ] = None,
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
    overrule: Overrule = None,
    suppress_below: Annotated[
        int | None,
        typer.Option(
            "--suppress-below",
            min=2,
            metavar="N",
            help="Leave out cells of fewer than N patients in tables and curves, and those that would give them back.",
            show_default=False,
        ),
    ] = None,
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Bootstrap samples.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 20230815,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on patients with known outcomes, for each cohort and subgroup.

    Writes evaluation.json (every number), evaluation.pdf and evaluation.html to DIR: concordance, AUC at the
    horizons of the package and over time, sensitivity and specificity at its cut-off, Brier scores, calibration,
    Kaplan-Meier curves, hazard ratios in both directions, decision curves, follow-up; and every figure as SVG and PDF
    to DIR/figures. With --compare also comparison.csv: differences of concordance, AUC and Brier score.
    Patients whom the model was trained on, known by the fingerprints of its package and not by the name of their
    cohort, are listed in training_patients.csv. With --json standard output holds the content of evaluation.json.

    Of the configuration, only `models.trusted_keys` counts: a package that none of them has signed is refused.

    **Example**

        rdeepnet evaluate packages/recurrence --features features.parquet --outcomes outcomes.csv --out evaluation
    """
    with writing_to(out), progress("Loading") as running:
        from appliance.offline.evaluation import JSON, evaluate_into
        from models.cohort.patients import join
        from models.evaluation.evaluate import EvaluationSettings
        from models.inference.runtime import load_models

        settings = EvaluationSettings(tuple(subgroup) if subgroup else None, resamples, seed)
        trusted = settings_from(config).models.trusted_keys
        # Each by itself: two versions of a package have one name.
        model, *others = (
            load_models([folder], provider="cpu", trusted_keys=trusted)[0] for folder in (package, *(compare or ()))
        )
        joined = join(*read_tables(features, outcomes, column, time_unit, overrule))
        evaluation = evaluate_into(
            out,
            model,
            joined,
            settings,
            created=datetime.now(UTC).astimezone(),
            suppress_below=suppress_below,
            others=others,
            tell=running.tell,
        )
    if as_json:
        print_json(json.loads((out / JSON).read_text(encoding="utf-8")))
    else:
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
        stdout().print(Table(title, header, recurrence))
    if expression:
        stdout().print(Table(title, ("Group", "High / patients", "AUC"), expression))
    for comparison in evaluation.comparisons:
        found = comparison.differences[0]
        echo(
            f"{words.group_name(comparison.cohort, comparison.subgroup)}: {evaluation.model.name} less "
            f"{comparison.other.name}, {found.measure}: {words.shown(found.difference, beside=0)}"
        )
    tables = [", comparison.csv"] if evaluation.comparisons else []
    tables += [", training_patients.csv"] if evaluation.trained_on else []
    echo(f"{out}: evaluation.json, evaluation.pdf, evaluation.html{''.join(tables)}, figures/")
