"""The tumour on another grid, and the peritumoral shell, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import StudyRejected
from models.preprocessing.regions import carry_over, peritumoral_shell
from models.volume import Roi, Volume
from tests.models.geometry import centred_affine, sphere

SHAPE, SPACING = (44, 80, 80), (1.5, 0.8, 0.8)
OBLIQUE = centred_affine(SHAPE, SPACING, degrees=(25, -15, 40), centre_mm=(30, -20, 100))
CENTRE = (30, -20, 100)


def ball(radius_mm: float, *, centre_mm: tuple[float, float, float] = CENTRE) -> Roi:
    return Roi(OBLIQUE, sphere(SHAPE, OBLIQUE, radius_mm, centre_mm=centre_mm), "tumour")


def empty_volume(shape: tuple[int, int, int], affine: np.ndarray) -> Volume:
    return Volume(affine, np.zeros(shape, dtype=np.float32))


def everywhere(roi: Roi) -> np.ndarray:
    return np.ones(roi.shape, dtype=bool)


@pytest.mark.parametrize("radius_mm", [5.0, 12.5])
def test_the_shell_of_a_ball_lies_between_two_balls(radius_mm: float) -> None:
    """No point of the ball is further from a voxel centre in it than half the diagonal of a voxel, 0.94 mm."""
    tumour = ball(radius_mm)
    shell = peritumoral_shell(tumour, body=everywhere(tumour), shell_mm=10)
    both = shell.roi.mask | tumour.mask
    half_diagonal = np.linalg.norm(SPACING) / 2
    assert both[ball(radius_mm + 10 - half_diagonal).mask].all()
    assert ball(radius_mm + 10).mask[both].all()
    expected = 4 / 3 * np.pi * ((radius_mm + 10) ** 3 - radius_mm**3)
    assert shell.roi.volume_mm3 == pytest.approx(expected, rel=0.12)
    assert not (shell.roi.mask & tumour.mask).any()
    assert shell.share_outside_image == shell.share_outside_body == 0


def test_distances_are_exact_and_in_millimetres() -> None:
    """Every voxel against every tumour voxel, on anisotropic oblique spacing."""
    rng = np.random.default_rng(5)
    shape = (9, 16, 14)
    affine = centred_affine(shape, (3.3, 0.9, 1.4), degrees=(10, 20, 30))
    mask = np.zeros(shape, dtype=bool)
    mask[3:6, 6:10, 5:9] = rng.random((3, 4, 4)) > 0.5
    tumour = Roi(affine, mask, "tumour")
    shell = peritumoral_shell(tumour, body=everywhere(tumour), shell_mm=4)
    places = np.argwhere(np.ones(shape, dtype=bool)) @ affine[:3, :3].T
    inside = np.argwhere(mask) @ affine[:3, :3].T
    nearest = np.linalg.norm(places[:, None] - inside, axis=-1).min(axis=1).reshape(shape)
    np.testing.assert_array_equal(shell.roi.mask, (nearest <= 4) & ~mask)


def test_a_voxel_exactly_at_the_distance_belongs_to_the_shell() -> None:
    """Ten steps of 0.1 mm are 0.9999999999999999 or more in binary; the shell of 1 mm has them whatever they are."""
    shape = (3, 3, 41)
    mask = np.zeros(shape, dtype=bool)
    mask[1, 1, 20] = True
    tumour = Roi(centred_affine(shape, (5, 5, 0.1)), mask, "tumour")
    found = peritumoral_shell(tumour, body=everywhere(tumour), shell_mm=1).roi.mask
    assert np.flatnonzero(found[1, 1]).tolist() == [*range(10, 20), *range(21, 31)]


def test_the_shell_says_what_it_lost_to_air_and_to_the_edge() -> None:
    tumour = ball(6)
    body = np.zeros(tumour.shape, dtype=bool)
    half = np.arange(SHAPE[0]) < SHAPE[0] / 2
    body[half] = True
    shell = peritumoral_shell(tumour, body=body, shell_mm=10)
    assert shell.share_outside_body == pytest.approx(0.5, abs=0.01)
    assert not shell.roi.mask[~half].any()

    # A ball on the first slice, of which the image has half. Beyond the edge lies what is within d = 10 mm of a disc of
    # r = 6 mm, π r² d + π² r d² / 2 + 2/3 π d³, and on this side 2/3 π ((r + d)³ - r³): 6,186 and 8,126 mm³.
    first_slice = tuple(OBLIQUE[:3, :3] @ (0, (SHAPE[1] - 1) / 2, (SHAPE[2] - 1) / 2) + OBLIQUE[:3, 3])
    tumour = ball(6, centre_mm=first_slice)
    shell = peritumoral_shell(tumour, body=everywhere(tumour), shell_mm=10)
    assert shell.share_outside_image == pytest.approx(6186 / (6186 + 8126), abs=0.05)  # half a slice belongs to neither
    assert shell.share_outside_body == 0


def test_a_shell_without_a_voxel_is_refused() -> None:
    tumour = ball(6)
    with pytest.raises(StudyRejected, match=r"of 10 mm holds no voxel: the full shell has \d+, of which \d+ lie"):
        peritumoral_shell(tumour, body=tumour.mask, shell_mm=10)
    with pytest.raises(StudyRejected, match="holds no voxel"):
        peritumoral_shell(tumour, body=everywhere(tumour), shell_mm=0.5)


@pytest.mark.parametrize("degrees", [(0, 0, 0), (25, -15, 40), (-90, 0, -90)])
def test_a_ball_stays_a_ball_on_any_grid(degrees: tuple[float, float, float]) -> None:
    shape, spacing = (30, 60, 50), (2.5, 1.0, 1.3)
    affine = centred_affine(shape, spacing, degrees=degrees, centre_mm=(33, -18, 98))
    carried = carry_over(ball(14), empty_volume(shape, affine))
    exact = sphere(shape, affine, 14, centre_mm=CENTRE)
    np.testing.assert_array_equal(carried.roi.affine, affine)
    assert carried.share_outside == 0
    assert carried.roi.volume_mm3 == pytest.approx(4 / 3 * np.pi * 14**3, rel=0.03)
    # Only voxels within half a voxel of the surface may differ.
    shrunk, grown = sphere(shape, affine, 13, centre_mm=CENTRE), sphere(shape, affine, 15, centre_mm=CENTRE)
    assert (carried.roi.mask | ~shrunk).all()
    assert (grown | ~carried.roi.mask).all()
    assert np.count_nonzero(carried.roi.mask ^ exact) < 0.08 * np.count_nonzero(exact)


def test_the_same_grid_with_axes_reversed_gives_the_same_voxels() -> None:
    """A volume stored from head to foot and mirrored columns: no interpolation error is allowed."""
    tumour = ball(9)
    affine = OBLIQUE.copy()
    affine[:3, 3] += OBLIQUE[:3, 0] * (SHAPE[0] - 1) + OBLIQUE[:3, 2] * (SHAPE[2] - 1)
    affine[:3, [0, 2]] *= -1
    carried = carry_over(tumour, empty_volume(SHAPE, affine))
    np.testing.assert_array_equal(carried.roi.mask, tumour.mask[::-1, :, ::-1])


def test_a_tumour_lost_between_thick_slices_is_refused() -> None:
    shape = (5, 40, 40)
    # The ball of 1 mm lies in the middle of the gap between two slice centres 10 mm apart.
    affine = centred_affine(shape, (10, 2, 2), centre_mm=(30, -20, 105))
    with pytest.raises(StudyRejected, match=r"covers at most \d+% of a voxel .* measure 10.00 × 2.00 × 2.00 mm"):
        carry_over(ball(1.6), empty_volume(shape, affine))


def test_a_tumour_outside_the_other_image_is_refused_and_a_little_of_it_is_counted() -> None:
    shape = (20, 40, 40)
    far = centred_affine(shape, (1, 1, 1), centre_mm=(300, -20, 100))
    with pytest.raises(StudyRejected, match="lies to 100% outside the other image"):
        carry_over(ball(8), empty_volume(shape, far))
    # The image ends 7 mm above the centre of a ball of 8 mm: a cap of h = 1 mm, π h² (3r - h) / 3 = 24.1 of 2145 mm³.
    near = centred_affine((30, 40, 40), (1, 1, 1), centre_mm=(30, -20, 92))
    carried = carry_over(ball(8), empty_volume((30, 40, 40), near))
    assert carried.share_outside == pytest.approx(24.1 / 2145, abs=0.008)
    assert carried.share_outside > 0
