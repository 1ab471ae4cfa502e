"""`rdeepnet features`: a table of features, one row per study, or those of one image and its mask."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.exit_status import Exit, kept_so_far, stopping
from appliance.commands.options import (
    AsJson,
    Assign,
    ConfigFile,
    DatesOption,
    Jobs,
    Pseudonymise,
    Queue,
    assignment_from,
    echo,
    note_as_json,
    print_json,
    pseudonymiser_from,
    say,
    settings_from,
    stderr,
)
from appliance.commands.parameters import (
    BiasCorrection,
    DeviceName,
    EngineName,
    RowId,
    as_mistake,
    existing_file,
    existing_path,
    listed,
)
from appliance.commands.progress import progress
from models.number_words import agreeing, counted

if TYPE_CHECKING:
    from appliance.offline.feature_extraction import Extraction, StudyFiles
    from appliance.offline.feature_file import NoRow, Row
    from appliance.settings import Settings
    from dicom_io.reading.pseudonymise import Pseudonymiser
    from dicom_io.reading.study_identity import StudyIdentity
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
            callback=existing_path,
            metavar="FOLDER|IMAGE",
            help="Folder with DICOM files, or one NRRD or NIfTI image.",
        ),
    ],
    mask: Annotated[
        Path | None,
        typer.Option("--mask", callback=existing_file, metavar="MASK", help="Mask of the image.", show_default=False),
    ] = None,
    label: Annotated[
        int | None,
        typer.Option("--label", help="Label of the region, if the mask holds several.", show_default=False),
    ] = None,
    resample_mask: Annotated[
        bool, typer.Option("--resample-mask", help="Carry a mask on another grid over to that of the image.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", dir_okay=False, metavar="FILE", help="Table to write: .csv or .parquet.", show_default=False
        ),
    ] = None,
    row_id: Annotated[
        RowId,
        typer.Option(
            "--id",
            metavar=listed(RowId),
            help="First column: Study Instance UID, Patient ID or Accession Number.",
        ),
    ] = "study",
    assign: Assign = None,
    jobs: Jobs = 1,
    queue: Queue = False,
    engine: Annotated[
        EngineName | None,
        typer.Option("--engine", metavar=listed(EngineName), help="Feature engine.", show_default=False),
    ] = None,
    n4: Annotated[
        BiasCorrection | None,
        typer.Option("--n4", metavar=listed(BiasCorrection), help="Bias correction of the images.", show_default=False),
    ] = None,
    device: Annotated[
        DeviceName | None,
        typer.Option(
            "--device", metavar=listed(DeviceName), help="Device of the built-in engine and N4.", show_default=False
        ),
    ] = None,
    pseudonymise: Pseudonymise = None,
    dates: DatesOption = "shift",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Extract radiomic features: one row per study, or those of one image and its mask.

    A folder gives one row per study below it, with the 3,452 features of T1+C and T2W, tumour and
    surroundings; a repeated run processes only new or changed studies. An image with --mask gives the 863 features of
    that region without N4 and without surroundings; without --out they go to standard output. Options override the
    settings of --config. With --json standard output holds one entry for each study, or the features of the image.

    **Examples**

        rdeepnet features /data/cohort --out features.parquet --jobs 4 --id patient

        rdeepnet features image.nrrd --mask tumour.nrrd --engine pyradiomics
    """
    if queue and (engine or n4 or device or pseudonymise):
        raise typer.BadParameter("it takes no --engine, --n4, --device, --pseudonymise", param_hint="--queue")
    settings = settings_from(config)
    chosen = Chosen(
        engine=engine or settings.features.engine,
        n4=n4 or settings.preprocessing.n4,
        engine_device=device or settings.features.device,
        n4_device=device or settings.preprocessing.device,
    )
    pseudonymiser = pseudonymiser_from(pseudonymise, dates)
    if path.is_dir():
        if mask is not None or resample_mask or out is None:
            raise typer.BadParameter("a folder needs --out, and takes no --mask", param_hint="FOLDER")
        _of_folder(
            path,
            out,
            settings=settings,
            chosen=chosen,
            row_id=row_id,
            assignment=assignment_from(assign),
            jobs=jobs,
            queue=queue,
            pseudonymiser=pseudonymiser,
            as_json=as_json,
        )
        return
    if queue:
        raise typer.BadParameter("one image is computed here", param_hint="--queue")
    if mask is None:
        raise typer.BadParameter("an image needs --mask", param_hint="IMAGE")
    _of_image(
        path,
        mask,
        label=label,
        resample_mask=resample_mask,
        out=out,
        settings=settings,
        chosen=chosen,
        pseudonymiser=pseudonymiser,
        as_json=as_json,
    )


