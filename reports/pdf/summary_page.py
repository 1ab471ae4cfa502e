"""Page 1 of the PDF: patient, results of the models, warnings, key images."""

from __future__ import annotations

from dataclasses import dataclass

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Spacer, Table

from models.inference.predict import Group, Quantity
from models.quality_notes import Severity
from models.volume import Region
from reports import numerals, wording
from reports.concepts import CONCEPTS
from reports.content import KeyImage, Measurement, ModelSection, Report
from reports.pdf import theme
from reports.pdf.charts import CutOffStrip, IconArray, Legend
from reports.pdf.detail_pages import contributions
from reports.pdf.figures import SHELL_DASH, KeyImageRow, Panel, enlarged_view, whole_view
from reports.pdf.theme import Typesetter

WARNINGS_SHOWN = 4
_CARD_PADDING = 7
# Share of a card's width for score and strip, without and with survival beside it.
_LEFT, _LEFT_OF_SURVIVAL = 0.46, 0.37
_PANEL_SIDE = 62 * mm  # at most; four panels in a row are smaller
_GAP = 11.0  # between sections, in points
_ICONS = 38.0  # side of a hundred dots, in points
_PROBABILITIES = tuple(str(quantity) for quantity, concept in CONCEPTS.items() if concept.is_probability)
_GROUP_COLORS = {Group.HIGH: theme.HIGH, Group.LOW: theme.LOW}
# Features below the pictures of a sequence, besides the volume of the tumour.
_SIZE_KEY = "original_shape_Maximum3DDiameter"


@dataclass(frozen=True)
class Summary:
    """Page 1.

    Attributes
    ----------
    story : its flowables; they run over to the next page when there is more than fits
    charts : number of models whose contribution chart had room on it
    """

    story: list[Flowable]
    charts: int


def summary_page(report: Report, typesetter: Typesetter, *, width: float, height: float) -> Summary:
    """Page 1; where room is left, the contribution charts move up to it.

    Parameters
    ----------
    width, height : of the page's text, in points
    """
    story: list[Flowable] = [
        *_title(report, typesetter),
        Spacer(0, 5),
        _identity(report, typesetter, width),
        Spacer(0, 8),
    ]
    for section in report.models:
        story += [_card(section, typesetter, width), Spacer(0, 6)]
    story += [_warnings(report, typesetter, width), Spacer(0, 9)]
    images = _key_images(report, typesetter, width)
    used = _height([*story, *images], width)
    if images:
        story.append(KeepTogether(images))
    charts = 0
    for section in report.models:
        chart = contributions(section, typesetter, width=width)
        used += _GAP + _height(chart, width)
        if used > height:
            break
        story += [Spacer(0, _GAP), *chart]
        charts += 1
    return Summary(story, charts)


def _height(flowables: list[Flowable], width: float) -> float:
    """Height of flowables one below the other, in points; none of ours has space before or after it."""
    return sum(flowable.wrap(width, 1e6)[1] for flowable in flowables)


def _title(report: Report, typesetter: Typesetter) -> list[Flowable]:
    """The title, and below it which report this one replaces and why."""
    styles = theme.styles()
    story: list[Flowable] = [typesetter.paragraph(report.title, styles.title)]
    if report.replaces is not None:
        story.append(typesetter.paragraph(wording.replaces_sentence(report.replaces), styles.subheading))
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
        colWidths=[0.36 * width, 0.22 * width, 0.25 * width, 0.17 * width],
        style=theme.table_style(
            ("BACKGROUND", (0, 0), (-1, -1), theme.PANEL),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 7),
            ("RIGHTPADDING", (0, 0), (-1, -1), 5),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ),
    )


# --- one model -------------------------------------------------------------------------------------------------------


