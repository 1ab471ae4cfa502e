"""The commands of the image as a MONAI Application Package: map run, show, extract, manifests.

An orchestrator names the folders by environment variables (HOLOSCAN_INPUT_PATH, HOLOSCAN_OUTPUT_PATH, …).
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.exit_status import Commands, Exit

map_commands = typer.Typer(
    name="map",
    cls=Commands,
    no_args_is_help=True,
    help="Run the image as a MONAI Application Package (MAP): studies from one folder, results to another.",
)


class Manifest(StrEnum):
    """The two manifests of a MAP."""

    APP = "app"  # how it is run
    PKG = "pkg"  # what it consists of and needs


@map_commands.command("run")
def run() -> None:
    """Process every study in the input folder and write the results to the output folder.

    HOLOSCAN_INPUT_PATH, HOLOSCAN_OUTPUT_PATH, HOLOSCAN_MODEL_PATH and HOLOSCAN_CONFIG_PATH name the folders; default:
    /var/holoscan/input, /var/holoscan/output, /opt/holoscan/models and /var/holoscan/app.toml. The configuration is
    a TOML file as for the other commands, and may be absent. Writes what `rdeepnet run` writes. The exit status is 1
    when a study is refused or fails, or when there is none.
    """
    from appliance.deploy.map_package import MapPaths, check_folders, map_settings
    from appliance.offline import runs
    from dicom_io.advice import Reader
    from dicom_io.rules import NO_ASSIGNMENT

    paths = MapPaths.from_environment(os.environ)
    check_folders(paths)
    settings = map_settings(paths)
    plan = runs.plan_run(
        paths.input, paths.output, settings=settings, assignment=NO_ASSIGNMENT, reader=Reader.UNATTENDED
    )
    outcomes = []
    for outcome in runs.run(plan, settings=settings, jobs=1):
        outcomes.append(outcome)
        reason = f": {outcome.sentence}" if outcome.sentence else ""
        typer.echo(f"{outcome.folder.name} {outcome.outcome}{reason}", err=True)
    if any(outcome.outcome is not runs.Outcome.ANSWERED for outcome in outcomes):
        raise typer.Exit(Exit.INCOMPLETE)


@map_commands.command("show")
def show(
    manifest: Annotated[
        Manifest | None, typer.Argument(help="Manifest to print; default: both.", show_default=False)
    ] = None,
) -> None:
    """Print the manifests: app.json describes how the package is run, pkg.json its contents and requirements."""
    from appliance.deploy.map_package import MapPaths, manifests

    for name, text in manifests(MapPaths.from_environment(os.environ)).items():
        if manifest is None:
            typer.echo(f" {name} ".center(70, "="))
        elif name != f"{manifest}.json":
            continue
        typer.echo(text, nl=False)


@map_commands.command("extract")
def extract() -> None:
    """Copy application, manifests, models and documents to the folder mounted at /var/run/holoscan/export.

    If `app`, `config`, `models` or `docs` are mounted below it, only those are copied.
    """
    from appliance.deploy.map_package import MapPaths, export

    for folder in export(MapPaths.from_environment(os.environ)):
        typer.echo(str(folder))


@map_commands.command("manifests")
def write_manifests(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder to write to.")],
) -> None:
    """Write app.json and pkg.json into a folder, as the image has them in /etc/holoscan."""
    from appliance.deploy.map_package import APP, PKG, application_manifest, as_json, package_manifest

    out.mkdir(parents=True, exist_ok=True)
    for name, content in ((APP, application_manifest()), (PKG, package_manifest())):
        (out / name).write_text(as_json(content), encoding="utf-8")
        typer.echo(str(out / name))


@map_commands.command("help")
def show_help(ctx: typer.Context) -> None:
    """Show this help."""
    assert ctx.parent is not None
    typer.echo(ctx.parent.get_help())
