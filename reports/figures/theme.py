"""Themes of the figures: light, dark, greyscale and print. Plain values: reading them imports no plotting library.

Colours are Okabe–Ito hues, darkened until text in them is readable on the page. Each of them is doubled by a dash
pattern, so that a figure in grey says as much. Text has a contrast of at least 4.5 to the page, lines at least 3
(WCAG 2.2, 1.4.3 and 1.4.11); a test computes both for every theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

SINGLE_MM: Final = 85.0
"""Width of one column of a journal."""
DOUBLE_MM: Final = 180.0
"""Width of two columns of a journal."""
TEXT_CONTRAST: Final = 4.5
LINE_CONTRAST: Final = 3.0

Dash = Literal["solid"] | tuple[float, Sequence[float]]

DASHES: Final[tuple[Dash, ...]] = (
    "solid",
    (0, (4, 1.6)),
    (0, (1.1, 1.3)),
    (0, (5, 1.4, 1.1, 1.4)),
    (0, (8, 2)),
    (0, (5, 1.3, 1.1, 1.3, 1.1, 1.3)),
    (0, (2.2, 1.3)),
    (0, (8, 1.6, 2.5, 1.6)),
)
"""Dash pattern of each series, in line widths: what tells series apart without colour."""
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "h")


@dataclass(frozen=True)
class Theme:
    """Colours and sizes of a figure. Colours are `#rrggbb`.

    Attributes
    ----------
    name : "light", "dark", "greyscale", "print"
    page : background
    ink, muted : text; axes and reference lines are muted
    rule : hairlines that carry no meaning
    accent : a single series, and what stands out
    low, high : risk groups
    series : colours of up to eight series, then from the start again
    low_tint, high_tint : ends of a heatmap's scale, beside `page`
    band_alpha : opacity of a band; None draws it in an opaque tint (no transparency, as some printers need)
    font_pt, small_pt : sizes of text; the small one is used in tables below a figure
    line_pt : width of a curve
    """

    name: str
    page: str
    ink: str
    muted: str
    rule: str
    accent: str
    low: str
    high: str
    series: tuple[str, ...]
    low_tint: str
    high_tint: str
    band_alpha: float | None = 0.16
    font_pt: float = 7.0
    small_pt: float = 6.5
    line_pt: float = 1.3

    def color(self, place: int) -> str:
        """Colour of a series by its place."""
        return self.series[place % len(self.series)]

    def dash(self, place: int) -> Dash:
        """Dash pattern of a series by its place."""
        return DASHES[place % len(DASHES)]

    def marker(self, place: int) -> str:
        """Marker of a series by its place."""
        return MARKERS[place % len(MARKERS)]

    def band(self, color: str) -> dict[str, Any]:
        """Settings of `fill_between` for a band around a curve of this colour."""
        if self.band_alpha is None:
            return {"color": mixed(color, self.page, 0.16), "linewidth": 0}
        return {"color": color, "alpha": self.band_alpha, "linewidth": 0}

    def colors(self) -> dict[str, str]:
        """Every colour by the name of its CSS variable: "ink", "series-1", …"""
        single = {f.name.replace("_", "-"): getattr(self, f.name) for f in fields(self)}
        named = {name: value for name, value in single.items() if isinstance(value, str) and value.startswith("#")}
        return named | {f"series-{place}": value for place, value in enumerate(self.series, start=1)}


LIGHT: Final = Theme(
    name="light",
    page="#ffffff",
    ink="#1a1f2b",
    muted="#596273",
    rule="#d3d9e0",
    accent="#1f3a5f",
    low="#1b6389",
    high="#b04a0a",
    series=("#1b6388", "#b04a09", "#1a7548", "#7a3e9d", "#8f5b00", "#00727d", "#b0246a", "#4a4f57"),
    low_tint="#d3e6f0",
    high_tint="#f6ddcb",
)
DARK: Final = Theme(
    name="dark",
    page="#15181b",
    ink="#e6e8ea",
    muted="#a5adb6",
    rule="#3c434a",
    accent="#9cc2ee",
    low="#6db7e0",
    high="#f0975c",
    series=("#6db7e0", "#f0975c", "#6cc795", "#c79be6", "#e0b341", "#5cc8cf", "#f08fbb", "#b9c0c8"),
    low_tint="#1f4257",
    high_tint="#5a2f14",
    band_alpha=0.24,
)
GREYSCALE: Final = Theme(
    name="greyscale",
    page="#ffffff",
    ink="#111111",
    muted="#595959",
    rule="#d4d4d4",
    accent="#222222",
    low="#222222",
    high="#6a6a6a",
    series=("#222222", "#6a6a6a", "#444444", "#737373", "#111111", "#5c5c5c", "#333333", "#707070"),
    low_tint="#e9e9e9",
    high_tint="#bdbdbd",
)
PRINT: Final = Theme(
    name="print",
    page="#ffffff",
    ink="#000000",
    muted="#404040",
    rule="#bfbfbf",
    accent="#14305a",
    low="#0a4f78",
    high="#9a3c00",
    series=("#0a4f78", "#9a3c00", "#0b6138", "#642a87", "#764900", "#005c66", "#951455", "#3a3f46"),
    low_tint="#d3e6f0",
    high_tint="#f6ddcb",
    band_alpha=None,
)
THEMES: Final = {theme.name: theme for theme in (LIGHT, DARK, GREYSCALE, PRINT)}


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def mixed(color: str, page: str, share: float) -> str:
    """The colour that `share` of one colour leaves on a page."""
    parts = zip(_channels(color), _channels(page), strict=True)
    return "#" + "".join(f"{round(255 * (share * one + (1 - share) * other)):02x}" for one, other in parts)


def css_variables(theme: Theme) -> str:
    """Declarations of the variables that inline figures use: `--figure-ink: #1a1f2b; …`."""
    return " ".join(f"--figure-{name}: {value};" for name, value in theme.colors().items())


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _luminance(color: str) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
