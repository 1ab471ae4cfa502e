"""Encodings of a chart: size in millimetres, text as text, embedded fonts, the same bytes, colours that follow."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from PIL import Image
from pypdf import PdfReader

from reports.figures import encode, panel
from reports.figures.chart import Chart, file_name
from reports.figures.theme import DARK, DOUBLE_MM, LIGHT, SINGLE_MM, THEMES, Theme

WORDS = "HER2 <3 & “$x$”"


def draw(theme: Theme, width_mm: float) -> Figure:
    figure = panel.new_figure(theme, width_mm, 120)
    entry = panel.Entry(WORDS, theme.low, has_band=True)
    above = panel.head(figure, theme, title="A title", entries=[entry], notes=["a note"])
    axes = panel.add_axes(figure, theme, x_label="months", y_label="share")
    axes.plot([0, 1], [0, 1], color=theme.low)
    axes.fill_between([0, 1], [0, 0.9], [0.1, 1], **theme.band(theme.low))
    panel.fit(axes, above=above)
    return figure


def chart(name: str = "test") -> Chart:
    return Chart(name, "A caption", 'Low "risk" <3: 97 %', SINGLE_MM, draw)


@pytest.mark.parametrize("width_mm", [SINGLE_MM, DOUBLE_MM])
def test_every_encoding_has_the_width_asked_for(width_mm: float) -> None:
    made = chart()
    root = ElementTree.fromstring(encode.svg(made, width_mm=width_mm))
    assert root.attrib["width"] == f"{width_mm:g}mm"
    (page,) = PdfReader(io.BytesIO(encode.pdf(made, width_mm=width_mm))).pages
    assert float(page.mediabox.width) == pytest.approx(width_mm * 72 / 25.4, abs=0.1)
    with Image.open(io.BytesIO(encode.png(made, width_mm=width_mm, dpi=254))) as picture:
        assert picture.width == pytest.approx(10 * width_mm, abs=1)


def test_text_stays_text_in_svg() -> None:
    root = ElementTree.fromstring(encode.svg(chart()))
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert WORDS in texts
    assert root.find("{http://www.w3.org/2000/svg}title").text == "A caption"  # type: ignore[union-attr]
    assert root.find("{http://www.w3.org/2000/svg}desc").text == chart().alternative  # type: ignore[union-attr]
    assert "Verdana" in encode.FONT_STACK
    assert all(
        found == encode.FONT_STACK for found in re.findall("font-family: ([^;]+);", encode.svg(chart()).decode())
    )


def test_fonts_of_the_pdf_are_embedded_and_its_text_can_be_searched() -> None:
    (page,) = PdfReader(io.BytesIO(encode.pdf(chart()))).pages
    assert WORDS in page.extract_text()
    fonts = page["/Resources"]["/Font"]  # type: ignore[index]
    assert fonts
    for reference in fonts.values():
        font = reference.get_object()
        assert font["/Subtype"] == "/TrueType"
        assert "/FontFile2" in font["/FontDescriptor"].get_object()


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_same_chart_same_bytes(theme: Theme) -> None:
    for one in (encode.svg, encode.pdf, encode.png):
        assert one(chart(), theme) == one(chart(), theme)
    assert b"Date" not in encode.pdf(chart(), theme)
    assert b"date" not in encode.svg(chart(), theme)
    assert theme.page in encode.svg(chart(), theme).decode()


def test_inline_colours_are_variables_and_ids_are_its_own() -> None:
    text = encode.inline_svg(chart("one"))
    colours = re.findall(r"#[0-9a-f]{6}", text.split("</style>")[1])
    assert colours
    assert len(colours) == len(re.findall(r"var\(--figure-[a-z0-9-]+, #[0-9a-f]{6}\)", text))
    ids = set(re.findall(r' id="([^"]+)"', text)) - {"one-svg"}
    assert ids
    assert all(one.startswith("one-") for one in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) == ids
    assert not ids & set(re.findall(r' id="([^"]+)"', encode.inline_svg(chart("two"))))
    dark = re.findall("<style>(.*?)</style>", text)[0]
    assert dark.startswith("@media screen and (prefers-color-scheme: dark) { #one-svg {")
    assert ElementTree.fromstring(text).attrib["aria-label"] == chart().alternative


def test_dark_differs_from_light_in_colours_alone() -> None:
    made = chart()
    light, dark = encode.svg(made, LIGHT).decode(), encode.svg(made, DARK).decode()
    pattern = r"#[0-9a-f]{6}|opacity: [0-9.]+|[mp][0-9a-f]{10}"
    assert re.sub(pattern, "", light) == re.sub(pattern, "", dark)
    assert light != dark


def test_files_beside_each_other(tmp_path: Path) -> None:
    paths = encode.save(chart(), tmp_path)
    assert [path.name for path in paths] == ["test.svg", "test.pdf"]
    assert paths[1].read_bytes() == encode.pdf(chart())


def test_file_names() -> None:
    assert file_name("Kaplan–Meier, subtype: HER2-positive / Åse") == "kaplan-meier-subtype-her2-positive-ase"
    assert file_name("三阴性") != file_name("管腔型")
    assert file_name("../..") == "figure"
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        chart("a/b")
