"""PyRadiomics as an engine: its stored baselines, what cropping must not change, and its refusals."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import EngineUnavailable, FeatureUndefined, StudyRejected
from models.features.extract import FeatureEngine, extract_features, extract_region, open_engine
from models.features.families.diagnostics import diagnostics
from models.features.names import DIAGNOSTICS, GREY_LEVEL, vector_names
from models.features.settings import FeatureSettings, NormalizeRegion
from models.images import read_image, read_mask, to_sitk
from models.preprocessing.prepare import Prepared, PreparedSequence
from models.volume import Region, Roi, Sequence, Volume
from tests.models.features.reference import pyradiomics_values, roi_of, volume_of

pytest.importorskip("radiomics")

SPACING = (2.0, 0.9, 0.8)


@pytest.fixture(scope="module")
def engine() -> FeatureEngine:
    return open_engine("pyradiomics", device="cpu")


def speckled(shape: tuple[int, int, int], box: tuple[slice, slice, slice]) -> tuple[Volume, Roi]:
    rng = np.random.default_rng(3)
    mask = np.zeros(shape, dtype=bool)
    mask[box] = rng.random(mask[box].shape) > 0.3
    return volume_of(rng.normal(300, 60, shape).astype(np.float32), SPACING), roi_of(mask, SPACING, "tumour")


@pytest.mark.parametrize("case", ["brain1", "breast1"])
def test_stored_baselines(shared_data: Path, engine: FeatureEngine, case: str) -> None:
    """PyRadiomics' own stored values (versions 1.3 to 2.1, see the CSV files; 2.x changed no formula of these)."""
    folder = shared_data / "pyradiomics"
    table = extract_region(
        read_image(folder / f"{case}_image.nrrd"),
        read_mask(folder / f"{case}_label.nrrd"),
        engine=engine,
        settings=FeatureSettings(normalize=False, wavelet=None),
    )
    # The baselines shift grey values by 2000 before squaring them (voxelArrayShift); we do not.
    shifted = {f"original_firstorder_{name}" for name in ("Energy", "TotalEnergy", "RootMeanSquared")}
    # brain1's four mesh values were stored by an older marching cubes, before 2.0.1; 3.0.1 gives others on any machine.
    older = {f"original_shape_{name}" for name in ("MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity")}
    compared = 0
    for family in ("shape", *GREY_LEVEL):
        with (folder / f"baseline_{family}.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                name = row["featureName"]
                if name in table and name.startswith("original_") and name not in shifted:
                    relative = 1e-3 if case == "brain1" and name in older else 1e-6
                    assert table[name].value == pytest.approx(float(row[case]), rel=relative, abs=1e-9), name
                    compared += 1
    assert compared == 107 - 3


def test_diagnostics_equal_the_baseline(shared_data: Path) -> None:
    folder = shared_data / "pyradiomics"
    found = diagnostics(read_image(folder / "brain1_image.nrrd"), read_mask(folder / "brain1_label.nrrd"))
    with (folder / "baseline_glcm.csv").open(newline="", encoding="utf-8") as file:
        stored = {row["featureName"]: row["brain1"] for row in csv.DictReader(file)}
    spacing = [float(number) for number in stored["diagnostics_Image-original_Spacing"].strip("()").split(",")]
    assert found["diagnostics_Image-original_Spacing"] == pytest.approx(np.prod(spacing))
    for name in ("Mask-original_VoxelNum", "Mask-original_VolumeNum"):
        assert found[f"diagnostics_{name}"] == float(stored[f"diagnostics_{name}"])
    box = [int(number) for number in stored["diagnostics_Mask-original_BoundingBox"].strip("()").split(",")]
    assert found["diagnostics_Mask-original_BoundingBox"] == np.prod(box[3:])


def test_diagnostics_of_a_known_region() -> None:
    mask = np.zeros((5, 7, 9), dtype=bool)
    mask[4, 3, 4] = mask[0, 3, 4] = mask[2, 6, 4] = True
    voxels = np.zeros(mask.shape, dtype=np.float32)
    voxels[0, 0, 0] = 315
    found = diagnostics(volume_of(voxels, SPACING), roi_of(mask, SPACING))
    assert list(found) == list(DIAGNOSTICS)
    assert found["diagnostics_Image-original_Spacing"] == pytest.approx(2.0 * 0.9 * 0.8)
    assert found["diagnostics_Image-original_Size"] == 315
    assert found["diagnostics_Image-original_Mean"] == 1
    assert found["diagnostics_Mask-original_BoundingBox"] == 5 * 4 * 1
    assert found["diagnostics_Mask-original_VoxelNum"] == 3
    assert found["diagnostics_Mask-original_VolumeNum"] == 3
    # Centre of mass (2, 4, 4), centre of the volume (2, 3, 4): one row apart.
    assert found["diagnostics_Mask-original_CenterOfMassIndex"] == pytest.approx(1)
    assert found["diagnostics_Mask-original_CenterOfMass"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    "box",
    [
        (slice(8, 14), slice(10, 20), slice(9, 18)),
        (slice(0, 8), slice(10, 31), slice(9, 18)),
        (slice(8, 9), slice(3, 9), slice(0, 30)),
    ],
    ids=["inside", "at two edges", "one slice from edge to edge"],
)
@pytest.mark.parametrize(
    "settings",
    [
        FeatureSettings(diagnostics=False),
        FeatureSettings(diagnostics=False, bin_count=32, normalize=False),
    ],
    ids=["default", "32 bins, not normalised"],
)
def test_cropping_changes_no_bit(
    engine: FeatureEngine, box: tuple[slice, slice, slice], settings: FeatureSettings
) -> None:
    volume, roi = speckled((20, 31, 30), box)
    ours = engine.extract(volume, {Region.INTRATUMORAL: roi}, settings)[Region.INTRATUMORAL]
    assert ours == pyradiomics_values(volume, roi, settings)


def test_log_and_longer_wavelets_change_no_bit(engine: FeatureEngine) -> None:
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    volume, roi = speckled((20, 31, 30), (slice(8, 14), slice(10, 20), slice(9, 18)))
    settings = FeatureSettings(wavelet="db4", wavelet_levels=2, log_sigma_mm=(2.0,), diagnostics=False)
    ours = engine.extract(volume, {Region.INTRATUMORAL: roi}, settings)[Region.INTRATUMORAL]
    whole = RadiomicsFeatureExtractor(additionalInfo=False, normalize=True, normalizeScale=100, binWidth=25)
    whole.enableImageTypeByName("LoG", customArgs={"sigma": [2.0]})
    whole.enableImageTypeByName("Wavelet", customArgs={"wavelet": "db4", "level": 2})
    mask = to_sitk(roi.mask.astype(np.uint8), roi)
    assert ours == {name: float(value) for name, value in whole.execute(to_sitk(volume.voxels, volume), mask).items()}


def test_a_study_becomes_one_table_in_the_order_of_the_vector(engine: FeatureEngine) -> None:
    volume, roi = speckled((10, 16, 16), (slice(3, 6), slice(5, 10), slice(5, 10)))
    _, other = speckled((10, 16, 16), (slice(4, 7), slice(6, 12), slice(5, 10)))
    one = PreparedSequence(
        volume, {Region.PERITUMORAL: other, Region.INTRATUMORAL: roi}, np.ones(volume.shape, dtype=bool)
    )
    table = extract_features(
        Prepared({Sequence.T2W: one, Sequence.T1C: one}, ()), engine=engine, settings=FeatureSettings()
    )
    assert table.names == vector_names()
    assert table.engine == "pyradiomics 3.0.1"
    assert table.settings_digest == FeatureSettings().digest()
    assert table["t1c_intratumoral_original_shape_MeshVolume"].ibsi == "RNU0"
    only = extract_features(Prepared({Sequence.T1C: one}, ()), engine=engine, settings=FeatureSettings())
    assert only.names == vector_names()[:1726]


def test_both_engines_normalise_over_the_body_alike_and_by_nothing_outside_of_it(engine: FeatureEngine) -> None:
    volume, roi = speckled((10, 16, 16), (slice(3, 6), slice(5, 10), slice(5, 10)))
    body = np.zeros(volume.shape, dtype=bool)
    body[2:8, 3:13, 3:13] = True
    settings, rois = FeatureSettings(wavelet=None, diagnostics=False), {Region.INTRATUMORAL: roi}
    theirs = engine.extract(volume, rois, settings, body=body)[Region.INTRATUMORAL]
    own = open_engine("own", device="cpu")
    ours = own.extract(volume, rois, settings, body=body)[Region.INTRATUMORAL]
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    other = Volume(volume.affine, np.where(body, volume.voxels, 60000))
    assert own.extract(other, rois, settings, body=body)[Region.INTRATUMORAL] == ours
    over_image = replace(settings, normalize_region=NormalizeRegion.IMAGE)
    assert own.extract(volume, rois, over_image, body=body)[Region.INTRATUMORAL] != ours


@pytest.mark.parametrize(
    ("mask_voxels", "sentence"),
    [
        ([(5, 8, 8)], r"1 voxel\(s\) in a box of 1 × 1 × 1"),
        ([(5, 8, 8), (6, 8, 8), (7, 8, 8)], r"3 voxel\(s\) in a box of 3 × 1 × 1"),
    ],
)
def test_regions_too_small_are_refused(
    engine: FeatureEngine, mask_voxels: list[tuple[int, int, int]], sentence: str
) -> None:
    volume, _ = speckled((10, 16, 16), (slice(3, 6), slice(5, 10), slice(5, 10)))
    mask = np.zeros(volume.shape, dtype=bool)
    mask[tuple(np.array(mask_voxels).T)] = True
    with pytest.raises(StudyRejected, match=sentence):
        extract_region(volume, roi_of(mask, SPACING), engine=engine, settings=FeatureSettings())


def test_a_region_of_the_whole_image_has_features(engine: FeatureEngine) -> None:
    volume, _ = speckled((6, 8, 9), (slice(3, 6), slice(5, 8), slice(5, 9)))
    whole, settings = roi_of(np.ones(volume.shape, dtype=bool), SPACING), FeatureSettings(diagnostics=False)
    found = engine.extract(volume, {Region.INTRATUMORAL: whole}, settings)[Region.INTRATUMORAL]
    assert found == pyradiomics_values(volume, whole, settings)


def test_both_engines_lack_the_same_features(engine: FeatureEngine) -> None:
    volume, _ = speckled((6, 8, 9), (slice(3, 6), slice(5, 8), slice(5, 9)))
    mask = np.zeros(volume.shape, dtype=bool)
    mask[1, 1, 1] = mask[3, 4, 5] = True
    flat = Volume(volume.affine, np.full(volume.shape, 7, np.float32))
    for image in (volume, flat):
        tables = [
            extract_region(image, roi_of(mask, SPACING), engine=each, settings=FeatureSettings())
            for each in (engine, open_engine("own", device="cpu"))
        ]
        assert tables[0].names == tables[1].names
        assert tables[0].undefined == tables[1].undefined
        assert len(tables[0]) + len(tables[0].undefined) == 863
    with pytest.raises(FeatureUndefined, match=r"1 of 1 feature has .*original_glcm_Contrast.*one value"):
        tables[0].vector(["original_glcm_Contrast"])
    with pytest.raises(FeatureUndefined, match="cannot be normalised"):
        tables[0]["original_glcm_Contrast"]


def test_a_study_with_a_feature_without_value_is_refused_unless_it_may_be_left_empty() -> None:
    volume, roi = speckled((10, 16, 16), (slice(3, 6), slice(5, 10), slice(5, 10)))
    mask = np.zeros(volume.shape, dtype=bool)
    mask[4, 4, 4] = mask[4, 5, 5] = True
    own, settings = open_engine("own", device="cpu"), FeatureSettings(wavelet=None)
    rois = {Region.INTRATUMORAL: roi_of(mask, SPACING), Region.PERITUMORAL: roi}
    whole = PreparedSequence(volume, {**rois, Region.INTRATUMORAL: roi}, np.ones(volume.shape, dtype=bool))
    tiny = PreparedSequence(volume, rois, np.ones(volume.shape, dtype=bool))
    with pytest.raises(FeatureUndefined, match=r"1 of 238 features .*RobustMeanAbsoluteDeviation"):
        extract_features(Prepared({Sequence.T1C: tiny}, ()), engine=own, settings=settings)
    both = Prepared({Sequence.T1C: whole, Sequence.T2W: tiny}, ())
    assert set(extract_features(both, engine=own, settings=settings).dropped) == {Sequence.T2W}
    kept = extract_features(both, engine=own, settings=settings, keep_undefined=True)
    assert list(kept.undefined) == ["t2w_intratumoral_original_firstorder_RobustMeanAbsoluteDeviation"]
    assert len(kept) == 4 * 119 - 1
    assert not kept.dropped


def test_a_region_on_another_grid_is_refused_with_what_differs(engine: FeatureEngine) -> None:
    volume, roi = speckled((10, 16, 16), (slice(3, 6), slice(5, 10), slice(5, 10)))
    turned = roi_of(roi.mask, (2.0, 0.9, 0.91))
    with pytest.raises(StudyRejected, match=r"measure 2 × 0\.9 × 0\.91 mm instead of 2 × 0\.9 × 0\.8 mm"):
        engine.extract(volume, {Region.INTRATUMORAL: turned}, FeatureSettings())


def test_an_image_too_small_for_the_log_filter_is_refused(engine: FeatureEngine) -> None:
    volume, roi = speckled((10, 16, 16), (slice(3, 6), slice(5, 10), slice(5, 10)))
    settings = FeatureSettings(log_sigma_mm=(30.0,), wavelet=None)
    with pytest.raises(StudyRejected, match="too small for the filter"):
        extract_region(volume, roi, engine=engine, settings=settings)


def test_unknown_engines_and_devices_are_named() -> None:
    with pytest.raises(EngineUnavailable, match="'mirp'; one of own, pyradiomics"):
        open_engine("mirp", device="cpu")
    with pytest.raises(EngineUnavailable, match="'tpu'; one of auto, cpu, cuda"):
        open_engine("own", device="tpu")
    with pytest.raises(EngineUnavailable, match="runs on the CPU only"):
        open_engine("pyradiomics", device="cuda")


def test_without_the_package_the_error_says_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['radiomics'] = None\n"
        "from models.errors import EngineUnavailable\n"
        "from models.features.extract import open_engine\n"
        "try: open_engine('pyradiomics', device='cpu')\n"
        "except EngineUnavailable as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install --no-build-isolation pyradiomics==3.0.1" in done.stdout


def test_an_engine_that_leaves_a_feature_out_is_a_defect() -> None:
    from models.errors import SetupError

    class Forgetful:
        name = "forgetful 1"

        def extract(self, volume: Volume, rois: object, settings: FeatureSettings) -> dict[Region, dict[str, float]]:
            return {Region.INTRATUMORAL: {"original_firstorder_Mean": 1.0}}

    volume, roi = speckled((10, 16, 16), (slice(3, 6), slice(5, 10), slice(5, 10)))
    with pytest.raises(SetupError, match="yields 1 feature and 863 were expected"):
        extract_region(volume, roi, engine=Forgetful(), settings=FeatureSettings())
