"""Everything but the images that determines an answer, without opening an engine or a model.

A run that is repeated asks it before anything else: the engines take seconds to load, and a cohort that is finished
needs none of them. `tests/appliance/offline/test_recipe.py` holds it to what the engines and models say themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.workbench import load_configured, rules_with
from dicom_io.rules import Assignment
from models.features.settings import OWN_ENGINE
from models.inference.package import ModelPackage, load_package, require_runnable, shipped_packages
from models.preprocessing.n4_settings import N4Settings, own_name
from models.version import software_version

if TYPE_CHECKING:
    from appliance.settings import Settings

# Sections of the settings that say nothing of an answer: how studies come, wait and go. Every other one counts.
_AROUND = {
    "service",
    "shared",
    "senders",
    "destinations",
    "study",
    "archive",
    "tls",
    "jobs",
    "delivery",
    "retention",
    "logs",
}
# Where something is computed is not part of the recipe: the values are the same.
_WHERE = frozenset({"device"})
_CPU = "CPUExecutionProvider"  # as ONNX Runtime calls it


def run_recipe(settings: Settings, *, assignment: Assignment) -> dict[str, Any]:
    """Returns what determines an answer: version, all settings of reading, images, features and report, models.

    Raises
    ------
    SetupError
        When a model package fails its checks or is not for the appliance, or an engine that must be asked for its
        version is not installed.
    """
    packages = tuple(
        load_package(folder, trusted_keys=settings.models.trusted_keys)
        for folder in settings.models.packages or shipped_packages()
    )
    for package in packages:
        require_runnable(package)
    sections = {
        item.name: _values(getattr(settings, item.name)) for item in fields(settings) if item.name not in _AROUND
    }
    sections["reading"] = asdict(rules_with(settings, packages))
    sections["preprocessing"]["n4"] = bias_name(settings.preprocessing.n4)
    sections["report"]["key_images"] = settings.makes_key_images
    sections["features"]["engine"] = engine_name(settings.features.engine)
    models = [
        (package.identity.name, package.identity.digest, package.identity.signed_by, provider)
        for package, provider in zip(packages, _providers(settings, packages), strict=True)
    ]
    return {"software": software_version(), "assignment": asdict(assignment), **sections, "models": models}


def digest_of(recipe: Mapping[str, Any]) -> str:
    """SHA-256 of a recipe: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def engine_name(engine: str) -> str:
    """Name and version of a feature engine, as `FeatureEngine.name`.

    Raises
    ------
    SetupError
        When another than the own engine is not installed.
    """
    if engine == "own":
        return OWN_ENGINE
    from models.features.extract import open_engine

    return open_engine(engine, device="cpu").name


def bias_name(n4: str) -> str:
    """Implementation and parameters of a bias correction, as `BiasCorrection.name`.

    Raises
    ------
    SetupError
        When there is none of that name.
    """
    if n4 == "own":
        return own_name(N4Settings())
    from models.preprocessing.prepare import open_bias_correction

    return open_bias_correction(n4, device="cpu").name


def _values(section: Any) -> dict[str, Any]:
    """All values of a section of the settings, except where things are computed."""
    values = {name: value for name, value in asdict(section).items() if name not in _WHERE}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _providers(settings: Settings, packages: tuple[ModelPackage, ...]) -> tuple[str, ...]:
    """The execution provider of each model; only the CPU is known without trying."""
    if settings.models.provider == "cpu":
        return (_CPU,) * len(packages)
    return tuple(model.provider for model in load_configured(settings))
