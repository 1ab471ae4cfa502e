"""Instances that were acknowledged and not kept: a table of the records, for counting alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from appliance.state.database import clock, insert_new
from appliance.state.records import Records
from appliance.state.tables import NOT_KEPT, STUDIES

_NOT_RECORDED = NOT_KEPT.c.study_uid.not_in(sa.select(STUDIES.c.study_uid))


@dataclass(frozen=True)
class NotKept:
    """An instance that was acknowledged and not kept, since no study is read from its like."""

    study_uid: str
    sop_instance_uid: str
    series_uid: str
    sop_class_uid: str
    is_ours: bool  # this product made it, and a PACS sent it back


@dataclass(frozen=True)
class NotKeptCount:
    """Instances of one class of a study that were not kept, each counted once however often it came."""

    sop_class_uid: str
    is_ours: bool
    instances: int


class NotKeptRecords:
    """The part of the records about what was not kept; every method is one transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def add(self, instances: Iterable[NotKept]) -> None:
        """Record instances that were acknowledged and not kept; those that are recorded already change nothing."""
        with self._records.transaction() as connection:
            now = clock(connection)
            rows = [
                {
                    "study_uid": one.study_uid,
                    "instance": one.sop_instance_uid,
                    "series_uid": one.series_uid,
                    "sop_class_uid": one.sop_class_uid,
                    "is_ours": int(one.is_ours),
                    "at": now,
                }
                for one in sorted(instances, key=lambda one: (one.study_uid, one.sop_instance_uid))
            ]
            if rows:
                connection.execute(insert_new(connection, NOT_KEPT), rows)

    def by_class(self, study_uid: str) -> tuple[NotKeptCount, ...]:
        """Classes of a study that came and were not kept, the most frequent first."""
        instances = sa.func.count().label("instances")
        kind = (NOT_KEPT.c.sop_class_uid, NOT_KEPT.c.is_ours)
        counted = sa.select(*kind, instances).where(NOT_KEPT.c.study_uid == study_uid).group_by(*kind)
        with self._records.transaction() as connection:
            rows = connection.execute(counted.order_by(instances.desc(), *kind)).all()
        return tuple(NotKeptCount(row.sop_class_uid, bool(row.is_ours), row.instances) for row in rows)

    def by_series(self, study_uid: str) -> Mapping[str, int]:
        """Series Instance UID → instances that were not kept; an archive counts them among those of the series."""
        series_uid = NOT_KEPT.c.series_uid
        counted = sa.select(series_uid, sa.func.count()).where(NOT_KEPT.c.study_uid == study_uid)
        with self._records.transaction() as connection:
            rows = connection.execute(counted.group_by(series_uid)).all()
        return {str(series): int(count) for series, count in rows}

    def forget(self, study_uid: str) -> None:
        """Delete what came of a study that is no longer recorded itself."""
        with self._records.transaction() as connection:
            connection.execute(sa.delete(NOT_KEPT).where(NOT_KEPT.c.study_uid == study_uid, _NOT_RECORDED))

    def forget_before(self, before: datetime) -> None:
        """Delete what came of studies that are not recorded themselves and came before a time."""
        with self._records.transaction() as connection:
            connection.execute(sa.delete(NOT_KEPT).where(NOT_KEPT.c.at < before, _NOT_RECORDED))
