"""The home of a service's state, the one place that knows which it is: a state folder, or what several hosts share.

Embedded, the records are an SQLite file, and images and results are folders beside it. Shared, all are in one
PostgreSQL database, with the bytes in an object store where the settings name one. Whoever works on studies opens the
home of the settings here, and knows records, inbox and outbox by their interfaces.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.settings import Settings, Sync
from appliance.state.arrival_records import note_arrival
from appliance.state.cohort_tasks import CohortTasks
from appliance.state.database import Database, open_database
from appliance.state.inbox import Inbox, InboxReader
from appliance.state.inbox_folder import FolderInbox, FolderInboxReader
from appliance.state.inbox_shared import SharedInbox
from appliance.state.outbox import Outbox
from appliance.state.outbox_folder import FolderOutbox
from appliance.state.outbox_shared import SharedOutbox
from appliance.state.quick_record import QuickRecord
from appliance.state.records import Records
from appliance.state.scratch import Scratch
from appliance.state.stored_bytes import DatabaseBytes, StoredBytes
from models.errors import SetupError

RECORDS, INBOX, OUTBOX, SCRATCH = "studies.sqlite3", "inbox", "outbox", "scratch"  # names in the state folder

LONGEST_SYNC_S = 120.0  # of a file, on a disk that is busy or ill; it takes milliseconds


@dataclass(frozen=True)
class Files:
    """Images and results."""

    inbox: InboxReader
    outbox: Outbox
    _close: Callable[[], None] = field(default=lambda: None, repr=False)

    def close(self) -> None:
        """Closes what it holds open; files that were fetched go away."""
        self._close()


@dataclass(frozen=True)
class Home:
    """Records, images and results, for a process that receives nothing."""

    records: Records
    inbox: InboxReader
    outbox: Outbox
    _close: Callable[[], None] = field(default=lambda: None, repr=False)

    def close(self) -> None:
        """Closes all of it."""
        self._close()
        self.records.close()


@dataclass(frozen=True)
class ReceivingHome(Home):
    """Records, images and results, for the receiver."""

    inbox: Inbox


def open_home(settings: Settings, *, read_only: bool = False) -> Home:
    """The home of a service that has run.

    Parameters
    ----------
    read_only : the records are only read, and no writer is held up

    Raises
    ------
    SetupError
        When no service has ever worked there, or it cannot be used.
    DatabaseUnavailable
        When the shared database does not answer now.
    """
    records = open_records(settings, read_only=read_only)
    if not settings.shared.is_used:
        files = _folders(settings)
        return Home(records, files.inbox, files.outbox)
    scratch, stored = _scratch(settings), _stored(settings, records.database)
    return Home(
        records,
        SharedInbox(records.database, stored=stored, scratch=scratch),
        SharedOutbox(records.database, stored=stored, scratch=scratch),
        scratch.close,
    )


def open_receiving_home(
    settings: Settings, *, last_pulse_s: float, receiver: str = "", lease_s: float = 0.0
) -> ReceivingHome:
    """The home of these settings for the service, made where it does not exist.

    Parameters
    ----------
    last_pulse_s : the last sign of life of an earlier process (seconds since 1970); what arrived in the state folder
        about then is looked at again
    receiver : name of this one among the receivers of a shared home; empty for the name of the host
    lease_s : how long a study waits for more after an instance came, unless the receiver renews it

    Raises
    ------
    SetupError, DatabaseUnavailable
        As `open_home`.
    """
    state_dir = settings.service.state_dir
    if settings.shared.is_used:
        records = Records(open_database(settings.shared.database_url, name=f"rdeepnet receiver {receiver}".strip()))
        scratch, stored = _scratch(settings), _stored(settings, records.database)
        name = receiver or socket.gethostname()
        inbox = SharedInbox(
            records.database,
            stored=stored,
            scratch=scratch,
            arrived=lambda connection, study: note_arrival(connection, study, receiver=name, lease_s=lease_s),
            quick=QuickRecord(records.database, receiver=name, lease_s=lease_s),
        )
        outbox = SharedOutbox(records.database, stored=stored, scratch=scratch)
        return ReceivingHome(records, inbox, outbox, scratch.close)
    return ReceivingHome(
        Records(state_dir / RECORDS),
        FolderInbox(
            state_dir / INBOX,
            syncs_folder=settings.service.sync is Sync.FILE_AND_FOLDER,
            suspect_since_s=last_pulse_s - LONGEST_SYNC_S,
        ),
        FolderOutbox(state_dir / OUTBOX),
    )


def open_records(settings: Settings, *, read_only: bool = False) -> Records:
    """The records alone, of a service that has run.

    Raises
    ------
    SetupError, DatabaseUnavailable
        As `open_home`.
    """
    if settings.shared.is_used:
        return Records(open_database(settings.shared.database_url, read_only=read_only))
    state_dir = settings.service.state_dir
    if not (state_dir / RECORDS).is_file():
        raise SetupError(
            f"{state_dir} holds no studies; expected the state folder of a service that has run: "
            "start it with rdeepnet serve, or name its settings."
        )
    return Records(state_dir / RECORDS, read_only=read_only)


def open_files(settings: Settings) -> Files:
    """Images and results alone, for a process that only reads them.

    Raises
    ------
    SetupError, DatabaseUnavailable
        As `open_home`.
    """
    if not settings.shared.is_used:
        return _folders(settings)
    home = open_home(settings, read_only=True)
    return Files(home.inbox, home.outbox, home.close)


def cohort_tasks(settings: Settings, records: Records) -> CohortTasks:
    """Studies of cohorts that were handed to the workers of a shared home."""
    return CohortTasks(records.database, stored=_stored(settings, records.database), scratch=_scratch(settings))


def _folders(settings: Settings) -> Files:
    state_dir = settings.service.state_dir
    return Files(FolderInboxReader(state_dir / INBOX), FolderOutbox(state_dir / OUTBOX))


def _scratch(settings: Settings) -> Scratch:
    return Scratch(settings.service.state_dir / SCRATCH)


def _stored(settings: Settings, database: Database) -> StoredBytes:
    if not settings.shared.objects_url:
        return DatabaseBytes(database)
    from appliance.state.object_store import ObjectBytes  # loads obstore, for those who use it

    return ObjectBytes(settings.shared, database)
