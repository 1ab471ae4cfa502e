"""Page 2 and following of the PDF: everything to look up."""

from __future__ import annotations

from typing import Final

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, Spacer, Table

from models.quality_notes import Severity
from models.validity import State
from reports.content import KeyImage, Measurement, ModelSection, Report, SeriesUsed
from reports.pdf import theme
from reports.pdf.charts import ContributionChart
from reports.pdf.figures import KeyImageRow, Panel
from reports.pdf.tagged import as_table
from reports.pdf.theme import Typesetter
from reports.section_view import enlarged_view

GROUPS_SHOWN = 6

# Rows of a table: a cell is one flowable or several, one below the other.
Rows = list[list[Flowable | list[Flowable]]]


def detail_pages(report: Report, typesetter: Typesetter, *, width: float, charts_shown: int) -> list[Flowable]:
    """The flowables after page 1, without the break before them.

    Parameters
    ----------
    width : of the page's text, in points
    charts_shown : number of models whose contribution chart is on page 1
    """
    story: list[Flowable] = []
    story += _reasons(report, typesetter, width)
    story += _notes(report, typesetter, width)
    for place, section in enumerate(report.models):
        if place >= charts_shown:
            story += [KeepTogether(contributions(section, typesetter, width=width)), Spacer(0, 11)]
        story += _leading_features(section, typesetter, width)
    story += _regions(report, typesetter, width)
    story += _series(report, typesetter, width)
    story += _not_applicable(report, typesetter, width)
    story += _provenance(report, typesetter, width)
    story += _guide(typesetter, width)
    if report.key_images:
        story.append(
            LargeImages(
                report.key_images,
                typesetter,
                heading=typesetter.paragraph(typesetter.words.labels.key_images, _heading()),
            )
        )
    if typesetter.missing:
        styles = theme.styles()
        note = typesetter.paragraph(typesetter.words.say.characters_not_shown(typesetter.missing), styles.body)
        story += [Spacer(0, 8), note]
    return story


def _section(title: str, typesetter: Typesetter, body: list[Flowable]) -> list[Flowable]:
    """A heading that stays with the first thing below it."""
    heading = typesetter.paragraph(title, theme.styles().heading)
    first, rest = body[:1], body[1:]
    return [CondPageBreak(70), heading, Spacer(0, 3), *first, *rest, Spacer(0, 11)]


def _table(rows: Rows, widths: list[float], *, head: bool, padding: float = 2.0) -> Table:
    commands: list[tuple[object, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 6),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding + 0.5),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, theme.RULE),
    ]
    if head:
        commands += [("LINEBELOW", (0, 0), (-1, 0), 0.8, theme.MUTED), ("VALIGN", (0, 0), (-1, 0), "BOTTOM")]
    as_table(rows, headers=1 if head else 0)
    return Table(rows, colWidths=widths, repeatRows=1 if head else 0, style=theme.table_style(*commands), hAlign="LEFT")


def _heading() -> ParagraphStyle:
    return theme.styles().heading


