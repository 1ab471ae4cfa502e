"""`CardFacts` → the sections of a model card, after Mitchell et al. (2019), FAT* '19:220-229; annexes: checklists."""

from __future__ import annotations

from models.inference.manifest import NOT_RUNNABLE, RangeSource
from models.inference.plausible_range import FACTOR, FOOTNOTE
from models.inference.tasks import TASKS
from models.model_card.annexes import annexes, guidelines_in_short, open_questions, question_numbers
from models.model_card.blocks import Block, Bullets, Facts, OpenQuestions, Paragraph, Section, table
from models.model_card.facts import CardFacts
from models.model_card.statements import METRICS_KEYS, NOT_STATED, STATEMENTS
from models.number_words import counted, share_of

NO_SIGNAL = (
    "No signal: on the patients it was trained on, scored out of fold, the model could not be shown to do better than "
    "chance. Its numbers say nothing about a patient."
)
_USE = ("intended_use", "out_of_scope")  # stated under "Intended use"


def sections(facts: CardFacts) -> tuple[Section, ...]:
    """The sections of the card, as every format has them."""
    return (
        Section("Model details", (_details(facts),)),
        Section("Intended use", _use(facts)),
        Section("Performance", _performance(facts)),
        Section("Doubts about this training", _doubts(facts)),
        Section("Caveats", (Bullets(facts.caveats),) if facts.caveats else (Paragraph("None is stated."),)),
        Section("Training data", _training_data(facts)),
        *((Section("Plausible range", _range(facts)),) if facts.spread is not None else ()),
        *((Section("Unlike the training patients", _familiarity(facts)),) if facts.familiarity_test else ()),
        *((Section("Search", _search(facts)),) if facts.search else ()),
        Section("Stated by the trainers", _statements(facts)),
        *_open(facts),
        Section("Reporting guidelines", guidelines_in_short(facts)),
        *annexes(facts),
    )


def _details(facts: CardFacts) -> Block:
    row = TASKS[facts.task]
    months = ", ".join(f"{month:g}" for month in facts.horizons_months)
    return Facts(
        (
            ("Package", f"{facts.name} {facts.version}"),
            ("Method", "small dense networks on scaled inputs clipped at ±4 standard deviations"),
            ("Recipe", facts.training.recipe),
            ("Inputs", _inputs(facts)),
            ("Output", row.card.gives.format(months=months)),
            ("Scale", f"{row.scale}; {row.direction}"),
            ("Cut-off", f"{facts.cut_off:g}; {row.card.groups}"),
            (
                "Attributions",
                (
                    f"integrated gradients on the {row.card.attributed_scale} scale, from the patient whose inputs all "
                    "have the mean of the training patients"
                ),
            ),
        )
    )


def _inputs(facts: CardFacts) -> str:
    offered = f"{facts.inputs:,} radiomic features"
    if facts.is_foreign:
        offered = f"{counted(facts.inputs, 'column')} of an imported table"
    words = [f"{offered} offered, {facts.used:,} of them with any influence"]
    words += [" and ".join(names) for names in (facts.sequences, facts.regions) if names]
    return "; ".join((*words, NOT_RUNNABLE) if facts.is_foreign else words)


def _use(facts: CardFacts) -> tuple[Block, ...]:
    statements = facts.statements
    foreign = (Paragraph(f"This model is {NOT_RUNNABLE}.", is_warning=True),) if facts.is_foreign else ()
    return (
        *foreign,
        Paragraph(
            statements.get(
                "intended_use",
                "Development, demonstration and research on breast MRI radiomics, by people who know what the notice "
                "above means.",
            )
        ),
        Paragraph(
            "Out of scope: any decision about a patient; images other than contrast-enhanced T1-weighted and "
            "T2-weighted breast MRI with a segmented tumour."
            + (f" {statements['out_of_scope']}" if "out_of_scope" in statements else "")
        ),
    )


def _performance(facts: CardFacts) -> tuple[Block, ...]:
    found = facts.out_of_fold
    measured = tuple((one.what, one.value, one.whom) for one in facts.measurements)
    return (
        Paragraph(
            f"{TASKS[facts.task].statistic} out of fold: {found.value:.2f} (95% interval {found.low:.2f} to "
            f"{found.high:.2f}; 0.5 is chance)."
        ),
        Paragraph(facts.training.performance),
        *((table(("What", "Value", "On whom, and how"), measured),) if measured else ()),
    )


def _doubts(facts: CardFacts) -> tuple[Block, ...]:
    signal = () if facts.out_of_fold.has_signal else (Paragraph(NO_SIGNAL, is_warning=True),)
    notes = (Bullets(facts.notes),) if facts.notes else ()
    return (*signal, *notes) or (Paragraph("None was found."),)


