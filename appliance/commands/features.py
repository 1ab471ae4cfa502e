"""`rdeepnet features`: a table of features, one row per study, or those of one image and its mask."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track

from appliance.commands.exit_status import Exit
from appliance.commands.options import Assign, ConfigFile, Jobs, assignment_from, say, settings_from, stderr

if TYPE_CHECKING:
    from appliance.settings import Settings
    from dicom_io.rules import Assignment


@dataclass(frozen=True)
class Chosen:
    """Names of engine and bias correction with their devices, from the options or the settings."""

    engine: str
    n4: str
    engine_device: str
    n4_device: str


def features(
    path: Annotated[
        Path,
        typer.Argument(
            exists=True, metavar="FOLDER|IMAGE", help="Folder with DICOM files, or one NRRD or NIfTI image."
        ),
    ],
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask", exists=True, dir_okay=False, metavar="MASK", help="Mask of the image.", show_default=False
        ),
    ] = None,
    label: Annotated[
        int | None,
        typer.Option("--label", help="Label of the region, if the mask holds several.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", dir_okay=False, metavar="FILE", help="Table to write: .csv or .parquet.", show_default=False
        ),
    ] = None,
    row_id: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="study|patient|accession",
            help="First column: Study Instance UID, Patient ID or Accession Number.",
        ),
    ] = "study",
    assign: Assign = None,
    jobs: Jobs = 1,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="own|pyradiomics", help="Feature engine.", show_default=False)
    ] = None,
    n4: Annotated[
        str | None,
        typer.Option("--n4", metavar="own|simpleitk|none", help="Bias correction of the images.", show_default=False),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", metavar="auto|cpu|cuda", help="Device of the built-in engine and N4.", show_default=False
        ),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Extract radiomic features: one row per study, or those of one image and its mask.

    A folder gives one row per study below it, with the 3,452 features of T1+C and T2W, tumour and
    surroundings; a repeated run processes only new or changed studies. An image with --mask gives the 863 features of
    that region without N4 and without surroundings; without --out they go to standard output. Options override the
    settings of --config.

    **Examples**

        rdeepnet features /data/cohort --out features.parquet --jobs 4 --id patient

        rdeepnet features image.nrrd --mask tumour.nrrd --engine pyradiomics
    """
    settings = settings_from(config)
    chosen = Chosen(
        engine=engine or settings.features.engine,
        n4=n4 or settings.preprocessing.n4,
        engine_device=device or settings.features.device,
        n4_device=device or settings.preprocessing.device,
    )
    if path.is_dir():
        if mask is not None or out is None:
            raise typer.BadParameter("a folder needs --out, and takes no --mask", param_hint="FOLDER")
        _of_folder(
            path, out, settings=settings, chosen=chosen, row_id=row_id, assignment=assignment_from(assign), jobs=jobs
        )
        return
    if mask is None:
        raise typer.BadParameter("an image needs --mask", param_hint="IMAGE")
    _of_image(path, mask, label=label, out=out, settings=settings, chosen=chosen)


def _of_folder(
    folder: Path,
    out: Path,
    *,
    settings: Settings,
    chosen: Chosen,
    row_id: str,
    assignment: Assignment,
    jobs: int,
) -> None:
    """One row per study below a folder; refused studies are listed beside the table."""
    from appliance.offline import feature_extraction, feature_file

    if row_id not in list(feature_file.RowId):
        raise typer.BadParameter(f"'{row_id}' is not one of {', '.join(feature_file.RowId)}", param_hint="--id")
    feature_file.check_format(out)
    extraction = feature_extraction.Extraction(
        rules=settings.reading,
        engine=chosen.engine,
        engine_device=chosen.engine_device,
        n4=chosen.n4,
        n4_device=chosen.n4_device,
        shell_mm=settings.preprocessing.shell_mm,
        settings=settings.features.settings,
        cavities=settings.preprocessing.cavities,
        plausibility=settings.plausibility,
    )
    console = stderr()
    with console.status("Looking for studies …"):
        studies = feature_extraction.studies_below(folder, assignment=assignment)
    kept = feature_file.kept_folder(out)
    rows: list[feature_file.Row] = []
    refused: list[feature_file.NoRow] = []
    ended = feature_extraction.extract_cohort(studies, extraction, kept=kept, jobs=jobs)
    for row in track(ended, "Studies", total=len(studies), console=console, transient=True):
        if isinstance(row, feature_file.Row):
            rows.append(row)
        else:
            refused.append(row)
            say(console, f"{row.study_instance_uid}: {row.sentence}")
    feature_file.write_rows(rows, out, row_id=feature_file.RowId(row_id), settings=settings.features.settings)
    feature_file.write_refused(refused, out)
    from_before = sum(row.is_from_before for row in rows)
    unchanged = f" ({from_before} unchanged since an earlier run)" if from_before else ""
    typer.echo(f"{len(rows)} of {len(studies)} studies in {out}{unchanged}", err=True)
    if rows:
        typer.echo(f"Their rows are kept in {kept}: a repeated run processes only new or changed studies.", err=True)
    if refused:
        typer.echo(f"{len(refused)} without features in {feature_file.refused_file(out)}", err=True)
        raise typer.Exit(Exit.INCOMPLETE)


def _of_image(
    image: Path, mask: Path, *, label: int | None, out: Path | None, settings: Settings, chosen: Chosen
) -> None:
    """The features of one region of one image: to a file, or to standard output line by line."""
    from appliance.offline import feature_extraction, feature_file

    if out is not None:
        feature_file.check_format(out)
    table = feature_extraction.extract_image(
        image,
        mask,
        label=label,
        engine=chosen.engine,
        device=chosen.engine_device,
        settings=settings.features.settings,
    )
    if out is not None:
        feature_file.write_table(table, out, identifier=image.name, bias="none")
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("name", "value", "unit", "ibsi"))
    rows = ((feature.name, repr(feature.value), feature.unit, feature.ibsi or "") for feature in table.features)
    writer.writerows(rows)
