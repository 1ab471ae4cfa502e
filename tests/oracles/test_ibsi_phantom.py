"""Oracle: the digital phantom of the Image Biomarker Standardisation Initiative and its consensus values.

Zwanenburg et al., Radiology 2020;295:328-338. The phantom is discretised already (levels 1 to 6), so bin width 1
without normalisation is the identity. Consensus values are given with a tolerance, or to three significant digits.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from models.features.names import GREY_LEVEL, SHAPE, feature_definitions
from models.features.own import OwnEngine
from models.features.settings import Aggregation, FeatureSettings
from models.images import read_image, read_mask
from models.volume import Region
from tests.oracles.ibsi_tags import NOT_IN_IBSI, RELATED, SAME, TEXTURE, consensus_values, tag_of


@pytest.fixture(scope="module")
def found(shared_data: Path) -> dict[Aggregation, dict[str, float]]:
    """The features by each aggregation."""
    folder = shared_data / "ibsi" / "digital_phantom"
    volume = read_image(folder / "image" / "phantom.nii.gz")
    roi = read_mask(folder / "mask" / "mask.nii.gz", label=1)
    values = {}
    for aggregation in Aggregation:
        wanted = FeatureSettings(normalize=False, bin_width=1, wavelet=None, diagnostics=False, aggregation=aggregation)
        of_region = OwnEngine().extract(volume, {Region.INTRATUMORAL: roi}, wanted)[Region.INTRATUMORAL]
        values[aggregation] = {name.removeprefix("original_"): value for name, value in of_region.items()}
    return values


@pytest.fixture(scope="module")
def ours(found: dict[Aggregation, dict[str, float]]) -> dict[str, float]:
    return found[Aggregation.AVERAGE_3D]


@pytest.fixture(scope="module")
def consensus(shared_data: Path) -> dict[str, tuple[float, float]]:
    return consensus_values(shared_data / "ibsi" / "ibsi_1_dig_phantom.csv")


def test_every_feature_has_its_place_in_one_table() -> None:
    names = {f"shape_{name}" for name in SHAPE}
    names |= {f"{family}_{name}" for family, features in GREY_LEVEL.items() for name in features}
    tables = (SAME, RELATED, NOT_IN_IBSI)
    assert names == set().union(*tables)
    assert len(names) == sum(map(len, tables)) == 107


def test_the_features_with_an_ibsi_code_are_those_that_equal_the_consensus() -> None:
    coded = {
        what.name.removeprefix("original_")
        for what in feature_definitions(FeatureSettings(wavelet=None, diagnostics=False))
        if what.ibsi is not None
    }
    assert coded == set(SAME)


@pytest.mark.parametrize("name", SAME)
def test_equals_the_consensus(name: str, ours: dict[str, float], consensus: dict[str, tuple[float, float]]) -> None:
    value, tolerance = consensus[tag_of(name, Aggregation.AVERAGE_3D)]
    assert ours[name] == pytest.approx(value, abs=tolerance, rel=0)


@pytest.mark.parametrize("name", RELATED)
def test_equals_the_consensus_by_the_stated_relation(
    name: str, ours: dict[str, float], consensus: dict[str, tuple[float, float]]
) -> None:
    tag, _, convert = RELATED[name]
    value, tolerance = consensus[tag]
    voxels = round(ours["shape_VoxelVolume"] / 8)  # voxels of 2 × 2 × 2 mm
    assert convert(ours[name], voxels) == pytest.approx(value, abs=tolerance, rel=0)


@pytest.mark.parametrize("aggregation", [one for one in Aggregation if one is not Aggregation.AVERAGE_3D])
def test_texture_equals_the_consensus_by_every_aggregation(
    aggregation: Aggregation,
    found: dict[Aggregation, dict[str, float]],
    consensus: dict[str, tuple[float, float]],
) -> None:
    assert len(TEXTURE) == 74
    for name in TEXTURE:
        value, tolerance = consensus[tag_of(name, aggregation)]
        assert found[aggregation][name] == pytest.approx(value, abs=tolerance, rel=0), name
    assert {name: found[aggregation][name] for name in SAME if name not in TEXTURE} == {
        name: found[Aggregation.AVERAGE_3D][name] for name in SAME if name not in TEXTURE
    }
