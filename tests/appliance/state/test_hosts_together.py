"""Sentences on what the hosts of a shared home lack together, on a real PostgreSQL. Kind: mechanics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from appliance.cli import app
from appliance.peer_settings import Destination
from appliance.service import cohort
from appliance.service.cohort import Question, hand_over, opened
from appliance.service.doctor import Verdict, check_hosts
from appliance.service.hosts import GONE_AFTER_S, together
from appliance.service.presence import Presence
from appliance.service.roles import ServiceRole
from appliance.settings import ServiceSettings, Settings
from appliance.shared_settings import SharedSettings
from appliance.state.job_queue import QueuePlace
from appliance.state.records import Records
from appliance.state.tables import COHORT_TASKS, HOSTS
from tests.end_to_end.running import wait_for

pytestmark = pytest.mark.peers


class _Enough(Exception):
    """Ends who asks."""


@dataclass
class Home:
    """A shared home, and settings of hosts of it."""

    url: str
    folder: Path
    records: Records

    def settings(self, name: str, *destinations: str) -> Settings:
        return Settings(
            service=ServiceSettings(state_dir=self.folder / name, port=len(name) + 11000),
            shared=SharedSettings(database_url=self.url),
            destinations=tuple(Destination(one, one.upper(), "127.0.0.1", 104) for one in destinations),
        )

    def shows(self, name: str, role: ServiceRole, *destinations: str) -> None:
        """A host is there."""
        Presence(self.settings(name, *destinations), role, self.records).show(0.0)

    def silent(self, role: str) -> None:
        """Hosts of a role were not seen for a while."""
        with self.records.transaction() as connection:
            since = sa.select(sa.func.clock_timestamp()).scalar_subquery() - timedelta(seconds=GONE_AFTER_S + 1)
            connection.execute(sa.update(HOSTS).where(HOSTS.c.role == role).values(seen_at=since))

    def tasks(self) -> int:
        """Questions of cohorts that are open."""
        with self.records.transaction() as connection:
            count: int = connection.execute(sa.select(sa.func.count()).select_from(COHORT_TASKS)).scalar_one()
        return count

    def sending(self, study: str, *destinations: str) -> None:
        """A study waits for destinations."""
        self.records.arrived(study)
        job = self.records.queue(study, digest="a" * 64)
        self.records.start(job)
        self.records.answered(job, destinations=destinations)


@pytest.fixture
def home(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Home]:
    """A shared home whose tables are there."""
    url = new_database()
    records = Records(url)
    QueuePlace(folder=tmp_path, executor="-", database_url=url).prepare()
    yield Home(url, tmp_path, records)
    records.close()


def test_a_delivery_that_no_receiver_knows_is_shown_by_status_and_doctor(home: Home) -> None:
    home.shows("first", ServiceRole.ALL, "pacs")
    home.shows("second", ServiceRole.RECEIVER, "archive")
    home.sending("1.2.3", "pacs", "archive")
    home.sending("1.2.4", "old")
    home.sending("1.2.5", "old")
    settings = home.settings("first", "pacs")
    (sentence,) = together(settings).remarks
    assert sentence.startswith("2 deliveries wait for the destination old, which no receiver that is there has in its")
    check = check_hosts(settings)
    assert (check.verdict, sentence in check.sentence) == (Verdict.WARNING, True)
    config = home.folder / "rdeepnet.toml"
    config.write_text(f'[service]\nstate_dir = "{home.folder / "first"}"\n[shared]\ndatabase_url = "{home.url}"\n')
    shown = CliRunner().invoke(app, ["status", "--config", str(config)])
    assert "2 deliveries wait for the destination old" in " ".join(shown.output.split())
    home.shows("third", ServiceRole.RECEIVER, "old")
    assert together(settings).remarks == ()
    assert check_hosts(settings).sentence == "3 processes are there"


def test_a_destination_of_a_receiver_that_is_gone_is_known_to_nobody(home: Home) -> None:
    home.shows("first", ServiceRole.ALL, "pacs")
    home.shows("second", ServiceRole.RECEIVER, "archive")
    home.sending("1.2.3", "archive")
    settings = home.settings("first", "pacs")
    assert together(settings).remarks == ()
    home.silent("receiver")
    (sentence,) = together(settings).remarks
    assert sentence.startswith("1 delivery waits for the destination archive,")


def test_before_the_first_start_nothing_lacks(new_database: Callable[[], str], tmp_path: Path) -> None:
    shared = SharedSettings(database_url=new_database())
    settings = replace(Settings(), service=ServiceSettings(state_dir=tmp_path), shared=shared)
    assert check_hosts(settings).verdict is Verdict.GOOD


def test_who_waits_for_a_cohort_is_told_when_the_last_worker_dies_and_when_one_is_back(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort, "_LOOK_FOR_WORKERS_S", 0.2)
    settings = home.settings("first", "pacs")
    home.shows("worker", ServiceRole.WORKER)
    file = home.folder / "image"
    file.write_bytes(b"image")
    said: list[str] = []

    def hear(sentence: str) -> None:
        said.append(sentence)
        if len(said) == 3:
            raise _Enough

    def ask() -> None:
        questions = [Question(text, (file,)) for text in ("one", "two")]
        with opened(settings) as (queue, tasks, hosts), suppress(_Enough):
            list(hand_over(questions, queue=queue, tasks=tasks, at_once=1, said=hear, hosts=hosts))

    asker = threading.Thread(target=ask)
    asker.start()
    wait_for(lambda: home.tasks() == 1, what="the first question")
    assert said == []
    home.silent("worker")  # as seconds after its death
    wait_for(lambda: len(said) == 1, what="the sentence about the worker")
    assert said[0] == "No worker is there: start one (rdeepnet serve --role worker). 2 studies wait for it."
    home.shows("worker", ServiceRole.WORKER)
    wait_for(lambda: len(said) == 2, what="the sentence about its return")
    assert said[1] == "A worker is there again."
    with home.records.transaction() as connection:
        connection.execute(sa.delete(HOSTS))
    wait_for(lambda: len(said) == 3, what="the sentence about nobody")
    assert said[2] == said[0]
    asker.join(60)
    assert home.tasks() == 0, "what was asked is taken back"
