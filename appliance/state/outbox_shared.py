"""The outbox that several workers and couriers share: a row for each job, and one bundle with its files.

The bundle is a ZIP without compression. Of two workers that answer the same job, since one of them was thought dead,
the first to record its results has them sent; those of the other are dropped.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from appliance.state.database import Database
from appliance.state.outbox import ListedResults, Outgoing, Results, in_order
from appliance.state.scratch import Scratch
from appliance.state.stored_bytes import StoredBytes, missing, new_key
from appliance.state.tables import RESULTS
from dicom_io.earlier import EarlierAnswer

_AT_ONCE = 1000  # jobs in one question


class SharedOutbox(ListedResults):
    """Results in the shared home; every method may be called from any thread of any host.

    Parameters
    ----------
    database : of the shared home
    stored : where the bundles are
    scratch : for files while they are sent
    """

    def __init__(self, database: Database, *, stored: StoredBytes, scratch: Scratch) -> None:
        self._database = database
        self._stored = stored
        self._scratch = scratch

    def has(self, job_id: str) -> bool:
        """Returns whether the results of a job exist."""
        with self._database.transaction() as connection:
            return connection.execute(_KEY, {"job": job_id}).scalar() is not None

    def put(self, job_id: str, outgoing: Outgoing) -> None:
        """Writes the results of a job, unless they exist; when this returns they survive a power cut.

        Raises
        ------
        DatabaseUnavailable
            When database or object store do not answer; the results exist, or do not.
        """
        if self.has(job_id):
            return
        bundle = _bundle(outgoing)
        key = new_key(f"outbox/{job_id.replace(':', '_')}")
        row = {
            "job_id": job_id,
            "study_uid": _study_of(job_id),
            "listed": json.dumps(outgoing.listed(job_id)),
            "key": key,
            "size": len(bundle),
        }
        self._stored.put(key, (bundle,))
        with self._database.transaction() as connection:
            is_first = connection.execute(_PUT, row).first() is not None
            if is_first:
                self._stored.put_with(connection, key, (bundle,))
        if not is_first:
            self._stored.drop([key])

    def results(self, job_ids: Iterable[str]) -> Mapping[str, Results]:
        """Job → list of its results, of those jobs that have any."""
        asked, results = list(dict.fromkeys(job_ids)), dict[str, Results]()
        with self._database.transaction() as connection:
            for start in range(0, len(asked), _AT_ONCE):
                rows = connection.execute(_LISTS, {"jobs": asked[start : start + _AT_ONCE]})
                results |= {row.job_id: Results(json.loads(row.listed)) for row in rows}
        return results

    def answers(self, study_uid: str) -> Sequence[EarlierAnswer]:
        """Answers to a study, oldest first."""
        with self._database.transaction() as connection:
            lists = list(connection.execute(_OF_STUDY, {"study": study_uid}).scalars())
        return in_order(Results(json.loads(listed)) for listed in lists)

    def marked(self, mark: str) -> Mapping[str, Results]:
        """Job → list of its results, of every answer with this mark of a patient."""
        with self._database.transaction() as connection:
            rows = connection.execute(_MARKED, {"mark": f'%"patient_mark": "{mark}"%'}).all()
        return {row.job_id: Results(json.loads(row.listed)) for row in rows}

    @contextmanager
    def fetched(self, job_id: str, file_names: Sequence[str]) -> Iterator[tuple[Path, ...]]:
        """Some files of a job, in that order, on this machine while the block runs.

        Raises
        ------
        BytesMissing
            When the results were deleted meanwhile.
        DatabaseUnavailable
            When database or object store do not answer now.
        OSError
            When they cannot be written here.
        """
        if not file_names:
            yield ()
            return
        with self._database.transaction() as connection:
            key = connection.execute(_KEY, {"job": job_id}).scalar()
        if key is None:
            raise missing(f"outbox/{job_id}")
        with self._scratch.folder() as folder:
            bundle = folder / "bundle.zip"
            self._stored.fetch({key: bundle})
            with zipfile.ZipFile(bundle) as files:
                for name in file_names:
                    (folder / name).write_bytes(files.read(name))
            yield tuple(folder / name for name in file_names)

    def path(self, job_id: str, file_name: str) -> Path | None:
        """None: nothing lies on this machine for good."""
        return None

    def drop(self, job_id: str) -> None:
        """Deletes the results of a job."""
        self._delete(RESULTS.c.job_id == job_id)

    def remove(self, study_uid: str) -> None:
        """Deletes the results of every job of a study."""
        self._delete(RESULTS.c.study_uid == study_uid)

    def _delete(self, which: sa.ColumnElement[bool]) -> None:
        with self._database.transaction() as connection:
            keys = list(connection.execute(sa.delete(RESULTS).where(which).returning(RESULTS.c.key)).scalars())
            if keys:
                self._stored.drop_with(connection, keys)
        self._stored.drop(keys)


def _bundle(outgoing: Outgoing) -> bytes:
    """The files of results as one."""
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as files:
        for name, content in outgoing.files():
            files.writestr(name, content)
    return bundle.getvalue()


def _study_of(job_id: str) -> str:
    """Study of a job or a notice: what is before the first colon."""
    return job_id.partition(":")[0]


_KEY = sa.select(RESULTS.c.key).where(RESULTS.c.job_id == sa.bindparam("job"))
_PUT = postgresql.insert(RESULTS).on_conflict_do_nothing().returning(RESULTS.c.job_id)
_LISTS = sa.select(RESULTS.c.job_id, RESULTS.c.listed).where(RESULTS.c.job_id.in_(sa.bindparam("jobs", expanding=True)))
_MARKED = sa.select(RESULTS.c.job_id, RESULTS.c.listed).where(RESULTS.c.listed.like(sa.bindparam("mark")))
_OF_STUDY = sa.select(RESULTS.c.listed).where(RESULTS.c.study_uid == sa.bindparam("study"))
