"""Names of columns: those of some settings and no others. Kind: invariant."""

from __future__ import annotations

import pytest

from models.features.columns import feature_class, is_feature, our_column
from models.features.names import feature_names, vector_names
from models.features.settings import FeatureSettings


@pytest.mark.parametrize(
    "settings",
    [FeatureSettings(), FeatureSettings(wavelet="haar", wavelet_levels=3, log_sigma_mm=(1.0, 2.5), diagnostics=False)],
)
def test_every_name_of_a_vector_is_a_column(settings: FeatureSettings) -> None:
    assert all(map(is_feature, feature_names(settings)))
    columns = [our_column(name) for name in vector_names(settings)]
    assert [column.name for column in columns if column is not None] == list(vector_names(settings))


@pytest.mark.parametrize(
    "name",
    [
        "t1c_intratumoral_days_to_relapse",
        "t1c_intratumoral_original_glcm_Contrast2",
        "t1c_intratumoral_original_shape2D_Elongation",
        "t1c_intratumoral_wavelet-LL_glcm_Contrast",
        "t1c_intratumoral_wavelet-LLH_shape_Elongation",
        "adc_intratumoral_original_glcm_Contrast",
        "t1c_tumour_original_glcm_Contrast",
        "original_glcm_Contrast",
        "event",
        "",
    ],
)
def test_what_begins_like_a_feature_is_none(name: str) -> None:
    assert our_column(name) is None


def test_classes() -> None:
    assert feature_class("wavelet-LLH_glcm_Contrast") == "glcm"
    assert feature_class("diagnostics_Mask-original_Size") == "diagnostics"
    assert feature_class("mean") == "other"
