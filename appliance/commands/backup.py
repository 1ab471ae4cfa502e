"""The command backup: a copy of the state folder, even while the service runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appliance.commands.exit_status import stopping
from appliance.commands.options import AsJson, ConfigFile, echo, print_json, settings_from
from appliance.commands.progress import progress
from models.number_words import counted


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the copy; it must not exist yet.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy the state folder, with the service running or stopped: queue, records, results, images.

    To restore, put the copy where `state_dir` points, owned by the service's user, and start the service. A shared
    home (`[shared]`) is backed up by the tools of its database; OPERATING.md has the commands.

    **Example**

        rdeepnet backup /backup/rdeepnet-2026-11-22 --config /etc/rdeepnet/rdeepnet.toml
    """
    from appliance.service.backup import back_up

    with stopping(lambda: "Nothing was written."), progress("Copying"):
        made = back_up(settings_from(config), target)
    if as_json:
        print_json({"folder": str(made.folder), "files": made.files, "bytes": made.size})
        return
    echo(f"{made.folder}: {counted(made.files, 'file')}, {made.size / 1e6:.1f} MB")
