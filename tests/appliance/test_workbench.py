"""Training images of the model packages govern the reading of studies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.settings import EngineSettings, ModelSettings, PreprocessingSettings, Settings
from appliance.workbench import open_workbench
from dicom_io.rules import SelectionRules
from models.acquisition import AcquisitionRange, SeveralTumours, TrainingImages
from models.errors import SetupError
from models.features.settings import FeatureSettings
from models.inference.manifest import FeatureOrigin
from models.volume import Sequence
from tests.models.small_packages import write_small_package


def package(folder: Path, several: str) -> Path:
    """A package that was trained with this way to take several tumours, on slices of 1 to 2 mm."""
    write_small_package(folder, name=folder.name, sequences=(Sequence.T1C,))
    manifest = folder / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    text = text.replace("schema = 1", f'schema = 1\nseveral_tumours = "{several}"')
    manifest.write_text(text + "\n[acquisition.t1c]\nslice_mm = [1.0, 2.0]\n", encoding="utf-8")
    return folder


def test_packages_say_how_studies_are_read_unless_the_settings_do(tmp_path: Path) -> None:
    one, other = package(tmp_path / "one", "largest"), package(tmp_path / "other", "union")
    plain = PreprocessingSettings(n4="none")

    def rules(*folders: Path, reading: SelectionRules | None = None) -> SelectionRules:
        settings = Settings(
            models=ModelSettings(packages=folders), preprocessing=plain, reading=reading or SelectionRules()
        )
        return open_workbench(settings).rules

    alone = rules(one)
    assert alone.tumours_together is SeveralTumours.LARGEST
    images = TrainingImages(SeveralTumours.LARGEST, {Sequence.T1C: AcquisitionRange(slice_mm=(1.0, 2.0))})
    assert alone.models == {"one": images}
    with pytest.raises(SetupError, match=r"\('one' largest, 'other' union\); one way was expected"):
        rules(one, other)
    decided = rules(one, other, reading=SelectionRules(several_tumours=SeveralTumours.UNION))
    assert decided.tumours_together is SeveralTumours.UNION
    assert set(decided.models) == {"one", "other"}


def test_a_model_of_other_feature_settings_is_refused_before_the_first_study(tmp_path: Path) -> None:
    origin = FeatureOrigin(settings_digest=FeatureSettings().digest(), engine="own 1", bias_correction="")
    write_small_package(tmp_path / "site", name="site", sequences=(Sequence.T1C,), origin=origin)
    usual = Settings(
        models=ModelSettings(packages=(tmp_path / "site",)), preprocessing=PreprocessingSettings(n4="none")
    )
    assert open_workbench(usual).features == FeatureSettings()
    other = FeatureSettings(resample_mm=(1.0, 1.0, 1.0))
    with pytest.raises(
        SetupError, match=rf"'site' was trained .* 9b855cc179b2, and .* {other.digest()[:12]}: its scores"
    ):
        open_workbench(replace(usual, features=EngineSettings(settings=other)))
