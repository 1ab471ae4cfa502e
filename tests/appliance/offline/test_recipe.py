"""The digest of a recipe follows every option, those that are added too. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from appliance.offline.recipe import digest_of_recipe
from appliance.offline.runs import recipe_digest
from appliance.pipeline import Workbench
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from models.features.own import OwnEngine
from models.features.settings import FeatureSettings
from models.inference.runtime import Provider, load_model
from models.preprocessing.prepare import open_bias_correction
from tests.models.small_packages import write_small_package


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("packages") / "one"
    write_small_package(folder)
    model = load_model(folder, provider=Provider.CPU)
    return Workbench(
        rules=SelectionRules(),
        bias=open_bias_correction("none", device="cpu"),
        shell_mm=10.0,
        engine=OwnEngine(),
        features=FeatureSettings(),
        models=(model,),
        features_sr=False,
    )


def test_every_field_of_the_workbench_counts(bench: Workbench) -> None:
    others: Mapping[str, Any] = {
        "rules": SelectionRules(phase=2),
        "bias": open_bias_correction("own", device="cpu"),
        "shell_mm": 9.0,
        "engine": OwnEngine(),
        "features": FeatureSettings(bin_width=24.0),
        "models": (),
        "features_sr": True,
    }
    assert others.keys() == {field.name for field in fields(bench)}
    digests = {
        recipe_digest(replace(bench, **{name: value}), assignment=NO_ASSIGNMENT) for name, value in others.items()
    }
    digests.add(recipe_digest(bench, assignment=Assignment(t1c="1.2.3")))
    assert len(digests | {recipe_digest(bench, assignment=NO_ASSIGNMENT)}) == 8  # a second engine is the same engine


def test_a_new_option_changes_the_digest(bench: Workbench) -> None:
    wider = make_dataclass("Wider", [("margin_mm", float)], bases=(Workbench,), frozen=True)
    held = {field.name: getattr(bench, field.name) for field in fields(bench)}
    one, other = (recipe_digest(wider(**held, margin_mm=margin), assignment=NO_ASSIGNMENT) for margin in (1.0, 2.0))
    assert len({one, other, recipe_digest(bench, assignment=NO_ASSIGNMENT)}) == 3


def test_a_part_of_unknown_kind_is_an_error_and_never_left_out() -> None:
    with pytest.raises(TypeError, match="A complex is part of a recipe"):
        digest_of_recipe(shell=1j)


def test_nested_options_count() -> None:
    values = [1, True, "1", None, (1.0, 2.0), Path("/a"), FeatureSettings(), SelectionRules()]
    assert len({digest_of_recipe(option=value) for value in values}) == len(values)
