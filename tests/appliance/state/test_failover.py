"""A PostgreSQL standby takes the place of its primary under studies that run. Kind: mechanics."""

from __future__ import annotations

import pytest

from appliance.state.records import Records
from appliance.state.takeover_records import TakeoverRecords
from tests.end_to_end.postgres import Postgres, running_postgres, running_standby
from tests.end_to_end.running import wait_for

pytestmark = pytest.mark.peers


def running_job(records: Records, study: str) -> str:
    """A job that a worker computes."""
    records.arrived(study)
    job = records.queue(study, digest="a" * 32)
    records.start(job)
    return job


def has_followed(standby: Postgres, primary: Postgres) -> bool:
    """Returns whether the standby has everything that was written."""
    ((written,),) = primary.execute("SELECT pg_current_wal_lsn()")
    return standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == [(True,)]


def test_a_failover_to_a_standby_is_no_takeover_and_what_follows_it_counts() -> None:
    with running_postgres() as primary, running_standby(primary) as standby:
        primary.execute("CREATE ROLE plain LOGIN")
        primary.execute("CREATE DATABASE records OWNER plain")

        def opened(server: Postgres) -> Records:
            return Records(server.url("records").replace("rdeepnet@", "plain@"))  # no superuser

        records = opened(primary)
        TakeoverRecords(records).server_seen()
        cut_off, later = running_job(records, "1.1"), running_job(records, "1.2")
        assert TakeoverRecords(records).taken_over([later], taken_from="a-0", taken_by="b") == {later: 1}
        records.close()
        wait_for(lambda: has_followed(standby, primary), what="the standby to follow")
        primary.kill()
        standby.promote()
        records = opened(standby)
        takeovers = TakeoverRecords(records)
        takeovers.server_seen()  # as a worker that was cut off, and begins again
        assert takeovers.taken_over([cut_off, later], taken_from="a-0", taken_by="b") == {cut_off: 0, later: 1}
        for count in (1, 2):
            records.interrupted([cut_off])
            records.start(cut_off)
            assert takeovers.taken_over([cut_off], taken_from="a-0", taken_by="b") == {cut_off: count}
        assert takeovers.count() == 3
        assert [one.job_id for one in takeovers.of_study("1.1")] == [cut_off] * 2
        records.close()


def test_a_failover_that_nobody_has_noticed_before_the_first_takeover_is_none_either() -> None:
    with running_postgres() as primary, running_standby(primary) as standby:
        primary.execute("CREATE DATABASE records")
        records = Records(primary.url("records"))
        TakeoverRecords(records).server_seen()
        job = running_job(records, "1.1")
        records.close()
        wait_for(lambda: has_followed(standby, primary), what="the standby to follow")
        primary.kill()
        standby.promote()
        records = Records(standby.url("records"))
        assert TakeoverRecords(records).taken_over([job], taken_from="a-0", taken_by="b") == {job: 0}
        records.close()
