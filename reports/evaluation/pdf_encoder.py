"""`EvaluationReport` → PDF bytes (A4). Nothing is computed or worded here; the same report gives the same bytes."""

from __future__ import annotations

from reportlab.platypus import Flowable, KeepTogether, Spacer

from reports.evaluation.content import Block, EvaluationReport, Part, TableBlock, Text
from reports.figures.chart import Chart
from reports.pdf.flow import figure_flow, figure_row_flow, report_pdf, section_flow, table_flow, text_flow
from reports.pdf.page import WIDTH
from reports.pdf.theme import Typesetter
from reports.pdf.vector import ChartFlowable


def render_evaluation_pdf(report: EvaluationReport, *, typesetter: Typesetter | None = None) -> bytes:
    """The report as a PDF (A4, English, all fonts embedded).

    Parameters
    ----------
    typesetter : sets the text; only needed to look for fonts elsewhere
    """
    typesetter = typesetter or Typesetter()
    sections = [flowable for part in report.parts for flowable in _part(part, typesetter)]
    return report_pdf(report, sections, strip=report.model_notice, typesetter=typesetter)


def _part(part: Part, typesetter: Typesetter) -> list[Flowable]:
    blocks = [flowable for block in part.blocks for flowable in _block(block, typesetter)]
    return section_flow(part.title, part.level, blocks, typesetter, starts_page=part.starts_page)


def _block(block: Block, typesetter: Typesetter) -> list[Flowable]:
    if isinstance(block, Text):
        return [text_flow(block.sentence, typesetter, is_warning=block.is_warning), Spacer(0, 2)]
    if isinstance(block, TableBlock):
        return [Spacer(0, 4), *table_flow(block.caption, block.header, block.rows, typesetter), Spacer(0, 6)]
    if isinstance(block, Chart):
        picture = figure_flow(ChartFlowable(block, width=WIDTH), block.caption, typesetter)
        return [Spacer(0, 4), KeepTogether(picture), Spacer(0, 6)]
    pictures = [(ChartFlowable(chart, width=WIDTH), chart.caption, chart.size()[0]) for chart in block.figures]
    return [Spacer(0, 4), figure_row_flow(pictures, typesetter), Spacer(0, 6)]
