"""`rdeepnet evaluate`: a package and the tables of a cohort → evaluation.json, .pdf and .html, tables and figures/."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from models.cohort.patients import PatientTable
from models.evaluation.evaluate import EvaluationSettings, evaluate_model
from models.evaluation.overlap import as_table
from models.evaluation.results import Evaluation
from models.evaluation.suppress import suppressed
from models.files import write_output
from models.inference.runtime import LoadedModel
from models.progress import Tell, silent
from models.version import software_version
from reports.evaluation.compared import comparison_csv
from reports.evaluation.compose import compose_evaluation
from reports.evaluation.html_encoder import render_evaluation_html
from reports.evaluation.json_encoder import render_evaluation_json
from reports.evaluation.pdf_encoder import render_evaluation_pdf
from reports.figures.encode import files

JSON = "evaluation.json"
PDF = "evaluation.pdf"
HTML = "evaluation.html"
COMPARISON = "comparison.csv"
TRAINING_PATIENTS = "training_patients.csv"
FIGURES = "figures"


def evaluate_into(
    out: Path,
    model: LoadedModel,
    table: PatientTable,
    settings: EvaluationSettings,
    *,
    created: datetime,
    suppress_below: int | None = None,
    others: Sequence[LoadedModel] = (),
    tell: Tell = silent,
) -> Evaluation:
    """Evaluates and writes the three files and every figure as SVG and PDF, each completely or not at all.

    With other models comparison.csv as well, and training_patients.csv where the model was trained on patients of the
    table and cells are not suppressed.

    Parameters
    ----------
    created : written into the files, with its time zone
    suppress_below : cells of fewer patients are not shown; None shows all
    others, tell : as in `evaluate_model`

    Raises
    ------
    CohortRejected
        As `evaluate_model`.
    """
    evaluation = evaluate_model(model, table, settings, others=others, tell=tell)
    if suppress_below is not None:
        evaluation = suppressed(evaluation, below=suppress_below)
    software = f"rdeepnet {software_version()}"
    report = compose_evaluation(evaluation, created=created, software=software)
    write_output(out / JSON, render_evaluation_json(evaluation, created=created, software=software).encode())
    write_output(out / PDF, render_evaluation_pdf(report))
    write_output(out / HTML, render_evaluation_html(report).encode())
    if evaluation.comparisons:
        write_output(out / COMPARISON, comparison_csv(evaluation))
    if evaluation.trained_on:
        write_output(out / TRAINING_PATIENTS, as_table(evaluation.trained_on))
    for chart in report.charts():
        for name, content in files(chart).items():
            write_output(out / FIGURES / name, content)
    return evaluation
