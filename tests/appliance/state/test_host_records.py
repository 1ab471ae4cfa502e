"""Hosts that work on the records, and jobs taken over from those that are gone. Kind: mechanics."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from appliance.state.host_records import HostRecords
from appliance.state.records import Records
from appliance.state.tables import HOSTS, STUDIES
from appliance.state.takeover_records import TakeoverRecords


def test_hosts_are_listed_with_what_they_do_until_they_are_told_to_stop(records: Records) -> None:
    hosts = HostRecords(records)
    hosts.started("a", role="receiver", version="1.0")
    hosts.started("b-0", role="worker", version="1.0")
    hosts.seen("b-0", role="worker", version="1.0", doing={"doing": "computing", "job_id": "1.2:aa"})
    receiver, worker = hosts.hosts()
    assert (receiver.name, receiver.role, receiver.doing) == ("a", "receiver", {})
    assert worker.doing["job_id"] == "1.2:aa"
    assert worker.started_at <= worker.seen_at
    hosts.stopped("a", role="receiver")
    assert [host.name for host in hosts.hosts()] == ["b-0"]


def test_a_host_that_falls_silent_stays_listed_for_a_week(records: Records) -> None:
    hosts = HostRecords(records)
    hosts.started("gone", role="worker", version="1.0")
    (seen,) = hosts.hosts()
    for days, listed in ((6, ["gone", "new"]), (8, ["new"])):
        with records.transaction() as connection:
            silent_since = seen.seen_at - timedelta(days=days)
            connection.execute(sa.update(HOSTS).where(HOSTS.c.name == "gone").values(seen_at=silent_since))
        hosts.started("new", role="worker", version="1.1")
        assert [host.name for host in hosts.hosts()] == listed
        assert hosts.hosts()[0].silent_s >= (days * 86400 if days == 6 else 0)


def test_takeovers_of_a_job_are_counted_and_part_of_the_history_of_its_study(records: Records) -> None:
    takeovers = TakeoverRecords(records)
    assert takeovers.taken_over(["1.2:aa", "1.20:bb"], taken_from="a-0", taken_by="b") == {"1.2:aa": 1, "1.20:bb": 1}
    assert takeovers.taken_over(["1.2:aa"], taken_from="c-0", taken_by="b") == {"1.2:aa": 2}
    assert takeovers.taken_over([]) == {}
    assert [(one.job_id, one.taken_from) for one in takeovers.of_study("1.2")] == [("1.2:aa", "a-0"), ("1.2:aa", "c-0")]
    assert takeovers.count() == 3


def test_a_restart_of_the_server_is_no_takeover(records: Records) -> None:
    """Every worker ends with the server; a job that was begun after its start and is taken over counts."""
    study = "1.2"
    records.arrived(study)
    job = records.queue(study, digest="a" * 32)
    records.start(job)
    with records.transaction() as connection:
        begun = connection.execute(sa.select(STUDIES.c.changed_at)).scalar_one()
        connection.execute(sa.update(STUDIES).values(changed_at=begun - timedelta(days=9)))
    takeovers = TakeoverRecords(records)
    assert takeovers.taken_over([job], taken_from="a-0", taken_by="b") == {job: 0 if records.is_shared else 1}
    records.interrupted([job])
    records.start(job)
    assert takeovers.taken_over([job], taken_from="a-0", taken_by="b")[job] == takeovers.count() > 0
