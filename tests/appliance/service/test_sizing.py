"""Sizing of an installation with several hosts. Kind: mechanics; its costs are those of tests/benchmarks/HOSTS.md."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.service import storage_commitment
from appliance.service.sizing import Costs, Load, most_studies, short, sizing
from dicom_io.network.storage_commitment import STAY_S
from models.errors import SetupError
from tests.conftest import ROOT

COSTS = Costs(
    received_per_s=100.0,
    job_s=0.0,
    receiver_sessions=10,
    worker_sessions=5,
    receiver_polls=20.0,
    worker_polls=10.0,
    study_commits=50.0,
    instance_commits=1.0,
    log_ratio=1.0,
    server_sessions=100,
    server_commits=1000.0,
    server_mb=100.0,
    database_gb=100.0,
)


def resource(load: Load, name: str, **options: bool) -> float:
    return next(each.needed for each in sizing(load, COSTS, **options).resources if each.name == name)


def test_figures_by_hand() -> None:
    """36,000 studies in ten hours with an even load are one a second: 300 instances, 30 worker-seconds."""
    load = Load(studies=36_000, instances=300, instance_mb=0.5, seconds=30.0, busy_hours=10.0, peak=1.0)
    found = sizing(load, COSTS)
    assert found.workers == 43  # 30 / .7
    assert found.receivers == 5  # 300 / (.7 × 100)
    assert resource(load, "sessions") == 5 * 10 + 43 * 5
    assert resource(load, "synced transactions") == pytest.approx(300 + 50)
    assert resource(load, "polling") == 5 * 20 + 43 * 10
    assert resource(load, "images through the log") == pytest.approx(150)
    assert resource(load, "images kept") == pytest.approx(36_000 * 300 * 0.5 * 14 / 1000)
    assert found.first.name == "images kept"
    assert [each.share for each in found.resources] == sorted((each.share for each in found.resources), reverse=True)


def test_images_in_s3_ask_nothing_of_the_database() -> None:
    load = Load(studies=1000)
    names = {each.name for each in sizing(load, COSTS, is_in_s3=True).resources}
    assert names == {"sessions", "synced transactions", "polling", "storage commitment"}
    assert most_studies(load, COSTS, is_in_s3=True) > most_studies(load, COSTS)


def test_requests_for_commitment_share_an_association() -> None:
    """By hand: 3 s hold 30 requests of 0.1 s, and 64 of 0.02 s take 1.28 s; one of 5 s is made all the same."""
    for request_s, requests, per_s in ((0.1, 30, 30 / 5.3), (0.02, 64, 64 / 3.58), (5.0, 1, 1 / 7.3)):
        costs = replace(COSTS, commitment_request_s=request_s)
        assert costs.commitment_requests == requests
        assert costs.commitments_per_s == pytest.approx(per_s)
    load = Load(studies=864_000, instances=1)
    (found,) = (each for each in sizing(load, COSTS).resources if each.name == "storage commitment")
    assert found.needed == pytest.approx(10.0)
    assert found.there == pytest.approx(2 * 30 / 5.3)  # of two receivers


def test_the_terms_of_requests_for_commitment_are_those_of_the_service() -> None:
    assert Costs().commitment_most == storage_commitment.MOST_AT_ONCE
    assert Costs().commitment_asking_s == storage_commitment.ASKING_S
    assert Costs().commitment_stay_s == pytest.approx(STAY_S, abs=0.5)


def test_the_most_studies_fill_the_first_resource() -> None:
    load = Load(studies=1)
    most = most_studies(load, COSTS)
    assert sizing(replace(load, studies=most), COSTS).first.share == pytest.approx(1.0, rel=1e-6)
    assert sizing(replace(load, studies=1.01 * most), COSTS).first.share > 1.0


@pytest.mark.parametrize(
    ("field", "value"),
    [("studies", 0.0), ("seconds", -1.0), ("busy_hours", 25.0), ("peak", 0.5), ("studies", float("nan"))],
)
def test_a_load_that_cannot_be_is_refused(field: str, value: float) -> None:
    with pytest.raises(SetupError, match="expected"):
        Load(**{"studies": 100.0, field: value})


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (1.0, "1"), (0.02222, "0.0222"), (1666.7, "1,670"), (52.84, "52.8"), (2e6, "2,000,000")],
)
def test_numbers_have_three_digits_and_no_exponent(value: float, shown: str) -> None:
    assert short(value) == shown


def test_the_costs_are_those_that_were_measured() -> None:
    """Every cost stands in the benchmark's page as it was measured, rounded."""
    page = (ROOT / "tests" / "benchmarks" / "HOSTS.md").read_text(encoding="utf-8")
    costs = Costs()
    rows = {
        name: float(value) for name, value in re.findall(r"^\| ([^|]+) \| ([\d.]+)(?: KiB)? \|$", page, re.MULTILINE)
    }
    assert costs.receiver_sessions == rows["sessions of a receiver"]
    assert 0 <= costs.worker_sessions - rows["sessions of a worker"] <= 2  # a loaded machine was seen to open two more
    assert costs.receiver_polls == pytest.approx(rows["transactions a second of an idle receiver"], rel=0.1)
    assert costs.worker_polls == pytest.approx(rows["transactions a second of an idle worker"], rel=0.1)
    assert costs.study_commits == pytest.approx(
        rows["transactions of a study (four instances, one destination, before its storage commitment)"], rel=0.1
    )
    assert costs.instance_commits == pytest.approx(rows["transactions of an instance"], rel=0.1)
    assert costs.log_ratio == pytest.approx(rows["write-ahead log over bytes received"], rel=0.1)


def test_the_command_says_the_limit_and_what_then() -> None:
    done = CliRunner().invoke(app, ["sizing", "--studies", "100000", "--s3"])
    assert done.exit_code == 0, done.output
    assert "sessions" in done.output
    assert "What then:" in done.output
    assert "e+0" not in done.output


def test_a_mistake_of_use_is_status_2() -> None:
    assert CliRunner().invoke(app, ["sizing", "--studies", "0"]).exit_code == 2
