"""Types of the results of an evaluation. Every number has an interval or says why it has none."""

from __future__ import annotations

from dataclasses import dataclass

from models.evaluation.overlap import TrainedOn, TrainingOverlap
from models.evaluation.withheld import WithheldGroups
from models.inference.outcome import ModelIdentity
from models.quality_notes import QualityNote
from models.statistics.calibration import CalibrationGroup
from models.statistics.decision_curve import DecisionCurve
from models.statistics.estimate import Found
from models.statistics.kaplan_meier import LogRank, SurvivalCurve
from models.statistics.roc import RocCurve
from models.statistics.smooth_calibration import CalibrationCurve, RiskHistogram


@dataclass(frozen=True)
class HiddenCount:
    """A number of patients that is not shown, and what is printed in its place: "<5"."""

    shown: str

    def __str__(self) -> str:
        return self.shown


Count = int | HiddenCount


@dataclass(frozen=True, eq=False)
class HorizonResult:
    """Performance of predictions of recurrence by one time.

    Attributes
    ----------
    months : the time
    events : recurrences up to it
    followed_beyond : patients without recurrence whose follow-up goes beyond it
    survival : Kaplan-Meier estimate for all patients
    auc : cumulative/dynamic, inverse-probability-of-censoring weighted
    roc : None where there is no case or no control
    sensitivity, specificity : at the frozen cut-off (high is above it)
    brier, brier_null : of the model, and of the Kaplan-Meier estimate for everyone
    scaled_brier : 1 - brier / brier_null; 0 is no better than no model
    predicted_risk : mean over the patients
    observed_risk : 1 - survival
    observed_to_expected : observed over predicted risk; 1 is right
    calibration : patients in groups of similar predicted risk
    calibration_curve : without groups; None with too few events
    risks : patients by predicted risk; None where they are not shown
    decision : net benefit by threshold; None where it cannot be computed
    """

    months: float
    events: Count
    followed_beyond: Count
    survival: Found
    auc: Found
    roc: RocCurve | None
    sensitivity: Found
    specificity: Found
    brier: Found
    brier_null: Found
    scaled_brier: Found
    predicted_risk: float
    observed_risk: Found
    observed_to_expected: Found
    calibration: tuple[CalibrationGroup, ...]
    decision: DecisionCurve | None
    calibration_curve: CalibrationCurve | None = None
    risks: RiskHistogram | None = None


@dataclass(frozen=True)
class AucAtTime:
    """The AUC of recurrence by a time, in months."""

    months: float
    auc: Found


@dataclass(frozen=True, eq=False)
class RiskGroup:
    """The patients on one side of the cut-off; the curve is None where there is no patient, or too few are shown."""

    patients: Count
    events: Count
    curve: SurvivalCurve | None


@dataclass(frozen=True, eq=False)
class RiskGroups:
    """High against low risk at the frozen cut-off.

    Attributes
    ----------
    high, low : the groups
    log_rank : None where a group is empty or there is no event
    hazard_ratio_high : high against low risk (reference: low)
    hazard_ratio_low : low against high risk (reference: high), as the paper prints it
    p : of Wald's test; None where the ratio does not exist
    """

    high: RiskGroup
    low: RiskGroup
    log_rank: LogRank | None
    hazard_ratio_high: Found
    hazard_ratio_low: Found
    p: float | None


@dataclass(frozen=True, eq=False)
class RecurrenceResult:
    """A recurrence model on some patients.

    Attributes
    ----------
    cohort : name of the cohort
    subgroup : (column, value) of a clinical column, None for the whole cohort
    patients, events : numbers
    follow_up : median, by the reverse Kaplan-Meier method, in months
    harrell_c, uno_c : concordance; `uno_c` up to `tau_months`
    has_signal : the interval of Harrell's C lies above .5; None with too few events to tell
    calibration_slope : of the score; 1 is right
    integrated_brier, integrated_brier_null : mean over time up to `tau_months`, of the model and of Kaplan-Meier
    groups : high against low risk
    horizons : by time
    scores : (0, 5, 25, 50, 75, 95, 100 %) quantiles of the score
    auc_over_time : at times with enough events and patients, by time
    overlap : who of them the model was trained on; None where the package does not tell
    """

    cohort: str
    subgroup: tuple[str, str] | None
    patients: int
    events: int
    follow_up: Found
    harrell_c: Found
    uno_c: Found
    tau_months: float
    has_signal: bool | None
    calibration_slope: Found
    integrated_brier: Found
    integrated_brier_null: Found
    groups: RiskGroups
    horizons: tuple[HorizonResult, ...]
    scores: tuple[float, ...]
    auc_over_time: tuple[AucAtTime, ...] = ()
    overlap: TrainingOverlap | None = None


