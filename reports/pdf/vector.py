"""A chart in the story of a report, as vector graphics."""

from __future__ import annotations

from reports.figures.chart import Chart
from reports.figures.page import draw_on
from reports.figures.theme import LIGHT
from reports.fonts import FontFinder
from reports.pdf.tagged import Picture


class ChartFlowable(Picture):
    """A chart at the left of the story, made smaller where it is wider than the room.

    Parameters
    ----------
    width : room in points
    """

    def __init__(self, chart: Chart, *, width: float) -> None:
        super().__init__()
        self._chart, self._finder = chart, FontFinder()
        self.alternative = chart.alternative
        drawn = chart.size()
        self._scale = min(1.0, width / drawn[0])
        self.width, self.height = drawn[0] * self._scale, drawn[1] * self._scale
        self.hAlign = "LEFT"

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draws the chart in its light theme."""
        self.canv.saveState()
        self.canv.scale(self._scale, self._scale)
        draw_on(self.canv, self._chart, self._finder, LIGHT)
        self.canv.restoreState()
