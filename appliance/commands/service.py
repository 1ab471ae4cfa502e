"""The commands of the appliance: serve, health, status, show, retry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from appliance.commands.exit_status import Exit
from appliance.commands.options import AsJson, ConfigFile, print_json, settings_from, stdout, table
from appliance.state.states import State

if TYPE_CHECKING:
    from appliance.service.retry import Retried
    from appliance.service.study_status import StudyDetail

_STUDY_HELP = "Study Instance UID, or any unique prefix or suffix."
Study = Annotated[str, typer.Argument(metavar="STUDY", help=_STUDY_HELP)]
OneStudy = Annotated[str | None, typer.Argument(metavar="STUDY", help=_STUDY_HELP, show_default=False)]
AssignAndRemember = Annotated[
    list[str] | None,
    typer.Option(
        "--assign",
        metavar="ROLE=SERIES",
        help="Answer the study by this choice and remember it: t1c=, t2w= or tumour=, by Series Instance UID or "
        "description (t2w=none: the study has none). May be repeated; together they are the whole choice.",
        show_default=False,
    ),
]
ByRules = Annotated[bool, typer.Option("--by-rules", help="Take an earlier choice back: go by the rules again.")]
OfState = Annotated[State | None, typer.Option("--state", help="Studies in this state.", show_default=False)]
Since = Annotated[
    datetime | None,
    typer.Option("--since", help="Studies that changed at or after this local date or time.", show_default=False),
]
ToDestination = Annotated[
    str,
    typer.Option(
        "--destination",
        metavar="NAME",
        help="Studies of which this destination does not have everything; send to it alone. With --state delivered: "
        "those that it has.",
        show_default=False,
    ),
]


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
    from reports.replacement import REASONS

    return (
        (
            "History",
            ("Time", "State", "Job"),
            [(f"{move.at.astimezone():%Y-%m-%d %H:%M:%S}", move.state.value, move.job_id) for move in detail.moves],
        ),
        (
            "Explicit choices, the last one counts",
            ("Time", "Choice"),
            [
                (f"{choice.at.astimezone():%Y-%m-%d %H:%M:%S}", ", ".join(choice.texts) or "by the rules")
                for choice in detail.choices
            ],
        ),
        (
            "Answers, oldest first",
            ("Version", "Made", "Because", "SOP Instance UID"),
            [
                (
                    str(answer.facts.version),
                    f"{answer.created.astimezone():%Y-%m-%d %H:%M:%S}",
                    ", ".join(REASONS[reason] for reason in made.reasons)
                    if (made := answer.facts.replacement) is not None
                    else "the first answer",
                    answer.identifier,
                )
                for answer in detail.answers
            ],
        ),
        (
            "Results",
            ("Role", "File", "SOP Instance UID"),
            [(item.role.value, item.file.name, item.sop_instance_uid) for item in detail.objects],
        ),
        (
            "Destinations",
            ("Name", "What", "State", "Attempts", "Answer"),
            [
                (
                    item.destination,
                    "notice" if item.is_notice else "results",
                    item.state.value,
                    str(item.attempts),
                    item.sentence,
                )
                for item in detail.deliveries
            ],
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


def retry(
    study: OneStudy = None,
    assign: AssignAndRemember = None,
    by_rules: ByRules = False,
    state: OfState = None,
    since: Since = None,
    destination: ToDestination = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Retry studies: send their results again, or compute them again if they have none.

    One study by its UID, or all that --state, --since and --destination mean together. With --assign the study is
    computed again by this choice, also when it is delivered already; the choice is remembered, whatever arrives later,
    until another one is made or --by-rules takes it back.

    **Example**

        rdeepnet retry --state failed --since 2026-11-01
        rdeepnet retry 1.2.840.1 --assign tumour="Tumour, second reader"
    """
    from appliance.service import retry as retrying

    settings = settings_from(config)
    which = retrying.Filter(state, None if since is None else since.astimezone(), destination)
    if study is None:
        if assign or by_rules:
            raise typer.BadParameter("--assign and --by-rules are for one study; name it.")
        outcomes = retrying.retry_studies(settings, which)
    else:
        if state is not None or since is not None or (destination and (assign or by_rules)):
            raise typer.BadParameter("One study is named; --state and --since are for many, --destination for sending.")
        if assign and by_rules:
            raise typer.BadParameter("--assign makes a choice and --by-rules takes it back; give one of them.")
        if assign or by_rules:
            now = retrying.choose_for_study(settings, study, assign or ())
        else:
            now = retrying.retry_study(settings, study, destination=destination)
        outcomes = (retrying.Retried(study, now),)
    _print_retried(outcomes, is_one=study is not None, as_json=as_json)


def _print_retried(outcomes: Sequence[Retried], *, is_one: bool, as_json: bool) -> None:
    if as_json:
        listed = [asdict(outcome) for outcome in outcomes]
        print_json({"study": outcomes[0].study, "state": outcomes[0].state} if is_one else listed)
    elif is_one:
        typer.echo(f"The study is now {outcomes[0].state}.")
    else:
        for outcome in outcomes:
            typer.echo(f"{outcome.study}  {outcome.sentence or f'is now {outcome.state}'}")
        typer.echo(f"{sum(not outcome.sentence for outcome in outcomes)} of {len(outcomes)} studies are retried.")
