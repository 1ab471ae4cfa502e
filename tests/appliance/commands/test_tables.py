"""Tables fit a terminal, cut no word, and are whole lines elsewhere. Kind: mechanics."""

from __future__ import annotations

import io

import pytest

from appliance.commands.lines import broken, length
from appliance.commands.options import PlainConsole
from appliance.commands.tables import Cell, Table

UID = "1.2.826.0.1.3680043.8.498.12345678901234567890123456789012345678"
SENTENCE = "The headers do not confirm that the patient is 18 or over, and the field strength is not known."
ROWS = [(UID, "delivered", "2026-11-02 12:00:00", SENTENCE), ("1.2", "sending", "", "")]
COLUMNS = ("Study", "State", "Since", "Reason")


def shown(table: Table, width: int, *, terminal: bool = True, encoding: str = "utf-8") -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", newline="\n")
    PlainConsole(file=stream, width=width, force_terminal=terminal, no_color=True, legacy_windows=False).print(table)
    stream.seek(0)
    text = stream.read()
    return [line.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[2m", "") for line in text.splitlines()]


@pytest.mark.parametrize("width", [80, 100, 160, 240])
def test_a_table_fits_and_cuts_no_word(width: int) -> None:
    lines = shown(Table("2 studies", COLUMNS, ROWS), width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    for word in (UID, *SENTENCE.split(), "delivered", "12:00:00", "sending", *COLUMNS):
        assert word in words, word


def test_the_first_column_stands_over_its_row_where_there_is_no_room_beside_it() -> None:
    lines = shown(Table("", COLUMNS, ROWS), 80)
    assert lines[0] == "Study"
    assert lines[1].split() == ["State", "Since", "Reason"]
    at = lines.index(UID)
    assert lines[at + 1].startswith("  delivered   2026-11-02 12:00:00   The headers do not confirm")


def test_the_rest_is_named_in_a_row_where_nothing_else_fits() -> None:
    lines = shown(Table("", ("Study", "Series", "Reason"), [(UID, UID, SENTENCE)]), 60)
    assert lines[:4] == ["Study", UID, "  Series:", f"  {UID};"]  # longer than the terminal, and whole
    assert " ".join(line.strip() for line in lines[4:]) == f"Reason: {SENTENCE}"


def test_outside_a_terminal_a_row_is_a_line_that_ends_with_its_last_word() -> None:
    lines = shown(Table("Title", COLUMNS, ROWS), 10_000, terminal=False)
    assert lines[0] == "Title"
    assert lines[3] == f"{UID}   delivered   2026-11-02 12:00:00   {SENTENCE}"
    assert not any(line != line.rstrip() for line in lines)


def test_a_table_without_names_has_no_heading() -> None:
    lines = shown(Table("Title", ("", ""), [("digest", "ab" * 64), ("folder", "x")]), 80)
    assert lines == ["Title", f"digest   {'ab' * 64}", "folder   x"]


def test_wide_characters_count_twice_and_cells_may_have_lines() -> None:
    lines = shown(Table("", ("Name", "B"), [("山田^太郎\nx", "1"), ("ab", "2")]), 80)
    assert lines[2:] == ["山田^太郎   1", "x", "ab          2"]
    assert length("山田") == 4


def test_styles_colour_and_move_nothing() -> None:
    plain = shown(Table("", ("A", "B"), [("one\ntwo", "x")]), 80)
    styled = shown(Table("", ("A", "B"), [(Cell("one\ntwo", "bold"), Cell("x", "dim"))]), 80)
    assert styled == plain


def test_a_terminal_without_lines_gets_hyphens() -> None:
    assert set(shown(Table("", ("A",), [("x",)]), 80, encoding="ascii")[1]) == {"-"}


def test_a_line_is_broken_between_words_alone() -> None:
    assert broken("one two three", 7) == ["one two", "three"]
    assert broken("averyverylongword x", 5) == ["averyverylongword", "x"]
    assert broken("a\nb", 5) == ["a", "b"]
