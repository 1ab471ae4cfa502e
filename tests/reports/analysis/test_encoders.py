"""Encoders of an analysis: complete, equal for equal content, nothing asked for from outside. Kind: mechanics."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from reports.analysis.cells import shown
from reports.analysis.content import Column, Format, Section, Table, Value
from reports.analysis.files import analysis_files
from reports.analysis.html_encoder import render_analysis_html
from reports.analysis.pdf_encoder import render_analysis_pdf
from tests.reports.analysis.made_report import made_report, made_table


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return analysis_files(made_report())


def test_every_file_is_there_and_listed(files: dict[str, bytes]) -> None:
    figures = {f"figures/{name}.{kind}" for name in ("alone", "left", "right") for kind in ("svg", "pdf")}
    assert set(files) == {"report.html", "report.pdf", "result.json", "methods.txt", "features.csv", *figures}
    assert all(files.values())
    result = json.loads(files["result.json"])
    assert result["files"] == sorted(files)
    assert (result["analysis"], result["counts"], result["p"]) == ("example", {"before": 3}, [0.1, None])
    assert files["methods.txt"].decode() == "We did this.\n\nAnd that.\n"
    for name in figures:
        assert (
            files[name].startswith(b"%PDF") if name.endswith("pdf") else ElementTree.fromstring(files[name]) is not None
        )


def test_csv_has_all_rows_with_all_digits_and_no_formula(files: dict[str, bytes]) -> None:
    rows = list(csv.reader(io.StringIO(files["features.csv"].decode())))
    assert rows[0] == ["feature", "n", "p", "survives"]
    assert len(rows) == 33
    assert rows[1] == ["'=t1c_0", "1000", "0.3", "1"]
    assert float(rows[8][2]) == 0.3 / 10**7
    assert rows[-2][2:] == ["", ""]
    assert rows[-1][2:] == ["", "0"]


class Page(HTMLParser):
    """Elements, ids and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_html_asks_for_nothing_from_outside_and_has_unique_ids(files: dict[str, bytes]) -> None:
    text = files["report.html"].decode()
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    asked = [
        value
        for tag, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href") and value and not value.startswith(("#", "data:"))
    ]
    assert asked == []
    assert not re.search(r"@import|url\((?!#)", text)
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert referred <= set(ids)
    assert "Example &lt;analysis&gt;" in text


def test_html_shows_the_rows_and_says_what_is_left_out(files: dict[str, bytes]) -> None:
    text = files["report.html"].decode()
    assert text.count("<tr>") == 21
    assert "The first 20 of 32 rows; all are in features.csv." in text
    assert '<td data-v="0.3">0.30</td>' in text
    assert '<input type="search"' in text


def test_pdf_shows_the_first_rows_and_the_pictures(files: dict[str, bytes]) -> None:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(files["report.pdf"])).pages]
    text = "\n".join(pages)
    assert "The first 5 of 32 rows; all are in features.csv." in text.replace("\n", " ")
    assert "=t1c_4" in text
    assert "=t1c_5" not in text
    assert "Survives" not in text
    assert "Caption of alone <1>." in text
    assert "A warning & more." in pages[0]


def test_the_same_content_gives_the_same_bytes() -> None:
    report = made_report()
    assert render_analysis_pdf(report) == render_analysis_pdf(report)
    assert render_analysis_html(report) == render_analysis_html(report)


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (None, Format.P, "–"),
        (float("nan"), Format.NUMBER, "–"),
        (0.05, Format.P, "0.050"),
        (1.4927e-5, Format.P, "1.5×10⁻⁵"),
        (0.0, Format.P, "< 10⁻³⁰⁰"),
        (0.9999, Format.P, "> 0.99"),
        (1.0, Format.P, "1.00"),
        (0.00996, Format.P, "0.0100"),
        (1726, Format.COUNT, "1,726"),
        (-0.123, Format.DECIMAL, "−0.12"),
        (0.0712345, Format.NUMBER, "0.07123"),
        (0.5, Format.PERCENT, "50.0 %"),
        (True, Format.TEXT, "yes"),
        ("pCR", Format.P, "pCR"),
        (float("inf"), Format.NUMBER, "inf"),
    ],
)
def test_values_as_people_read_them(value: Value, style: Format, text: str) -> None:
    assert shown(value, style) == text


def test_wrong_content_cannot_be_made() -> None:
    column = Column("p", "P")
    with pytest.raises(ValueError, match="not as many cells"):
        Table("a", "", (column,), ((1, 2),))
    with pytest.raises(ValueError, match="key more than once"):
        Table("a", "", (column, column), ())
    with pytest.raises(ValueError, match="small letters"):
        Table("A B", "", (column,), ())
    with pytest.raises(ValueError, match="have one name"):
        replace(made_report(), sections=(Section("Twice", (made_table(), made_table())),))


def test_words_wider_than_the_page_are_broken() -> None:
    columns = tuple(Column(f"c{number}", f"Column{number}") for number in range(4))
    table = Table("wide", "Wide.", columns, (("t1c_intratumoral_wavelet-LLH_glcm_ClusterProminence" * 2,) * 4,))
    report = replace(made_report(), sections=(Section("Wide", (table,)),))
    assert len(PdfReader(io.BytesIO(render_analysis_pdf(report))).pages) == 1


def _chromium() -> str:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    return program


@pytest.mark.peers
def test_tables_sort_and_filter_in_a_browser(tmp_path: Path) -> None:
    """The script of the page runs in a browser: sorted by P, then filtered by a condition and a word."""
    probe = """<script>
    const heads = document.querySelectorAll("table.sorts thead th"), rows = () =>
      [...document.querySelectorAll("table.sorts tbody tr")].filter(row => !row.hidden)
      .map(row => row.cells[0].textContent);
    heads[2].click(); const up = rows()[0]; heads[2].click(); const down = rows()[0];
    const box = document.querySelector("input[type=search]"); box.value = "p<1e-9 t1c_1";
    box.dispatchEvent(new Event("input"));
    document.title = [up, down, rows().sort().join(",")].join("|");
    </script></body>"""
    path = tmp_path / "report.html"
    path.write_text(render_analysis_html(made_report()).replace("</body>", probe), encoding="utf-8")
    command = [_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    assert title[1] == "=t1c_19|=t1c_0|" + ",".join(f"=t1c_{number}" for number in range(10, 20))
