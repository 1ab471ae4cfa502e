"""`AnalysisReport` → a folder: the end of every `rdeepnet analyse` command."""

from __future__ import annotations

from pathlib import Path

from models.files import write_output
from reports.analysis.content import AnalysisReport
from reports.analysis.files import analysis_files


def write_analysis(out: Path, report: AnalysisReport) -> tuple[str, ...]:
    """Writes every file of the analysis, each completely or not at all; returns their paths below `out`.

    Files of the same names are replaced, others are left as they are; `result.json` lists those of this analysis.

    Raises
    ------
    NotWritable
        When a file cannot be written.
    """
    contents = analysis_files(report)
    for name, content in contents.items():
        write_output(out / name, content)
    return tuple(contents)
