"""Plausible range and borderline: the rule written out, when contours are asked for, and packages without refits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.inference.manifest import RangeSource, SpreadFacts
from models.inference.outcome import ModelOutcome, PlausibleRange
from models.inference.plausible_range import (
    FACTOR,
    FAR_FROM_CUT_OFF,
    INFLATION,
    NO_RANGE,
    Spread,
    as_output,
    as_score,
    contours_matter,
    plausible_range,
    range_reasons,
    training_spread,
)
from models.inference.predict import predict
from models.inference.runtime import LoadedModel, Provider, load_model
from models.inference.tasks import Task
from models.statistics.baseline_resamples import BaselineResamples
from models.validity import State
from tests.models.small_packages import NO_SIGNAL, patients, table, write_small_package

FACTS = SpreadFacts(RangeSource.REFITS, 6, INFLATION[RangeSource.REFITS])


@pytest.fixture(scope="module")
def recurrence(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("packages") / "recurrence"
    write_small_package(folder, refits=6)
    return load_model(folder, provider=Provider.CPU)


@pytest.fixture(scope="module")
def krt7_as(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("packages") / "krt7_as"
    write_small_package(folder, task=Task.KRT7_AS, name="krt7_as", refits=6)
    return load_model(folder, provider=Provider.CPU)


def test_the_range_is_the_rule_of_the_specification(recurrence: LoadedModel) -> None:
    """score ± 1.28 sqrt(contours² + training²)."""
    found = plausible_range(recurrence.package, score=1.06, spread=Spread(0.4, 0.3), contours=20)
    assert (found.low, found.high) == pytest.approx((1.06 - 1.28 * 0.5, 1.06 + 1.28 * 0.5))
    assert found.source == "Range from 6 other trainings of the model and 20 other contours of the tumour."


def test_a_probability_has_its_range_on_the_logit_scale(krt7_as: LoadedModel) -> None:
    package = krt7_as.package
    found = plausible_range(package, score=0.9, spread=Spread(0.5, None), contours=0)
    logit = np.log(0.9 / 0.1)
    assert found.low == pytest.approx(1 / (1 + np.exp(-(logit - 0.64))))
    assert found.high == pytest.approx(1 / (1 + np.exp(-(logit + 0.64))))
    assert 0.9 - found.low > found.high - 0.9 > 0
    for value in (1e-6, 0.3, 0.5, 0.999):
        assert as_score(package, as_output(package, value)) == pytest.approx(value, rel=1e-9)
    assert 0 < plausible_range(package, score=1.0, spread=Spread(2.0, None), contours=0).low < 1


# Score, standard deviation of contours and of another training → whether the cut-off of 1.10 lies in the range.
DECISIONS = [
    (1.06, 0.0, 0.0, False),
    (1.06, 0.0, 0.04, True),
    (1.06, 0.04, 0.0, True),
    (1.06, 0.02, 0.02, False),
    (1.06, 0.03, 0.03, True),
    (1.10, 0.0, 0.0, True),
    (-0.58, 0.03, 0.3, False),
    (3.0, 0.1, 1.5, True),
    (4.2, 0.1, 1.5, False),
]


@pytest.mark.parametrize(("score", "contours", "training", "is_borderline"), DECISIONS)
def test_borderline_is_a_range_that_holds_the_cut_off(
    recurrence: LoadedModel, score: float, contours: float, training: float, is_borderline: bool
) -> None:
    package = recurrence.package
    found = plausible_range(package, score=score, spread=Spread(training, contours), contours=20)
    reasons = range_reasons(package, found)
    assert [reason.state for reason in reasons] == [State.BORDERLINE] * is_borderline
    assert is_borderline == (abs(score - 1.10) <= FACTOR * np.hypot(training, contours))


def test_no_range_of_a_package_that_gives_ranges_is_no_reason(recurrence: LoadedModel) -> None:
    assert range_reasons(recurrence.package, None) == ()


def test_contours_are_asked_for_where_they_can_decide(recurrence: LoadedModel) -> None:
    package = recurrence.package
    assert contours_matter(package, score=0.5, training=0.2)
    assert not contours_matter(package, score=0.5, training=0.6)  # borderline without them
    assert not contours_matter(package, score=1.10 - FAR_FROM_CUT_OFF - 0.01, training=0.2)


def test_the_range_of_survival_is_wider_than_that_of_the_score_alone(recurrence: LoadedModel) -> None:
    package = recurrence.package
    assert package.baseline is not None
    rng = np.random.default_rng(1)
    hazards = np.exp(np.log([0.01, 0.03, 0.03]) + 0.3 * rng.normal(size=(300, 1)))
    resampled = replace(package, resamples=BaselineResamples(np.ones(300), package.horizons_months, hazards))
    alone, both = (
        plausible_range(one, score=0.8, spread=Spread(0.3, 0.2), contours=20) for one in (package, resampled)
    )
    for months in package.horizons_months:
        narrow, wide = alone.at(months), both.at(months)
        assert narrow is not None
        assert wide is not None
        value = float(package.baseline.survival(0.8, months))
        assert wide.low < narrow.low < value < narrow.high < wide.high
        # Without resamples: the two ends of the score through the baseline.
        ends = package.baseline.survival(np.array([alone.high, alone.low]), months)
        assert (narrow.low, narrow.high) == pytest.approx(tuple(ends))
    assert (alone.low, alone.high) == (both.low, both.high)


def test_refits_count_from_the_score_and_members_from_their_mean() -> None:
    outputs, others = np.array([1.0]), np.array([[0.8, 1.2, 1.4, 1.0]])
    refits = training_spread(outputs, others, source=RangeSource.REFITS, inflation=2.0)
    assert refits[0] == pytest.approx(2.0 * np.sqrt((0.04 + 0.04 + 0.16) / 4))
    centred = others - others.mean() + 1.0
    members = training_spread(outputs, centred, source=RangeSource.MEMBERS, inflation=1.8)
    assert members[0] == pytest.approx(1.8 * np.std(others, ddof=1))


def asked(model: LoadedModel, values: np.ndarray, *, moved: float) -> tuple[ModelOutcome, list[int]]:
    """The outcome with contours whose inputs move by this share of themselves, and how many inputs were asked for."""
    names, counts = model.package.inputs, []
    place = {name: index for index, name in enumerate(names)}

    def contours(wanted: Iterable[str], part: slice) -> np.ndarray:
        rows = values[[place[name] for name in wanted]]
        counts.append(len(rows))
        return np.asarray(rows * (1 + moved * np.random.default_rng(2).normal(size=(20, len(rows)))))[part]

    (outcome,) = predict(table(names, values), [model], missing={}, contours=contours)
    assert isinstance(outcome, ModelOutcome)
    return outcome, counts


def test_contours_widen_the_range(recurrence: LoadedModel, tmp_path: Path) -> None:
    scorer = write_small_package(tmp_path / "recurrence", refits=6)
    package = recurrence.package
    for values in patients(scorer, 60, seed=9):
        still, counts = asked(recurrence, values, moved=0.0)
        if not counts or still.plausible_range is None:
            continue
        assert counts == [scorer.selected.size]  # five contours of the inputs that the score depends on, no others
        assert "and 5 other contours of the tumour." in still.plausible_range.source
        moving, again = asked(recurrence, values, moved=0.3)
        assert moving.plausible_range is not None
        assert moving.plausible_range.low < still.plausible_range.low
        # Twice the spread of the first five could decide: all twenty are drawn.
        if len(again) == 1:
            continue
        assert "and 20 other contours of the tumour." in moving.plausible_range.source
        assert (moving.group is None) == (moving.plausible_range.low <= package.cut_off <= moving.plausible_range.high)
        return
    pytest.fail("no patient for whom contours can decide")


def test_a_package_without_refits_says_that_its_range_is_of_one_training(tmp_path: Path) -> None:
    write_small_package(tmp_path / "recurrence", members=True)
    model = load_model(tmp_path / "recurrence", provider=Provider.CPU)
    found = plausible_range(model.package, score=0.0, spread=Spread(0.4, None), contours=0)
    assert found.source == "Range from one training of the model (its members) and no other contour of the tumour."
    assert model.package.spread == SpreadFacts(RangeSource.MEMBERS, 3, INFLATION[RangeSource.MEMBERS])


def test_a_package_of_an_older_version_gives_no_range(tmp_path: Path) -> None:
    scorer = write_small_package(tmp_path / "recurrence")
    model = load_model(tmp_path / "recurrence", provider=Provider.CPU)
    outcome, counts = asked(model, patients(scorer, 1, seed=9)[0], moved=0.1)
    assert outcome.plausible_range is None
    assert counts == []
    # Nobody may take the group for one that was found to hold: borderline could not be told.
    assert outcome.validity.state is State.CONDITIONAL
    (reason,) = (one for one in outcome.validity.reasons if one.code == NO_RANGE)
    assert "'recurrence' 0.1.0 gives no plausible range" in reason.sentence
    assert "Train the package again with this version" in reason.sentence
    # Neither a place among scores it does not hold nor a picture.
    assert outcome.rank is None
    assert outcome.training is not None
    assert (outcome.training.groups, outcome.training.hazard_ratio) == ((), None)


def test_without_a_score_the_missing_range_is_no_reason(tmp_path: Path) -> None:
    scorer = write_small_package(tmp_path / "recurrence", out_of_fold=NO_SIGNAL)
    model = load_model(tmp_path / "recurrence", provider=Provider.CPU)
    outcome, _ = asked(model, patients(scorer, 1, seed=9)[0], moved=0.1)
    assert outcome.validity.state is State.OUTSIDE
    assert NO_RANGE not in [reason.code for reason in outcome.validity.reasons]


def test_a_range_of_the_wrong_order_is_refused() -> None:
    with pytest.raises(ValueError, match="smaller"):
        PlausibleRange(1.0, 0.5, "")
