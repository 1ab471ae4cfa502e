"""The commands that are the appliance: serve, worker, health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from appliance import interrupts
from appliance.commands.exit_status import Exit
from appliance.commands.options import AsJson, ConfigFile, echo, print_json, settings_from
from appliance.service.roles import ServiceRole

if TYPE_CHECKING:
    from appliance.service.bench import OnWorkbench
    from appliance.service.cohort import Compute
    from appliance.settings import Settings


def serve(
    role: Annotated[
        ServiceRole,
        typer.Option(
            "--role",
            help="Part of the work of this process, where hosts share a database: receive (and deliver), compute, all.",
        ),
    ] = ServiceRole.ALL,
    config: ConfigFile = None,
) -> None:
    """Run the appliance: receive studies, process them, send the results.

    Runs until SIGTERM or SIGINT (exit status 0 or 130). Logs go to standard error, one entry per line, without
    patient data.

    **Example**

        rdeepnet serve --config /etc/rdeepnet.toml
    """
    from appliance.service import service
    from appliance.service.startup_checks import settings_to_serve

    settings = settings_to_serve(config, role)
    status = service.serve(settings, role)
    if status == interrupts.STATUS:
        kept = settings.service.state_dir
        interrupts.answer(f"Stopped. Studies, jobs and results are kept in {kept}; start it again to go on.")
    raise typer.Exit(status)


def worker(
    config: ConfigFile = None,
    of_service: Annotated[
        bool, typer.Option("--of-service", hidden=True, help="Read the settings from the service that starts it.")
    ] = False,
) -> None:
    """Compute the studies that the appliance has queued; `serve` starts it and needs no other.

    It takes jobs from the durable queue, one at a time. Runs until SIGTERM or SIGINT; then a job that runs is repeated
    by the next worker.
    """
    from appliance.service.bench import answerer
    from appliance.service.worker_process import taken_over, work

    settings = taken_over() if of_service else settings_from(config)
    raise typer.Exit(work(settings, open_answer=answerer, cohorts=_cohorts))


def _cohorts(settings: Settings, answer: OnWorkbench) -> Compute:
    """The function a worker answers studies of cohorts with: on the workbench of those that were sent."""
    from appliance.offline.handed_over import answer_with

    return answer_with(settings, answer.bench)


def health(
    receiving: Annotated[
        bool,
        typer.Option(
            "--receiving", help="Check only what a restart may cure: C-ECHO and heartbeat. For liveness probes."
        ),
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Check that the running service works: C-ECHO, heartbeat of its main loop, disk, worker. For container engines.

    The exit status is 1 when a check fails. It takes a second and little memory; doctor checks everything.
    """
    from appliance.service.health import ailments, not_receiving

    settings = settings_from(config)
    problems = list(not_receiving(settings) if receiving else ailments(settings))
    if as_json:
        print_json({"healthy": not problems, "ailments": problems})
    else:
        for sentence in problems or ["The service is healthy."]:
            echo(sentence)
    if problems:
        raise typer.Exit(Exit.INCOMPLETE)
