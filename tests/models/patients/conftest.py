"""The study of `made_study`, read and analysed once."""

from __future__ import annotations

import pytest

from models.cohort.features import read_features
from models.cohort.outcomes import read_outcomes
from models.patients.analyse import AnalysisSettings, PatientAnalysis, analyse_patients
from models.patients.covariates import CovariateChoice
from models.patients.scores import read_scores
from models.patients.study import Study, study_of
from tests.models.patients.made_study import write_study


@pytest.fixture(scope="session")
def made_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    features, outcomes, scores = write_study(tmp_path_factory.mktemp("study"))
    return study_of(read_features(features), read_outcomes(outcomes), read_scores(scores), excluded="excluded")


@pytest.fixture(scope="session")
def made_settings() -> AnalysisSettings:
    covariates = (CovariateChoice("age"), CovariateChoice("stage", "I"), CovariateChoice("subtype"))
    return AnalysisSettings(covariates, ("subtype", "age", "centre"), resamples=100)


@pytest.fixture(scope="session")
def made_analysis(made_study: Study, made_settings: AnalysisSettings) -> PatientAnalysis:
    return analyse_patients(made_study, made_settings)
