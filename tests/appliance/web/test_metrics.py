"""`/metrics`, the alert rules and the probes. Kind: mechanics.

Figures follow from `site.py`. The peer that judges the format and runs the rules is Prometheus' own promtool.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from appliance.service.operator import drop
from appliance.settings import Settings, load_settings
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.web.metrics import BUCKETS_S, Family, Metrics
from appliance.web.surroundings import Fact, Surroundings
from tests.appliance.web.site import (
    DELIVERED,
    REFUSED,
    SENDING,
    Page,
    configuration,
    draft,
    populate,
    running_page,
)
from tests.conftest import ROOT, require_programs
from tests.end_to_end.running import free_port

DRAFTED = "1.2.826.0.1.3680043.8.498.31"
RULES = ROOT / "appliance" / "deploy" / "prometheus" / "rdeepnet.rules.yaml"
WELL = Fact("", True, "")
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')


def around(**changed: object) -> Surroundings:
    values = {
        "at": datetime.now(UTC),
        "service": (),
        "destinations": {"pacs": WELL, "second": Fact("second", False, "gone")},
        "disk": WELL,
        "free_gb": 12.5,
        "models": (),
        "device": "CPU",
        "certificate": WELL,
        "certificate_ends": datetime.now(UTC) + timedelta(days=10),
        "problems": (),
    }
    return Surroundings(**(values | changed))  # type: ignore[arg-type]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(configuration(tmp_path, port=free_port(), token=False))
    populate(settings.service.state_dir)
    return settings


def parsed(text: str) -> dict[str, float]:
    """Name with labels → value; every line is a comment or a sample."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            name = line.rpartition(" ")[0]
            assert name not in found, "a sample stands once"
            found[name] = float(match[3])
    return found


def test_the_figures_are_those_of_the_records(settings: Settings) -> None:
    found = parsed(Metrics(settings).text(around()))
    for state in ("received", "queued", "sending", "delivered", "refused", "failed"):
        assert found[f'rdeepnet_studies{{state="{state}"}}'] == 1
    assert found['rdeepnet_studies{state="running"}'] == 0
    assert found["rdeepnet_attention_studies"] == 2
    assert 0 < found["rdeepnet_oldest_waiting_seconds"] < 600
    assert found['rdeepnet_refused_total{code="no-tumour"}'] == 1
    assert found['rdeepnet_refused_total{code="geometry"}'] == 0
    assert found["rdeepnet_failed_total"] == found["rdeepnet_delivered_total"] == 1
    assert found['rdeepnet_deliveries_total{destination="pacs",outcome="delivered"}'] == 2
    assert found['rdeepnet_deliveries_total{destination="second",outcome="delivered"}'] == 1
    assert found['rdeepnet_deliveries_total{destination="second",outcome="waiting"}'] == 1
    assert found['rdeepnet_deliveries_total{destination="second",outcome="refused"}'] == 0
    assert found['rdeepnet_outbox_objects{destination="pacs"}'] == 0
    assert found['rdeepnet_outbox_objects{destination="second"}'] == 1
    assert found['rdeepnet_received_instances_total{door="dicom"}'] == 5  # one of each study that was complete
    assert found["rdeepnet_service_up"] == found["rdeepnet_worker_up"] == 1
    assert found["rdeepnet_worker_ends_total"] == found["rdeepnet_jobs_put_back_total"] == 0
    assert found['rdeepnet_destination_up{destination="second"}'] == 0
    assert found["rdeepnet_disk_free_bytes"] == 12.5e9
    assert found["rdeepnet_certificate_expiry_seconds"] == pytest.approx(10 * 86400, abs=60)
    assert 'rdeepnet_build_info{version="' in "".join(found)


def test_a_draft_ages_until_it_is_dropped(settings: Settings) -> None:
    assert parsed(Metrics(settings).text(None))["rdeepnet_oldest_review_seconds"] == 0
    draft(settings, DRAFTED)
    found = parsed(Metrics(settings).text(None))
    assert found['rdeepnet_studies{state="review"}'] == 1
    assert found["rdeepnet_attention_studies"] == 2, "as without it"
    assert 0 < found["rdeepnet_oldest_review_seconds"] < 600
    drop(settings, DRAFTED, reason="a phantom", by="jo")
    assert parsed(Metrics(settings).text(None))["rdeepnet_oldest_review_seconds"] == 0


def test_the_stages_are_a_histogram(settings: Settings) -> None:
    found = parsed(Metrics(settings).text(None))
    # Two studies with results, each 1.5 s of reading and 4.5 s of extraction.
    assert found['rdeepnet_stage_seconds_bucket{stage="read",le="1"}'] == 0
    assert found['rdeepnet_stage_seconds_bucket{stage="read",le="2"}'] == 2
    assert found['rdeepnet_stage_seconds_bucket{stage="read",le="+Inf"}'] == 2
    assert found['rdeepnet_stage_seconds_sum{stage="extract"}'] == 9.0
    assert found['rdeepnet_stage_seconds_count{stage="extract"}'] == 2
    assert list(BUCKETS_S) == sorted(BUCKETS_S)


