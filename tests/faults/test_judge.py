"""The judge sees what it is there for: each fault, made by hand, gets its verdict. Kind: mechanics."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.answers import CLASSES
from tests.faults.ledger import Arrived, Ledger, Stated, Verdict
from tests.faults.points import POINTS, Side
from tests.faults.results import Tally, keep, kept, page
from tests.faults.starter import Armed

STUDY = "1.2.3"
ACCEPTED = frozenset({"1.2.3.1", "1.2.3.2"})
DELIVERED, REFUSED = Stated("delivered"), Stated("refused", "No segmentation was found.")
SEGMENTATION, DOCUMENT = (
    Arrived(STUDY, sop_class, f"1.2.3.9.{number}", "answer 1", f"digest {number}", ACCEPTED if number else frozenset())
    for number, sop_class in enumerate(CLASSES)
)


@pytest.fixture
def ledger() -> Ledger:
    """Two instances were accepted, and their answer came."""
    ledger = Ledger()
    for uid in ACCEPTED:
        ledger.accept(STUDY, uid)
    ledger.arrive(SEGMENTATION)
    ledger.arrive(DOCUMENT)
    return ledger


def test_a_whole_answer_is_as_it_must_be(ledger: Ledger) -> None:
    assert ledger.judge(STUDY, DELIVERED) == Verdict()


def test_an_accepted_instance_that_no_answer_covers_is_lost(ledger: Ledger) -> None:
    ledger.accept(STUDY, "1.2.3.3")
    assert ledger.judge(STUDY, DELIVERED).lost == 1
    assert ledger.judge(STUDY, Stated()).lost == 1, "a study that the service does not know"
    assert ledger.judge(STUDY, replace(REFUSED, sentence="")).lost == 1, "a refusal without a sentence"
    assert ledger.judge(STUDY, REFUSED).lost == 0


def test_half_an_answer_is_none(ledger: Ledger) -> None:
    ledger.arrived.remove(SEGMENTATION)
    assert ledger.judge(STUDY, DELIVERED).lost == 2


def test_two_answers_to_one_content_are_doubled_and_a_repetition_is_not(ledger: Ledger) -> None:
    ledger.arrive(DOCUMENT)
    assert ledger.judge(STUDY, DELIVERED) == Verdict(repeated=1)
    ledger.arrive(replace(DOCUMENT, digest="other bytes under the same UID"))
    assert ledger.judge(STUDY, DELIVERED).doubled == 1
    ledger.arrive(replace(DOCUMENT, sop_instance_uid="1.2.3.9.9"))
    assert ledger.judge(STUDY, DELIVERED).doubled == 2


def test_an_earlier_answer_to_less_is_another_content(ledger: Ledger) -> None:
    ledger.arrive(replace(DOCUMENT, content="answer 0", sop_instance_uid="1.2.3.8.1"))
    assert ledger.judge(STUDY, DELIVERED) == Verdict()


def test_every_point_is_a_function_of_the_product_or_the_fake_computation() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS)
    for point in POINTS:
        module, _, path = point.target.partition(":")
        holder = importlib.import_module(module)
        for name in path.split("."):
            holder = getattr(holder, name)
        assert callable(holder), point
        assert point.side in Side


def test_a_point_is_come_to_once_and_at_its_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []
    monkeypatch.setattr("tests.faults.starter.act", acts.append)
    armed = Armed(tmp_path)
    armed.at("here")  # nothing is ordered
    (tmp_path / "armed").write_text(json.dumps({"point": "here", "call": 2, "act": "SIGKILL"}))
    for point in ("here", "there", "here", "here", "here"):
        armed.at(point)
    assert acts == ["SIGKILL"]
    assert (tmp_path / "fired").exists()


def test_the_page_adds_up_the_trials_of_a_fault(tmp_path: Path) -> None:
    first = Tally(
        "Group", "fault", trials=2, stuck=1, recover_s=[3.0], problems=["it hangs"], version="1", at="2026-01-02"
    )
    for tally in (first, Tally("Group", "fault", trials=3, recover_s=[1.0, 2.0], version="1", at="2026-01-03")):
        keep(tmp_path / "results", tally)
    (merged,) = kept(tmp_path / "results")
    assert not merged.is_good
    written = page([merged], {("Group", "fault"): 10, ("Group", "another"): 1})
    assert "| fault | 5 of 10 | 0 | 0 | 1 | 0 | 2.0 (3.0) |" in written
    assert "Run 2026-01-03 on " in written
    assert "- fault: it hangs" in written
    assert "## Not run\n\n- Group: another" in written
