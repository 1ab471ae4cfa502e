"""Flow of patients and the search for a cut-off: text inside its box, nothing at the edge, readable in grey."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from models.statistics.cutpoint import select_cut_off
from reports.figures.chart import Chart
from reports.figures.cut_off import cut_off_chart
from reports.figures.encode import png, svg
from reports.figures.flow import Box, Branch, Stage, flow_chart
from reports.figures.theme import GREYSCALE, LIGHT, Theme

LONG = "A reason in many words, as a site may write it, that needs more than a line of its box"


def made_flow(branches: int = 3) -> Chart:
    stages = [
        Stage(Box("Recruited, n = 1,186"), Box("Left out, n = 73", (f"{LONG}: 55", "No MRI before surgery: 18"))),
        Stage(Box("With MRI features, n = 1,113"), Box("Left out, n = 12", ("Not in scores.csv: 12",))),
        Stage(Box("Analysed, n = 1,101")),
    ]
    parts = (Box("High risk", ("n = 70", "49 events")), Box("Low risk", ("n = 628", "5 events")))
    cohorts = [
        Branch(Box(f"Cohort {LONG if place == 1 else place}, n = 698", ("54 events",)), parts)
        for place in range(branches)
    ]
    return flow_chart("flow", caption="Caption.", alternative="Words.", stages=stages, branches=cohorts)


def made_cut_off(used: float = 0.4) -> Chart:
    rng = np.random.default_rng(1)
    score = rng.normal(size=200)
    times = rng.exponential(np.exp(-score))
    found = select_cut_off(times, np.ones(200), score)
    return cut_off_chart(found, name="cut-off", caption="Caption.", alternative="Words.", used=used)


@pytest.mark.parametrize("theme", [LIGHT, GREYSCALE], ids=["light", "greyscale"])
@pytest.mark.parametrize("make", [made_flow, lambda: made_flow(7), lambda: made_flow(0), made_cut_off])
def test_nothing_touches_the_edge_of_the_figure(make: Callable[[], Chart], theme: Theme) -> None:
    picture = np.asarray(Image.open(io.BytesIO(png(make(), theme, dpi=100))).convert("RGB")).astype(int)
    page = picture[0, 0]
    assert np.abs(picture - page).max() > 60
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert np.abs(edge - page).max() <= 8


@pytest.mark.parametrize("branches", [1, 3, 4, 7])
def test_every_line_is_inside_one_box_and_boxes_do_not_overlap(branches: int) -> None:
    figure = made_flow(branches).figure()
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [patch.get_bbox() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(boxes) == 5 + 3 * branches
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            assert (
                min(one.x1, other.x1) <= max(one.x0, other.x0) + 1e-6
                or min(one.y1, other.y1) <= max(one.y0, other.y0) + 1e-6
            )
    inverse = axes.transData.inverted()
    for text in axes.texts:
        extent = text.get_window_extent().transformed(inverse)
        around = [
            box
            for box in boxes
            if box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0 and extent.y1 <= box.y1
        ]
        assert len(around) == 1, text.get_text()


def test_the_cut_off_in_use_is_named_also_where_it_is_outside() -> None:
    inside, outside = svg(made_cut_off(0.4)).decode(), svg(made_cut_off(25.0)).decode()
    assert "in use: 0.4<" in inside
    assert "in use: 25 (outside)" in outside
    assert "Words." in inside
