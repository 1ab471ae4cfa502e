"""The command backup: a copy of the state folder, even while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.options import AsJson, ConfigFile, print_json, settings_from


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the copy; it must not exist yet.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy the state folder, with the service running or stopped: queue, records, results, images.

    To restore, put the copy where `state_dir` points, owned by the service's user, and start the service.

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
        typer.echo(
            "The queue is on PostgreSQL and not part of the backup; jobs that it does not know are queued again."
        )
