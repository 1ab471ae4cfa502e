"""A PostgreSQL server as several hosts use it: checked before anything is opened, and locks that end with their holder.

A session advisory lock is held by one session of the server and by nobody after it: the server gives it back when the
session ends, whatever became of its process. So who holds the lock of a name is alive, and who gets it knows that the
other is gone and cannot come back meanwhile. Reading `pg_stat_activity` was rejected: a look at it is past when it is
acted on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, LiteralString
from urllib.parse import quote

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import DBAPIError, OperationalError

from models.errors import RDeepNetError, SetupError
from models.plain_text import HIDDEN

DriverConnection = psycopg.Connection

RECORDS_SCHEMA = "rdeepnet"
QUEUE_SCHEMA = "rdeepnet_queue"

_CONNECT_WITHIN_S = 10
_LOCK_WITHIN_S = 5.0  # the server notices at once that a killed process is gone
# Of the server's end: a host that lost power gives its rights back after 30 s, not after two hours.
_SERVER_OPTIONS = "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
# Of our end: a server that lost power is noticed within 10 s while we ask it, and after 30 s while we wait for it.
_CLIENT_OPTIONS: Final = {
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",  # milliseconds
    "connect_timeout": str(_CONNECT_WITHIN_S),
}


class ServerUnavailable(RDeepNetError):
    """The PostgreSQL server does not answer now; what was asked of it is asked again later."""


class NameTaken(SetupError):
    """Another session holds the lock of a name."""


def watched(url: str) -> str:
    """A database URL whose connections notice within half a minute that the other machine is gone.

    What the URL says itself about it stays.

    Raises
    ------
    SetupError
        When it cannot be taken apart.
    """
    parts = _parts_of(url)
    added = {name: value for name, value in _CLIENT_OPTIONS.items() if name not in parts}
    if "options" not in parts:
        added["options"] = _SERVER_OPTIONS
    query = "&".join(f"{name}={quote(value)}" for name, value in added.items())
    return f"{url}{'&' if '?' in url else '?'}{query}"


def server_of(url: str) -> str:
    """Checks that a database can be used, without changing it: its server and version, for `rdeepnet doctor`.

    Raises
    ------
    SetupError
        When it cannot be reached, or its user may not create our schemas and they are not there.
    """
    connection = connect(url, "rdeepnet doctor")
    try:
        require_schemas(connection)
        version = connection.info.server_version // 10000
        return f"PostgreSQL {version} at {connection.info.host}, database {connection.info.dbname}"
    finally:
        connection.close()


@contextmanager
def driver_of(connection: sa.Connection) -> Iterator[DriverConnection]:
    """The driver's connection below one of SQLAlchemy; its errors are raised as SQLAlchemy raises them.

    Raises
    ------
    DBAPIError
        Whatever the driver raised.
    """
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    try:
        yield raw
    except psycopg.Error as error:
        if raw.closed:
            connection.invalidate()
        kind = OperationalError if isinstance(error, psycopg.OperationalError) else DBAPIError
        raise kind("", None, error, connection_invalidated=raw.closed) from error


class SessionLock:
    """Holds the lock of a name in a database on a session of its own, for as long as that session lives.

    Parameters
    ----------
    url : "postgresql://user@host:port/database"; a password may be in it, or in PGPASSWORD or PGPASSFILE
    name : what is locked; two holders of one name are kept apart, whatever their hosts
    within_s : how long another holder is waited for

    Raises
    ------
    NameTaken
        When another session holds it.
    SetupError
        When the database cannot be reached, or its user may not work in it.
    """

    def __init__(self, url: str, name: str, *, within_s: float = _LOCK_WITHIN_S) -> None:
        self._connection = connect(url, f"rdeepnet {name}")
        try:
            require_schemas(self._connection)
            self._lock(name, within_s=within_s)
        except BaseException:
            self.close()
            raise

    def _lock(self, name: str, *, within_s: float) -> None:
        # Asked again and again, not waited for: a session that waits has a snapshot, on which making an index waits.
        end_s = time.monotonic() + within_s
        while not _is_true(self._connection, "SELECT pg_try_advisory_lock(%s)", lock_key(name)):
            if time.monotonic() >= end_s:
                raise NameTaken(f"Another process holds the name {name} in the PostgreSQL database.")
            time.sleep(0.2)

    def is_held(self) -> bool:
        """Returns whether the session still lives, and with it the lock; asks the server."""
        try:
            return _is_true(self._connection, "SELECT 1 = %s", 1)
        except psycopg.Error:
            return False

    def share(self, name: str) -> None:
        """Holds another name besides, which any number may hold together."""
        self._connection.execute("SELECT pg_advisory_lock_shared(%s)", (lock_key(name),))

    def close(self) -> None:
        """Gives the lock back."""
        self._connection.close()


class LockProbe:
    """Looks, on a session of its own, which names nobody holds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None

    @contextmanager
    def free(self, name: str) -> Iterator[bool]:
        """Returns whether nobody holds a name; where it is so, nobody gets it before the block ends.

        Raises
        ------
        ServerUnavailable
            When the server does not answer now.
        """
        is_free = self._asked("SELECT pg_try_advisory_lock(%s)", name)
        try:
            yield is_free
        finally:
            if is_free:
                self._asked("SELECT pg_advisory_unlock(%s)", name)

    def _asked(self, query: LiteralString, name: str) -> bool:
        try:
            if self._connection is None:
                self._connection = connect(self._url, "rdeepnet takeover")
            return _is_true(self._connection, query, lock_key(name))
        except (psycopg.Error, SetupError) as error:
            self.close()
            raise ServerUnavailable("The PostgreSQL database does not answer now; it is tried again.") from error

    def close(self) -> None:
        """Ends the session."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def lock_key(name: str) -> int:
    """Number of the advisory lock of a name: 64 bits of SHA-256, as a signed integer."""
    return int.from_bytes(hashlib.sha256(f"rdeepnet {name}".encode()).digest()[:8], "big", signed=True)


def connect(url: str, name: str) -> psycopg.Connection:
    """One connection for somebody who keeps it, under a name that the server lists.

    Raises
    ------
    SetupError
        When the URL is none, or the server cannot be reached or does not let us in; it holds no password.
    """
    parts = _parts_of(url)
    secret = str(parts.get("password") or "")
    try:
        return psycopg.connect(watched(url), autocommit=True, application_name=name[:63])
    except psycopg.Error as error:
        raise SetupError(
            f"The PostgreSQL database cannot be opened ({_first_line(error, secret)}); look at [shared] "
            "database_url, at PGPASSWORD, and whether the server admits this machine."
        ) from None  # the library's own text may quote the password


def _parts_of(url: str) -> dict[str, object]:
    """The parts of a database URL by libpq's names.

    Raises
    ------
    SetupError
        When the URL cannot be taken apart, or an unescaped character of a password makes another part of it, which the
        library would quote in its messages.
    """
    try:
        parts: dict[str, object] | None = dict(conninfo_to_dict(url))
    except psycopg.Error:
        parts = None
    if (
        parts is None
        or not url.startswith(("postgresql://", "postgres://"))
        or not str(parts.get("port", "") or "0").replace(",", "").isdigit()
        or any("@" in str(parts.get(name) or "") for name in ("host", "port", "dbname"))
    ):
        raise SetupError(
            "The [shared] database_url is not a PostgreSQL URL (it is not shown, since it may hold a password); "
            "expected postgresql://user:password@host:5432/database, in which %, /, @, : and # of a password are "
            "written %25, %2F, %40, %3A and %23."
        )
    return parts


def require_schemas(connection: psycopg.Connection) -> None:
    """Checks that a user has our schemas, or may make them.

    Raises
    ------
    SetupError
        When neither is so.
    """
    may_work: LiteralString = (
        "SELECT has_database_privilege(current_database(), 'CREATE') OR 2 = "
        "(SELECT count(*) FROM pg_namespace WHERE nspname = ANY (%s) AND pg_has_role(nspowner, 'USAGE'))"
    )
    if not _is_true(connection, may_work, [RECORDS_SCHEMA, QUEUE_SCHEMA]):
        raise SetupError(
            f"The user of the PostgreSQL database may not create the schemas {RECORDS_SCHEMA} and {QUEUE_SCHEMA}; "
            "expected the privilege CREATE on the database: GRANT CREATE ON DATABASE … TO …."
        )


def _is_true(connection: psycopg.Connection, query: LiteralString, parameter: str | int | list[str]) -> bool:
    row = connection.execute(query, (parameter,)).fetchone()
    return bool(row and row[0])


def _first_line(error: psycopg.Error, secret: str) -> str:
    """First line of PostgreSQL's message without the password; its later lines repeat it for every address."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.replace(secret, HIDDEN) if secret else line
