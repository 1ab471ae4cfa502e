"""Opens everything the settings name: bias correction, feature engine, models. Slow, so it is done once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from appliance.outbox import Outgoing
from appliance.pipeline import Workbench, answer_study
from appliance.settings import Settings
from dicom_io.rules import NO_ASSIGNMENT
from models.features.extract import open_engine
from models.package import shipped_packages
from models.preprocess import open_bias_correction
from models.runtime import load_models


def open_workbench(settings: Settings) -> Workbench:
    """Everything a study is worked on with.

    Raises
    ------
    SetupError
        When an engine, a device, a provider or a model package is not there or fails its checks.
    """
    return Workbench(
        rules=settings.reading,
        bias=open_bias_correction(settings.preprocessing.n4, device=settings.preprocessing.device),
        shell_mm=settings.preprocessing.shell_mm,
        engine=open_engine(settings.features.engine, device=settings.features.device),
        features=settings.features.settings,
        models=load_models(settings.models.packages or shipped_packages(), provider=settings.models.provider),
        features_sr=settings.report.features_sr,
    )


def answer(files: Sequence[Path], created: datetime, *, bench: Workbench) -> Outgoing:
    """One study from files to what goes into the outbox."""
    result = answer_study(files, bench, assignment=NO_ASSIGNMENT, created=created)
    return Outgoing(result.answer, result.stages)
