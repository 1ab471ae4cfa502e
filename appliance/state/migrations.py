"""Versions of the records' tables, and the numbered steps from each to the next.

A new database is made as `tables` has it; an old one takes every step after its version, all in one transaction that
nobody else can be in. A step says in SQL of its own what its version added, since `tables` moves on. It only adds, and
what it adds has defaults: processes of the version before may be at work, on another host, until they are replaced. A
process that is older than the tables does not start.

Version 1 is every file before there were numbers: its tables were made one by one, so some may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from appliance.state import tables
from models.errors import SetupError

_LOCK = 0x7264656570  # of one installation's migrations, released with the transaction


def _leases(connection: sa.Connection) -> None:
    """Version 2: the tables that parts of the records made for themselves, leases, arrivals, takeovers and hosts."""
    present = {str(row[1]) for row in connection.exec_driver_sql("PRAGMA table_info(deliveries)")}
    for column in ("leased_until TEXT", "leased_by TEXT NOT NULL DEFAULT ''"):
        if column.split()[0] not in present:
            connection.exec_driver_sql(f"ALTER TABLE deliveries ADD COLUMN {column}")
    _make_missing(connection)


STEPS: Mapping[int, Callable[[sa.Connection], None]] = {2: _leases}
VERSION = max(STEPS)


def bring_up_to_date(connection: sa.Connection) -> None:
    """Makes the tables, or takes the steps that are missing, in a transaction of its own.

    Raises
    ------
    SetupError
        When a newer version has been at work on it.
    """
    is_shared = connection.dialect.name == "postgresql"
    if is_shared:
        from appliance.state.postgres import RECORDS_SCHEMA, require_schemas

        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        if not sa.inspect(connection).has_schema(RECORDS_SCHEMA):  # a user may have it without the right to make one
            session: Any = connection.connection.driver_connection
            require_schemas(session)
            connection.exec_driver_sql(f"CREATE SCHEMA {RECORDS_SCHEMA}")
    version = _version(connection)
    if version > VERSION:
        raise _newer(version)
    if version == 0:
        _make_missing(connection)
    else:
        for number in range(version + 1, VERSION + 1):
            STEPS[number](connection)
    if version != VERSION:
        connection.execute(sa.delete(tables.SCHEMA_VERSION))
        connection.execute(sa.insert(tables.SCHEMA_VERSION).values(version=VERSION))
    if is_shared:
        _forget_other_transactions(connection)


def check_version(connection: sa.Connection) -> bool:
    """Checks that a database can be read; returns whether there is anything to read yet.

    Raises
    ------
    SetupError
        When it is of an older or a newer version.
    """
    version = _version(connection)
    if version > VERSION:
        raise _newer(version)
    if 0 < version < VERSION:
        raise SetupError(
            f"The records are of version {version} of their tables; expected version {VERSION}, which rdeepnet serve "
            "of this version makes: start it once."
        )
    return version > 0


def _version(connection: sa.Connection) -> int:
    """Version of the tables: 0 when there are none."""
    present = set(sa.inspect(connection).get_table_names())
    if tables.SCHEMA_VERSION.name in present:
        version: int = connection.execute(sa.select(tables.SCHEMA_VERSION.c.version)).scalar_one()
        return version
    return 1 if tables.STUDIES.name in present else 0


def _newer(version: int) -> SetupError:
    return SetupError(
        f"The records are of version {version} of their tables, and this rdeepnet knows {VERSION}: a newer one has "
        "worked on them. Start that one; to go back, restore the backup that was made before the upgrade."
    )


def _make_missing(connection: sa.Connection) -> None:
    is_shared = connection.dialect.name == "postgresql"
    for table in tables.METADATA.sorted_tables:
        if table.info.get("shared") and not is_shared:
            continue
        connection.execute(CreateTable(table, if_not_exists=True))
        if table is tables.PIECES:
            connection.exec_driver_sql(tables.STORED_AS_THEY_ARE)
        for index in table.indexes:
            if is_shared or not any(column.info.get("shared") for column in index.columns):
                connection.execute(CreateIndex(index, if_not_exists=True))


def _forget_other_transactions(connection: sa.Connection) -> None:
    """Rows of a restored backup bear transactions of another server, which may lie ahead of this one's."""
    for table in (tables.MOVES, tables.REFUSALS):
        connection.execute(
            sa.update(table)
            .where(table.c.written_in >= sa.func.txid_snapshot_xmax(sa.func.txid_current_snapshot()))
            .values(written_in=0)
        )
