"""The command `rdeepnet` and its list of commands, each implemented in `appliance/commands/`.

Modules that load libraries are imported inside the commands, so that `rdeepnet --help` answers immediately.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer

from appliance import interrupts
from appliance.commands import (
    annotation,
    backup,
    cohort,
    config,
    demo,
    doctor,
    evaluate,
    features,
    fetch,
    import_table,
    map,
    model_packages,
    operator,
    pseudonymise,
    read_sr,
    run,
    score,
    segment,
    series,
    service,
    sizing,
    studies,
    train,
    web,
)
from appliance.commands.analyse.group import analyse
from appliance.commands.exit_status import Commands, Exit, end_of
from appliance.commands.options import echo
from appliance.commands.parameters import CommandGroup
from models.private_folders import use_private_caches
from models.threads import limit_libraries_to_come
from models.version import software_version

_OFFLINE = "Offline, on folders"
_COHORT = "Cohorts"
_SERVICE = "The appliance"
_SETUP = "Set-up"

app = CommandGroup(
    name="rdeepnet",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,  # they print local variables, and those hold patient data
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 success; 1 a study was refused or failed, a check failed, or a peer did not "
    "answer; 2 incorrect usage; 3 the installation or the configuration is wrong; 130 stopped by Ctrl-C. "
    "Research use only: not a medical device, not for diagnosis.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(f"rdeepnet {software_version()}")
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
app.command("segment", rich_help_panel=_OFFLINE)(segment.segment)
app.command("features", rich_help_panel=_OFFLINE)(features.features)
app.command("read-sr", rich_help_panel=_OFFLINE)(read_sr.read_sr)
app.command("demo", rich_help_panel=_OFFLINE)(demo.demo)
app.add_typer(map.map_commands, rich_help_panel=_OFFLINE)
app.add_typer(cohort.cohort, rich_help_panel=_COHORT)
app.command("import", rich_help_panel=_COHORT)(import_table.import_table)
app.add_typer(pseudonymise.pseudonymise, rich_help_panel=_COHORT)
app.add_typer(train.train, rich_help_panel=_COHORT)
app.command("evaluate", rich_help_panel=_COHORT)(evaluate.evaluate)
app.command("score", rich_help_panel=_COHORT)(score.score)
app.command("annotation", rich_help_panel=_COHORT)(annotation.annotation)
app.add_typer(analyse, rich_help_panel=_COHORT)
app.command("serve", rich_help_panel=_SERVICE)(service.serve)
app.command("worker", rich_help_panel=_SERVICE)(service.worker)
app.command("health", rich_help_panel=_SERVICE)(service.health)
app.command("status", rich_help_panel=_SERVICE)(studies.status)
app.command("show", rich_help_panel=_SERVICE)(studies.show)
app.command("retry", rich_help_panel=_SERVICE)(studies.retry)
app.command("complete", rich_help_panel=_SERVICE)(operator.complete)
app.command("drop", rich_help_panel=_SERVICE)(operator.drop)
app.command("fetch", rich_help_panel=_SERVICE)(fetch.fetch)
app.command("web", rich_help_panel=_SERVICE)(web.web)
app.command("backup", rich_help_panel=_SERVICE)(backup.backup)
app.command("doctor", rich_help_panel=_SETUP)(doctor.doctor)
app.command("sizing", rich_help_panel=_SETUP)(sizing.sizing)
app.add_typer(model_packages.models, rich_help_panel=_SETUP)
app.add_typer(config.config, rich_help_panel=_SETUP)


def main() -> None:
    """Runs the command line; `appliance.entry` is the command `rdeepnet`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal's encoding lacks is shown by its code
            stream.reconfigure(errors="backslashreplace")
    try:
        limit_libraries_to_come()
        for sentence in use_private_caches():
            echo(sentence, err=True)
        # Loading thousands of modules makes hardly any garbage: at the default of 700 objects the collector goes
        # through all of them again and again, a second of CPU time in `run`.
        gc.set_threshold(20_000)
        app(prog_name="rdeepnet")
    except SystemExit as leaving:
        if leaving.code == Exit.STOPPED and not interrupts.was_answered():
            interrupts.answer("Stopped.")  # where typer met the interrupt, between two commands
        raise
    except Exception as error:  # the outermost frame: what `end_of` knows ends in a sentence, all else is raised again
        end = end_of(error)  # what the group of commands has not met: help to a full disk
        if end is None:
            raise
        with suppress(OSError):
            echo(end[0], err=True)
        raise SystemExit(end[1]) from None
    finally:
        _let_go_of_streams()


def _let_go_of_streams() -> None:
    """Lets Python end in silence where standard output is a full disk: what it holds back cannot be written anyway."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    interrupts.listen()
    try:
        main()
    finally:
        interrupts.ignore()
