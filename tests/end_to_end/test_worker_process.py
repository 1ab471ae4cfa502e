"""The worker as a process: it dies in every way, hangs, has no memory, and the port answers throughout.

Kind: mechanics. Everything is real but the computation (`fake_service.py`), which files in its control folder steer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.service.health import ailments, not_receiving
from appliance.service.retry import retry_study
from appliance.state.states import State
from appliance.state.worker_notes import activity_in
from dicom_io.network.echo import echo
from dicom_io.network.peer import Peer
from models.errors import RDeepNetError
from tests.end_to_end.running import AE_TITLE, Archive, RunningService, running_service, storescu, wait_for
from tests.end_to_end.small_study import uid, write_study

pytestmark = [pytest.mark.peers, pytest.mark.slow]

ECHO_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, archive: Archive) -> Iterator[RunningService]:
    """A service whose workers die, and that is never started again itself."""
    with running_service(
        tmp_path_factory.mktemp("service"), destinations={"pacs": archive.port}, more="[worker]\nmemory_gib = 1.0\n"
    ) as running:
        yield running


@contextmanager
def echoes(service: RunningService) -> Iterator[None]:
    """The port answers a C-ECHO at every moment of the block."""
    peer = Peer(AE_TITLE, "127.0.0.1", service.port, "STORESCU", 2 * ECHO_WITHIN_S)
    over, seconds, refusals = threading.Event(), [], []

    def ask() -> None:
        while True:
            began_s = time.monotonic()
            try:
                echo(peer)
            except RDeepNetError as error:
                refusals.append(str(error))
            seconds.append(time.monotonic() - began_s)
            if over.wait(0.2):
                return

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert refusals == []
    assert seconds
    assert max(seconds) < ECHO_WITHIN_S


def is_running(pid: int) -> bool:
    """Returns whether a process runs; one that has ended and is not yet reaped does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def begun_by(service: RunningService, study: str, *, times: int = 1) -> int:
    """The process id of the worker that has begun a study so often."""
    wait_for(lambda: len(service.begun(uid(study))) >= times, what=f"{study} to be begun {times} times")
    wait_for(lambda: len(service.workers()) >= len(service.begun()), what="its worker")
    return service.workers()[-1]


def test_a_killed_worker_costs_a_repetition(tmp_path: Path, service: RunningService, archive: Archive) -> None:
    (service.control / "hold").touch()
    storescu(write_study(tmp_path / "study", "killed"), port=service.port)
    with echoes(service):
        os.kill(begun_by(service, "killed"), signal.SIGKILL)
        begun_by(service, "killed", times=2)
        (service.control / "hold").unlink()
        service.wait_for_state(uid("killed"), State.DELIVERED)
    assert archive.count("killed") == 2
    assert "killed by signal SIGKILL" in service.log()


@pytest.mark.parametrize(
    ("how", "words"), [("SIGSEGV", "killed by signal SIGSEGV"), ("exit", "ended with exit status 3")]
)
def test_a_study_that_ends_every_worker_is_failed_and_the_next_one_answered(
    tmp_path: Path, service: RunningService, how: str, words: str
) -> None:
    (service.control / how).touch()
    with echoes(service):
        storescu(write_study(tmp_path / "study", how), port=service.port)
        record = service.wait_for_state(uid(how), State.FAILED)
        (service.control / how).unlink()
        storescu(write_study(tmp_path / "next", f"after-{how}"), port=service.port)
        service.wait_for_state(uid(f"after-{how}"), State.DELIVERED)
    assert record.sentence.startswith(f"The computation ended its process 3 times ({words})")
    assert len(service.begun(uid(how))) == 3
    assert retry_study(service.settings, uid(how)) is State.QUEUED
    service.wait_for_state(uid(how), State.DELIVERED)


def test_a_study_that_needs_too_much_memory_is_failed_and_the_same_worker_goes_on(
    tmp_path: Path, service: RunningService
) -> None:
    (service.control / "memory").touch()
    storescu(write_study(tmp_path / "study", "memory"), port=service.port)
    record = service.wait_for_state(uid("memory"), State.FAILED)
    assert record.sentence.startswith("The study needed more than 1 GiB of memory; expected at most memory_gib")
    (service.control / "memory").unlink()
    worker = begun_by(service, "memory")
    storescu(write_study(tmp_path / "next", "after-memory"), port=service.port)
    service.wait_for_state(uid("after-memory"), State.DELIVERED)
    assert begun_by(service, "after-memory") == worker


