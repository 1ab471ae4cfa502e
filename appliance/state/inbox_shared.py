"""The inbox that several receivers and workers share: a row for each version of an instance, and its bytes.

An instance is safe when its bytes, its row and the arrival of its study are: the bytes first, then the others in one
transaction, then Success. Of two receivers that get the same instance at once the primary key lets one write a version;
the other looks again, and finds the instance known or takes the next version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from mmap import mmap
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from appliance.state.database import Database, DatabaseUnavailable
from appliance.state.inbox import Content, Kept, StoredInstance, Swept, newest, short_hash
from appliance.state.quick_record import QuickRecord
from appliance.state.scratch import Scratch
from appliance.state.states import FINAL
from appliance.state.stored_bytes import PIECE_BYTES, StoredBytes, missing, new_key
from appliance.state.study_moves import study_row
from appliance.state.tables import INSTANCES, STUDIES
from dicom_io.errors import CannotKeepNow


class SharedInbox:
    """Instances in the shared home; every method may be called from any thread of any host.

    Parameters
    ----------
    database : of the shared home
    stored : where the bytes are
    scratch : for files while they are read
    arrived : records in a transaction, at its end, that something new of a study came; only a receiver has it
    quick : records the usual instance at once
    """

    def __init__(
        self,
        database: Database,
        *,
        stored: StoredBytes,
        scratch: Scratch,
        arrived: Callable[[sa.Connection, str], None] | None = None,
        quick: QuickRecord | None = None,
    ) -> None:
        self._database = database
        self._stored = stored
        self._scratch = scratch
        self._arrived = arrived
        self._quick = quick

    def studies(self) -> tuple[str, ...]:
        """Study Instance UIDs of everything in the inbox."""
        return tuple(self.counts())

    def counts(self) -> Mapping[str, int]:
        """Study Instance UID → instances."""
        with self._database.transaction() as connection:
            return {row.study_uid: row.instances for row in connection.execute(_COUNTS)}

    def keep(self, study_uid: str, *, instance_uid: str, meta: bytes, dataset: bytes | memoryview | mmap) -> Kept:
        """Keeps one instance, as `Inbox.keep` says.

        Raises
        ------
        CannotKeepNow
            When database or object store do not answer.
        """
        instance, content = short_hash(instance_uid.encode()), short_hash(dataset)
        key = new_key(f"inbox/{study_uid}/{instance}.{content}")
        try:
            if self._stored.is_outside and self._is_known(study_uid, instance, content):
                return Kept.KNOWN
            self._stored.put(key, (meta, dataset))
            if self._recorded_at_once(study_uid, instance, content, key=key, parts=(meta, dataset)):
                return Kept.NEW
            while True:
                kept = self._recorded(study_uid, instance, content, key=key, parts=(meta, dataset))
                if kept is not None:
                    break
        except DatabaseUnavailable as error:
            # The transaction may have succeeded although its answer was lost: the bytes stay, and are swept if not.
            raise CannotKeepNow(str(error)) from error
        if kept is Kept.KNOWN:
            self._stored.drop([key])
        return kept

    def content(self, study_uid: str) -> Content:
        """Present content of the study; empty for an unknown study."""
        with self._database.transaction() as connection:
            rows = connection.execute(_OF_STUDY, {"study": study_uid}).all()
        return newest(StoredInstance(row.instance, row.version, row.content) for row in rows)

    @contextmanager
    def fetched(self, study_uid: str, instances: Sequence[StoredInstance]) -> Iterator[tuple[Path, ...]]:
        """Files of some instances of a study, in their order, on this machine while the block runs.

        Raises
        ------
        BytesMissing
            When one was deleted meanwhile.
        DatabaseUnavailable
            When database or object store do not answer now.
        OSError
            When they cannot be written here.
        """
        if not instances:
            yield ()
            return
        with self._database.transaction() as connection:
            rows = connection.execute(_OF_STUDY, {"study": study_uid}).all()
        keys = {StoredInstance(row.instance, row.version, row.content): row.key for row in rows}
        for one in instances:
            if one not in keys:
                raise missing(f"inbox/{study_uid}/{one.file_name}")
        with self._scratch.folder() as folder:
            files = {keys[one]: folder / one.file_name for one in instances}
            self._stored.fetch(files)
            yield tuple(files.values())

    def remove(self, study_uid: str) -> None:
        """Deletes the instances of a study that has come to an end; of one that has moved on, nothing.

        An instance that arrives meanwhile stays: its row and the new state of its study appear together.
        """
        with self._database.transaction() as connection:
            keys = list(connection.execute(_REMOVE, {"study": study_uid}).scalars())
            if keys:
                self._stored.drop_with(connection, keys)
        self._stored.drop(keys)

    def sweep(self, now: datetime) -> Swept:
        """Deletes bytes, of images and of results, that no row names, as `Inbox.sweep` says.

        Raises
        ------
        DatabaseUnavailable
            When database or object store do not answer now.
        """
        return self._stored.sweep(now)

    def _is_known(self, study_uid: str, instance: str, content: str) -> bool:
        with self._database.transaction() as connection:
            return content in _versions(connection, study_uid, instance)

    def _recorded_at_once(
        self, study_uid: str, instance: str, content: str, *, key: str, parts: tuple[bytes, bytes | memoryview | mmap]
    ) -> bool:
        """Returns whether an instance was the usual one, and is recorded."""
        size = sum(map(len, parts))
        if self._quick is None or size > PIECE_BYTES:
            return False
        return self._quick.record(
            study_uid,
            instance=instance,
            content=content,
            key=key,
            size=size,
            piece=None if self._stored.is_outside else b"".join(parts),
        )

    def _recorded(
        self, study_uid: str, instance: str, content: str, *, key: str, parts: tuple[bytes, bytes | memoryview | mmap]
    ) -> Kept | None:
        """One attempt to record an instance; None when another receiver was recording the same version."""
        assert self._arrived is not None, "only a receiver keeps instances"
        with self._database.transaction() as connection:
            study_row(connection, study_uid)  # held first, as by everybody
            known = _versions(connection, study_uid, instance)
            if content in known:
                return Kept.KNOWN
            version = max(known.values(), default=-1) + 1
            row = {
                "study_uid": study_uid,
                "instance": instance,
                "version": version,
                "content": content,
                "key": key,
                "size": sum(map(len, parts)),
            }
            if connection.execute(_RECORD, row).first() is None:
                return None
            self._stored.put_with(connection, key, parts)
            self._arrived(connection, study_uid)
        return Kept.NEWER_VERSION if version else Kept.NEW


def _versions(connection: sa.Connection, study_uid: str, instance: str) -> Mapping[str, int]:
    """Content → version of an instance."""
    rows = connection.execute(_VERSIONS, {"study": study_uid, "instance": instance})
    return {row.content: row.version for row in rows}


_VERSIONS = sa.select(INSTANCES.c.content, INSTANCES.c.version).where(
    INSTANCES.c.study_uid == sa.bindparam("study"), INSTANCES.c.instance == sa.bindparam("instance")
)
_RECORD = postgresql.insert(INSTANCES).on_conflict_do_nothing().returning(INSTANCES.c.version)
_OF_STUDY = sa.select(INSTANCES.c.instance, INSTANCES.c.version, INSTANCES.c.content, INSTANCES.c.key).where(
    INSTANCES.c.study_uid == sa.bindparam("study")
)
_COUNTS = (
    sa.select(INSTANCES.c.study_uid, sa.func.count().label("instances"))
    .where(INSTANCES.c.version == 0)  # each has one: nothing is sorted to find what is distinct
    .group_by(INSTANCES.c.study_uid)
    .order_by(INSTANCES.c.study_uid)
)
# In one statement, so of one moment: either a late instance and the state `received` are both seen, or neither is.
_REMOVE = (
    sa.delete(INSTANCES)
    .where(
        INSTANCES.c.study_uid == sa.bindparam("study"),
        ~sa.exists().where(STUDIES.c.study_uid == sa.bindparam("study"), STUDIES.c.state.not_in(sorted(FINAL))),
    )
    .returning(INSTANCES.c.key)
)
