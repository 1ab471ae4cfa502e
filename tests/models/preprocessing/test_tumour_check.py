"""Tumours of a study of which no answer is made, before anything is computed on them. Kind: mechanics."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.plausibility import ContrastEvidence, PlausibilityLimits
from models.preprocessing.tumour_check import check_tumours
from models.validity import State, decide
from models.volume import Roi, Sequence, Volume
from tests.models.geometry import centred_affine, sphere

SHAPE, SPACING = (24, 60, 60), (3.0, 1.5, 1.5)
AFFINE = centred_affine(SHAPE, SPACING)
BODY = sphere(SHAPE, AFFINE, 33.0)
TUMOUR = sphere(SHAPE, AFFINE, 8.0, centre_mm=(4, 3, -5))
NOISE = np.abs(np.random.default_rng(7).normal(0, 4, SHAPE))
IMAGE = Volume(AFFINE, (np.where(TUMOUR, 400.0, np.where(BODY, 150.0, 0.0)) + NOISE).astype(np.float32))
SUPPRESSED = ContrastEvidence(fat_suppressed=True)


def codes(tumours: dict[Sequence, Roi], *, evidence: ContrastEvidence = SUPPRESSED) -> list[tuple[str, str]]:
    volumes = {Sequence.T1C: IMAGE, Sequence.T2W: IMAGE}
    found = check_tumours(volumes, tumours, evidence=evidence, limits=PlausibilityLimits())
    assert found.reasons == ()
    return [(note.code, str(note.sequence)) for note in found.notes]


def test_a_tumour_is_let_through_with_what_was_not_checked() -> None:
    expected = [("tumour-enhancement-not-checked", "t1c")]
    assert codes({Sequence.T1C: Roi(AFFINE, TUMOUR, "tumour")}) == expected
    assert codes({Sequence.T2W: Roi(AFFINE, TUMOUR, "tumour")}) == expected
    finer = centred_affine((48, 60, 60), (1.5, 1.5, 1.5))
    other_grid = Roi(finer, sphere((48, 60, 60), finer, 8.0, centre_mm=(4, 3, -5)), "tumour")
    assert codes({Sequence.T1C: other_grid}) == expected


@pytest.mark.parametrize(
    ("mask", "part"),
    [
        (BODY, "of the body in the image; at most 10 % was expected"),
        (BODY & ~TUMOUR, "of the body in the image; at most 10 % was expected"),
        (sphere(SHAPE, AFFINE, 6.0, centre_mm=(38, 0, 0)), "of it lies outside the body; at most 25 % was expected"),
        (np.roll(TUMOUR, -14, axis=2), "The segmented tissue is no brighter than its surroundings"),
        (TUMOUR[::-1, ::-1, ::-1], "The segmented tissue is no brighter than its surroundings"),
    ],
    ids=["whole body", "complement", "air", "moved", "mirrored"],
)
def test_masks_that_are_no_tumours_cannot_be_computed_on(mask: NDArray[np.bool_], part: str) -> None:
    volumes = {Sequence.T1C: IMAGE, Sequence.T2W: IMAGE}
    tumours = {Sequence.T1C: Roi(AFFINE, mask, "tumour")}
    found = check_tumours(volumes, tumours, evidence=SUPPRESSED, limits=PlausibilityLimits())
    assert not found.is_computable
    worst = decide(found.reasons).decisive
    assert {reason.state for reason in worst} == {State.NOT_COMPUTABLE}
    assert any(part in reason.sentence for reason in worst)
    assert worst[0].sentence.startswith("The segmentation on T1+C cannot be a breast tumour.")
    assert all(reason.found and reason.expected and reason.overruled_by for reason in worst)
    # Where features are all that is wanted, the study is refused with the same sentences.
    with pytest.raises(StudyRejected, match=r"cannot be a breast tumour") as caught:
        found.require()
    assert all(reason.sentence in str(caught.value) for reason in worst)
    assert "Check the segmentation and send it again (limits: plausibility." in str(caught.value)


def test_a_mask_far_too_large_is_found_on_the_sequence_it_was_drawn_on() -> None:
    large = PlausibilityLimits(volume_doubtful_cm3=1.0, volume_impossible_cm3=1.5)
    tumours = {Sequence.T2W: Roi(AFFINE, TUMOUR, "tumour")}
    both = check_tumours({Sequence.T1C: IMAGE, Sequence.T2W: IMAGE}, tumours, evidence=SUPPRESSED, limits=large)
    assert "on T1+C cannot be a breast tumour. It measures" in both.reasons[0].sentence
    alone = check_tumours({Sequence.T2W: IMAGE}, tumours, evidence=SUPPRESSED, limits=large)
    assert "on T2W cannot be a breast tumour. It measures" in alone.reasons[0].sentence


def test_a_doubtful_mask_makes_the_answer_conditional() -> None:
    tumours = {Sequence.T1C: Roi(AFFINE, TUMOUR, "tumour")}
    found = check_tumours(
        {Sequence.T1C: IMAGE}, tumours, evidence=SUPPRESSED, limits=PlausibilityLimits(volume_doubtful_cm3=1.0)
    )
    (reason,) = found.reasons
    assert (reason.code, reason.state) == ("tumour-volume", State.CONDITIONAL)
    assert reason.overruled_by == "plausibility.volume_doubtful_cm3"
    assert found.is_computable
    found.require()


def test_an_impossible_tumour_on_t2w_is_left_out_where_t1c_has_one_of_its_own() -> None:
    volumes = {Sequence.T1C: IMAGE, Sequence.T2W: IMAGE}
    right, wrong = Roi(AFFINE, TUMOUR, "tumour"), Roi(AFFINE, BODY, "tumour")
    limits = PlausibilityLimits(volume_doubtful_cm3=1.0, volume_impossible_cm3=20.0)
    found = check_tumours(volumes, {Sequence.T1C: right, Sequence.T2W: wrong}, evidence=SUPPRESSED, limits=limits)
    assert found.is_computable
    assert [reason.code for reason in found.reasons] == ["tumour-volume"]  # of T1+C
    assert list(found.usable(volumes)) == [Sequence.T1C]
    (note,) = (one for one in found.notes if one.sequence is Sequence.T2W)
    assert note.code == "sequence-left-out"
    # 4/3 π (3.3 cm)³ = 150.5 cm³, less or more by voxels at the edge.
    pattern = r"The segmentation on T2W cannot be a breast tumour. It measures 15[0-2] cm³; at most 20.00 cm³ was"
    assert re.search(pattern, note.sentence)
    assert found.dropped[Sequence.T2W].startswith("T2W cannot be used: The segmentation on T2W cannot be")
    # T1+C that cannot be one withholds everything, and so does the only tumour there is.
    for tumours in ({Sequence.T1C: wrong, Sequence.T2W: right}, {Sequence.T2W: wrong}):
        found = check_tumours(volumes, tumours, evidence=SUPPRESSED, limits=limits)
        assert not found.is_computable
        assert found.dropped == {}


def test_a_tumour_that_is_lost_on_t2w_leaves_it_out() -> None:
    far = centred_affine(SHAPE, SPACING)
    far[:3, 3] += 5_000
    tumours = {Sequence.T1C: Roi(AFFINE, TUMOUR, "tumour"), Sequence.T2W: Roi(far, TUMOUR, "tumour")}
    volumes = {Sequence.T1C: IMAGE, Sequence.T2W: IMAGE}
    found = check_tumours(volumes, tumours, evidence=SUPPRESSED, limits=PlausibilityLimits())
    assert found.is_computable
    assert list(found.dropped) == [Sequence.T2W]


def test_doubts_go_with_the_sequence_they_are_about() -> None:
    tumours = dict.fromkeys(Sequence, Roi(AFFINE, TUMOUR, "tumour"))
    volumes = dict.fromkeys(Sequence, IMAGE)
    found = check_tumours(volumes, tumours, evidence=SUPPRESSED, limits=PlausibilityLimits(volume_doubtful_cm3=1.0))
    assert [reason.sentence.split(":")[0] for reason in found.reasons] == ["The tumour on T1+C", "The tumour on T2W"]
    assert found.without({Sequence.T2W: "it has no features"}).reasons == found.against[Sequence.T1C]
