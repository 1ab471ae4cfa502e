"""The command that scores the patients of a feature table: score."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.cohort import Features
from appliance.commands.exit_status import stopping
from appliance.commands.options import (
    AsJson,
    ConfigFile,
    Package,
    Pseudonymise,
    echo,
    identity_as_json,
    note_as_json,
    print_json,
    print_notes,
    settings_from,
)
from appliance.commands.parameters import as_mistake
from appliance.commands.progress import progress
from models.files import require_writable
from models.number_words import counted


def score(
    package: Package,
    features: Features,
    out: Annotated[
        Path, typer.Option("--out", "-o", dir_okay=False, metavar="FILE", help="Table to write: .csv or .parquet.")
    ],
    withheld: Annotated[
        bool,
        typer.Option("--withheld", help="Also write withheld scores, in a column of that name (research)."),
    ] = False,
    pseudonymise: Pseudonymise = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Score every patient of a feature table; no outcomes are needed. For reports of studies, see run.

    Writes one row per patient: `id`, `score` (log-risk or probability; empty where features are missing or the score
    is withheld), `group` by the package's cut-off, `rfs_12_months` and so on, `validity` with its `reasons` (codes),
    `familiar` (1 where the patient is like those it was trained on, with `residual`, `distance` and `share_outside`
    behind it), `quality_notes` (codes), `verdicts` (what the package says against itself: demonstration, no-signal,
    few-events, few-events-per-parameter), `model`, `version`, `digest`, `signed_by` (fingerprint of the key).

    Of the configuration, only `models.trusted_keys` counts: a package that none of them has signed is refused.

    **Example**

        rdeepnet score packages/recurrence --features features.parquet --out scores.csv
    """
    with stopping(lambda: "Nothing was written."), progress("Loading") as running:
        from models.cohort.features import read_features
        from models.cohort.score import check_suffix, score_rows, write_scored
        from models.inference.outcome import Group
        from models.inference.runtime import load_models
        from models.pseudonyms import read_pseudonym_key

        with as_mistake("--out"):
            check_suffix(out)
        pseudonyms = None if pseudonymise is None else read_pseudonym_key(pseudonymise)
        require_writable(out.parent)
        (model,) = load_models([package], provider="cpu", trusted_keys=settings_from(config).models.trusted_keys)
        rows = read_features(features)
        if pseudonyms is not None:
            rows = rows.pseudonymised(pseudonyms)
        running.tell("Scoring", 0, 0)
        started = time.perf_counter()
        result = score_rows(model, rows)
        seconds = time.perf_counter() - started
        write_scored(result, model, out, withheld=withheld)
    identity = model.package.identity
    patients, scored = len(result.identifiers), int(result.scored.sum())
    high = sum(1 for group in result.groups if group is Group.HIGH)
    if as_json:
        print_json(
            {
                "file": str(out),
                "model": identity_as_json(identity),
                "cut_off": model.package.cut_off,
                "patients": patients,
                "scored": scored,
                "high": high,
                "validity": Counter(one.state.value for one in result.validity),
                "seconds": seconds,
                "quality_notes": [note_as_json(note) for note in result.notes],
            }
        )
        return
    print_notes(result.notes)
    echo(
        f"{out}: {scored} of {counted(patients, 'patient')} scored by {identity.name} {identity.version} "
        f"({identity.notice}), {high} of them above {model.package.cut_off:g}; {seconds:.1f} s"
    )
