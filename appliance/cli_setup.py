"""The commands about the set-up: doctor, models, config."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from appliance.cli_exit import Commands, Exit
from appliance.cli_options import AsJson, ConfigFile, print_json, settings_from, stderr, stdout, table

if TYPE_CHECKING:
    from models.package import ModelPackage

models = typer.Typer(name="models", cls=Commands, help="The model packages, and what they say of themselves.")
config = typer.Typer(name="config", cls=Commands, help="The configuration file.", no_args_is_help=True)


def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check what the service needs: settings, disk, port, peers by C-ECHO, models, engine, GPU.

    The exit status is 1 when a check is bad; warnings do not count.
    """
    from appliance.health import Verdict, checks

    found = []
    for check in checks(settings_from(config)):
        found.append(check)
        if not as_json:
            colour = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}[check.verdict]
            sentence = escape(f"{check.subject}: {check.sentence}")
            stdout().print(f"[{colour}]{check.verdict.value:>7}[/]  {sentence}", highlight=False, soft_wrap=True)
    if as_json:
        print_json([asdict(check) for check in found])
    if any(check.verdict is Verdict.BAD for check in found):
        raise typer.Exit(Exit.INCOMPLETE)


@models.callback(invoke_without_command=True)
def list_models(ctx: typer.Context, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Load the model packages of the configuration, run their reference patients, and show what they are."""
    if ctx.invoked_subcommand is not None:
        return
    from models.package import shipped_packages
    from models.runtime import load_models

    settings = settings_from(config)
    loaded = load_models(settings.models.packages or shipped_packages(), provider=settings.models.provider)
    if as_json:
        print_json([described(model.package) | {"provider": model.provider} for model in loaded])
        return
    for model in loaded:
        rows = [(key.replace("_", " "), shown(value)) for key, value in described(model.package).items()]
        rows.append(("runs on", model.provider))
        stdout().print(table(model.package.identity.title, ("", ""), rows))


def described(package: ModelPackage) -> dict[str, Any]:
    """What a package says of itself, by key."""
    return {
        "name": package.identity.name,
        "title": package.identity.title,
        "version": package.identity.version,
        "notice": package.identity.notice,
        "sequences": [sequence.label for sequence in package.sequences],
        "regions": [region.value for region in package.regions],
        "inputs": len(package.inputs),
        "scale": package.scale,
        "direction": package.direction,
        "cut_off": package.cut_off,
        "horizons_months": list(package.horizons_months),
        "trained_on": package.training.data,
        "patients": package.training.patients,
        "events": package.training.events,
        "performance": package.training.performance,
        "digest": package.identity.digest,
        "folder": str(package.folder),
    }


def shown(value: Any) -> str:
    """A value of `described` for a reader."""
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


@models.command("make-demonstration")
def make_demonstration(
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the packages.")],
) -> None:
    """Train the three demonstration packages on simulated patients; the same every time, some minutes."""
    from models.training.demonstration import make_demonstration_packages

    with stderr().status("Training on simulated patients …"):
        folders = make_demonstration_packages(out)
    for folder in folders:
        typer.echo(str(folder))


@config.command("check")
def check_config(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Configuration file.")],
) -> None:
    """Read a configuration file and report every mistake in it, and in the files of [tls]. Nothing is started.

    For peers, disk and models, see doctor."""
    from appliance.settings import load_settings
    from appliance.transport import check_files

    settings = load_settings(file)
    check_files(settings)
    typer.echo(
        f"{file} is right: {settings.service.ae_title} on port {settings.service.port}, "
        f"{len(settings.senders)} sender(s), {len(settings.destinations)} destination(s)."
    )


@config.command("example")
def example_config() -> None:
    """Write a commented configuration with every setting and its default to standard output."""
    from appliance.settings import EXAMPLE

    typer.echo(EXAMPLE.read_text(encoding="utf-8"), nl=False)


@config.command("conformance")
def conformance_statement(config: ConfigFile = None) -> None:
    """Write the DICOM Conformance Statement, with the values of this configuration, to standard output."""
    from dicom_io.conformance_statement import Limits, statement

    settings = settings_from(config)
    service, study, delivery = settings.service, settings.study, settings.delivery
    limits = Limits(
        ae_title=service.ae_title,
        port=service.port,
        max_associations=service.max_associations,
        idle_association_s=service.idle_association_s,
        study_idle_s=study.idle_s,
        study_force_after_s=study.force_after_s,
        retry_min_s=delivery.retry_min_s,
        retry_max_s=delivery.retry_max_s,
        timeout_s=delivery.timeout_s,
        commitment_report_s=delivery.commitment_report_s,
        tls=settings.tls.certificate is not None,
        peers_need_certificates=settings.tls.peers_need_certificates,
        check_names=settings.tls.check_names,
    )
    typer.echo(statement(limits), nl=False)
