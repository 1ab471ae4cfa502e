"""The card of a model on page 1: headline, score against the cut-off with its range, survival; or why there is none.

The state decides what a card shows: colours and a bold group only where nothing is against it, no picture of a score
where there is none.
"""

from __future__ import annotations

from itertools import groupby

from reportlab.lib.colors import Color
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Spacer, Table, TableStyle

from models.inference.predict import Group, Quantity
from models.validity import State
from reports import numerals, wording
from reports.concepts import CONCEPTS
from reports.content import Measurement, ModelSection, Report
from reports.pdf import theme
from reports.pdf.charts import CutOffStrip, GroupCurves, IconArray
from reports.pdf.theme import Typesetter

_CARD_PADDING = 7
# Share of a card's width for score and strip, without and with survival beside it.
_LEFT, _LEFT_OF_SURVIVAL = 0.46, 0.37
_CURVES = 114.0  # width of the curves of the training patients, in points
_ICONS = 38.0  # side of a hundred dots, in points
_PROBABILITIES = tuple(str(quantity) for quantity, concept in CONCEPTS.items() if concept.is_probability)
_GROUP_COLORS = {Group.HIGH: theme.HIGH, Group.LOW: theme.LOW}


def answer_cards(report: Report, typesetter: Typesetter, width: float) -> list[Flowable]:
    """A card for each model; models that have no result for the same reasons share one."""
    cards = []
    for (headline, conclusion, _), members in groupby(report.models, key=_without_result):
        sections = list(members)
        if headline:
            cards.append(_card_without_result(sections, headline, conclusion, typesetter, width))
        else:
            cards += [_card(section, typesetter, width) for section in sections]
    return cards


def _without_result(section: ModelSection) -> tuple[str, str, str]:
    """Texts of a card without result; empty where there is one."""
    return ("", "", "") if section.measurements else (section.headline, section.conclusion, section.advice)


def _card_without_result(
    sections: list[ModelSection], headline: str, conclusion: str, typesetter: Typesetter, width: float
) -> Flowable:
    styles = theme.styles()
    titles = "; ".join(wording.model_shown(section.model) for section in sections)
    advice = sections[0].advice
    cells: list[Flowable] = [
        typesetter.paragraph(titles, styles.label),
        typesetter.paragraph(headline, styles.group),
        Spacer(0, 3),
        typesetter.paragraph(conclusion, styles.body),
    ]
    if advice:
        cells += [
            Spacer(0, 3),
            typesetter.paragraph(typesetter.words.labels.what_to_do, styles.subheading),
            typesetter.paragraph(advice, styles.body),
        ]
    return Table([[cells]], colWidths=[width], style=_card_style(theme.INK))


def _card_style(color: Color, *commands: tuple[object, ...]) -> TableStyle:
    return theme.table_style(
        ("BOX", (0, 0), (-1, -1), 0.6, theme.RULE),
        ("LINEBEFORE", (0, 0), (0, -1), 3, color),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), _CARD_PADDING),
        ("RIGHTPADDING", (0, 0), (-1, -1), 7),
        ("TOPPADDING", (0, 0), (-1, 0), 5),
        ("BOTTOMPADDING", (0, -1), (-1, -1), 5),
        *commands,
    )


def _card(section: ModelSection, typesetter: Typesetter, width: float) -> Flowable:
    styles = theme.styles()
    is_valid = section.state is State.VALID
    color = _GROUP_COLORS[section.group] if is_valid and section.group is not None else theme.MUTED
    inner = width - 2 * _CARD_PADDING
    score, cut_off = section.measurements[0], section.measurements[-1]
    survival = [measurement for measurement in section.measurements if measurement.key == str(Quantity.RFS)]
    left_width = (_LEFT_OF_SURVIVAL if survival else _LEFT) * inner
    right_width = inner - left_width - 14
    left: list[Flowable] = [
        typesetter.paragraph(wording.model_shown(section.model), styles.label),
        typesetter.paragraph(
            section.headline,
            styles.group_doubtful if section.state is State.CONDITIONAL else styles.group,
            color=color if is_valid else theme.MUTED if section.state is State.CONDITIONAL else theme.INK,
        ),
        Spacer(0, 4),
        CutOffStrip(
            value=score.value,
            cut_off=cut_off.value,
            limits=_limits(score, cut_off),
            value_shown=score.shown,
            cut_off_shown=f"{cut_off.label} {cut_off.shown}",
            below=typesetter.words.labels.score_below,
            above=typesetter.words.labels.score_above,
            width=left_width,
            spread=score.plausible_range,
            is_coloured=is_valid,
            typesetter=typesetter,
        ),
    ]
    right = _survival(survival, typesetter, right_width) if survival else _figure(score, typesetter, right_width)
    below: list[Flowable] = [typesetter.paragraph(section.conclusion, styles.body)]
    small = typesetter.words.say.in_a_row([section.range_note, section.about])
    if small:
        below.append(typesetter.paragraph(small, styles.caption))
    rows: list[list[object]] = [[left, right], [_beside_curves(below, section, typesetter, inner), []]]
    if section.lead:
        rows.insert(0, [typesetter.paragraph(section.lead, styles.body, color=theme.MUTED), []])
    last = len(rows) - 1
    spans = [("SPAN", (0, place), (-1, place)) for place in ((0, last) if section.lead else (last,))]
    return Table(
        rows,
        colWidths=[left_width + _CARD_PADDING + 7, right_width + _CARD_PADDING + 7],
        style=_card_style(
            color,
            *spans,
            ("BOTTOMPADDING", (0, 0), (-1, last - 1), 2),
            ("TOPPADDING", (0, 1), (-1, -1), 2),
        ),
    )


