"""Charts drawn on a page of reportlab: the same picture as matplotlib's own, rotated and wide text, bitmaps."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from pypdf import PdfReader

from reports.figures import encode, panel
from reports.figures.chart import Chart
from reports.figures.theme import GREYSCALE, LIGHT, SINGLE_MM, Theme
from reports.fonts import WIDE_FILES
from tests.reports.figures.drawn import prediction_charts, survival_charts
from tests.reports.figures.test_pictures import difference

PDFTOPPM = shutil.which("pdftoppm")


@pytest.mark.peers
@pytest.mark.skipif(PDFTOPPM is None, reason="pdftoppm (poppler-utils) is not installed")
@pytest.mark.parametrize("name", ["kaplan-meier-two", "calibration-698", "roc-698"])
def test_pdf_looks_like_the_png(name: str, tmp_path: Path) -> None:
    chart = {**survival_charts(), **prediction_charts()}[name]
    (tmp_path / "chart.pdf").write_bytes(encode.pdf(chart, GREYSCALE))
    command = [str(PDFTOPPM), "-r", "72", "-png", "-singlefile", str(tmp_path / "chart.pdf"), str(tmp_path / "chart")]
    subprocess.run(command, check=True, timeout=60)
    with (
        Image.open(tmp_path / "chart.png") as drawn,
        Image.open(io.BytesIO(encode.png(chart, GREYSCALE, dpi=72))) as other,
    ):
        assert difference(drawn.convert("L"), other.convert("L").resize(drawn.size)) < 8.0


def heatmap(theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 100)
    axes = panel.add_axes(figure, theme, x_label="patients", y_label="管腔 A 型")
    axes.imshow(np.arange(12.0).reshape(3, 4), cmap="Greys", aspect="auto", interpolation="nearest")
    panel.fit(axes)
    return figure


@pytest.mark.skipif(not any(Path(file).is_file() for file in WIDE_FILES), reason="no font for Chinese is installed")
def test_bitmaps_and_wide_characters() -> None:
    chart = Chart("heatmap", "A heatmap.", "Numbers.", SINGLE_MM, heatmap)
    (page,) = PdfReader(io.BytesIO(encode.pdf(chart))).pages
    assert "管腔A型" in "".join(page.extract_text().split())
    (image,) = page.images
    shades = np.asarray(image.image.convert("L"), dtype=int)
    assert shades[2, 2] > shades[2, -3] > shades[-3, 2] > shades[-3, -3]  # the first row is above
    assert LIGHT.page in encode.svg(chart).decode()
