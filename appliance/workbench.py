"""Opens everything the settings name: bias correction, feature engine, models. Slow, so it is done once."""

from __future__ import annotations

from dataclasses import replace

from appliance.pipeline import Workbench
from appliance.settings import Settings
from models.features.extract import open_engine
from models.inference.package import shipped_packages
from models.inference.runtime import load_models
from models.preprocessing.prepare import open_bias_correction


def open_workbench(settings: Settings) -> Workbench:
    """Opens everything needed to process a study.

    Raises
    ------
    SetupError
        When an engine, a device, a provider or a model package is missing or fails its checks, or when the packages
        treat several tumours differently and the settings do not decide.
    """
    models = load_models(settings.models.packages or shipped_packages(), provider=settings.models.provider)
    images = {model.package.identity.name: model.package.images for model in models}
    return Workbench(
        rules=replace(settings.reading, models=images),
        bias=open_bias_correction(settings.preprocessing.n4, device=settings.preprocessing.device),
        shell_mm=settings.preprocessing.shell_mm,
        plausibility=settings.plausibility,
        engine=open_engine(settings.features.engine, device=settings.features.device),
        features=settings.features.settings,
        models=models,
        features_sr=settings.report.features_sr,
    )
