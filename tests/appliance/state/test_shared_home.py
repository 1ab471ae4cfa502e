"""The shared home beyond its interface: several hosts at once, a server that is away, objects that nobody names.

Kind: mechanics.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
import sqlalchemy as sa

from appliance.settings import Settings
from appliance.shared_settings import SharedSettings
from appliance.state.database import DatabaseUnavailable
from appliance.state.homes import ReceivingHome, open_receiving_home
from appliance.state.inbox import Kept
from appliance.state.inbox_shared import SharedInbox
from appliance.state.object_store import ObjectBytes
from appliance.state.outbox import Outgoing
from appliance.state.scratch import Scratch
from appliance.state.states import State
from appliance.state.stored_bytes import BytesMissing, DatabaseBytes, pieces
from appliance.state.tables import INSTANCES, PIECES
from dicom_io.answer import Answer
from dicom_io.errors import CannotKeepNow
from models.errors import SetupError
from tests.appliance.state.test_homes import contents, shared_settings
from tests.appliance.state.test_outbox import answer_of_a_study
from tests.end_to_end.postgres import Postgres, running_postgres
from tests.end_to_end.running import free_port

pytestmark = pytest.mark.peers

STUDY = "1.2.3"
JOB = f"{STUDY}:abc"

Hosts = tuple[ReceivingHome, ReceivingHome]


def receiving(settings: Settings, name: str) -> ReceivingHome:
    return open_receiving_home(settings, last_pulse_s=math.inf, receiver=name, lease_s=0.0)


def keep(home: ReceivingHome, content: str, *, instance: str = "1.1", study: str = STUDY) -> Kept:
    return home.inbox.keep(study, instance_uid=instance, meta=b"meta", dataset=content.encode())


@pytest.fixture(params=["database", "objects"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, empty_url: str) -> Settings:
    store = request.getfixturevalue("object_store") if request.param == "objects" else ""
    return shared_settings(tmp_path / "one", database_url=empty_url, object_store=store)


@pytest.fixture
def hosts(settings: Settings, tmp_path: Path) -> Iterator[Hosts]:
    """Two receivers of one home, each with a state folder of its own."""
    elsewhere = replace(settings, service=replace(settings.service, state_dir=tmp_path / "two"))
    with ExitStack() as stack:
        opened = []
        for name, one in (("one", settings), ("two", elsewhere)):
            home = receiving(one, name)
            stack.callback(home.close)
            opened.append(home)
        yield opened[0], opened[1]


def at_once(hosts: Hosts, store: Callable[[ReceivingHome, int], Kept]) -> tuple[Kept, Kept]:
    """Results of both when they store at the same moment."""
    barrier = threading.Barrier(2)

    def stored(number: int) -> Kept:
        barrier.wait(timeout=60)
        return store(hosts[number], number)

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(stored, (0, 1))
    return one, two


def test_the_same_instance_at_two_receivers_at_once_is_kept_once(hosts: Hosts) -> None:
    for number in range(8):
        instance = f"1.{number}"
        said = at_once(hosts, lambda home, _, instance=instance: keep(home, "pixels", instance=instance))
        assert sorted(one.name for one in said) == ["KNOWN", "NEW"]
    with hosts[0].records.transaction() as connection:
        rows = connection.execute(sa.select(INSTANCES)).all()
    assert [row.version for row in rows] == [0] * 8
    assert contents(hosts[1].inbox) == [b"metapixels"] * 8


def test_two_contents_at_two_receivers_at_once_become_two_versions(hosts: Hosts) -> None:
    for number in range(8):
        instance = f"1.{number}"
        said = at_once(hosts, lambda home, which, instance=instance: keep(home, f"from {which}", instance=instance))
        assert sorted(one.name for one in said) == ["NEW", "NEWER_VERSION"]
        newer = said.index(Kept.NEWER_VERSION)
        with hosts[0].records.transaction() as connection:
            rows = connection.execute(sa.select(INSTANCES).where(INSTANCES.c.study_uid == STUDY)).all()
        assert sorted(row.version for row in rows) == sorted([0, 1] * (number + 1))
        content = hosts[0].inbox.content(STUDY).of([instance])
        with hosts[0].inbox.fetched(STUDY, content) as (file,):
            assert file.read_bytes() == f"metafrom {newer}".encode()


def test_who_wrote_the_version_second_looks_again(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other host writes between this one's look and its own row: forced, whatever the machine's load."""
    one, two = hosts
    looked = iter([True])
    versions = sys.modules["appliance.state.inbox_shared"]._versions

    def seen_before(connection: sa.Connection, study: str, instance: str) -> Mapping[str, int]:
        found: Mapping[str, int] = versions(connection, study, instance)
        if threading.current_thread() is threading.main_thread() and not found and next(looked, False):
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(keep, two, "of the other").result(timeout=60) is Kept.NEW
        return found

    monkeypatch.setattr("appliance.state.inbox_shared._versions", seen_before)
    assert keep(one, "ours") is Kept.NEWER_VERSION
    assert contents(one.inbox) == [b"metaours"]


