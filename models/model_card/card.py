"""The model card of a package, in three encodings of the same content: Markdown, HTML, and JSON for programs.

Sections after Mitchell et al. (2019), FAT* '19:220-229; the items of TRIPOD+AI, CLEAR and METRICS at the end.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from html import escape

from models.inference.manifest import RangeSource
from models.inference.plausible_range import FACTOR, FOOTNOTE
from models.inference.tasks import TASKS
from models.model_card.facts import CardFacts
from models.model_card.guidelines import GUIDELINES, answers
from models.model_card.metrics_score import metrics_score
from models.model_card.statements import METRICS_KEYS, NOT_STATED, STATEMENTS

RESEARCH_USE = (
    "Research use only. Not a medical device; not for diagnosis, prognosis or treatment decisions for an individual "
    "patient."
)
NO_SIGNAL = (
    "No signal: on the patients it was trained on, scored out of fold, the model could not be shown to do better than "
    "chance. Its numbers say nothing about a patient."
)


@dataclass(frozen=True)
class _Rows:
    """A table."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_Block = str | tuple[str, ...] | _Rows  # a paragraph, a list, a table
_Section = tuple[str, tuple[_Block, ...]]


def card_files(facts: CardFacts) -> dict[str, bytes]:
    """The card's files by name."""
    sections = _sections(facts)
    return {
        "MODEL_CARD.md": _markdown(facts, sections).encode(),
        "MODEL_CARD.html": _html(facts, sections).encode(),
        "MODEL_CARD.json": _json(facts).encode(),
    }


def _sections(facts: CardFacts) -> tuple[_Section, ...]:
    """The sections of the card, as every format has them."""
    training, origin, statements = facts.training, facts.origin, facts.statements
    row = TASKS[facts.task]
    months = ", ".join(f"{month:g}" for month in facts.horizons_months)
    details = (
        f"Package: {facts.name} {facts.version}",
        "Method: small dense networks on scaled inputs clipped at ±4 standard deviations",
        f"Recipe: {training.recipe}",
        (
            f"Inputs: {facts.inputs:,} radiomic features offered, {facts.used} of them with any influence; "
            f"{' and '.join(facts.sequences)}; {' and '.join(facts.regions)}"
        ),
        f"Output: {row.card.gives.format(months=months)}",
        f"Scale: {row.scale}; {row.direction}",
        f"Cut-off: {facts.cut_off:g}; {row.card.groups}",
        (
            f"Attributions: integrated gradients on the {row.card.attributed_scale} scale, from the patient whose "
            "inputs all have the mean of the training patients"
        ),
    )
    evidence = (
        f"{row.statistic} out of fold: {facts.out_of_fold.value:.2f} "
        f"(95% interval {facts.out_of_fold.low:.2f} to {facts.out_of_fold.high:.2f}; 0.5 is chance)."
    )
    measured = tuple((measurement.what, measurement.value, measurement.whom) for measurement in facts.measurements)
    doubts = (*(() if facts.out_of_fold.has_signal else (NO_SIGNAL,)), *facts.notes)
    return (
        ("Model details", (details,)),
        (
            "Intended use",
            (
                statements.get(
                    "intended_use",
                    "Development, demonstration and research on breast MRI radiomics, by people who know what the "
                    "notice above means.",
                ),
                "Out of scope: any decision about a patient; images other than contrast-enhanced T1-weighted and "
                "T2-weighted breast MRI with a segmented tumour."
                + (f" {statements['out_of_scope']}" if "out_of_scope" in statements else ""),
            ),
        ),
        (
            "Training data",
            (
                training.data,
                f"{training.patients} training cases, {training.events} with the event.",
                (
                    f"Features: settings {origin.settings_digest or NOT_STATED}, engine {origin.engine or NOT_STATED}, "
                    f"bias correction {origin.bias_correction or NOT_STATED}."
                ),
            ),
        ),
        (
            "Performance",
            (
                evidence,
                training.performance,
                *((_Rows(("What", "Value", "On whom, and how"), measured),) if measured else ()),
            ),
        ),
        *((("Plausible range", _range(facts)),) if facts.spread is not None else ()),
        *((("Unlike the training patients", _familiarity(facts)),) if facts.familiarity_test is not None else ()),
        ("Doubts about this training", (doubts or ("None was found.",),)),
        ("Caveats", (facts.caveats,)),
        *((("Search", _search(facts)),) if facts.search else ()),
        (
            "Stated by the trainers",
            (
                tuple(
                    f"{statement.question}: {facts.statements.get(statement.key, NOT_STATED)}"
                    for statement in STATEMENTS
                    if statement.key not in METRICS_KEYS
                ),
            ),
        ),
        ("Reporting guidelines", _guidelines(facts)),
    )


