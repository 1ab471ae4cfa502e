"""`rdeepnet analyse patients`: the tables of a study → a folder with the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.offline.analysis import write_analysis
from models.cohort.features import FeatureRows
from models.cohort.outcomes import OutcomeRows
from models.inference.runtime import LoadedModel
from models.patients.analyse import AnalysisSettings, PatientAnalysis, analyse_patients
from models.patients.scores import CutOffRule, read_scores, scores_of_model
from models.patients.study import study_of
from models.progress import Tell, silent
from models.version import software_version
from reports.analysis.patients.compose import compose_patients


@dataclass(frozen=True, eq=False)
class PatientInput:
    """Tables of an analysis of patients and the names in them.

    Attributes
    ----------
    features, outcomes : as read
    scorer : a model, or the file with a table of scores
    cut_off, training, excluded, survival_time : as for `study_of`
    """

    features: FeatureRows
    outcomes: OutcomeRows
    scorer: LoadedModel | Path
    cut_off: float | CutOffRule | None = None
    training: str | None = None
    excluded: str | None = None
    survival_time: tuple[str, float] | None = None


def patients_into(
    out: Path, given: PatientInput, settings: AnalysisSettings, *, created: datetime, tell: Tell = silent
) -> tuple[PatientAnalysis, tuple[str, ...]]:
    """Scores, analyses and writes; returns the analysis and the names of the files.

    Parameters
    ----------
    created : written into the files, with its time zone

    Raises
    ------
    CohortRejected
        As `study_of` and `analyse_patients`.
    NotWritable
        When a file cannot be written.
    """
    scorer = given.scorer
    scores = read_scores(scorer) if isinstance(scorer, Path) else scores_of_model(scorer, given.features)
    study = study_of(
        given.features,
        given.outcomes,
        scores,
        cut_off=given.cut_off,
        training=given.training,
        excluded=given.excluded,
        survival_time=given.survival_time,
    )
    analysis = analyse_patients(study, settings, tell=tell)
    tell("report", 0, 0)
    report = compose_patients(analysis, created=created, software=f"rdeepnet {software_version()}")
    return analysis, write_analysis(out, report)
