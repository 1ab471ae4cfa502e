"""Commands on the studies of the appliance: status, show, retry."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group
from rich.text import Text

from appliance.commands.options import (
    AsJson,
    ConfigFile,
    assignment_from,
    echo,
    operator_name,
    print_json,
    settings_from,
    stdout,
)
from appliance.commands.parameters import ROLES_ASSIGNED, destinations, study_uids
from appliance.commands.tables import Table
from appliance.state.states import State
from models.number_words import agreeing, counted

if TYPE_CHECKING:
    from appliance.service.retry import Retried
    from appliance.service.study_status import StudyDetail
    from appliance.settings import Settings
    from appliance.state.host_records import Host

_WATCH_EVERY_S = 2.0
_ONE_KEY = {"study_uid": "study_instance_uid"}  # name of a field in the records → key of the documents
_STUDY_HELP = "Study Instance UID, or any unique prefix or suffix."
Study = Annotated[str, typer.Argument(metavar="STUDY", autocompletion=study_uids, help=_STUDY_HELP)]
OneStudy = Annotated[
    str | None, typer.Argument(metavar="STUDY", autocompletion=study_uids, help=_STUDY_HELP, show_default=False)
]
AssignAndRemember = Annotated[
    list[str] | None,
    typer.Option(
        "--assign",
        metavar="ROLE=SERIES",
        autocompletion=ROLES_ASSIGNED,
        help="Answer the study by this choice and remember it: t1c=, t2w= or tumour=, by Series Instance UID or "
        "description (t2w=none: the study has none). May be repeated; together they are the whole choice.",
        show_default=False,
    ),
]
ByRules = Annotated[bool, typer.Option("--by-rules", help="Undo an earlier choice: assign by the rules again.")]
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
        autocompletion=destinations,
        help="Studies of which this destination does not have everything; send to it alone. With --state delivered: "
        "those that it has.",
        show_default=False,
    ),
]


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Refresh the list every 2 seconds, until Ctrl-C.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the known studies: state, time of its last change, storage commitment, and the reason for any failure.

    Where a study goes to several destinations, the worst counts.
    """
    from appliance.service.study_status import list_studies

    settings = settings_from(config)
    if as_json:
        print_json([line.as_json() for line in list_studies(settings)])
    elif watch:
        console = stdout()
        with suppress(KeyboardInterrupt):
            while True:
                shown = _status(settings)
                console.clear()  # on a terminal only
                console.print(shown)
                time.sleep(_WATCH_EVERY_S)
    else:
        stdout().print(_status(settings))


def _status(settings: Settings) -> Group:
    """The table of studies, the validity of the certificate, and what keeps studies from being computed."""
    from appliance.service import reviews
    from appliance.service.health import not_computing
    from appliance.service.hosts import together
    from appliance.service.study_status import list_studies, short_ids
    from appliance.transport import certificate_in_words

    lines = list_studies(settings)
    short = short_ids(line.study_uid for line in lines) if settings.status.short_ids else {}
    numbered, named = settings.status.accession_number, settings.status.patient
    rows = [
        (
            short.get(line.study_uid, line.study_uid),
            *([line.patient_id or "–", line.study_date or "–"] if named else []),
            *([line.accession_number or "–"] if numbered else []),
            line.state.value,
            f"{line.changed_at.astimezone():%Y-%m-%d %H:%M:%S}",
            str(line.instances),
            line.commitment.value if line.commitment else "–",
            "–" if line.in_short is None else f"{line.in_short.validity}, {counted(line.in_short.warnings, 'warning')}",
            line.sentence or ("" if line.in_short is None else line.in_short.reason),
        )
        for line in lines
    ]
    identity = (*(["Patient", "Date"] if named else []), *(["Accession"] if numbered else []))
    columns = ("Study", *identity, "State", "Since", "Instances", "Commitment", "Answer", "Reason")
    notices = dict.fromkeys(notice for line in lines if line.in_short for notice in line.in_short.notices)
    words = certificate_in_words(settings)
    said = [f"Notice: {notice}" for notice in notices]
    said += [*reviews.remarks(settings), *([f"TLS: {words}."] if words else []), *not_computing(settings)]
    found = together(settings)
    there = [Table("Hosts", _HOST_COLUMNS, [_host_row(host) for host in found.hosts])] if found.hosts else []
    below = [*said, *found.remarks]
    return Group(Table(counted(len(lines), "study", "studies"), columns, rows), *there, *map(Text, below))


_HOST_COLUMNS = ("Name", "Role", "Version", "Seen", "Worker")


def _host_row(host: Host) -> tuple[str, ...]:
    from appliance.service.hosts import is_gone

    seen = f"{host.seen_at.astimezone():%Y-%m-%d %H:%M:%S}"
    worker = str(host.doing.get("worker", "–"))
    return (host.name, host.role, host.version, f"gone since {seen}" if is_gone(host) else seen, worker)


