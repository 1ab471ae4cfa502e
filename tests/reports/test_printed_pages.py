"""Evaluation and model cards on paper: notices on every sheet, also without backgrounds; no sheet nearly empty."""

from __future__ import annotations

import base64
import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pypdf import PdfReader

from models.evaluation.results import Evaluation
from models.inference.package import load_package, shipped_packages
from reports import wording
from reports.evaluation.compose import compose_evaluation
from reports.evaluation.html_encoder import render_evaluation_html
from tests.appliance.web.browser import Browser, browser
from tests.conftest import require_programs
from tests.reports.evaluation.test_evaluation import CREATED, IDENTITY, SOFTWARE, evaluation

pytestmark = pytest.mark.peers
__all__ = ["evaluation"]  # a fixture
RESOLUTION = 40  # pixels per inch
STRIP_MM, FOOT_MM = (11, 22), 14  # of a sheet
READERS_PAGES = 5


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require_programs("chromium", "pdftoppm")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def sheets(tab: Browser, page: Path, *, backgrounds: bool) -> tuple[list[str], list[NDArray[np.uint8]]]:
    """Text and picture (grey levels: rows, columns) of each printed sheet."""
    tab.go(page.as_uri())
    made = tab.call("Page.printToPDF", printBackground=backgrounds, preferCSSPageSize=True)
    pdf = base64.b64decode(made["data"])
    texts = [" ".join(one.extract_text().split()) for one in PdfReader(io.BytesIO(pdf)).pages]
    drawn = subprocess.run(
        ["pdftoppm", "-r", str(RESOLUTION), "-gray", "-"], input=pdf, capture_output=True, check=True
    ).stdout
    stream, pictures = io.BytesIO(drawn), []
    while stream.tell() < len(drawn):
        pictures.append(np.asarray(_next_picture(stream)))
    assert len(pictures) == len(texts)
    return texts, pictures


def _next_picture(stream: io.BytesIO) -> Image.Image:
    """One PGM of several in a row."""
    start = stream.tell()
    header = stream.readline() + stream.readline() + stream.readline()
    width, height = (int(text) for text in header.split()[1:3])
    content = stream.read(width * height)
    assert start + len(header) + len(content) == stream.tell()
    return Image.frombytes("L", (width, height), content)


def pixels(length_mm: float) -> int:
    return round(length_mm / 25.4 * RESOLUTION)


def assert_well_printed(texts: list[str], pictures: list[NDArray[np.uint8]], notice: str) -> None:
    for number, (text, picture) in enumerate(zip(texts, pictures, strict=True), start=1):
        assert re.match(rf"\d+ / \d+ {wording.RESEARCH_USE_ONLY} {re.escape(notice)} ", text), text[:120]
        strip = picture[pixels(STRIP_MM[0]) : pixels(STRIP_MM[1])]
        assert np.count_nonzero(strip < 100) > 100, f"the letters of the strip are not dark on sheet {number}"
        dark = np.flatnonzero((picture < 200).any(axis=1))
        columns = np.flatnonzero((picture < 200).any(axis=0))
        assert columns[0] >= pixels(10), "a margin on the left"
        assert columns[-1] < picture.shape[1] - pixels(10), "and on the right"
        filled = dark[dark < picture.shape[0] - pixels(FOOT_MM)][-1] / picture.shape[0]
        assert filled > 1 / 3 or number == len(texts), f"sheet {number} is filled to {filled:.0%}"


@pytest.mark.parametrize("backgrounds", [False, True])
def test_an_evaluation_on_paper(tab: Browser, tmp_path: Path, evaluation: Evaluation, backgrounds: bool) -> None:
    page = tmp_path / "evaluation.html"
    page.write_text(
        render_evaluation_html(compose_evaluation(evaluation, created=CREATED, software=SOFTWARE)), encoding="utf-8"
    )
    texts, pictures = sheets(tab, page, backgrounds=backgrounds)
    assert_well_printed(texts, pictures, IDENTITY.notice)
    assert len(texts) > 4


@pytest.mark.parametrize("folder", shipped_packages(), ids=lambda folder: folder.name)
def test_a_model_card_on_paper(tab: Browser, folder: Path) -> None:
    texts, pictures = sheets(tab, folder / "MODEL_CARD.html", backgrounds=False)
    annex = next(at for at, text in enumerate(texts) if "Annex A: TRIPOD+AI" in text)
    assert annex <= READERS_PAGES
    notice = load_package(folder).identity.notice
    assert_well_printed(texts[:annex], pictures[:annex], notice)
    assert_well_printed(texts[annex:], pictures[annex:], notice)