class LargeImages(Flowable):
    """The key images once more, as large as the rest of the page allows; nothing where less than a third is left.

    Parameters
    ----------
    images : side by side, enlarged around the tumour
    heading : above them
    """

    LEAST: Final = 220.0  # points: below, the page is full enough

    def __init__(self, images: tuple[KeyImage, ...], typesetter: Typesetter, *, heading: Flowable) -> None:
        super().__init__()
        self.images, self.typesetter, self.heading = images, typesetter, heading
        self._row: KeyImageRow | None = None

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Size in points; no height where there is too little room."""
        self._row = None
        if available_height < self.LEAST:
            return available_width, 0.0
        self._heading_height = self.heading.wrap(available_width, available_height)[1]
        panels = [
            Panel(image, enlarged_view(image), None, f"{image.sequence.label}, {self.typesetter.words.labels.enlarged}")
            for image in self.images
        ]
        self._row = KeyImageRow(
            panels,
            width=available_width,
            side=available_height - self._heading_height - 24,
            typesetter=self.typesetter,
        )
        self.height = self._heading_height + 8 + self._row.height
        return available_width, self.height

    def draw(self) -> None:
        """Draws heading and pictures."""
        if self._row is None:
            return
        self.heading.drawOn(self.canv, 0, self.height - self._heading_height)
        self._row.drawOn(self.canv, 0, 0)


def _reasons(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    """Every reason for the states, which page 1 shows three of."""
    if not report.reasons:
        return []
    styles = theme.styles()
    rows: Rows = [
        [typesetter.paragraph(str(place), styles.subheading), typesetter.paragraph(sentence, styles.body)]
        for place, sentence in enumerate(report.reasons, start=1)
    ]
    return _section(
        typesetter.words.labels.all_reasons, typesetter, [_table(rows, [0.05 * width, 0.95 * width], head=False)]
    )


def _notes(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    """The section of the quality notes, warnings in their colour; it also says when there are none."""
    styles = theme.styles()
    if not report.notes:
        return _section(
            typesetter.words.labels.quality_notes,
            typesetter,
            [typesetter.paragraph(typesetter.words.labels.no_quality_notes, styles.body)],
        )
    rows: Rows = []
    for note in report.notes:
        color = theme.WARNING_TEXT if note.severity is Severity.WARNING else theme.MUTED
        rows.append(
            [
                typesetter.paragraph(typesetter.words.labels.severity[note.severity], styles.subheading, color=color),
                typesetter.paragraph(typesetter.words.say.note_subject(note), styles.body, color=theme.MUTED),
                typesetter.paragraph(note.sentence, styles.body),
            ]
        )
    return _section(
        typesetter.words.labels.quality_notes,
        typesetter,
        [_table(rows, [0.11 * width, 0.23 * width, 0.66 * width], head=False)],
    )


def contributions(section: ModelSection, typesetter: Typesetter, *, width: float) -> list[Flowable]:
    """The contribution chart of a model with its heading and explanation; nothing for a model without contributions."""
    if not section.contribution_groups:
        return []
    groups = section.contribution_groups[:GROUPS_SHOWN]
    chart = ContributionChart(
        groups,
        shown=[typesetter.words.say.share_shown(group.share) for group in groups],
        lowers=typesetter.words.labels.lowers,
        raises=typesetter.words.labels.raises,
        width=width,
        is_coloured=section.state is State.VALID,
        typesetter=typesetter,
    )
    styles = theme.styles()
    return [
        typesetter.paragraph(
            typesetter.words.say.about(typesetter.words.labels.contributions, section.model.title), styles.heading
        ),
        Spacer(0, 3),
        chart,
        Spacer(0, 3),
        typesetter.paragraph(typesetter.words.labels.contributions_note, styles.small),
    ]


def _leading_features(section: ModelSection, typesetter: Typesetter, width: float) -> list[Flowable]:
    if not section.leading_features:
        return []
    styles = theme.styles()
    rows: Rows = [_feature_head(typesetter)]
    rows += [_feature_row(feature, typesetter) for feature in section.leading_features]
    title = typesetter.paragraph(
        typesetter.words.say.about(typesetter.words.labels.leading_features, section.model.title), styles.subheading
    )
    note = typesetter.paragraph(typesetter.words.labels.leading_features_note, styles.small)
    table = _table(rows, [0.64 * width, 0.22 * width, 0.14 * width], head=True)
    return [CondPageBreak(90), title, Spacer(0, 2), note, Spacer(0, 2), table, Spacer(0, 11)]


def _feature_head(typesetter: Typesetter) -> list[Flowable | list[Flowable]]:
    styles = theme.styles()
    return [
        typesetter.paragraph(typesetter.words.labels.feature_column, styles.column),
        typesetter.paragraph(typesetter.words.labels.value_column, styles.column_right),
        typesetter.paragraph(typesetter.words.labels.ibsi_column, styles.column_right),
    ]


def _feature_row(feature: Measurement, typesetter: Typesetter) -> list[Flowable | list[Flowable]]:
    styles = theme.styles()
    return [
        typesetter.paragraph(feature.label, styles.value),
        typesetter.paragraph(feature.shown, styles.number),
        typesetter.paragraph(feature.ibsi or "", styles.number),
    ]


def _regions(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    """One table: a feature in each row, a region in each column."""
    if not report.regions:
        return []
    styles = theme.styles()
    columns: list[dict[str, Measurement]] = []
    labels: dict[str, str | None] = {}
    for region in report.regions:
        leading = set(region.leading)
        shown = [region.volume, *(feature for feature in region.features if feature.key in leading)]
        columns.append({feature.label: feature for feature in shown})
        labels.update({feature.label: feature.ibsi for feature in shown})
    rows: Rows = [
        [
            typesetter.paragraph(typesetter.words.labels.feature_column, styles.column),
            *(typesetter.paragraph(region.title, styles.column_right) for region in report.regions),
            typesetter.paragraph(typesetter.words.labels.ibsi_column, styles.column_right),
        ]
    ]
    for label, ibsi in labels.items():
        cells = [
            typesetter.paragraph(column[label].shown if label in column else "", styles.number) for column in columns
        ]
        rows.append(
            [typesetter.paragraph(label, styles.value), *cells, typesetter.paragraph(ibsi or "", styles.number)]
        )
    each = 0.62 * width / len(columns)
    return _section(
        typesetter.words.labels.regions,
        typesetter,
        [_table(rows, [0.28 * width, *[each] * len(columns), 0.1 * width], head=True)],
    )


def series_shown(series: SeriesUsed, typesetter: Typesetter) -> str:
    """Number and description of a series: "8 · t1_fl3d_tra_dyna"."""
    description = typesetter.words.say.text_shown(series.description)
    return f"{series.series_number} · {description}" if series.series_number else description


def _series(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    """The table of the series that were used; nothing where there are none."""
    if not report.series:
        return []
    styles = theme.styles()
    rows: Rows = [[typesetter.paragraph(name, styles.column) for name in typesetter.words.labels.series_columns]]
    for series in report.series:
        rows.append(
            [
                typesetter.paragraph(series.role, styles.value),
                [
                    typesetter.paragraph(series_shown(series, typesetter), styles.value),
                    typesetter.paragraph(series.series_instance_uid, styles.mono),
                ],
                typesetter.paragraph(series.detail, styles.value),
                typesetter.paragraph(series.why, styles.value),
            ]
        )
    return _section(
        typesetter.words.labels.series,
        typesetter,
        [_table(rows, [0.15 * width, 0.46 * width, 0.19 * width, 0.2 * width], head=True)],
    )


def _not_applicable(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    if not report.not_applicable:
        return []
    styles = theme.styles()
    rows: Rows = [
        [typesetter.paragraph(section.model.title, styles.value), typesetter.paragraph(section.sentence, styles.value)]
        for section in report.not_applicable
    ]
    return _section(
        typesetter.words.labels.not_applicable, typesetter, [_table(rows, [0.4 * width, 0.6 * width], head=False)]
    )


def _provenance(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    if not report.provenance:
        return []
    styles = theme.styles()
    labels = typesetter.words.labels.provenance_labels
    rows: Rows = [
        [
            typesetter.paragraph(labels.get(label) or typesetter.words.part(label), styles.small),
            typesetter.paragraph(text, styles.mono),
        ]
        for label, text in report.provenance.items()
    ]
    return _section(
        typesetter.words.labels.provenance,
        typesetter,
        [_table(rows, [0.27 * width, 0.73 * width], head=False, padding=0.8)],
    )


def _guide(typesetter: Typesetter, width: float) -> list[Flowable]:
    styles = theme.styles()
    rows: Rows = [
        [typesetter.paragraph(term, styles.subheading), typesetter.paragraph(meaning, styles.body)]
        for term, meaning in typesetter.words.labels.reading_guide
    ]
    return _section(
        typesetter.words.labels.how_to_read, typesetter, [_table(rows, [0.27 * width, 0.73 * width], head=False)]
    )
