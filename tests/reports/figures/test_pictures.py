"""The main charts look as they did: small grey pictures, compared with a tolerance for fonts and antialiasing.

After a change that is meant, look at the charts and run `python -m tests.reports.figures.test_pictures`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from reports.figures import encode
from reports.figures.chart import Chart
from reports.figures.theme import GREYSCALE
from tests.reports.figures.drawn import other_charts, prediction_charts, survival_charts

FOLDER = Path(__file__).parent / "pictures"
MAIN = ("kaplan-meier-two", "calibration-698", "decision-698", "roc-698", "forest", "forest-ratio", "auc")
_TOLERANCE = 6.0  # of 255, root mean square of the blurred difference
_LEAST = 10.0  # what another picture differs by


def charts() -> dict[str, Chart]:
    """The main charts by name."""
    found = {**survival_charts(), **prediction_charts(), **other_charts()}
    return {name: found[name] for name in MAIN}


def picture(chart: Chart) -> Image.Image:
    """The chart in grey, small."""
    with Image.open(io.BytesIO(encode.png(chart, GREYSCALE, dpi=72))) as image:
        return image.convert("L")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Root mean square difference of two pictures after a blur that forgives a shift of a pixel."""
    blurred = [np.asarray(image.filter(ImageFilter.GaussianBlur(2.0)), dtype=np.float64) for image in (one, other)]
    return float(np.sqrt(np.mean((blurred[0] - blurred[1]) ** 2)))


@pytest.mark.parametrize(("name", "chart"), charts().items(), ids=MAIN)
def test_chart_looks_as_it_did(name: str, chart: Chart) -> None:
    found = picture(chart)
    with Image.open(FOLDER / f"{name}.png") as kept:
        assert abs(found.width - kept.width) <= 1
        assert abs(found.height - kept.height) <= 2
        assert difference(found, kept.resize(found.size)) < _TOLERANCE


def test_another_picture_is_seen() -> None:
    with Image.open(FOLDER / "kaplan-meier-two.png") as kept, Image.open(FOLDER / "roc-698.png") as other:
        assert difference(kept.convert("L"), other.convert("L").resize(kept.size)) > _LEAST
        shifted = Image.fromarray(np.roll(np.asarray(kept), 12, axis=0))
        assert difference(kept, shifted) > _LEAST


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, chart in charts().items():
        picture(chart).save(FOLDER / f"{name}.png", optimize=True)
