"""Questions of a monitor to the records; each is one short read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from appliance.state.records import Records
from appliance.state.states import State


def arrivals(records: Records) -> Mapping[str, datetime]:
    """Study Instance UID → when something of it last began to arrive."""
    with records.transaction() as database:
        rows = database.execute(
            "SELECT study_uid, max(at) AS at FROM moves WHERE state = ? GROUP BY study_uid", (State.RECEIVED,)
        ).fetchall()
    return {row["study_uid"]: datetime.fromisoformat(row["at"]) for row in rows}


def moves_after(records: Records, row: int) -> tuple[Mapping[State, int], int]:
    """Moves recorded after a row, by the state they led to, and the row of the last."""
    with records.transaction() as database:
        rows = database.execute(
            "SELECT state, count(*) AS moves, max(rowid) AS last FROM moves WHERE rowid > ? GROUP BY state", (row,)
        ).fetchall()
    counts = Counter({State(found["state"]): int(found["moves"]) for found in rows})
    return counts, max((int(found["last"]) for found in rows), default=row)


def refusals_after(records: Records, row: int) -> tuple[Mapping[str, int], int]:
    """Refusals recorded after a row, by code, and the row of the last."""
    with records.transaction() as database:
        rows = database.execute(
            "SELECT code, count(*) AS refusals, max(rowid) AS last FROM refusals WHERE rowid > ? GROUP BY code", (row,)
        ).fetchall()
    counts = {str(found["code"]): int(found["refusals"]) for found in rows}
    return counts, max((int(found["last"]) for found in rows), default=row)
