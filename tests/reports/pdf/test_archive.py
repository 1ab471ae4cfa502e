"""Every PDF is PDF/A-2b by pikepdf's validator, tagged in reading order, with texts for its pictures. Kind: oracle.

veraPDF, the reference, needs Java and is not asked; pikepdf checks an allow list of the same rules (ISO 19005-2).
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pytest

from reports.analysis.pdf_encoder import render_analysis_pdf
from reports.paper import Paper
from reports.pdf.document import render_pdf
from tests.conftest import require_programs
from tests.reports import examples
from tests.reports.analysis.made_report import made_report

MADE: dict[str, Callable[[], bytes]] = {
    "answer": lambda: render_pdf(examples.three_models()),
    "answer on Letter, with Chinese and many notes": lambda: render_pdf(examples.many_notes(), paper=Paper.LETTER),
    "analysis": lambda: render_analysis_pdf(made_report()),
}


@pytest.fixture(scope="module", params=MADE)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    path.write_bytes(MADE[request.param]())
    return path


def require_pdf_a(file: Path) -> None:
    """Passes where the validator finds nothing."""
    pdfa = pytest.importorskip("pikepdf.pdfa", reason="pikepdf[pdfa] is not installed")
    report = pdfa.validate_written(file, "2b")
    assert report.findings == []
    assert report.output_intent == "RGB"


def elements(node: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """Structure elements below one, in their order."""
    for below in node.get("/K", ()):
        if isinstance(below, pikepdf.Dictionary) and "/S" in below:
            yield below
            yield from elements(below)


def test_the_validator_finds_nothing(file: Path) -> None:
    require_pdf_a(file)


def test_the_validator_sees_a_broken_file(file: Path, tmp_path: Path) -> None:
    """Without its profile of colours the same file fails."""
    with pikepdf.open(file) as pdf:
        del pdf.Root.OutputIntents
        pdf.save(tmp_path / "broken.pdf", preserve_pdfa=False)
    with pytest.raises(AssertionError):
        require_pdf_a(tmp_path / "broken.pdf")


def test_structure_and_pages_name_each_other(file: Path) -> None:
    """Each bracket of a page has its element, and each element its brackets, both ways; brackets are balanced."""
    with pikepdf.open(file) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "en"
        of_element = Counter(
            (below.Pg.objgen, int(below.MCID), element.objgen)
            for element in elements(pdf.Root.StructTreeRoot)
            for below in element.K
            if "/MCID" in below
        )
        parents = pdf.Root.StructTreeRoot.ParentTree.Nums
        of_page = Counter()
        for place, page in enumerate(pdf.pages):
            operators = [str(one.operator) for one in pikepdf.parse_content_stream(page)]
            opened = operators.count("BDC") + operators.count("BMC")
            assert opened == operators.count("EMC") > 5
            assert int(page.obj.StructParents) == int(parents[2 * place]) == place
            above = list(parents[2 * place + 1])
            assert len(above) == operators.count("BDC")
            of_page.update((page.obj.objgen, number, one.objgen) for number, one in enumerate(above))
    assert of_element == of_page
    assert set(of_page.values()) == {1}


def test_every_picture_has_a_text_in_its_place(file: Path) -> None:
    with pikepdf.open(file) as pdf:
        kinds = Counter(str(element.S) for element in elements(pdf.Root.StructTreeRoot))
        texts = [str(one.get("/Alt", "")) for one in elements(pdf.Root.StructTreeRoot) if one.S == "/Figure"]
    assert kinds["/H1"] == 1
    assert kinds["/H2"] > 1
    assert kinds["/Table"] > 0
    assert kinds["/TH"] > 0
    assert len(texts) == kinds["/Figure"] > 0
    assert all(len(text) > 15 for text in texts)


def test_the_tables_have_as_many_cells_in_each_row(file: Path) -> None:
    with pikepdf.open(file) as pdf:
        for table in (one for one in elements(pdf.Root.StructTreeRoot) if one.S == "/Table"):
            assert len({len(row.K) for row in table.K}) == 1


@pytest.mark.peers
def test_the_structure_says_every_word_in_order(file: Path) -> None:
    """poppler's text of the structure against its text of the pages: nothing but furniture is missing."""
    require_programs("pdfinfo", "pdftotext")

    page_text = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True).stdout
    shown = set(re.findall(r"[A-Za-z]{5,}", page_text))
    structure = subprocess.run(["pdfinfo", "-struct-text", file], capture_output=True, text=True, check=True).stdout
    spoken = "".join(re.findall(r'^ *"(.*)"$', structure, re.MULTILINE)).replace(" ", "")
    assert len(shown) > 25
    assert [word for word in shown if word not in spoken] == []
    assert structure.index("H1") < structure.index("H2")
    assert structure.count('"Research use only"') == 1  # on every page, and read once


def test_equal_reports_are_equal_files() -> None:
    make = MADE["answer"]
    assert make() == make()
