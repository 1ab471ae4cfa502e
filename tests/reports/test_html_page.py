"""Style and frame of HTML pages: one palette with the PDF, the strip on paper, dark mode for pictures of both kinds."""

from __future__ import annotations

import re

from models import html_page
from reports.pdf import theme


def made(**changes: str) -> str:
    texts = {"title": "A & B", "subtitle": "sub", "use": "Research use only", "notice": "<notice>", "body": "<p>x</p>"}
    return html_page.html_page(**{**texts, **changes}, contents=[("a", "First"), ("b", "Second")], footer=("end",))


def test_the_palette_is_that_of_the_pdf() -> None:
    for name in ("INK", "MUTED", "RULE", "PANEL", "ACCENT", "WARNING", "WARNING_TINT"):
        assert getattr(html_page, name) == f"#{getattr(theme, name).hexval()[2:]}", name


def test_the_page_has_its_texts_and_contents() -> None:
    page = made()
    assert "<title>A &amp; B</title>" in page
    assert '<span class="own">Research use only</span><span class="model">&lt;notice&gt;</span>' in page
    assert re.findall(r'<li><a href="#(\w)">(\w+)</a>', page) == [("a", "First"), ("b", "Second")]
    assert "http" not in page, "nothing is loaded from elsewhere"


def test_dark_colours_are_for_the_screen_alone() -> None:
    page = made()
    assert "@media screen and (prefers-color-scheme: dark)" in page
    assert page.index("prefers-color-scheme: dark") < page.index("@media print"), "paper overrides the screen"


def test_a_table_of_words_and_a_table_of_numbers() -> None:
    numbers = html_page.html_table(("A", "B"), [("a", "1")], caption="C < D")
    assert '<div class="scroll short">' in numbers
    assert "<caption>C &lt; D</caption>" in numbers
    assert '<tr><th scope="row">a</th><td>1</td></tr>' in numbers
    words = html_page.html_table(("A", "B"), [("a", "one")], holds_words=True)
    assert '<table class="words">' in words
    assert "short" not in words