def _range(facts: CardFacts) -> tuple[_Block, ...]:
    """The plausible range: its parts, what it held, and what withholding costs and saves."""
    spread = facts.spread
    assert spread is not None
    scale = TASKS[facts.task].card.attributed_scale
    made = (
        f"{spread.count} refits: the whole recipe trained again on bootstrap samples of the patients"
        if spread.source is RangeSource.REFITS
        else f"the {spread.count} members of the one training, which share their patients: a range from one training"
    )
    blocks: list[_Block] = [
        (
            f"Score ± {FACTOR:g} standard deviations on the {scale} scale. Training: {made}; their deviation from the "
            f"score × {spread.inflation:g} is that of another training. Contours: other readers', made for each "
            "patient. An answer whose range holds the cut-off is borderline: its group is withheld."
        ),
        FOOTNOTE,
    ]
    if spread.held is not None and spread.flips_shown is not None and spread.borderline is not None:
        blocks.append(
            f"On {spread.whom}, contours left out: the range held {spread.held:.0%} of their scores, "
            f"{spread.borderline:.0%} of the patients were borderline, and {spread.flips_shown:.1%} of the groups "
            "shown were another one there."
        )
    elif spread.borderline is not None:
        blocks.append(
            f"{spread.borderline:.0%} of the training patients, scored out of fold, are borderline. What the range "
            "holds of an independent training was not measured: there is no other cohort, and refits on "
            "bootstrap samples lie nearer to the score, so that the curve below is too favourable."
        )
    if facts.curve:
        rows = tuple(
            (
                f"{point.factor:g}",
                f"{point.held:.0%}",
                f"{point.withheld:.0%}",
                "–" if point.flips_shown is None else f"{point.flips_shown:.1%}",
                "–" if point.flips_withheld is None else f"{point.flips_withheld:.0%}",
            )
            for point in facts.curve
        )
        blocks += [
            f"Risk-coverage curve ({spread.whom}). Flips: other trainings that say the other group.",
            _Rows(("Standard deviations", "Held", "Borderline", "Flips, group shown", "Flips, borderline"), rows),
        ]
    return tuple(blocks)


def _familiarity(facts: CardFacts) -> tuple[_Block, ...]:
    """False alarms of the familiarity, and what it catches of what it must."""
    test = facts.familiarity_test
    assert test is not None
    blocks: list[_Block] = [
        (
            f"False alarms ({test.whom}): {test.false_alarms[0]:.1%} above a limit, which makes an answer "
            f"conditional, {test.false_alarms[1]:.1%} far outside, which withholds it."
        ),
        _Rows(
            ("What it must catch", "Above a limit", "Far outside"),
            tuple((what, f"{above:.0%}", f"{far:.0%}") for what, (above, far) in test.caught.items()),
        ),
        (
            "Made from features, since a training has no images: places in other organs from a distribution measured "
            "on public images, the rest from the training patients. Catching them is necessary, not sufficient."
        ),
    ]
    if test.blind_to:
        blocks.append(
            f"It cannot tell: {', '.join(test.blind_to)}. That nothing is unlike the training patients says nothing "
            "about these."
        )
    return tuple(blocks)


def _search(facts: CardFacts) -> tuple[_Block, ...]:
    return (
        (
            "Recipes that were tried with the same folds; the choice is repeated inside every outer fold. The loss is "
            "that on the patients held out for early stopping: it serves to choose and says nothing about new patients."
        ),
        tuple(f"{name}: {text}" for name, text in facts.search.items()),
    )


