"""`rdeepnet analyse demo`: every analysis on simulated patients, with what was planted beside what was found."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.exit_status import writing_to
from appliance.commands.options import AsJson, echo, print_json, stdout
from appliance.commands.progress import progress
from appliance.commands.tables import Table


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for tables and reports.")
    ] = Path("analysis-demo"),
    null: Annotated[
        bool, typer.Option("--null", help="Plant nothing: what is found then is what chance and the method find.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated patients.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Try every analysis on simulated patients, and compare what was planted with what is found.

    698 patients with outcomes and a score, 92 of them with RNA, and 127 neoadjuvant patients before and after therapy.
    No patient is behind any of it. The tables are those that a site brings; they are kept in DIR/tables, and the
    reports in DIR/patients, DIR/therapy and DIR/radiogenomics.

    **Example**

        rdeepnet analyse demo --out analysis-demo
    """
    from appliance.offline.analysis_demo import demo_into

    with writing_to(out), progress("Simulating patients") as running:
        questions, folders = demo_into(
            out, null=null, seed=seed, created=datetime.now(UTC).astimezone(), tell=running.tell
        )
    if as_json:
        print_json({"folder": str(out), "is_null": null, "questions": [asdict(one) for one in questions]})
        return
    rows = [[one.what, one.planted, one.found] for one in questions]
    stdout().print(Table("Planted and found", ["Question", "Planted", "Found"], rows))
    echo(f"{out}: {', '.join(f'{folder}/' for folder in folders)}")
