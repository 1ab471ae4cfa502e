"""Opens everything the settings name: bias correction, feature engine, models. Slow, so it is done once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from dicom_io.answer_roles import Role
from models.errors import SetupError
from reports.language import Language

if TYPE_CHECKING:
    from appliance.pipeline import Workbench
    from appliance.settings import Settings
    from dicom_io.rules import SelectionRules
    from models.inference.package import ModelPackage
    from models.inference.runtime import LoadedModel


def open_workbench(settings: Settings) -> Workbench:
    """Opens everything needed to process a study.

    Raises
    ------
    SetupError
        When an engine, a device, a provider or a model package is missing or fails its checks, when a package was
        trained on features of other settings, or when the packages treat several tumours differently and the settings
        do not decide.
    """
    # Imported here: `rules_with` is asked for where no library has been loaded.
    from appliance.pipeline import Workbench
    from models.features.extract import open_engine
    from models.preprocessing.prepare import open_bias_correction

    models = load_configured(settings)
    require_same_features(settings, (model.package for model in models))
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
        fhir=settings.makes_fhir,
        key_images=settings.makes_key_images,
        paper=settings.report.paper,
        limits=settings.limits,
        languages=languages_of(settings),
        fonts=fonts_of(settings),
    )


def languages_of(settings: Settings) -> tuple[Language, ...]:
    """The languages reports are made in, the site's first, then those of its destinations."""
    own = [one.language for one in settings.destinations if one.language is not None]
    return tuple(dict.fromkeys((settings.report.language, *own)))


def draft_languages_of(settings: Settings) -> tuple[Language, ...]:
    """The languages drafts are made in, the site's first, then those of destinations that get what has words;
    none where no destination wants drafts.
    """
    wanting = [one for one in settings.destinations if one.drafts]
    own = [one.language for one in wanting if one.language is not None and one.drafts != (Role.DRAFT_SEG,)]
    return tuple(dict.fromkeys((settings.report.language, *own))) if wanting else ()


def fonts_of(settings: Settings) -> tuple[str, ...]:
    """Font files of the settings; checked, with those of the system, where a language needs one.

    Raises
    ------
    SetupError
        When a language is configured whose characters no font has.
    """
    from reports.fonts import require_characters

    files = settings.report.fonts
    if files or Language.CHINESE in languages_of(settings):
        require_characters(files, "中文复发风险")
    return files


def load_configured(settings: Settings) -> tuple[LoadedModel, ...]:
    """The model packages of the settings, loaded, signed as the settings ask, in the order of the report.

    Raises
    ------
    SetupError
        When a provider or a package is missing or fails its checks, or the inputs of a model come from elsewhere.
    """
    from models.inference.package import require_runnable, shipped_packages
    from models.inference.runtime import load_models

    loaded = load_models(
        settings.models.packages or shipped_packages(),
        provider=settings.models.provider,
        trusted_keys=settings.models.trusted_keys,
    )
    for model in loaded:
        require_runnable(model.package)
    return loaded


def require_same_features(settings: Settings, packages: Iterable[ModelPackage]) -> None:
    """Refuses packages that were trained on features of other settings; those that name none are taken.

    Raises
    ------
    SetupError
        With both digests.
    """
    found = settings.features.settings.digest()
    for package in packages:
        trained = package.origin.settings_digest
        if trained and trained != found:
            raise SetupError(
                f"The model '{package.identity.name}' was trained on features of the settings {trained[:12]}, and "
                f"[features.settings] are {found[:12]}: its scores would mean nothing. Set what its features were made "
                "with, or name models in models.packages that were trained with these settings."
            )


def rules_with(settings: Settings, packages: Iterable[ModelPackage]) -> SelectionRules:
    """The rules of the settings, with what the packages know of their training images.

    Raises
    ------
    SetupError
        When the packages want several tumours taken differently and the settings do not decide.
    """
    return replace(settings.reading, models={package.identity.name: package.images for package in packages})
