"""Several hosts with one home on a real PostgreSQL server: killed, cut off, without their server. Kind: mechanics.

North is a receiver and a worker, processes of the service with a state folder each; south is one process that is both.
Everything is real but the computation (`fake_service.py`), which the files of one control folder steer on all hosts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.service.health import ailments
from appliance.state.homes import open_records
from appliance.state.host_records import HostRecords
from appliance.state.postgres import SessionLock, server_of
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.takeover_records import Takeover, TakeoverRecords
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from models.errors import SetupError
from tests.conftest import require_programs
from tests.end_to_end.postgres import Postgres, running_postgres
from tests.end_to_end.running import AE_TITLE, Archive, RunningService, storescu
from tests.end_to_end.running import wait_for as wait_for_some_time
from tests.end_to_end.small_study import uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]

PATIENCE_S = 300.0  # a worker that ended is started again, and loads its libraries, on a machine that may be busy
wait_for = partial(wait_for_some_time, patience_s=PATIENCE_S)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    require_programs("setpriv")
    with running_postgres() as server:
        yield server


class Installation:
    """Two hosts that share a database."""

    def __init__(self, folder: Path, url: str, *, archive: Archive) -> None:
        self.control = folder / "control"
        self.url = url

        def process(name: str, *, role: str, host: str) -> RunningService:
            return RunningService(
                folder / name,
                destinations={"pacs": archive.port},
                database_url=url,
                role=role,
                executor=f"{host}-0",
                control=self.control,
                hung_after_s=2 * PATIENCE_S,
            )

        self.north = process("north", role="receiver", host="north")
        self.north_worker = process("north worker", role="worker", host="north")
        self.south = process("south", role="all", host="south")
        self.receivers = (self.north, self.south)

    @property
    def processes(self) -> tuple[RunningService, ...]:
        return (*self.receivers, self.north_worker)

    def start(self) -> None:
        for process in self.processes:
            process.launch()
        for process in self.processes:
            process.wait_ready()
        wait_for(lambda: "worker ready" in self.south.log(), what="the worker of south")

    def end(self) -> None:
        for process in self.processes:
            process.end()

    def hold(self) -> None:
        """Lets answers last from now on."""
        (self.control / "hold").touch()

    def go_on(self) -> None:
        (self.control / "hold").unlink(missing_ok=True)

    def kill_north(self) -> None:
        """Ends a whole host: its receiver, its worker, and what they have started."""
        for process in (self.north, self.north_worker):
            process.kill()

    def job_of(self, executor: str) -> str:
        """The job that a worker is at, by what it says of itself."""
        with self.records() as records:
            doing = [host.doing for host in HostRecords(records).hosts()]
        return next((str(one["job"]) for one in doing if one.get("executor") == executor and "job" in one), "")

    def takeovers(self, study: str) -> tuple[Takeover, ...]:
        with self.records() as records:
            return TakeoverRecords(records).of_study(uid(study))

    @contextmanager
    def records(self) -> Iterator[Records]:
        records = open_records(self.south.settings, read_only=True)
        try:
            yield records
        finally:
            records.close()

    def wait_delivered(self, studies: Sequence[str]) -> None:
        for study in studies:
            self.south.wait_for_state(uid(study), State.DELIVERED, patience_s=PATIENCE_S)


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, archive: Archive
) -> Iterator[Installation]:
    """One for the tests of this module, of which the last ends a host for good; each has its own studies."""
    postgres.execute("CREATE DATABASE home")
    made = Installation(tmp_path_factory.mktemp("installation"), postgres.url("home"), archive=archive)
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture(autouse=True)
def nothing_held(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that fails leaves no answer waiting."""
    yield
    if "installation" in request.fixturenames:
        request.getfixturevalue("installation").go_on()


def test_a_worker_that_is_cut_off_ends_and_its_study_is_delivered_once(
    tmp_path: Path, installation: Installation, postgres: Postgres, archive: Archive
) -> None:
    installation.hold()
    assert storescu(write_study(tmp_path / "cut", "cut"), port=installation.north.port) == 0
    wait_for(lambda: installation.north.workers(), what="the job to have begun")
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'rdeepnet executor %'"
    )

    def both_said_so() -> bool:
        return all("it ends, and its job" in worker.log() for worker in (installation.north_worker, installation.south))

    wait_for(both_said_so, what="both workers to end themselves")
    installation.go_on()
    installation.wait_delivered(["cut"])
    assert archive.count("cut") == 2
    assert len(set(installation.north.workers())) >= 2, "a new process did it"
    wait_for(
        lambda: all(
            worker.log().count("worker ready") == 2 for worker in (installation.north_worker, installation.south)
        ),
        what="both workers to be there again",
    )


