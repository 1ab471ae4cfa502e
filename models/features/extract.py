"""The door to the feature engines: prepared images in, one `FeatureTable` out.

An engine computes the features of all regions of one image in one call, so that it can share what the regions have in
common. `models.features.names` fixes the order; an engine that leaves one out or adds one is a defect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.errors import EngineUnavailable, FeatureUndefined, SetupError, StudyRejected
from models.features.names import FeatureDefinition, feature_definitions
from models.features.settings import FeatureSettings, NormalizeRegion
from models.features.table import Feature, FeatureTable, feature_name
from models.features.undefined import CHECK_THE_REGION, summary, undefined_among
from models.number_words import counted
from models.preprocessing.mask_fit import fitted_mask
from models.preprocessing.prepare import Measured, Prepared, PreparedSequence
from models.quality_notes import QualityNote, left_out
from models.threads import one_thread
from models.volume import Region, Roi, Sequence, Volume

ENGINES = ("own", "pyradiomics")
DEVICES = ("auto", "cpu", "cuda")


@runtime_checkable
class FeatureEngine(Protocol):
    """Computes PyRadiomics' features of the regions of one image."""

    @property
    def name(self) -> str:
        """Name and version, e.g. "pyradiomics 3.0.1"; it goes into the report."""

    def extract(
        self,
        volume: Volume,
        rois: Mapping[Region, Roi],
        settings: FeatureSettings,
        *,
        body: NDArray[np.bool_] | None = None,
    ) -> Mapping[Region, Mapping[str, float]]:
        """All features of every region by their PyRadiomics name (`original_glcm_Contrast`, …); NaN for one without.

        Parameters
        ----------
        body : bool, on the grid of `volume`; what is normalised over when the settings say so. None: the whole image

        Raises
        ------
        StudyRejected
            When a region is too small, or not on the grid of the image.
        """

    def take_notes(self) -> tuple[QualityNote, ...]:
        """Quality notes since the last call (out of memory on the GPU, say)."""


def open_engine(name: str, *, device: str) -> FeatureEngine:
    """The engine called `name`, one of `ENGINES`, on `device`, one of `DEVICES`.

    PyRadiomics runs on the CPU only; `device` "auto" is the CPU for it.

    Raises
    ------
    EngineUnavailable
        When there is no engine of that name, it is not installed, or it does not run on the device.
    """
    if device not in DEVICES:
        raise EngineUnavailable(f"The device is '{device}'; one of {', '.join(DEVICES)} was expected.")
    # Imported here: one needs torch and numba, the other an optional package.
    if name == "own":
        from models.features.own import OwnEngine

        return OwnEngine(device=device)
    if name == "pyradiomics":
        from models.features.pyradiomics_reference import PyRadiomicsEngine

        if device == "cuda":
            raise EngineUnavailable("The engine 'pyradiomics' runs on the CPU only; use the device 'cpu' or 'auto'.")
        return PyRadiomicsEngine()
    raise EngineUnavailable(f"The feature engine is '{name}'; one of {', '.join(ENGINES)} was expected.")


@one_thread()
def extract_features(
    prepared: Prepared, *, engine: FeatureEngine, settings: FeatureSettings, keep_undefined: bool = False
) -> FeatureTable:
    """The features of every sequence and region of a study, in the order of `models.features.names`.

    T2W of which a feature cannot be computed is dropped with the reason: there are models that do without.

    Parameters
    ----------
    keep_undefined : a feature without a value is one of `FeatureTable.undefined`, and the others have theirs

    Raises
    ------
    StudyRejected
        As `FeatureEngine.extract`.
    FeatureUndefined
        When a feature has no value, unless `keep_undefined`.
    SetupError
        When the engine yields other features than `models.features.names` lists.
    """
    features: list[Feature] = []
    undefined: dict[str, str] = {}
    dropped: dict[Sequence, str] = {}
    notes: list[QualityNote] = []
    for sequence in Sequence:
        if sequence not in prepared.sequences:
            continue
        try:
            found, without = _of_sequence(sequence, prepared.sequences[sequence], engine=engine, settings=settings)
            if without and not keep_undefined:
                raise FeatureUndefined(f"{summary(without, len(found) + len(without))} {CHECK_THE_REGION}")
            features += found
            undefined.update(without)
        except StudyRejected as unusable:
            if sequence.is_required or not features:
                raise
            dropped[sequence], note = left_out(sequence, str(unusable))
            notes.append(note)
    return FeatureTable(
        tuple(features), settings.digest(), engine.name, (*notes, *engine.take_notes()), dropped, undefined
    )


def _of_sequence(
    sequence: Sequence, images: PreparedSequence, *, engine: FeatureEngine, settings: FeatureSettings
) -> tuple[list[Feature], dict[str, str]]:
    """The features that have a value, and why the others have none."""
    definitions = feature_definitions(settings)
    on = images.measured or Measured(images.volume, images.rois, images.body)
    values = engine.extract(on.volume, on.rois, settings, body=on.body)
    features: list[Feature] = []
    undefined: dict[str, str] = {}
    for region in Region:
        if region in images.rois:
            found, without = _split(values[region], definitions, engine=engine)
            features += [replace(one, name=feature_name(sequence, region, one.name)) for one in found]
            undefined.update({feature_name(sequence, region, name): why for name, why in without.items()})
    return features, undefined


@one_thread()
def extract_region(
    volume: Volume, roi: Roi, *, engine: FeatureEngine, settings: FeatureSettings, resample_mask: bool = False
) -> FeatureTable:
    """The features of one region of one image as they are, by plain PyRadiomics names without sequence and region.

    An image file comes without a body: it is normalised over the whole image, and the settings of the table say so. A
    mask that is a tenth of a voxel off fits; `resample_mask` carries one on any other grid over. A feature without a
    value is one of `FeatureTable.undefined`.

    Raises
    ------
    StudyRejected, SetupError
        As `extract_features`.
    """
    settings = replace(settings, normalize_region=NormalizeRegion.IMAGE)
    definitions = feature_definitions(settings)
    fitted = fitted_mask(volume, roi, resample=resample_mask)
    values = engine.extract(volume, {Region.INTRATUMORAL: fitted.roi}, settings)[Region.INTRATUMORAL]
    features, undefined = _split(values, definitions, engine=engine)
    notes = (*fitted.notes, *engine.take_notes())
    return FeatureTable(tuple(features), settings.digest(), engine.name, notes, undefined=undefined)


def _split(
    values: Mapping[str, float], definitions: tuple[FeatureDefinition, ...], *, engine: FeatureEngine
) -> tuple[list[Feature], dict[str, str]]:
    """The features of a region that have a value, in order, and why the others have none."""
    names = [what.name for what in definitions]
    different = set(names) ^ set(values)
    if different:
        raise SetupError(
            f"The engine '{engine.name}' yields {counted(len(values), 'feature')} and {len(names)} were expected; "
            f"{counted(len(different), 'name differs', 'names differ')} (first: {min(different)}). This is a defect of "
            "the engine."
        )
    undefined = undefined_among({name: values[name] for name in names})
    features = [
        Feature(what.name, float(values[what.name]), what.unit, what.ibsi)
        for what in definitions
        if what.name not in undefined
    ]
    return features, undefined
