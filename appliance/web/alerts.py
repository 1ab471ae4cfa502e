"""Alerts: problems to messages, each told once, reminded of daily, and "all well again" when the last is gone.

A small SQLite file of its own in the state folder, so that a message survives a restart and a server that does not
answer, and a restart tells nothing twice. The page's process keeps it: it sees also a service that has died.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from appliance.logs import describe
from appliance.settings import AlertSettings
from appliance.state.record_rows import as_text

LOG = logging.getLogger("rdeepnet.alerts")

WELL = "well"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS problems (
    code     TEXT PRIMARY KEY,
    since    TEXT NOT NULL,
    told_at  TEXT NOT NULL DEFAULT ''    -- "" before it was told
);
CREATE TABLE IF NOT EXISTS unwell (     -- has a row while somebody was told of a problem and not that all is well
    one INTEGER PRIMARY KEY
);
CREATE TABLE IF NOT EXISTS messages (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    channel  TEXT NOT NULL,
    content  TEXT NOT NULL,
    at       TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at  TEXT NOT NULL
);
"""
_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 1800.0
_KEEP = timedelta(days=3)  # an older message helps nobody


@dataclass(frozen=True)
class Message:
    """One message: a problem, or that all is well again."""

    code: str
    sentence: str
    since: str
    title: str  # our AE title: which appliance speaks

    def as_json(self) -> str:
        """The body of a webhook."""
        event = WELL if self.code == WELL else "problem"
        content = {"event": event, "code": self.code, "sentence": self.sentence, "since": self.since}
        return json.dumps({**content, "appliance": self.title}, ensure_ascii=False)


class Channel(Protocol):
    """A way to tell somebody."""

    @property
    def name(self) -> str:
        """Name in the file of alerts."""
        ...

    def send(self, message: Message) -> None:
        """Sends a message; raises OSError when it was not taken."""
        ...


class Alerts:
    """Problems and messages on disk.

    Parameters
    ----------
    path : made when it does not exist (0600), in an existing folder
    title : our AE title
    """

    def __init__(self, path: Path, *, settings: AlertSettings, channels: Sequence[Channel], title: str) -> None:
        path.touch(mode=0o600)
        self._settings = settings
        self._channels = {channel.name: channel for channel in channels}
        self._title = title
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    def compare(self, problems: Mapping[str, str], now: datetime) -> None:
        """Compares the problems of this moment with those known, and queues what is to be told.

        A problem is told when it has lasted for `after_s`, and again after `remind_s`.
        """
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._compared(problems, now)
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _compared(self, problems: Mapping[str, str], now: datetime) -> None:
        known = {row["code"]: row for row in self._database.execute("SELECT * FROM problems").fetchall()}
        for code, sentence in problems.items():
            since = known[code]["since"] if code in known else as_text(now)
            told_at = known[code]["told_at"] if code in known else ""
            if code not in known:
                self._database.execute("INSERT INTO problems (code, since) VALUES (?, ?)", (code, since))
            is_due = now - datetime.fromisoformat(told_at or since) >= timedelta(
                seconds=self._settings.remind_s if told_at else self._settings.after_s
            )
            if is_due:
                self._queue(Message(code, sentence, since, self._title), now)
                self._database.execute("UPDATE problems SET told_at = ? WHERE code = ?", (as_text(now), code))
                self._database.execute("INSERT OR IGNORE INTO unwell VALUES (1)")
        gone = set(known) - set(problems)
        self._database.executemany("DELETE FROM problems WHERE code = ?", [(code,) for code in gone])
        if not problems and self._database.execute("DELETE FROM unwell").rowcount:
            self._queue(Message(WELL, "All is well again.", as_text(now), self._title), now)

    def _queue(self, message: Message, now: datetime) -> None:
        self._database.executemany(
            "INSERT INTO messages (channel, content, at, next_at) VALUES (?, ?, ?, ?)",
            [(name, json.dumps(asdict(message)), as_text(now), as_text(now)) for name in self._channels],
        )
        LOG.warning("alert: %s", message.sentence)

    def send_due(self, now: datetime) -> int:
        """Sends what is due, oldest first; returns how many messages still wait.

        What fails waits, with a pause that doubles; nothing of a channel overtakes what waits in it.
        """
        with self._lock:
            self._database.execute("DELETE FROM messages WHERE at < ?", (as_text(now - _KEEP),))
            rows = self._database.execute("SELECT * FROM messages ORDER BY id").fetchall()
        blocked: set[str] = set()
        for row in rows:
            channel = self._channels.get(row["channel"])
            if channel is None or row["channel"] in blocked or row["next_at"] > as_text(now):
                blocked.add(row["channel"])
                continue
            try:
                channel.send(Message(**json.loads(row["content"])))
            except OSError as error:
                blocked.add(row["channel"])
                pause_s = min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(row["attempts"], 16))
                LOG.warning("an alert waits", extra={"error": describe(error), "seconds": pause_s})
                with self._lock:
                    self._database.execute(
                        "UPDATE messages SET attempts = attempts + 1, next_at = ? WHERE id = ?",
                        (as_text(now + timedelta(seconds=pause_s)), row["id"]),
                    )
            else:
                with self._lock:
                    self._database.execute("DELETE FROM messages WHERE id = ?", (row["id"],))
        with self._lock:
            return int(self._database.execute("SELECT count(*) FROM messages").fetchone()[0])
