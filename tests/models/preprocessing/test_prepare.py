"""From images as read to prepared images: regions on every grid, and quality notes for every doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import DeviceMemoryExhausted, EngineUnavailable, StudyRejected
from models.preprocessing.n4_settings import Corrected
from models.preprocessing.prepare import NoBiasCorrection, Prepared, open_bias_correction, prepare
from models.quality_notes import QualityNote, Severity
from models.volume import Region, Roi, Sequence, Volume
from tests.models.geometry import centred_affine, sphere

T1C_SHAPE, T2W_SHAPE = (28, 56, 56), (16, 40, 44)
T1C = centred_affine(T1C_SHAPE, (2.0, 1.2, 1.2))
T2W = centred_affine(T2W_SHAPE, (4.0, 1.8, 1.7), degrees=(8, 0, -12))


def image(shape: tuple[int, int, int], affine: NDArray[np.float64], *, seed: int = 0) -> Volume:
    """A ball of tissue of 27 mm in noise, with a brighter half."""
    rng = np.random.default_rng(seed)
    tissue = np.where(sphere(shape, affine, 27), 100, 0) + np.where(sphere(shape, affine, 12), 60, 0)
    return Volume(affine, np.abs(tissue + rng.normal(0, 4, shape)).astype(np.float32))


VOLUMES = {Sequence.T1C: image(T1C_SHAPE, T1C), Sequence.T2W: image(T2W_SHAPE, T2W, seed=1)}
TUMOUR = Roi(T1C, sphere(T1C_SHAPE, T1C, 8), "tumour")


def prepared(tumours: dict[Sequence, Roi], volumes: dict[Sequence, Volume] = VOLUMES) -> Prepared:
    return prepare(volumes, tumours, bias=NoBiasCorrection(), shell_mm=10)


def found(result: Prepared, code: str) -> list[QualityNote]:
    return [note for note in result.notes if note.code == code]


def test_one_tumour_serves_both_sequences() -> None:
    result = prepared({Sequence.T1C: TUMOUR})
    assert list(result.sequences) == [Sequence.T1C, Sequence.T2W]
    t1c, t2w = result.sequences[Sequence.T1C], result.sequences[Sequence.T2W]
    np.testing.assert_array_equal(t1c.rois[Region.INTRATUMORAL].mask, TUMOUR.mask)
    assert t2w.rois[Region.INTRATUMORAL].shape == t2w.rois[Region.PERITUMORAL].shape == t2w.body.shape == T2W_SHAPE
    # 4/3 π 8³ = 2145 mm³ and 4/3 π (18³ - 8³) = 22284 mm³.
    for one in (t1c, t2w):
        assert one.rois[Region.INTRATUMORAL].volume_mm3 == pytest.approx(2145, rel=0.05)
        assert one.rois[Region.PERITUMORAL].volume_mm3 == pytest.approx(
            22284, rel=0.15
        )  # distances end at voxel centres
    [note] = result.notes
    assert (note.code, note.severity, note.sequence) == ("tumour-carried-over", Severity.NOTE, Sequence.T2W)
    assert "segmented on T1+C and carried over to T2W" in note.sentence


def test_a_tumour_segmented_on_t2w_only_is_carried_to_t1c() -> None:
    tumour = Roi(T2W, sphere(T2W_SHAPE, T2W, 8), "tumour")
    result = prepared({Sequence.T2W: tumour})
    [note] = found(result, "tumour-carried-over")
    assert note.sequence is Sequence.T1C


def test_each_sequence_takes_its_own_tumour() -> None:
    own = Roi(T2W, sphere(T2W_SHAPE, T2W, 9), "tumour")
    result = prepared({Sequence.T1C: TUMOUR, Sequence.T2W: own})
    np.testing.assert_array_equal(result.sequences[Sequence.T2W].rois[Region.INTRATUMORAL].mask, own.mask)
    assert result.notes == ()


def test_a_segmentation_on_a_grid_of_its_own_is_brought_to_the_image() -> None:
    """A SEG may cover a part of the image only, on a grid with the same voxels."""
    part = Roi(
        T1C @ np.array([[1, 0, 0, 5], [0, 1, 0, 9], [0, 0, 1, 7], [0, 0, 0, 1]]), TUMOUR.mask[5:, 9:, 7:], "part"
    )
    result = prepared({Sequence.T1C: part}, {Sequence.T1C: VOLUMES[Sequence.T1C]})
    np.testing.assert_array_equal(result.sequences[Sequence.T1C].rois[Region.INTRATUMORAL].mask, TUMOUR.mask)
    assert result.notes == ()


def test_the_tumour_belongs_to_the_body_however_dark_it_is() -> None:
    volume = VOLUMES[Sequence.T1C]
    dark = Roi(T1C, sphere(T1C_SHAPE, T1C, 5, centre_mm=(24, 0, 0)), "tumour")
    voxels = np.where(dark.mask, 0, volume.voxels)
    result = prepared({Sequence.T1C: dark}, {Sequence.T1C: Volume(T1C, voxels)})
    assert result.sequences[Sequence.T1C].body[dark.mask].all()


def test_a_tumour_at_the_skin_has_its_shell_cut_with_the_share() -> None:
    skin = Roi(T1C, sphere(T1C_SHAPE, T1C, 6, centre_mm=(21, 0, 0)), "tumour")
    result = prepared({Sequence.T1C: skin}, {Sequence.T1C: VOLUMES[Sequence.T1C]})
    [cut] = found(result, "shell-cut-by-body")
    assert cut.severity is Severity.WARNING
    assert cut.region is Region.PERITUMORAL
    assert "10 mm around the tumour lies outside the body" in cut.sentence


def test_a_small_tumour_at_the_edge_of_the_image_is_named() -> None:
    mask = np.zeros(T1C_SHAPE, dtype=bool)
    mask[0:2, 26:31, 26:31] = True
    result = prepared({Sequence.T1C: Roi(T1C, mask, "tumour")}, {Sequence.T1C: VOLUMES[Sequence.T1C]})
    assert {note.code for note in result.notes} >= {"tumour-small", "tumour-at-border", "shell-cut-by-image"}
    [small] = found(result, "tumour-small")
    assert "only 50 voxels (0.14 cm³) on T1+C" in small.sentence


def test_the_part_of_a_neighbourhood_beyond_the_image_is_stated_as_a_share() -> None:
    """Filters read 3 voxels about the bounding box; with the shell of 10 mm that is 5 + 3 slices and 8 + 3 pixels."""
    mask = np.zeros(T1C_SHAPE, dtype=bool)
    mask[0:10, 26:31, 26:31] = True
    result = prepared({Sequence.T1C: Roi(T1C, mask, "tumour")}, {Sequence.T1C: VOLUMES[Sequence.T1C]})
    of_tumour, of_shell = found(result, "neighbourhood-cut-by-image")
    assert (of_tumour.region, of_tumour.severity) == (Region.INTRATUMORAL, Severity.NOTE)
    assert f"On T1+C, {3 / 16:.1%} of the box of the tumour and the 3 voxels about it" in of_tumour.sentence
    assert (of_shell.region, of_shell.severity) == (Region.PERITUMORAL, Severity.WARNING)
    assert f"On T1+C, {8 / 26:.1%} of the box of the 10 mm around the tumour" in of_shell.sentence
    middle = np.roll(mask, 9, axis=0)
    result = prepared({Sequence.T1C: Roi(T1C, middle, "tumour")}, {Sequence.T1C: VOLUMES[Sequence.T1C]})
    assert not found(result, "neighbourhood-cut-by-image")


def test_a_tumour_whose_volume_changes_on_the_other_grid_is_named() -> None:
    coarse = centred_affine((6, 20, 22), (9.0, 3.6, 3.4))
    volumes = {Sequence.T1C: VOLUMES[Sequence.T1C], Sequence.T2W: image((6, 20, 22), coarse)}
    small = Roi(T1C, sphere(T1C_SHAPE, T1C, 4, centre_mm=(0, 0, 4.5)), "tumour")
    [changed] = found(prepared({Sequence.T1C: small}, volumes), "tumour-volume-changed")
    assert changed.severity is Severity.WARNING


def test_what_can_not_be_prepared_is_refused() -> None:
    with pytest.raises(StudyRejected, match="There are 2 images and 0 tumour segmentations"):
        prepared({})
    far = Roi(centred_affine(T1C_SHAPE, (2, 1.2, 1.2), centre_mm=(500, 0, 0)), TUMOUR.mask, "tumour")
    with pytest.raises(StudyRejected, match=r"T1\+C: The region 'tumour' .* lies to 100% outside"):
        prepared({Sequence.T1C: far})


@dataclass(frozen=True)
class Exhausted:
    """A correction on an accelerator with too little memory: the fallback as `models.preprocessing.n4.N4` does it."""

    name: str = "exhausted"

    def correct(self, volume: Volume, body: NDArray[np.bool_]) -> Corrected:
        raise DeviceMemoryExhausted("N4 of an image needs more memory than cuda has free")

    def on_cpu(self) -> NoBiasCorrection:
        return NoBiasCorrection()


def test_too_little_memory_on_the_accelerator_falls_back_to_the_cpu_and_says_so() -> None:
    result = prepare(VOLUMES, {Sequence.T1C: TUMOUR}, bias=Exhausted(), shell_mm=10)
    notes = found(result, "bias-correction-on-cpu")
    assert [note.sequence for note in notes] == [Sequence.T1C, Sequence.T2W]
    assert "needs more memory than cuda has free" in notes[0].sentence
    np.testing.assert_array_equal(result.sequences[Sequence.T2W].volume.voxels, VOLUMES[Sequence.T2W].voxels)


def test_bias_corrections_open_by_name() -> None:
    assert open_bias_correction("none", device="auto").name == "none"
    for name, begins in (("own", "N4, own"), ("simpleitk", "N4, SimpleITK 2.")):
        described = open_bias_correction(name, device="cpu").name
        assert described.startswith(begins)
        assert (
            "shrink 4 by means, iterations 50/50/50/50, threshold 0.001, 200 bins, Wiener noise 0.01, FWHM 0.15"
            in described
        )
    with pytest.raises(EngineUnavailable, match="'n3'; one of own, simpleitk, none"):
        open_bias_correction("n3", device="cpu")