def test_counters_grow_and_retention_takes_nothing_from_them(settings: Settings) -> None:
    metrics = Metrics(settings)
    before = parsed(metrics.text(None))
    records = Records(settings.service.state_dir / "studies.sqlite3")
    for _ in range(2):
        for delivery in records.deliveries(SENDING):
            if delivery.state is DeliveryState.WAITING:
                records.delivery_tried(
                    delivery, state=DeliveryState.WAITING, sentence="gone", next_at=datetime.now(UTC)
                )
    records.forget(DELIVERED)
    records.forget(REFUSED)
    records.arrived("1.2.3.9")
    records.close()
    after = parsed(metrics.text(None))
    changed = {name for name in before if "_total" in name and after[name] != before[name]}
    waiting = 'rdeepnet_deliveries_total{destination="second",outcome="waiting"}'
    assert changed == {waiting}
    assert after[waiting] == before[waiting] + 2
    assert after['rdeepnet_studies{state="refused"}'] == 0


def test_nothing_of_a_patient_or_a_study_is_in_a_label(settings: Settings) -> None:
    text = Metrics(settings).text(around())
    assert not re.search(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+", text.replace("0.0.4", ""))
    labels = {name for block in re.findall(r"\{(.*?)\}", text) for name in re.findall(r'([a-z]+)="', block)}
    assert labels == {"state", "destination", "outcome", "door", "version", "stage", "le", "code"}


def test_labels_are_escaped() -> None:
    (line,) = list(Family("m", "gauge", "", (("", {"a": 'x"\\\n'}, 0.5),)).lines())[2:]
    assert line == r'm{a="x\"\\\n"} 0.5'


@pytest.mark.peers
def test_promtool_finds_nothing_wrong_with_the_format(settings: Settings) -> None:
    require_programs("promtool")
    text = Metrics(settings).text(around())
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def names_in_rules() -> set[str]:
    rules = [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    assert len(rules) > 9
    assert all(rule["labels"]["severity"] in ("info", "warning", "critical") for rule in rules)
    assert all(rule["annotations"]["summary"].endswith(".") for rule in rules)
    return set(re.findall(r"rdeepnet_\w+", " ".join(rule["expr"] for rule in rules)))


def test_the_rules_speak_of_figures_that_exist(settings: Settings) -> None:
    exposed = {name.partition("{")[0] for name in parsed(Metrics(settings).text(around()))}
    assert names_in_rules() <= exposed


CASES = """
rule_files: [RULES]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="rdeepnet"}', values: '0x30'}
      - {series: 'rdeepnet_service_up', values: '1x4 0x30'}
      - {series: 'rdeepnet_worker_up', values: '1x4 0x30'}
      - {series: 'rdeepnet_destination_up{destination="pacs"}', values: '0x30'}
      - {series: 'rdeepnet_destination_up{destination="second"}', values: '1x30'}
      - {series: 'rdeepnet_failed_total', values: '0x10 1x20'}
      - {series: 'rdeepnet_refused_total{code="choice"}', values: '0x10 4x20'}
      - {series: 'rdeepnet_delivered_total', values: '0x30'}
      - {series: 'rdeepnet_oldest_waiting_seconds', values: '14401x30'}
      - {series: 'rdeepnet_oldest_review_seconds', values: '259200x3 259201x30'}
      - {series: 'rdeepnet_deliveries_total{destination="pacs",outcome="refused"}', values: '0x10 2x20'}
      - {series: 'rdeepnet_disk_free_bytes', values: '15e9x20 0.5e9x10'}
      - {series: 'rdeepnet_certificate_expiry_seconds', values: '864000x30'}
    promql_expr_test:
"""
# Alert → minute at which it fires; derived from `for` and from the series above.
FIRING = {
    "RdeepnetPageDown": 6,
    "RdeepnetServiceDown": 9,
    "RdeepnetWorkerDying": 9,
    "RdeepnetDestinationDown": 16,
    "RdeepnetStudyFailed": 12,
    "RdeepnetStudyWaits": 6,
    "RdeepnetDraftWaits": 10,
    "RdeepnetDestinationRefuses": 12,
    "RdeepnetStudyRefused": 12,
    "RdeepnetManyRefused": 12,
    "RdeepnetDiskLow": 11,
    "RdeepnetDiskFull": 22,
    "RdeepnetCertificateExpires": 1,
}


@pytest.mark.peers
def test_promtool_runs_the_rules(tmp_path: Path) -> None:
    require_programs("promtool")
    cases = yaml.safe_load(CASES.replace("RULES", str(RULES)))
    cases["tests"][0]["promql_expr_test"] = [
        {
            "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
            "eval_time": f"{minute + late}m",
            "exp_samples": [{"labels": "{}", "value": 1}] if late == 0 else [],
        }
        for alert, minute in FIRING.items()
        for late in ((0,) if minute < 2 else (0, -3))
    ]
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump(cases), encoding="utf-8")
    result = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with running_page(tmp_path_factory.mktemp("page")) as page:
        yield page


def test_the_page_serves_figures_and_probes(page: Page) -> None:
    reply = page.ask("/metrics")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert parsed(reply.text)["rdeepnet_service_up"] == 0
    assert (page.ask("/live").status, page.ask("/live").text) == (200, "live\n")
    reply = page.ask("/ready")
    assert reply.status == 503
    assert [line.split(":")[0] for line in reply.text.splitlines()] == ["No C-ECHO", "No pulse"]
