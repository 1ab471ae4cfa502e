"""`rdeepnet sizing`: receivers and workers for a number of studies a day, and the limit that comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from appliance.commands.options import AsJson, print_json, say, stdout
from appliance.commands.tables import Table
from appliance.service.sizing import short
from models.number_words import counted

if TYPE_CHECKING:
    from appliance.service.sizing import Load, Resource, Sizing


def sizing(
    studies: Annotated[float, typer.Option("--studies", help="Studies a day.", min=0.01)],
    instances: Annotated[int, typer.Option("--instances", help="Images of a study.", min=1)] = 300,
    instance_mb: Annotated[float, typer.Option("--instance-mb", help="Megabytes of an image.", min=0.001)] = 0.5,
    seconds: Annotated[float, typer.Option("--seconds", help="Seconds of one worker for one study.", min=0.01)] = 30.0,
    busy_hours: Annotated[
        float, typer.Option("--busy-hours", help="Hours of a day in which studies come.", min=0.1, max=24)
    ] = 10.0,
    peak: Annotated[
        float, typer.Option("--peak", help="Studies of the busiest hour over those of a mean busy hour.", min=1)
    ] = 2.0,
    days: Annotated[
        float, typer.Option("--days", help="Days that received images are kept (received_days).", min=0.01)
    ] = 14.0,
    workers: Annotated[int, typer.Option("--workers", help="Workers; 0: as many as needed.", min=0)] = 0,
    s3: Annotated[bool, typer.Option("--s3", help="Images are in S3, not in the database.")] = False,
    as_json: AsJson = False,
) -> None:
    """Size an installation with several hosts: receivers, workers, and which limit of the database comes first.

    Each line is a formula of the load and of a measured cost; no running service is queried.

    **Example**

        rdeepnet sizing --studies 400 --instances 600
    """
    from appliance.service.sizing import Load, most_studies, sizing

    load = Load(
        studies=studies,
        instances=instances,
        instance_mb=instance_mb,
        seconds=seconds,
        busy_hours=busy_hours,
        peak=peak,
        received_days=days,
    )
    found = sizing(load, workers=workers, is_in_s3=s3)
    most = most_studies(load, is_in_s3=s3)
    if as_json:
        print_json(_as_json(load, found, most))
        return
    console = stdout()
    say(
        console,
        f"{counted(found.receivers, 'receiver')} and {counted(found.workers, 'worker')} for "
        f"{short(3600 * load.peak_per_s)} studies in the busiest hour.",
    )
    console.print(
        Table(
            "",
            ("Of one PostgreSQL", "Needed", "There", "Used", "Formula"),
            [
                (
                    each.name,
                    f"{short(each.needed)} {each.unit}",
                    short(each.there),
                    f"{short(100 * each.share)} %",
                    each.formula,
                )
                for each in found.resources
            ],
        )
    )
    say(console, _verdict(found.first))
    say(console, f"One server is full at {short(most)} studies a day of this kind.")


def _verdict(first: Resource) -> str:
    if first.share > 1:
        return f"Too much for one server: {first.name}. What then: {first.remedy}."
    times = short(1 / first.share)
    return f"The limit that comes first: {first.name}, at {times} x this load. What then: {first.remedy}."


def _as_json(load: Load, found: Sizing, most: float) -> dict[str, object]:
    return {
        "studies_per_day": load.studies,
        "peak_studies_per_second": load.peak_per_s,
        "most_studies_per_day": most,
        "receivers": found.receivers,
        "workers": found.workers,
        "resources": [
            {
                "name": each.name,
                "needed": each.needed,
                "there": each.there,
                "unit": each.unit,
                "share": each.share,
                "formula": each.formula,
                "remedy": each.remedy,
            }
            for each in found.resources
        ],
    }
