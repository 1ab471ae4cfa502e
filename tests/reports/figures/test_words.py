"""The text for a reader who cannot see a figure has the numbers that are drawn."""

from __future__ import annotations

import re

import numpy as np
import pytest

from models.statistics.calibration import calibration_groups
from models.statistics.decision_curve import decision_curve
from models.statistics.estimate import Estimate
from models.statistics.smooth_calibration import risk_histogram, smooth_calibration_at
from reports.figures.calibration import calibration_chart
from reports.figures.decision_curve import decision_curve_chart
from reports.figures.kaplan_meier import kaplan_meier_chart
from reports.figures.roc import AucLine, auc_over_time_chart
from reports.figures.theme import LIGHT, SINGLE_MM
from tests.reports.figures.drawn import group, patients, recorded


def numbers(text: str) -> list[float]:
    return [float(one.replace("−", "-")) for one in re.findall(r"−?\d+(?:\.\d+)?", text)]


def test_survival() -> None:
    curve = group("all", 80, months=90, seed=3)
    chart = kaplan_meier_chart([curve], name="a", caption="Cap.", months=[12, 36, 500])
    first, second, third = chart.alternative.split(" months")[:3]
    for month, sentence in ((12, first), (36, second)):
        value, low, high = (100 * one for one in curve.curve.at(month))
        assert numbers(sentence)[-4:] == pytest.approx([value, low, high, month], abs=0.05)
    assert "not known at 500" in third
    # The drawn line goes through the same numbers.
    axes = chart.figure(LIGHT, SINGLE_MM).axes[0]
    times, survival = (np.asarray(one, dtype=float) for one in axes.lines[0].get_data())
    drawn = survival[np.searchsorted(times, 36, side="right") - 1]
    assert 100 * drawn == pytest.approx(numbers(second)[-4], abs=0.05)


def test_calibration() -> None:
    followed, risk = patients(698, months=400.0)
    groups, curve = calibration_groups(followed, 36, risk), smooth_calibration_at(followed, 36, risk)
    assert curve is not None
    chart = calibration_chart(groups, curve, risk_histogram(risk), name="a", what="risk at 36 months")
    found = numbers(chart.alternative.split(": ", 1)[1].split(";")[2])
    third = groups[2]
    assert found == pytest.approx(
        [100 * one for one in (third.predicted, third.observed, third.low, third.high)], abs=0.06
    )
    line = next(one.text for one in recorded(chart, LIGHT, SINGLE_MM).texts if one.text.startswith("ICI"))
    assert line in chart.alternative
    assert numbers(line)[0] == pytest.approx(100 * curve.ici, abs=0.06)


def test_decision() -> None:
    followed, risk = patients(171, months=400.0)
    samples = followed.resampled(resamples=50, seed=1)
    curve = decision_curve(followed, 36, risk, np.linspace(0, 0.4, 41), samples)
    chart = decision_curve_chart([("act by the model", curve)], name="a", what="risk at 36 months")
    found = numbers(chart.alternative.split(";")[1])
    expected = [20, curve.model[20], curve.low[20], curve.high[20], curve.everyone[20], 0]
    assert found == pytest.approx(expected, abs=6e-5)
    x, y = chart.figure().axes[0].lines[2].get_data()
    assert np.interp(20.0, np.asarray(x, float), np.asarray(y, float)) == pytest.approx(curve.model[20])


def test_auc_over_time() -> None:
    line = AucLine("score", (12.0, 24.0), (Estimate(0.81, (0.7, 0.9), ""), Estimate(0.77, None, "")))
    chart = auc_over_time_chart([line], name="a")
    assert "0.81 (0.70–0.90) at 12 months, 0.77 at 24 months" in chart.alternative
