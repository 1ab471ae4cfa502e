"""`rdeepnet analyse therapy`: features before and after neoadjuvant therapy, by response."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.analyse.options import Alpha, AnalysisOut, Permutations, Scale, Seed
from appliance.commands.exit_status import writing_to
from appliance.commands.options import AsJson, echo, print_json, print_notes, stdout
from appliance.commands.parameters import RegionName, SequenceName, as_mistake, each_of, existing_file, listed, one_of
from appliance.commands.progress import progress
from appliance.commands.tables import Table

if TYPE_CHECKING:
    from models.therapy.results import TherapyAnalysis


def therapy(
    before: Annotated[
        Path,
        typer.Option(
            "--before",
            callback=existing_file,
            metavar="FILE",
            help="Features before therapy: table that rdeepnet features wrote, or a CSV with --measurement.",
        ),
    ],
    after: Annotated[
        Path, typer.Option("--after", callback=existing_file, metavar="FILE", help="Features after therapy, likewise.")
    ],
    clinical: Annotated[
        Path,
        typer.Option(
            "--clinical",
            callback=existing_file,
            metavar="FILE",
            help="CSV with one row per patient: id, response (CR, PR, SD, PD; pCR, non-pCR; 1, 0), other columns.",
        ),
    ],
    out: AnalysisOut,
    response: Annotated[
        str | None,
        typer.Option(
            "--response",
            metavar="COLUMN",
            help="Clinical column with the response; default: response.",
            show_default=False,
        ),
    ] = None,
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            "--adjust",
            metavar="COLUMN",
            help="Covariate of every model: a feature (with its change in paired tests), such as "
            "t1c_intratumoral_original_shape_MeshVolume, or a clinical column. May be repeated.",
            show_default=False,
        ),
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(
            "--block",
            metavar="COLUMN",
            help="Clinical column with groups that differ for technical reasons, such as scanner; labels are shuffled "
            "within them.",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            metavar=listed(RegionName),
            callback=each_of(RegionName),
            help="Region whose features are analysed; default: intratumoral, as in the paper. May be repeated.",
            show_default=False,
        ),
    ] = None,
    sequence: Annotated[
        list[str] | None,
        typer.Option(
            "--sequence",
            metavar=listed(SequenceName),
            callback=each_of(SequenceName),
            help="Sequence whose features are analysed; default: both. May be repeated.",
            show_default=False,
        ),
    ] = None,
    measurement: Annotated[
        list[str] | None,
        typer.Option(
            "--measurement",
            metavar="NAME=BEFORE:AFTER",
            help="A number of a plain CSV instead of our features: its columns before and after therapy. May be "
            "repeated.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="ROLE=NAME",
            autocompletion=one_of("id=", "response="),
            help="Name of a column: id=, response=. May be repeated.",
            show_default=False,
        ),
    ] = None,
    scale: Scale = "z",
    alpha: Alpha = 0.05,
    permutations: Permutations = 1000,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Compare features before and after neoadjuvant therapy, in responders and non-responders.

    Five comparisons of every feature: responders against non-responders before and after therapy, after against
    before within each group, and the direct question of whether change differs by response. Every count stands beside
    its expectation by chance, permutations and the false discovery rate; the overlap of the four lists is shown, and is
    not evidence of response. Patients with one examination are named and left out; nothing is filled in.

    Writes report.html, report.pdf, result.json, CSV tables, figures and methods.txt to DIR.

    **Example**

        rdeepnet analyse therapy --before pre.parquet --after post.parquet --clinical clinical.csv --out therapy
    """
    from appliance.offline.therapy import TherapyInput, therapy_into
    from models.statistics.feature_tests import Scale as ScaleOfFeatures
    from models.therapy.results import TherapySettings
    from models.therapy.tables import ClinicalColumns, Measurement

    with as_mistake("--column"):
        columns = ClinicalColumns().renamed(tuple(column or ()))
        if response is not None:
            columns = columns.renamed((f"response={response}",))
    with as_mistake("--measurement"):
        measurements = tuple(Measurement.parse(text) for text in measurement or ())
    given = TherapyInput(
        before, after, clinical, columns, measurements, () if measurements else _prefixes(region, sequence)
    )
    settings = TherapySettings(ScaleOfFeatures(scale), alpha, permutations, seed, tuple(adjust or ()), block or "")
    with writing_to(out), progress("Reading tables") as running:
        analysis, files = therapy_into(out, given, settings, created=datetime.now(UTC).astimezone(), tell=running.tell)
    if as_json:
        print_json(json.loads((out / "result.json").read_text(encoding="utf-8")))
        return
    _print(analysis)
    echo(f"{out}: {', '.join(name for name in files if '/' not in name)}, figures/")


def _prefixes(regions: list[str] | None, sequences: list[str] | None) -> tuple[str, ...]:
    """Beginnings of the names of the features to analyse."""
    from models.volume import Region, Sequence

    chosen = regions or [Region.INTRATUMORAL]
    wanted = list(Region) if "all" in chosen else chosen
    return tuple(f"{sequence}_{region}_" for sequence in sequences or list(Sequence) for region in wanted)


def _print(analysis: TherapyAnalysis) -> None:
    """Counts beside chance, the answer to the direct question, every doubt."""
    from models.therapy.design import Comparison
    from reports.analysis.cells import shown
    from reports.analysis.therapy import words
    from reports.analysis.therapy.tables import counts_table

    if len(analysis.names) > 1:
        content = counts_table(analysis)
        rows = [
            [shown(value, of.format) for value, of in zip(row, content.columns, strict=True)] for row in content.rows
        ]
        stdout().print(Table("Features and chance", [of.title for of in content.columns], rows))
        echo(words.overlap_words(analysis))
    else:
        for comparison, compared in analysis.comparisons.items():
            echo(f"{words.TITLES[comparison]}: {words.count_words(compared)}")
    echo(words.direct_answer(analysis.comparisons[Comparison.CHANGE]))
    for reason, number in analysis.patients.reasons().items():
        echo(f"Left out: {number}, {reason}.")
    print_notes(analysis.notes)
