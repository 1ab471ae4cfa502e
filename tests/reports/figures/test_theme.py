"""Themes: readable on their page, told apart without colour, one CSS variable for each colour."""

from __future__ import annotations

import pytest

from reports.figures.theme import (
    DASHES,
    LIGHT,
    LINE_CONTRAST,
    MARKERS,
    TEXT_CONTRAST,
    THEMES,
    Theme,
    contrast,
    css_variables,
    mixed,
)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the usual example of what just fails
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_text_and_lines_are_readable_on_the_page(theme: Theme) -> None:
    as_text = (theme.ink, theme.muted, theme.accent, theme.low, theme.high, *theme.series)
    assert min(contrast(color, theme.page) for color in as_text) >= TEXT_CONTRAST
    # Also within a band of its own colour, the darkest ground a line or a word is drawn on.
    for color in (theme.low, theme.high, *theme.series):
        ground = mixed(color, theme.page, theme.band_alpha or 0.16)
        assert contrast(color, ground) >= LINE_CONTRAST, (theme.name, color)


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_text_is_readable_in_the_ends_of_a_heatmap(theme: Theme) -> None:
    assert min(contrast(theme.ink, tint) for tint in (theme.low_tint, theme.high_tint)) >= TEXT_CONTRAST


def test_eight_series_differ_without_colour() -> None:
    assert len(set(DASHES)) == len(set(MARKERS)) == len(LIGHT.series) == 8


def test_every_theme_sets_the_same_variables() -> None:
    names = {theme.name: set(theme.colors()) for theme in THEMES.values()}
    assert all(found == names["light"] for found in names.values())
    assert "--figure-ink: #1a1f2b;" in css_variables(LIGHT)
    # Inline figures find the variable by the colour: two of them with one colour would become one.
    assert len(set(LIGHT.colors().values())) == len(LIGHT.colors())
