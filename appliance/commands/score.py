"""The command that scores the patients of a feature table: score."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from appliance.commands.cohort import Features
from appliance.commands.options import stdout


def score(
    package: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, metavar="PACKAGE", help="Folder of a model package.")
    ],
    features: Features,
    out: Annotated[
        Path, typer.Option("--out", "-o", dir_okay=False, metavar="FILE", help="Table to write: .csv or .parquet.")
    ],
    withheld: Annotated[
        bool,
        typer.Option("--withheld", help="Also write withheld scores, in a column of that name (research)."),
    ] = False,
) -> None:
    """Score every patient of a feature table; no outcomes are needed. For reports of studies, see run.

    Writes one row per patient: `id`, `score` (log-risk or probability; empty where features are missing or the score
    is withheld), `group` by the package's cut-off, `rfs_12_months` and so on, `validity` with its `reasons` (codes),
    `familiar` (1 where the patient is like those it was trained on, with `residual`, `distance` and `share_outside`
    behind it), `quality_notes` (codes), `model`, `version`, `digest`.

    **Example**

        rdeepnet score packages/recurrence --features features.parquet --out scores.csv
    """
    from models.cohort.features import read_features
    from models.cohort.score import check_suffix, score_rows, write_scored
    from models.inference.outcome import Group
    from models.inference.runtime import load_models

    check_suffix(out)
    (model,) = load_models([package], provider="cpu")
    rows = read_features(features)
    started = time.perf_counter()
    result = score_rows(model, rows)
    seconds = time.perf_counter() - started
    write_scored(result, model, out, withheld=withheld)
    for note in result.notes:
        text = f"[yellow]{note.severity.value:>7}[/]  {escape(note.code)}: {escape(note.sentence)}"
        stdout().print(text, highlight=False, soft_wrap=True)
    identity = model.package.identity
    high = sum(1 for group in result.groups if group is Group.HIGH)
    typer.echo(
        f"{out}: {int(result.scored.sum())} of {len(result.identifiers)} patients scored by {identity.name} "
        f"{identity.version} ({identity.notice}), {high} of them above {model.package.cut_off:g}; {seconds:.1f} s"
    )
