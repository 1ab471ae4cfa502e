"""An object store of the S3 kind for the bytes of the shared home, by obstore.

Rejected: boto3, which is twice the size and takes three times the CPU; a folder that hosts share, since obstore's own
renames a file without a sync, and NFS tells of a rename too late.

Every object has a key of its own (`stored_bytes`), so nothing is ever written over. One that is written for the second
time after a broken connection is found, and is ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
import sqlalchemy as sa
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from appliance.shared_settings import SharedSettings
from appliance.state.database import Database, DatabaseUnavailable
from appliance.state.inbox import Swept
from appliance.state.stored_bytes import Parts, missing
from appliance.state.tables import COHORT_ANSWERS, COHORT_TASKS, INSTANCES, RESULTS
from models.errors import SetupError
from models.number_words import counted

if TYPE_CHECKING:  # not importable when it runs
    from obstore import ObjectMeta
    from obstore.store import S3Config

_WITHIN = timedelta(seconds=30)  # of a request, until the sender is told to come again
_CONNECT_WITHIN = timedelta(seconds=5)
_RETRIES = 3
_WHOLE_BYTES = 64 << 20  # larger ones are sent in parts
_AT_ONCE = 8  # connections while a study is fetched: three times the rate of one
_DELETED_AT_ONCE = 500
_OURS = ("inbox", "outbox", "cohort", "doctor")  # first names of our keys
_ORPHAN_AFTER = timedelta(days=1)  # an object is recorded within seconds of its writing


class ObjectStoreUnavailable(DatabaseUnavailable):
    """The object store does not answer now, or does not let us in; what was asked of it is asked again later."""


class ObjectBytes:
    """Bytes in a bucket, as `StoredBytes`.

    Parameters
    ----------
    settings : objects_url and what belongs to it
    database : with the rows that name objects

    Raises
    ------
    SetupError
        When the file of the key cannot be read or the settings make no address.
    """

    is_outside = True

    def __init__(self, settings: SharedSettings, database: Database | None = None) -> None:
        self._database = database
        self._url = settings.objects_url
        parts = urlsplit(settings.objects_url)
        endpoint = settings.objects_endpoint
        config: S3Config = {"region": settings.objects_region}
        if endpoint:
            config["endpoint"] = endpoint
        if settings.objects_key_file is not None:
            config["access_key_id"], config["secret_access_key"] = _keys(settings.objects_key_file)
        try:
            self._store = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                config=config,
                client_options={
                    "timeout": _WITHIN,
                    "connect_timeout": _CONNECT_WITHIN,
                    "allow_http": endpoint.startswith("http://"),
                },
                retry_config={"max_retries": _RETRIES, "retry_timeout": _WITHIN},
            )
        except (BaseError, ValueError) as error:
            raise SetupError(f"No object store can be used at {self._url}: {_line(error)}; see [shared].") from error

    def put(self, key: str, parts: Parts) -> None:
        """Writes an object durably; raises `ObjectStoreUnavailable` when it cannot now."""
        whole = sum(map(len, parts)) <= _WHOLE_BYTES
        with self._asked():
            try:
                if whole:
                    obstore.put(self._store, key, b"".join(parts), mode="create", use_multipart=False)
                else:
                    obstore.put(self._store, key, (bytes(piece) for piece in parts), use_multipart=True)
            except AlreadyExistsError:
                return  # our own first attempt, whose answer was lost

    def put_with(self, connection: sa.Connection, key: str, parts: Parts) -> None:
        """Nothing: the bytes were written before."""

    def fetch(self, files: Mapping[str, Path]) -> None:
        """Writes objects into files, by their keys; raises as `StoredBytes` does."""
        if len(files) == 1:
            for key, file in files.items():
                self._fetch(key, file)
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(self._fetch, files.keys(), files.values()):
                pass

    def drop_with(self, connection: sa.Connection, keys: Sequence[str]) -> None:
        """Nothing: they are deleted after the transaction."""

    def drop(self, keys: Sequence[str]) -> None:
        """Deletes objects; what cannot be deleted now is swept later."""
        try:
            self._delete(keys)
        except ObjectStoreUnavailable:
            return

    def sweep(self, now: datetime) -> Swept:
        """Deletes objects older than a day that no row names: a crash between bytes and row, or rows and bytes.

        Raises
        ------
        DatabaseUnavailable
            When database or object store do not answer.
        """
        assert self._database is not None, "who sweeps has the rows"
        objects = size = 0
        for page in self._pages():
            old = {item["path"]: item["size"] for item in page if now - item["last_modified"] > _ORPHAN_AFTER}
            named = _named(self._database, old) if old else set()
            orphans = [key for key in old if key not in named]
            self._delete(orphans)
            objects += len(orphans)
            size += sum(old[key] for key in orphans)
        return Swept(objects, size)

    def check(self) -> str:
        """Writes, reads and deletes an object, for `rdeepnet doctor`; the store in words.

        Raises
        ------
        ObjectStoreUnavailable
            When one of them cannot be done.
        """
        key = f"doctor/{datetime.now().timestamp():.6f}"
        self.put(key, (b"rdeepnet doctor",))
        with self._asked():
            obstore.get(self._store, key).bytes()
        self._delete([key])
        return f"objects can be written, read and deleted at {self._url}"

    def _fetch(self, key: str, file: Path) -> None:
        with self._asked():
            try:
                content = obstore.get(self._store, key)
                with file.open("wb") as stream:
                    for piece in content.stream():
                        stream.write(piece)
            except FileNotFoundError as error:
                raise missing(key) from error

    def _delete(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            with self._asked():
                obstore.delete(self._store, list(keys[start : start + _DELETED_AT_ONCE]))

    def _pages(self) -> Iterator[Sequence[ObjectMeta]]:
        """Objects below the names that we give; whatever else is in the bucket is somebody else's."""
        pages = itertools.chain.from_iterable(obstore.list(self._store, prefix=name) for name in _OURS)
        while True:
            with self._asked():
                page = next(pages, None)
            if page is None:
                return
            yield page

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, ValueError) as error:
            raise ObjectStoreUnavailable(
                f"The object store {self._url} cannot be used now: {_line(error)}; it is tried again."
            ) from error


def _named(database: Database, keys: Iterable[str]) -> set[str]:
    """Those of some keys that a row names."""
    asked = list(keys)
    named: set[str] = set()
    with database.transaction() as connection:
        for table in (INSTANCES, RESULTS, COHORT_TASKS, COHORT_ANSWERS):
            named |= set(connection.execute(sa.select(table.c.key).where(table.c.key.in_(asked))).scalars())
    return named


def _keys(path: Path) -> tuple[str, str]:
    """Access key id and secret key of a file with two lines."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SetupError(f"objects_key_file {path} cannot be read ({why}); expected a file of two lines.") from error
    if len(lines) != 2:
        raise SetupError(
            f"objects_key_file {path} has {counted(len(lines), 'line')}; expected two: the access key id, then the "
            "secret key."
        )
    return lines[0], lines[1]


def _line(error: Exception) -> str:
    """The library's sentence, in one line: its answers from the store go on for many."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}…"
