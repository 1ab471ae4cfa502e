"""The documentation builds without a warning, its examples run, and its pictures are there. Kind: mechanics."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from appliance.settings import load_settings
from tests.conftest import ROOT
from tests.docs.tutorial import PAGE, README, comparable, run_readme, run_tutorial

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
IMAGES = sorted((DOCS / "images").glob("*.png"))
_LARGEST_PICTURE = 250_000  # bytes


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--builder", "html"]
    result = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    site = {path.relative_to(tmp_path / "site").as_posix(): path for path in (tmp_path / "site").rglob("*.html")}
    assert {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in PAGES} <= set(site)
    texts = {name: path.read_text(encoding="utf-8") for name, path in site.items()}
    assert "rdeepnet train recurrence" in texts["reference/commands.html"]
    assert "delivery.retry_max_s" in texts["reference/settings.html"]
    assert "read-only" in texts["reference/python.html"]  # from the docstring of Volume
    outside = {
        name: link
        for name, text in texts.items()
        for link in re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', text)
    }
    assert outside == {}  # a hospital's network may have no way out


@pytest.mark.slow
def test_the_tutorial_shows_what_its_steps_print(tmp_path: Path) -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert len(re.findall(r"^```(?:python|console)$", written, re.MULTILINE)) >= 5
    now = run_tutorial(written, tmp_path)
    assert comparable(now) == comparable(written), "make pictures writes the page again"


@pytest.mark.slow
def test_the_six_lines_of_the_readme_print_what_it_shows(tmp_path: Path) -> None:
    """With small images, so other numbers: what is compared is everything else."""
    written = README.read_text(encoding="utf-8")
    now = run_readme(written, tmp_path, small=True)
    assert now.count("KRT7-AS expression 0.") == 1

    def without_scores(text: str) -> str:
        return re.sub(r"^( {4}.*) -?\d\.\d+ (high|low|borderline)$", r"\1 SCORE GROUP", text, flags=re.MULTILINE)

    assert without_scores(now) == without_scores(written)


# Their examples need a peer, and run elsewhere: `test_dicomweb_page`.
WITH_A_PEER = {"dicomweb.md"}


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page != PAGE and page.name not in WITH_A_PEER and blocks(page, "python")],
    ids=str,
)
def test_examples_in_python_run(page: Path, tmp_path: Path) -> None:
    names: dict[str, object] = {}
    with contextlib.chdir(tmp_path):
        for code in blocks(page, "python"):
            exec(compile(code, str(page), "exec"), names)
    assert "rdeepnet" in names


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=str)
def test_configurations_that_are_shown_are_valid(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(text, encoding="utf-8")
        load_settings(file)  # raises with every mistake


def test_pictures_are_small_and_used() -> None:
    assert {image.name for image in IMAGES} >= {"report.png", "tutorial-report.png"}
    texts = "".join(page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"])
    for image in IMAGES:
        assert f"images/{image.name}" in texts
        assert image.stat().st_size <= _LARGEST_PICTURE
        with Image.open(image) as picture:
            width, height = picture.size
            assert width >= 900  # the small print of a page can be read
            assert height / width == pytest.approx(297 / 210, rel=0.01)  # A4
