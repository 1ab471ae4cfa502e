"""Scores of a study under a change of its images, from the pixels as read to the scores of the shipped models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.features.extract import FeatureEngine, extract_features
from models.features.settings import FeatureSettings
from models.inference.runtime import LoadedModel
from models.preprocessing.prepare import BiasCorrection, prepare
from models.preprocessing.regions import carry_over
from models.quality_notes import Severity
from models.volume import Roi, Sequence, Volume, same_grid
from tests.metamorphic.changes import Change

Images = Mapping[Sequence, tuple[Volume, Roi]]


@dataclass(frozen=True)
class Scored:
    """Score by model, the codes of the quality notes, and those of them that are warnings."""

    scores: Mapping[str, float]
    codes: frozenset[str]
    warnings: frozenset[str]


def with_tumours(volumes: Mapping[Sequence, Volume], tumours: Mapping[Sequence, Roi]) -> Images:
    """Every image with the tumour on its own grid, so that a change moves both alike."""
    images = {}
    for sequence, volume in volumes.items():
        tumour = tumours.get(sequence) or next(iter(tumours.values()))
        on_grid = tumour if same_grid(tumour, volume) else carry_over(tumour, volume).roi
        images[sequence] = (volume, Roi(volume.affine, on_grid.mask, "tumour"))
    return images


def changed(images: Images, change: Change) -> Images:
    """All images of a study with the same change."""
    return {sequence: change.apply(*image) for sequence, image in images.items()}


def scored(images: Images, *, models: Mapping[str, LoadedModel], engine: FeatureEngine, bias: BiasCorrection) -> Scored:
    """Scores of the models whose sequences are there."""
    prepared = prepare(
        {sequence: volume for sequence, (volume, _) in images.items()},
        {sequence: tumour for sequence, (_, tumour) in images.items()},
        bias=bias,
        shell_mm=10.0,
    )
    features = extract_features(prepared, engine=engine, settings=FeatureSettings())
    scores = {}
    for name, model in models.items():
        if set(model.package.sequences) <= set(prepared.sequences):
            scores[name] = float(model.score(features.vector(model.package.inputs)[None])[0])
    warnings = frozenset(note.code for note in prepared.notes if note.severity is Severity.WARNING)
    return Scored(scores, frozenset(note.code for note in prepared.notes), warnings)
