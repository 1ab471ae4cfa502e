"""From numbers to `Report`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.inference.predict import Contribution, Group, NotApplicable
from models.quality_notes import Severity
from models.version import software_version
from models.volume import Region, Sequence
from reports import numerals, wording
from reports.model_sections import LEADING_FEATURES, contribution_groups
from reports.region_sections import SELECTED_FEATURES, edge_letters
from tests.reports import examples


def test_predictions_come_score_survival_cut_off() -> None:
    recurrence, krt7_as = examples.report().models
    assert [m.key for m in recurrence.measurements] == ["recurrence_score", "rfs", "rfs", "rfs", "cut_off"]
    assert [m.shown for m in recurrence.measurements] == ["1.43", "88%", "71%", "60%", "1.10"]
    assert [m.horizon_months for m in recurrence.measurements] == [None, 12, 24, 36, None]
    assert [m.in_words for m in recurrence.measurements[1:]] == [
        "88 of 100 patients recurrence-free",
        "71 of 100 patients recurrence-free",
        "60 of 100 patients recurrence-free",
        "high above 1.10, low at or below",
    ]
    assert recurrence.group is Group.HIGH
    assert recurrence.group_label == "High risk of recurrence"
    assert [m.shown for m in krt7_as.measurements] == ["31%", "50%"]
    assert krt7_as.group_label == "Low expression of KRT7-AS"


def test_survival_is_ordered_by_horizon() -> None:
    table = examples.features()
    outcome = examples.recurrence(table)
    shuffled = replace(outcome, predictions=(outcome.predictions[0], *reversed(outcome.predictions[1:])))
    ordered, turned = examples.report(outcomes=(outcome,)), examples.report(outcomes=(shuffled,))
    assert turned.models[0].measurements == ordered.models[0].measurements


def test_a_score_at_the_cut_off_is_shown_apart_from_it() -> None:
    table = examples.features()
    section = examples.report(outcomes=(examples.recurrence(table, value=1.1004),)).models[0]
    assert section.measurements[0].shown == "1.1004"
    assert section.measurements[-1].shown == "1.1000"
    assert "1.1004, above the cut-off of 1.1000: high risk" in section.conclusion


def test_contributions_are_summed_by_sequence_region_and_class() -> None:
    # Shares by hand: texture +3 − 1 = 2, size and shape −1, intensity +1; sum of the absolute nets 4.
    groups = contribution_groups(
        [
            Contribution("t1c_intratumoral_original_glcm_Contrast", 1.0, 3.0),
            Contribution("t1c_intratumoral_wavelet-LLH_ngtdm_Coarseness", 1.0, -1.0),
            Contribution("t1c_intratumoral_original_shape_Sphericity", 1.0, -1.0),
            Contribution("t2w_peritumoral_wavelet-HHH_firstorder_Mean", 1.0, 1.0),
        ]
    )
    assert [(g.label, g.features, g.share, g.raising, g.lowering) for g in groups] == [
        ("T1+C, tumour, texture", 2, 0.5, 0.75, -0.25),
        ("T1+C, tumour, size and shape", 1, -0.25, 0.0, -0.25),
        ("T2W, peritumoral shell, intensity", 1, 0.25, 0.25, 0.0),
    ]


def test_contributions_of_a_whole_model() -> None:
    section = examples.report().models[0]
    assert section.contributions == tuple((group.label, group.share) for group in section.contribution_groups)
    assert sum(abs(share) for _, share in section.contributions) == pytest.approx(1)
    assert sum(group.features for group in section.contribution_groups) == len(examples.features())
    for group in section.contribution_groups:
        assert group.share == pytest.approx(group.raising + group.lowering)
    assert len(section.leading_features) == LEADING_FEATURES


def test_no_contributions() -> None:
    assert contribution_groups([]) == ()
    assert contribution_groups([Contribution("t1c_intratumoral_original_glcm_Contrast", 1.0, 0.0)]) == ()
    silent = replace(examples.recurrence(examples.features()), contributions=())
    section = examples.report(outcomes=(silent,)).models[0]
    assert section.contributions == ()
    assert section.leading_features == ()


def test_leading_features_carry_value_unit_and_code_of_the_table() -> None:
    table = examples.features()
    for feature in examples.report().models[0].leading_features:
        assert (feature.value, feature.unit, feature.ibsi) == (
            table[feature.key].value,
            table[feature.key].unit,
            table[feature.key].ibsi,
        )
        assert feature.shown == numerals.number(feature.value, feature.unit)


def test_regions_in_order_with_volume_and_all_features() -> None:
    report = examples.report()
    assert [(r.sequence, r.region) for r in report.regions] == [(s, r) for s in Sequence for r in Region]
    assert [r.title for r in report.regions[:2]] == ["Tumour on T1+C", "Peritumoral shell on T1+C"]
    prepared = examples.prepared()
    for region in report.regions:
        roi = prepared.sequences[region.sequence].rois[region.region]
        # Voxels of 3 × 1.5 × 1.5 mm: 6.75 mm³.
        assert region.volume.value == pytest.approx(np.count_nonzero(roi.mask) * 6.75)
        assert region.volume.unit == "mm3"
        assert len(region.features) * 4 == len(examples.features())
        keys = [feature.key for feature in region.features]
        assert set(region.leading) <= set(keys)
        assert len(region.leading) > 3
    assert "original_shape_Maximum3DDiameter" in SELECTED_FEATURES[Region.INTRATUMORAL]
    assert report.regions[0].leading[0] == "t1c_intratumoral_original_shape_Maximum3DDiameter"


def test_key_image_is_the_slice_with_the_largest_tumour_area() -> None:
    prepared = examples.prepared()
    for image in examples.report().key_images:
        sequence = prepared.sequences[image.sequence]
        tumour = sequence.rois[Region.INTRATUMORAL].mask
        assert np.count_nonzero(image.tumour) == max(np.count_nonzero(plane) for plane in tumour)
        np.testing.assert_array_equal(image.pixels, sequence.volume.voxels[image.slice_index])
        np.testing.assert_array_equal(image.shell, sequence.rois[Region.PERITUMORAL].mask[image.slice_index])
        assert image.pixels.dtype == np.float32
        assert image.pixel_spacing_mm == (1.5, 1.5)
        assert image.caption.startswith(f"{image.sequence.label}, slice {image.slice_index + 1} of 24")
        assert image.edges == ("R", "L", "A", "P")


def _axes(*, down: tuple[float, float, float], right: tuple[float, float, float]) -> np.ndarray:
    return np.stack([np.cross(right, down), down, right], axis=1)


@pytest.mark.parametrize(
    ("down", "right", "letters"),
    [
        ((0, 1, 0), (1, 0, 0), ("R", "L", "A", "P")),  # axial
        ((0, 0, -1), (1, 0, 0), ("R", "L", "H", "F")),  # coronal
        ((0, 0, -1), (0, 1, 0), ("A", "P", "H", "F")),  # sagittal
        ((0, -1, 0), (-1, 0, 0), ("L", "R", "P", "A")),  # prone, rows from behind
        # 30° about the head–foot axis: cos 30° = 0.87, sin 30° = 0.5, both above sin 15°.
        ((-0.5, 0.8660254, 0), (0.8660254, 0.5, 0), ("RA", "LP", "AL", "PR")),
        # 10°: the second direction (0.17) is not named.
        ((-0.1736482, 0.9848078, 0), (0.9848078, 0.1736482, 0), ("R", "L", "A", "P")),
    ],
)
def test_edge_letters(
    down: tuple[float, float, float], right: tuple[float, float, float], letters: tuple[str, ...]
) -> None:
    assert edge_letters(_axes(down=down, right=right)) == letters


def test_notes_warnings_first_each_once_those_of_the_models_too() -> None:
    note, warning = examples.QUALITY_NOTES
    report = examples.report(notes=[note, warning, note])
    assert report.notes == (warning, examples.OUTSIDE, note)
    assert [note.severity for note in report.notes] == [Severity.WARNING, Severity.WARNING, Severity.NOTE]


def test_models_not_asked_say_why() -> None:
    report = examples.t1c_only()
    assert [section.model.name for section in report.models] == ["recurrence_t1c"]
    assert {section.sentence for section in report.not_applicable} == {
        "not applicable, because no T2W series was found"
    }
    assert [region.sequence for region in report.regions] == [Sequence.T1C, Sequence.T1C]
    assert len(report.key_images) == 1


def test_notices_once_each_of_the_models_that_spoke() -> None:
    table = examples.features()
    other = examples.identity("site", title="Recurrence, site model", notice="trained on 412 patients of one site")
    silent = NotApplicable(examples.identity("third", notice="a third notice"), "no T2W series was found")
    report = examples.report(
        outcomes=(
            examples.recurrence(table),
            examples.krt7_as(table),
            examples.recurrence(table, model=other),
            silent,
        )
    )
    assert report.notices == (examples.NOTICE, "trained on 412 patients of one site")
    assert report.notice == (
        "Research use only. Not a medical device; not for diagnosis, prognosis or treatment decisions for an "
        "individual patient. Not cleared by FDA, not CE-marked."
    )


def test_provenance_names_every_version_and_digest() -> None:
    report = examples.report()
    table = examples.features()
    assert report.provenance[wording.SOFTWARE] == f"rdeepnet {software_version()}"
    assert report.provenance[wording.SETTINGS_DIGEST] == table.settings_digest
    assert report.provenance[wording.ENGINE] == "pyradiomics 3.0.1"
    assert report.provenance[wording.FEATURE_COUNT] == str(len(table))
    assert report.provenance[wording.BIAS].startswith("N4")
    assert report.provenance[wording.PROVIDER] == "CPUExecutionProvider"
    assert report.provenance[wording.INTENSITIES] == "z-score over the body × 100; bin width 25"
    for section in report.models:
        row = report.provenance[wording.model_provenance_label(section.model.name)]
        assert section.model.version in row
        assert section.model.digest in row


def test_the_same_input_gives_the_same_words() -> None:
    one, two = examples.report(), examples.report()
    assert one.models == two.models
    assert one.regions == two.regions
    assert one.provenance == two.provenance
