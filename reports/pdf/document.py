"""`Report` → PDF bytes. Nothing is computed or worded here.

Page 1 (`summary_page`) is what a tumour board needs; the rest (`detail_pages`) is for looking up. The same report gives
the same bytes. All fonts are embedded, the language is declared, and no patient name is in the metadata.
"""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.platypus import Flowable, NextPageTemplate, PageBreak, PageTemplate, Spacer

from reports import wording
from reports.content import Report
from reports.paper import Paper
from reports.pdf.change_page import change_page
from reports.pdf.detail_pages import detail_pages
from reports.pdf.page import WIDTH, Furniture, pdf_bytes
from reports.pdf.summary_page import summary_page
from reports.pdf.theme import WIDE_FILES, Typesetter


def render_pdf(
    report: Report,
    *,
    typesetter: Typesetter | None = None,
    paper: Paper = Paper.A4,
    fonts: Sequence[str] = (),
) -> bytes:
    """The report as a PDF (PDF/A-2b, tagged) in its language; one page where no model has a result.

    Parameters
    ----------
    typesetter : sets the text; only needed to look for fonts elsewhere
    fonts : files to look in for what DejaVu Sans lacks, before those of the system
    """
    typesetter = typesetter or Typesetter(wide_files=(*fonts, *WIDE_FILES), language=report.language)
    software = report.provenance.get(wording.SOFTWARE, "")
    furniture = Furniture(
        typesetter,
        notices=report.notices,
        notice=report.notice,
        made=typesetter.words.say.made_shown(report.created, software),
        head=typesetter.words.say.running_head(report.subject),
        paper=paper,
    )
    first = furniture.frame()
    summary = summary_page(report, typesetter, width=WIDTH, height=first.height)
    story: list[Flowable] = [NextPageTemplate("later"), *summary.story]
    if report.change is not None:
        story += [PageBreak(), *change_page(report.change, typesetter, width=WIDTH), Spacer(0, 11)]
    if report.has_result:
        details = detail_pages(report, typesetter, width=WIDTH, charts_shown=summary.charts)
        story += details if summary.runs_over and report.change is None else [PageBreak(), *details]
    pages = [
        PageTemplate(id="first", frames=[first], onPage=furniture.draw_first),
        PageTemplate(id="later", frames=[furniture.frame(head=True)], onPage=furniture.draw_later),
    ]
    return pdf_bytes(
        story,
        pages,
        title=report.title,
        subject=report.notice,
        software=software,
        created=report.created,
        paper=paper,
        language=report.language,
    )
