"""Earlier studies come by DICOMweb whole or not at all, and a server that fails holds nothing up.

Kind: mechanics (a server that answers as it is told).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from appliance.peer_settings import ArchiveSettings, PriorSettings
from appliance.service.archived_priors import ArchivedPriors
from appliance.service.prior_sources import prior_source_of
from appliance.settings import ServiceSettings, Settings
from appliance.shared_settings import SharedSettings
from dicom_io.network.peer import Peer
from dicom_io.priors import PatientIdentity, Present
from models.errors import SetupError, StudyRejected
from models.inference.change import Obstacle
from reports.change import archive_not_asked
from tests.appliance.service.test_web_fetch import RELATED, Server, server
from tests.dicom_io.network.dicomweb.web_server import Reply, WebServer, related, web_server

__all__ = ["server"]  # a fixture

PRESENT = Present(PatientIdentity("P1"), "1.2.9", date(2026, 7, 1))


def settings(url: str, folder: Path, *, token: Path | None = None) -> Settings:
    return Settings(
        service=ServiceSettings(state_dir=folder),
        archive=ArchiveSettings(dicomweb_url=url, dicomweb_token_file=token, plain=True, timeout_s=5.0),
        priors=PriorSettings(compare=True, archive=True, retrieve="dicomweb"),
    )


@pytest.fixture
def running(server: Server) -> Iterator[WebServer]:
    server.more = {"00080020": ["20260101"]}
    with web_server(server) as started:
        yield started


def found(configured: Settings) -> tuple[list[Obstacle | None], ArchivedPriors, list[list[str]]]:
    """Obstacles to each earlier study, who looked, and the files that were computed, which this does not do."""
    computed: list[list[str]] = []

    def compute(files: Sequence[Path]) -> Any:
        computed.append(sorted(str(dcmread(file).SOPInstanceUID) for file in files))
        raise StudyRejected("")

    source = prior_source_of(configured, None)
    assert source is not None
    priors = ArchivedPriors(configured, source, lambda present: (), compute)
    obstacles = [one.obstacle for one in priors.find(PRESENT)]
    kept = configured.service.state_dir / "priors"
    assert not kept.exists() or list(kept.iterdir()) == []
    return obstacles, priors, computed


def test_an_earlier_study_comes_by_dicomweb_and_is_computed(server: Server, running: WebServer, tmp_path: Path) -> None:
    (token := tmp_path / "token").write_text("secret")
    obstacles, priors, computed = found(settings(running.url, tmp_path, token=token))
    held = sorted(str(dcmread(file).SOPInstanceUID) for files in server.series.values() for file in files)
    assert computed == [held]
    assert obstacles == [Obstacle.NO_ANSWER]
    assert priors.remarks == []
    assert {request.headers["Authorization"] for request in running.requests} == {"Bearer secret"}
    assert "PatientID=P1" in running.requests[0].path


def test_a_study_that_does_not_come_whole_is_not_computed(server: Server, running: WebServer, tmp_path: Path) -> None:
    last = sorted(server.series)[-1]
    changes: list[Callable[[Reply], Reply]] = [
        lambda reply: Reply(200, related(server.series[last], closing=False), RELATED, has_length=False),
        lambda reply: Reply(200, related([]), RELATED),  # fewer than it lists
        lambda reply: Reply(500),
        lambda reply: Reply(403),
    ]
    for change in changes:
        server.change = lambda path, reply, change=change: change(reply) if path.endswith(last) else reply  # type: ignore[misc]
        obstacles, priors, computed = found(settings(running.url, tmp_path))
        assert (obstacles, priors.remarks, computed) == ([Obstacle.NOT_FETCHED], [], [])


def test_a_study_of_another_patient_or_a_later_day_is_not_fetched(
    server: Server, running: WebServer, tmp_path: Path
) -> None:
    for more in ({"00080020": ["20260801"]}, {"00080020": ["20260101"], "00100021": ["HOSPB"]}):
        server.more = more
        assert found(settings(running.url, tmp_path))[2] == []
    assert not [request for request in running.requests if "?" not in request.path]


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_server_that_fails_is_a_remark(tmp_path: Path, status: int) -> None:
    with web_server(lambda request: Reply(status)) as running:
        obstacles, priors, computed = found(settings(running.url, tmp_path))
    assert (obstacles, priors.remarks, computed) == ([], [archive_not_asked()], [])
    assert found(settings(running.url, tmp_path))[1].remarks == [archive_not_asked()]  # it is gone


def test_what_does_not_fit_on_the_disk_is_not_fetched(
    running: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dicom_io.network.dicomweb.retrieve._ArrivingFiles.write", full)
    obstacles, _, computed = found(settings(running.url, tmp_path))
    assert (obstacles, computed) == ([Obstacle.NOT_FETCHED], [])


def test_the_way_is_that_of_the_settings(tmp_path: Path) -> None:
    peer = Peer("PACS", "192.0.2.1", 104, "RDEEPNET", 1.0)
    configured = settings("https://192.0.2.1/dicom-web", tmp_path)
    assert prior_source_of(replace(configured, priors=PriorSettings()), peer) is None
    by_get = replace(
        configured,
        archive=replace(configured.archive, host="192.0.2.1"),
        priors=replace(configured.priors, retrieve="get"),
    )
    assert prior_source_of(by_get, None) is None
    assert prior_source_of(by_get, peer) is not None


def test_dicomweb_needs_its_address_and_works_where_hosts_share_a_database(tmp_path: Path) -> None:
    configured = settings("https://192.0.2.1/dicom-web", tmp_path)
    with pytest.raises(SetupError, match=r"archive\.dicomweb_url is empty"):
        replace(configured, archive=ArchiveSettings(host="192.0.2.1"))
    shared = SharedSettings(database_url="postgresql://rdeepnet@192.0.2.2/rdeepnet")
    assert replace(configured, shared=shared).shared.is_used
