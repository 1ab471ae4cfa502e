"""Prediction of a model for one patient: the types. `models.inference.predict` fills them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.quality_notes import QualityNote


class Quantity(StrEnum):
    """Quantity that a prediction estimates."""

    RECURRENCE_SCORE = "recurrence_score"  # log-risk of recurrence, no unit; higher means higher risk
    RFS = "rfs"  # recurrence-free survival probability at a horizon, 0 to 1; higher is better
    KRT7_AS_HIGH = "krt7_as_high"  # probability of high expression of the lncRNA KRT7-AS, 0 to 1


class Group(StrEnum):
    """The side of the cut-off."""

    HIGH = "high"  # value > cut-off
    LOW = "low"  # value ≤ cut-off


@dataclass(frozen=True)
class ModelIdentity:
    """Identity of a model.

    Attributes
    ----------
    name : name of the package, e.g. "recurrence"
    version : version of the package
    digest : SHA-256 over the package's files, 64 hexadecimal digits
    title : for a reader, e.g. "RDeepNet recurrence score"
    notice : text that every output of this package must carry, e.g. "demonstration model, not trained on patients"
    """

    name: str
    version: str
    digest: str
    title: str
    notice: str


@dataclass(frozen=True)
class Prediction:
    """One number a model gives.

    Attributes
    ----------
    quantity : what it is
    value : finite; unit as in `Quantity`
    horizon_months : for a survival probability, else None
    interval : 95 % interval (low, high) where the package provides one
    """

    quantity: Quantity
    value: float
    horizon_months: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Contribution:
    """Share of one input in the distance of the model's output from the reference patient (integrated gradients).

    Attributes
    ----------
    feature : full feature name
    value : the feature's value for this patient, in its own unit
    attribution : signed share of the output, on the output's scale (log-risk or logit)
    """

    feature: str
    value: float
    attribution: float


@dataclass(frozen=True)
class ModelOutcome:
    """Everything one model says about one patient.

    Attributes
    ----------
    model : which model
    predictions : score or probability first, then survival probabilities by horizon
    cut_off : on the scale of the first prediction; `> cut_off` is high
    group : side of the cut-off
    contributions : of all inputs, largest magnitude first; empty when the package has none
    provider : execution provider that ran, e.g. "CPUExecutionProvider"
    notes : doubts about this outcome (fallback to CPU, input outside the training range)
    """

    model: ModelIdentity
    predictions: tuple[Prediction, ...]
    cut_off: float
    group: Group
    contributions: tuple[Contribution, ...]
    provider: str
    notes: tuple[QualityNote, ...] = ()


@dataclass(frozen=True)
class NotApplicable:
    """A model that was not run, and why ("no T2W series was found").

    Attributes
    ----------
    is_expected : the study lacks nothing; another model answers the same question
    """

    model: ModelIdentity
    reason: str
    is_expected: bool = False
