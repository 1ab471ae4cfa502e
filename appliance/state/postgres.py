"""A PostgreSQL database for the queue: checked before the queue is opened, and locked against a second worker.

The queue engine opens the database by itself. What it does not do: say in a sentence what is wrong, and keep two
processes with the same name (a copied state folder) from working on the same jobs.
"""

from __future__ import annotations

import hashlib
import time
from typing import LiteralString

import psycopg

from models.errors import SetupError

_CONNECT_WITHIN_S = 10
_LOCK_WITHIN_S = 5.0  # the server notices at once that a killed process is gone
# Of the server's end, for this session: a host that lost power gives its right back after 30 s, not after two hours.
_KEEPALIVES = "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


def server_of(url: str) -> str:
    """Checks that a database can be used, without changing it: its server and version, for `rdeepnet doctor`.

    Raises
    ------
    SetupError
        When it cannot be reached, or its user may not create a schema and has none.
    """
    connection = _connected(url, "rdeepnet-doctor")
    try:
        may_work = (
            "SELECT has_database_privilege(current_database(), 'CREATE') OR EXISTS "
            "(SELECT 1 FROM pg_namespace WHERE nspname LIKE %s AND pg_has_role(nspowner, 'USAGE'))"
        )
        _require_schema(connection, may_work, "rdeepnet\\_%")
        version = connection.info.server_version // 10000
        return f"PostgreSQL {version} at {connection.info.host}, database {connection.info.dbname}"
    finally:
        connection.close()


class QueueDatabase:
    """Holds the right to work on one schema of a database for as long as it is open.

    Parameters
    ----------
    url : "postgresql://user@host:port/database"; a password may be in it, or in PGPASSWORD or PGPASSFILE
    schema : of this worker's queue

    Raises
    ------
    SetupError
        When the database cannot be reached, its user may not create a schema, or another process has the schema.
    """

    def __init__(self, url: str, *, schema: str) -> None:
        self._connection = _connected(url, schema)
        try:
            may_work = (
                "SELECT has_database_privilege(current_database(), 'CREATE') "
                "OR EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s)"
            )
            _require_schema(self._connection, may_work, schema)
            self._lock(schema)
        except BaseException:
            self.close()
            raise

    def _lock(self, schema: str) -> None:
        key = int.from_bytes(hashlib.sha256(schema.encode()).digest()[:8], "big", signed=True)
        end_s = time.monotonic() + _LOCK_WITHIN_S
        while not _is_true(self._connection, "SELECT pg_try_advisory_lock(%s)", key):
            if time.monotonic() < end_s:
                time.sleep(0.2)
                continue
            raise SetupError(
                f"Another service uses the schema {schema} of the queue's PostgreSQL database; expected one "
                "service per state folder: stop the other, or give a copied state folder a name of its own "
                "(executor in [jobs])."
            )

    def close(self) -> None:
        """Releases the right."""
        self._connection.close()


def _connected(url: str, name: str) -> psycopg.Connection:
    try:
        return psycopg.connect(
            url, autocommit=True, connect_timeout=_CONNECT_WITHIN_S, application_name=name, options=_KEEPALIVES
        )
    except psycopg.Error as error:
        raise SetupError(
            f"The queue's PostgreSQL database cannot be opened ({_first_line(error)}); look at [jobs] "
            "database_url, at PGPASSWORD, and whether the server admits this machine."
        ) from error


def _require_schema(connection: psycopg.Connection, may_work: LiteralString, parameter: str) -> None:
    if not _is_true(connection, may_work, parameter):
        raise SetupError(
            "The user of the queue's PostgreSQL database may not create the schema of its queue; expected the "
            "privilege CREATE on the database: GRANT CREATE ON DATABASE … TO …."
        )


def _is_true(connection: psycopg.Connection, query: LiteralString, parameter: str | int) -> bool:
    row = connection.execute(query, (parameter,)).fetchone()
    return bool(row and row[0])


def _first_line(error: psycopg.Error) -> str:
    """First line of PostgreSQL's message; its later lines repeat it for every address."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
