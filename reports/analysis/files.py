"""`AnalysisReport` → the files of its folder by name.

report.html, report.pdf     for people
result.json                 every number, for programs
<table>.csv                 one for each table that has a name; numbers with all their digits
figures/<figure>.svg, .pdf  vector graphics
methods.txt                 paragraphs to paste
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.csv_table import lines
from reports.analysis.content import AnalysisReport, Table, Value
from reports.analysis.html_encoder import render_analysis_html
from reports.analysis.pdf_encoder import render_analysis_pdf
from reports.figures.encode import pdf, svg

SCHEMA = 1
HTML, PDF, JSON, METHODS = "report.html", "report.pdf", "result.json", "methods.txt"


def analysis_files(report: AnalysisReport) -> dict[str, bytes]:
    """Every file of the analysis, by its path below the folder of results."""
    contents: dict[str, bytes] = {HTML: render_analysis_html(report).encode(), PDF: render_analysis_pdf(report)}
    for table in report.tables():
        if table.name:
            contents[f"{table.name}.csv"] = table_csv(table)
    for chart in report.charts():
        contents[f"figures/{chart.name}.svg"] = svg(chart)
        contents[f"figures/{chart.name}.pdf"] = pdf(chart)
    contents[METHODS] = ("\n\n".join(report.methods) + "\n").encode()
    contents[JSON] = result_json(report, files=sorted([*contents, JSON])).encode()
    return contents


def table_csv(table: Table) -> bytes:
    """All rows and columns; numbers with all their digits, an empty cell for none."""
    rows = (tuple(_plain(value) for value in row) for row in table.rows)
    return "".join(lines([tuple(column.key for column in table.columns), *rows])).encode()


def _plain(value: Value) -> Value:
    """A value without the types of numpy; a flag as 1 or 0, no number as an empty cell."""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def result_json(report: AnalysisReport, *, files: list[str]) -> str:
    """The result as one JSON document, with what every analysis says about itself."""
    about: Mapping[str, Any] = {
        "schema": SCHEMA,
        "analysis": report.analysis,
        "notice": report.notice,
        "created": report.created.isoformat(),
        "software": report.software,
        "files": files,
    }
    return json.dumps(about | as_json(report.result), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def as_json(value: Any) -> Any:
    """JSON values of mappings, sequences, arrays and numbers; NaN and infinite numbers are null."""
    if isinstance(value, Mapping):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