def _beside_curves(text: list[Flowable], section: ModelSection, typesetter: Typesetter, width: float) -> list[Flowable]:
    """The text with the curves of the training patients on its right, where there are any."""
    if section.training_groups is None:
        return text
    curves = GroupCurves(
        section.training_groups, width=_CURVES, is_coloured=section.state is State.VALID, typesetter=typesetter
    )
    return [Table([[text, curves]], colWidths=[width - _CURVES, _CURVES], style=_text_beside())]


def _text_beside() -> TableStyle:
    """No padding but between text and picture."""
    return theme.table_style(
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (0, 0), 8),
        ("RIGHTPADDING", (1, 0), (1, 0), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
    )


def _limits(score: Measurement, cut_off: Measurement) -> tuple[float, float]:
    """Ends of the strip: 0 to 1 for a probability, else the cut-off in the middle, score and range well inside."""
    if score.key in _PROBABILITIES:
        return 0.0, 1.0
    farthest = max(abs(value - cut_off.value) for value in (score.value, *(score.plausible_range or ())))
    reach = max(1.0, 1.25 * farthest)
    return cut_off.value - reach, cut_off.value + reach


def _survival(survival: list[Measurement], typesetter: Typesetter, width: float) -> list[Flowable]:
    """Horizons side by side, three in a row."""
    columns = min(3, len(survival))
    each = width / columns
    cells = [
        _frequency(measurement, typesetter.words.say.horizon(measurement.horizon_months or 0.0), typesetter, each - 6)
        for measurement in survival
    ]
    cells += [Spacer(0, 0)] * (-len(cells) % columns)
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heading = typesetter.paragraph(typesetter.words.labels.survival_heading, theme.styles().label)
    return [heading, Spacer(0, 3), Table(rows, colWidths=[each] * columns, style=theme.bare_table())]


def _frequency(measurement: Measurement, label: str, typesetter: Typesetter, width: float) -> Flowable:
    """A probability as a hundred dots, in per cent with its range, and in words below."""
    styles = theme.styles()
    text = [typesetter.paragraph(label, styles.figure_label)] if label else []
    text.append(typesetter.paragraph(measurement.shown, _in_a_line(measurement.shown, typesetter, width - _ICONS - 6)))
    icons = IconArray(numerals.count_of_hundred(measurement.value), side=_ICONS, typesetter=typesetter)
    head = Table([[icons, text]], colWidths=[_ICONS + 6, width - _ICONS - 6], style=theme.bare_table(valign="MIDDLE"))
    words = [typesetter.paragraph(measurement.in_words, styles.figure_label)]
    if measurement.range_shown:
        words.insert(0, typesetter.paragraph(measurement.range_shown, styles.figure_label))
    return Table([[head], [Spacer(0, 2)], [words]], colWidths=[width], style=theme.bare_table(), hAlign="LEFT")


def _in_a_line(text: str, typesetter: Typesetter, room: float) -> ParagraphStyle:
    """The style of a large number, smaller where the number does not fit into the room, in points."""
    style = theme.styles().figure
    width = typesetter.width(text, font=style.fontName, size=style.fontSize)
    if width <= room:
        return style
    return ParagraphStyle("smaller", parent=style, fontSize=style.fontSize * (room - 0.1) / width)


def _figure(score: Measurement, typesetter: Typesetter, width: float) -> list[Flowable]:
    """Drawing beside the strip of a model without survival."""
    label = typesetter.paragraph(score.label, theme.styles().label)
    if score.key in _PROBABILITIES:
        return [label, Spacer(0, 3), _frequency(score, "", typesetter, width)]
    return [label, Spacer(0, 3), typesetter.paragraph(score.in_words, theme.styles().figure_label)]
