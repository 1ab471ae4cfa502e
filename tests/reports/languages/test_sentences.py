"""Labels, sentences and numbers of every language, for every member of every closed list. Kind: mechanics."""

from __future__ import annotations

import inspect
from dataclasses import fields
from datetime import UTC, date, datetime

import pytest

from models.features.names import feature_names
from models.features.settings import FeatureSettings
from models.features.table import feature_name
from models.inference.outcome import Group, GroupCurve, ScoreRank, TrainingFacts
from models.inference.predict import Quantity
from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State, decide
from models.volume import Region, Sequence
from reports.concepts import CONCEPTS
from reports.feature_words import FeatureClass
from reports.language import Language
from reports.languages.decimals import NO_BREAK, with_comma
from reports.languages.languages import ENGLISH, WORDS
from reports.languages.words import Labels, Sentences, Words
from reports.notice.content import NoticeReason
from reports.notice.words import NOTICES
from reports.replacement import Reason as WhyReplaced
from reports.replacement import Replacement
from tests.reports.examples import SUBJECT

EVERY = pytest.mark.parametrize("words", WORDS.values(), ids=lambda words: words.language)
OTHERS = pytest.mark.parametrize(
    "words", [w for w in WORDS.values() if w is not ENGLISH], ids=lambda words: words.language
)
CREATED = datetime(2026, 3, 4, 14, 3, tzinfo=UTC)


@OTHERS
def test_functions_take_the_arguments_of_the_english_ones(words: Words) -> None:
    for name in [name for name in vars(Sentences) if not name.startswith("_")]:
        ours, theirs = (
            list(inspect.signature(getattr(say, name)).parameters.values()) for say in (ENGLISH.say, words.say)
        )
        assert [(one.name, one.kind, one.default) for one in ours] == [
            (one.name, one.kind, one.default) for one in theirs
        ], name


@OTHERS
def test_no_label_is_left_in_english(words: Words) -> None:
    same = [
        item.name for item in fields(Labels) if getattr(words.labels, item.name) == getattr(ENGLISH.labels, item.name)
    ]
    assert same == []
    assert set(words.labels.provenance_labels) == set(ENGLISH.labels.provenance_labels)
    assert set(words.labels.severity) == set(Severity)
    assert set(words.labels.regions_drawn) == set(Region)
    assert len(words.labels.reading_guide) == len(ENGLISH.labels.reading_guide)


@EVERY
def test_the_notice_says_all_it_has_to(words: Words) -> None:
    assert all(name in words.labels.notice for name in ("FDA", "CE"))


@OTHERS
@pytest.mark.parametrize("quantity", Quantity)
def test_every_quantity_and_group_has_words(words: Words, quantity: Quantity) -> None:
    say = words.say
    for months in (None, 12.0, 24.0, 18.0):
        assert say.quantity_label(quantity, months) != ENGLISH.say.quantity_label(quantity, months)
    for value in (0.001, 0.31, 0.999):
        shown = say.quantity_words(quantity, value, (0.2, 0.9))
        assert shown != ENGLISH.say.quantity_words(quantity, value, (0.2, 0.9))
        assert "{" not in shown
    if CONCEPTS[quantity].groups is not None:
        groups = [say.group_shown(quantity, group) for group in Group]
        assert len(set(groups)) == len(Group)
        assert all(groups)
        for group in (*Group, None):
            said = say.conclusion(
                quantity,
                value_shown="1.43",
                range_shown="1 2",
                cut_off_shown="1.10",
                group=group,
                survival=[(12.0, 0.9), (24.0, 0.8)],
            )
            assert said != ""
            assert "{" not in said


@OTHERS
@pytest.mark.parametrize("state", State)
def test_every_state_has_words(words: Words, state: State) -> None:
    say = words.say
    reason = Reason("a-code", state, "A sentence.", overruled_by="--confirm age, or intended_use.confirmed")
    validity = decide([reason, Reason("another", state, "Another.", overruled_by="")])
    assert say.headline(state, "G") == "G" or say.headline(state, "G") != ENGLISH.say.headline(state, "G")
    for said, english in (
        (say.lead(validity), ENGLISH.say.lead(validity)),
        (say.titled("T", state), ENGLISH.say.titled("T", state)),
        (say.advice(validity), ENGLISH.say.advice(validity)),
        (say.advice(decide([reason])), ENGLISH.say.advice(decide([reason]))),
    ):
        assert bool(said) == bool(english)
        assert said in ("", "T") or said != english


@OTHERS
def test_reasons_of_replacement_and_of_notices_have_words(words: Words) -> None:
    for reason in WhyReplaced:
        one = Replacement("id", CREATED, (reason,), 2)
        assert words.say.replaces_sentence(one) != ENGLISH.say.replaces_sentence(one)
    notices, english = NOTICES[words.language], NOTICES[Language.ENGLISH]
    assert set(notices.reasons) == set(NoticeReason)
    for reason, texts in notices.reasons.items():
        assert all(texts)
        assert texts != english.reasons[reason]


