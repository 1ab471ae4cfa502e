"""A small report of an analysis with every kind of block, for tests of the encoders."""

from __future__ import annotations

from datetime import UTC, datetime

from matplotlib.figure import Figure

from reports import wording
from reports.analysis.content import (
    AnalysisReport,
    ChartRow,
    Column,
    Format,
    Paragraph,
    Section,
    Table,
)
from reports.figures.chart import Chart
from reports.figures.panel import add_axes, fit, new_figure
from reports.figures.theme import Theme

CREATED = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)


def made_chart(name: str) -> Chart:
    def draw(theme: Theme, width_mm: float) -> Figure:
        figure = new_figure(theme, width_mm, 100.0)
        axes = add_axes(figure, theme, x_label="before", y_label="after")
        axes.plot([0, 1], [0, 1], color=theme.accent, clip_on=True)
        fit(axes)
        return figure

    return Chart(name, f"Caption of {name} <1>.", f'The line "{name}" rises.', 80.0, draw)


def made_table() -> Table:
    return Table(
        "features",
        "Features & their tests.",
        (
            Column("feature", "Feature", meaning='Name, in "our" order.'),
            Column("n", "n", Format.COUNT),
            Column("p", "P", Format.P),
            Column("survives", "Survives", Format.TEXT, on_paper=False),
        ),
        (
            *((f"=t1c_{number}", 1000 + number, 0.3 / 10**number, number % 2 == 0) for number in range(30)),
            ("undefined", 0, None, None),
            ("not finite", 0, float("nan"), False),
        ),
        rows_on_paper=5,
        rows_in_html=20,
    )


def made_report() -> AnalysisReport:
    return AnalysisReport(
        analysis="example",
        title="Example <analysis>",
        subtitle="3 patients",
        strip="nothing is shown here",
        notice=wording.NOTICE,
        facts=(("Patients", "3"),),
        sections=(
            Section("Summary", (Paragraph("A sentence."), Paragraph("A warning & more.", is_warning=True))),
            Section("Tables", (made_table(),), starts_page=True),
            Section("Figures", (made_chart("alone"), ChartRow((made_chart("left"), made_chart("right")))), level=2),
        ),
        methods=("We did this.", "And that."),
        result={"counts": {"before": 3}, "p": [0.1, float("nan")]},
        created=CREATED,
        software="rdeepnet 0.0",
    )
