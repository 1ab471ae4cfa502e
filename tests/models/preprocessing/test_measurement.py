"""Invariant and mechanics: what is no measurement is found, told, and kept away from body and tumour, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import StudyRejected
from models.plausibility import ContrastEvidence, PlausibilityLimits
from models.preprocessing.cavities import Cavities
from models.preprocessing.measurement import MeasuredParts, Measurement, body_mask, measured_part
from models.preprocessing.prepare import NoBiasCorrection, prepare
from models.preprocessing.tumour_check import check_tumours
from models.quality_notes import Severity
from models.volume import Region, Roi, Sequence, Volume
from tests.models.geometry import centred_affine, sphere

SHAPE = (32, 60, 64)
AFFINE = centred_affine(SHAPE, (2.0, 1.2, 1.2))
BODY = sphere(SHAPE, AFFINE, 30)
TUMOUR = sphere(SHAPE, AFFINE, 7)
VOXELS = np.abs(np.where(BODY, 100, 0) + np.where(TUMOUR, 60, 0) + np.random.default_rng(0).normal(0, 4, SHAPE)).astype(
    np.float32
)


def found(voxels: NDArray[np.float32], padding: NDArray[np.bool_] | None = None) -> Measurement:
    return measured_part(Volume(AFFINE, voxels, padding), TUMOUR, sequence=Sequence.T1C)


def codes(part: Measurement) -> dict[str, Severity]:
    return {note.code: note.severity for note in part.notes}


def changed(where: tuple[object, ...] | NDArray[np.bool_], value: float) -> NDArray[np.float32]:
    voxels = VOXELS.copy()
    voxels[where] = value  # type: ignore[index]
    return voxels


def test_the_body_of_a_clean_image_is_found_without_a_word() -> None:
    part = found(VOXELS)
    assert part.notes == ()
    both = np.count_nonzero(part.as_stored(part.body) & BODY)
    assert 2 * both / (np.count_nonzero(part.body) + np.count_nonzero(BODY)) > 0.95
    np.testing.assert_array_equal(part.as_stored(part.tumour), TUMOUR)
    np.testing.assert_array_equal(part.from_stored(TUMOUR), part.tumour)


def test_a_hot_pixel_is_replaced_and_told_with_its_place() -> None:
    part = found(changed((3, 1, 2), 65535))
    assert codes(part) == {"hot-pixels": Severity.NOTE}
    assert "slice 4, row 2, column 3" in part.notes[0].sentence
    np.testing.assert_array_equal(part.volume.voxels, found(VOXELS).volume.voxels)
    assert codes(found(changed((16, 30, 32), -5000))) == {"hot-pixels": Severity.WARNING}  # in the tumour


def test_declared_fill_changes_nothing_and_fill_in_the_tumour_is_refused() -> None:
    padding = np.zeros(SHAPE, dtype=bool)
    padding[:, :4] = True
    np.testing.assert_array_equal(found(changed(padding, 77), padding).volume.voxels, found(VOXELS).volume.voxels)
    with pytest.raises(StudyRejected, match="of the tumour on T1\\+C lies where the image holds fill"):
        found(VOXELS, TUMOUR)


def test_a_label_is_left_out_and_on_the_tumour_refused() -> None:
    part = found(changed((slice(None), slice(2, 7), slice(2, 12)), 400))
    assert codes(part) == {"burnt-in-label": Severity.NOTE}
    assert "rows 3 to 7, columns 3 to 12" in part.notes[0].sentence
    with pytest.raises(StudyRejected, match="a burnt-in label or saturation"):
        found(changed((slice(None), slice(28, 34), slice(29, 36)), 400))


def test_blank_and_repeated_slices() -> None:
    one, other = (part.as_stored(part.body) for part in (found(changed((0,), 0)), found(VOXELS)))
    assert np.mean(one == other) > 0.995
    with pytest.raises(StudyRejected, match="1 slice of T1\\+C that holds tumour is blank"):
        found(changed((16,), 0))
    voxels = VOXELS.copy()
    voxels[5] = voxels[4]
    assert codes(found(voxels)) == {"slices-repeated": Severity.WARNING}


@pytest.mark.parametrize(("place", "twin"), [(3, 4), (3, 25), (25, 3)])
def test_a_slice_under_two_positions_is_named_wherever_they_lie(place: int, twin: int) -> None:
    voxels = VOXELS.copy()
    voxels[twin] = voxels[place]
    (note,) = found(voxels).notes
    assert note.code == "slices-repeated"
    assert note.sentence.startswith(f"2 of {len(VOXELS)} slices of T1+C have exactly the pixels of another slice (")
    voxels[twin, 5, 5] += 1  # not among the rows and columns that are looked at first
    assert codes(found(voxels)) == {}


def test_a_tumour_on_slices_that_are_there_twice_is_refused() -> None:
    voxels = VOXELS.copy()
    filled = np.flatnonzero(TUMOUR.any(axis=(1, 2)))
    voxels[: len(filled)] = voxels[filled]
    with pytest.raises(StudyRejected, match=rf"{len(filled)} slices of T1\+C that hold tumour have exactly the pixels"):
        found(voxels)


@pytest.mark.parametrize(
    ("scale", "offset", "expected"),
    [(1 / 200, 0.0, "values-rescaled"), (1 / 50, -1.0, "values-standardised")],
)
def test_images_that_were_rescaled_are_named_and_have_the_same_body(scale: float, offset: float, expected: str) -> None:
    part = found((VOXELS * scale + offset).astype(np.float32))
    assert expected in codes(part)
    assert np.mean(part.body == found(VOXELS).body) > 0.999


@pytest.mark.parametrize(
    ("voxels", "sentence"),
    [
        (VOXELS * np.float32(1e30), "values between 1e-20 and 1e\\+15 were expected"),
        (VOXELS * np.float32(1e-30), "values between 1e-20 and 1e\\+15 were expected"),
        ((VOXELS * 1e-6 + 1000).astype(np.float32), "an image with contrast was expected"),
        (np.full(SHAPE, 7, np.float32), "have the value 7"),
    ],
)
def test_values_that_cannot_be_worked_with_are_refused(voxels: NDArray[np.float32], sentence: str) -> None:
    with pytest.raises(StudyRejected, match=sentence):
        found(voxels)


def test_t2w_that_cannot_be_used_is_left_out_with_the_reason() -> None:
    volumes = {Sequence.T1C: Volume(AFFINE, VOXELS), Sequence.T2W: Volume(AFFINE, np.full(SHAPE, 7, np.float32))}
    tumours = {Sequence.T1C: Roi(AFFINE, TUMOUR, "tumour")}
    result = prepare(volumes, tumours, bias=NoBiasCorrection(), shell_mm=10)
    assert list(result.sequences) == [Sequence.T1C]
    assert result.dropped[Sequence.T2W].startswith("T2W cannot be used: All")
    assert [note.code for note in result.notes] == ["sequence-left-out"]
    volumes = {Sequence.T1C: volumes[Sequence.T2W], Sequence.T2W: volumes[Sequence.T1C]}
    with pytest.raises(StudyRejected, match="have the value 7"):
        prepare(volumes, tumours, bias=NoBiasCorrection(), shell_mm=10)


@pytest.mark.parametrize("cavities", Cavities)
def test_what_the_tumour_encloses_is_not_around_it(cavities: Cavities) -> None:
    core = sphere(SHAPE, AFFINE, 3)
    hollow = {Sequence.T1C: Roi(AFFINE, TUMOUR & ~core, "tumour")}
    volumes = {Sequence.T1C: Volume(AFFINE, VOXELS)}
    result = prepare(volumes, hollow, bias=NoBiasCorrection(), shell_mm=10, cavities=cavities)
    rois = result.sequences[Sequence.T1C].rois
    assert not np.any(rois[Region.PERITUMORAL].mask & core)
    assert np.all(rois[Region.INTRATUMORAL].mask[core]) == (cavities is Cavities.FILL)
    assert [note.code for note in result.notes] == ["tumour-encloses-cavity"]


def test_a_measured_part_found_by_the_check_of_tumours_is_taken_by_prepare_and_not_kept() -> None:
    volumes = {Sequence.T1C: Volume(AFFINE, VOXELS)}
    tumours = {Sequence.T1C: Roi(AFFINE, TUMOUR, "tumour")}
    parts = MeasuredParts()
    check_tumours(volumes, tumours, evidence=ContrastEvidence(), limits=PlausibilityLimits(), parts=parts)
    kept = parts.of(volumes[Sequence.T1C], TUMOUR.copy(), sequence=Sequence.T1C)
    assert parts.of(volumes[Sequence.T1C], TUMOUR, sequence=Sequence.T1C) is not kept  # handed on once

    check_tumours(volumes, tumours, evidence=ContrastEvidence(), limits=PlausibilityLimits(), parts=parts)
    one = prepare(volumes, tumours, bias=NoBiasCorrection(), shell_mm=10, parts=parts).sequences[Sequence.T1C]
    other = prepare(volumes, tumours, bias=NoBiasCorrection(), shell_mm=10).sequences[Sequence.T1C]
    assert one.measured is not None
    assert other.measured is not None
    np.testing.assert_array_equal(one.measured.volume.voxels, other.measured.volume.voxels)
    np.testing.assert_array_equal(one.body, other.body)


def test_the_anatomy_does_not_hold_a_tumour_in_the_air() -> None:
    in_air = sphere(SHAPE, AFFINE, 3, centre_mm=(34, 0, 0))
    part = measured_part(Volume(AFFINE, VOXELS), in_air, sequence=Sequence.T1C)
    assert not np.any(part.anatomy & part.tumour)
    assert np.all(part.body[part.tumour])
    # The box holds the tumour, too, so that the mask differs by a few blocks.
    assert np.mean(part.as_stored(part.anatomy) == body_mask(Volume(AFFINE, VOXELS))) > 0.995


def test_a_hot_pixel_in_the_fill_is_fill() -> None:
    padded = np.pad(VOXELS, [(0, 0), (20, 20), (20, 20)])
    affine = AFFINE.copy()
    affine[:3, 3] -= 20 * affine[:3, 1:3].sum(axis=1)
    tumour = np.pad(TUMOUR, [(0, 0), (20, 20), (20, 20)])
    padded[9, 4, 5] = 65535
    part = measured_part(Volume(affine, padded), tumour, sequence=Sequence.T1C)
    np.testing.assert_array_equal(part.volume.voxels, found(VOXELS).volume.voxels)
    [hot] = [note for note in part.notes if note.code == "hot-pixels"]
    assert "1 voxel in the fill of T1+C" in hot.sentence
    assert "slice 10, row 5, column 6" in hot.sentence


def test_a_label_on_the_body_is_a_warning() -> None:
    on_body = found(changed((slice(None), slice(10, 20), slice(28, 38)), 400))
    assert codes(on_body) == {"burnt-in-label": Severity.NOTE, "label-on-body": Severity.WARNING}


def test_a_black_border_over_the_body_is_noted() -> None:
    black = np.zeros(SHAPE, dtype=bool)
    black[:, :, :12] = True
    part = found(changed(black, 0))
    assert {"body-at-fill", "fill-along-body"} & set(codes(part))
    assert "body-at-fill" not in codes(found(VOXELS))
