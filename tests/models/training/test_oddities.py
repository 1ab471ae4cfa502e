"""The test of a familiarity at its training: what is caught, what is not, and that the count has limits. Invariants."""

from __future__ import annotations

import numpy as np
import pytest

from models.inference.familiarity import FamiliarityTest
from models.training.familiarity import fit_familiarity
from models.training.oddities import (
    BESIDE,
    EXCHANGED,
    HELD_OUT,
    OTHER_FIELD,
    OTHER_ORGANS,
    OTHER_SCANNER,
    check_familiarity,
    false_alarms,
    odd_patients,
)
from models.volume import Region, Sequence

NAMES = tuple(
    f"{sequence}_{region}_original_{family}_{number}"
    for sequence in Sequence
    for region in Region
    for family in ("shape", "glcm")
    for number in range(20)
)
PLACE = {name: index for index, name in enumerate(NAMES)}


def made(count: int, *, seed: int) -> np.ndarray:
    """Inputs that follow six factors; those around the tumour have another level than those inside."""
    loadings = np.random.default_rng(0).normal(size=(6, len(NAMES))) / np.sqrt(6)
    rng = np.random.default_rng(seed)
    around = np.array([5.0 if "peritumoral" in name else 0.0 for name in NAMES])
    return np.asarray(around + rng.normal(size=(count, 6)) @ loadings + 0.2 * rng.normal(size=(count, len(NAMES))))


VALUES = made(400, seed=1)
USABLE = np.arange(len(NAMES))


@pytest.fixture(scope="module")
def test_of() -> FamiliarityTest:
    familiarity = fit_familiarity(VALUES, USABLE, seed=1)
    return check_familiarity(familiarity, NAMES, VALUES, USABLE, settings_digest="another", seed=1)


def test_ordinary_patients_are_rarely_called_unlike(test_of: FamiliarityTest) -> None:
    # Each of four limits is exceeded by 1 % of the held-out patients, by construction.
    assert 0.01 <= test_of.false_alarms[0] <= 0.04
    assert test_of.false_alarms[1] <= 0.005
    assert test_of.whom == HELD_OUT


def test_broken_patterns_are_caught_rather_than_shifts_along_them(test_of: FamiliarityTest) -> None:
    assert set(test_of.caught) == {BESIDE, EXCHANGED, OTHER_SCANNER, OTHER_FIELD}
    assert test_of.caught[BESIDE][0] > 0.95
    assert test_of.caught[EXCHANGED][0] > 0.95
    assert test_of.caught[OTHER_SCANNER][0] > 0.95
    assert test_of.caught[OTHER_FIELD][1] < test_of.caught[OTHER_SCANNER][1]
    assert test_of.blind_to == ()


def test_less_than_half_caught_is_not_told_apart() -> None:
    found = FamiliarityTest((0.02, 0.0), "some", {"organ": (0.49, 0.4), "mask": (0.5, 0.0)})
    assert found.blind_to == ("organ",)


def test_other_organs_are_tried_only_with_the_settings_they_were_measured_with(test_of: FamiliarityTest) -> None:
    assert OTHER_ORGANS not in test_of.caught


def test_odd_patients_are_what_they_are_called() -> None:
    odd = odd_patients(NAMES, VALUES, spread=VALUES.std(axis=0), seed=1)
    inside, around = PLACE["t1c_intratumoral_original_glcm_3"], PLACE["t1c_peritumoral_original_glcm_3"]
    np.testing.assert_array_equal(odd[BESIDE][:, inside], VALUES[:, around])
    np.testing.assert_array_equal(odd[BESIDE][:, around], VALUES[:, around])
    other = PLACE["t2w_intratumoral_original_glcm_3"]
    np.testing.assert_array_equal(odd[EXCHANGED][:, [inside, other]], VALUES[:, [other, inside]])
    shape = [place for name, place in PLACE.items() if "_shape_" in name]
    for values in odd.values():
        np.testing.assert_allclose(values[:, shape], VALUES[:, shape], rtol=1e-12)  # the form is the same


def test_one_sequence_and_region_leaves_nothing_to_exchange() -> None:
    names = NAMES[:40]
    odd = odd_patients(names, VALUES[:, :40], spread=VALUES[:, :40].std(axis=0), seed=1)
    assert set(odd) == {OTHER_SCANNER, OTHER_FIELD}


def test_the_count_has_limits_that_new_patients_keep() -> None:
    familiarity = fit_familiarity(VALUES, USABLE, seed=1)
    limits = familiarity.limits
    assert limits.count is not None
    assert limits.count_outside is not None
    assert limits.count <= limits.count_outside
    low, high = VALUES.min(axis=0), VALUES.max(axis=0)
    above, far = false_alarms(familiarity, made(2000, seed=2), low=low, high=high)
    assert above < 0.05
    assert far < 0.01
    far_away = made(1, seed=3)
    far_away[0, :50] += 20
    measures = familiarity.measures(far_away, low=low, high=high)
    assert measures.count[0] >= 50
    assert measures.exceed_far(limits)[0]