def _card(section: ModelSection, typesetter: Typesetter, width: float) -> Flowable:
    styles = theme.styles()
    color = _GROUP_COLORS[section.group]
    inner = width - 2 * _CARD_PADDING
    score, cut_off = section.measurements[0], section.measurements[-1]
    survival = [measurement for measurement in section.measurements if measurement.key == str(Quantity.RFS)]
    left_width = (_LEFT_OF_SURVIVAL if survival else _LEFT) * inner
    right_width = inner - left_width - 14
    left: list[Flowable] = [
        typesetter.paragraph(wording.model_shown(section.model), styles.label),
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
    right = _survival(survival, typesetter, right_width) if survival else _figure(score, typesetter, right_width)
    conclusion = typesetter.paragraph(section.conclusion, styles.body)
    return Table(
        [[left, right], [conclusion, []]],
        colWidths=[left_width + _CARD_PADDING + 7, right_width + _CARD_PADDING + 7],
        style=theme.table_style(
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
        ),
    )


def _limits(score: Measurement, cut_off: Measurement) -> tuple[float, float]:
    """Ends of the strip: 0 to 1 for a probability, else the cut-off in the middle and the score well inside."""
    if score.key in _PROBABILITIES:
        return 0.0, 1.0
    reach = max(1.0, 1.25 * abs(score.value - cut_off.value))
    return cut_off.value - reach, cut_off.value + reach


def _survival(survival: list[Measurement], typesetter: Typesetter, width: float) -> list[Flowable]:
    """Horizons side by side, three in a row."""
    columns = min(3, len(survival))
    each = width / columns
    cells = [
        _frequency(measurement, numerals.horizon(measurement.horizon_months or 0.0), typesetter, each - 6)
        for measurement in survival
    ]
    cells += [Spacer(0, 0)] * (-len(cells) % columns)
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heading = typesetter.paragraph(wording.SURVIVAL_HEADING, theme.styles().label)
    return [heading, Spacer(0, 3), Table(rows, colWidths=[each] * columns, style=theme.bare_table())]


def _frequency(measurement: Measurement, label: str, typesetter: Typesetter, width: float) -> Flowable:
    """A probability as a hundred dots, in per cent, and in words below."""
    styles = theme.styles()
    text = [typesetter.paragraph(label, styles.figure_label)] if label else []
    text.append(typesetter.paragraph(measurement.shown, styles.figure))
    icons = IconArray(numerals.count_of_hundred(measurement.value), side=_ICONS)
    head = Table([[icons, text]], colWidths=[_ICONS + 6, width - _ICONS - 6], style=theme.bare_table(valign="MIDDLE"))
    words = typesetter.paragraph(measurement.in_words, styles.figure_label)
    return Table([[head], [Spacer(0, 2)], [words]], colWidths=[width], style=theme.bare_table(), hAlign="LEFT")


def _figure(score: Measurement, typesetter: Typesetter, width: float) -> list[Flowable]:
    """Drawing beside the strip of a model without survival."""
    label = typesetter.paragraph(score.label, theme.styles().label)
    if score.key in _PROBABILITIES:
        return [label, Spacer(0, 3), _frequency(score, "", typesetter, width)]
    return [label, Spacer(0, 3), typesetter.paragraph(score.in_words, theme.styles().figure_label)]


# --- warnings and images ---------------------------------------------------------------------------------------------


def _warnings(report: Report, typesetter: Typesetter, width: float) -> Flowable:
    styles = theme.styles()
    warnings = [note for note in report.notes if note.severity is Severity.WARNING]
    sentences = [note.sentence for note in warnings[:WARNINGS_SHOWN]]
    if len(warnings) > WARNINGS_SHOWN:
        sentences.append(wording.more_notes(len(warnings) - WARNINGS_SHOWN))
    unexpected = [section for section in report.not_applicable if not section.is_expected]
    sentences += [f"{section.model.title}: {section.sentence}." for section in unexpected]
    if not sentences:
        sentences = [wording.NO_WARNINGS]
    cells = [[typesetter.paragraph(wording.WARNINGS, styles.subheading)]]
    cells += [[typesetter.paragraph(sentence, styles.body)] for sentence in sentences]
    color = theme.WARNING if warnings else theme.RULE
    return Table(
        cells,
        colWidths=[width],
        style=theme.table_style(
            ("LINEBEFORE", (0, 0), (0, -1), 3, color),
            ("LEFTPADDING", (0, 0), (-1, -1), 9),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ),
    )


def _key_images(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    if not report.key_images:
        return []
    styles = theme.styles()
    panels = []
    for image in report.key_images:
        close = enlarged_view(image)
        panels.append(Panel(image, whole_view(image), close, f"{image.sequence.label}, {wording.WHOLE_SLICE}"))
        panels.append(Panel(image, close, None, f"{image.sequence.label}, {wording.ENLARGED}"))
    legend = Legend(
        [
            (wording.KEY_IMAGE_LEGEND[Region.INTRATUMORAL], theme.TUMOUR_LINE, None),
            (wording.KEY_IMAGE_LEGEND[Region.PERITUMORAL], theme.SHELL_LINE, SHELL_DASH),
        ],
        width=width / 2,
    )
    captions = [_caption(image, report, typesetter) for image in report.key_images]
    each = width / len(captions)
    row = KeyImageRow(panels, width=width, side=_PANEL_SIDE)
    if len(captions) == 1:  # there is room beside the pictures
        pictures = row.width + 9
        placed: list[Flowable] = [
            Table([[row, captions[0]]], colWidths=[pictures, width - pictures], style=theme.bare_table())
        ]
    else:
        placed = [row, Spacer(0, 3), Table([captions], colWidths=[each] * len(captions), style=theme.bare_table())]
    return [
        Table(
            [[typesetter.paragraph(wording.KEY_IMAGES, styles.heading), legend]],
            colWidths=[width / 2, width / 2],
            style=theme.bare_table(valign="BOTTOM"),
        ),
        Spacer(0, 4),
        *placed,
    ]


def _caption(image: KeyImage, report: Report, typesetter: Typesetter) -> list[Flowable]:
    """Slice, size of the tumour, and the series it comes from."""
    styles = theme.styles()
    lines: list[Flowable] = [typesetter.paragraph(image.caption, styles.value)]
    for region in report.regions:
        if region.sequence is image.sequence and region.region is Region.INTRATUMORAL:
            sizes = [region.volume, *(feature for feature in region.features if feature.key.endswith(_SIZE_KEY))]
            text = " · ".join(f"{size.label} {size.shown}" for size in sizes)
            lines.append(typesetter.paragraph(text, styles.value))
    lines += [
        typesetter.paragraph(wording.series_shown(series), styles.caption)
        for series in report.series
        if series.role == image.sequence.label
    ]
    return lines
