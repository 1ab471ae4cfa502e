"""Records of every version of the tables open; one that is too new is refused. Kind: mechanics.

The old tables are those of the commits named, as their own code made them; they only ever grew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from appliance.state import migrations
from appliance.state.choices import Choices
from appliance.state.commitment_records import CommitmentRecords
from appliance.state.database import DatabaseUnavailable, open_database
from appliance.state.monitoring import moves_after
from appliance.state.not_kept_records import NotKeptRecords
from appliance.state.operator_actions import Action, OperatorActions
from appliance.state.record_rows import DeliveryState
from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.tables import MOVES, SCHEMA_VERSION
from appliance.state.takeover_records import TakeoverRecords
from appliance.state.worker_records import WorkerRecords
from models.errors import SetupError

OF_STUDY = "study_uid TEXT NOT NULL REFERENCES studies ON DELETE CASCADE"
# Commit → tables that it added.
ADDED = {
    "7e8d7cdf": f"""
        CREATE TABLE studies (study_uid TEXT PRIMARY KEY, state TEXT NOT NULL, sentence TEXT NOT NULL DEFAULT '',
            digest TEXT NOT NULL DEFAULT '', attempt INTEGER NOT NULL DEFAULT 0, job_id TEXT NOT NULL DEFAULT '',
            asked_at TEXT NOT NULL DEFAULT '', changed_at TEXT NOT NULL);
        CREATE TABLE moves ({OF_STUDY}, state TEXT NOT NULL, job_id TEXT NOT NULL, at TEXT NOT NULL);
        CREATE INDEX moves_of_study ON moves (study_uid);
        CREATE TABLE deliveries (job_id TEXT NOT NULL, {OF_STUDY}, destination TEXT NOT NULL, state TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, next_at TEXT NOT NULL, sentence TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (job_id, destination));""",
    "d63f76da": f"""
        CREATE TABLE commitments (job_id TEXT NOT NULL, {OF_STUDY}, destination TEXT NOT NULL, state TEXT NOT NULL,
            since TEXT NOT NULL, next_at TEXT NOT NULL, delivery INTEGER NOT NULL, sentence TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (job_id, destination));
        CREATE TABLE commitment_requests (transaction_uid TEXT PRIMARY KEY, job_id TEXT NOT NULL, {OF_STUDY},
            destination TEXT NOT NULL, delivery INTEGER NOT NULL, asked_at TEXT NOT NULL);""",
    "b4115a5b": "CREATE TABLE worker (name TEXT NOT NULL);",
    "aa51a8e8": """
        CREATE TABLE not_kept (study_uid TEXT NOT NULL, instance TEXT NOT NULL, series_uid TEXT NOT NULL,
            sop_class_uid TEXT NOT NULL, is_ours INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (study_uid, instance)
        ) WITHOUT ROWID;""",
    "eea4f25a": f"CREATE TABLE choices ({OF_STUDY}, at TEXT NOT NULL, assignment TEXT NOT NULL);",
    "c61a34a3": f"""
        CREATE TABLE operator_actions ({OF_STUDY}, at TEXT NOT NULL, action TEXT NOT NULL, by TEXT NOT NULL,
            sentence TEXT NOT NULL DEFAULT '');
        CREATE INDEX operator_actions_of_study ON operator_actions (study_uid);
        CREATE TABLE wanted_now (study_uid TEXT PRIMARY KEY REFERENCES studies ON DELETE CASCADE);""",
    "cfc532b8": f"CREATE TABLE refusals ({OF_STUDY}, code TEXT NOT NULL);",
    "605c9115": """
        CREATE TABLE worker_ends (at TEXT NOT NULL, how TEXT NOT NULL, job_id TEXT NOT NULL);
        CREATE INDEX worker_ends_of_job ON worker_ends (job_id);
        CREATE TABLE jobs_put_back (at TEXT NOT NULL, job_id TEXT NOT NULL);""",
}
AT = "2026-11-22T12:00:00.000000+00:00"
STUDIES = f"""
INSERT INTO studies VALUES ('1.1', 'received', '', '', 0, '', '', '{AT}');
INSERT INTO studies VALUES ('1.2', 'sending', '', 'aa', 1, '1.2:aa', '{AT}', '{AT}');
INSERT INTO moves VALUES ('1.2', 'sending', '1.2:aa', '{AT}');
INSERT INTO deliveries VALUES ('1.2:aa', '1.2', 'pacs', 'waiting', 3, '{AT}', 'absent');
"""


def old_file(path: Path, last: str) -> Path:
    """A file as the code of a commit left it, with a study that arrives and one that is sent."""
    with closing(sqlite3.connect(path)) as database:
        for commit, added in ADDED.items():
            database.executescript(added)
            if commit == last:
                break
        database.executescript(STUDIES)
        database.commit()
    return path


def columns(path: Path) -> dict[str, set[str]]:
    """Table → its columns."""
    with closing(sqlite3.connect(path)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: {row[1] for row in database.execute(f"PRAGMA table_info({table})")} for table in tables}


@pytest.mark.parametrize("commit", list(ADDED))
def test_a_file_of_every_version_opens_with_all_it_holds_and_works(tmp_path: Path, commit: str) -> None:
    path = old_file(tmp_path / "studies.sqlite3", commit)
    records = Records(path)
    arriving, sent = records.study("1.1"), records.study("1.2")
    assert (arriving.state, arriving.asked_at) == (State.RECEIVED, None)
    assert sent.asked_at == sent.changed_at == datetime(2026, 11, 22, 12, tzinfo=UTC)
    (delivery,) = records.take_deliveries("pacs", lease_s=60.0)
    assert (delivery.attempts, delivery.sentence) == (3, "absent")
    end = records.delivery_tried(delivery, state=DeliveryState.DONE, sentence="", next_at=datetime.now(UTC))
    assert end is State.DELIVERED
    assert len(CommitmentRecords(records).take("pacs", at_most=5, lease_s=0.0)) == 1
    OperatorActions(records).note("1.1", Action.RETRY, by="jo")
    Choices(records).choose("1.1", ["t2w=none"])
    assert WorkerRecords(records).counts() == (0, 0)
    assert NotKeptRecords(records).by_series("1.1") == TakeoverRecords(records).taken_over([]) == {}
    assert records.queue("1.1", digest="b" * 64)
    records.close()
    Records(path).close()
    Records(tmp_path / "new.sqlite3").close()
    assert columns(path) == columns(tmp_path / "new.sqlite3")


def test_a_reader_says_that_an_old_file_is_old_and_changes_nothing(tmp_path: Path) -> None:
    path = old_file(tmp_path / "studies.sqlite3", "605c9115")
    before = columns(path)
    with pytest.raises(SetupError, match=r"of version 1 .* expected version 2"):
        Records(path, read_only=True)
    assert columns(path) == before


def test_a_reader_waits_for_a_file_that_is_just_made(tmp_path: Path) -> None:
    path = tmp_path / "studies.sqlite3"
    with pytest.raises(DatabaseUnavailable, match="unable to open"):
        Records(path, read_only=True)
    path.touch()
    with pytest.raises(DatabaseUnavailable, match="no tables yet"):
        Records(path, read_only=True)


def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "studies.sqlite3"
    path.write_bytes(b"no database, " * 100)
    for read_only in (False, True):
        with pytest.raises(SetupError, match=r"studies.sqlite3 .*not a database.*expected"):
            Records(path, read_only=read_only)


def test_a_service_that_is_older_than_the_tables_is_refused(place: Path | str) -> None:
    records = Records(place)
    newer = migrations.VERSION + 1
    with records.transaction() as connection:
        connection.execute(sa.update(SCHEMA_VERSION).values(version=newer))
    try:
        for read_only in (False, True):
            with pytest.raises(SetupError, match=rf"version {newer}.*this rdeepnet knows {migrations.VERSION}"):
                Records(place, read_only=read_only)
    finally:
        with records.transaction() as connection:
            connection.execute(sa.update(SCHEMA_VERSION).values(version=migrations.VERSION))
        records.close()


def test_every_step_leads_to_the_next(place: Path | str) -> None:
    assert sorted(migrations.STEPS) == list(range(2, migrations.VERSION + 1))
    records = Records(place)
    with records.transaction() as connection:
        assert connection.execute(sa.select(SCHEMA_VERSION.c.version)).scalars().all() == [migrations.VERSION]
    records.close()


def test_an_empty_database_is_refused_to_a_reader_and_made_once_by_four_at_a_time(
    new_database: Callable[[], str],
) -> None:
    url = new_database()
    with pytest.raises(SetupError, match="holds no records"):
        Records(url, read_only=True)
    with ThreadPoolExecutor(4) as pool:
        for records in pool.map(lambda _: Records(url), range(4)):
            records.close()
    reader = Records(url, read_only=True)
    assert reader.studies() == ()
    with pytest.raises(DatabaseUnavailable, match="25006"):
        reader.arrived("1.1")
    reader.close()


def test_moves_of_a_restored_backup_are_counted_though_their_transactions_are_of_another_server(empty_url: str) -> None:
    records = Records(empty_url)
    records.arrived("1.1")
    with records.transaction() as connection:
        connection.execute(sa.update(MOVES).values(written_in=2**62))
    records.close()
    open_database(empty_url).close()
    records = Records(empty_url)
    counts, mark = moves_after(records, 0)
    assert counts == {State.RECEIVED: 1}
    assert moves_after(records, mark)[0] == {}
    records.close()
