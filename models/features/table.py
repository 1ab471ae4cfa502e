"""`FeatureTable`: the ordered features of one patient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.errors import FeatureUndefined, StudyRejected
from models.features.undefined import CHECK_THE_REGION, summary
from models.number_words import agreeing, counted
from models.quality_notes import QualityNote
from models.volume import Region, Sequence


def feature_name(sequence: Sequence, region: Region, name: str) -> str:
    """`<sequence>_<region>_<pyradiomics name>`, e.g. `t1c_peritumoral_wavelet-LLH_glcm_Contrast`."""
    return f"{sequence}_{region}_{name}"


@dataclass(frozen=True)
class Feature:
    """One feature of one patient.

    Attributes
    ----------
    name : full name, `<sequence>_<region>_<pyradiomics name>`
    value : finite float64
    unit : UCUM code ("1" where there is none)
    ibsi : IBSI code of the feature, None where IBSI defines no equal one
    """

    name: str
    value: float
    unit: str
    ibsi: str | None


@dataclass(frozen=True)
class FeatureTable:
    """Ordered features of one patient.

    Attributes
    ----------
    features : those that have a value, in the order of the feature vector
    settings_digest : `FeatureSettings.digest` of the settings that made them
    engine : name and version of the engine, e.g. "pyradiomics 3.0.1"
    notes : what was noticed during the extraction
    dropped : sequence without features → why, as a clause for "not applicable, because …"
    undefined : name → why, as a clause, of the features of the vector without a value

    Raises
    ------
    FeatureUndefined
        When a value is not finite.
    StudyRejected
        When a name occurs twice.
    """

    features: tuple[Feature, ...]
    settings_digest: str
    engine: str
    notes: tuple[QualityNote, ...] = ()
    dropped: Mapping[Sequence, str] = field(default_factory=dict, hash=False)
    undefined: Mapping[str, str] = field(default_factory=dict, hash=False)
    _by_name: Mapping[str, Feature] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {feature.name: feature for feature in self.features}
        if len(by_name) != len(self.features):
            raise StudyRejected(
                f"{counted(len(self.features) - len(by_name), 'feature name is', 'feature names are')} duplicated; "
                "unique names were expected."
            )
        undefined = [feature.name for feature in self.features if not math.isfinite(feature.value)]
        if undefined:
            raise FeatureUndefined(
                f"{len(undefined)} of {counted(len(self.features), 'feature')} "
                f"{agreeing(len(undefined), 'has', 'have')} no finite value (first: {undefined[0]}); check the region "
                "of interest: it is probably too small or flat."
            )
        object.__setattr__(self, "_by_name", by_name)

    def __len__(self) -> int:
        return len(self.features)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Feature:
        """The feature called `name`.

        Raises
        ------
        FeatureUndefined
            When it has no value for this region; says why.
        KeyError
            When it is no feature of the table.
        """
        if name in self.undefined:
            raise FeatureUndefined(f"The feature {name} has no value: {self.undefined[name]}. {CHECK_THE_REGION}")
        return self._by_name[name]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(feature.name for feature in self.features)

    def vector(self, names: Iterable[str]) -> NDArray[np.float64]:
        """The values of `names`, in that order: float64 (len(names),).

        Raises
        ------
        FeatureUndefined
            When one of them has no value for this region; says why.
        StudyRejected
            When a name is not in the table.
        """
        wanted = tuple(names)
        undefined = {name: self.undefined[name] for name in wanted if name in self.undefined}
        if undefined:
            raise FeatureUndefined(f"{summary(undefined, len(wanted))} {CHECK_THE_REGION}")
        missing = [name for name in wanted if name not in self._by_name]
        if missing:
            raise StudyRejected(
                f"{len(missing)} of the {counted(len(wanted), 'requested feature')} "
                f"{agreeing(len(missing), 'was', 'were')} not extracted (first: {missing[0]}); check that the study "
                "holds the sequences the model needs."
            )
        return np.array([self._by_name[name].value for name in wanted], dtype=np.float64)
