"""The page "Change since DATE": numbers of the tumour and of the models, then and now."""

from __future__ import annotations

from reportlab.platypus import Flowable, Spacer, Table

from reports.content import ChangeSection
from reports.pdf import theme
from reports.pdf.tagged import as_table
from reports.pdf.theme import Typesetter

_WIDTHS = (0.22, 0.28, 0.28, 0.22)  # of the page's text


def change_page(section: ChangeSection, typesetter: Typesetter, *, width: float) -> list[Flowable]:
    """The flowables of the page, without the break before them.

    Parameters
    ----------
    width : of the page's text, in points
    """
    styles, words = theme.styles(), typesetter.words
    rows: list[list[Flowable | list[Flowable]]] = [
        [
            typesetter.paragraph(name, styles.column if place == 0 else styles.column_right)
            for place, name in enumerate(section.columns)
        ]
    ]
    for row in section.rows:
        texts = (row.then_shown, row.now_shown, row.change_shown)
        cells: list[Flowable | list[Flowable]] = [
            [typesetter.paragraph(line, styles.number) for line in text.split("\n")] for text in texts
        ]
        rows.append([typesetter.paragraph(row.label, styles.value), *cells])
    as_table(rows, headers=1)
    table = Table(
        rows,
        colWidths=[share * width for share in _WIDTHS],
        repeatRows=1,
        hAlign="LEFT",
        style=theme.table_style(
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, theme.RULE),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, theme.MUTED),
        ),
    )
    story: list[Flowable] = [
        typesetter.paragraph(section.title, styles.heading),
        Spacer(0, 3),
        typesetter.paragraph(words.say.about(words.labels.change.interval, section.interval_shown), styles.subheading),
        Spacer(0, 5),
        table,
        Spacer(0, 8),
    ]
    for sentence in section.sentences:
        story += [typesetter.paragraph(sentence, styles.body), Spacer(0, 3)]
    return story
