"""Facts for model cards and answers to reporting guidelines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.features.columns import ColumnKind, InputColumn, feature_class
from models.inference.familiarity import FamiliarityTest
from models.inference.package import FeatureOrigin, OutOfFold, SpreadFacts, Training
from models.inference.tasks import Task
from models.statistics.risk_coverage import RiskCoverage


@dataclass(frozen=True)
class Measurement:
    """Something that was measured in the training.

    Attributes
    ----------
    what : in words
    value : as it is to be read, interval included where there is one
    whom : on which patients, and how
    """

    what: str
    value: str
    whom: str


@dataclass(frozen=True)
class CardFacts:
    """Facts of a card; all but measurements, quality notes and caveats are in the manifest as well.

    Attributes
    ----------
    title, name, version, notice : as in `ModelIdentity`
    task : what is predicted
    inputs, used : number of inputs offered, and of those with any influence
    classes : number of inputs offered of each feature class
    sequences, regions : in words
    cut_off, horizons_months, origin, training, out_of_fold : as in the manifest
    search : the recipes that were tried, with what they reached; empty where none was
    statements : of the trainers
    measurements, notes, caveats : what was measured; doubts about the training, and limits, as sentences
    spread : what the plausible range is made of and what it held; None where the package gives none
    curve : share withheld against flips among the groups shown; empty where not measured
    familiarity_test : what the familiarity catches; None where it was not tested
    is_foreign : the inputs come from elsewhere, so that the appliance cannot run the model
    """

    title: str
    name: str
    version: str
    notice: str
    task: Task
    inputs: int
    used: int
    classes: Mapping[str, int]
    sequences: tuple[str, ...]
    regions: tuple[str, ...]
    cut_off: float
    horizons_months: tuple[float, ...]
    origin: FeatureOrigin
    training: Training
    out_of_fold: OutOfFold
    search: Mapping[str, str]
    statements: Mapping[str, str]
    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...]
    caveats: tuple[str, ...]
    spread: SpreadFacts | None = None
    curve: tuple[RiskCoverage, ...] = ()
    familiarity_test: FamiliarityTest | None = None
    is_foreign: bool = False

    def measured(self, what: str) -> str:
        """The value of a measurement; empty where it was not made."""
        return next((measurement.value for measurement in self.measurements if measurement.what == what), "")


def feature_classes(inputs: Iterable[str] | Iterable[InputColumn]) -> dict[str, int]:
    """Number of inputs of each class ("glcm", "shape", "diagnostics", …), in the order of their first occurrence.

    Inputs by their full names, or as columns of an imported table.
    """
    return dict(Counter(_class_of(one) for one in inputs))


def _class_of(one: str | InputColumn) -> str:
    if isinstance(one, str):
        # <sequence>_<region>_<image type>_<class>_<name>, or <sequence>_<region>_diagnostics_…
        part = one.split("_")
        return "diagnostics" if "diagnostics" in part[:3] else part[-2]
    return "clinical" if one.kind is ColumnKind.CLINICAL else feature_class(one.feature)
