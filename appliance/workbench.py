"""Opens everything the settings name: bias correction, feature engine, models. Slow, so it is done once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.pipeline import Workbench
    from appliance.settings import Settings
    from dicom_io.rules import SelectionRules
    from models.inference.package import ModelPackage


def open_workbench(settings: Settings) -> Workbench:
    """Opens everything needed to process a study.

    Raises
    ------
    SetupError
        When an engine, a device, a provider or a model package is missing or fails its checks, or when the packages
        treat several tumours differently and the settings do not decide.
    """
    # Imported here: `rules_with` is asked for where no library has been loaded.
    from appliance.pipeline import Workbench
    from models.features.extract import open_engine
    from models.inference.package import shipped_packages
    from models.inference.runtime import load_models
    from models.preprocessing.prepare import open_bias_correction

    models = load_models(settings.models.packages or shipped_packages(), provider=settings.models.provider)
    return Workbench(
        rules=rules_with(settings, (model.package for model in models)),
        bias=open_bias_correction(settings.preprocessing.n4, device=settings.preprocessing.device),
        shell_mm=settings.preprocessing.shell_mm,
        plausibility=settings.plausibility,
        engine=open_engine(settings.features.engine, device=settings.features.device),
        features=settings.features.settings,
        models=models,
        features_sr=settings.report.features_sr,
        cavities=settings.preprocessing.cavities,
        intended_use=settings.intended_use,
        withheld=settings.report.withheld,
        paper=settings.report.paper,
    )


def rules_with(settings: Settings, packages: Iterable[ModelPackage]) -> SelectionRules:
    """The rules of the settings, with what the packages know of their training images.

    Raises
    ------
    SetupError
        When the packages want several tumours taken differently and the settings do not decide.
    """
    return replace(settings.reading, models={package.identity.name: package.images for package in packages})
