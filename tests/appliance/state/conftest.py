"""Homes for the tests of the state: a PostgreSQL server and an object store of this run's own."""

from __future__ import annotations

import itertools
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from appliance.state.database import open_database
from appliance.state.records import Records
from appliance.state.tables import METADATA, SCHEMA_VERSION
from tests.end_to_end.postgres import Postgres, running_postgres
from tests.end_to_end.running import free_port, wait_for

ROOT = Path(__file__).resolve().parents[3]

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL server."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def new_database(postgres: Postgres) -> Callable[[], str]:
    """Makes a database and returns its URL."""

    def made() -> str:
        name = f"state{next(_NUMBERS)}"
        postgres.execute(f"CREATE DATABASE {name}")
        return postgres.url(name)

    return made


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The address of a simulator of S3, in a process of its own, with a bucket `images`."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.s3_simulator", str(port), "images"], cwd=ROOT)
    try:
        wait_for(lambda: _answers(port), what="the simulator of S3 to answer")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/images?list-type=2", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def records_url(new_database: Callable[[], str]) -> str:
    """A database with the tables of the records, for one test after the other."""
    url = new_database()
    open_database(url).close()
    return url


@pytest.fixture
def empty_url(records_url: str) -> str:
    """A database with empty records."""
    emptied(records_url)
    return records_url


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Place of empty records: a file, or a database."""
    if request.param == "SQLite":
        return tmp_path / "state" / "studies.sqlite3"
    url: str = request.getfixturevalue("empty_url")
    return url


@pytest.fixture
def records(place: Path | str) -> Iterator[Records]:
    """Empty records."""
    records = Records(place)
    yield records
    records.close()


def emptied(url: str) -> None:
    """Deletes every row of the records."""
    database = open_database(url)
    with database.transaction() as connection:
        names = ", ".join(table.name for table in METADATA.sorted_tables if table is not SCHEMA_VERSION)
        connection.execute(sa.text(f"TRUNCATE {names}"))
    database.close()
