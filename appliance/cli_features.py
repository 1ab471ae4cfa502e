"""What `rdeepnet features` does and shows."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.progress import track

from appliance import cohort_features, feature_rows
from appliance.cli_exit import Exit
from appliance.cli_options import say, stderr
from appliance.settings import Settings
from dicom_io.rules import Assignment


@dataclass(frozen=True)
class Chosen:
    """Names of engine and bias correction with their devices, from the options or the settings."""

    engine: str
    n4: str
    engine_device: str
    n4_device: str


def of_folder(
    folder: Path,
    out: Path,
    *,
    settings: Settings,
    chosen: Chosen,
    row_id: str,
    assignment: Assignment,
    jobs: int,
) -> None:
    """One row for each study below a folder; refused studies are listed beside the table."""
    if row_id not in list(feature_rows.RowId):
        raise typer.BadParameter(f"'{row_id}' is none of {', '.join(feature_rows.RowId)}", param_hint="--id")
    feature_rows.check_format(out)
    extraction = cohort_features.Extraction(
        rules=settings.reading,
        engine=chosen.engine,
        engine_device=chosen.engine_device,
        n4=chosen.n4,
        n4_device=chosen.n4_device,
        shell_mm=settings.preprocessing.shell_mm,
        settings=settings.features.settings,
    )
    console = stderr()
    with console.status("Looking for studies …"):
        studies = cohort_features.studies_below(folder, assignment=assignment)
    kept = feature_rows.kept_folder(out)
    rows: list[feature_rows.Row] = []
    refused: list[feature_rows.NoRow] = []
    ended = cohort_features.extract_cohort(studies, extraction, kept=kept, jobs=jobs)
    for one in track(ended, "Studies", total=len(studies), console=console, transient=True):
        if isinstance(one, feature_rows.Row):
            rows.append(one)
        else:
            refused.append(one)
            say(console, f"{one.study_instance_uid}: {one.sentence}")
    feature_rows.write_rows(rows, out, row_id=feature_rows.RowId(row_id), settings=settings.features.settings)
    feature_rows.write_refused(refused, out)
    from_before = sum(row.is_from_before for row in rows)
    unchanged = f" ({from_before} unchanged since an earlier run)" if from_before else ""
    typer.echo(f"{len(rows)} of {len(studies)} studies in {out}{unchanged}", err=True)
    if rows:
        typer.echo(f"Their rows are kept in {kept}: repeated, only what is new or changed is worked on.", err=True)
    if refused:
        typer.echo(f"{len(refused)} without features in {feature_rows.refused_file(out)}", err=True)
        raise typer.Exit(Exit.INCOMPLETE)


def of_image(
    image: Path, mask: Path, *, label: int | None, out: Path | None, settings: Settings, chosen: Chosen
) -> None:
    """The features of one region of one image: to a file, or to standard output line by line."""
    if out is not None:
        feature_rows.check_format(out)
    table = cohort_features.extract_image(
        image,
        mask,
        label=label,
        engine=chosen.engine,
        device=chosen.engine_device,
        settings=settings.features.settings,
    )
    if out is not None:
        feature_rows.write_table(table, out, identifier=image.name, bias="none")
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("name", "value", "unit", "ibsi"))
    writer.writerows((one.name, repr(one.value), one.unit, one.ibsi or "") for one in table.features)
