"""Numbers and labels as a reader sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.names import feature_definitions
from models.features.settings import Aggregation, BinOrigin, FeatureSettings
from models.features.table import feature_name
from models.inference.outcome import ScoreRank
from models.inference.predict import Group, Quantity
from models.volume import Region, Sequence
from reports import numerals, page_words, wording
from reports.feature_words import FeatureClass, feature_label, short_feature_label, take_apart
from tests.reports.examples import SUBJECT


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0, "1", "0"),
        (12.0, "1", "12"),
        (-3.0, "1", "−3"),
        (412.04, "mm2", "412.0 mm²"),
        (0.0712345, "/mm", "0.07123 mm⁻¹"),
        (31.25, "mm", "31.25 mm"),
        (-0.00098765, "1", "−9.877 × 10⁻⁴"),
        (1234567.0, "1", "1.235 × 10⁶"),
        (0.99996, "1", "1.0000"),
        (7.5, "{voxels}", "7.500 voxels"),
        (2.5, "cm/s", "2.500 cm/s"),
    ],
)
def test_a_number_has_four_digits_and_its_unit(value: float, unit: str, shown: str) -> None:
    assert numerals.number(value, unit) == shown


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        (0.832, 0.832, "This score is higher than that of 83 of 100 training patients (out of fold)."),
        (0.0, 0.01, "This score is among the lowest 1 of 100 training patients (out of fold)."),
        (0.99, 1.0, "This score is among the highest 1 of 100 training patients (out of fold)."),
        (0.0, 1 / 18, "This score is among the lowest 6 of 100 training patients (out of fold)."),
        (17 / 18, 1.0, "This score is among the highest 6 of 100 training patients (out of fold)."),
    ],
)
def test_a_place_among_the_training_patients(low: float, high: float, sentence: str) -> None:
    assert wording.rank_sentence(ScoreRank(low, high), Quantity.RECURRENCE_SCORE) == sentence
    of_probability = wording.rank_sentence(ScoreRank(low, high), Quantity.KRT7_AS_HIGH)
    assert of_probability == sentence.replace("This score", "This probability")


def test_a_hazard_ratio_in_words() -> None:
    assert wording.hazard_ratio_words((9.13, 5.02, 16.6)) == "Hazard ratio 9.1 (95% 5.0 to 17)"
    assert wording.hazard_ratio_words(None) == ""


@pytest.mark.parametrize(
    ("value", "percent", "of_hundred"),
    [
        (0.0, "0%", "0 of 100"),
        (0.001, "<1%", "fewer than 1 of 100"),
        (0.12, "12%", "12 of 100"),
        (0.883, "88%", "88 of 100"),
        (0.994, "99%", "99 of 100"),
        (0.9999, ">99%", "more than 99 of 100"),
        (1.0, "100%", "100 of 100"),
    ],
)
def test_a_probability_is_certain_only_when_it_is(value: float, percent: str, of_hundred: str) -> None:
    assert numerals.percent(value) == percent
    assert numerals.of_hundred(value) == of_hundred


@given(st.floats(min_value=0, max_value=1))
def test_per_cent_and_frequency_say_the_same(value: float) -> None:
    percent, frequency = numerals.percent(value), numerals.of_hundred(value)
    if percent[0] in "<>":
        assert frequency.split()[0] == {"<": "fewer", ">": "more"}[percent[0]]
    else:
        assert percent.removesuffix("%") == frequency.removesuffix(" of 100")


@pytest.mark.parametrize(
    ("value", "shown"), [(1.43, "1.43"), (1.1, "1.10"), (1.1003, "1.1003"), (1.0996, "1.0996"), (-0.001, "0.00")]
)
def test_rounding_does_not_hide_the_side_of_the_cut_off(value: float, shown: str) -> None:
    assert numerals.score(value, beside=1.1) == shown


@given(st.floats(min_value=-5, max_value=5), st.floats(min_value=-5, max_value=5))
def test_shown_scores_keep_their_order(value: float, cut_off: float) -> None:
    def read(text: str) -> float:
        return float(text.replace("−", "-"))

    shown, cut = read(numerals.score(value, beside=cut_off)), read(numerals.score(cut_off, beside=value))
    assert (shown <= cut) if value <= cut_off else (shown >= cut)
    if abs(value - cut_off) > 1e-5:
        assert shown != cut


@pytest.mark.parametrize(
    ("value_mm3", "shown"),
    [(37917.4, "37.92 cm³"), (9768.2, "9.77 cm³"), (100.0, "0.10 cm³"), (52.4, "0.052 cm³"), (0.9, "0.0009 cm³")],
)
def test_a_volume_has_two_digits(value_mm3: float, shown: str) -> None:
    assert numerals.volume(value_mm3) == shown


def test_a_probability_close_to_its_cut_off() -> None:
    assert numerals.percent(0.503, beside=0.5) == "50.3%"
    assert numerals.percent(0.62, beside=0.5) == "62%"


def test_conclusion_names_score_cut_off_group_and_survival() -> None:
    assert wording.conclusion(
        Quantity.RECURRENCE_SCORE,
        value_shown="1.43",
        cut_off_shown="1.10",
        group=Group.HIGH,
        survival=[(12, 0.88), (24, 0.71), (36, 0.6)],
    ) == (
        "RDeepNet recurrence score 1.43, above the cut-off of 1.10: high risk of recurrence. "
        "Estimated recurrence-free survival: 88% at 1 year, 71% at 2 years and 60% at 3 years."
    )
    assert (
        wording.conclusion(Quantity.KRT7_AS_HIGH, value_shown="31%", cut_off_shown="50%", group=Group.LOW, survival=())
        == "Probability of high KRT7-AS expression 31%, not above the cut-off of 50%: low expression of KRT7-AS."
    )


def test_every_quantity_and_group_has_words() -> None:
    for quantity in Quantity:
        assert wording.quantity_label(quantity, 24)
        assert wording.quantity_words(quantity, 0.5, (0.4, 0.6)).endswith(
            f"95% interval {wording.quantity_shown(quantity, 0.4)} to {wording.quantity_shown(quantity, 0.6)}"
        )
    for group in Group:
        assert str(group) in wording.group_shown(Quantity.RECURRENCE_SCORE, group).lower()
        assert str(group) in wording.group_shown(Quantity.KRT7_AS_HIGH, group).lower()


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.384, "+38%"), (-0.12, "−12%"), (0.004, "+0.4%"), (-0.001, "−0.1%"), (-0.0004, "<0.1%"), (0.0, "0%")],
)
def test_a_share_has_a_sign_unless_it_is_nothing(share: float, shown: str) -> None:
    assert wording.share_shown(share) == shown


def test_the_reason_of_a_model_that_was_not_asked() -> None:
    assert wording.not_applicable_sentence("no T2W series was found") == (
        "not applicable, because no T2W series was found"
    )


@pytest.mark.parametrize(
    ("value", "beside", "shown"),
    [
        (0.0, None, "0"),
        (-0.7608621703561, None, "-0.7609"),
        (32748.0479851033, None, "32748"),
        (404160374.446996, None, "4.042e+08"),
        (0.000123456, None, "1.235e-04"),
        (512.0, None, "512"),
        (1.09998, 1.1, "1.09998"),  # four digits would put it on the cut-off
        (1.10002, 1.1, "1.10002"),
        (1.1, 1.1, "1.1"),
    ],
)
def test_numbers_for_programs_and_people(value: float, beside: float | None, shown: str) -> None:
    assert numerals.decimal(value, beside=beside) == shown


def test_horizons_moments_and_enumerations() -> None:
    assert [numerals.horizon(months) for months in (12, 24, 18, 7.5)] == [
        "1 year",
        "2 years",
        "18 months",
        "7.5 months",
    ]
    moment = datetime(2026, 5, 17, 14, 3, tzinfo=UTC)
    assert page_words.moment_shown(moment) == "2026-05-17 14:03 +00:00"
    assert page_words.moment_shown(moment.astimezone(timezone(timedelta(hours=-9, minutes=-30)))).endswith("-09:30")
    assert [numerals.joined(list(items)) for items in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_identity_says_what_is_not_stated() -> None:
    empty = replace(
        SUBJECT,
        patient_name="",
        patient_id=" ",
        birth_date=None,
        sex="",
        age="",
        study_date=None,
        study_description="",
        accession_number="",
        institution="",
        referring_physician="",
        laterality="",
    )
    assert {value for _, value in page_words.identity(empty)} == {page_words.NOT_STATED}
    rows = dict(page_words.identity(SUBJECT))
    assert rows["Date of birth"] == "1978-11-03 (47 years)"
    assert rows["Sex"] == "female"
    undated = dict(page_words.identity(replace(SUBJECT, birth_date=None)))
    assert undated["Age at examination"] == "47 years"
    assert "Date of birth" not in undated
    assert rows["Laterality"] == "left"
    assert rows["Referred by"] == SUBJECT.referring_physician


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("t1c_intratumoral_wavelet-LLH_glcm_Contrast", "T1+C, tumour, wavelet LLH, GLCM contrast"),
        ("t2w_peritumoral_original_firstorder_90Percentile", "T2W, peritumoral shell, intensity 90th percentile"),
        ("t1c_intratumoral_original_shape_Maximum3DDiameter", "T1+C, tumour, largest 3D diameter"),
        (
            "t1c_intratumoral_log-sigma-2-5-mm-3D_glszm_SizeZoneNonUniformityNormalized",
            "T1+C, tumour, LoG 2.5 mm, GLSZM normalised size zone non-uniformity",
        ),
        (
            "t1c_intratumoral_diagnostics_Mask-original_VoxelNum",
            "T1+C, tumour, mask: number of voxels in the region",
        ),
        ("age_at_diagnosis", "age_at_diagnosis"),
        ("t1c_whole_original_glcm_Contrast", "t1c_whole_original_glcm_Contrast"),
    ],
)
def test_feature_names_in_words(name: str, label: str) -> None:
    assert feature_label(name) == label


def test_every_feature_we_compute_has_its_own_label_and_class() -> None:
    definitions = feature_definitions(FeatureSettings(log_sigma_mm=(1.0, 2.5)))
    names = [feature_name(Sequence.T1C, Region.PERITUMORAL, definition.name) for definition in definitions]
    labels = {short_feature_label(name) for name in names}
    assert len(labels) == len(names)
    assert not any("_" in label for label in labels)
    classes = []
    for name in names:
        parts = take_apart(name)
        assert parts is not None
        classes.append(parts.feature_class)
    # 12 diagnostics, 14 shape; 18 first-order and 75 texture features on 1 + 8 + 2 images (DESIGN, decision 1).
    assert classes.count(FeatureClass.IMAGE) == 12
    assert classes.count(FeatureClass.SHAPE) == 14
    assert classes.count(FeatureClass.INTENSITY) == 18 * 11
    assert classes.count(FeatureClass.TEXTURE) == 75 * 11


def test_the_steps_before_the_features_stand_in_the_provenance() -> None:
    settings = FeatureSettings(
        normalize=False,
        wavelet=None,
        resample_mm=(0.0, 2.0, 2.0),
        round_intensities=True,
        resegment_range=(-500.0, 400.0),
        resegment_sigma=3.0,
        bin_origin=BinOrigin.MINIMUM,
        aggregation=Aggregation.MERGED_25D,
    )
    assert wording.intensities_words(settings) == (
        "not normalised; resampled to as acquired × 2 × 2 mm (image linear, mask linear, rounded); grey values from "
        "-500 to 400; within 3 standard deviations; bin width 25 from the lowest value"
    )
    assert wording.image_types_words(settings) == "original; texture 2.5D merged"
    assert wording.intensities_words(FeatureSettings()) == "z-score over the body × 100; bin width 25"
