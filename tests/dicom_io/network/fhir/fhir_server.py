"""A FHIR server for tests, as far as our bundles use one: transactions of conditional updates (R4 §3.1.0.11).

It stores resources, resolves the references inside a bundle, and answers as the standard says: 412 where a condition
fits several resources, nothing stored where one entry fails. No server of others could be had here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dicom_io.network.tls import TlsFiles
from tests.dicom_io.network.dicomweb.web_server import Reply, Request, WebServer, web_server

CAPABILITIES = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "format": ["json"]}


@dataclass
class FhirStore:
    """Resources by "Kind/id", and how often each was written."""

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        """Answers one request."""
        if request.method == "GET":
            return Reply(200, json.dumps(CAPABILITIES).encode())
        assert request.headers["Content-Type"] == "application/fhir+json"
        bundle = json.loads(request.body)
        assert bundle["type"] == "transaction"
        places = {}
        for entry in bundle["entry"]:
            found = self._found(entry)
            if len(found) > 1:
                return Reply(412, _outcome("multiple-matches"))
            kind = entry["resource"]["resourceType"]
            places[entry["fullUrl"]] = found[0] if found else f"{kind}/{len(self.resources) + len(places) + 1}"
        lines = []
        for entry in bundle["entry"]:
            place = places[entry["fullUrl"]]
            known = place in self.resources
            resolved = json.dumps(entry["resource"])
            for url, target in places.items():
                resolved = resolved.replace(url, target)
            self.resources[place] = json.loads(resolved)
            self.versions[place] = self.versions.get(place, 0) + 1
            lines.append({"response": {"status": "200 OK" if known else "201 Created", "location": place}})
        return Reply(
            200, json.dumps({"resourceType": "Bundle", "type": "transaction-response", "entry": lines}).encode()
        )

    def _found(self, entry: dict[str, Any]) -> list[str]:
        """Places of the resources that the condition of an entry fits."""
        assert entry["request"]["method"] == "PUT"
        url = urlsplit(entry["request"]["url"])
        (condition,) = parse_qs(url.query)["identifier"]
        system, _, value = unquote(condition).partition("|")
        return [
            place
            for place, resource in self.resources.items()
            if place.startswith(f"{url.path}/") and {"system": system, "value": value} in resource["identifier"]
        ]


def _outcome(code: str, text: str = "Patient Wang^Xiaodong") -> bytes:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


outcome = _outcome


@contextmanager
def fhir_server(*, tls: TlsFiles | None = None) -> Iterator[tuple[WebServer, FhirStore]]:
    """A running server and what it holds."""
    store = FhirStore()
    with web_server(store.answer, tls=tls) as server:
        yield server, store
