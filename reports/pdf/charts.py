"""The charts of a report, as vector graphics: legend, cut-off strip, frequencies and contributions."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Ordered
from itertools import pairwise
from typing import Final

import numpy as np
from reportlab.lib.colors import Color

from models.inference.predict import Group
from reports.content import ContributionGroup, TrainingGroups
from reports.pdf import theme
from reports.pdf.tagged import Picture
from reports.pdf.theme import Typesetter


class Legend(Picture):
    """Legend of the lines, set flush right: (words, colour, dash) for each.

    Parameters
    ----------
    entries : from left to right; dash None for a solid line
    width : in points
    """

    def __init__(
        self,
        entries: Ordered[tuple[str, Color, tuple[float, float] | None]],
        *,
        width: float,
        typesetter: Typesetter | None = None,
    ) -> None:
        super().__init__()
        self.typesetter = typesetter or Typesetter()
        self.entries, self.width, self.height = tuple(entries), width, 10.0
        self.alternative = self.typesetter.words.say.legend_alternative([words for words, _, _ in self.entries])

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draws from the right."""
        x = self.width
        for words, color, dash in reversed(self.entries):
            self.canv.setFont(theme.REGULAR, 7.2)
            self.canv.setFillColor(theme.MUTED)
            x -= self.typesetter.width(words, font=theme.REGULAR, size=7.2)
            self.typesetter.draw(self.canv, x, 2, words, font=theme.REGULAR, size=7.2)
            x -= 4 + 16
            self.canv.setFillColor(theme.BLACK)
            self.canv.rect(x, 1.2, 16, 6.6, stroke=0, fill=1)
            self.canv.setStrokeColor(color)
            self.canv.setLineWidth(1.1)
            self.canv.setDash([] if dash is None else list(dash))
            self.canv.line(x + 1.5, 4.5, x + 14.5, 4.5)
            self.canv.setDash([])
            x -= 12


class CutOffStrip(Picture):
    """A value on a scale that the cut-off divides into low and high, with its plausible range as a bar.

    Parameters
    ----------
    value, cut_off : on the same scale
    spread : plausible range on the same scale, None where it is not known
    is_coloured : the two sides have the colours of the groups; else all is grey
    limits : ends of the scale
    value_shown, cut_off_shown, below, above : text at the marker, at the cut-off and in the two halves
    width : in points
    """

    HEIGHT: Final = 38.0

    def __init__(
        self,
        *,
        value: float,
        cut_off: float,
        limits: tuple[float, float],
        value_shown: str,
        cut_off_shown: str,
        below: str,
        above: str,
        width: float,
        spread: tuple[float, float] | None = None,
        is_coloured: bool = True,
        typesetter: Typesetter | None = None,
    ) -> None:
        super().__init__()
        self.typesetter = typesetter or Typesetter()
        self.value, self.cut_off, self.limits = value, cut_off, limits
        self.spread, self.is_coloured = spread, is_coloured
        self.value_shown, self.cut_off_shown, self.below, self.above = value_shown, cut_off_shown, below, above
        self.width, self.height = width, self.HEIGHT
        self.alternative = self.typesetter.words.say.strip_alternative(
            value_shown, cut_off_shown, below=below, above=above
        )

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draws the strip, the cut-off and the marker."""
        canvas, width = self.canv, self.width
        low, high = self.limits
        bottom, thickness = 13.5, 10.0

        def across(value: float) -> float:
            return float(np.clip((value - low) / (high - low), 0, 1)) * width

        cut, marker = across(self.cut_off), across(self.value)
        tints = (theme.LOW_TINT, theme.HIGH_TINT) if self.is_coloured else (theme.PANEL, theme.EMPTY)
        low_words, high_words = (theme.LOW, theme.HIGH) if self.is_coloured else (theme.MUTED, theme.MUTED)
        for x, length, tint in ((0.0, cut, tints[0]), (cut, width - cut, tints[1])):
            canvas.setFillColor(tint)
            canvas.rect(x, bottom, length, thickness, stroke=0, fill=1)
        size = 6.8
        canvas.setFont(theme.REGULAR, size)
        canvas.setFillColor(low_words)
        self.typesetter.draw(canvas, 0, 2.5, self.below, font=theme.REGULAR, size=size)
        canvas.setFillColor(high_words)
        self.typesetter.draw_right(canvas, width, 2.5, self.above, font=theme.REGULAR, size=size)
        room = tuple(
            self.typesetter.width(words, font=theme.REGULAR, size=size) + 6 for words in (self.below, self.above)
        )
        canvas.setStrokeColor(theme.INK)
        canvas.setLineWidth(0.9)
        canvas.line(cut, bottom - 3, cut, bottom + thickness + 1)
        canvas.setFillColor(theme.MUTED)
        within = (room[0], width - room[1])
        self._centred_within(self.cut_off_shown, cut, 2.5, within=within, font=theme.REGULAR, size=size)
        middle, half = bottom + thickness / 2, 4.6
        if self.spread is not None:
            ends = [across(value) for value in self.spread]
            canvas.setStrokeColor(theme.INK)
            canvas.setLineWidth(2.2)
            canvas.line(ends[0], middle, ends[1], middle)
            canvas.setLineWidth(1.2)
            for end in ends:
                canvas.line(end, middle - 3.2, end, middle + 3.2)
        color = theme.INK
        if self.is_coloured:
            color = theme.HIGH if self.value > self.cut_off else theme.LOW
        canvas.setFillColor(color)
        canvas.setStrokeColor(theme.WHITE)
        canvas.setLineWidth(0.8)
        diamond = canvas.beginPath()
        diamond.moveTo(marker, middle + half)
        diamond.lineTo(marker + half, middle)
        diamond.lineTo(marker, middle - half)
        diamond.lineTo(marker - half, middle)
        diamond.close()
        canvas.drawPath(diamond, stroke=1, fill=1)
        self._centred_within(
            self.value_shown, marker, bottom + thickness + 4, within=(0, width), font=theme.BOLD, size=9
        )

    def _centred_within(
        self, text: str, x: float, y: float, *, within: tuple[float, float], font: str, size: float
    ) -> None:
        """Draws `text` centred at `x`, moved sideways where it would stick out of `within`."""
        half = self.typesetter.width(text, font=font, size=size) / 2
        middle = min(max(x, within[0] + half), within[1] - half)
        self.canv.setFont(font, size)
        self.typesetter.draw_centred(self.canv, middle, y, text, font=font, size=size)


class IconArray(Picture):
    """A hundred dots, ten in a row from the top; the first `count` are filled.

    Parameters
    ----------
    count : 0 to 100
    side : of the square, in points
    """

    def __init__(self, count: int, *, side: float, typesetter: Typesetter | None = None) -> None:
        super().__init__()
        say = (typesetter or Typesetter()).words.say
        self.count, self.width, self.height = count, side, side
        self.alternative = say.dots_alternative(count)

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draws the dots."""
        step = self.width / 10
        radius = step * 0.38
        for place in range(100):
            row, column = divmod(place, 10)
            filled = place < self.count
            self.canv.setFillColor(theme.ACCENT if filled else theme.WHITE)
            self.canv.setStrokeColor(theme.ACCENT if filled else theme.MUTED)
            self.canv.setLineWidth(0.35)
            self.canv.circle((column + 0.5) * step, self.height - (row + 0.5) * step, radius, stroke=1, fill=1)


