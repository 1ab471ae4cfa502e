"""The three encodings of a card: the same content, each open question once, checklists as annexes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from models.inference.manifest import RangeSource, SpreadFacts
from models.inference.package import shipped_packages
from models.model_card.card import card_files
from models.model_card.facts import CardFacts
from models.model_card.sections import sections
from models.model_card.statements import METRICS_KEYS, STATEMENTS
from models.statistics.risk_coverage import RiskCoverage
from tests.models.model_card.shipped import facts_of
from tests.models.model_card.test_guidelines import FACTS

ANSWERED = {one.key: f"Answer about {one.key}." for one in STATEMENTS if one.key not in METRICS_KEYS}


def texts(facts: CardFacts) -> tuple[str, str]:
    """Markdown, and HTML as plain text."""
    files = card_files(facts)
    html = re.sub(r"<style>.*</style>|<[^>]+>", " ", files["MODEL_CARD.html"].decode(), flags=re.DOTALL)
    return files["MODEL_CARD.md"].decode(), " ".join(unescape(html).split())


@pytest.mark.parametrize("folder", shipped_packages(), ids=lambda folder: folder.name)
def test_shipped_cards_are_what_the_code_makes_of_their_facts(folder: Path) -> None:
    for name, content in card_files(facts_of(folder)).items():
        assert (folder / name).read_bytes() == content, "python -m tests.models.model_card.shipped"


def test_every_open_question_is_there_once() -> None:
    for text in texts(FACTS):
        for statement in STATEMENTS:
            found = text.count(statement.question) - (statement.key == "conflicts")  # the title of TRIPOD's item 18b
            assert found == (statement.key not in METRICS_KEYS), statement.key
    stated = replace(FACTS, statements={"ethics": "Approved by the board.", "intended_use": "To try it."})
    for text in texts(stated):
        assert "Approval, consent or waiver" in text
        assert not re.search(r"\d\. Approval, consent or waiver", text)
        assert text.count("For what, by whom") == 0, "it is under intended use"
        assert "To try it." in text


def test_open_questions_and_items_refer_to_each_other() -> None:
    page = card_files(FACTS)["MODEL_CARD.html"].decode()
    asked = re.findall(r'<li id="open-(\d+)">([^<]+)</li>', page)
    assert [int(number) for number, _ in asked] == list(range(1, len(STATEMENTS) - len(METRICS_KEYS) + 1))
    links = set(re.findall(r'href="#open-(\d+)"', page))
    for number, question in asked:
        assert bool(re.search(r" \((TRIPOD\+AI|CLEAR|METRICS) \d", question)) == (number in links), question
    assert links <= {number for number, _ in asked}
    assert (
        "Whether the study looks back or forward, and how patients were chosen from all there were (CLEAR 10)" in page
    )


def test_nothing_is_open_when_all_is_stated() -> None:
    facts = replace(FACTS, statements=ANSWERED)
    assert "Open questions" not in [section.heading for section in sections(facts)]
    for text in texts(facts):
        assert "Open question" not in text
        assert "Answer about ethics." in text
    assert json.loads(card_files(facts)["MODEL_CARD.json"])["open_questions"] == {}


def test_markdown_and_html_have_the_same_sections_and_links_to_them() -> None:
    files = card_files(FACTS)
    page = files["MODEL_CARD.html"].decode()
    headings = re.findall(r"^## (.+)$", files["MODEL_CARD.md"].decode(), re.MULTILINE)
    assert headings == [unescape(one) for one in re.findall(r"<h2>(.+)</h2>", page)]
    assert headings[-3:] == ["Annex A: TRIPOD+AI", "Annex B: CLEAR", "Annex C: METRICS"]
    linked = re.findall(r'<li><a href="#([\w-]+)">([^<]+)</a>', page)
    assert [unescape(text) for _, text in linked] == headings
    assert all(f'<section id="{at}"' in page for at, _ in linked)
    assert page.count('class="new-page"') == 1, "the annexes begin on a new sheet"


def test_a_share_is_never_shown_as_none_or_all() -> None:
    spread = SpreadFacts(RangeSource.REFITS, 6, 2.0, 0.004, 0.9996, 0.0002, "fresh patients")
    curve = (RiskCoverage(0.0, 0.0, 0.0, 0.13, None), RiskCoverage(3.0, 0.9996, 0.999, 0.0004, 1.0))
    for text in texts(replace(FACTS, spread=spread, curve=curve)):
        assert "the range held 99.96% of their scores, 0.4% of the patients were borderline" in text
        assert "0.02% of the groups" in text
        assert not re.search(r"\b0\.0%|\b100% of", text)


def test_one_case_and_one_refit() -> None:
    facts = replace(FACTS, training=replace(FACTS.training, patients=1, events=1))
    assert "1 training case, 1 with the event." in texts(facts)[0]


def test_a_warning_stands_out_where_there_is_no_signal() -> None:
    facts = replace(FACTS, out_of_fold=replace(FACTS.out_of_fold, low=0.45))
    files = card_files(facts)
    assert "**No signal: " in files["MODEL_CARD.md"].decode()
    assert "<p class=warning>No signal: " in files["MODEL_CARD.html"].decode()
