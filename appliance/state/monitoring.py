"""Questions of a monitor to the records; each is one short read.

What is new is what came after a mark, and the answer holds the next mark. On SQLite the mark is a row, since writers
follow one another. On PostgreSQL a later row may be there before an earlier one: the mark is a transaction before which
all have ended, so each row is counted once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from appliance.state.records import Records
from appliance.state.states import State
from appliance.state.tables import MOVES, REFUSALS


def arrivals(records: Records) -> Mapping[str, datetime]:
    """Study Instance UID → when something of it last began to arrive."""
    last = sa.select(MOVES.c.study_uid, sa.func.max(MOVES.c.at).label("at")).where(MOVES.c.state == State.RECEIVED)
    with records.transaction() as connection:
        rows = connection.execute(last.group_by(MOVES.c.study_uid)).all()
    return {row.study_uid: row.at for row in rows}


def moves_after(records: Records, mark: int) -> tuple[Mapping[State, int], int]:
    """Moves recorded after a mark, by the state they led to, and the next mark."""
    counts, mark = _counted_after(records, MOVES, MOVES.c.state, mark)
    return Counter({State(state): count for state, count in counts.items()}), mark


def refusals_after(records: Records, mark: int) -> tuple[Mapping[str, int], int]:
    """Refusals recorded after a mark, by code, and the next mark."""
    return _counted_after(records, REFUSALS, REFUSALS.c.code, mark)


def _counted_after(records: Records, table: sa.Table, kind: sa.Column[str], mark: int) -> tuple[Mapping[str, int], int]:
    with records.transaction() as connection:
        if records.is_shared:
            ended = sa.func.txid_snapshot_xmin(sa.func.txid_current_snapshot())
            next_mark = connection.execute(sa.select(ended)).scalar_one()
            new = sa.and_(table.c.written_in >= mark, table.c.written_in < next_mark)
        else:
            last = sa.select(sa.func.coalesce(sa.func.max(table.c.rowid), mark))
            next_mark = connection.execute(last).scalar_one()
            new = sa.and_(table.c.rowid > mark, table.c.rowid <= next_mark)
        rows = connection.execute(sa.select(kind, sa.func.count()).where(new).group_by(kind)).all()
    return {str(row[0]): int(row[1]) for row in rows}, next_mark