@OTHERS
def test_every_feature_has_a_name(words: Words) -> None:
    """Of the whole vector; none is shown as PyRadiomics writes it."""
    names = [
        feature_name(sequence, region, name)
        for sequence in Sequence
        for region in Region
        for name in feature_names(FeatureSettings())
    ]
    assert len(names) == 3452
    for name in names:
        short = words.say.short_feature_label(name)
        feature = name.rsplit("_", 1)[1]
        assert not short.endswith(feature) or feature in ("Maximum", "Minimum", "Median", "Kurtosis", "Elongation"), (
            name
        )
        assert words.say.feature_label(name) != ENGLISH.say.feature_label(name)
    labels = [words.say.feature_label(name) for name in names]
    assert len(set(labels)) == len({ENGLISH.say.feature_label(name) for name in names})
    for sequence in Sequence:
        for region in Region:
            assert words.say.region_title(sequence, region)
            for kind in FeatureClass:
                assert words.say.group_label(sequence, region, kind) != ENGLISH.say.group_label(sequence, region, kind)


@OTHERS
def test_the_rest_is_said(words: Words) -> None:
    say = words.say
    facts = TrainingFacts("698 patients of one hospital", 698, 101, "Harrell's C", 0.81, 0.77, 0.85)
    curve = GroupCurve(Group.LOW, 5, 1, (1.0, 0.9), (0,), (5,))
    for quantity in Quantity:
        assert "0,50" in say.about_training(facts, quantity) or "0.50" in say.about_training(facts, quantity)
        for rank in (ScoreRank(0.83, 0.83), ScoreRank(0.0, 0.05), ScoreRank(0.99, 1.0)):
            assert say.rank_sentence(rank, quantity) != ENGLISH.say.rank_sentence(rank, quantity)
    note = QualityNote("a-b", Severity.NOTE, "", Sequence.T1C, Region.PERITUMORAL)
    for said, english in (
        (say.curve_label(curve), ENGLISH.say.curve_label(curve)),
        (say.hazard_ratio_words((9.13, 5.0, 16.6)), ENGLISH.say.hazard_ratio_words((9.13, 5.0, 16.6))),
        (say.note_subject(note), ENGLISH.say.note_subject(note)),
        (say.more_reasons(3, has_pages=True), ENGLISH.say.more_reasons(3, has_pages=True)),
        (say.more_reasons(3, has_pages=False), ENGLISH.say.more_reasons(3, has_pages=False)),
        (say.intensities_words(FeatureSettings()), ENGLISH.say.intensities_words(FeatureSettings())),
        (say.image_types_words(FeatureSettings()), ENGLISH.say.image_types_words(FeatureSettings())),
        (say.tumour_line(SUBJECT, []), ENGLISH.say.tumour_line(SUBJECT, [])),
        (say.page_words(2), ENGLISH.say.page_words(2)),
        (say.characters_not_shown(1), ENGLISH.say.characters_not_shown(1)),
        (say.dots_alternative(88), ENGLISH.say.dots_alternative(88)),
    ):
        assert said
        assert said != english
    assert len(say.identity(SUBJECT)) == len(ENGLISH.say.identity(SUBJECT))
    labels = [label for label, _ in say.identity(SUBJECT)]
    assert [label for label in labels if label in dict(ENGLISH.say.identity(SUBJECT)) and label != "Name"] == []


def test_dates() -> None:
    """As Babel 2.19 writes them (`../shared/reference/DOORS.md`, section 8)."""
    day = date(2026, 3, 4)
    assert {language: words.say.date_shown(day) for language, words in WORDS.items()} == {
        Language.ENGLISH: "2026-03-04",
        Language.GERMAN: "04.03.2026",
        Language.CHINESE: "2026年3月4日",
    }
    assert WORDS[Language.GERMAN].say.moment_shown(CREATED) == "04.03.2026 14:03 +00:00"


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("1,234.56", "1.234,56"),
        ("81.4%", f"81,4{NO_BREAK}%"),
        ("<1%", f"<1{NO_BREAK}%"),
        ("(+4.1, -5.0, +2.1 mm)", "(+4,1, -5,0, +2,1 mm)"),
        ("1 to 2.5 mm", "1 to 2,5 mm"),
        ("version 1.0.2", "version 1.0.2"),
        ("1.2.840.10008.5.1", "1.2.840.10008.5.1"),
        ("'own 1.5' and 2.5", "'own 1.5' and 2,5"),
        ("3,452", "3.452"),
        ("rdeepnet.toml 4, 5", "rdeepnet.toml 4, 5"),
    ],
)
def test_decimals_of_german(english: str, german: str) -> None:
    assert with_comma(english) == german
