"""Alerts: what is told, when, to whom, and that nothing is lost or told twice. Kind: mechanics.

The receivers are a web server and a mail server of this test on 127.0.0.1; time is an argument.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from appliance.service.operator import drop
from appliance.settings import AlertSettings, load_settings
from appliance.web.alerts import Alerts, Message
from appliance.web.channels import Mail, Webhook, channels_of
from appliance.web.overview import overview
from appliance.web.problems import problems
from appliance.web.server import open_alerts, tell
from models.errors import SetupError
from tests.appliance.web.site import configuration, draft, populate
from tests.appliance.web.test_metrics import around
from tests.end_to_end.running import free_port

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
MESSAGE = Message("disk", "5 GB are free.", START.isoformat(), "RDEEPNET")


class Recorder:
    """A channel that takes messages, or not."""

    name = "recorder"

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.is_away = False

    def send(self, message: Message) -> None:
        if self.is_away:
            raise ConnectionRefusedError("away")
        self.taken.append((message.code, message.sentence))


@contextmanager
def opened(folder: Path, channel: Recorder) -> Iterator[Alerts]:
    settings = AlertSettings(after_s=300, remind_s=86400)
    alerts = Alerts(folder / "alerts.sqlite3", settings=settings, channels=[channel], title="RDEEPNET")
    try:
        yield alerts
    finally:
        alerts.close()


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_a_problem_is_told_once_reminded_of_and_all_is_well_at_the_end(tmp_path: Path) -> None:
    channel = Recorder()
    with opened(tmp_path, channel) as alerts:
        for minute in range(1500):
            alerts.compare({"disk": f"minute {minute}"}, at(minute))
            alerts.send_due(at(minute))
        alerts.compare({}, at(1500))
        alerts.compare({}, at(1501))
        alerts.send_due(at(1501))
    # After 5 minutes, a day after that, and at the end.
    assert channel.taken == [("disk", "minute 5"), ("disk", "minute 1445"), ("well", "All is well again.")]


def test_what_passes_soon_is_not_told_and_neither_is_its_end(tmp_path: Path) -> None:
    channel = Recorder()
    with opened(tmp_path, channel) as alerts:
        alerts.compare({"destination:pacs": "gone"}, at(0))
        alerts.compare({}, at(4))
        alerts.compare({"destination:pacs": "gone"}, at(6))
        alerts.compare({}, at(10))
        assert alerts.send_due(at(10)) == 0
    assert channel.taken == []


def test_well_comes_after_the_last_problem(tmp_path: Path) -> None:
    channel = Recorder()
    with opened(tmp_path, channel) as alerts:
        alerts.compare({"disk": "full"}, at(0))
        alerts.compare({"disk": "full", "service": "dead"}, at(5))
        alerts.compare({"service": "dead"}, at(6))
        alerts.compare({"service": "dead"}, at(10))
        alerts.compare({}, at(11))
        alerts.send_due(at(11))
    assert [code for code, _ in channel.taken] == ["disk", "service", "well"]


def test_messages_wait_for_their_receiver_over_a_restart_in_order_and_once(tmp_path: Path) -> None:
    channel = Recorder()
    channel.is_away = True
    with opened(tmp_path, channel) as alerts:
        alerts.compare({"disk": "full"}, at(0))
        alerts.compare({"disk": "full"}, at(5))
        assert alerts.send_due(at(5)) == 1
        alerts.compare({}, at(6))
    with opened(tmp_path, channel) as alerts:
        channel.is_away = False
        assert alerts.send_due(at(5.1)) == 2, "the first pause is 30 s, and nothing overtakes"
        assert alerts.send_due(at(7)) == 0
        alerts.compare({}, at(8))
        assert alerts.send_due(at(8)) == 0
    assert [code for code, _ in channel.taken] == ["disk", "well"]
    assert (tmp_path / "alerts.sqlite3").stat().st_mode & 0o777 == 0o600


def test_a_message_nobody_takes_for_days_is_given_up(tmp_path: Path) -> None:
    channel = Recorder()
    channel.is_away = True
    with opened(tmp_path, channel) as alerts:
        alerts.compare({"disk": "full"}, at(0))
        alerts.compare({"disk": "full"}, at(5))
        assert alerts.send_due(at(5)) == 1
        assert alerts.send_due(at(3 * 1440 + 6)) == 0


@contextmanager
def web_server(status: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Address of a server that answers a status, and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers.items()), body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook?x=1", got
        finally:
            server.shutdown()
            thread.join()


def test_the_webhook_is_signed() -> None:
    with web_server(204) as (url, got):
        Webhook(url, b"secret").send(MESSAGE)
    ((headers, body),) = got
    assert headers["X-Rdeepnet-Signature"] == "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert json.loads(body) == {
        "event": "problem",
        "code": "disk",
        "sentence": "5 GB are free.",
        "since": "2026-03-01T08:00:00+00:00",
        "appliance": "RDEEPNET",
    }
    assert json.loads(replace(MESSAGE, code="well").as_json())["event"] == "well"


@pytest.mark.parametrize("status", [301, 404, 500])
def test_a_webhook_that_does_not_take_it_is_asked_again(status: int) -> None:
    with web_server(status) as (url, got):
        with pytest.raises(OSError, match=str(status)):
            Webhook(url).send(MESSAGE)
        assert "X-Rdeepnet-Signature" not in got[0][0]
    with pytest.raises(OSError, match="refused"):
        Webhook(f"http://127.0.0.1:{free_port()}/").send(MESSAGE)


def test_mail_is_handed_to_the_server() -> None:
    said: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            is_content = False
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                said.append(line)
                if line.upper() == "DATA":
                    is_content = True
                    self.wfile.write(b"354 go on\r\n")
                    while (content := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        said.append(content)
                self.wfile.write(b"221 bye\r\n" if line.upper() == "QUIT" else b"250 ok\r\n")
            assert is_content

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        settings = AlertSettings(
            smtp_host="127.0.0.1",
            smtp_port=server.server_address[1],
            smtp_starttls=False,
            mail_from="rdeepnet@example.org",
            mail_to=("a@example.org", "b@example.org"),
        )
        Mail(settings).send(MESSAGE)
        thread.join()
    assert {line for line in said if line.startswith("rcpt")} == {
        "rcpt TO:<a@example.org>",
        "rcpt TO:<b@example.org>",
    }
    assert "Subject: RDEEPNET: disk" in said
    assert "5 GB are free." in said


def test_every_problem_has_a_code_and_no_study_is_named(tmp_path: Path) -> None:
    settings = load_settings(configuration(tmp_path, port=free_port(), token=False))
    populate(settings.service.state_dir)
    bad = around(service=("No pulse: it has stopped.",), worker=("It ended 2 times.",), free_gb=5.0)
    view = overview(settings)
    late = replace(view, waiting_since=view.at - timedelta(hours=5))
    found = problems(late, bad, settings)
    assert set(found) == {"refused", "failed", "waiting", "service", "worker", "destination:second", "disk"}
    assert found["refused"] == "1 study is refused; retry or drop them, the page says why."
    assert "5 h" in found["waiting"]
    text = " ".join(found.values())
    assert not re.search(r"\d+\.\d+\.\d+\.\d+\.\d+", text)
    assert "Test" not in text


def test_drafts_that_wait_too_long_are_a_problem_until_somebody_decides(tmp_path: Path) -> None:
    settings = load_settings(configuration(tmp_path, port=free_port(), token=False))
    populate(settings.service.state_dir)
    for number in (31, 32):
        draft(settings, f"1.2.826.0.1.3680043.8.498.{number}")
    view, well = overview(settings), around(destinations={}, free_gb=100.0)

    def told(later: timedelta, days: float = 3.0) -> str:
        alerts = replace(settings.alerts, review_days=days)
        return problems(replace(view, at=view.at + later), well, replace(settings, alerts=alerts)).get("review", "")

    assert told(timedelta(days=2.9)) == ""
    assert told(timedelta(days=3.1)) == (
        "2 drafts have waited for a person, the oldest for 3 days; review, accept or drop them, the page lists them."
    )
    assert told(timedelta(hours=7), days=0.25).startswith("2 drafts have waited for a person, the oldest for 7 h;")
    drop(settings, "1.2.826.0.1.3680043.8.498.31", reason="a phantom", by="jo")
    view = overview(settings)
    assert told(timedelta(days=20)).startswith("1 draft has waited for a person, the oldest for 20 days;")
    drop(settings, "1.2.826.0.1.3680043.8.498.32", reason="a phantom", by="jo")
    view = overview(settings)
    assert told(timedelta(days=20)) == ""


def test_the_page_tells_of_a_service_that_died(tmp_path: Path) -> None:
    with web_server(200) as (url, got):
        more = f'[alerts]\nwebhook_url = "{url}"\nafter_s = 0.05\n'
        settings = load_settings(configuration(tmp_path, port=free_port(), token=False, more=more))
        populate(settings.service.state_dir)
        alerts = open_alerts(settings)
        assert alerts is not None
        dead = around(service=("No pulse: it has stopped.",), free_gb=100.0)
        tell(alerts, settings, dead)
        threading.Event().wait(0.1)
        tell(alerts, settings, dead)
        tell(alerts, settings, dead)
        alerts.close()
    assert sorted(json.loads(body)["code"] for _, body in got) == ["destination:second", "failed", "refused", "service"]


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no address"):
        AlertSettings(webhook_url="ftp://example.org")
    with pytest.raises(SetupError, match="mail_from and mail_to"):
        AlertSettings(smtp_host="mail")
    with pytest.raises(SetupError, match="smtp_password_file"):
        AlertSettings(smtp_user="jo")
    secret = tmp_path / "secret"
    secret.write_text("x\n", encoding="utf-8")
    secret.chmod(0o644)
    with pytest.raises(SetupError, match="expected 0600"):
        channels_of(AlertSettings(webhook_url="https://example.org", webhook_key_file=secret))
    secret.chmod(0o600)
    (webhook,) = channels_of(AlertSettings(webhook_url="https://example.org", webhook_key_file=secret))
    assert isinstance(webhook, Webhook)
    assert webhook.secret == b"x"
    assert "x'" not in repr(webhook)
    assert channels_of(AlertSettings()) == ()
