"""Page 1 of the PDF: patient, the state of each answer, score and survival, the tumour, why, key images.

The cards of the models are in `answer_card`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, PageBreak, Spacer, Table

from models.quality_notes import Severity
from models.volume import Region
from reports.content import KeyImage, Measurement, ModelSection, RegionSection, Report
from reports.pdf import theme
from reports.pdf.answer_card import answer_cards
from reports.pdf.charts import Legend
from reports.pdf.detail_pages import contributions, series_shown
from reports.pdf.figures import SHELL_DASH, KeyImageRow, Panel
from reports.pdf.theme import Typesetter
from reports.section_view import enlarged_view, whole_view

REASONS_SHOWN = 3
_PANEL_SIDE = 62 * mm  # at most; four panels in a row are smaller
_LEAST_PANEL_SIDE = 21 * mm  # pictures give way to words down to this
_GAP = 11.0  # between sections, in points
# Features below the pictures of a sequence, besides the volume of the tumour.
_SIZE_KEY = "original_shape_Maximum3DDiameter"


@dataclass(frozen=True)
class Summary:
    """Page 1.

    Attributes
    ----------
    story : its flowables; they run over to the next page when there is more than fits
    charts : number of models whose contribution chart had room on it
    runs_over : the key images are on page 2, and what follows goes on below them
    """

    story: list[Flowable]
    charts: int
    runs_over: bool = False


def summary_page(report: Report, typesetter: Typesetter, *, width: float, height: float) -> Summary:
    """Page 1; where room is left, the contribution charts move up to it.

    Parameters
    ----------
    width, height : of the page's text, in points
    """
    story: list[Flowable] = [
        *_title(report, typesetter),
        Spacer(0, 4),
        _identity(report, typesetter, width),
        Spacer(0, 7),
    ]
    for card in answer_cards(report, typesetter, width):
        story += [card, Spacer(0, 5)]
    story += [*_tumour(report, typesetter, width), _reasons(report, typesetter, width), Spacer(0, 7)]
    if not report.has_result:
        story += [*_received(report, typesetter, width), Spacer(0, 7)]
    foot = [Spacer(0, 7), _reviewed_by(typesetter, width)]
    room = height - _height([*story, *foot], width)
    images = _key_images(report, typesetter, width, room=room)
    used = _height([*story, *images, *foot], width)
    if used > height:  # the line to sign on stays on page 1
        large = _images_of_side(report, typesetter, width, side=_PANEL_SIDE) if images else []
        return Summary([*story, *foot, PageBreak(), *large, Spacer(0, _GAP)], 0, runs_over=True)
    if images:
        story.append(KeepTogether(images))
    charts: list[Flowable] = []
    shown = 0
    for section in report.models if report.has_result else ():
        chart = contributions(section, typesetter, width=width)
        used += _GAP + _height(chart, width)
        if used > height:
            break
        charts += [Spacer(0, _GAP), *chart]
        shown += 1
    return Summary([*story, *charts, KeepTogether(foot)], shown)


def _height(flowables: list[Flowable], width: float) -> float:
    """Height of flowables one below the other, in points; none of ours has space before or after it."""
    return sum(flowable.wrap(width, 1e6)[1] for flowable in flowables)


def _title(report: Report, typesetter: Typesetter) -> list[Flowable]:
    """The title, and below it which report this one replaces and why."""
    styles = theme.styles()
    story: list[Flowable] = [typesetter.paragraph(report.title, styles.title)]
    if report.replaces is not None:
        story.append(typesetter.paragraph(typesetter.words.say.replaces_sentence(report.replaces), styles.subheading))
    return story


def _identity(report: Report, typesetter: Typesetter, width: float) -> Flowable:
    styles = theme.styles()
    columns = 4
    cells = [
        [
            typesetter.paragraph(label, styles.label),
            typesetter.paragraph(value, styles.name if place == 0 else styles.value),
        ]
        for place, (label, value) in enumerate(typesetter.words.say.identity(report.subject))
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
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ),
    )


# --- tumour, reasons, received ---------------------------------------------------------------------------------------


def _tumour(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    """Side and size of the tumour in a line; nothing where neither is known."""
    regions = [region for region in report.regions if region.region is Region.INTRATUMORAL]
    text = typesetter.words.say.tumour_line(report.subject, [(region.sequence, _sizes(region)) for region in regions])
    if not text:
        return []
    return [
        Table(
            [
                [
                    typesetter.paragraph(typesetter.words.labels.tumour, theme.styles().subheading),
                    typesetter.paragraph(text, theme.styles().body),
                ]
            ],
            colWidths=[0.11 * width, 0.89 * width],
            style=theme.bare_table(),
        ),
        Spacer(0, 5),
    ]


def _sizes(region: RegionSection) -> list[Measurement]:
    """Volume and longest diameter."""
    return [region.volume, *(feature for feature in region.features if feature.key.endswith(_SIZE_KEY))]


def _reasons(report: Report, typesetter: Typesetter, width: float) -> Flowable:
    """The weightiest reasons, then warnings, at most three; models not run; what is never checked."""
    styles = theme.styles()
    said = {sentence for section in report.models for sentence in _on_card(section)}
    against = [sentence for sentence in report.reasons if sentence not in said]
    # A note under the code of a reason says the same at length, with the names of features.
    codes = {reason.code for section in report.models for reason in section.validity.reasons}
    warnings = [note.sentence for note in report.notes if note.severity is Severity.WARNING and note.code not in codes]
    every = list(dict.fromkeys([*against, *warnings]))
    sentences = every[:REASONS_SHOWN]
    if len(every) > REASONS_SHOWN:
        sentences.append(typesetter.words.say.more_reasons(len(every) - REASONS_SHOWN, has_pages=report.has_result))
    if not every and not said:
        sentences = [typesetter.words.labels.nothing_against]
    unexpected = [section for section in report.not_applicable if not section.is_expected]
    sentences += [f"{section.model.title}: {section.sentence}." for section in unexpected]
    cells = [[typesetter.paragraph(typesetter.words.labels.why, styles.subheading)]] if sentences else []
    cells += [[typesetter.paragraph(sentence, styles.body)] for sentence in sentences]
    cells.append([typesetter.paragraph(report.not_checked, styles.caption)])
    return Table(
        cells,
        colWidths=[width],
        style=theme.table_style(
            ("LINEBEFORE", (0, 0), (0, -1), 3, theme.MUTED if every else theme.RULE),
            ("LEFTPADDING", (0, 0), (-1, -1), 9),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ),
    )


def _on_card(section: ModelSection) -> Iterator[str]:
    """Reasons that stand on the card of a model already."""
    if not section.measurements:
        yield from (reason.sentence for reason in section.validity.decisive)
    elif section.lead and section.validity.main is not None:
        yield section.validity.main.sentence


def _received(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    """Series that were read, for a page that has nothing else to show for them."""
    styles = theme.styles()
    rows = [
        [
            typesetter.paragraph(series.role, styles.value),
            typesetter.paragraph(series_shown(series, typesetter), styles.value),
            typesetter.paragraph(series.detail, styles.caption),
        ]
        for series in report.series
    ]
    if not rows:
        return []
    table = Table(
        rows,
        colWidths=[0.2 * width, 0.32 * width, 0.48 * width],
        style=theme.table_style(
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, theme.RULE),
        ),
    )
    return [typesetter.paragraph(typesetter.words.labels.received, styles.heading), Spacer(0, 3), table]


def _reviewed_by(typesetter: Typesetter, width: float) -> Flowable:
    """A line to sign on."""
    label = typesetter.paragraph(typesetter.words.labels.reviewed_by, theme.styles().label)
    return Table(
        [[label, ""]],
        colWidths=[0.27 * width, 0.73 * width],
        rowHeights=[14],
        style=theme.table_style(
            ("LINEBELOW", (1, 0), (1, 0), 0.6, theme.MUTED),
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ),
    )


# --- images ----------------------------------------------------------------------------------------------------------


def _key_images(report: Report, typesetter: Typesetter, width: float, *, room: float) -> list[Flowable]:
    """The key images in the room that is left, in points; on a page of their own where that is too little."""
    if not report.key_images:
        return []
    images = _images_of_side(report, typesetter, width, side=_PANEL_SIDE)
    excess = _height(images, width) - room
    if excess <= 0:
        return images
    row = (
        _PANEL_SIDE
        if len(report.key_images) == 1
        else KeyImageRow(_panels(report, typesetter), width=width, side=_PANEL_SIDE).side
    )
    smaller = max(_LEAST_PANEL_SIDE, row - excess - 1)
    return _images_of_side(report, typesetter, width, side=smaller)


def _panels(report: Report, typesetter: Typesetter) -> list[Panel]:
    panels = []
    for image in report.key_images:
        close = enlarged_view(image)
        panels.append(
            Panel(image, whole_view(image), close, f"{image.sequence.label}, {typesetter.words.labels.whole_slice}")
        )
        panels.append(Panel(image, close, None, f"{image.sequence.label}, {typesetter.words.labels.enlarged}"))
    return panels


def _images_of_side(report: Report, typesetter: Typesetter, width: float, *, side: float) -> list[Flowable]:
    styles = theme.styles()
    legend = Legend(
        [
            (typesetter.words.labels.regions_drawn[Region.INTRATUMORAL], theme.TUMOUR_LINE, None),
            (typesetter.words.labels.regions_drawn[Region.PERITUMORAL], theme.SHELL_LINE, SHELL_DASH),
        ],
        width=width / 2,
        typesetter=typesetter,
    )
    captions = [_caption(image, report, typesetter) for image in report.key_images]
    each = width / len(captions)
    row = KeyImageRow(_panels(report, typesetter), width=width, side=side, typesetter=typesetter)
    if len(captions) == 1:  # there is room beside the pictures
        pictures = row.width + 9
        placed: list[Flowable] = [
            Table([[row, captions[0]]], colWidths=[pictures, width - pictures], style=theme.bare_table())
        ]
    else:
        placed = [row, Spacer(0, 3), Table([captions], colWidths=[each] * len(captions), style=theme.bare_table())]
    return [
        Table(
            [[typesetter.paragraph(typesetter.words.labels.key_images, styles.heading), legend]],
            colWidths=[width / 2, width / 2],
            style=theme.bare_table(valign="BOTTOM"),
        ),
        Spacer(0, 4),
        *placed,
    ]


def _caption(image: KeyImage, report: Report, typesetter: Typesetter) -> list[Flowable]:
    """Slice, and the series it comes from."""
    styles = theme.styles()
    lines: list[Flowable] = [typesetter.paragraph(image.caption, styles.value)]
    if report.has_result:
        lines += [
            typesetter.paragraph(series_shown(series, typesetter), styles.caption)
            for series in report.series
            if series.role == image.sequence.label
        ]
    return lines
