"""`rdeepnet run --queue` and `features --queue` as whole commands: a real PostgreSQL, a service as it ships.

Kind: mechanics, and equality: what the workers compute is what the commands compute by themselves.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from appliance.cli import app
from dicom_io.synthetic.study_writer import Grid, make_study
from models.volume import Sequence
from tests.conftest import require_programs
from tests.end_to_end.postgres import running_postgres
from tests.end_to_end.running import RunningService, free_port, running_service

pytestmark = [pytest.mark.peers, pytest.mark.slow]

GRID = Grid(16, 64, 64, 6.0, (5.0, 5.0))
INCOMPLETE = 1  # exit status: some studies have no results


@dataclass
class Cohort:
    """Two studies with a tumour, one without, and a service whose workers answer."""

    root: Path
    out: Path
    service: RunningService
    good: tuple[str, ...]
    refused: str

    def called(self, command: str, out: str, *options: str) -> Result:
        config = str(self.service.settings_file)
        return CliRunner().invoke(
            app, [command, str(self.root), "--out", str(self.out / out), *options, "--config", config]
        )


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cohort]:
    require_programs("setpriv")
    folder = tmp_path_factory.mktemp("cohort")
    made = [
        make_study(folder / "in" / name, seed=seed, sequences=(Sequence.T1C,), t1c=GRID, segmented=segmented)
        for seed, (name, segmented) in enumerate(
            [("one", (Sequence.T1C,)), ("two", (Sequence.T1C,)), ("none", ())], start=1
        )
    ]
    with (
        running_postgres() as postgres,
        running_service(
            folder / "service",
            destinations={"pacs": free_port()},
            database_url=postgres.url("postgres"),
            executor="here-0",
            hung_after_s=600,
            computes=True,
            more='[preprocessing]\nn4 = "none"\n',
        ) as service,
    ):
        *good, refused = (study.study_instance_uid for study in made)
        yield Cohort(folder / "in", folder, service, tuple(good), refused)


def outcomes(result: Result) -> dict[str, dict[str, Any]]:
    return {row["study_instance_uid"]: row for row in json.loads(result.stdout)}


def scores(folder: Path) -> list[dict[str, str]]:
    """The table of the studies, without where and when it was computed."""
    with (folder / "studies.csv").open(encoding="utf-8", newline="") as table:
        return [
            {name: value for name, value in row.items() if not any(word in name for word in ("seconds", "created"))}
            for row in csv.DictReader(table)
        ]


def test_a_cohort_is_answered_by_the_workers_as_by_the_command(cohort: Cohort) -> None:
    queued = cohort.called("run", "queued", "--queue", "--jobs", "2", "--json")
    assert queued.exit_code == INCOMPLETE, queued.output
    by_workers = outcomes(queued)
    assert {uid: row["outcome"] for uid, row in by_workers.items()} == {
        **dict.fromkeys(cohort.good, "answered"),
        cohort.refused: "refused",
    }
    assert "segmentation" in by_workers[cohort.refused]["sentence"]
    here = cohort.called("run", "here", "--jobs", "1", "--json")
    assert here.exit_code == INCOMPLETE, here.output
    assert scores(cohort.out / "queued") == scores(cohort.out / "here")
    again = outcomes(cohort.called("run", "queued", "--queue", "--json"))
    assert all(again[uid]["is_from_before"] for uid in cohort.good), "a repeated run computed again"


def test_features_of_a_cohort_are_those_of_the_command(cohort: Cohort) -> None:
    queued = cohort.called("features", "queued.csv", "--queue", "--jobs", "2")
    assert queued.exit_code == INCOMPLETE, queued.output
    here = cohort.called("features", "here.csv", "--jobs", "1")
    assert here.exit_code == INCOMPLETE, here.output
    table = (cohort.out / "queued.csv").read_text(encoding="utf-8")
    assert table == (cohort.out / "here.csv").read_text(encoding="utf-8")
    assert len(table.splitlines()) == 1 + len(cohort.good)


def test_without_a_shared_home_the_command_says_what_to_name(cohort: Cohort, tmp_path: Path) -> None:
    config = tmp_path / "rdeepnet.toml"
    config.write_text('[service]\nstate_dir = "state"\n', encoding="utf-8")
    arguments = ["run", str(cohort.root), "--out", str(tmp_path / "out"), "--queue", "--config", str(config)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 3
    assert "database_url in [shared] is empty" in result.output
