"""The database of the records: an SQLite file of this host alone, or a PostgreSQL schema that several hosts share.

SQLAlchemy Core writes the statements for both. Rejected: two sets of SQL, which drift apart; the ORM, which hides when
something is read and written. Whatever keeps the database from answering now is one error, `DatabaseUnavailable`, so
that nobody else names a library's errors; the next transaction opens a new connection where the last one broke.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool, StaticPool

from appliance.files import make_private_folder
from appliance.state.connections import ping_rarely
from appliance.state.disk import is_disk_full
from appliance.state.migrations import bring_up_to_date, check_version
from appliance.state.record_rows import utc_now
from models.errors import RDeepNetError, SetupError

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.dialects import postgresql

_BUSY_S = 30.0  # another process writes for milliseconds
_BUSY_READING_S = 5.0
_IDLE_S = 60.0  # between two statements of a transaction
_CONNECTIONS, _MORE_CONNECTIONS = 4, 16  # kept open, and more while many associations are open
_LOST = "57P"  # class of SQLSTATE: the server ends, or the operator ended the session
_FOR_NOW = ("25006", "25P03")  # the server has become a standby; this process was frozen in a transaction


class DatabaseUnavailable(RDeepNetError):
    """The database does not answer now; what was asked of it is asked again later."""


class Database:
    """A SQLite file or a PostgreSQL schema, in transactions; every method may be called from any thread.

    Attributes
    ----------
    is_shared : PostgreSQL, which several hosts use at once
    is_read_only : nothing is written through it, and no writer is held up
    """

    def __init__(self, engine: sa.Engine, *, is_read_only: bool) -> None:
        self.is_shared = engine.dialect.name == "postgresql"
        self.is_read_only = is_read_only
        self._engine = engine
        self._lock = threading.Lock()
        self._connection = None if self.is_shared else engine.connect()  # SQLite: one, and one thread at a time

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction: all of it, or nothing when the block raises.

        On SQLite it is the only one that writes (BEGIN IMMEDIATE); on PostgreSQL (READ COMMITTED) a block locks the
        rows that it decides on.

        Raises
        ------
        DatabaseUnavailable
            When the database does not answer, is full or is locked for too long; nothing of the block was recorded,
            or, if the connection broke at its very end, all of it.
        """
        try:
            if self._connection is not None:
                with self._lock, self._connection.begin():
                    yield self._connection
            else:
                with self._engine.connect() as connection, connection.begin():
                    yield connection
        except (DBAPIError, PoolTimeout, sqlite3.OperationalError, _CannotConnect) as error:
            if not _is_for_now(error):
                raise
            raise DatabaseUnavailable(_sentence(error, self.is_shared)) from error

    @contextmanager
    def driver(self) -> Iterator[psycopg.Connection]:
        """A transaction on the connection of the PostgreSQL driver, for what SQLAlchemy has no words for.

        Raises
        ------
        DatabaseUnavailable
            As `transaction`.
        """
        import psycopg

        with self.transaction() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            try:
                yield raw
            except psycopg.Error as error:
                if raw.closed:
                    connection.invalidate()
                # As SQLAlchemy would raise it, so that one place decides what is for now.
                wrapped = OperationalError if isinstance(error, psycopg.OperationalError) else DBAPIError
                raise wrapped("", None, error, connection_invalidated=raw.closed) from error

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """Holds the lock of a name among all hosts while the block runs: True for who has it, False for the others.

        The lock is of a session, so a host that dies gives it back at once, and one that is cut off after the server's
        keepalive. An SQLite file has one service, which always has it.

        Raises
        ------
        DatabaseUnavailable
            When the database does not answer.
        """
        if not self.is_shared:
            yield True
            return
        from appliance.state.postgres import lock_key

        key = lock_key(name)
        connection = self._session()
        try:
            is_held = bool(self._asked(connection, sa.select(sa.func.pg_try_advisory_lock(key))))
            try:
                yield is_held
            finally:
                if is_held and not connection.invalidated:
                    self._asked(connection, sa.select(sa.func.pg_advisory_unlock(key)))
        finally:
            connection.close()

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._engine.dispose()

    def _session(self) -> sa.Connection:
        try:
            return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except (DBAPIError, PoolTimeout, _CannotConnect) as error:
            raise DatabaseUnavailable(_sentence(error, self.is_shared)) from error

    def _asked(self, connection: sa.Connection, query: sa.Select[tuple[Any]]) -> Any:
        try:
            return connection.execute(query).scalar_one()
        except DBAPIError as error:
            raise DatabaseUnavailable(_sentence(error, self.is_shared)) from error


