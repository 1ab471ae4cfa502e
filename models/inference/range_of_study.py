"""Plausible ranges of loaded models: of one study with its other contours, and of the rows of a table without."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from models.inference.outcome import PlausibleRange
from models.inference.package import ModelPackage
from models.inference.plausible_range import (
    Spread,
    as_output,
    contours_matter,
    is_near,
    plausible_range,
    training_spread,
)
from models.inference.runtime import LoadedModel, ModelOutput

Floats = NDArray[np.float64]
# Names and which contours → float64 (contours, names); NaN where a contour has no features.
Contours = Callable[[Iterable[str], slice], Floats]

# The standard deviation of five is right to a third: enough where twice as much could not decide, which happens by
# chance once in a hundred times. Else all of them: right to a sixth.
FIRST, REST = slice(0, 5), slice(5, None)
FEWEST = 4  # contours with features; of fewer no spread is given
_MARGIN = 2.0


def range_of(
    model: LoadedModel, values: Floats, output: ModelOutput, contours: Contours | None
) -> PlausibleRange | None:
    """The range of one patient (inputs,); None for a package that gives none.

    Contours are asked for only where they can decide between group and borderline, and only for the inputs that have
    any influence on the score.
    """
    package = model.package
    if package.spread is None:
        return None
    score = float(output.score[0])
    training = float(_spreads(package, output.score, output.spread)[0])
    spread, count = Spread(training, None), 0
    if contours is not None and contours_matter(package, score=score, training=training):
        others = _scores(model, values, contours, FIRST)
        if others.size < FEWEST or is_near(package, score, np.hypot(training, _MARGIN * np.std(others, ddof=1))):
            others = np.concatenate([others, _scores(model, values, contours, REST)])
        if others.size >= FEWEST:
            spread, count = Spread(training, float(np.std(others, ddof=1))), others.size
    return plausible_range(package, score=score, spread=spread, contours=count)


def range_of_training(package: ModelPackage, score: float, training: float) -> PlausibleRange | None:
    """The range of a score by other trainings alone; None where either is not known (NaN)."""
    if np.isnan(score) or np.isnan(training):
        return None
    return plausible_range(package, score=float(score), spread=Spread(float(training), None), contours=0)


def training_spreads(model: LoadedModel, values: Floats, scores: Floats) -> Floats:
    """Standard deviation of another training for each patient (patients, inputs): (patients,); NaN without refits."""
    if model.package.spread is None:
        return np.full(len(values), np.nan)
    return _spreads(model.package, scores, model.spread(values))


def _spreads(package: ModelPackage, scores: Floats, others: Floats) -> Floats:
    facts = package.spread
    assert facts is not None
    outputs = np.array([as_output(package, float(score)) for score in scores])
    return training_spread(outputs, others, source=facts.source, inflation=facts.inflation)


def _scores(model: LoadedModel, values: Floats, contours: Contours, part: slice) -> Floats:
    """Scores of the contours that have features, on the log-risk or logit scale: (contours,)."""
    package = model.package
    used = _with_influence(model, values)
    found = contours([package.inputs[place] for place in used], part)
    known = found[np.all(np.isfinite(found), axis=1)]
    rows = np.repeat(values[np.newaxis], len(known), axis=0)
    rows[:, used] = known
    return np.array([as_output(package, float(score)) for score in model.score(rows)])


def _with_influence(model: LoadedModel, values: Floats) -> NDArray[np.int64]:
    """Inputs the score depends on: those with an attribution, of this or of a reference patient."""
    cases = np.stack([values, *(case.values for case in model.package.reference)])
    return np.flatnonzero((model.explain(cases).attributions != 0).any(axis=0))
