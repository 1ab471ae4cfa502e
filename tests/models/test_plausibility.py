"""Plausibility of a breast tumour. Kind: oracle (closed forms, brute force), and mechanics of limits and verdicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist

from models.errors import SetupError
from models.plausibility import (
    Check,
    ContrastEvidence,
    Judgement,
    PlausibilityLimits,
    Verdict,
    brightness_in_body,
    contrast_to_surroundings,
    enhancement,
    judge_contrast,
    judge_place,
    judge_size,
    longest_diameter_mm,
    not_checked,
    reasons,
)
from models.quality_notes import Severity
from models.validity import Reason, State
from models.volume import Roi, Sequence, Volume
from tests.models.geometry import centred_affine, sphere

LIMITS = PlausibilityLimits()
SHAPE, SPACING = (24, 60, 56), (3.0, 1.5, 1.4)
AFFINE = centred_affine(SHAPE, SPACING, degrees=(12, -7, 20))
BODY = sphere(SHAPE, AFFINE, 33.0)
TUMOUR = Roi(AFFINE, sphere(SHAPE, AFFINE, 9.0, centre_mm=(4, 3, -5)), "tumour")


def image(inside: float, around: float, *, seed: int = 1) -> Volume:
    """A tumour of one brightness in a body of another, in dark air, with noise of 10."""
    level = np.where(TUMOUR.mask, inside, np.where(BODY, around, 0.0))
    return Volume(AFFINE, (level + np.random.default_rng(seed).normal(0, 10, SHAPE)).astype(np.float32))


def found(judgement: Judgement) -> dict[str, Check]:
    return {check.code: check for check in judgement.checks}


def verdicts(judgement: Judgement) -> dict[str, Verdict]:
    """The checks that are not passed."""
    return {check.code: check.verdict for check in judgement.checks if check.verdict is not Verdict.OK}


def of_slices(tumour: Roi, volume: Volume) -> Volume:
    """The slices of `volume` that the tumour reaches."""
    slices = np.flatnonzero(tumour.mask.any(axis=(1, 2)))
    affine = volume.affine.copy()
    affine[:3, 3] += slices[0] * affine[:3, 0]
    return Volume(affine, volume.voxels[slices[0] : slices[-1] + 1])


@pytest.mark.parametrize("seed", range(6))
def test_the_longest_diameter_is_that_of_all_pairs(seed: int) -> None:
    """Brute force over all voxels of a random lump."""
    rng = np.random.default_rng(seed)
    lump = ndimage.gaussian_filter(rng.normal(size=(9, 16, 18)), (1, 2, 2)) > 0.05
    roi = Roi(centred_affine(lump.shape, (3.0, 1.1, 1.7), degrees=(10, 20, 30)), lump, "lump")
    pairs = pdist(np.argwhere(lump) @ roi.affine[:3, :3].T)
    assert longest_diameter_mm(roi) == pytest.approx(pairs.max(), rel=1e-9)


def test_a_single_voxel_has_no_length() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[3, 4, 5] = True
    assert longest_diameter_mm(Roi(AFFINE, mask, "one")) == 0.0


def test_contrast_and_brightness_are_the_probabilities_they_are_named_after() -> None:
    """All pairs, counted; the surroundings by the distance of every voxel to the nearest of the tumour."""
    volume = image(130, 120)
    distance = ndimage.distance_transform_edt(~TUMOUR.mask, sampling=SPACING)
    around = volume.voxels[(distance > 2.000001) & (distance <= 12.000001) & BODY]
    inside = volume.voxels[TUMOUR.mask]
    pairs = np.mean(inside[:, None] > around) + np.mean(inside[:, None] == around) / 2
    assert contrast_to_surroundings(TUMOUR, volume, BODY) == pytest.approx(pairs, abs=1e-12)
    darker = np.mean(volume.voxels[BODY & ~TUMOUR.mask] < np.median(inside))
    assert brightness_in_body(TUMOUR, volume, BODY) == pytest.approx(darker, abs=1e-12)


def test_enhancement_is_the_rise_of_the_median() -> None:
    before, after = image(100, 80), image(250, 90, seed=2)
    expected = np.median(after.voxels[TUMOUR.mask]) / np.median(before.voxels[TUMOUR.mask]) - 1
    assert expected == pytest.approx(1.5, abs=0.05)
    for given in (before, of_slices(TUMOUR, before)):
        assert enhancement(TUMOUR, after, given) == pytest.approx(expected, rel=1e-6)
    assert enhancement(TUMOUR, after, image(-50, 80)) is None
    with pytest.raises(ValueError, match="do not hold the tumour"):
        enhancement(TUMOUR, after, Volume(AFFINE, before.voxels[:5]))


def test_a_tumour_of_ordinary_size_is_fine_and_says_what_was_measured() -> None:
    judgement = judge_size(TUMOUR, LIMITS)
    assert verdicts(judgement) == {}
    volume = found(judgement)["tumour-volume"]
    assert volume.value == pytest.approx(4 / 3 * np.pi * 0.9**3, rel=0.03)
    assert (volume.found, volume.expected, volume.sentence) == (f"{volume.value:.2f} cm³", "at most 150 cm³", "")


@pytest.mark.parametrize(
    ("radius_mm", "expected"),
    [
        (34.0, {"tumour-volume": Verdict.CONDITIONAL}),  # 164.6 cm³, 68 mm
        (50.5, {"tumour-volume": Verdict.NOT_COMPUTABLE}),  # 539 cm³, 101 mm
        (
            62.0,  # 998 cm³, 124 mm
            {"tumour-volume": Verdict.NOT_COMPUTABLE, "tumour-diameter": Verdict.CONDITIONAL},
        ),
        (2.0, {"tumour-few-slices": Verdict.CONDITIONAL, "tumour-small": Verdict.CONDITIONAL}),
    ],
)
def test_sizes_beyond_the_limits(radius_mm: float, expected: dict[str, Verdict]) -> None:
    shape, spacing = (34, 66, 66), (4.0, 2.0, 2.0)
    affine = centred_affine(shape, spacing, centre_mm=(0, 0, 2.0))
    tumour = Roi(affine, sphere(shape, affine, radius_mm), "tumour")
    assert verdicts(judge_size(tumour, LIMITS)) == expected


def test_a_long_thin_mask_is_no_tumour() -> None:
    shape = (5, 5, 120)
    affine = centred_affine(shape, (2.0, 2.0, 2.0))
    mask = np.zeros(shape, bool)
    mask[1:4, 1:4] = True
    judgement = judge_size(Roi(affine, mask, "tumour"), LIMITS)
    assert verdicts(judgement) == {"tumour-diameter": Verdict.NOT_COMPUTABLE}
    (reason,) = reasons(judgement, Sequence.T1C)
    assert reason == Reason(
        "tumour-diameter",
        State.NOT_COMPUTABLE,
        "The segmentation on T1+C cannot be a breast tumour. Its longest diameter is 238 mm; at most 200 mm was "
        "expected.",
        "238 mm",
        "at most 200 mm",
        "plausibility.diameter_impossible_mm",
    )


def test_the_body_itself_and_air_are_no_tumours() -> None:
    def judged(mask: NDArray[np.bool_]) -> dict[str, Verdict]:
        return verdicts(judge_place(Roi(AFFINE, mask, "tumour"), BODY, LIMITS))

    assert judged(TUMOUR.mask) == {}
    assert judged(BODY) == {"tumour-share-of-body": Verdict.NOT_COMPUTABLE}
    assert judged(BODY & ~TUMOUR.mask) == {"tumour-share-of-body": Verdict.NOT_COMPUTABLE}
    air = sphere(SHAPE, AFFINE, 5.0, centre_mm=(36, 0, 0))
    assert judged(air) == {"tumour-outside-body": Verdict.NOT_COMPUTABLE}
    edge = sphere(SHAPE, AFFINE, 5.0, centre_mm=(29.5, 0, 0))
    assert 0.05 < np.mean(~BODY[edge]) < 0.25
    assert judged(edge) == {"tumour-outside-body": Verdict.CONDITIONAL}


BRIGHT, NORMAL = image(250, 100), image(99, 100, seed=3)


def contrasted(
    after: Volume, *, before: Volume | None = None, is_confirmed: bool = True, fat_suppressed: bool = False
) -> dict[str, Verdict]:
    evidence = ContrastEvidence(before, is_confirmed, fat_suppressed)
    return verdicts(judge_contrast(TUMOUR, after, BODY, evidence, LIMITS))


def test_a_bright_mask_that_enhances_is_a_tumour() -> None:
    assert contrasted(BRIGHT, before=of_slices(TUMOUR, image(100, 95, seed=4)), fat_suppressed=True) == {}


def test_normal_tissue_is_refused_where_fat_is_suppressed_and_doubtful_elsewhere() -> None:
    """Bright fat makes any tumour dark: without suppression and without a phase before contrast nothing is certain."""
    refused = {"tumour-contrast": Verdict.NOT_COMPUTABLE, "tumour-brightness": Verdict.NOT_COMPUTABLE}
    assert contrasted(NORMAL, fat_suppressed=True) == refused
    assert set(contrasted(NORMAL).values()) == {Verdict.CONDITIONAL}


def test_a_dark_mask_is_refused_where_it_does_not_enhance_and_doubtful_where_it_does() -> None:
    flat = contrasted(NORMAL, before=image(80, 80))
    assert set(flat.values()) == {Verdict.NOT_COMPUTABLE, Verdict.CONDITIONAL}
    assert flat["tumour-contrast"] is Verdict.NOT_COMPUTABLE
    rising = contrasted(NORMAL, before=image(40, 100))
    assert rising == {"tumour-contrast": Verdict.CONDITIONAL, "tumour-brightness": Verdict.CONDITIONAL}


def test_no_enhancement_refuses_only_where_headers_say_what_is_before_contrast() -> None:
    """By the order of the phases alone the first may be after contrast as well, and the tumour as bright."""
    before = image(245, 100, seed=5)
    assert contrasted(BRIGHT, before=before) == {"tumour-enhancement": Verdict.NOT_COMPUTABLE}
    assert contrasted(BRIGHT, before=before, is_confirmed=False) == {"tumour-enhancement": Verdict.CONDITIONAL}


def test_what_cannot_be_checked_is_said() -> None:
    judgement = judge_contrast(TUMOUR, BRIGHT, TUMOUR.mask, ContrastEvidence(), LIMITS)
    assert [code for code, _ in judgement.left_out] == ["tumour-enhancement", "tumour-contrast"]
    for note in not_checked(judgement, Sequence.T1C):
        assert note.severity is Severity.NOTE
        assert "was not checked, because" in note.sentence


def test_doubts_are_conditional_reasons_with_the_number_and_the_limit() -> None:
    judgement = judge_contrast(TUMOUR, NORMAL, BODY, ContrastEvidence(), LIMITS)
    contrast = found(judgement)["tumour-contrast"]
    assert judgement.verdict is Verdict.CONDITIONAL
    reason = next(one for one in reasons(judgement, Sequence.T1C) if one.code == "tumour-contrast")
    assert reason.state is State.CONDITIONAL
    assert reason.overruled_by == "plausibility.contrast_doubtful"
    assert reason.sentence == (
        "The tumour on T1+C: The segmented tissue is no brighter than its surroundings: with a probability of "
        f"{contrast.value:.2f}; at least 0.80 was expected."
    )


def test_a_limit_that_a_site_sets_decides() -> None:
    small = replace(LIMITS, volume_doubtful_cm3=1.0, volume_impossible_cm3=2.0)
    check = found(judge_size(TUMOUR, small))["tumour-volume"]
    assert (check.verdict, check.setting) == (Verdict.NOT_COMPUTABLE, "volume_impossible_cm3")


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SetupError, match="volume_doubtful_cm3 is 600 and volume_impossible_cm3 500"):
        PlausibilityLimits(volume_doubtful_cm3=600.0)
    with pytest.raises(SetupError, match=r"contrast_impossible is 0\.9 and contrast_doubtful 0\.8"):
        PlausibilityLimits(contrast_impossible=0.9)
