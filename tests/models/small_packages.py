"""Writes small model packages with random weights: the plumbing does not care whether they learnt anything."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from models.features.names import feature_names
from models.features.settings import FeatureSettings
from models.features.table import Feature, FeatureTable
from models.inference.familiarity import Familiarity
from models.inference.package import FeatureOrigin, OutOfFold, RangeSource, SpreadFacts, Training
from models.inference.plausible_range import INFLATION
from models.inference.tasks import Task
from models.inference.training_scores import TrainingScores
from models.statistics.survival import BaselineHazard
from models.training.export import PackageText, write_package
from models.training.familiarity import fit_familiarity
from models.training.scorer import Layer, Scorer
from models.training.spread import members_of
from models.volume import Region, Sequence

NOTICE = "demonstration model, not trained on patients"
SETTINGS = FeatureSettings().digest()
SIGNAL = OutOfFold(0.7, 0.6, 0.8)
NO_SIGNAL = OutOfFold(0.53, 0.46, 0.6)


def input_names(sequences: tuple[Sequence, ...] = tuple(Sequence)) -> tuple[str, ...]:
    """40 names for each sequence and region."""
    return tuple(f"{s}_{r}_{name}" for s in sequences for r in Region for name in grey_level_names(40))


def grey_level_names(count: int) -> tuple[str, ...]:
    """Names of grey-level features of the original image, at most 88."""
    names = [name for name in feature_names(FeatureSettings()) if name.startswith(("original_f", "original_g"))]
    return tuple(names[:count])


def random_scorer(inputs: int, *, seed: int, is_probability: bool = False) -> Scorer:
    """Three networks on a third of the inputs; scales from 10⁻³ to 10⁵."""
    rng = np.random.default_rng(seed)
    used = np.sort(rng.choice(inputs, size=inputs // 3, replace=False))

    def layers() -> tuple[Layer, ...]:
        widths = (used.size, 8, 4, 1)
        return tuple((rng.normal(size=(a, b)) / np.sqrt(a) * 2, rng.normal(size=b)) for a, b in pairwise(widths))

    scale = 10.0 ** rng.uniform(-3, 5, used.size)
    return Scorer(
        inputs=inputs,
        selected=used,
        centre=rng.normal(size=used.size) * scale,
        scale=scale,
        networks=tuple(layers() for _ in range(3)),
        gains=(0.5, 0.2, 0.3),
        offset=-0.1,
        is_probability=is_probability,
    )


def patients(scorer: Scorer, count: int, *, seed: int) -> np.ndarray:
    """Feature vectors around the centre, some beyond the clip."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, scorer.inputs))
    values[:, scorer.selected] = scorer.centre + 2 * scorer.scale * rng.normal(size=(count, scorer.selected.size))
    return values


def table(names: tuple[str, ...], values: np.ndarray, *, settings: str = SETTINGS, engine: str = "e 1") -> FeatureTable:
    """The features of one patient."""
    features = tuple(Feature(name, float(value), "1", None) for name, value in zip(names, values, strict=True))
    return FeatureTable(features, settings, engine)


def small_familiarity(*, inputs: int) -> Familiarity:
    """Familiarity of 60 patients with standard normal inputs."""
    return fit_familiarity(np.random.default_rng(1).normal(size=(60, inputs)), np.arange(inputs), seed=1)


def write_small_package(
    folder: Path,
    *,
    task: Task = Task.RECURRENCE,
    name: str = "recurrence",
    sequences: tuple[Sequence, ...] = tuple(Sequence),
    origin: FeatureOrigin | None = None,
    seed: int = 1,
    stands_in_for: str = "",
    out_of_fold: OutOfFold = SIGNAL,
    refits: int = 0,
    members: bool = False,
    training_scores: TrainingScores | None = None,
    notice: str = NOTICE,
    training: Training | None = None,
) -> Scorer:
    """Write a package into `folder`; returns what is in it.

    Refits are the scorer with other last biases, so that their outputs are its own moved by known numbers; without
    refits and members it is a package as older versions made it.
    """
    names = input_names(sequences)
    scorer = random_scorer(len(names), seed=seed, is_probability=task is Task.KRT7_AS)
    recurrence = task is Task.RECURRENCE
    rows = patients(scorer, 200, seed=seed + 1)
    spread = tuple(replace(scorer, offset=scorer.offset + 0.1 * (k - 2), is_probability=False) for k in range(refits))
    source = RangeSource.REFITS
    if members:
        spread, source = members_of(scorer, rows), RangeSource.MEMBERS
    write_package(
        folder,
        text=PackageText(
            task=task,
            name=name,
            version="0.1.0",
            title="Small model",
            notice=notice,
            cut_off=1.1 if recurrence else 0.5,
            horizons_months=(12.0, 24.0, 36.0) if recurrence else (),
            origin=origin or FeatureOrigin(SETTINGS, "", ""),
            training=training or Training("none", 0, 0, recipe="random weights", performance="none"),
            caveats=("Random.",),
            stands_in_for=stands_in_for,
            out_of_fold=out_of_fold,
            statements={"ethics": "none was needed"},
            spread=SpreadFacts(source, len(spread), INFLATION[source]) if spread else None,
        ),
        names=names,
        scorer=scorer,
        baseline=BaselineHazard(np.array([6.0, 20.0, 40.0]), np.array([0.01, 0.03, 0.08])) if recurrence else None,
        familiarity=fit_familiarity(rows, np.arange(len(names)), seed=seed),
        training_values=rows,
        reference_values=patients(scorer, 2, seed=seed + 2),
        spread=spread,
        training_scores=training_scores,
    )
    return scorer
