"""`Chart`: one figure as a value, before any encoding: it can be drawn in every theme and at every width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager

from reports.figures.theme import LIGHT, Theme
from reports.fonts import WIDE_FILES

Draw = Callable[[Theme, float], Figure]
"""(theme, width in millimetres) → a figure of that width; its height is the drawing's own choice."""

FAMILY = "DejaVu Sans"


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure with its words.

    Attributes
    ----------
    name : beginning of its files; letters, digits and hyphens (see `file_name`)
    caption : what it shows and how to read it
    alternative : the same for a reader who cannot see it: the numbers
    width_mm : width at which it is drawn unless another is asked for
    draw : draws it; called once for each theme and width
    svg_texts : what the encoder has made so far, by theme and width
    """

    name: str
    caption: str
    alternative: str
    width_mm: float
    draw: Draw = field(repr=False)
    svg_texts: dict[tuple[str, float], str] = field(default_factory=dict, init=False, repr=False)
    _drawn: dict[tuple[str, float], Figure] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name != file_name(self.name):
            raise ValueError(f"the chart name '{self.name}'; letters, digits and hyphens were expected")

    def figure(self, theme: Theme = LIGHT, width_mm: float | None = None) -> Figure:
        """The matplotlib figure at 72 dots per inch, so that its pixels are points; the same object on every call."""
        width = self.width_mm if width_mm is None else width_mm
        if (theme.name, width) not in self._drawn:
            with settings():
                self._drawn[theme.name, width] = self.draw(theme, width)
        return self._drawn[theme.name, width]

    def size(self, theme: Theme = LIGHT, width_mm: float | None = None) -> tuple[float, float]:
        """(width, height) in points."""
        width, height = self.figure(theme, width_mm).get_size_inches()
        return 72 * float(width), 72 * float(height)


def settings() -> Any:
    """A context in which figures are drawn and encoded: fonts embedded, text stays text, the same bytes every time."""
    return matplotlib.rc_context(
        {
            "font.family": [FAMILY, *_wide_families()],
            "text.hinting": "none",
            "text.parse_math": False,  # "$" in the name of a group is a character
            "svg.fonttype": "none",
            "svg.hashsalt": "rdeepnet",
            "pdf.fonttype": 42,
            "path.simplify": True,
            "axes.unicode_minus": True,
        }
    )


def file_name(text: str) -> str:
    """A text as the beginning of a file name: lower-case letters, digits and hyphens; "figure" where nothing is left.

    Letters of every script stay, so that two Chinese names do not become one.
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r"[^\w]+|_+", "-", unicodedata.normalize("NFC", plain)).strip("-")[:80].strip("-") or "figure"


@lru_cache(maxsize=1)
def _wide_families() -> tuple[str, ...]:
    """Families of the system fonts for what DejaVu Sans lacks: the first file that exists."""
    file = next((one for one in WIDE_FILES if Path(one).is_file()), None)
    if file is None:
        return ()
    fontManager.addfont(file)
    name = FontProperties(fname=file).get_name()
    # Bold text would warn that the family has no bold face.
    fontManager.ttflist += [replace(face, weight=700) for face in fontManager.ttflist if face.name == name]
    return (name,)