def _training_data(facts: CardFacts) -> tuple[Block, ...]:
    training, origin = facts.training, facts.origin
    return (
        Paragraph(training.data),
        Paragraph(f"{counted(training.patients, 'training case')}, {training.events} with the event."),
        Facts(
            (
                ("Feature settings", origin.settings_digest or NOT_STATED),
                ("Engine", origin.engine or NOT_STATED),
                ("Bias correction", origin.bias_correction or NOT_STATED),
            )
        ),
    )


def _range(facts: CardFacts) -> tuple[Block, ...]:
    """The plausible range: its parts, what it held, and what withholding costs and saves."""
    spread = facts.spread
    assert spread is not None
    scale = TASKS[facts.task].card.attributed_scale
    made = (
        f"{counted(spread.count, 'refit')}: the whole recipe trained again on bootstrap samples of the patients"
        if spread.source is RangeSource.REFITS
        else f"the {counted(spread.count, 'member')} of the one training, which share their patients: a range "
        "from one training"
    )
    blocks: list[Block] = [
        Paragraph(
            f"Score ± {FACTOR:g} standard deviations on the {scale} scale. Training: {made}; their deviation from the "
            f"score × {spread.inflation:g} is that of another training. Contours: other readers', made for each "
            "patient. An answer whose range holds the cut-off is borderline: its group is withheld."
        ),
        Paragraph(FOOTNOTE),
    ]
    if spread.held is not None and spread.flips_shown is not None and spread.borderline is not None:
        blocks.append(
            Paragraph(
                f"On {spread.whom}, contours left out: the range held {share_of(spread.held)} of their scores, "
                f"{share_of(spread.borderline)} of the patients were borderline, and "
                f"{share_of(spread.flips_shown, 1)} of the groups shown were another one there."
            )
        )
    elif spread.borderline is not None:
        blocks.append(
            Paragraph(
                f"{share_of(spread.borderline)} of the training patients, scored out of fold, are borderline. What the "
                "range holds of an independent training was not measured: there is no other cohort, and refits on "
                "bootstrap samples lie nearer to the score, so that the curve below is too favourable."
            )
        )
    if facts.curve:
        rows = tuple(
            (
                f"{point.factor:g}",
                share_of(point.held),
                share_of(point.withheld),
                "–" if point.flips_shown is None else share_of(point.flips_shown, 1),
                "–" if point.flips_withheld is None else share_of(point.flips_withheld),
            )
            for point in facts.curve
        )
        header = ("Standard deviations", "Held", "Borderline", "Flips, group shown", "Flips, borderline")
        blocks += [
            Paragraph(f"Risk-coverage curve ({spread.whom}). Flips: other trainings that say the other group."),
            table(header, rows, holds_words=False),
        ]
    return tuple(blocks)


def _familiarity(facts: CardFacts) -> tuple[Block, ...]:
    """False alarms of the familiarity, and what it catches of what it must."""
    test = facts.familiarity_test
    assert test is not None
    caught = tuple((what, share_of(above), share_of(far)) for what, (above, far) in test.caught.items())
    blocks: list[Block] = [
        Paragraph(
            f"False alarms ({test.whom}): {share_of(test.false_alarms[0], 1)} above a limit, which makes an answer "
            f"conditional, {share_of(test.false_alarms[1], 1)} far outside, which withholds it."
        ),
        table(("What it must catch", "Above a limit", "Far outside"), caught, holds_words=False),
        Paragraph(
            "Made from features, since a training has no images: places in other organs from a distribution measured "
            "on public images, the rest from the training patients. Catching them is necessary, not sufficient."
        ),
    ]
    if test.blind_to:
        blocks.append(
            Paragraph(
                f"It cannot tell: {', '.join(test.blind_to)}. That nothing is unlike the training patients says "
                "nothing about these."
            )
        )
    return tuple(blocks)


def _search(facts: CardFacts) -> tuple[Block, ...]:
    return (
        Paragraph(
            "Recipes that were tried with the same folds; the choice is repeated inside every outer fold. The loss is "
            "that on the patients held out for early stopping: it serves to choose and says nothing about new patients."
        ),
        Bullets(tuple(f"{name}: {text}" for name, text in facts.search.items())),
    )


def _statements(facts: CardFacts) -> tuple[Block, ...]:
    """Statements of the trainers; what was not stated is an open question."""
    hidden = (*_USE, *METRICS_KEYS)
    stated = tuple(
        (statement.question, facts.statements[statement.key])
        for statement in STATEMENTS
        if statement.key in facts.statements and statement.key not in hidden
    )
    return (table(("Question", "Answer"), stated),) if stated else (Paragraph("Nothing was stated."),)


def _open(facts: CardFacts) -> tuple[Section, ...]:
    """The section of the open questions, each once with the items that wait for it; none where all were answered."""
    if not question_numbers(facts):
        return ()
    lead = Paragraph("What the software cannot know and the trainers have not stated; in brackets the items that wait.")
    return (Section("Open questions", (lead, OpenQuestions(open_questions(facts)))),)
