"""Charts of features: inside their edges, readable with many rows and with few, and in grey. Kind: mechanics."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from models.statistics.clustering import cluster
from reports.figures.chance import ChanceRow, chance
from reports.figures.chart import Chart
from reports.figures.encode import pdf, png, svg
from reports.figures.heatmap import Track, category_color, heatmap, risk_track
from reports.figures.matrices import Matrix, matrices
from reports.figures.slopes import SlopePanel, slopes
from reports.figures.theme import GREYSCALE, LIGHT, Theme
from reports.figures.upset import UpSetColumn, upset
from reports.figures.volcano import VolcanoPoints, volcano

RNG = np.random.default_rng(0)
GROUP = np.arange(40) < 22
LONG = "T1+C, tumour, wavelet LLH, GLCM normalised inverse difference of a very long name number"


def made_heatmap(rows: int = 12) -> Chart:
    tracks = [
        Track("Response", tuple(np.where(GROUP, "responder", "non-responder").tolist())),
        Track("RECIST", tuple(RNG.choice(["CR", "PR", "SD", "PD", ""], size=40).tolist())),
    ]
    values = RNG.normal(size=(rows, 40)) + 2 * GROUP
    labels = [f"{LONG} {number}" for number in range(rows)]
    return heatmap(f"heatmap-{rows}", cluster(values), labels, tracks, caption="Caption.", alternative="Words.")


def made_volcano() -> Chart:
    p = RNG.uniform(size=200) ** 3
    points = VolcanoPoints(RNG.normal(size=200), p, np.minimum(1, 20 * p), [f"{LONG} {n}" for n in range(200)])
    return volcano(
        "volcano", points, effect="responders − others, SD", alpha=0.05, caption="Caption.", alternative="W."
    )


def made_upset() -> Chart:
    columns = [UpSetColumn((0, 1), 40, 38.0), UpSetColumn((2,), 12, 30.0), UpSetColumn((0, 1, 2), 0, 2.0)]
    lists = [("before: responders vs not", 90), ("after", 80), ("change", 12)]
    return upset("upset", lists, columns, caption="Caption.", alternative="Words.")


def made_matrices() -> Chart:
    cells = np.corrcoef(RNG.normal(size=(30, 20)))
    row = (Matrix("Responders, before", cells), Matrix("Responders, after", cells), Matrix("After − before", 0 * cells))
    return matrices("matrices", [row, row], caption="Caption.", alternative="Words.")


def made_slopes() -> Chart:
    panels = [
        SlopePanel(f"{LONG} {n}", "P = 0.031", RNG.normal(size=40) * 10.0**n, RNG.normal(size=40) * 10.0**n, GROUP)
        for n in (-3, 0, 2, 6)
    ]
    return slopes("slopes", panels, ("responders", "non-responders"), caption="Caption.", alternative="Words.")


def made_chance() -> Chart:
    rows = [ChanceRow(f"list {n}", 30 * n, 50.0, RNG.poisson(50, size=99), "P = 0.031") for n in range(4)]
    return chance("chance", rows, caption="Caption.", alternative="Words.")


CHARTS = (made_heatmap, made_volcano, made_upset, made_matrices, made_slopes, made_chance)


@pytest.mark.parametrize("theme", [LIGHT, GREYSCALE], ids=["light", "greyscale"])
@pytest.mark.parametrize("make", CHARTS)
def test_nothing_touches_the_edge_of_the_figure(make: Callable[[], Chart], theme: Theme) -> None:
    """A text that is cut leaves ink in the outermost pixels."""
    chart = make()
    picture = np.asarray(Image.open(io.BytesIO(png(chart, theme, dpi=100))).convert("RGB")).astype(int)
    page = picture[0, 0]
    assert np.abs(picture - page).max() > 60  # something is drawn
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert np.abs(edge - page).max() <= 8


@pytest.mark.parametrize("make", CHARTS)
def test_text_stays_text_and_the_bytes_stay_the_same(make: Callable[[], Chart]) -> None:
    chart = make()
    text = svg(chart).decode()
    assert "<text" in text
    assert svg(chart) == text.encode()
    assert pdf(chart).startswith(b"%PDF")
    assert chart.alternative in text


def labels_in(chart: Chart) -> list[str]:
    return re.findall(r">\s*(T1\+C[^<]*)</text>", svg(chart).decode())


def test_rows_have_labels_while_they_can_be_read() -> None:
    few, many, crowd = made_heatmap(8), made_heatmap(60), made_heatmap(400)
    assert len(labels_in(few)) == 8
    assert len(labels_in(many)) == 60
    assert labels_in(crowd) == []
    assert few.size()[1] < many.size()[1]
    assert crowd.size()[1] < 500  # points: it fits a page
    assert all("…" in label for label in labels_in(few))  # cut, not overlapping


def test_the_body_of_a_heatmap_is_one_picture_of_its_cells() -> None:
    text = svg(made_heatmap(400)).decode()
    pictures = re.findall(r"<image[^>]*data:image/png;base64,", text)
    assert 1 <= len(pictures) <= 2  # body and colour bar
    assert text.count("<path") < 400  # no path for each cell or leaf


def test_neighbouring_categories_differ_in_lightness() -> None:
    def grey(color: str) -> float:
        red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    for place in range(5):
        assert abs(grey(category_color(LIGHT, place)) - grey(category_color(LIGHT, place + 1))) > 25


def test_a_risk_group_has_the_hue_that_it_has_in_every_other_figure() -> None:
    """Alphabetically "high" would come first, and be blue beside curves in which blue is the low risk."""
    chart = heatmap(
        "risk",
        cluster(RNG.normal(size=(4, 40))),
        ["a", "b", "c", "d"],
        [risk_track(GROUP.tolist())],
        caption="Caption.",
        alternative="Words.",
    )
    text = svg(chart).decode()
    shown = re.findall(r">(Risk: \w+)<", text)
    assert shown == ["Risk: low", "Risk: high"]
    assert risk_track([True, False]).categories == ("high", "low")
    assert LIGHT.low[:5] == category_color(LIGHT, 0)[:5]


def test_the_scale_rises_in_lightness() -> None:
    from matplotlib import colormaps

    from reports.figures.heatmap import SCALE

    lightness = colormaps[SCALE](np.linspace(0, 1, 30))[:, :3] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0).all()


def test_the_least_p_are_numbered_and_named() -> None:
    text = svg(made_volcano()).decode()
    named = re.findall(r">(\d)\s+T1\+C", text)
    assert named == list("123456")
