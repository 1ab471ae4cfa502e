"""`rdeepnet evaluate`: a package and the tables of a cohort → evaluation.json, evaluation.pdf, evaluation.html."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from models.cohort.patients import PatientTable
from models.evaluation.evaluate import EvaluationSettings, evaluate_model
from models.evaluation.results import Evaluation
from models.inference.runtime import LoadedModel
from models.version import software_version
from reports.evaluation.compose import compose_evaluation
from reports.evaluation.html_encoder import render_evaluation_html
from reports.evaluation.json_encoder import render_evaluation_json
from reports.evaluation.pdf_encoder import render_evaluation_pdf

JSON = "evaluation.json"
PDF = "evaluation.pdf"
HTML = "evaluation.html"


def evaluate_into(
    out: Path, model: LoadedModel, table: PatientTable, settings: EvaluationSettings, *, created: datetime
) -> Evaluation:
    """Evaluates and writes the three files, each completely or not at all.

    Parameters
    ----------
    created : written into the files, with its time zone

    Raises
    ------
    CohortRejected
        As `evaluate_model`.
    """
    evaluation = evaluate_model(model, table, settings)
    software = f"rdeepnet {software_version()}"
    report = compose_evaluation(evaluation, created=created, software=software)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / JSON, render_evaluation_json(evaluation, created=created, software=software).encode())
    _write(out / PDF, render_evaluation_pdf(report))
    _write(out / HTML, render_evaluation_html(report).encode())
    return evaluation


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
