"""The name of this worker: given once, kept with the records, so that it survives a new container, host name or host.

The queue finds the unfinished jobs of a worker by its name. Deriving it from the host's name was rejected: a recreated
container gets another one, and its jobs would wait indefinitely for a worker that no longer exists.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import socket

from appliance.state.records import Records

_SCHEMA = "CREATE TABLE IF NOT EXISTS worker (name TEXT NOT NULL)"


def worker_name(records: Records) -> str:
    """The name kept in these records; made at the first call, from the host's name and random digits."""
    with records.transaction() as database:
        database.execute(_SCHEMA)
        row = database.execute("SELECT name FROM worker").fetchone()
        if row is not None:
            return str(row["name"])
        name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        database.execute("INSERT INTO worker (name) VALUES (?)", (name,))
        return name


def schema_name(worker: str) -> str:
    """The schema of a worker's queue in a PostgreSQL database, so that several workers may share the database.

    The readable part is cut and cleaned, so a digest tells apart names that look the same then (63 bytes at most).
    """
    readable = re.sub(r"[^a-z0-9]+", "_", worker.lower())[:32].strip("_")
    return f"rdeepnet_{readable}_{hashlib.sha256(worker.encode()).hexdigest()[:8]}"
