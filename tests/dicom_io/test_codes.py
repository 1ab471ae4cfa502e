"""Coded concepts: lengths, uniqueness, the schemes of features."""

from __future__ import annotations

import pytest

from dicom_io import codes
from models.volume import Region, Sequence
from reports.content import Measurement
from tests.dicom_io.made_studies import features, model_sections, subject

LONG = "t1c_peritumoral_wavelet-LLH_gldm_LargeDependenceHighGrayLevelEmphasis"  # 69 characters


def measurement(key: str, *, ibsi: str | None = None, label: str | None = None) -> Measurement:
    return Measurement(key=key, label=label or key, value=1.0, unit="1", shown="1", ibsi=ibsi)


def test_a_feature_with_an_ibsi_code_carries_it() -> None:
    code = codes.feature(measurement("t1c_intratumoral_original_glcm_Contrast", ibsi="ACUI", label="Contrast (GLCM)"))
    assert (code.value, code.scheme_designator, code.meaning) == ("ACUI", "IBSI", "Contrast (GLCM)")


def test_a_feature_without_one_has_a_private_code_that_never_changes() -> None:
    # First 12 hexadecimal digits of `printf %s NAME | sha256sum`, coreutils 9.1.
    assert codes.feature(measurement(LONG)).value == "F976279C38FE8"
    assert codes.feature(measurement(LONG)).scheme_designator == codes.PRIVATE_SCHEME


def test_the_meaning_of_a_long_name_leaves_out_what_the_group_says() -> None:
    assert codes.feature(measurement(LONG)).meaning == "wavelet-LLH_gldm_LargeDependenceHighGrayLevelEmphasis"


def test_all_codes_fit_and_private_codes_of_features_differ() -> None:
    rows = [row for s in Sequence for r in Region for row in features(s, r, count=863)]
    made = [codes.feature(row) for row in rows]
    assert all(len(code.value) <= codes.LONGEST_VALUE for code in made)
    assert all(0 < len(code.meaning) <= codes.LONGEST_MEANING for code in made)
    private = [code.value for code in made if code.scheme_designator == codes.PRIVATE_SCHEME]
    assert len(set(private)) == len(private) > 3000


def test_each_horizon_has_its_code() -> None:
    section = model_sections(features(Sequence.T1C, Region.INTRATUMORAL, count=12))[0]
    made = [codes.quantity(row) for row in section.measurements]
    assert [code.value for code in made] == ["RECURRENCE_SCORE", "RFS_12_MO", "RFS_24_MO", "RFS_36_MO", "CUT_OFF"]


def test_survival_without_a_horizon_is_a_defect() -> None:
    with pytest.raises(ValueError, match="no horizon"):
        codes.quantity(measurement("rfs"))


def test_the_group_speaks_the_words_of_the_report() -> None:
    risk, krt7 = model_sections(features(Sequence.T1C, Region.INTRATUMORAL, count=12))
    assert (codes.group(risk).value, codes.group(risk).meaning) == ("15508007", "High risk")
    assert (codes.group(krt7).value, codes.group(krt7).meaning) == ("KRT7_AS_LOW", "Low expression of KRT7-AS")
    assert codes.question(risk) != codes.question(krt7)


def test_a_unit_that_is_not_in_the_table_means_itself() -> None:
    assert codes.unit("mm3").meaning == "cubic millimeter"
    assert codes.unit("mm4").meaning == "mm4"


@pytest.mark.parametrize(("laterality", "code"), [("L", "7771000"), ("R", "24028007"), ("B", "51440002")])
def test_laterality(laterality: str, code: str) -> None:
    side = codes.side(subject(laterality=laterality))
    assert side is not None
    assert side.value == code


def test_no_laterality_is_none() -> None:
    assert codes.side(subject(laterality="")) is None
