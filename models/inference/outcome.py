"""Prediction of a model for one patient: the types. `models.inference.predict` fills them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from models.errors import SetupError
from models.number_words import counted
from models.quality_notes import QualityNote
from models.validity import VALID, Reason, State, Validity, decide
from models.volume import Sequence


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
    signed_by : fingerprint of the key whose signature fits the package, 64 hexadecimal digits; "" where it has none
    """

    name: str
    version: str
    digest: str
    title: str
    notice: str
    signed_by: str = ""


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
class SurvivalRange:
    """Plausible range of recurrence-free survival at one horizon, probabilities 0 to 1."""

    horizon_months: float
    low: float
    high: float


@dataclass(frozen=True)
class PlausibleRange:
    """Range in which most scores of other contours of the tumour and other trainings of the model lie.

    Attributes
    ----------
    low, high : on the scale of the score
    source : where it comes from, a sentence for the reader of the report
    survival : by horizon; empty where it is not known
    """

    low: float
    high: float
    source: str
    survival: tuple[SurvivalRange, ...] = ()

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"The plausible range is {self.low:g} to {self.high:g}; the smaller was expected first.")

    def at(self, horizon_months: float | None) -> SurvivalRange | None:
        """The range of survival at a horizon, where it is known."""
        return next((one for one in self.survival if one.horizon_months == horizon_months), None)


@dataclass(frozen=True)
class ScoreRank:
    """Share of the training patients with a lower score, each scored by a model trained without that patient.

    Attributes
    ----------
    low, high : 0 to 1; equal, or the limits of the share where the score lies beyond what is known of theirs (`low` 0
        or `high` 1)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        is_limit = (self.low == 0.0) != (self.high == 1.0)
        if not 0 <= self.low <= self.high <= 1 or not (self.low == self.high or is_limit):
            raise ValueError(
                f"A share of {self.low:g} to {self.high:g}; one share, or from 0 or up to 1, was expected."
            )


@dataclass(frozen=True)
class GroupCurve:
    """Kaplan-Meier curve of the training patients on one side of the cut-off, by whole months.

    Attributes
    ----------
    group : by the out-of-fold score
    patients, events : number of them
    survival : at 0, 1, 2 … months; begins at 1
    at_risk_months : months at which the number at risk is known, increasing from 0
    at_risk : number of patients under observation just before each of them

    Raises
    ------
    SetupError
        When the numbers are not those of such a curve.
    """

    group: Group
    patients: int
    events: int
    survival: tuple[float, ...]
    at_risk_months: tuple[int, ...]
    at_risk: tuple[int, ...]

    def __post_init__(self) -> None:
        mistakes = []
        if not 0 <= self.events <= self.patients:
            mistakes.append(f"{counted(self.events, 'event')} of {counted(self.patients, 'patient')}")
        if self.survival[:1] != (1.0,) or not all(0 <= later <= one for one, later in pairwise(self.survival)):
            mistakes.append("a survival that does not begin at 1 and fall to no less than 0")
        months, counts = self.at_risk_months, self.at_risk
        if len(months) != len(counts) or months[:1] != (0,) or months[-1] >= len(self.survival):
            mistakes.append(f"numbers at risk {list(counts)} at months {list(months)}")
        if any(later <= one for one, later in pairwise(months)) or any(later > one for one, later in pairwise(counts)):
            mistakes.append("months that do not increase, or numbers at risk that do")
        if mistakes:
            raise SetupError(f"The curve of the group '{self.group}' has {'; '.join(mistakes)}.")


@dataclass(frozen=True)
class TrainingFacts:
    """A model's training in numbers, for the reader of a report.

    Attributes
    ----------
    data : whom it was trained on, a sentence
    patients, events : number of them; of recurrences, or of patients with high expression
    statistic : name of the measure of discrimination
    value, low, high : out of fold, with the 95 % interval
    groups : curves of the risk groups by out-of-fold scores, low before high; empty where they are not known
    hazard_ratio : of high against low risk, with the 95 % interval; None where it is not known
    """

    data: str
    patients: int
    events: int
    statistic: str
    value: float
    low: float
    high: float
    groups: tuple[GroupCurve, ...] = ()
    hazard_ratio: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class ModelOutcome:
    """Everything one model says about one patient, as far as its validity allows.

    Attributes
    ----------
    model : which model
    quantity : what its score estimates, also where there is no score
    predictions : score or probability first, then survival probabilities by horizon; empty where the state does not
        allow a score
    cut_off : on the scale of the first prediction; `> cut_off` is high
    group : side of the cut-off; None where the state does not allow it
    contributions : of all inputs, largest magnitude first; empty when the package has none, or there is no score
    provider : execution provider that ran, e.g. "CPUExecutionProvider"
    notes : doubts about this outcome (fallback to CPU, input outside the training range)
    validity : whether the answer holds, and why not
    plausible_range : of the score; None where it is not known, or there is no score
    withheld : predictions that the state does not allow; shown to nobody but a researcher who asks for them
    training : whom the model learnt from and how well; None where it is not known
    rank : place of the score among those of the training patients; None where it is not known, or there is no score
    sequences : what the model needs, in order
    horizons_months : for which the model gives survival, whether there is a score or not

    Raises
    ------
    ValueError
        When it holds what its state does not allow, or lacks what it promises.
    """

    model: ModelIdentity
    quantity: Quantity
    predictions: tuple[Prediction, ...]
    cut_off: float
    group: Group | None
    contributions: tuple[Contribution, ...]
    provider: str
    notes: tuple[QualityNote, ...] = ()
    validity: Validity = VALID
    plausible_range: PlausibleRange | None = None
    withheld: tuple[Prediction, ...] = ()
    training: TrainingFacts | None = None
    rank: ScoreRank | None = None
    sequences: tuple[Sequence, ...] = ()
    horizons_months: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        state = self.validity.state
        if (self.group is not None) != state.shows_group or bool(self.predictions) != state.shows_score:
            raise ValueError(
                f"An outcome in state {state} has group {self.group}, {counted(len(self.predictions), 'prediction')}."
            )
        if not state.shows_score and (self.contributions or self.plausible_range or self.rank):
            raise ValueError(f"An outcome in state {state} has contributions, a plausible range or a rank.")

    def held_to(self, reasons: Iterable[Reason]) -> ModelOutcome:
        """The same outcome with further reasons, and without what the state they decide does not allow."""
        validity = decide((*self.validity.reasons, *reasons))
        state = validity.state
        if state.shows_group:
            return replace(self, validity=validity)
        if state.shows_score:
            return replace(self, validity=validity, group=None)
        return replace(
            self,
            validity=validity,
            group=None,
            predictions=(),
            contributions=(),
            plausible_range=None,
            rank=None,
            withheld=self.predictions or self.withheld,
        )


@dataclass(frozen=True)
class NotApplicable:
    """A model that was not run, and why ("no T2W series was found").

    Attributes
    ----------
    is_expected : the study lacks nothing; another model answers the same question
    quantity, horizons_months : what it would have said; None and empty where that is not known
    """

    model: ModelIdentity
    reason: str
    is_expected: bool = False
    quantity: Quantity | None = None
    horizons_months: tuple[float, ...] = ()

    @property
    def validity(self) -> Validity:
        """Not asked, for the reason given."""
        code = "other-model-answers" if self.is_expected else "sequence-missing"
        sentence = f"Not applicable, because {self.reason.rstrip('.')}."
        return decide((Reason(code, State.NOT_ASKED, sentence),))
