"""`rdeepnet config`: the configuration file, its check and its example, and the conformance statement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.exit_status import Commands
from appliance.commands.options import AsJson, ConfigFile, echo, print_json, settings_from
from appliance.commands.parameters import CommandGroup, existing_file

config = CommandGroup(
    name="config", cls=Commands, help="Check, print and document the configuration.", no_args_is_help=True
)


@config.command("check")
def check_config(
    file: Annotated[Path, typer.Argument(callback=existing_file, metavar="FILE", help="Configuration file.")],
    as_json: AsJson = False,
) -> None:
    """Read a configuration file and report all mistakes in it by line, in the files of [tls] and in trusted keys.

    Nothing is started. A file that holds a secret and that others can read is named as a warning.

    For peers, disk and models, see doctor."""
    from appliance.secret_files import readable_by_others
    from appliance.settings import load_settings
    from appliance.transport import check_files
    from models.inference.signature import fingerprints

    settings = load_settings(file)
    check_files(settings)
    fingerprints(settings.models.trusted_keys)
    warnings = list(readable_by_others(settings, file=file))
    for sentence in warnings:
        echo(f"Warning: {sentence}", err=True)
    if as_json:
        print_json(
            {
                "file": str(file),
                "warnings": warnings,
                "ae_title": settings.service.ae_title,
                "port": settings.service.port,
                "senders": len(settings.senders),
                "destinations": [destination.name for destination in settings.destinations],
            }
        )
        return
    echo(
        f"{file} is valid: {settings.service.ae_title} on port {settings.service.port}, "
        f"{len(settings.senders)} sender(s), {len(settings.destinations)} destination(s)."
    )


@config.command("example")
def example_config() -> None:
    """Write a commented configuration with every setting and its default to standard output."""
    from appliance.settings import EXAMPLE

    echo(EXAMPLE.read_text(encoding="utf-8"), nl=False)


@config.command("conformance")
def conformance_statement(config: ConfigFile = None) -> None:
    """Write the DICOM Conformance Statement, with the values of this configuration, to standard output."""
    from appliance.service.receiving import bounds
    from dicom_io.conformance.statement import Limits, statement

    settings = settings_from(config)
    service, study, delivery = settings.service, settings.study, settings.delivery
    limits = Limits(
        ae_title=service.ae_title,
        port=service.port,
        bounds=bounds(service),
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
    echo(statement(limits), nl=False)
