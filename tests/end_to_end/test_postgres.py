"""The service with its queue on a real PostgreSQL server: killed, moved, without its server. Kind: mechanics.

Everything is real but the computation (`fake_service.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.service.doctor import Verdict, checks
from appliance.state import postgres as queue_database
from appliance.state.job_queue import Fate, Jobs
from appliance.state.postgres import QueueDatabase, server_of
from appliance.state.states import State
from appliance.state.worker_name import schema_name
from models.errors import SetupError
from tests.conftest import require_programs
from tests.end_to_end.postgres import Postgres, running_postgres
from tests.end_to_end.running import Archive, RunningService, running_service, storescu, wait_for
from tests.end_to_end.small_study import uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    require_programs("setpriv")
    with running_postgres() as server:
        for database in ("queue", "shared", "versions"):  # making tables waits for the other users of a database
            server.execute(f"CREATE DATABASE {database}")
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, archive: Archive) -> Iterator[RunningService]:
    """One service for the tests that leave it running; each has its own study."""
    destinations = {"pacs": archive.port}
    with running_service(
        tmp_path_factory.mktemp("service"), destinations=destinations, database_url=postgres.url()
    ) as running:
        yield running


def test_kill_while_the_job_runs_delivers_once(
    tmp_path: Path, service: RunningService, postgres: Postgres, archive: Archive
) -> None:
    (service.control / "hold").touch()
    storescu(write_study(tmp_path / "study", "killed"), port=service.port)
    service.wait_for_state(uid("killed"), State.RUNNING)
    wait_for(lambda: service.begun(uid("killed")), what="the job to have begun")
    service.kill()
    (service.control / "hold").unlink()
    service.start()
    service.wait_for_state(uid("killed"), State.DELIVERED)
    begun = [line for line in service.begun() if line.startswith(uid("killed"))]
    assert len(begun) == 2
    assert begun[0] == begun[1], "the same files, asked for at the same time: the same objects"
    assert archive.count("killed") == 2
    assert not (service.settings.service.state_dir / "queue.sqlite3").exists()
    text = str(postgres.execute("SELECT nspname FROM pg_namespace", database="queue"))
    assert "rdeepnet_" in text


def test_a_queue_that_is_lost_is_filled_again_from_the_records(
    tmp_path: Path, service: RunningService, postgres: Postgres, archive: Archive
) -> None:
    """State after a restore without the database: the service follows its records."""
    (service.control / "hold").touch()
    storescu(write_study(tmp_path / "study", "lost"), port=service.port)
    service.wait_for_state(uid("lost"), State.RUNNING)
    service.kill()
    (service.control / "hold").unlink()
    for (schema,) in postgres.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rdeepnet%'", database="queue"
    ):
        postgres.execute(f"DROP SCHEMA {schema} CASCADE", database="queue")
    service.start()
    service.wait_for_state(uid("lost"), State.DELIVERED)
    assert archive.count("lost") == 2


def test_without_the_server_studies_are_taken_and_answered_when_it_is_back(
    tmp_path: Path, service: RunningService, postgres: Postgres, archive: Archive
) -> None:
    postgres.stop()
    try:
        assert storescu(write_study(tmp_path / "study", "outage"), port=service.port) == 0
        service.wait_for_state(uid("outage"), State.QUEUED)
    finally:
        postgres.start()
    service.wait_for_state(uid("outage"), State.DELIVERED)
    assert archive.count("outage") == 2


def test_two_services_share_a_database_and_not_their_jobs(tmp_path: Path, postgres: Postgres, archive: Archive) -> None:
    """Both get the same study: its job has the same id in both queues."""
    services = [
        RunningService(tmp_path / name, destinations={"pacs": archive.port}, database_url=postgres.url("shared"))
        for name in ("one", "other")
    ]
    files = write_study(tmp_path / "study", "shared")
    try:
        services[0].start()  # alone: beside another service of the database the first start takes some 20 s
        services[0].stop()
        for service in reversed(services):
            service.start()
        for service in services:
            storescu(files, port=service.port)
        for service in services:
            service.wait_for_state(uid("shared"), State.DELIVERED)
            assert len(service.begun()) == 1
    finally:
        for service in services:
            service.end()


def test_a_copied_state_folder_does_not_take_the_jobs_of_the_original(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_database, "_LOCK_WITHIN_S", 0.3)
    database = QueueDatabase(postgres.url(), schema=schema_name("copied"))
    try:
        with pytest.raises(SetupError, match="Another service uses the schema rdeepnet_copied_"):
            QueueDatabase(postgres.url(), schema=schema_name("copied"))
    finally:
        database.close()
    QueueDatabase(postgres.url(), schema=schema_name("copied")).close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://rdeepnet@127.0.0.1:1/queue", "cannot be opened"),
        ("postgresql://rdeepnet:secret@127.0.0.1:{port}/none", 'database "none" does not exist'),
        ("postgresql://reader@127.0.0.1:{port}/queue", "GRANT CREATE ON DATABASE"),
    ],
)
def test_a_database_that_can_not_be_used_is_told_in_a_sentence(postgres: Postgres, url: str, reason: str) -> None:
    if "reader" in url:
        postgres.execute("CREATE ROLE reader LOGIN")
    with pytest.raises(SetupError, match=reason) as told:
        QueueDatabase(url.format(port=postgres.port), schema="rdeepnet_x")
    assert "secret" not in str(told.value)
    with pytest.raises(SetupError, match=reason):
        server_of(url.format(port=postgres.port))


def test_doctor_looks_at_the_database_beside_a_running_service(service: RunningService, postgres: Postgres) -> None:
    assert re.fullmatch(r"PostgreSQL \d+ at 127\.0\.0\.1, database queue", server_of(postgres.url()))
    (found,) = [check for check in checks(service.settings) if check.subject == "queue"]
    assert found.verdict is Verdict.GOOD


def test_an_older_version_of_another_worker_is_left_alone(tmp_path: Path, postgres: Postgres) -> None:
    def jobs(executor: str, version: str) -> Jobs:
        return Jobs(
            answer=lambda job_id: "outcome",
            conclude=lambda job_id, outcome: None,
            database_url=postgres.url("versions"),
            folder=tmp_path,
            executor=executor,
            poll_s=0.05,
            max_attempts=3,
            version=version,
        )

    older = jobs("older", "0")
    older.start()
    older.put("1.2.3:abc")
    wait_for(lambda: older.fate("1.2.3:abc") is Fate.DONE, what="the job to be done")
    older.stop()
    newer = jobs("newer", "1")
    newer.start()
    try:
        assert newer.fate("1.2.3:abc") is Fate.UNKNOWN
    finally:
        newer.stop()
