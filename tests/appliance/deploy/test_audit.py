"""The audit says what is known, what is not, and never that all is well where nobody was asked. Kind: mechanics.

The scanner is the real one; the service that it asks runs here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Any

import pytest

from appliance.deploy.audit import LOCK, Audit, Exit, audit, judged, pins
from tests.end_to_end.running import free_port

needs_scanner = pytest.mark.skipif(find_spec("pip_audit") is None, reason="pip-audit is not installed")
TWO = "harmless==1.0 --hash=sha256:00\nflawed==2.13.0+cpu --hash=sha256:00\n"
FLAW = {
    "id": "PYSEC-0000-1",
    "aliases": ["CVE-0000-1"],
    "summary": "made for this test",
    "affected": [
        {
            "package": {"name": "flawed", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.14"}]}],
        }
    ],
}


class Service(BaseHTTPRequestHandler):
    """Answers as OSV does: one package has a flaw."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((asked["package"]["name"], asked["version"]))  # type: ignore[attr-defined]
        content = json.dumps({"vulns": [FLAW]} if asked["package"]["name"] == "flawed" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def options(port: int) -> list[str]:
    return ["--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{port}/v1/query", "--timeout", "10"]


@needs_scanner
def test_a_known_flaw_is_named_with_the_version_that_repairs_it(service: ThreadingHTTPServer) -> None:
    outcome = audit(TWO, options=options(service.server_port))
    assert outcome == Audit(
        Exit.VULNERABLE,
        (
            "flawed 2.13.0: PYSEC-0000-1 (CVE-0000-1); repaired in 2.14",
            "1 known vulnerability in 2 packages",
        ),
    )
    assert sorted(service.asked) == [("flawed", "2.13.0"), ("harmless", "1.0")]  # type: ignore[attr-defined]


@needs_scanner
def test_nothing_known_is_said_only_of_packages_that_were_looked_up(service: ThreadingHTTPServer) -> None:
    outcome = audit("harmless==1.0\n", options=options(service.server_port))
    assert outcome == Audit(Exit.CLEAN, ("1 package was looked up, no vulnerability is known",))


@needs_scanner
def test_where_nobody_answers_it_is_not_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    outcome = audit("harmless==1.0\n", options=options(free_port()))
    assert outcome.status is Exit.NOT_AUDITED
    assert outcome.sentences[0].startswith("not audited: ")
    assert "refused" in outcome.sentences[0]


def test_without_the_scanner_it_is_not_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.deploy.audit.sys.executable", "/bin/false")
    assert audit("harmless==1.0\n") == Audit(Exit.NOT_AUDITED, ("not audited: the scanner wrote no report",))


SKIPPED = {"name": "a", "skip_reason": "Dependency not found on PyPI"}
LOOKED_UP = {"name": "b", "version": "1", "vulns": []}


@pytest.mark.parametrize(
    ("found", "expected", "sentence"),
    [
        ([SKIPPED], 1, "not audited: 0 of 1 package could be looked up (a: Dependency not found on PyPI)"),
        ([SKIPPED, LOOKED_UP], 2, "not audited: 1 of 2 packages could be looked up (a: Dependency not found on PyPI)"),
        ([LOOKED_UP], 2, "not audited: 1 of 2 packages could be looked up"),
        ([], 0, "not audited: 0 of 0 packages could be looked up"),
    ],
)
def test_a_part_that_was_looked_up_is_no_audit(found: list[dict[str, Any]], expected: int, sentence: str) -> None:
    assert judged(found, expected=expected) == Audit(Exit.NOT_AUDITED, (sentence,))


def test_a_flaw_counts_although_others_were_not_looked_up() -> None:
    flawed = LOOKED_UP | {"vulns": [{"id": "X", "aliases": [], "fix_versions": []}]}
    outcome = judged([SKIPPED, flawed], expected=2)
    assert outcome.status is Exit.VULNERABLE
    assert outcome.sentences[0] == "b 1: X; no version repairs it yet"


def test_every_package_of_the_image_is_asked_about() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert len(pins(text)) == sum("==" in line for line in text.splitlines() if not line.startswith("#")) > 60
