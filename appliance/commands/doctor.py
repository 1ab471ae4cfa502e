"""`rdeepnet doctor`: checks of what the service needs."""

from __future__ import annotations

from dataclasses import asdict

import typer

from appliance.commands.exit_status import Exit
from appliance.commands.options import AsJson, ConfigFile, print_json, print_verdict, settings_from


def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check what the service needs: settings, disk, port, peers by C-ECHO, models, engine, GPU.

    The exit status is 1 when a check is bad; warnings do not count.
    """
    from appliance.service.doctor import Verdict, checks

    results = []
    for check in checks(settings_from(config)):
        results.append(check)
        if not as_json:
            colour = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}[check.verdict]
            print_verdict(check.verdict.value, colour, f"{check.subject}: {check.sentence}")
    if as_json:
        print_json([asdict(check) for check in results])
    if any(check.verdict is Verdict.BAD for check in results):
        raise typer.Exit(Exit.INCOMPLETE)