def test_an_instance_and_its_arrival_are_recorded_together_or_not_at_all(hosts: Hosts, tmp_path: Path) -> None:
    database = hosts[0].records.database

    def fails(connection: sa.Connection, study: str) -> None:
        raise DatabaseUnavailable("away, at this very moment")

    scratch = Scratch(tmp_path / "scratch")
    inbox = SharedInbox(database, stored=DatabaseBytes(database), scratch=scratch, arrived=fails)
    with pytest.raises(CannotKeepNow, match="at this very moment"):
        inbox.keep(STUDY, instance_uid="1.1", meta=b"", dataset=b"pixels")
    assert inbox.content(STUDY).instances == ()
    with database.transaction() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(PIECES)).scalar_one() == 0
    assert hosts[0].records.find(STUDY) is None
    assert keep(hosts[0], "pixels") is Kept.NEW
    record = hosts[1].records.find(STUDY)
    assert record is not None
    assert record.state is State.RECEIVED


def test_removing_an_old_study_leaves_a_late_instance(hosts: Hosts) -> None:
    """The study was listed as old, and moved on before it was removed."""
    keep(hosts[0], "pixels")
    assert hosts[0].records.study(STUDY).state is State.RECEIVED
    hosts[1].inbox.remove(STUDY)
    assert contents(hosts[1].inbox) == [b"metapixels"]


def test_of_two_workers_that_answer_one_job_the_first_counts(hosts: Hosts, outgoing: Outgoing) -> None:
    """Both found no results: the lock session of a live worker was cut, and its job taken over."""
    one, two = hosts[0].outbox, hosts[1].outbox
    had = two.has(JOB)
    assert not had
    one.put(JOB, outgoing)
    two.has = lambda job_id: False  # type: ignore[method-assign]  # it looked before
    two.put(JOB, replace(outgoing, created=datetime(2027, 1, 1, tzinfo=UTC)))
    assert one.created(JOB) == outgoing.created
    with one.fetched(JOB, [one.objects(JOB)[0].file_name]) as (file,):
        assert file.read_bytes() == outgoing.answer.objects[0].file


@pytest.fixture(scope="module")
def outgoing() -> Outgoing:
    return Outgoing(answer_of_a_study(), (), created=datetime(2026, 3, 1, tzinfo=UTC))


def test_answers_of_all_hosts_are_found_by_the_mark_of_their_patient(hosts: Hosts, outgoing: Outgoing) -> None:
    hosts[0].outbox.put("1.2.8:a", replace(outgoing, measured={"volume": 1.5}, patient_mark="00ff"))
    hosts[0].outbox.put("1.2.9:a", replace(outgoing, measured={}, patient_mark="ff00"))
    found = hosts[1].outbox.marked("00ff")
    assert list(found) == ["1.2.8:a"]
    assert found["1.2.8:a"].measured() == {"volume": 1.5}


def test_images_are_not_compressed_by_the_database(hosts: Hosts) -> None:
    query = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'rdeepnet.pieces'::regclass AND attname = 'bytes'"
    with hosts[0].records.transaction() as connection:
        assert connection.exec_driver_sql(query).scalar_one() in ("e", b"e")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [((), [b""]), ((b"",), [b""]), ((b"abc",), [b"abc"]), ((b"ab", b"cdefg"), [b"abc", b"def", b"g"]),
     ((b"abc", b"def"), [b"abc", b"def"])],
)  # fmt: skip
def test_parts_are_joined_and_cut(parts: tuple[bytes, ...], expected: list[bytes]) -> None:
    assert list(pieces(parts, 3)) == expected


def test_a_server_that_is_away_is_said_and_found_again(tmp_path: Path) -> None:
    """Neither a process nor a thread ends; what was kept before is there afterwards."""
    with running_postgres() as server:
        server.execute("CREATE DATABASE away")
        home = receiving(shared_settings(tmp_path / "state", database_url=server.url("away")), "one")
        try:
            assert keep(home, "before") is Kept.NEW
            server.stop()
            with pytest.raises(CannotKeepNow, match="shared database cannot be used now"):
                keep(home, "meanwhile", instance="1.2")
            with pytest.raises(DatabaseUnavailable):
                home.inbox.content(STUDY)
            server.start()
            assert keep(home, "meanwhile", instance="1.2") is Kept.NEW
            assert sorted(contents(home.inbox)) == [b"metabefore", b"metameanwhile"]
        finally:
            home.close()


@pytest.fixture
def objects(tmp_path: Path, empty_url: str, object_store: str) -> Iterator[ReceivingHome]:
    home = receiving(shared_settings(tmp_path / "one", database_url=empty_url, object_store=object_store), "one")
    yield home
    home.close()


def store_of(home: ReceivingHome) -> ObjectBytes:
    stored = home.inbox._stored  # type: ignore[attr-defined]
    assert isinstance(stored, ObjectBytes)
    return stored


