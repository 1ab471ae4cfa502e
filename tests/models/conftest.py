"""Fixtures of training and simulation: small cohorts, quick recipes."""

from __future__ import annotations

import pytest

from models.simulation.feature_shape import FeatureShape, generic_shape
from models.training.network import Recipe
from models.volume import Region, Sequence
from tests.models.small_packages import grey_level_names


@pytest.fixture(scope="session")
def names() -> tuple[str, ...]:
    """240 made-up feature names of both sequences and regions."""
    return tuple(f"{s}_{r}_{name}" for s in Sequence for r in Region for name in grey_level_names(60))


@pytest.fixture(scope="session")
def shape(names: tuple[str, ...]) -> FeatureShape:
    """A made-up shape of them."""
    return generic_shape(names, blocks=30, seed=7)


@pytest.fixture(scope="session")
def quick() -> Recipe:
    """A recipe that takes a second."""
    return Recipe(members=3, hidden=(16, 8), epochs=60, patience=10, selected=40, learning_rate=5e-3)
