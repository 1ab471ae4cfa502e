"""The command `rdeepnet fetch`: a study from the archive, to the service or into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.commands.exit_status import Exit
from appliance.commands.options import AsJson, ConfigFile, echo, print_json, settings_from, stdout
from appliance.commands.parameters import Mistake
from appliance.commands.tables import Table

if TYPE_CHECKING:
    from appliance.service.fetch import Fetched, Source
    from dicom_io.network.find_studies import StudyAtPeer

What = Annotated[
    str,
    typer.Argument(
        metavar="ACCESSION|STUDY",
        help="Accession Number or Study Instance UID, exactly as in the archive.",
        show_default=False,
    ),
]


def fetch(
    what: What = "",
    patient: Annotated[
        str, typer.Option("--patient", metavar="ID", help="MR studies with this Patient ID.", show_default=False)
    ] = "",
    issuer: Annotated[
        str,
        typer.Option(
            "--issuer",
            metavar="NAME",
            help="Issuer of the Patient ID, where the archive has several.",
            show_default=False,
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Bring the study into this folder (C-GET, DICOMweb); without it the archive sends it to the service "
            "(C-MOVE).",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="URL",
            help="Root of a DICOMweb server to fetch from, in place of the archive; with --out or --list.",
            show_default=False,
        ),
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Bearer token for --url.", show_default=False),
    ] = None,
    authorities: Annotated[
        Path | None,
        typer.Option(
            "--authorities",
            metavar="FILE",
            help="CA certificates (PEM) for the server of --url; default: those the system trusts.",
            show_default=False,
        ),
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="List the studies that match, and fetch nothing.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a study from the archive of the configuration (`[archive]`), by accession number, UID or patient.

    Without --out the archive sends it to the running service, which answers it as any other study; the archive must
    know our AE title with address and port, and be one of the senders. With --out it comes into a folder, for
    `rdeepnet run`: by C-GET, or by DICOMweb (QIDO-RS, WADO-RS) where `archive.dicomweb_url` or --url names a server.
    Of a study, series of Modality MR, SEG and RTSTRUCT are fetched.

    **Example**

        rdeepnet fetch A-20260711-17 --config /etc/rdeepnet.toml
    """
    from appliance.service.fetch import look_for, of_one_patient, source_of, wanted_by
    from appliance.service.web_fetch import web_source_of

    if not what and not patient:
        raise Mistake("Nothing names a study; expected ACCESSION, a Study Instance UID, or --patient ID.")
    if url and out is None and not only_list:
        raise Mistake("--url brings a study into a folder, and no folder is named; expected --out FOLDER, or --list.")
    if not url and (token_file is not None or authorities is not None):
        raise Mistake("--token-file and --authorities are for --url, and it is missing; expected it, or none of them.")
    wanted = wanted_by(what, patient=patient, issuer=issuer)
    settings = settings_from(config)
    archive = settings.archive
    if url or (archive.dicomweb_url and (out is not None or (only_list and not archive.host))):
        source: Source = web_source_of(settings, out=out, url=url, token_file=token_file, authorities=authorities)
    else:
        source = source_of(settings, out=out)
    studies = look_for(source, wanted)
    if not what:
        studies = tuple(one for one in studies if not one.modalities or "MR" in one.modalities)
    if only_list:
        _show(studies, as_json=as_json)
        return
    if not studies:
        _end([], "The archive has no such study; expected one that matches exactly: check it there.", as_json)
    if why_not := of_one_patient(studies):
        _end([_listed(study) for study in studies], why_not, as_json)
    fetched = [source.fetch(study) for study in studies]
    if as_json:
        print_json({"studies": [_told(one) for one in fetched], "sentence": ""})
    else:
        for one in fetched:
            echo(_sentence(one, out))
    if not all(one.is_whole for one in fetched):
        raise typer.Exit(Exit.INCOMPLETE)


def _end(studies: list[dict[str, Any]], sentence: str, as_json: bool) -> None:
    """Ends without fetching anything."""
    if as_json:
        print_json({"studies": studies, "sentence": sentence})
    else:
        echo(sentence, err=True)
    raise typer.Exit(Exit.INCOMPLETE)


def _show(studies: tuple[StudyAtPeer, ...], *, as_json: bool) -> None:
    if as_json:
        print_json({"studies": [_listed(study) for study in studies], "sentence": ""})
        return
    rows = [
        (
            study.study_instance_uid,
            study.study_date or "–",
            study.accession_number or "–",
            study.patient_id or "–",
            study.issuer or "–",
            " ".join(study.modalities) or "–",
            "–" if study.instances is None else str(study.instances),
        )
        for study in studies
    ]
    stdout().print(Table("", ("study", "date", "accession", "patient ID", "issuer", "modalities", "objects"), rows))


def _listed(study: StudyAtPeer) -> dict[str, Any]:
    return {
        "study_instance_uid": study.study_instance_uid,
        "study_date": study.study_date,
        "accession_number": study.accession_number,
        "patient_id": study.patient_id,
        "issuer_of_patient_id": study.issuer,
        "modalities": list(study.modalities),
        "objects": study.instances,
    }


def _told(one: Fetched) -> dict[str, Any]:
    return {
        **_listed(one.study),
        "sent": one.sent.completed,
        "failed": one.sent.failed,
        "here": one.arrived,
        "is_whole": one.is_whole,
    }


def _sentence(one: Fetched, out: Path | None) -> str:
    """Sentence about one study: how much of it came, and where."""
    study, sent = one.study.study_instance_uid, one.sent
    if sent.completed == 0:
        return f"{study}: the archive sent nothing; expected its images: check that it still has them."
    if one.arrived == 0:
        return (
            f"{study}: the archive says it sent {sent.in_words()}, and none is here. Check that it sends to this "
            "machine under our AE title, that the service runs, and that the study is not one of our own results."
        )
    where = "into the service" if out is None else f"into {out / study}"
    if one.is_whole:
        return f"{study}: {sent.in_words()} came {where}."
    return (
        f"{study}: {sent.in_words()} came {where}, {sent.failed} failed; all were expected: fetch it again, and look "
        "into the logs of both sides."
    )
