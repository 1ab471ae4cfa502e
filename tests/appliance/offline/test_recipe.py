"""The recipe, told without opening anything, is what engines and models say of themselves. Mechanics."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.offline.recipe import bias_name, digest_of, engine_name, run_recipe
from appliance.settings import EngineSettings, PreprocessingSettings, ReportSettings, Settings
from appliance.workbench import open_workbench
from dicom_io.rules import NO_ASSIGNMENT, Assignment
from models.features.extract import ENGINES, open_engine
from models.features.settings import FeatureSettings
from models.preprocessing.cavities import Cavities
from models.preprocessing.prepare import BIAS_CORRECTIONS, open_bias_correction
from reports.language import Language
from reports.paper import Paper


def digest(settings: Settings, assignment: Assignment = NO_ASSIGNMENT) -> str:
    return digest_of(run_recipe(settings, assignment=assignment))


def test_it_names_what_the_opened_workbench_has() -> None:
    recipe, bench = run_recipe(Settings(), assignment=NO_ASSIGNMENT), open_workbench(Settings())
    assert recipe["features"]["engine"] == bench.engine.name
    assert recipe["preprocessing"]["n4"] == bench.bias.name
    assert recipe["reading"] == dataclasses.asdict(bench.rules)
    assert recipe["models"] == [
        (model.package.identity.name, model.package.identity.digest, "", model.provider) for model in bench.models
    ]


def test_a_provider_that_has_to_be_tried_is_named_as_the_models_run() -> None:
    settings = Settings(models=replace(Settings().models, provider="cuda-or-cpu"))
    providers = [provider for *_, provider in run_recipe(settings, assignment=NO_ASSIGNMENT)["models"]]
    assert providers == [model.provider for model in open_workbench(settings).models]


@pytest.mark.parametrize("engine", ENGINES)
def test_names_of_engines(engine: str) -> None:
    if engine == "pyradiomics":
        pytest.importorskip("radiomics")
    assert engine_name(engine) == open_engine(engine, device="cpu").name


@pytest.mark.parametrize("n4", BIAS_CORRECTIONS)
def test_names_of_bias_corrections(n4: str) -> None:
    assert bias_name(n4) == open_bias_correction(n4, device="cpu").name


# Another value of every setting that determines an answer; those that say where it is computed are not among them.
OTHER_VALUES: dict[str, dict[str, Any]] = {
    "preprocessing": {"n4": "none", "shell_mm": 5.0, "cavities": Cavities.FILL},
    "features": {"engine": "pyradiomics", "settings": FeatureSettings(bin_width=5.0)},
    "report": {"features_sr": True, "withheld": True, "fhir": True, "key_images": True, "paper": Paper.LETTER}
    | {"language": Language.GERMAN, "font": Path("font.ttf")},
}
WHERE = {"preprocessing": {"device"}, "features": {"device"}, "report": set[str]()}


@pytest.mark.parametrize("section", OTHER_VALUES)
def test_every_setting_that_determines_an_answer_changes_the_digest(section: str) -> None:
    kinds = {"preprocessing": PreprocessingSettings, "features": EngineSettings, "report": ReportSettings}
    names = {field.name for field in dataclasses.fields(kinds[section])}
    assert names == set(OTHER_VALUES[section]) | WHERE[section], "a setting is in neither table"
    settings, seen = Settings(), {digest(Settings())}
    for name, value in OTHER_VALUES[section].items():
        if value == "pyradiomics":
            pytest.importorskip("radiomics")
        seen.add(digest(replace(settings, **{section: replace(getattr(settings, section), **{name: value})})))
    assert len(seen) == 1 + len(OTHER_VALUES[section])


def test_where_it_is_computed_does_not() -> None:
    settings = Settings(preprocessing=PreprocessingSettings(device="cuda"), features=EngineSettings(device="cuda"))
    assert digest(settings) == digest(Settings())


def test_rules_and_assignment_do() -> None:
    settings = Settings(reading=replace(Settings().reading, registration_limit_mm=3.0))
    assert len({digest(Settings()), digest(settings), digest(Settings(), Assignment(t1c="AX T1"))}) == 3
