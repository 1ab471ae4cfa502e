"""The answers to the reporting guidelines: every item once, from the package or the trainers, and METRICS' score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import SetupError
from models.features.names import vector_names
from models.features.settings import FeatureSettings
from models.inference.package import FeatureOrigin, OutOfFold, Training
from models.inference.tasks import Task
from models.model_card.card import card_files
from models.model_card.checklists import CLEAR, METRICS, TRIPOD
from models.model_card.facts import CardFacts, Measurement, feature_classes
from models.model_card.guidelines import CALIBRATION, COMPARISON, DIFFERENCE, answers, known_answers
from models.model_card.metrics_score import WEIGHTS, metrics_score
from models.model_card.statements import STATEMENTS, read_statements

FACTS = CardFacts(
    title="Recurrence score",
    name="site",
    version="1.0.0",
    notice="research model",
    task=Task.RECURRENCE,
    inputs=3452,
    used=170,
    classes=feature_classes(vector_names()),
    sequences=("T1+C", "T2W"),
    regions=("intratumoral", "peritumoral"),
    cut_off=1.1,
    horizons_months=(12.0, 24.0, 36.0),
    origin=FeatureOrigin(FeatureSettings().digest(), "own 1", "N4, own (shrink 4)"),
    training=Training("698 patients.", 698, 50, "5 members.", "Out of fold only."),
    out_of_fold=OutOfFold(0.7, 0.62, 0.78),
    search={},
    statements={},
    measurements=(
        Measurement(COMPARISON, "C 0.69 (95% 0.60 to 0.78), 20 inputs", ""),
        Measurement(DIFFERENCE, "+0.01 (95% -0.04 to +0.06)", ""),
        Measurement(CALIBRATION, "0.80 (95% 0.50 to 1.10)", ""),
    ),
    notes=(),
    caveats=(),
)


def test_every_item_of_clear_and_metrics_is_there_once() -> None:
    # Kocak et al. 2023 has 58 items, Kocak et al. 2024 has 30.
    assert [item.number for item in CLEAR] == [str(number) for number in range(1, 59)]
    assert [item.number for item in METRICS] == [str(number) for number in range(1, 31)]
    assert len({item.number for item in TRIPOD}) == len(TRIPOD)
    for items in (TRIPOD, CLEAR, METRICS):
        assert all(item.known or item.stated for item in items)


def test_every_key_has_an_answer_and_every_statement_a_place() -> None:
    known, keys = known_answers(FACTS), {statement.key for statement in STATEMENTS}
    items = (*TRIPOD, *CLEAR, *METRICS)
    assert {key for item in items for key in item.known} <= set(known)
    assert {key for item in items for key in item.stated} <= keys
    # What nobody answers an item with would be asked for in vain.
    elsewhere = {"out_of_scope", "contact", "metrics_met", "metrics_not_applicable"}
    assert keys - {key for item in items for key in item.stated} == elsewhere
    assert all(text.endswith(".") for text in known.values())


def test_what_only_the_trainers_know_is_an_open_question() -> None:
    found = {(one.guideline, one.item): one for one in answers(FACTS)}
    ethics = found["CLEAR", "8 Ethics and data protection"]
    assert "no time of a single recurrence. A package of a hundred inputs or more" in ethics.answer
    assert (ethics.is_complete, ethics.waits_for) == (False, ("ethics",))
    assert found["METRICS", "7 Time between imaging and reference standard"].answer == ""
    assert found["CLEAR", "23 Grey-level discretisation"].answer.startswith("Fixed bin width of 25")
    assert found["CLEAR", "26 Feature classes"].answer == (
        "diagnostics 48, shape 56, firstorder 648, glcm 864, glrlm 576, glszm 576, gldm 504, ngtdm 180."
    )
    stated = replace(FACTS, statements={"ethics": "Approved by the board."})
    ethics = {(one.guideline, one.item): one for one in answers(stated)}["CLEAR", "8 Ethics and data protection"]
    assert ethics.answer.endswith("Approved by the board.")
    assert ethics.is_complete


def test_other_feature_settings_are_not_described_as_the_documented_ones() -> None:
    other = replace(FACTS, origin=FeatureOrigin("0" * 64, "simulated", ""))
    known = known_answers(other)
    assert "25" not in known["discretisation"]
    assert known["extraction"] == "Engine: simulated."
    assert "Bias correction: not stated" in known["preparation"]
    shown = metrics_score(other).shown
    assert {12, 13} & set(shown) == set()


def test_the_score_by_hand() -> None:
    assert len(WEIGHTS) == 30
    assert sum(WEIGHTS) == pytest.approx(1.0, abs=0.005)  # of the paper's four decimals: 1.0000
    found = metrics_score(FACTS)
    assert found.shown == (1, 12, 13, 15, 18, 20, 21, 22, 25)
    assert (found.claimed, found.not_applicable) == ((), (17,))
    met = 0.037 + 0.031 + 0.041 + 0.020 + 0.060 + 0.035 + 0.023 + 0.018 + 0.018
    assert found.percent == pytest.approx(100 * met / (sum(WEIGHTS) - 0.020))
    stated = replace(FACTS, statements={"metrics_met": "2, 3, 12", "metrics_not_applicable": "9"})
    found = metrics_score(stated)
    assert (found.claimed, found.not_applicable) == ((2, 3), (9, 17))
    assert found.percent == pytest.approx(100 * (met + 0.074 + 0.092) / (sum(WEIGHTS) - 0.020 - 0.022))
    assert "items 1, 12, 13, 15, 18, 20, 21, 22, 25 shown by the package, 2, 3 by the word" in found.in_words()
    assert [found.verdict(number) for number in (1, 2, 9, 4)] == [
        *("met, shown by the package", "met, the trainers say", "not applicable", "not met"),
    ]


def test_the_card_shows_how_every_item_of_metrics_is_counted() -> None:
    card = card_files(replace(FACTS, statements={"metrics_met": "2"}))["MODEL_CARD.md"].decode()
    assert card.count("| not met |") + card.count("| met, ") + card.count("| not applicable |") == 30
    assert "| 2 Eligibility that gives representative patients | Open question 6. | met, the trainers say |" in card
    assert "| CLEAR | 58 | 30 | 28 | – |" in card


def test_nothing_measured_and_nothing_dropped_is_not_met() -> None:
    bare = replace(FACTS, measurements=(), used=3404)
    assert metrics_score(bare).shown == (1, 12, 13, 18, 21)
    known = known_answers(bare)
    assert (known["comparison"], known["calibration"]) == (
        "No simpler model was trained beside the networks.",
        "Not computed.",
    )


@pytest.mark.parametrize(
    ("text", "is_right"), [("2, 3,6", True), ("", True), ("two", False), ("31", False), ("0", False)]
)
def test_numbers_of_metrics_items_are_checked(tmp_path: Path, text: str, is_right: bool) -> None:
    path = tmp_path / "statements.toml"
    path.write_text(f'metrics_met = "{text}"\nethics = "Approved."\n', encoding="utf-8")
    if is_right:
        assert read_statements(path)["ethics"] == "Approved."
    else:
        with pytest.raises(SetupError, match="not numbers from 1 to 30 with commas"):
            read_statements(path)
