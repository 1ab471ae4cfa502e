"""The command backup: a copy of the state folder, also while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.options import AsJson, ConfigFile, print_json, settings_from


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the copy; it must not be there yet.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy the state folder, while the service runs or stands still: queue, records, results, images.

    A service goes on from the copy: put it where `state_dir` points, owned by the service's user, and start.

    **Example**

        rdeepnet backup /backup/rdeepnet-2026-11-22 --config /etc/rdeepnet/rdeepnet.toml
    """
    from appliance.service.backup import back_up

    made = back_up(settings_from(config), target)
    if as_json:
        print_json(
            {
                "folder": str(made.folder),
                "files": made.files,
                "bytes": made.size,
                "queue_is_elsewhere": made.queue_is_elsewhere,
            }
        )
        return
    typer.echo(f"{made.folder}: {made.files} files, {made.size / 1e6:.1f} MB")
    if made.queue_is_elsewhere:
        typer.echo("The queue is on PostgreSQL and not part of it; a job that it does not know is queued again.")