def test_without_the_server_senders_are_told_to_repeat_and_work_goes_on_when_it_is_back(
    tmp_path: Path, installation: Installation, postgres: Postgres, archive: Archive
) -> None:
    receiver, refused = installation.north, write_study(tmp_path / "refused", "refused")
    installation.hold()
    assert storescu(write_study(tmp_path / "flight", "flight"), port=receiver.port) == 0
    wait_for(lambda: receiver.begun(uid("flight")), what="the job to have begun")
    postgres.stop()
    try:
        assert storescu(refused, port=receiver.port) != 0
        echo(Peer(AE_TITLE, "127.0.0.1", receiver.port, "STORESCU", 10.0))
        wait_for(lambda: "cannot be used now" in receiver.log(), what="the log to say so")
    finally:
        installation.go_on()
        postgres.start()
    wait_for(lambda: storescu(refused, port=receiver.port) == 0, what="the receiver to take studies again")
    installation.wait_delivered(["flight", "refused"])
    for study in ("flight", "refused"):
        assert archive.count(study) == 2
    assert "the service works again" in receiver.log()


def test_a_study_that_comes_to_both_receivers_is_answered_whole_and_once(
    tmp_path: Path, installation: Installation, archive: Archive
) -> None:
    files = write_study(tmp_path / "both", "both", images=6)
    for number, file in enumerate(files):
        assert storescu([file], port=installation.receivers[number % 2].port) == 0
    installation.wait_delivered(["both"])
    assert archive.count("both") == 2
    assert installation.north.begun(uid("both"))[-1] == str(len(files))
    with installation.records() as records:
        hosts = HostRecords(records).hosts()
    assert sorted((host.role, host.name.split(":")[0]) for host in hosts)[-1] == ("worker", "north-0")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://rdeepnet@127.0.0.1:1/queue", "cannot be opened"),
        ("postgresql://rdeepnet:secret@127.0.0.1:{port}/none", 'database "none" does not exist'),
        ("postgresql://reader@127.0.0.1:{port}/postgres", "GRANT CREATE ON DATABASE"),
    ],
)
def test_a_database_that_can_not_be_used_is_told_in_a_sentence(postgres: Postgres, url: str, reason: str) -> None:
    if "reader" in url:
        postgres.execute("CREATE ROLE reader LOGIN")
    with pytest.raises(SetupError, match=reason) as told:
        SessionLock(url.format(port=postgres.port), "x")
    assert "secret" not in str(told.value)
    with pytest.raises(SetupError, match=reason):
        server_of(url.format(port=postgres.port))


def test_status_lists_the_hosts_and_each_process_is_well(installation: Installation) -> None:
    command = ["status", "--config", str(installation.north.settings_file)]
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "200"}).stdout
    assert "Hosts" in shown
    assert "north-0" in shown
    assert "No worker is there" not in shown
    for process in installation.processes:
        assert list(ailments(process.settings)) == []


def test_the_server_is_named_without_changing_it(installation: Installation) -> None:
    assert re.fullmatch(r"PostgreSQL \d+ at 127\.0\.0\.1, database home", server_of(installation.url))


def test_a_killed_host_loses_nothing_and_doubles_nothing(
    tmp_path: Path, installation: Installation, archive: Archive
) -> None:
    """One host dies with a job running, another waiting and a study arriving; the other host brings all to an end."""
    studies = [f"kill-{number}" for number in range(4)]
    installation.hold()
    for number, study in enumerate(studies):
        receiver = installation.receivers[number % 2]
        assert storescu(write_study(tmp_path / study, study), port=receiver.port) == 0
    wait_for(
        lambda: sum(bool(installation.north.begun(uid(study))) for study in studies) == 2, what="a job on each host"
    )

    def at_hand() -> str:
        """The study that north says it is at; it says so a moment later, and until then what it was at before."""
        job = installation.job_of("north-0")
        return next((study for study in studies if job.startswith(uid(study))), "")

    taken = wait_for(at_hand, what="north to say what it is at")
    late = write_study(tmp_path / "late", "kill-late")
    assert storescu(late[:2], port=installation.north.port) == 0
    installation.kill_north()
    killed_s = time.monotonic()
    wait_for(lambda: installation.takeovers(taken), what="the takeover")
    print(f"taken over {time.monotonic() - killed_s:.1f} s after the kill")
    installation.go_on()
    assert storescu(late, port=installation.south.port) == 0
    installation.wait_delivered([*studies, "kill-late"])
    for study in (*studies, "kill-late"):
        assert archive.count(study) == 2, study
    begun = installation.south.begun()
    assert len([line for line in begun if line.startswith(f"{uid(taken)} ")]) == 2, "begun on both hosts"
    assert [takeover.taken_from for takeover in installation.takeovers(taken)] == ["north-0"]
    assert [line for line in begun if line.startswith(uid("kill-late"))][-1].split()[1] == str(len(late))
