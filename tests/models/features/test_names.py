"""The feature vector: how many, which, in which order, with which units and codes."""

from __future__ import annotations

import pytest

from models.features.names import (
    GREY_LEVEL,
    SHAPE,
    feature_definitions,
    feature_names,
    features_of,
    vector_names,
)
from models.features.settings import FeatureSettings
from models.volume import Region, Sequence

DEFAULT = FeatureSettings()


def test_the_default_vector_has_the_papers_3452_features() -> None:
    # 12 diagnostics + 107 original + 8 sub-bands × 93, for 2 sequences × 2 regions.
    assert len(feature_names(DEFAULT)) == 12 + 107 + 8 * 93 == 863
    assert len(vector_names()) == len(set(vector_names())) == 863 * 4 == 3452


def test_the_vector_runs_over_sequence_then_region_whatever_the_order_of_the_arguments() -> None:
    names = features_of([Sequence.T2W, Sequence.T1C], [Region.PERITUMORAL, Region.INTRATUMORAL])
    assert names == vector_names()
    assert names[0] == "t1c_intratumoral_diagnostics_Image-original_Spacing"
    assert names[863] == "t1c_peritumoral_diagnostics_Image-original_Spacing"
    assert names[-1] == "t2w_peritumoral_wavelet-LLL_ngtdm_Strength"
    assert len(features_of([Sequence.T1C], Region)) == 1726
    assert len(features_of(Sequence, [Region.INTRATUMORAL])) == 1726


@pytest.mark.parametrize("family", ["shape", *GREY_LEVEL])
def test_the_families_are_those_of_pyradiomics(family: str) -> None:
    radiomics = pytest.importorskip("radiomics")
    ours = SHAPE if family == "shape" else GREY_LEVEL[family]
    theirs = radiomics.getFeatureClasses()[family].getFeatureNames()
    assert list(ours) == sorted(name for name, deprecated in theirs.items() if not deprecated)


def test_filters_add_their_images() -> None:
    assert len(feature_names(FeatureSettings(wavelet=None))) == 12 + 107
    assert len(feature_names(FeatureSettings(wavelet=None, diagnostics=False))) == 107
    two_levels = feature_names(FeatureSettings(wavelet_levels=2))
    assert len(two_levels) == 12 + 107 + 15 * 93
    assert "wavelet2-LLL_glcm_Id" in two_levels
    assert "wavelet-LLL_glcm_Id" not in two_levels
    with_log = feature_names(FeatureSettings(log_sigma_mm=(2.0, 3.5)))
    assert "log-sigma-2-0-mm-3D_firstorder_Mean" in with_log
    assert "log-sigma-3-5-mm-3D_ngtdm_Busyness" in with_log


def test_only_original_features_have_ibsi_codes_and_each_code_is_used_once() -> None:
    codes = [what.ibsi for what in feature_definitions(DEFAULT) if what.ibsi is not None]
    # 107 less 3 in-plane diameters, 3 axis lengths, Kurtosis, TotalEnergy and MCC, which IBSI 1 does not define alike.
    assert len(codes) == len(set(codes)) == 98
    assert all(what.name.startswith("original_") for what in feature_definitions(DEFAULT) if what.ibsi is not None)


def test_codes_that_the_published_table_has_wrong() -> None:
    # IBSI reference manual 1.0 (arXiv:1612.07003v11), sections 3.6.15 to 3.6.18, 3.6.20, 3.6.24, 3.8.3, 3.8.4.
    codes = {what.name.removeprefix("original_"): what.ibsi for what in feature_definitions(DEFAULT)}
    expected = {
        "glcm_Id": "IB1Z",
        "glcm_Idn": "NDRX",
        "glcm_Idm": "WF0Z",
        "glcm_Idmn": "1QCO",
        "glcm_Autocorrelation": "QWB0",
        "glcm_Imc1": "R8DG",
        "glcm_Imc2": "JN9H",
        "glszm_LowGrayLevelZoneEmphasis": "XMSY",
        "glszm_HighGrayLevelZoneEmphasis": "5GN9",
        "firstorder_Kurtosis": None,
    }
    assert {name: codes[name] for name in expected} == expected


def test_units() -> None:
    units = {what.name: what.unit for what in feature_definitions(DEFAULT)}
    assert units["original_shape_MeshVolume"] == "mm3"
    assert units["original_shape_SurfaceVolumeRatio"] == "/mm"
    assert units["wavelet-HHH_firstorder_TotalEnergy"] == "mm3"
    assert units["diagnostics_Mask-original_CenterOfMass"] == "mm"
    assert set(units.values()) == {"1", "mm", "mm2", "mm3", "/mm"}
