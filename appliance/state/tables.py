"""Tables of the records, once for SQLite and PostgreSQL.

Times are `timestamptz` on PostgreSQL and text on SQLite, UTC with microseconds, so that texts sort like times; they are
`datetime` here. `rowid` is the order in which rows were written: SQLite's own, a column on PostgreSQL. Rows there also
say in which transaction they were written, since transactions end in another order than they begin: who counts what is
new asks for transactions, not for rows (`monitoring`).

No patient data: Study Instance UIDs, states, sentences, times.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeDecorator, TypeEngine

from appliance.state.record_rows import as_text

METADATA = sa.MetaData()
ROWID = "rowid"
SHARED = {"shared": True}  # info of a table or column that only a database of several hosts has


class Moment(TypeDecorator[datetime]):
    """A time, UTC; "" in an old SQLite file is none."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Type in the database."""
        return dialect.type_descriptor(sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Time → value in the database."""
        if value is None or dialect.name == "postgresql":
            return value
        return as_text(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Value in the database → time."""
        if not value:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromisoformat(value)


@compiles(CreateColumn, "sqlite")
def _on_sqlite(element: CreateColumn, compiler: Any, **options: Any) -> str | None:
    """SQLite has a `rowid` in every table, and no columns of the shared home."""
    column = element.element
    if column.name == ROWID or column.info.get("shared"):
        return None
    made: str = compiler.visit_create_column(element, **options)
    return made


def _uid(name: str = "study_uid", **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _study(**options: Any) -> sa.Column[str]:
    """A row that goes with its study."""
    return sa.Column("study_uid", sa.ForeignKey("studies.study_uid", ondelete="CASCADE"), nullable=False, **options)


def _text(name: str, *, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _number(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, **options)


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, Moment, nullable=False)


def _in_order() -> sa.Column[int]:
    return sa.Column(ROWID, sa.BigInteger, sa.Identity(always=False), nullable=False)


def _transaction() -> sa.Column[int]:
    """Transaction in which PostgreSQL wrote a row."""
    return sa.Column(
        "written_in", sa.BigInteger, nullable=False, server_default=sa.text("txid_current()"), index=True, info=SHARED
    )


def _table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> sa.Table:
    return sa.Table(name, METADATA, *columns, **options)


SCHEMA_VERSION = _table("schema_version", _number("version"))

STUDIES = _table(
    "studies",
    _uid(primary_key=True),
    _text("state"),
    _text("sentence", default=""),  # why it is refused or failed, "" otherwise
    _text("digest", default=""),  # content the current job answers
    _number("attempt", server_default="0"),  # jobs so far for this content
    _text("job_id", default=""),
    sa.Column("asked_at", Moment),  # when the current job was queued: the date of its report
    _moment("changed_at"),
    sa.Index("studies_of_job", "job_id"),
    sa.Index("studies_in_state", "state"),
)
MOVES = _table(
    "moves",
    _study(),
    _text("state"),
    _text("job_id"),
    _moment("at"),
    _in_order(),
    _transaction(),
    sa.Index("moves_of_study", "study_uid"),
)
DELIVERIES = _table(
    "deliveries",
    sa.Column("job_id", sa.Text, primary_key=True),
    _study(),
    sa.Column("destination", sa.Text, primary_key=True),
    _text("state"),
    _number("attempts", server_default="0"),
    _moment("next_at"),
    _text("sentence", default=""),
    sa.Column("leased_until", Moment),  # a courier is on it until then
    _text("leased_by", default=""),  # its host
    _in_order(),
    sa.Index("deliveries_of_study", "study_uid"),
    sa.Index("deliveries_that_wait", "destination", "state", "next_at"),
)
REFUSALS = _table("refusals", _study(), _text("code"), _in_order(), _transaction())  # for counting alone
NOT_KEPT = _table(  # also of studies of which nothing was kept
    "not_kept",
    sa.Column("study_uid", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),  # SOP Instance UID: one that comes again counts once
    _text("series_uid"),
    _text("sop_class_uid"),
    _number("is_ours"),
    _moment("at"),  # when it came first
    sqlite_with_rowid=False,
)
COMMITMENTS = _table(
    "commitments",
    sa.Column("job_id", sa.Text, primary_key=True),
    _study(),
    sa.Column("destination", sa.Text, primary_key=True),
    _text("state"),
    _moment("since"),
    _moment("next_at"),  # when it is asked again, while due or pending
    _number("delivery"),  # attempt of the delivery it is about: what was sent again is asked again
    _text("sentence", default=""),
    _in_order(),
    sa.Index("commitments_of_study", "study_uid"),
)
COMMITMENT_REQUESTS = _table(
    "commitment_requests",
    sa.Column("transaction_uid", sa.Text, primary_key=True),
    _text("job_id"),
    _study(),
    _text("destination"),
    _number("delivery"),
    _moment("asked_at"),
    sa.Index("commitment_requests_of_job", "job_id", "destination"),
    sa.Index("commitment_requests_of_study", "study_uid"),
)
CHOICES = _table(
    "choices",
    _study(),
    _moment("at"),
    _text("assignment"),  # JSON list of ROLE=SERIES; empty: the rules again
    _in_order(),
    sa.Index("choices_of_study", "study_uid"),
)
OPERATOR_ACTIONS = _table(
    "operator_actions",
    _study(),
    _moment("at"),
    _text("action"),
    _text("by"),
    _text("sentence", default=""),
    _in_order(),
    sa.Index("operator_actions_of_study", "study_uid"),
)
WANTED_NOW = _table("wanted_now", _study(primary_key=True))
WORKER = _table("worker", _text("name"))  # of the one worker of an SQLite file
WORKER_ENDS = _table(  # those that nobody asked for
    "worker_ends",
    _moment("at"),
    _text("how"),  # in words
    _text("job_id"),  # "" when it had none
    _in_order(),
    sa.Index("worker_ends_of_job", "job_id"),
)
JOBS_PUT_BACK = _table("jobs_put_back", _moment("at"), _text("job_id"))  # begun, and executed by nobody
TAKEOVERS = _table(  # of jobs whose worker was gone
    "takeovers",
    _moment("at"),
    _text("job_id"),
    _text("taken_from"),
    _text("taken_by"),
    _in_order(),
    sa.Index("takeovers_of_job", "job_id"),
)
ARRIVALS = _table(  # of studies that are arriving, a row for each receiver
    "arrivals",
    _study(primary_key=True),
    sa.Column("receiver", sa.Text, primary_key=True),
    _moment("first_at"),
    _moment("arrived_at"),
    _moment("open_until"),  # an association that brings it is open; the receiver renews this lease
    sa.Column("taken_until", Moment),  # a host is completing it; nothing of it arrived since that began
)
HOSTS = _table(
    "hosts",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    _text("version"),
    _moment("started_at"),
    _moment("seen_at"),
    _text("doing", default=""),  # JSON
)
# Images and results: of the shared home alone; embedded, they are files.
INSTANCES = _table(
    "instances",
    sa.Column("study_uid", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),  # hash of the SOP Instance UID
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),  # who comes second takes the next
    _text("content"),  # hash of the data set
    _text("key"),  # of its bytes, in `pieces` or in the object store
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("kept_at", Moment, nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Index("instances_by_key", "key"),
    info=SHARED,
)
RESULTS = _table(
    "results",
    sa.Column("job_id", sa.Text, primary_key=True),
    _uid(),
    _text("listed"),  # JSON: roles and UIDs of the objects, cost of each stage, digests; no patient data
    _text("key"),  # of the bundle of its files
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("kept_at", Moment, nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Index("results_of_study", "study_uid"),
    sa.Index("results_by_key", "key"),
    info=SHARED,
)
COHORT_TASKS = _table(  # studies of a cohort that were handed to the workers
    "cohort_tasks",
    sa.Column("task_id", sa.Text, primary_key=True),
    _text("question"),  # JSON
    _text("key"),  # of the bundle of its files
    sa.Column("asked_at", Moment, nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Index("cohort_tasks_by_key", "key"),
    info=SHARED,
)
COHORT_ANSWERS = _table(
    "cohort_answers",
    sa.Column("task_id", sa.Text, primary_key=True),
    _text("reason"),  # why there is no answer; "" where there is one
    _text("key"),
    sa.Index("cohort_answers_by_key", "key"),
    info=SHARED,
)
PIECES = _table(  # bytes of images and results, where there is no object store
    "pieces",
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # a bytea is held in memory whole
    sa.Column("bytes", sa.LargeBinary, nullable=False),
    info=SHARED,
)
# Images do not compress: trying to costs more than writing them. PostgreSQL 15 takes it after the table is made only.
STORED_AS_THEY_ARE = "ALTER TABLE pieces ALTER COLUMN bytes SET STORAGE EXTERNAL"
