"""Connections to PostgreSQL that are kept: asked rarely whether they live, since each question is a transaction."""

from __future__ import annotations

import math
import select
import time
import weakref
from typing import Any

import sqlalchemy as sa

_PING_AFTER_S = 20.0
_QUEUE_CONNECTIONS = 5
_WAIT_FOR_ONE_S = 30.0
_IDLE_S = 60  # between two statements of a transaction, as the queue has it for connections of its own


def ping_rarely(engine: sa.Engine) -> None:
    """Has a connection asked whether it lives only after a pause, or when the server has said something unasked.

    A server that ends, or whose process is killed, closes the connection, which shows here without a question; one
    that lost power is noticed by the next question, like one that loses power in the middle of a transaction.
    """
    asked = engine.dialect.do_ping
    used_s: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()

    @sa.event.listens_for(engine, "checkin")
    def given_back(raw: Any, record: Any) -> None:
        if raw is not None:
            used_s[raw] = time.monotonic()

    def ping(raw: Any) -> bool:
        is_recent = time.monotonic() - used_s.get(raw, -math.inf) < _PING_AFTER_S
        if is_recent and not raw.closed and not select.select([raw.fileno()], [], [], 0)[0]:
            return True
        return bool(asked(raw))

    engine.dialect.do_ping = ping  # type: ignore[method-assign, assignment]


def queue_engine(url: str, name: str) -> sa.Engine:
    """Connections of the queue to PostgreSQL; who made it closes it.

    Parameters
    ----------
    url : "postgresql://user@host:port/database"
    name : as the server lists them
    """
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg"),
        connect_args={"application_name": name},
        pool_size=_QUEUE_CONNECTIONS,
        max_overflow=_QUEUE_CONNECTIONS,
        pool_timeout=_WAIT_FOR_ONE_S,
        pool_pre_ping=True,
        pool_use_lifo=True,
    )
    ping_rarely(engine)

    @sa.event.listens_for(engine, "connect")
    def connected(raw: Any, record: Any) -> None:
        raw.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_S}s'")
        raw.commit()

    return engine
