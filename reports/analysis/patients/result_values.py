"""Every number of the analysis of patients as values of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from models.patients.added_value import AddedValue
from models.patients.analyse import PatientAnalysis, PatientSet
from models.patients.differential import DifferentialFeatures
from models.statistics.estimate import Estimate, Found, NotEstimable


def patient_result(analysis: PatientAnalysis) -> Mapping[str, Any]:
    """The result; features are in their CSV file, here is how many differ."""
    study = analysis.study
    tables = {"by_cohort": analysis.by_cohort, "by_analysis": analysis.by_analysis}
    return {
        "score": {
            "source": study.score_source,
            "notice": study.notice,
            "cut_off": study.cut_off,
            "cut_off_rule": study.rule,
            "training_cohort": study.training,
            "reference_cohort": study.reference,
        },
        "settings": asdict(analysis.settings),
        "flow": asdict(study.flow),
        "characteristics": {
            **{name: None if table is None else asdict(table) for name, table in tables.items()},
            "by_risk_group": [asdict(table) for table in analysis.by_risk],
        },
        "sets": [_set(one) for one in analysis.sets],
        "features": _features(analysis.features),
        "cut_off_search": None
        if study.selected is None
        else {
            "cohort": study.reference,
            "cut_off": study.selected.cut_off,
            "statistic": study.selected.statistic,
            "p_lausen94": study.selected.p_lausen94,
            "is_at_edge": study.selected.is_at_edge,
            "low_patients": study.selected.low_patients,
            "high_patients": study.selected.high_patients,
            "candidates": study.selected.candidates,
            "statistics": study.selected.statistics,
        },
        "columns_not_described": analysis.unread,
        "quality_notes": [
            {"code": note.code, "severity": note.severity, "sentence": note.sentence} for note in analysis.notes
        ],
    }


def found_json(found: Found) -> Mapping[str, Any]:
    """An estimate with its limits and method, or why there is none."""
    if isinstance(found, NotEstimable):
        return {"not_estimable": found.reason}
    low, high = found.interval or (None, None)
    return {"value": found.value, "low": low, "high": high, "method": found.method}


def _set(one: PatientSet) -> Mapping[str, Any]:
    forest = one.forest
    return {
        "name": one.name,
        "cohorts": one.cohorts,
        "is_training": one.is_training,
        "patients": one.patients,
        "events": one.events,
        "follow_up": asdict(one.follow_up),
        "rfs_36_months": found_json(one.survival),
        "added_value": _added(one.added),
        "subgroups": {
            "score_deviation": forest.score_deviation,
            "rows": [_with_estimates(asdict(row), row) for row in forest.rows],
            "interactions": [asdict(row) for row in forest.interactions],
            "interaction_tests": asdict(forest.hits),
        },
    }


def _added(added: AddedValue | NotEstimable) -> Mapping[str, Any]:
    if isinstance(added, NotEstimable):
        return {"not_estimable": added.reason}
    return {
        **asdict(added),
        "events_per_parameter": added.events_per_parameter,
        "difference": found_json(added.difference),
        "coefficients": [_with_estimates(asdict(row), row) for row in added.coefficients],
    }


def _with_estimates(values: dict[str, Any], row: object) -> Mapping[str, Any]:
    """The fields of a row with its estimates in their own form."""
    return {
        name: found_json(found) if isinstance(found := getattr(row, name), Estimate | NotEstimable) else value
        for name, value in values.items()
    }


def _features(found: DifferentialFeatures | NotEstimable) -> Mapping[str, Any]:
    if isinstance(found, NotEstimable):
        return {"not_estimable": found.reason}
    return {
        "high": found.high,
        "low": found.low,
        "scale": found.scale,
        "prior_degrees": found.prior_degrees,
        "moderated": asdict(found.moderated),
        "student": asdict(found.student),
        "disagreements": found.disagreements,
        "constant": found.constant,
        "incomplete": found.incomplete,
    }
