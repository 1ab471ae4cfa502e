"""`rdeepnet analyse patients`: who was analysed, and what the score adds beyond clinical covariates."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.analyse.options import Alpha, AnalysisOut, Scale
from appliance.commands.cohort import Column, Features, Outcomes, Overrule, Unit, read_tables
from appliance.commands.exit_status import writing_to
from appliance.commands.options import AsJson, ConfigFile, echo, print_json, print_notes, settings_from, stdout
from appliance.commands.parameters import as_mistake, existing_file, existing_folder, model_packages, one_of
from appliance.commands.progress import progress
from appliance.commands.tables import Table

if TYPE_CHECKING:
    from models.inference.runtime import LoadedModel
    from models.patients.analyse import PatientAnalysis
    from models.patients.scores import CutOffRule


def patients(
    features: Features,
    outcomes: Outcomes,
    out: AnalysisOut,
    package: Annotated[
        Path | None,
        typer.Option(
            "--package",
            "-p",
            callback=existing_folder,
            autocompletion=model_packages,
            metavar="PACKAGE",
            help="Model package that scores the patients.",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores",
            "-s",
            callback=existing_file,
            metavar="FILE",
            help="In place of a package: CSV with id, score and perhaps group, as rdeepnet score writes it.",
            show_default=False,
        ),
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(
            "--covariate",
            metavar="NAME[=REFERENCE]",
            help="Clinical covariate, with its reference level; NAME:category or NAME:number says its kind. Default: "
            "those of age, stage, subtype and grade that exist. May be repeated.",
            show_default=False,
        ),
    ] = None,
    subgroup: Annotated[
        list[str] | None,
        typer.Option(
            "--subgroup",
            metavar="COLUMN",
            help="Clinical column of the forest, a number split at its median. Default: those of subtype, therapy, "
            "stage, age and centre that exist. May be repeated.",
            show_default=False,
        ),
    ] = None,
    cut_off: Annotated[
        str | None,
        typer.Option(
            "--cut-off",
            metavar="NUMBER|median|optimal",
            autocompletion=one_of("median", "optimal"),
            help="High risk is above it; median and optimal are of the training cohort, or of the largest. Default: "
            "that of the package, or of the groups in the table of scores.",
            show_default=False,
        ),
    ] = None,
    training: Annotated[
        str | None,
        typer.Option(
            "--training",
            metavar="COHORT",
            help="Cohort that trained the model; default: the one called training.",
            show_default=False,
        ),
    ] = None,
    excluded: Annotated[
        str | None,
        typer.Option(
            "--excluded",
            metavar="COLUMN",
            help="Clinical column with the reason of those who were recruited and not enrolled; empty for all others.",
            show_default=False,
        ),
    ] = None,
    survival_time: Annotated[
        str | None,
        typer.Option(
            "--survival-time",
            metavar="COLUMN",
            help="Clinical column with the survival time, in the unit of the times: recurrence-free times that are "
            "longer are named.",
            show_default=False,
        ),
    ] = None,
    scale: Scale = "z",
    alpha: Alpha = 0.05,
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Bootstrap samples of each set.")] = 500,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 20230815,
    column: Column = None,
    time_unit: Unit = "months",
    overrule: Overrule = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Describe the patients, and measure what the score adds beyond stage, subtype and other clinical covariates.

    Writes report.html, report.pdf, result.json, CSV tables, figures and methods.txt to DIR: flow of patients,
    characteristics by cohort and risk group, follow-up, Cox models of the score with clinical covariates
    (likelihood-ratio test, change of Harrell's C), subgroups with interaction tests, features of high against low
    risk, the search for the optimal cut-off. Unknown covariates are counted; nothing is filled in.

    Of the configuration, only `models.trusted_keys` counts: a package that none of them has signed is refused.

    **Example**

        rdeepnet analyse patients -f features.parquet -y outcomes.csv -p packages/recurrence --covariate stage=I -o out
    """
    from appliance.offline.patients import PatientInput, patients_into
    from models.cohort.outcomes import TimeUnit
    from models.inference.runtime import load_models
    from models.patients.analyse import AnalysisSettings
    from models.patients.covariates import CovariateChoice
    from models.statistics.feature_tests import Scale as ScaleOfFeatures

    limit = _cut_off(cut_off)
    with as_mistake("--covariate"):
        covariates = tuple(CovariateChoice.of(text) for text in covariate) if covariate else None
    settings = AnalysisSettings(
        covariates=covariates,
        subgroups=tuple(subgroup) if subgroup else None,
        scale=ScaleOfFeatures(scale),
        alpha=alpha,
        resamples=resamples,
        seed=seed,
    )
    if (scores is None) == (package is None):
        raise typer.BadParameter("one of --package and --scores was expected", param_hint="--package")
    with writing_to(out), progress("Reading tables") as running:
        feature_rows, outcome_rows = read_tables(features, outcomes, column, time_unit, overrule)
        scorer: LoadedModel | Path
        if package is not None:
            (scorer,) = load_models([package], provider="cpu", trusted_keys=settings_from(config).models.trusted_keys)
        else:
            assert scores is not None
            scorer = scores
        given = PatientInput(
            feature_rows,
            outcome_rows,
            scorer,
            cut_off=limit,
            training=training,
            excluded=excluded,
            survival_time=None if survival_time is None else (survival_time, TimeUnit(time_unit).months),
        )
        analysis, files = patients_into(out, given, settings, created=datetime.now(UTC).astimezone(), tell=running.tell)
    if as_json:
        print_json(json.loads((out / "result.json").read_text(encoding="utf-8")))
        return
    _print(analysis)
    echo(f"{out}: {', '.join(name for name in files if '/' not in name)}, figures/")


def _cut_off(text: str | None) -> float | CutOffRule | None:
    """The cut-off as it was asked for; another text is a mistake in the command line."""
    from models.patients.scores import CutOffRule

    if text is None:
        return None
    if text in (CutOffRule.MEDIAN, CutOffRule.OPTIMAL):
        return CutOffRule(text)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"'{text}' is no number, and neither median nor optimal", param_hint="--cut-off")
    return value


def _print(analysis: PatientAnalysis) -> None:
    """Prints what the score adds in each set, and every doubt."""
    from reports.analysis.cells import shown
    from reports.analysis.patients.tables import added_table

    content = added_table(analysis.sets)
    rows = [[shown(value, of.format) for value, of in zip(row, content.columns, strict=True)] for row in content.rows]
    title = "What the score adds beyond clinical covariates"
    stdout().print(Table(title, [of.title for of in content.columns], rows))
    print_notes(analysis.notes)