class GroupCurves(Picture):
    """Kaplan-Meier curves of the risk groups among the training patients, with the numbers at risk below.

    Low risk is a solid line, high risk a dashed one, each named at its end, so that grey says as much as colour.

    Parameters
    ----------
    groups : the curves and all words
    width : in points
    is_coloured : lines have the colours of the groups; else they are grey
    """

    HEAD: Final = 12.0
    PLOT: Final = 36.0
    ROW: Final = 7.0
    _SIZE: Final = 5.8

    def __init__(
        self, groups: TrainingGroups, *, width: float, is_coloured: bool, typesetter: Typesetter | None = None
    ) -> None:
        super().__init__()
        self.typesetter = typesetter or Typesetter()
        self.groups, self.width, self.is_coloured = groups, width, is_coloured
        self.alternative = self.typesetter.words.say.curves_alternative(
            groups.title, [(curve.label, len(curve.survival) - 1) for curve in groups.curves], groups.note
        )
        rows = 1 + len(groups.curves) + (1 if groups.note else 0)  # ticks, numbers at risk, note
        self.height = self.HEAD + self.PLOT + self.ROW * rows

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draws title, axes, curves and numbers."""
        canvas, groups, size = self.canv, self.groups, self._SIZE
        left, right = self._room()
        bottom, plot = self.height - self.HEAD - self.PLOT, self.width - left - right
        end = max(len(curve.survival) for curve in groups.curves) - 1

        def across(months: float) -> float:
            return left + plot * months / max(1, end)

        canvas.setFillColor(theme.MUTED)
        canvas.setFont(theme.REGULAR, 6.4)
        self.typesetter.draw(canvas, 0, self.height - 6.5, groups.title, font=theme.REGULAR, size=6.4)
        canvas.setFont(theme.REGULAR, size)
        canvas.setStrokeColor(theme.RULE)
        canvas.setLineWidth(0.5)
        for share in (0.0, 0.5, 1.0):
            height = bottom + share * self.PLOT
            canvas.line(left, height, left + plot, height)
            self._right(left - 3, height - 2, self.typesetter.words.say.in_numbers(f"{share:.0%}"))
        row = bottom - self.ROW
        for months, label in groups.ticks:
            canvas.line(across(months), bottom, across(months), bottom - 2)
            canvas.drawCentredString(across(months), row, label)
        self._left(left + plot + 9, row, groups.unit)
        for curve in groups.curves:
            row -= self.ROW
            self._left(0, row, curve.label.split(" ", 1)[0])
            for months, count in curve.at_risk:
                canvas.drawCentredString(across(months), row, count)
            self._left(left + plot + 9, row, groups.at_risk_label)
        if groups.note:
            self._left(0, row - self.ROW, groups.note)
        self._draw_curves(across, bottom)

    def _room(self) -> tuple[float, float]:
        """Room left and right of the plot for the words of the rows, in points."""

        def width(text: str) -> float:
            return self.typesetter.width(text, font=theme.REGULAR, size=self._SIZE)

        names = max(width(curve.label.split(" ", 1)[0]) for curve in self.groups.curves)
        ends = max(width(curve.label) + 3 for curve in self.groups.curves)
        return max(22.0, names + 7), max(30.0, ends, width(self.groups.at_risk_label) + 8)

    def _left(self, x: float, y: float, text: str) -> None:
        self.typesetter.draw(self.canv, x, y, text, font=theme.REGULAR, size=self._SIZE)

    def _right(self, x: float, y: float, text: str) -> None:
        self.typesetter.draw_right(self.canv, x, y, text, font=theme.REGULAR, size=self._SIZE)

    def _draw_curves(self, across: Callable[[float], float], bottom: float) -> None:
        """Steps of each curve, and its name beside its end; the names keep a line apart."""
        lowest = self.height
        for curve in sorted(self.groups.curves, key=lambda one: -one.survival[-1]):
            is_high = curve.group is Group.HIGH
            color = (theme.HIGH if is_high else theme.LOW) if self.is_coloured else theme.INK
            steps = self.canv.beginPath()
            steps.moveTo(across(0), bottom + self.PLOT)
            for month, (before, after) in enumerate(pairwise(curve.survival), start=1):
                steps.lineTo(across(month), bottom + before * self.PLOT)
                steps.lineTo(across(month), bottom + after * self.PLOT)
            self.canv.setStrokeColor(color)
            self.canv.setLineWidth(1.1)
            self.canv.setDash([2.4, 1.4] if is_high else [])
            self.canv.drawPath(steps, stroke=1, fill=0)
            self.canv.setDash([])
            lowest = min(lowest - self.ROW, bottom + curve.survival[-1] * self.PLOT - 2)
            self.canv.setFillColor(color)
            self._left(across(len(curve.survival) - 1) + 3, lowest, curve.label)


class ContributionChart(Picture):
    """Net share of each group as a bar from zero, with a thin line as far as its features pull either way.

    Parameters
    ----------
    groups : from top to bottom
    shown : text beside each bar
    lowers, raises : text above the two directions
    width : in points
    is_coloured : bars have the colours of the groups; else they are grey
    """

    ROW: Final = 13.0
    HEAD: Final = 13.0

    def __init__(
        self,
        groups: Ordered[ContributionGroup],
        *,
        shown: Ordered[str],
        lowers: str,
        raises: str,
        width: float,
        is_coloured: bool,
        typesetter: Typesetter | None = None,
    ) -> None:
        super().__init__()
        self.typesetter = typesetter or Typesetter()
        self.is_coloured = is_coloured
        self.groups, self.shown, self.lowers, self.raises = tuple(groups), tuple(shown), lowers, raises
        self.width, self.height = width, self.HEAD + self.ROW * len(self.groups)
        self.alternative = self.typesetter.words.say.contributions_alternative(
            [group.label for group in self.groups], self.shown
        )

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draws labels, bars and lines."""
        canvas, draw = self.canv, self.typesetter
        label_width, value_width = 0.36 * self.width, 0.1 * self.width
        plot = self.width - label_width - value_width
        reach = max(max(group.raising, -group.lowering, abs(group.share)) for group in self.groups)
        zero, unit = label_width + plot / 2, plot / 2 / reach * 0.96
        canvas.setFont(theme.REGULAR, 6.8)
        canvas.setFillColor(theme.MUTED)
        draw.draw_right(canvas, zero - 6, self.height - 8, f"← {self.lowers}", font=theme.REGULAR, size=6.8)
        draw.draw(canvas, zero + 6, self.height - 8, f"{self.raises} →", font=theme.REGULAR, size=6.8)
        for place, (group, shown) in enumerate(zip(self.groups, self.shown, strict=True)):
            middle = self.height - self.HEAD - (place + 0.5) * self.ROW
            canvas.setFont(theme.REGULAR, 7.6)
            canvas.setFillColor(theme.INK)
            draw.draw(canvas, 0, middle - 2.6, group.label, font=theme.REGULAR, size=7.6)
            draw.draw_right(canvas, self.width, middle - 2.6, shown, font=theme.REGULAR, size=7.6)
            canvas.setStrokeColor(theme.MUTED)
            canvas.setLineWidth(0.8)
            canvas.line(zero + group.lowering * unit, middle, zero + group.raising * unit, middle)
            side = theme.HIGH if group.share > 0 else theme.LOW
            canvas.setFillColor(side if self.is_coloured else theme.MUTED)
            canvas.rect(min(zero, zero + group.share * unit), middle - 3.2, abs(group.share) * unit, 6.4, 0, 1)
        canvas.setStrokeColor(theme.INK)
        canvas.setLineWidth(0.6)
        canvas.line(zero, 0, zero, self.height - self.HEAD)
