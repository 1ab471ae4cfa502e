"""The commands of the appliance: serve, health, status, show, retry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from appliance.commands.exit_status import Exit
from appliance.commands.options import AsJson, ConfigFile, print_json, settings_from, stdout, table

if TYPE_CHECKING:
    from appliance.service.study_status import StudyDetail

Study = Annotated[str, typer.Argument(metavar="STUDY", help="Study Instance UID, or any unique prefix or suffix.")]


def serve(config: ConfigFile = None) -> None:
    """Run the appliance: receive studies, process them, send the results.

    Runs until SIGTERM or SIGINT. Logs go to standard error, one entry per line, without patient data.

    **Example**

        rdeepnet serve --config /etc/rdeepnet.toml
    """
    from appliance.service import service
    from appliance.service.startup_checks import settings_to_serve

    raise typer.Exit(service.serve(settings_to_serve(config)))


def health(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check that the running service works: C-ECHO, heartbeat of its main loop, disk. For container engines.

    The exit status is 1 when a check fails. It takes a second and little memory; doctor checks everything.
    """
    from appliance.service.health import ailments

    problems = list(ailments(settings_from(config)))
    if as_json:
        print_json({"healthy": not problems, "ailments": problems})
    else:
        for sentence in problems or ["The service is healthy."]:
            typer.echo(sentence)
    if problems:
        raise typer.Exit(Exit.INCOMPLETE)


def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the known studies: state, time of its last change, storage commitment, and the reason for any failure."""
    from appliance.service.study_status import list_studies
    from appliance.transport import certificate_in_words

    settings = settings_from(config)
    lines = list_studies(settings)
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    rows = [
        (
            line.study_uid,
            line.state.value,
            f"{line.changed_at.astimezone():%Y-%m-%d %H:%M:%S}",
            str(line.instances),
            line.commitment.value if line.commitment else "–",
            line.sentence,
        )
        for line in lines
    ]
    stdout().print(
        table(f"{len(lines)} studies", ("Study", "State", "Since", "Instances", "Commitment", "Reason"), rows)
    )
    if words := certificate_in_words(settings):
        typer.echo(f"TLS: {words}.")


def show(study: Study, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one study: its history, its results, delivery and commitment by destination, and the cost of each stage."""
    from appliance.service.study_status import show_study

    detail = show_study(settings_from(config), study)
    if as_json:
        print_json(asdict(detail))
        return
    _print_detail(detail, stdout())


def _print_detail(detail: StudyDetail, console: Console) -> None:
    record = detail.record
    typer.echo(f"Study     {record.study_uid}")
    typer.echo(f"State     {record.state}" + (f": {record.sentence}" if record.sentence else ""))
    typer.echo(f"Received  {detail.instances} instances on disk")
    typer.echo(f"PDF       {detail.pdf or '–'}")
    for title, columns, rows in _tables(detail):
        if rows:
            typer.echo()
            console.print(table(title, columns, rows))


def _tables(detail: StudyDetail) -> Sequence[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    from appliance.service.study_status import in_words

    return (
        (
            "History",
            ("Time", "State", "Job"),
            [(f"{move.at.astimezone():%Y-%m-%d %H:%M:%S}", move.state.value, move.job_id) for move in detail.moves],
        ),
        (
            "Results",
            ("Role", "File", "SOP Instance UID"),
            [(item.role.value, item.file.name, item.sop_instance_uid) for item in detail.objects],
        ),
        (
            "Destinations",
            ("Name", "State", "Attempts", "Answer"),
            [(item.destination, item.state.value, str(item.attempts), item.sentence) for item in detail.deliveries],
        ),
        (
            "Storage commitment",
            ("Name", "State", "Since", "Requests", "Answer"),
            [
                (
                    item.destination,
                    item.state.value,
                    f"{item.since.astimezone():%Y-%m-%d %H:%M:%S}",
                    str(item.requests),
                    item.sentence,
                )
                for item in detail.commitments
            ],
        ),
        (
            "Acknowledged and not kept",
            ("Instances", "SOP Class", "UID"),
            [(str(item.instances), in_words(item), item.sop_class_uid) for item in detail.not_kept],
        ),
        (
            "Cost",
            ("Stage", "Seconds", "CPU seconds", "Peak memory so far, MB"),
            [
                (cost.stage, f"{cost.seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_memory_mb:.0f}")
                for cost in detail.stages
            ],
        ),
    )


def retry(study: Study, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Retry a study: send its results again, or compute it again if it has none."""
    from appliance.service.study_status import retry_study

    state = retry_study(settings_from(config), study)
    if as_json:
        print_json({"study": study, "state": state})
    else:
        typer.echo(f"The study is now {state}.")