def _guidelines(facts: CardFacts) -> tuple[_Block, ...]:
    """The sections that answer the reporting guidelines item by item."""
    blocks: list[_Block] = [
        (
            "TRIPOD+AI (BMJ 2024;385:e078378), CLEAR (Insights Imaging 2023;14:75) and METRICS (Insights Imaging "
            "2024;15:8), items in our words. What the software cannot know is what the trainers stated, or an open "
            "question."
        )
    ]
    all_answers = answers(facts)
    for guideline in GUIDELINES:
        items = [answer for answer in all_answers if answer.guideline == guideline]
        waiting = sum(1 for answer in items if not answer.is_complete)
        summary = f"{guideline}: {len(items)} items, {waiting} of them wait for a word of the trainers."
        if guideline == "METRICS":
            score = metrics_score(facts)
            blocks.append(f"{summary} Score {score.in_words()}")
            counted = (score.verdict(number) for number in range(1, len(items) + 1))
            rows = tuple((answer.item, answer.answer, how) for answer, how in zip(items, counted, strict=True))
            blocks.append(_Rows(("METRICS item", "Answer", "Counted as"), rows))
        else:
            blocks.append(summary)
            pairs = tuple((answer.item, answer.answer) for answer in items)
            blocks.append(_Rows((f"{guideline} item", "Answer"), pairs))
    return tuple(blocks)


def _markdown(facts: CardFacts, sections: tuple[_Section, ...]) -> str:
    """The card as Markdown."""
    lines = [f"# {facts.title}", "", f"**{facts.notice}.** {RESEARCH_USE}"]
    for heading, blocks in sections:
        lines += ["", f"## {heading}"]
        for block in blocks:
            lines.append("")
            if isinstance(block, str):
                lines.append(block)
            elif isinstance(block, _Rows):
                lines += [_row(block.header), _row(("---",) * len(block.header)), *(_row(row) for row in block.rows)]
            else:
                lines += [f"- {item}" for item in block]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


_STYLE = """
:root{color-scheme:light dark;--text:#1a1a1a;--page:#fff;--line:#c8ccd0;--head:#f1f3f5;--warn:#b45309;--note:#fef3c7}
@media(prefers-color-scheme:dark){:root{--text:#e6e8ea;--page:#15181b;--line:#454b51;--head:#23282d;--warn:#f59e0b;
--note:#3a2d0c}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:var(--text);
background:var(--page);overflow-wrap:anywhere}
h1{line-height:1.2}h2{margin-top:2rem}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
th{background:var(--head)}
td:first-child,th:first-child{width:26%;overflow-wrap:break-word}
.notice{border-left:4px solid var(--warn);padding:.5rem 1rem;background:var(--note)}
@media(max-width:40rem){body{margin:1rem auto;font-size:15px}th{display:none}
tr{display:block;border:1px solid var(--line);margin-bottom:.5rem}
td{display:block;border:0}td:first-child{width:auto;font-weight:600}}
@media print{body{font-size:10pt;max-width:none;margin:0;padding:0}tr{break-inside:avoid}h2{break-after:avoid}
thead{display:table-header-group}}
"""


def _html(facts: CardFacts, sections: tuple[_Section, ...]) -> str:
    """The card as one HTML page without outside resources."""
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(facts.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>{escape(facts.title)}</h1>",
        f'<p class="notice"><strong>{escape(facts.notice)}.</strong> {escape(RESEARCH_USE)}</p>',
    ]
    for heading, blocks in sections:
        parts.append(f"<h2>{escape(heading)}</h2>")
        for block in blocks:
            if isinstance(block, str):
                parts.append(f"<p>{escape(block)}</p>")
            elif isinstance(block, _Rows):
                head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in block.header)
                parts.append(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>")
                parts += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows]
                parts.append("</tbody>\n</table>")
            else:
                parts.append("<ul>" + "".join(f"<li>{escape(item)}</li>" for item in block) + "</ul>")
    return "\n".join([*parts, "</body>\n</html>\n"])


def _json(facts: CardFacts) -> str:
    content = asdict(facts) | {
        "scale": TASKS[facts.task].scale,
        "direction": TASKS[facts.task].direction,
        "statistic": TASKS[facts.task].statistic,
        "has_signal": facts.out_of_fold.has_signal,
        "research_use": RESEARCH_USE,
        "reporting": [asdict(answer) for answer in answers(facts)],
        "metrics_score": asdict(metrics_score(facts)),
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