def _of_folder(
    folder: Path,
    out: Path,
    *,
    settings: Settings,
    chosen: Chosen,
    row_id: str,
    assignment: Assignment,
    jobs: int,
    queue: bool,
    pseudonymiser: Pseudonymiser | None,
    as_json: bool,
) -> None:
    """One row per study below a folder; refused studies are listed beside the table."""
    from appliance.offline import feature_extraction, feature_file
    from appliance.offline.pseudonymised import claim
    from dicom_io.reading.study_identity import identity_of
    from models.files import require_writable

    with as_mistake("--out"):
        feature_file.check_format(out)
    extraction = replace(
        feature_extraction.extraction_of(settings),
        engine=chosen.engine,
        engine_device=chosen.engine_device,
        n4=chosen.n4,
        n4_device=chosen.n4_device,
    )
    console = stderr()
    with progress("Looking for studies") as looking:
        studies, left_out = feature_extraction.studies_below(
            folder, assignment=assignment, pseudonymiser=pseudonymiser, limits=settings.limits, tell=looking.tell
        )
    for phrase in left_out:
        say(console, f"Left out: {phrase}")
    kept = feature_file.kept_folder(out)
    require_writable(out.parent)
    claim(kept, pseudonymiser, has_results=any(kept.glob("*.npz")))
    rows: list[feature_file.Row] = []
    refused: list[feature_file.NoRow] = []
    by = partial(_by_workers, extraction=extraction, kept=kept, settings=settings, jobs=jobs) if queue else None
    with (
        stopping(lambda: kept_so_far(len(rows), len(studies), kept)),
        closing(feature_extraction.extract_cohort(studies, extraction, kept=kept, jobs=jobs, by=by)) as ended,
        progress("Studies", len(studies)) as running,
    ):
        for row in ended:
            running.advance()
            if isinstance(row, feature_file.Row):
                rows.append(row)
                for note in row.warnings:
                    say(running.console, f"{row.study_instance_uid} warning: {note.sentence}")
            else:
                refused.append(row)
                say(running.console, f"{row.study_instance_uid}: {row.sentence}")
    feature_file.write_rows(rows, out, row_id=feature_file.RowId(row_id), settings=settings.features.settings)
    identities = {study.study_instance_uid: identity_of(study.files, study.pseudonymiser) for study in studies}
    feature_file.write_refused(refused, out, identities)
    if as_json:
        every: list[feature_file.Row | feature_file.NoRow] = [*rows, *refused]
        every.sort(key=lambda row: row.study_instance_uid)
        print_json([_as_json(row, identities[row.study_instance_uid]) for row in every])
    from_before = sum(row.is_from_before for row in rows)
    unchanged = f" ({from_before} unchanged since an earlier run)" if from_before else ""
    echo(f"{len(rows)} of {counted(len(studies), 'study', 'studies')} in {out}{unchanged}", err=True)
    if rows:
        echo(f"Their rows are kept in {kept}: a repeated run processes only new or changed studies.", err=True)
    if without := sum(bool(row.undefined) for row in rows):
        lacking = agreeing(
            without, "lacks a feature that has no value for it", "lack a feature that has no value for them"
        )
        echo(f"{without} {lacking}: {feature_file.undefined_file(out)}", err=True)
    if refused:
        echo(f"{len(refused)} without features in {feature_file.refused_file(out)}", err=True)
        raise typer.Exit(Exit.INCOMPLETE)


def _by_workers(
    studies: Sequence[StudyFiles], *, extraction: Extraction, kept: Path, settings: Settings, jobs: int
) -> Generator[Row | NoRow, None, None]:
    """The rows of studies, extracted by the workers of a shared home."""
    from appliance.commands.queueing import answered_by_workers
    from appliance.offline import handed_over
    from appliance.offline.feature_file import NoRow

    questions = [(handed_over.question_of_row(study, extraction), study.files) for study in studies]
    with closing(answered_by_workers(questions, settings, at_once=jobs)) as answers:
        for number, answer in answers:
            study = studies[number]
            if answer.reason:
                yield NoRow(study.study_instance_uid, answer.reason)
            else:
                yield handed_over.row_of(study, extraction, answer.files, kept=kept)


def _as_json(row: Row | NoRow, identity: StudyIdentity) -> dict[str, object]:
    """One study of `rdeepnet features --json`; docs/views.schema.json describes it."""
    from appliance.offline.feature_file import NoRow

    notes = () if isinstance(row, NoRow) else row.notes
    return {
        "study_instance_uid": row.study_instance_uid,
        **identity.as_json(),
        "outcome": "refused" if isinstance(row, NoRow) else "extracted",
        "sentence": row.sentence if isinstance(row, NoRow) else "",
        "features": 0 if isinstance(row, NoRow) else len(row.names),
        "is_from_before": not isinstance(row, NoRow) and row.is_from_before,
        "warnings": None if isinstance(row, NoRow) else len(row.warnings),
        "quality_notes": [note_as_json(note) for note in notes],
    }


def _of_image(
    image: Path,
    mask: Path,
    *,
    label: int | None,
    resample_mask: bool,
    out: Path | None,
    settings: Settings,
    chosen: Chosen,
    pseudonymiser: Pseudonymiser | None,
    as_json: bool,
) -> None:
    """The features of one region of one image: to a file, or to standard output line by line."""
    from appliance.offline import feature_extraction, feature_file
    from models.csv_table import lines
    from models.features.names import feature_definitions
    from models.features.undefined import summary
    from models.pseudonyms import Kind

    if out is not None:
        with as_mistake("--out"):
            feature_file.check_format(out)
    table = feature_extraction.extract_image(
        image,
        mask,
        label=label,
        engine=chosen.engine,
        device=chosen.engine_device,
        settings=settings.features.settings,
        resample_mask=resample_mask,
    )
    for note in table.notes:
        say(stderr(), note.sentence)
    if out is not None:
        name = image.name if pseudonymiser is None else pseudonymiser.pseudonyms.of(Kind.IMAGE, image.name)
        feature_file.write_table(table, out, identifier=name, bias="none", settings=settings.features.settings)
    if table.undefined:
        reasons = f" The reasons are in {feature_file.undefined_file(out)}." if out is not None else ""
        say(stderr(), summary(table.undefined, len(table) + len(table.undefined)) + reasons)
    if out is not None and not as_json:
        return
    rows = [
        (what.name, table[what.name].value if what.name in table else None, what.unit, what.ibsi)
        for what in feature_definitions(settings.features.settings)
    ]
    header = ("name", "value", "unit", "ibsi")
    if as_json:
        print_json([dict(zip(header, row, strict=True)) for row in rows])
    else:
        sys.stdout.writelines(lines([header, *rows]))