def clock(connection: sa.Connection) -> datetime:
    """The time by the database's clock, UTC: one for all hosts."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.execute(_CLOCK).scalar_one()
        return now
    return utc_now()


def by_clock(connection: sa.Connection, moment: datetime) -> datetime:
    """A time of this host's clock by the database's: hosts whose clocks differ mean the same by a pause."""
    if connection.dialect.name == "postgresql":
        return clock(connection) + (moment - utc_now())
    return moment


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that may say what happens on a conflict."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table)
    return sqlite.insert(table)


def insert_new(connection: sa.Connection, table: sa.Table) -> sa.Insert:
    """An INSERT of rows whose keys are not there yet, and of no others."""
    return _insert_new(connection.dialect.name, table)


@cache
def _insert_new(dialect: str, table: sa.Table) -> sa.Insert:
    return _insert(dialect, table).on_conflict_do_nothing()  # built once: that costs as much as to execute it


def open_database(place: Path | str, *, read_only: bool = False, name: str = "rdeepnet") -> Database:
    """Opens a database, and makes it or brings it up to date unless it is only read.

    Parameters
    ----------
    place : an SQLite file, made when it does not exist (0600), or a PostgreSQL URL
    read_only : only read an existing database, and never hold up who writes it
    name : of this process, as the server lists its connections

    Raises
    ------
    SetupError
        When the database cannot be used, or belongs to another version.
    DatabaseUnavailable
        When it does not answer now.
    """
    engine = _shared(place, read_only=read_only, name=name) if isinstance(place, str) else _file(place, read_only)
    try:
        database = Database(engine, is_read_only=read_only)
        with database.transaction() as connection:
            if not read_only:
                bring_up_to_date(connection)
            elif not check_version(connection):
                raise _nothing_yet(place)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, DatabaseUnavailable) and isinstance(error.__cause__, _CannotConnect):
            raise error.__cause__.why from error
        if isinstance(error, OperationalError):
            raise DatabaseUnavailable(_sentence(error, is_shared=False)) from error
        if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.DatabaseError):
            raise SetupError(
                f"{place} cannot be read ({error.orig}); expected the records of a service: restore them from a backup."
            ) from error
        raise
    return database


_CLOCK = sa.select(sa.func.clock_timestamp(type_=sa.DateTime(timezone=True)))


class _CannotConnect(Exception):
    """No connection can be made; `why` says what to do when it is the first."""

    def __init__(self, why: SetupError) -> None:
        super().__init__(str(why))
        self.why = why


def _file(path: Path, read_only: bool) -> sa.Engine:
    if not read_only:
        make_private_folder(path.parent)
        path.touch(mode=0o600)

    def opened() -> sqlite3.Connection:
        database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
            uri=True,
            isolation_level=None,  # transactions begin as below, not as the library thinks fit
            timeout=_BUSY_READING_S if read_only else _BUSY_S,
            check_same_thread=False,
        )
        if not read_only:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")  # a state that was told survives a power cut
            database.execute("PRAGMA foreign_keys = ON")
        return database

    engine = sa.create_engine("sqlite://", creator=opened, poolclass=StaticPool)
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute(begin)

    return engine


def _shared(url: str, *, read_only: bool, name: str) -> sa.Engine:
    from appliance.state.postgres import RECORDS_SCHEMA, connect  # loads psycopg, for this alone

    # A host that is frozen in the middle of a transaction holds up neither its studies nor us for longer.
    session = (
        f"SET TIME ZONE 'UTC'; SET search_path TO {RECORDS_SCHEMA}; SET lock_timeout = '{_BUSY_S:g}s'; "
        f"SET idle_in_transaction_session_timeout = '{_IDLE_S:g}s'"
    )

    def opened() -> Any:
        try:
            connection = connect(url, name)
        except SetupError as error:
            raise _CannotConnect(error) from error
        connection.execute(session.encode())
        connection.autocommit = False
        connection.read_only = read_only
        return connection

    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=opened,
        poolclass=QueuePool,
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_timeout=_BUSY_S,
        pool_pre_ping=True,  # a server that was away is back: no transaction fails for that alone
        pool_use_lifo=True,
    )
    ping_rarely(engine)
    return engine


def _nothing_yet(place: Path | str) -> RDeepNetError:
    if isinstance(place, Path):
        return DatabaseUnavailable(f"{place} has no tables yet: a service is just making them; it is tried again.")
    return SetupError(
        "The shared database holds no records; expected that of a service that has run: start it with rdeepnet serve, "
        "or name its settings."
    )


def _is_for_now(error: Exception) -> bool:
    """Returns whether the same may succeed later: what else a database says is a defect of ours."""
    orig = getattr(error, "orig", error)
    if isinstance(orig, sqlite3.Error):
        code = getattr(orig, "sqlite_errorcode", sqlite3.SQLITE_BUSY)
        return isinstance(orig, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR  # of a statement
    if not isinstance(error, DBAPIError):
        return True
    state = str(getattr(orig, "sqlstate", "") or "")
    is_cut_off = error.connection_invalidated or state.startswith(_LOST)
    return isinstance(error, OperationalError | InterfaceError) or is_cut_off or state in _FOR_NOW


def _sentence(error: Exception, is_shared: bool) -> str:
    orig = getattr(error, "orig", None)
    said = str(getattr(orig, "sqlstate", None) or orig or error).strip().splitlines()[:1]
    full = is_disk_full(error) or str(getattr(orig, "sqlstate", "")) == "53100"
    why = "its disk is full" if full else f"it does not answer ({''.join(said) or type(error).__name__})"
    return f"The {'shared database' if is_shared else 'file of records'} cannot be used now: {why}; it is tried again."