def test_an_object_store_that_is_away_is_said(tmp_path: Path, empty_url: str) -> None:
    away = shared_settings(tmp_path / "one", database_url=empty_url, object_store=f"http://127.0.0.1:{free_port()}")
    home = receiving(away, "one")
    try:
        with pytest.raises(CannotKeepNow, match=r"object store s3://images/\S+ cannot be used now"):
            keep(home, "pixels")
        assert home.inbox.content(STUDY).instances == ()
    finally:
        home.close()


def test_an_object_that_somebody_deleted_is_missed(objects: ReceivingHome) -> None:
    keep(objects, "pixels")
    with objects.records.transaction() as connection:
        key = connection.execute(sa.select(INSTANCES.c.key)).scalar_one()
    store_of(objects).drop([key])
    instances = objects.inbox.content(STUDY).instances
    with pytest.raises(BytesMissing, match="rules that expire objects"), objects.inbox.fetched(STUDY, instances):
        pass


def test_objects_that_no_row_names_are_swept_after_a_day(objects: ReceivingHome) -> None:
    """Leftovers of a host that died between bytes and row; not what is just being recorded, and not what is."""
    store = store_of(objects)
    keep(objects, "pixels")
    objects.outbox.put(JOB, Outgoing(Answer((), b"a PDF"), ()))
    store.put("inbox/1.2.3/left.behind", (b"12345",))
    store.put("dumps/monday", (b"of somebody else",))  # what we did not name is not ours to delete
    now = datetime.now(UTC)
    assert objects.inbox.sweep(now + timedelta(hours=23)).objects == 0
    swept = objects.inbox.sweep(now + timedelta(hours=25))
    assert (swept.objects, swept.size) == (1, 5)
    assert contents(objects.inbox) == [b"metapixels"]
    assert objects.inbox.sweep(now + timedelta(hours=25)).objects == 0


def test_a_home_is_restored_from_a_dump_and_a_copy_of_the_bucket(
    objects: ReceivingHome, tmp_path: Path, postgres: Postgres, empty_url: str, object_store: str, outgoing: Outgoing
) -> None:
    """The order of OPERATING.md: the database first, then the bucket; here under another prefix."""
    for number in range(5):
        keep(objects, f"pixels {number}", instance=f"1.{number}")
    objects.outbox.put(JOB, outgoing)
    postgres.dump(empty_url.rsplit("/", 1)[1], tmp_path / "dump")
    keep(objects, "after the dump", instance="1.9")
    restored_settings = shared_settings(
        tmp_path / "restored", database_url=postgres.url("restored"), object_store=object_store
    )
    copy_bucket(store_of(objects), ObjectBytes(restored_settings.shared))
    before, list_before = contents(objects.inbox)[:], objects.outbox.objects(JOB)
    postgres.restore(tmp_path / "dump", "restored")
    restored = receiving(restored_settings, "two")
    try:
        assert sorted(contents(restored.inbox)) == sorted(set(before) - {b"metaafter the dump"})
        assert keep(restored, "pixels 0", instance="1.0") is Kept.KNOWN
        assert keep(restored, "after the dump", instance="1.9") is Kept.NEW
        assert restored.outbox.objects(JOB) == list_before
        with restored.outbox.fetched(JOB, [list_before[0].file_name]) as (file,):
            assert file.read_bytes() == outgoing.answer.objects[0].file
        swept = restored.inbox.sweep(datetime.now(UTC) + timedelta(days=2))
        assert swept.objects == 1, "the copy has the instance that came between, whose row is not in the dump"
    finally:
        restored.close()


def copy_bucket(old: ObjectBytes, new: ObjectBytes) -> None:
    """Copy of a bucket, as `aws s3 sync` makes it."""
    for page in old._pages():
        for item in page:
            obstore.put(new._store, item["path"], obstore.get(old._store, item["path"]).bytes())


def test_a_key_file_has_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "key"
    settings = SharedSettings(database_url="postgresql://nowhere/x", objects_url="s3://images", objects_key_file=file)
    with pytest.raises(SetupError, match="cannot be read"):
        ObjectBytes(settings)
    file.write_text("only one\n")
    with pytest.raises(SetupError, match="has 1 line; expected two"):
        ObjectBytes(settings)


def test_doctor_tries_an_object_store(objects: ReceivingHome) -> None:
    assert "can be written, read and deleted" in store_of(objects).check()


_HOLDS_A_FOLDER = """
import sys, time
from pathlib import Path
from appliance.state.scratch import Scratch
with Scratch(Path(sys.argv[1])).folder() as folder:
    (folder / "image").write_bytes(b"pixels")
    print("ready", flush=True)
    time.sleep(600)
"""


def test_scratch_of_a_killed_process_is_deleted_and_of_a_live_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS_A_FOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "ready\n"
            scratch = Scratch(folder)
            with scratch.folder():
                assert len(list(folder.rglob("image"))) == 1
            scratch.close()
        finally:
            os.kill(other.pid, signal.SIGKILL)
    again = Scratch(folder)
    with again.folder() as ours:
        assert list(folder.rglob("image")) == []
        assert ours.stat().st_mode & 0o077 == 0
    again.close()
    assert list(folder.iterdir()) == []
