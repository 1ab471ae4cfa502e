"""`AnalysisReport` → PDF bytes (A4). Nothing is computed or worded here; the same report gives the same bytes."""

from __future__ import annotations

from reportlab.platypus import Flowable, KeepTogether, Spacer

from reports.analysis.cells import header_shown, rows_left_out, shown
from reports.analysis.content import AnalysisReport, Block, Paragraph, Section, Table
from reports.figures.chart import Chart
from reports.pdf.flow import figure_flow, figure_row_flow, report_pdf, section_flow, table_flow, text_flow
from reports.pdf.page import WIDTH
from reports.pdf.theme import Typesetter
from reports.pdf.vector import ChartFlowable


def render_analysis_pdf(report: AnalysisReport, *, typesetter: Typesetter | None = None) -> bytes:
    """The report as a PDF (A4, English, all fonts embedded).

    Parameters
    ----------
    typesetter : sets the text; only needed to look for fonts elsewhere
    """
    typesetter = typesetter or Typesetter()
    sections = [flowable for section in report.sections for flowable in _section(section, typesetter)]
    return report_pdf(report, sections, strip=report.strip, typesetter=typesetter)


def _section(section: Section, typesetter: Typesetter) -> list[Flowable]:
    blocks = [flowable for block in section.blocks for flowable in _block(block, typesetter)]
    return section_flow(section.title, section.level, blocks, typesetter, starts_page=section.starts_page)


def _block(block: Block, typesetter: Typesetter) -> list[Flowable]:
    if isinstance(block, Paragraph):
        return [text_flow(block.sentence, typesetter, is_warning=block.is_warning), Spacer(0, 2)]
    if isinstance(block, Table):
        return [Spacer(0, 4), *_table(block, typesetter), Spacer(0, 6)]
    if isinstance(block, Chart):
        picture = figure_flow(ChartFlowable(block, width=WIDTH), block.caption, typesetter)
        return [Spacer(0, 4), KeepTogether(picture), Spacer(0, 6)]
    pictures = [(ChartFlowable(chart, width=WIDTH), chart.caption, chart.size()[0]) for chart in block.charts]
    return [Spacer(0, 4), figure_row_flow(pictures, typesetter), Spacer(0, 6)]


def _table(table: Table, typesetter: Typesetter) -> list[Flowable]:
    places = [place for place, column in enumerate(table.columns) if column.on_paper]
    columns = [table.columns[place] for place in places]
    rows = [
        [shown(row[place], table.columns[place].format) for place in places]
        for row in table.rows[: table.rows_on_paper]
    ]
    rest = rows_left_out(table, table.rows_on_paper)
    return table_flow(
        f"{table.caption} {rest}".strip(),
        [header_shown(column) for column in columns],
        rows,
        typesetter,
        left=[place for place, column in enumerate(columns) if column.is_text],
    )