def show(study: Study, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one study: history, operator actions, results, delivery and commitment by destination, cost of stages."""
    from appliance.service.study_status import show_study

    detail = show_study(settings_from(config), study)
    if as_json:
        print_json(_as_json(detail))
        return
    _print_detail(detail, stdout())


def _as_json(detail: StudyDetail) -> dict[str, Any]:
    """The detail with the answer in short and the UID under the keys that every other document uses."""
    from appliance.in_short import NO_ANSWER

    values = asdict(detail)
    del values["in_short"]
    in_short = NO_ANSWER if detail.in_short is None else detail.in_short.as_json()
    return _with_one_key({"study_instance_uid": detail.record.study_uid, **values, **in_short})


def _with_one_key(content: Any) -> Any:
    """The same, however deep, with the key for a study that every document uses."""
    if isinstance(content, dict):
        return {_ONE_KEY.get(key, key): _with_one_key(value) for key, value in content.items()}
    return [_with_one_key(item) for item in content] if isinstance(content, list | tuple) else content


def _print_detail(detail: StudyDetail, console: Console) -> None:
    record = detail.record
    echo(f"Study     {record.study_uid}")
    echo(f"State     {record.state}" + (f": {record.sentence}" if record.sentence else ""))
    identity = (detail.patient_id, detail.study_date, detail.accession_number)
    if any(identity):
        echo(f"Patient   {', '.join(text or '–' for text in identity)} (Patient ID, Study Date, Accession Number)")
    if detail.in_short is not None:
        reason = f": {detail.in_short.reason}" if detail.in_short.reason else ""
        echo(f"Answer    {detail.in_short.validity}, {counted(detail.in_short.warnings, 'warning')}{reason}")
        for notice in detail.in_short.notices:
            echo(f"Notice    {notice}")
    echo(f"Received  {counted(detail.instances, 'instance')} on disk")
    echo(f"PDF       {detail.pdf or ('in the shared home: the page shows it' if detail.has_pdf else '–')}")
    for title, columns, rows in _tables(detail):
        if rows:
            echo()
            console.print(Table(title, columns, rows))


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
            "Operator actions",
            ("Time", "Action", "By", "Reason or result"),
            [
                (f"{action.at.astimezone():%Y-%m-%d %H:%M:%S}", action.action.value, action.by, action.sentence)
                for action in detail.actions
            ],
        ),
        (
            "Takeovers of its jobs from workers that were gone",
            ("Time", "From", "By", "Job"),
            [
                (f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}", one.taken_from, one.taken_by, one.job_id)
                for one in detail.takeovers
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
    from appliance.service import operator
    from appliance.service.retry import Filter, Retried

    settings = settings_from(config)
    which = Filter(state, None if since is None else since.astimezone(), destination)
    if study is None:
        if assign or by_rules:
            raise typer.BadParameter("--assign and --by-rules are for one study; name it.")
        outcomes = operator.retry_many(settings, which, by=operator_name())
    else:
        if state is not None or since is not None or (destination and (assign or by_rules)):
            raise typer.BadParameter("One study is named; --state and --since are for many, --destination for sending.")
        if assign and by_rules:
            raise typer.BadParameter("--assign makes a choice and --by-rules takes it back; give one of them.")
        assignment_from(assign)  # a wrong one ends the command before anything is changed
        if assign or by_rules:
            now = operator.choose(settings, study, assign or (), by=operator_name())
        else:
            now = operator.retry(settings, study, by=operator_name(), destination=destination)
        outcomes = (Retried(full_uid(settings, study), now),)
    _print_retried(outcomes, is_one=study is not None, as_json=as_json)


def full_uid(settings: Settings, study: str) -> str:
    """Study Instance UID of the study that a prefix or suffix names."""
    from appliance.service.study_status import found
    from appliance.state.homes import open_records

    records = open_records(settings, read_only=True)
    try:
        return found(records, study).study_uid
    finally:
        records.close()


def _print_retried(outcomes: Sequence[Retried], *, is_one: bool, as_json: bool) -> None:
    if as_json:
        listed = [
            {"study_instance_uid": outcome.study, "state": outcome.state, "sentence": outcome.sentence}
            for outcome in outcomes
        ]
        print_json({key: listed[0][key] for key in ("study_instance_uid", "state")} if is_one else listed)
    elif is_one:
        echo(f"The study is now {outcomes[0].state}.")
    else:
        for outcome in outcomes:
            echo(f"{outcome.study}  {outcome.sentence or f'is now {outcome.state}'}")
        retried = sum(not outcome.sentence for outcome in outcomes)
        everything = counted(len(outcomes), "study", "studies")
        echo(f"{retried} of {everything} {agreeing(retried, 'is', 'are')} retried.")
