"""The commands of the image as a MONAI Application Package: map run, show, extract, manifests.

An orchestrator names the folders by environment variables (HOLOSCAN_INPUT_PATH, HOLOSCAN_OUTPUT_PATH, …).
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.exit_status import Commands, Exit
from appliance.commands.options import AsJson, echo, print_files, print_json
from appliance.commands.parameters import CommandGroup

map_commands = CommandGroup(
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
def run(as_json: AsJson = False) -> None:
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
        echo(f"{outcome.folder.name} {outcome.outcome}{reason}", err=True)
    if as_json:
        print_json([outcome.as_json() for outcome in outcomes])
    if any(outcome.outcome is not runs.Outcome.ANSWERED for outcome in outcomes):
        raise typer.Exit(Exit.INCOMPLETE)


@map_commands.command("show")
def show(
    manifest: Annotated[
        Manifest | None, typer.Argument(help="Manifest to print; default: both.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the manifests: app.json describes how the package is run, pkg.json its contents and requirements."""
    from appliance.deploy.map_package import MapPaths, manifests

    texts = manifests(MapPaths.from_environment(os.environ))
    chosen = {name: text for name, text in texts.items() if manifest is None or name == f"{manifest}.json"}
    if as_json:
        print_json({name.removesuffix(".json"): json.loads(text) for name, text in chosen.items()})
        return
    for name, text in chosen.items():
        if manifest is None:
            echo(f" {name} ".center(70, "="))
        echo(text, nl=False)


@map_commands.command("extract")
def extract(as_json: AsJson = False) -> None:
    """Copy application, manifests, models and documents to the folder mounted at /var/run/holoscan/export.

    If `app`, `config`, `models` or `docs` are mounted below it, only those are copied.
    """
    from appliance.deploy.map_package import MapPaths, export

    print_files(export(MapPaths.from_environment(os.environ)), as_json=as_json)


@map_commands.command("manifests")
def write_manifests(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder to write to.")],
    as_json: AsJson = False,
) -> None:
    """Write app.json and pkg.json into a folder, as the image has them in /etc/holoscan."""
    from appliance.deploy.map_package import APP, PKG, application_manifest, package_manifest
    from appliance.deploy.map_package import as_json as in_text

    out.mkdir(parents=True, exist_ok=True)
    for name, content in ((APP, application_manifest()), (PKG, package_manifest())):
        (out / name).write_text(in_text(content), encoding="utf-8")
    print_files([out / APP, out / PKG], as_json=as_json)


@map_commands.command("help")
def show_help(ctx: typer.Context) -> None:
    """Show this help."""
    assert ctx.parent is not None
    echo(ctx.parent.get_help())
