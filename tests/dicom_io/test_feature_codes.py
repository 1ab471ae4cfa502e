"""Codes of features name every feature of the vector, and nothing else. Kind: invariant."""

from __future__ import annotations

import pytest
from pydicom.sr.coding import Code

from dicom_io import codes
from dicom_io.feature_codes import FeatureCode, feature_code, feature_name
from models.features.names import feature_definitions
from models.features.settings import FeatureSettings
from reports.content import Measurement

LONG = "t1c_peritumoral_wavelet-LLH_gldm_LargeDependenceHighGrayLevelEmphasis"  # 69 characters


def feature(key: str, label: str = "") -> Measurement:
    return Measurement(key=key, label=label or key, value=1.0, unit="1", shown="1")


def read_back(coded: FeatureCode) -> str | None:
    return feature_name(
        (coded.code.value, coded.code.scheme_designator),
        {name.value: value.value for name, value in coded.modifiers},
        {one.name.value: one.value for one in coded.parameters},
    )


def test_a_filtered_feature_has_the_code_of_its_definition_and_modifiers() -> None:
    """The codes of IBSI 1 and 2: GLDM large dependence high grey level emphasis 9QMG, separable wavelet 25BO."""
    coded = feature_code(feature(LONG))
    assert (coded.code.value, coded.code.scheme_designator) == ("9QMG", "IBSI")
    assert [(name.value, value.value) for name, value in coded.modifiers] == [("FILTER", "25BO"), ("SUBBAND", "LLH")]
    assert coded.parameters == ()


def test_the_original_image_has_no_modifier() -> None:
    coded = feature_code(feature("t1c_intratumoral_original_glcm_Contrast", "GLCM contrast"))
    assert coded == FeatureCode(Code("ACUI", "IBSI", "GLCM contrast"))


@pytest.mark.parametrize(
    "settings",
    [FeatureSettings(), FeatureSettings(wavelet_levels=3, log_sigma_mm=(1.0, 2.5, 0.25))],
    ids=["as shipped", "three levels and LoG"],
)
def test_every_name_comes_back_from_its_codes(settings: FeatureSettings) -> None:
    definitions = feature_definitions(settings)
    coded = {one.name: feature_code(feature(f"t2w_intratumoral_{one.name}")) for one in definitions}
    assert {name: read_back(one) for name, one in coded.items()} == {name: name for name in coded}
    assert all(len(one.code.meaning) <= codes.LONGEST_MEANING for one in coded.values())
    for one in definitions:  # the code of the table of features, where it gives one
        assert one.ibsi is None or coded[one.name].code.value == one.ibsi


def test_the_meaning_of_a_long_name_leaves_out_what_the_group_says() -> None:
    assert feature_code(feature(LONG)).code.meaning == "wavelet-LLH_gldm_LargeDependenceHighGrayLevelEmphasis"


@pytest.mark.parametrize("key", ["t1c_intratumoral_original_glcm_Another", "t1c_intratumoral_square_glcm_Contrast"])
def test_a_name_outside_the_vector_is_a_defect(key: str) -> None:
    with pytest.raises(ValueError, match="no name of the feature vector"):
        feature_code(feature(key))


def test_codes_of_others_name_no_feature() -> None:
    assert feature_name(("118565006", "SCT"), {}, {}) is None
    assert feature_name(("ACUI", "IBSI"), {"FILTER": "JTXT"}, {}) is None  # Laws: no filter of ours
    assert feature_name(("ACUI", "IBSI"), {"FILTER": "25BO"}, {}) is None  # a wavelet without its sub-band
