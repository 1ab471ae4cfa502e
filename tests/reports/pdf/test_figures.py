"""Content of the pictures, before they are drawn."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from models.volume import Sequence
from reports.content import KeyImage
from reports.pdf import theme
from reports.pdf.charts import CutOffStrip
from reports.section_view import enlarged_view, outlines, whole_view, windowed


def _image(*, rows: int = 60, columns: int = 100, spacing: tuple[float, float] = (2.0, 0.5)) -> KeyImage:
    tumour = np.zeros((rows, columns), dtype=bool)
    tumour[28:33, 40:60] = True
    return KeyImage(
        sequence=Sequence.T1C,
        pixels=np.arange(rows * columns, dtype=np.float32).reshape(rows, columns),
        tumour=tumour,
        shell=np.zeros_like(tumour),
        pixel_spacing_mm=spacing,
        slice_index=0,
        edges=("R", "L", "A", "P"),
        caption="T1+C",
    )


def test_the_whole_view_holds_the_slice_at_its_true_proportions() -> None:
    view = whole_view(_image())  # 120 mm high, 50 mm wide
    assert view.side_mm == 120
    assert (view.rows, view.columns) == (60, 240)
    assert (view.top, view.left) == (0, -70)  # (240 − 100) / 2 columns of nothing on each side


def test_the_enlarged_view_is_centred_on_the_tumour() -> None:
    image = _image()
    view = enlarged_view(image)
    assert view.side_mm == 60
    # Rows 28 to 32 and columns 40 to 59, edges included: centres at 30.5 and 50 from the upper left corner.
    assert view.top + view.rows / 2 == pytest.approx(30.5)
    assert view.left + view.columns / 2 == pytest.approx(50)


def test_the_enlarged_view_is_never_larger_than_the_slice() -> None:
    image = _image(rows=20, columns=20, spacing=(1.0, 1.0))
    image.tumour[5:15, 5:15] = True
    assert enlarged_view(image).side_mm == whole_view(image).side_mm == 20


def test_outlines_are_closed_and_lie_on_the_border_of_the_mask() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    mask[0:3, 2:5] = True  # touches the edge of the image
    mask[5, 7] = True
    lines = outlines(mask)
    assert len(lines) == 2
    for line in lines:
        np.testing.assert_array_equal(line[0], line[-1])
    large = max(lines, key=len)
    # Half-way between a pixel inside and a pixel outside: half a pixel around the rows 0–2 and the columns 2–4.
    assert (large.min(axis=0) == (-0.5, 1.5)).all()
    assert (large.max(axis=0) == (2.5, 4.5)).all()


def test_outlines_of_a_region_with_a_hole_are_two() -> None:
    mask = np.ones((7, 7), dtype=bool)
    mask[3, 3] = False
    assert len(outlines(mask)) == 2
    assert outlines(np.zeros((4, 4), dtype=bool)) == []


def test_grey_levels_run_from_black_to_white() -> None:
    grey = windowed(np.linspace(-50, 900, 10_000, dtype=np.float32).reshape(100, 100))
    assert grey.dtype == np.uint8
    assert (grey.min(), grey.max()) == (0, 255)
    assert (np.diff(grey.ravel().astype(int)) >= 0).all()
    assert not windowed(np.full((4, 4), 7, dtype=np.float32)).any()


@pytest.mark.parametrize("value", [-40.0, 0.0, 1.1, 1.1000001, 3.0, 40.0])
def test_the_marker_of_a_strip_stays_on_it(value: float) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, initialFontName=theme.styles().body.fontName, invariant=1, pageCompression=0)
    strip = CutOffStrip(
        value=value,
        cut_off=1.1,
        limits=(0.1, 2.1),
        value_shown="score",
        cut_off_shown="cut-off",
        below="low",
        above="high",
        width=200,
    )
    strip.wrapOn(canvas, 500, 500)
    strip.drawOn(canvas, 100, 400)
    canvas.save()
    places: list[float] = []
    PdfReader(buffer).pages[0].extract_text(
        visitor_text=lambda text, _cm, tm, _font, _size: places.append(tm[4]) if text.strip() else None
    )
    assert len(places) == 4
    assert all(0 <= x <= 200 for x in places)
