"""`rdeepnet analyse therapy`: tables of features before and after therapy → a folder with the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.offline.analysis import write_analysis
from models.progress import Tell, silent
from models.therapy.analysis import analyse_therapy
from models.therapy.results import TherapyAnalysis, TherapySettings
from models.therapy.tables import ClinicalColumns, Measurement, read_tables
from models.version import software_version
from reports.analysis.therapy.compose import compose_therapy

_MOST_CATEGORIES = 8  # of an annotation bar
_TRACKS = ("subtype", "stage", "scanner", "centre")


@dataclass(frozen=True)
class TherapyInput:
    """Tables of a therapy analysis and the names in them.

    Attributes
    ----------
    before, after, clinical : the files
    columns : names of the clinical columns
    measurements : columns of plain tables; none for tables of `rdeepnet features`
    prefixes : beginnings of the names of the features to analyse; none: all
    """

    before: Path
    after: Path
    clinical: Path
    columns: ClinicalColumns
    measurements: Sequence[Measurement] = ()
    prefixes: Sequence[str] = ()


def therapy_into(
    out: Path, given: TherapyInput, settings: TherapySettings, *, created: datetime, tell: Tell = silent
) -> tuple[TherapyAnalysis, tuple[str, ...]]:
    """Reads, analyses and writes; returns the analysis and the names of the files.

    Parameters
    ----------
    created : written into the files, with its time zone

    Raises
    ------
    CohortRejected
        As `read_tables` and `analyse_therapy`.
    StudyRejected
        When the model cannot be solved.
    """
    tables = read_tables(
        given.before,
        given.after,
        given.clinical,
        columns=given.columns,
        measurements=given.measurements,
        prefixes=given.prefixes,
        adjusted=settings.adjusted,
        block=settings.block,
    )
    analysis = analyse_therapy(tables.patients, settings, covariates=tables.covariates, blocks=tables.blocks, tell=tell)
    tracks = {
        name: tables.clinical[name]
        for name in dict.fromkeys((*_TRACKS, settings.block))
        if 2 <= len(set(tables.clinical.get(name, ()))) <= _MOST_CATEGORIES
    }
    tell("report", 0, 0)
    report = compose_therapy(
        analysis,
        created=created,
        software=f"rdeepnet {software_version()}",
        sources=tuple(path.name for path in (given.before, given.after, given.clinical)),
        tracks=tracks,
    )
    return analysis, write_analysis(out, report)
