"""`rdeepnet analyse radiogenomics`: expression, features, scores and outcomes → a folder with the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.offline.analysis import write_analysis
from models.cohort.features import FeatureRows, read_features
from models.cohort.outcomes import OutcomeColumns, OutcomeRows, TimeUnit, read_outcomes
from models.omics.gene_groups import write_labels
from models.omics.gene_sets import read_gene_sets
from models.omics.genes import GeneTable
from models.omics.patients import join_rna
from models.omics.radiogenomics import GeneInDepth, Radiogenomics, RadiogenomicsSettings, analyse_radiogenomics
from models.patients.scores import read_scores
from models.progress import Tell, silent
from models.version import software_version
from reports.analysis.omics.radiogenomics import compose_radiogenomics

LABELS = "krt7-as.csv"


@dataclass(frozen=True)
class RadiogenomicsInput:
    """Tables of a radiogenomic analysis.

    Attributes
    ----------
    scores : table with id and score, as rdeepnet score writes it
    outcomes, features : None where there are none
    cells, pathways : files of gene sets
    cut_off : high risk is above it; that of the table of scores, else the median, when None
    """

    scores: Path
    outcomes: Path | None = None
    features: Path | None = None
    cells: Sequence[Path] = ()
    pathways: Sequence[Path] = ()
    columns: OutcomeColumns | None = None
    unit: TimeUnit = TimeUnit.MONTHS
    cut_off: float | None = None


def radiogenomics_into(
    out: Path,
    genes: GeneTable,
    given: RadiogenomicsInput,
    settings: RadiogenomicsSettings,
    *,
    created: datetime,
    tell: Tell = silent,
) -> tuple[Radiogenomics, tuple[str, ...]]:
    """Reads, analyses and writes; returns the analysis and the names of the files.

    Raises
    ------
    CohortRejected
        When a table cannot be used, or the tables do not fit together.
    NotWritable
        When a file cannot be written.
    """
    scores = read_scores(given.scores)
    outcomes: OutcomeRows | None = None
    if given.outcomes is not None:
        outcomes = read_outcomes(given.outcomes, columns=given.columns, unit=given.unit)
    features: FeatureRows | None = None if given.features is None else read_features(given.features)
    patients = join_rna(
        genes,
        scores.values,
        cut_off=scores.cut_off if given.cut_off is None else given.cut_off,
        outcomes=outcomes,
        features=features,
    )
    analysis = analyse_radiogenomics(
        patients,
        cells=[read_gene_sets(path) for path in given.cells],
        pathways=[read_gene_sets(path) for path in given.pathways],
        settings=settings,
        tell=tell,
    )
    tell("report", 0, 0)
    named = (("Scores", given.scores), ("Outcomes", given.outcomes), ("Features", given.features))
    report = compose_radiogenomics(
        analysis,
        created=created,
        software=f"rdeepnet {software_version()}",
        sources=tuple((label, path.name) for label, path in named if path is not None),
    )
    files = write_analysis(out, report)
    if isinstance(analysis.depth, GeneInDepth):
        write_labels(analysis.depth.groups, patients, out / LABELS)
        files = (*files, LABELS)
    return analysis, files
