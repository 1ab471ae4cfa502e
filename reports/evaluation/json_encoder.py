"""`Evaluation` → JSON for programs: every number of the reports and the curves behind the figures.

The keys are documented in `EVALUATION.md` beside this file. A number that cannot be computed is an object with a
`reason`; a point of a curve that is not known is null. There is no NaN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.overlap import TrainingOverlap
from models.evaluation.results import (
    Comparison,
    Count,
    Evaluation,
    ExpressionResult,
    HorizonResult,
    RecurrenceResult,
    RiskGroup,
)
from models.statistics.estimate import Estimate, Found
from models.statistics.kaplan_meier import LogRank, SurvivalCurve
from models.statistics.roc import RocCurve
from reports import wording
from reports.evaluation import words

SCHEMA = 1


def render_evaluation_json(evaluation: Evaluation, *, created: datetime, software: str) -> str:
    """The evaluation as one JSON document."""
    return json.dumps(as_json(evaluation, created=created, software=software), indent=1, allow_nan=False) + "\n"


def as_json(evaluation: Evaluation, *, created: datetime, software: str) -> dict[str, Any]:
    """The evaluation as JSON values."""
    model = evaluation.model
    return {
        "schema": SCHEMA,
        "notice": wording.NOTICE,
        "created": created.isoformat(timespec="seconds"),
        "software": software,
        "model": {
            "name": model.name,
            "version": model.version,
            "title": model.title,
            "digest": model.digest,
            "signed_by": model.signed_by,
            "notice": model.notice,
            "cut_off": evaluation.cut_off,
            "horizons_months": list(evaluation.horizons_months),
            "verdicts": [{"code": note.code, "sentence": note.sentence} for note in evaluation.verdicts],
        },
        "bootstrap": {"resamples": evaluation.resamples, "seed": evaluation.seed},
        "scoring": {"patients": evaluation.patients_scored, "seconds": evaluation.seconds_to_score},
        "quality_notes": [
            {"code": note.code, "severity": note.severity.value, "sentence": note.sentence} for note in evaluation.notes
        ],
        "recurrence": [_recurrence(result) for result in evaluation.recurrence],
        "krt7_as": [_expression(result) for result in evaluation.expression],
        "between_the_groups": [
            asdict(found) | {"curve": [asdict(point) for point in found.curve]} for found in evaluation.withheld
        ],
        "comparisons": [_comparison(found) for found in evaluation.comparisons],
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    """Two packages on the patients of one cohort or subgroup."""
    return {
        "other": {"name": found.other.name, "version": found.other.version, "digest": found.other.digest},
        "cohort": found.cohort,
        "subgroup": _subgroup(found.subgroup),
        "patients": found.patients,
        "events": found.events,
        "differences": [
            {
                "measure": one.measure,
                "months": one.months,
                "first": _found(one.first),
                "second": _found(one.second),
                "difference": _found(one.difference),
            }
            for one in found.differences
        ],
        "decision_curves": [
            {
                "months": one.months,
                "thresholds": _numbers(one.first.thresholds),
                "first": _numbers(one.first.model),
                "second": _numbers(one.second.model),
                "everyone": _numbers(one.first.everyone),
            }
            for one in found.decisions
        ],
    }


def _overlap(overlap: TrainingOverlap | None) -> dict[str, Any] | None:
    """Numbers of patients who were trained on; None where the package does not tell, or the numbers are hidden."""
    if overlap is None or not overlap.is_counted:
        return None
    return {"same": overlap.same, "near": overlap.near, "is_apparent": overlap.is_apparent}


def _recurrence(result: RecurrenceResult) -> dict[str, Any]:
    """All results of one cohort or subgroup for recurrence."""
    groups = result.groups
    return {
        "cohort": result.cohort,
        "subgroup": _subgroup(result.subgroup),
        "conclusions": list(words.conclusions(result)),
        "patients": result.patients,
        "events": result.events,
        "trained_on": _overlap(result.overlap),
        "follow_up_months": _found(result.follow_up),
        "harrell_c": _found(result.harrell_c),
        "uno_c": _found(result.uno_c),
        "tau_months": result.tau_months,
        "has_signal": result.has_signal,
        "calibration_slope": _found(result.calibration_slope),
        "integrated_brier": _found(result.integrated_brier),
        "integrated_brier_null": _found(result.integrated_brier_null),
        "score_quantiles": _numbers(result.scores),
        "risk_groups": {
            "high": _group(groups.high),
            "low": _group(groups.low),
            "log_rank": _log_rank(groups.log_rank),
            "hazard_ratio_high_vs_low": {"reference": "low", **_found(groups.hazard_ratio_high)},
            "hazard_ratio_low_vs_high": {"reference": "high", **_found(groups.hazard_ratio_low)},
            "wald_p": groups.p,
        },
        "horizons": [_horizon(horizon) for horizon in result.horizons],
        "auc_over_time": [{"months": point.months, "auc": _found(point.auc)} for point in result.auc_over_time],
    }


def _horizon(horizon: HorizonResult) -> dict[str, Any]:
    """The results at one horizon."""
    return {
        "months": horizon.months,
        "events": _count(horizon.events),
        "followed_beyond": _count(horizon.followed_beyond),
        "survival": _found(horizon.survival),
        "auc": _found(horizon.auc),
        "roc": _roc(horizon.roc),
        "sensitivity": _found(horizon.sensitivity),
        "specificity": _found(horizon.specificity),
        "brier": _found(horizon.brier),
        "brier_null": _found(horizon.brier_null),
        "scaled_brier": _found(horizon.scaled_brier),
        "predicted_risk": horizon.predicted_risk,
        "observed_risk": _found(horizon.observed_risk),
        "observed_to_expected": _found(horizon.observed_to_expected),
        **_calibration(horizon),
    }


def _calibration(result: HorizonResult | ExpressionResult) -> dict[str, Any]:
    """Groups, smooth curve and histogram of the predicted risks, and the decision curve."""
    curve, risks, decision = result.calibration_curve, result.risks, result.decision
    return {
        "calibration": [
            {
                "patients": group.patients,
                "events": group.events,
                "predicted": group.predicted,
                "observed": _number(group.observed),
                "low": _number(group.low),
                "high": _number(group.high),
            }
            for group in result.calibration
        ],
        "calibration_curve": None
        if curve is None
        else {
            "predicted": _numbers(curve.predicted),
            "observed": _numbers(curve.observed),
            "low": _numbers(curve.low),
            "high": _numbers(curve.high),
            "ici": curve.ici,
            "e50": curve.e50,
            "e90": curve.e90,
            "is_line": curve.is_line,
        },
        "risk_histogram": None
        if risks is None
        else {"edges": _numbers(risks.edges), "patients": risks.patients.tolist()},
        "decision_curve": None
        if decision is None
        else {
            "thresholds": _numbers(decision.thresholds),
            "model": _numbers(decision.model),
            "everyone": _numbers(decision.everyone),
            "low": _numbers(decision.low),
            "high": _numbers(decision.high),
        },
    }


def _expression(result: ExpressionResult) -> dict[str, Any]:
    """All results of one cohort or subgroup for KRT7-AS."""
    return {
        "cohort": result.cohort,
        "subgroup": _subgroup(result.subgroup),
        "conclusions": list(words.expression_conclusions(result)),
        "patients": result.patients,
        "high": result.high,
        "trained_on": _overlap(result.overlap),
        "auc": _found(result.auc),
        "roc": _roc(result.roc),
        "has_signal": result.has_signal,
        "sensitivity": _found(result.sensitivity),
        "specificity": _found(result.specificity),
        "brier": result.brier,
        "brier_null": result.brier_null,
        "predicted": result.predicted,
        "observed": _found(result.observed),
        "calibration_slope": _found(result.calibration_slope),
        **_calibration(result),
    }


def _subgroup(subgroup: tuple[str, str] | None) -> dict[str, str] | None:
    return None if subgroup is None else {"column": subgroup[0], "value": subgroup[1]}


def _found(found: Found) -> dict[str, Any]:
    if not isinstance(found, Estimate):
        return {"value": None, "low": None, "high": None, "method": None, "reason": found.reason}
    low, high = found.interval or (None, None)
    return {"value": found.value, "low": low, "high": high, "method": found.method, "reason": None}


def _group(group: RiskGroup) -> dict[str, Any]:
    return {"patients": _count(group.patients), "events": _count(group.events), "curve": _curve(group.curve)}


def _count(count: Count) -> int | str:
    """A number of patients, or the text that stands for one that is not shown."""
    return count if isinstance(count, int) else count.shown


def _curve(curve: SurvivalCurve | None) -> dict[str, Any] | None:
    """A Kaplan–Meier curve with its limits and counts; None where there is none."""
    if curve is None:
        return None
    return {
        "limits": str(curve.limits),
        "months": _numbers(curve.times_months),
        "at_risk": _counts(curve.at_risk),
        "events": _counts(curve.events),
        "censored": _counts(curve.censored),
        "survival": _numbers(curve.survival),
        "low": _numbers(curve.low),
        "high": _numbers(curve.high),
    }


def _roc(curve: RocCurve | None) -> dict[str, Any] | None:
    if curve is None:
        return None
    return {
        "thresholds": _numbers(curve.thresholds),
        "false_positive": _numbers(curve.false_positive),
        "true_positive": _numbers(curve.true_positive),
        "low": _numbers(curve.low),
        "high": _numbers(curve.high),
    }


def _log_rank(test: LogRank | None) -> dict[str, Any] | None:
    return None if test is None else {"chi_square": test.chi_square, "degrees": test.degrees, "p": test.p}


def _counts(values: NDArray[np.float64]) -> list[int | None]:
    return [None if math.isnan(value) else int(value) for value in values]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: NDArray[Any] | Sequence[float]) -> list[float | None]:
    return [_number(float(value)) for value in values]