def test_a_worker_that_is_stopped_alone_is_followed_by_another_and_its_attempt_does_not_count(
    tmp_path: Path, service: RunningService
) -> None:
    (service.control / "hold").touch()
    storescu(write_study(tmp_path / "study", "stopped"), port=service.port)
    for times in range(1, 5):  # more often than max_attempts
        os.kill(begun_by(service, "stopped", times=times), signal.SIGTERM)
    begun_by(service, "stopped", times=5)
    (service.control / "hold").unlink()
    service.wait_for_state(uid("stopped"), State.DELIVERED)


def test_the_kernel_takes_the_worker_before_the_port(service: RunningService) -> None:
    activity = activity_in(service.settings.service.state_dir)
    assert activity is not None
    assert Path(f"/proc/{activity.pid}/oom_score_adj").read_text().strip() == "600"
    assert "Max data size             1073741824" in Path(f"/proc/{activity.pid}/limits").read_text()


def test_a_worker_that_dies_at_every_start_is_told_and_receiving_goes_on(tmp_path: Path, archive: Archive) -> None:
    with running_service(tmp_path / "service", destinations={"pacs": archive.port}) as service:
        (service.control / "unopened").touch()
        with echoes(service):
            assert storescu(write_study(tmp_path / "study", "waits"), port=service.port) == 0
            told = wait_for(
                lambda: [sentence for sentence in ailments(service.settings) if "ended 2 times" in sentence],
                what="the second end of the worker to be told",
            )
        assert "The worker, which computes, ended 2 times at its start (ended with exit status 4)" in told[0]
        assert list(not_receiving(service.settings)) == [], "a new start would cure nothing"
        for command, status in (("status", 0), ("health", 1)):
            result = CliRunner().invoke(app, [command, "--config", str(service.settings_file)])
            assert "The worker, which computes, ended" in " ".join(result.stdout.split())
            assert result.exit_code == status
        assert service.wait_for_state(uid("waits"), State.QUEUED).sentence == ""
        (service.control / "unopened").unlink()
        service.wait_for_state(uid("waits"), State.DELIVERED)
        wait_for(lambda: list(ailments(service.settings)) == [], what="all to be well again")
        assert len(service.begun(uid("waits"))) == 1, "no attempt of the study was lost"


def test_a_killed_service_takes_its_worker_with_it(tmp_path: Path, archive: Archive) -> None:
    with running_service(tmp_path / "service", destinations={"pacs": archive.port}) as service:
        (service.control / "hold").touch()
        storescu(write_study(tmp_path / "study", "orphan"), port=service.port)
        worker = begun_by(service, "orphan")
        service.kill()
        wait_for(lambda: not is_running(worker), what="the worker to end", patience_s=10.0)
        (service.control / "hold").unlink()
        service.start()
        service.wait_for_state(uid("orphan"), State.DELIVERED)
        assert archive.count("orphan") == 2
        worker = service.workers()[-1]
        assert service.stop() == 0
        assert not is_running(worker)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: that needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fills a disk to its last byte; returns the file that does it."""
    path = folder / "filling"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return path


def test_a_full_disk_is_waited_out(tmp_path: Path, small_disk: Path, archive: Archive) -> None:
    """It fills in the middle of a job; neither the study nor its place in the queue is lost, and nobody starts anew."""
    with running_service(small_disk / "service", destinations={"pacs": archive.port}) as service:
        (service.control / "hold").touch()
        storescu(write_study(tmp_path / "study", "full"), port=service.port)
        begun_by(service, "full")
        filling = fill(small_disk)
        (service.control / "hold").unlink()
        with echoes(service):
            wait_for(
                lambda: [sentence for sentence in ailments(service.settings) if "too full for the results" in sentence],
                what="the wait to be told",
            )
            assert storescu(write_study(tmp_path / "other", "refused"), port=service.port) != 0
            assert list(not_receiving(service.settings)) == []
        result = CliRunner().invoke(app, ["status", "--config", str(service.settings_file)])
        assert "make space" in " ".join(result.stdout.split())
        filling.unlink()
        service.wait_for_state(uid("full"), State.DELIVERED)
        assert archive.count("full") == 2
        assert storescu(write_study(tmp_path / "again", "refused"), port=service.port) == 0
        service.wait_for_state(uid("refused"), State.DELIVERED)
        wait_for(lambda: list(not_receiving(service.settings)) == [], what="all to be well again")


def test_a_service_on_a_full_disk_ends_with_a_sentence(tmp_path: Path, small_disk: Path, archive: Archive) -> None:
    with running_service(small_disk / "service", destinations={"pacs": archive.port}) as service:
        storescu(write_study(tmp_path / "study", "before"), port=service.port)
        service.wait_for_state(uid("before"), State.DELIVERED)
        assert service.stop() == 0
        filling = fill(small_disk)
        text = service.start_another()
        assert "is full, and the service cannot write its records there" in text, text
        filling.unlink()
        service.start()
        assert service.stop() == 0
