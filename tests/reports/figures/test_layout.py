"""Every chart of odd data: texts lie inside the figure and apart from each other, all colours can be read."""

from __future__ import annotations

from itertools import combinations

import pytest

from reports.figures.chart import Chart
from reports.figures.theme import DOUBLE_MM, LIGHT, LINE_CONTRAST, SINGLE_MM, TEXT_CONTRAST, THEMES, Theme, contrast
from tests.reports.figures.drawn import DrawnText, other_charts, prediction_charts, recorded, survival_charts

CHARTS = {**survival_charts(), **prediction_charts(), **other_charts()}
_TOUCH = 0.6  # points by which boxes may cross: they hold more than the ink


def overlap(one: DrawnText, other: DrawnText) -> bool:
    (left, bottom, right, top), (left2, bottom2, right2, top2) = one.box, other.box
    across = min(right, right2) - max(left, left2)
    up = min(top, top2) - max(bottom, bottom2)
    return across > _TOUCH and up > _TOUCH


@pytest.mark.parametrize("width_mm", [SINGLE_MM, DOUBLE_MM], ids=["single", "double"])
@pytest.mark.parametrize("chart", CHARTS.values(), ids=list(CHARTS))
def test_texts_are_apart_and_inside(chart: Chart, width_mm: float) -> None:
    drawn = recorded(chart, LIGHT, width_mm)
    assert len(drawn.texts) > 4
    width, height = drawn.size
    outside = [
        one
        for one in drawn.texts
        if one.box[0] < -_TOUCH or one.box[1] < -_TOUCH or one.box[2] > width + _TOUCH or one.box[3] > height + _TOUCH
    ]
    assert not outside
    assert not [(one, other) for one, other in combinations(drawn.texts, 2) if overlap(one, other)]


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_what_is_drawn_can_be_read_in_every_theme(theme: Theme) -> None:
    for name in (
        "kaplan-meier-eight",
        "kaplan-meier-two",
        "calibration-698",
        "decision-698",
        "roc-698",
        "forest",
        "auc",
    ):
        drawn = recorded(CHARTS[name], theme, CHARTS[name].width_mm)
        assert drawn.lines, name
        assert min(contrast(one.color, theme.page) for one in drawn.texts) >= TEXT_CONTRAST, name
        assert min(contrast(color, theme.page) for color in drawn.lines) >= LINE_CONTRAST, name


def test_overlaps_are_seen() -> None:
    here, there = DrawnText("a", (0, 0, 10, 7), "#000000"), DrawnText("b", (8, 3, 20, 10), "#000000")
    assert overlap(here, there)
    assert not overlap(here, DrawnText("b", (11, 0, 20, 7), "#000000"))


def test_every_panel_has_a_legend_and_a_title() -> None:
    for name in ("kaplan-meier-two", "kaplan-meier-one", "calibration-698", "decision-698", "auc", "roc-698"):
        texts = [one.text for one in recorded(CHARTS[name], LIGHT, SINGLE_MM).texts]
        assert any(text.startswith("testing") for text in texts), name
    legend = [one.text for one in recorded(CHARTS["kaplan-meier-two"], LIGHT, SINGLE_MM).texts]
    assert {"low risk", "high risk", "At risk", "Events so far", "Censored so far"} <= set(legend)


def test_table_below_the_curves_adds_up() -> None:
    """At the last tick beyond which nobody is censored at the same time: at risk + events + censored = patients."""
    from tests.reports.figures.drawn import group

    curve = group("all", 60, months=60, seed=3).curve
    months = [0.0, 12.0, 24.0, 36.0]
    for at_risk, events, censored in zip(
        curve.numbers_at_risk(months), curve.events_by(months), curve.censored_by(months), strict=True
    ):
        assert events is not None
        assert censored is not None
        assert at_risk + events + censored == 60


def test_names_that_would_be_cut_alike_are_numbered() -> None:
    texts = [one.text for one in recorded(CHARTS["kaplan-meier-eight"], LIGHT, SINGLE_MM).texts]
    beside_table = [text for text in texts if text.startswith("8. ")]
    assert len(set(beside_table)) == 2  # in the legend, and shorter beside the table
    assert all(text.endswith("…") for text in beside_table)


def test_axis_begins_where_the_curves_are() -> None:
    high = CHARTS["kaplan-meier-no-event"]
    assert "The axis begins at 80 %." in high.caption  # where the limits of 25 patients without event are
    low = CHARTS["kaplan-meier-two"]
    assert "The axis begins" not in low.caption
    assert "0" in [one.text for one in recorded(low, LIGHT, SINGLE_MM).texts]