@dataclass(frozen=True, eq=False)
class ExpressionResult:
    """A KRT7-AS model on some patients; `high` is the outcome.

    Attributes
    ----------
    cohort, subgroup, patients : as in `RecurrenceResult`
    high : patients with high expression
    auc : with the smoothed Wilson interval
    roc : None where one of the outcomes is missing
    has_signal : the interval of the AUC lies above .5; None with too few patients of either kind to tell
    sensitivity, specificity : at the frozen cut-off
    brier, brier_null : of the model, and of the share of high expression for everyone
    predicted, observed : mean probability, and share of high expression
    calibration_slope : logistic regression on the logit of the probability; 1 is right
    calibration, calibration_curve, risks, decision : as in `HorizonResult`
    overlap : as in `RecurrenceResult`
    """

    cohort: str
    subgroup: tuple[str, str] | None
    patients: int
    high: int
    auc: Found
    roc: RocCurve | None
    has_signal: bool | None
    sensitivity: Found
    specificity: Found
    brier: float
    brier_null: float
    predicted: float
    observed: Found
    calibration_slope: Found
    calibration: tuple[CalibrationGroup, ...] = ()
    calibration_curve: CalibrationCurve | None = None
    risks: RiskHistogram | None = None
    decision: DecisionCurve | None = None
    overlap: TrainingOverlap | None = None


@dataclass(frozen=True)
class Difference:
    """One measure of two packages on the same patients.

    Attributes
    ----------
    measure : "harrell_c", "auc", "integrated_brier"
    months : its horizon; None where it has none
    first, second : of the package that is evaluated, and of the other
    difference : first less second
    """

    measure: str
    months: float | None
    first: Found
    second: Found
    difference: Found


@dataclass(frozen=True, eq=False)
class ComparedCurves:
    """Decision curves of both packages at one horizon; `months` is None for an outcome without time."""

    months: float | None
    first: DecisionCurve
    second: DecisionCurve


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two packages on one cohort or subgroup: the patients that both can score.

    Attributes
    ----------
    other : the package that is compared with
    cohort, subgroup : as in a result
    patients, events : that both score; events are patients with high expression for KRT7-AS
    differences : of every measure
    decisions : where there are both curves
    """

    other: ModelIdentity
    cohort: str
    subgroup: tuple[str, str] | None
    patients: int
    events: int
    differences: tuple[Difference, ...]
    decisions: tuple[ComparedCurves, ...] = ()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model on the cohorts of a table.

    Attributes
    ----------
    model : which model
    cut_off : frozen, of the package; above it is high
    horizons_months : requested
    resamples, seed : of the bootstrap
    seconds_to_score, patients_scored : how long the model took
    recurrence, expression : one result for each cohort and subgroup, a cohort before its subgroups; one is empty
    notes : doubts about the cohort and about what was scored
    withheld : what the borderline rule withholds, by cohort; empty for a package without refits
    verdicts : what the package says against itself
    trained_on : the patients whom the model was trained on
    comparisons : with other packages on the same patients, one for each of them, cohort and subgroup
    """

    model: ModelIdentity
    cut_off: float
    horizons_months: tuple[float, ...]
    resamples: int
    seed: int
    seconds_to_score: float
    patients_scored: int
    recurrence: tuple[RecurrenceResult, ...]
    expression: tuple[ExpressionResult, ...]
    notes: tuple[QualityNote, ...]
    withheld: tuple[WithheldGroups, ...] = ()
    verdicts: tuple[QualityNote, ...] = ()
    trained_on: tuple[TrainedOn, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
