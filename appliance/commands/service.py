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

Study = Annotated[
    str, typer.Argument(metavar="STUDY", help="Study Instance UID, or as much of its beginning or end as is unique.")
]


def serve(config: ConfigFile = None) -> None:
    """Run the appliance: receive studies, answer them, send the results.

    Runs until SIGTERM or SIGINT. Logs go to standard error, one line each, without patient data.

    **Example**

        rdeepnet serve --config /etc/rdeepnet.toml
    """
    from appliance.service import service
    from appliance.service.startup_checks import settings_to_serve

    raise typer.Exit(service.serve(settings_to_serve(config)))


def health(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Ask the running service whether it is well: C-ECHO, the pulse of its main loop, disk. For a container's engine.

    The exit status is 1 when something is not. It takes a second and little memory; doctor looks at everything.
    """
    from appliance.service.health import ailments

    found = list(ailments(settings_from(config)))
    if as_json:
        print_json({"healthy": not found, "ailments": found})
    else:
        for sentence in found or ["The service is well."]:
            typer.echo(sentence)
    if found:
        raise typer.Exit(Exit.INCOMPLETE)


def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the studies the service knows: state, since when, whether the results are kept, and why where not."""
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
    stdout().print(table(f"{len(lines)} studies", ("Study", "State", "Since", "Instances", "Kept", "Why"), rows))
    if words := certificate_in_words(settings):
        typer.echo(f"TLS: {words}.")


def show(study: Study, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one study: its way, its results, what each destination has and keeps, what each stage cost."""
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
            "Way",
            ("When", "State", "Job"),
            [(f"{move.at.astimezone():%Y-%m-%d %H:%M:%S}", move.state.value, move.job_id) for move in detail.moves],
        ),
        (
            "Results",
            ("Role", "File", "SOP Instance UID"),
            [(item.role.value, item.file.name, item.sop_instance_uid) for item in detail.objects],
        ),
        (
            "Destinations",
            ("Name", "State", "Attempts", "What it said"),
            [(item.destination, item.state.value, str(item.attempts), item.sentence) for item in detail.deliveries],
        ),
        (
            "Storage commitment",
            ("Name", "State", "Since", "Requests", "What it said"),
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
    """Have a study again: results that exist are sent again, without results it is answered again."""
    from appliance.service.study_status import retry_study

    state = retry_study(settings_from(config), study)
    if as_json:
        print_json({"study": study, "state": state})
    else:
        typer.echo(f"The study is {state} now.")
