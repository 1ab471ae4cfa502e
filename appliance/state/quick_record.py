"""The usual instance of the shared home with two statements: not the first of its study, and a new one.

Its study is `received`, this receiver has brought some of it, and the instance is not known. Whatever is otherwise is
left as it is, for whoever decides on a study.

Receivers do not wait for each other: each holds the row of the study together with the others (FOR SHARE), while who
completes the study wants it alone and so waits, or comes first. The row of the arrival is written at most every tenth
of a second, since its writers do wait for each other. The second statement must see what was committed before the row
was held, so they are two; the first tells the second by a setting of the transaction that it holds the row.

The driver's pipeline, which sends both and the commit at once, was rejected: it may stop flushing an image that is
larger than the buffers of the socket and wait for the server, which waits for the rest (psycopg, issue 685).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from appliance.state.database import Database

_FRESH_S = 0.1  # by so much a study may seem to be silent for longer than it is


@dataclass(frozen=True)
class QuickRecord:
    """Recording of the usual instance; may be called from any thread.

    Attributes
    ----------
    receiver : name of this one among the receivers
    lease_s : how long a study waits for more after an instance came, unless the receiver renews it
    """

    database: Database
    receiver: str
    lease_s: float

    def record(
        self, study_uid: str, *, instance: str, content: str, key: str, size: int, piece: bytes | None = None
    ) -> bool:
        """Records an instance, and that its study arrives; False where it is not the usual one, and nothing was done.

        Parameters
        ----------
        instance, content : hashes of the SOP Instance UID and of the data set
        key, size : of the bytes
        piece : the bytes, where they are in the database; they are one piece

        Raises
        ------
        DatabaseUnavailable
            When the database does not answer; it was recorded or not.
        """
        values = {
            "study": study_uid,
            "receiver": self.receiver,
            "lease": self.lease_s,
            "fresh": _FRESH_S,
            "instance": instance,
            "content": content,
            "key": key,
            "size": size,
        }
        statement = _RECORD
        if piece is not None:
            values["piece"] = piece
            statement = _RECORD_WITH_BYTES
        with self.database.driver() as connection:
            connection.execute(_HOLD, {"study": study_uid})
            return connection.execute(statement, values).fetchone() is not None


_HOLD: LiteralString = """
    WITH held AS MATERIALIZED (
        SELECT study_uid FROM studies WHERE study_uid = %(study)s AND state = 'received' FOR SHARE
    )
    SELECT set_config('rdeepnet.held', study_uid, true) FROM held
"""
_TOLD: LiteralString = """
    WITH kept AS (
        INSERT INTO instances (study_uid, instance, version, content, key, size)
        SELECT study_uid, %(instance)s, 0, %(content)s, %(key)s, %(size)s FROM arrivals
        WHERE study_uid = %(study)s AND receiver = %(receiver)s
        AND current_setting('rdeepnet.held', true) = %(study)s
        AND NOT EXISTS (SELECT FROM instances WHERE study_uid = %(study)s AND instance = %(instance)s)
        ON CONFLICT DO NOTHING
        RETURNING key
    ), told AS (
        UPDATE arrivals SET
            arrived_at = clock_timestamp(),
            open_until = clock_timestamp() + make_interval(secs => %(lease)s),
            taken_until = NULL
        WHERE study_uid = %(study)s AND receiver = %(receiver)s AND EXISTS (SELECT FROM kept)
        AND (
            taken_until IS NOT NULL
            OR arrived_at < clock_timestamp() - make_interval(secs => %(fresh)s)
            OR open_until < clock_timestamp() + make_interval(secs => %(lease)s / 2)
        )
    )
"""
_PUT: LiteralString = ", put AS (INSERT INTO pieces (key, number, bytes) SELECT key, 0, %(piece)b FROM kept)"
_SAID: LiteralString = " SELECT key FROM kept"
_RECORD: LiteralString = "".join((_TOLD, _SAID))
_RECORD_WITH_BYTES: LiteralString = "".join((_TOLD, _PUT, _SAID))
