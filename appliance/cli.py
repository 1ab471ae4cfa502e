"""The command `rdeepnet` and its list of commands, each implemented in `appliance/commands/`.

Modules that load libraries are imported inside the commands, so that `rdeepnet --help` answers immediately.
"""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from appliance.commands import (
    backup,
    cohort,
    config,
    demo,
    doctor,
    evaluate,
    features,
    map,
    model_packages,
    run,
    score,
    series,
    service,
    train,
)
from appliance.commands.exit_status import Commands
from models.threads import limit_libraries_to_come
from models.version import software_version

_OFFLINE = "Offline, on folders"
_COHORT = "Cohorts"
_SERVICE = "The appliance"
_SETUP = "Set-up"

app = typer.Typer(
    name="rdeepnet",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,  # they print local variables, and those hold patient data
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 success; 1 a study was refused or failed, a check failed, or a peer did not "
    "answer; 2 incorrect usage; 3 the installation or the configuration is wrong. "
    "Research use only: not a medical device, not for diagnosis.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rdeepnet {software_version()}")
        raise typer.Exit


@app.callback()
def _rdeepnet(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Breast MRI radiomics: recurrence risk and KRT7-AS expression from T1+C and T2W.

    From DICOM to Structured Report, PDF and segmentations, as a service beside a PACS or on folders.
    """


app.command("run", rich_help_panel=_OFFLINE)(run.run)
app.command("series", rich_help_panel=_OFFLINE)(series.series)
app.command("features", rich_help_panel=_OFFLINE)(features.features)
app.command("demo", rich_help_panel=_OFFLINE)(demo.demo)
app.add_typer(map.map_commands, rich_help_panel=_OFFLINE)
app.add_typer(cohort.cohort, rich_help_panel=_COHORT)
app.add_typer(train.train, rich_help_panel=_COHORT)
app.command("evaluate", rich_help_panel=_COHORT)(evaluate.evaluate)
app.command("score", rich_help_panel=_COHORT)(score.score)
app.command("serve", rich_help_panel=_SERVICE)(service.serve)
app.command("health", rich_help_panel=_SERVICE)(service.health)
app.command("status", rich_help_panel=_SERVICE)(service.status)
app.command("show", rich_help_panel=_SERVICE)(service.show)
app.command("retry", rich_help_panel=_SERVICE)(service.retry)
app.command("backup", rich_help_panel=_SERVICE)(backup.backup)
app.command("doctor", rich_help_panel=_SETUP)(doctor.doctor)
app.add_typer(model_packages.models, rich_help_panel=_SETUP)
app.add_typer(config.config, rich_help_panel=_SETUP)


def main() -> None:
    """Entry point of the command `rdeepnet`."""
    limit_libraries_to_come()
    # Loading thousands of modules makes hardly any garbage: at the default of 700 objects the collector goes through
    # all of them again and again, a second of CPU time in `run`.
    gc.set_threshold(20_000)
    app(prog_name="rdeepnet")


if __name__ == "__main__":
    main()
