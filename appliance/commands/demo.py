"""`rdeepnet demo`: a synthetic study through the running service, and the results."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from appliance.commands.exit_status import Exit, stopping
from appliance.commands.options import AsJson, print_json, say, stderr, stdout
from appliance.commands.progress import progress
from appliance.commands.tables import Table
from reports.numerals import unit_shown

if TYPE_CHECKING:
    from appliance.service.demo import DemoResult
    from dicom_io.writing.read_answer import ReadPrediction


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Folder for the results.")
    ] = Path("demo-output"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Also keep the synthetic study, the configuration and the state.")
    ] = False,
    small: Annotated[bool, typer.Option("--small", help="Use small images: faster and coarser.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the synthetic patient.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Send a synthetic study through the running service and show the results.

    Starts the service on free ports of this machine with a temporary state folder, pushes T1+C, T2W and the tumour's
    segmentation by C-STORE, receives the results, and stops everything.
    """
    _show(out, keep=keep, small=small, seed=seed, as_json=as_json)


def _show(out: Path, *, keep: bool, small: bool, seed: int, as_json: bool) -> None:
    """Run the demonstration and show its results; exit status 1 when the results did not come back."""
    from appliance.service.demo import run_demo
    from appliance.state.states import State

    console = stderr() if as_json else stdout()

    with stopping(lambda: "The service of the demonstration has ended."), progress("Demonstration") as running:
        result = run_demo(out, keep=keep, small=small, seed=seed, tell=partial(running.say, console))
    if as_json:
        print_json(_as_json(result, out))
    if result.record.state is not State.DELIVERED:
        say(console, f"The study is {result.record.state}: {result.record.sentence} The service's log: {result.log}")
        raise typer.Exit(Exit.INCOMPLETE)
    if as_json:
        return
    _print_result(result, console)
    say(console, f"PDF for the tumour board: {result.pdf}")
    say(console, f"All received objects: {out / 'received'}")


def _as_json(result: DemoResult, out: Path) -> dict[str, Any]:
    return {
        "study_instance_uid": result.record.study_uid,
        "state": result.record.state,
        "sentence": result.record.sentence,
        "received": [
            {"file": str(item.file), "sop_class_uid": item.sop_class_uid, "sop_instance_uid": item.sop_instance_uid}
            for item in result.collected
        ],
        "stages": [asdict(cost) for cost in result.stages],
        "seconds": result.seconds,
        "pdf": None if result.pdf is None else str(result.pdf),
        "log": str(result.log),
        "folder": str(out),
    }


def _print_result(result: DemoResult, console: Console) -> None:
    rows = [(item.series_description, item.sop_class_name, f"{item.size / 1000:.0f} kB") for item in result.collected]
    console.print(Table("Received by C-STORE", ("Series", "SOP class", "Size"), rows))
    content = [
        (prediction.model if first else "", label, shown)
        for prediction in result.predictions
        for first, (label, shown) in _first_marked(prediction)
    ]
    console.print(Table("Content of the Structured Report (demonstration models)", ("Model", "", ""), content))
    costs = [
        (cost.stage, f"{cost.seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_memory_mb:.0f}")
        for cost in result.stages
    ]
    console.print(Table("Cost of each stage", ("Stage", "Seconds", "CPU seconds", "Peak memory so far, MB"), costs))
    steps = ", ".join(f"{label} {seconds:.1f} s" for label, seconds in result.seconds.items())
    console.print(
        f"{steps}; {sum(result.seconds.values()):.1f} s in total", markup=False, highlight=False, soft_wrap=True
    )


def _first_marked(prediction: ReadPrediction) -> list[tuple[bool, tuple[str, str]]]:
    """Rows of one model's output, with its title on the first."""
    lines = [
        (label, f"{number:.3f} {unit_shown(unit)}".rstrip()) for label, (number, unit) in prediction.numbers.items()
    ]
    lines += prediction.conclusions.items()
    return [(index == 0, line) for index, line in enumerate(lines)]
