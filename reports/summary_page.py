"""Page 1 of the PDF: who, what the models say, what to read with care, where it is in the images."""

from __future__ import annotations

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Spacer, Table, TableStyle

from models.findings import Severity
from models.predict import Group, Quantity
from models.volume import Region
from reports import theme, wording
from reports.content import KeyImage, Measurement, ModelSection, Report
from reports.figures import CutOffStrip, IconArray, KeyImageRow, Panel, enlarged_view, whole_view
from reports.theme import Typesetter

WARNINGS_SHOWN = 4
_CARD_PADDING = 7
_LEFT = 0.4  # share of a card's width for score and strip
_GROUP_COLORS = {Group.HIGH: theme.HIGH, Group.LOW: theme.LOW}


def summary_page(report: Report, typesetter: Typesetter, *, width: float) -> list[Flowable]:
    """The flowables of page 1; they run over to the next page when there is more than fits.

    Parameters
    ----------
    width : of the page's text, in points
    """
    styles = theme.styles()
    story: list[Flowable] = [
        typesetter.paragraph(report.title, styles.title),
        Spacer(0, 5),
        _identity(report, typesetter, width),
        Spacer(0, 8),
    ]
    for section in report.models:
        story += [KeepTogether([_card(section, typesetter, width)]), Spacer(0, 6)]
    story += [_warnings(report, typesetter, width), Spacer(0, 8)]
    if report.key_images:
        story.append(KeepTogether(_key_images(report.key_images, typesetter, width)))
    return story


def _identity(report: Report, typesetter: Typesetter, width: float) -> Flowable:
    styles = theme.styles()
    columns = 4
    cells = [
        [
            typesetter.paragraph(label, styles.label),
            typesetter.paragraph(value, styles.name if place == 0 else styles.value),
        ]
        for place, (label, value) in enumerate(wording.identity(report.subject))
    ]
    cells += [[] for _ in range(-len(cells) % columns)]
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    return Table(
        rows,
        colWidths=[0.34 * width, 0.22 * width, 0.26 * width, 0.18 * width],
        style=TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), theme.PANEL),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 7),
                ("RIGHTPADDING", (0, 0), (-1, -1), 5),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        ),
    )


# --- one model -------------------------------------------------------------------------------------------------------


def _card(section: ModelSection, typesetter: Typesetter, width: float) -> Flowable:
    styles = theme.styles()
    color = _GROUP_COLORS[section.group]
    inner = width - 2 * _CARD_PADDING
    left_width = _LEFT * inner
    right_width = inner - left_width - 14
    score, cut_off = section.measurements[0], section.measurements[-1]
    survival = [measurement for measurement in section.measurements if measurement.key == str(Quantity.RFS)]
    left: list[Flowable] = [
        typesetter.paragraph(section.model.title, styles.label),
        typesetter.paragraph(section.group_label, styles.group, color=color),
        Spacer(0, 5),
        CutOffStrip(
            value=score.value,
            cut_off=cut_off.value,
            limits=_limits(score, cut_off),
            value_shown=score.shown,
            cut_off_shown=f"{cut_off.label} {cut_off.shown}",
            below=wording.SCORE_BELOW,
            above=wording.SCORE_ABOVE,
            width=left_width,
        ),
    ]
    right = _survival(survival, typesetter, right_width) if survival else _figure(score, typesetter)
    conclusion = typesetter.paragraph(section.conclusion, styles.body)
    return Table(
        [[left, right], [conclusion, []]],
        colWidths=[left_width + _CARD_PADDING + 7, right_width + _CARD_PADDING + 7],
        style=TableStyle(
            [
                ("BOX", (0, 0), (-1, -1), 0.6, theme.RULE),
                ("LINEBEFORE", (0, 0), (0, -1), 3, color),
                ("SPAN", (0, 1), (-1, 1)),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), _CARD_PADDING),
                ("RIGHTPADDING", (0, 0), (-1, -1), 7),
                ("TOPPADDING", (0, 0), (-1, 0), 5),
                ("BOTTOMPADDING", (0, 0), (-1, 0), 2),
                ("TOPPADDING", (0, 1), (-1, 1), 2),
                ("BOTTOMPADDING", (0, 1), (-1, 1), 5),
            ]
        ),
    )


def _limits(score: Measurement, cut_off: Measurement) -> tuple[float, float]:
    """Ends of the strip: 0 to 1 for a probability, else the cut-off in the middle and the score well inside."""
    if score.key == str(Quantity.KRT7_AS_HIGH):
        return 0.0, 1.0
    reach = max(1.0, 1.25 * abs(score.value - cut_off.value))
    return cut_off.value - reach, cut_off.value + reach


def _survival(survival: list[Measurement], typesetter: Typesetter, width: float) -> list[Flowable]:
    styles = theme.styles()
    columns = min(3, len(survival))
    cells: list[Flowable] = []
    for measurement in survival:
        months = measurement.horizon_months
        assert months is not None
        text = [
            typesetter.paragraph(wording.horizon(months), styles.figure_label),
            typesetter.paragraph(measurement.shown, styles.figure),
        ]
        head = Table(
            [[IconArray(wording.count_of_hundred(measurement.value), side=32), text]],
            colWidths=[38, width / columns - 38 - 6],
            style=_bare(valign="MIDDLE"),
        )
        words = typesetter.paragraph(measurement.in_words, styles.figure_label)
        cells.append(
            Table([[head], [words]], colWidths=[width / columns - 6], style=_bare(valign="TOP"), hAlign="LEFT")
        )
    cells += [Spacer(0, 0)] * (-len(cells) % columns)
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heading = typesetter.paragraph(wording.SURVIVAL_HEADING, styles.label)
    return [heading, Spacer(0, 3), Table(rows, colWidths=[width / columns] * columns, style=_bare(valign="TOP"))]


def _figure(score: Measurement, typesetter: Typesetter) -> list[Flowable]:
    styles = theme.styles()
    return [
        typesetter.paragraph(score.label, styles.label),
        Spacer(0, 3),
        typesetter.paragraph(score.shown, styles.figure),
        typesetter.paragraph(score.in_words, styles.figure_label),
    ]


def _bare(*, valign: str) -> TableStyle:
    return TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), valign),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
        ]
    )


# --- warnings and images ---------------------------------------------------------------------------------------------


def _warnings(report: Report, typesetter: Typesetter, width: float) -> Flowable:
    styles = theme.styles()
    warnings = [finding for finding in report.findings if finding.severity is Severity.WARNING]
    sentences = [finding.sentence for finding in warnings[:WARNINGS_SHOWN]]
    if len(warnings) > WARNINGS_SHOWN:
        sentences.append(wording.more_findings(len(warnings) - WARNINGS_SHOWN))
    sentences += [f"{section.model.title}: {section.sentence}." for section in report.not_applicable]
    if not sentences:
        sentences = [wording.NO_WARNINGS]
    cells = [[typesetter.paragraph(wording.WARNINGS, styles.subheading)]]
    cells += [[typesetter.paragraph(sentence, styles.body)] for sentence in sentences]
    color = theme.WARNING if warnings or report.not_applicable else theme.RULE
    return Table(
        cells,
        colWidths=[width],
        style=TableStyle(
            [
                ("LINEBEFORE", (0, 0), (0, -1), 3, color),
                ("LEFTPADDING", (0, 0), (-1, -1), 9),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 0.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
            ]
        ),
    )


def _key_images(images: tuple[KeyImage, ...], typesetter: Typesetter, width: float) -> list[Flowable]:
    styles = theme.styles()
    panels = []
    for image in images:
        close = enlarged_view(image)
        panels.append(Panel(image, whole_view(image), close, f"{image.sequence.label}, {wording.WHOLE_SLICE}"))
        panels.append(Panel(image, close, None, f"{image.sequence.label}, {wording.ENLARGED}"))
    captions = [typesetter.paragraph(image.caption, styles.caption) for image in images]
    legend = f"{wording.KEY_IMAGE_LEGEND[Region.INTRATUMORAL]} · {wording.KEY_IMAGE_LEGEND[Region.PERITUMORAL]}"
    return [
        typesetter.paragraph(wording.KEY_IMAGES, styles.heading),
        Spacer(0, 3),
        KeyImageRow(panels, width=width, side=56 * mm),
        Table([captions], colWidths=[width / len(images)] * len(images), style=_bare(valign="TOP")),
        typesetter.paragraph(legend, styles.caption),
    ]
