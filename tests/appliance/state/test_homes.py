"""Inbox and outbox behave alike in every home: folders, PostgreSQL, PostgreSQL with S3. Kind: mechanics.

Whatever a home promises is asked of all three here; what only the shared home has is in `test_shared_home`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.settings import ServiceSettings, Settings
from appliance.shared_settings import SharedSettings
from appliance.stages import StageCost
from appliance.state.arrival_records import ArrivalRecords
from appliance.state.homes import Home, ReceivingHome, open_home, open_receiving_home
from appliance.state.inbox import InboxReader, Kept
from appliance.state.outbox import PDF, Outgoing
from appliance.state.states import State
from dicom_io.answer import Answer
from dicom_io.earlier import AnswerFacts
from tests.appliance.state.test_outbox import answer_of_a_study

pytestmark = pytest.mark.peers

STUDY, OTHER = "1.2.3", "1.2.4"
JOB = f"{STUDY}:abc"
LONG_AGO, LATER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)

# SHA-256 over lines "INSTANCE CONTENT" in order, each the first 32 hexadecimal digits of a SHA-256, by sha256sum
DIGEST = "7cd12fadad64209400e6dd2292e91b05494aff9b6c87ed6351613f6c82f3a216"
FACTS = {
    "key": "k",
    "identity": "i",
    "images": ["1.9"],
    "segmentations": [],
    "tumour": "t",
    "models": ["m"],
    "software": "0.1.0",
    "replacement": None,
}

_PREFIXES = itertools.count()


def shared_settings(state_dir: Path, *, database_url: str, object_store: str = "") -> Settings:
    """Settings of a host of a shared home."""
    shared = SharedSettings(database_url=database_url)
    if object_store:
        state_dir.mkdir(exist_ok=True)
        key_file = state_dir / "key"
        key_file.write_text("id\nsecret\n")
        name = f"prefix{next(_PREFIXES)}"
        shared = replace(
            shared,
            objects_url=f"s3://images/{name}",
            objects_endpoint=object_store,
            objects_key_file=key_file,
        )
    return Settings(service=ServiceSettings(state_dir=state_dir), shared=shared)


@dataclass
class Site:
    """A home as its receiver sees it, and its settings."""

    settings: Settings
    home: ReceivingHome

    @property
    def is_shared(self) -> bool:
        return self.settings.shared.is_used

    def keep(self, instance: str, content: str, *, study: str = STUDY) -> Kept:
        return self.home.inbox.keep(study, instance_uid=instance, meta=b"meta", dataset=content.encode())


def opened(settings: Settings) -> ReceivingHome:
    return open_receiving_home(settings, last_pulse_s=math.inf, receiver="one", lease_s=0.0)


@pytest.fixture(params=["folder", "database", "objects"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    settings = Settings(service=ServiceSettings(state_dir=tmp_path / "state"))
    if request.param != "folder":
        store = request.getfixturevalue("object_store") if request.param == "objects" else ""
        settings = shared_settings(
            tmp_path / "state", database_url=request.getfixturevalue("empty_url"), object_store=store
        )
    site = Site(settings, opened(settings))
    try:
        yield site
    finally:
        site.home.close()


@pytest.fixture
def reader(site: Site) -> Iterator[Home]:
    """The same home as a worker opens it."""
    home = open_home(site.settings)
    try:
        yield home
    finally:
        home.close()


def contents(inbox: InboxReader, study: str = STUDY) -> list[bytes]:
    with inbox.fetched(study, inbox.content(study).instances) as files:
        return [file.read_bytes() for file in files]


def test_an_instance_is_the_file_that_was_sent(site: Site, reader: Home) -> None:
    assert site.home.inbox.studies() == ()
    assert site.keep("1.1", "pixels") is Kept.NEW
    for inbox in (site.home.inbox, reader.inbox):
        assert contents(inbox) == [b"metapixels"]
        assert inbox.studies() == (STUDY,)
        assert inbox.counts() == {STUDY: 1}


def test_the_same_bytes_again_change_nothing(site: Site) -> None:
    site.keep("1.1", "pixels")
    before = site.home.inbox.content(STUDY)
    assert site.keep("1.1", "pixels") is Kept.KNOWN
    assert site.home.inbox.content(STUDY) == before


def test_other_bytes_under_the_same_uid_count_from_then_on(site: Site, reader: Home) -> None:
    site.keep("1.1", "wrong name")
    before = reader.inbox.content(STUDY)
    assert site.keep("1.1", "right name") is Kept.NEWER_VERSION
    after = reader.inbox.content(STUDY)
    assert after.digest != before.digest
    assert contents(reader.inbox) == [b"metaright name"]
    with reader.inbox.fetched(STUDY, before.instances) as (file,):
        assert file.read_bytes() == b"metawrong name", "a job that reads it is not disturbed"
    assert site.keep("1.1", "wrong name") is Kept.KNOWN
    assert reader.inbox.content(STUDY) == after
    assert reader.inbox.counts() == {STUDY: 1}


@pytest.mark.parametrize("order", [("1.1", "1.2", "1.3"), ("1.3", "1.1", "1.2")])
def test_the_digest_is_the_same_in_every_home_and_order(site: Site, order: tuple[str, ...]) -> None:
    for instance in order:
        site.keep(instance, f"content of {instance}")
    assert site.home.inbox.content(STUDY).digest == DIGEST


def test_files_come_in_the_order_asked_for_and_are_private(site: Site, reader: Home) -> None:
    for number in range(12):
        site.keep(f"1.{number}", f"content {number}")
    instances = reader.inbox.content(STUDY).instances[::-1]
    with reader.inbox.fetched(STUDY, instances) as files:
        assert [file.name for file in files] == [one.file_name for one in instances]
        assert {file.read_bytes() for file in files} == {f"metacontent {number}".encode() for number in range(12)}
        assert files[0].parent.stat().st_mode & 0o077 == 0
    with reader.inbox.fetched(STUDY, ()) as none:
        assert none == ()
    assert files[0].exists() is not site.is_shared, "what was fetched goes away with the block"


def test_some_instances_are_found_by_their_uids(site: Site) -> None:
    for instance in ("1.1", "1.2", "1.3"):
        site.keep(instance, instance)
    content = site.home.inbox.content(STUDY)
    with site.home.inbox.fetched(STUDY, content.of(["1.3", "1.9"])) as files:
        assert [file.read_bytes() for file in files] == [b"meta1.3"]


def test_a_home_is_found_again_as_it_was(site: Site) -> None:
    for instance, content in (("1.1", "a"), ("1.1", "b"), ("1.2", "c")):
        site.keep(instance, content)
    before = site.home.inbox.content(STUDY)
    site.home.close()
    site.home = opened(site.settings)
    assert site.home.inbox.content(STUDY) == before
    assert site.keep("1.1", "a") is Kept.KNOWN
    assert site.keep("1.1", "d") is Kept.NEWER_VERSION


def test_a_large_instance_comes_back_whole(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than a piece in the database, than what an object store is sent as one request, than a buffer."""
    monkeypatch.setattr("appliance.state.stored_bytes.PIECE_BYTES", 1 << 20)
    monkeypatch.setattr("appliance.state.object_store._WHOLE_BYTES", 1 << 20)
    content = bytes(range(256)) * (12 << 12) + b"end"  # 12 MiB
    site.home.inbox.keep(STUDY, instance_uid="1.1", meta=b"meta", dataset=memoryview(content))
    site.home.records.arrived(STUDY)  # from here on they are the usual instances of a study
    for number in range(2, 6):
        site.home.inbox.keep(STUDY, instance_uid=f"1.{number}", meta=b"meta", dataset=memoryview(content))
    assert contents(site.home.inbox) == [b"meta" + content] * 5


def test_a_study_that_came_to_an_end_is_removed_and_no_other(site: Site) -> None:
    for study in (STUDY, OTHER):
        site.keep("1.1", "pixels", study=study)
        site.home.records.arrived(study)
    if site.is_shared:
        assert set(ArrivalRecords(site.home.records, receiver="one").due(idle_s=0.0, force_after_s=60.0)) == {
            STUDY,
            OTHER,
        }
    job = site.home.records.queue(STUDY, digest=site.home.inbox.content(STUDY).digest)
    site.home.records.gave_up(job, state=State.REFUSED, sentence="no tumour")
    site.home.inbox.remove(STUDY)
    site.home.inbox.remove("1.2.9")
    assert site.home.inbox.content(STUDY).instances == ()
    assert site.home.inbox.counts() == {OTHER: 1}
    assert contents(site.home.inbox, OTHER) == [b"metapixels"]
    assert site.keep("1.1", "pixels") is Kept.NEW


@pytest.fixture(scope="module")
def outgoing() -> Outgoing:
    """Results with a PDF, as a worker has them."""
    answer = answer_of_a_study()
    assert answer.pdf
    return Outgoing(answer, (StageCost("read", 0.1, 0.2, 300.0),), created=LONG_AGO)


def test_results_are_there_once_they_were_put_and_stay_as_they_are(
    site: Site, reader: Home, outgoing: Outgoing
) -> None:
    outbox = reader.outbox
    assert (outbox.has(JOB), outbox.objects(JOB), outbox.stages(JOB), outbox.created(JOB)) == (False, (), (), None)
    assert outbox.results([JOB]) == {}
    outbox.put(JOB, outgoing)
    outbox.put(JOB, replace(outgoing, stages=()))
    there = site.home.outbox
    assert there.has(JOB)
    assert there.stages(JOB) == outgoing.stages
    assert there.created(JOB) == LONG_AGO
    waiting = there.objects(JOB)
    assert [(item.role, item.sop_instance_uid) for item in waiting] == [
        (item.role, item.sop_instance_uid) for item in outgoing.answer.objects
    ]
    names = [*(item.file_name for item in waiting[::-1]), PDF]
    with there.fetched(JOB, names) as files:
        read = [file.read_bytes() for file in files]
    assert read == [*(item.file for item in outgoing.answer.objects[::-1]), outgoing.answer.pdf]
    path = there.path(JOB, PDF)
    assert (path is None) is site.is_shared
    assert path is None or path.read_bytes() == outgoing.answer.pdf
    (results,) = there.results([JOB, "1.2.9:none"]).values()
    assert results.has_pdf
    assert results.objects() == waiting


def test_answers_to_a_study_come_oldest_first(site: Site, outgoing: Outgoing) -> None:
    facts = AnswerFacts.from_json(FACTS)
    for job, created in ((f"{STUDY}:b", LATER), (f"{STUDY}:c", LONG_AGO)):
        site.home.outbox.put(job, replace(outgoing, created=created, facts=facts))
    site.home.outbox.put(f"{STUDY}:notice:no-tumour", Outgoing(Answer(outgoing.answer.objects[:1], b""), ()))
    site.home.outbox.put(f"{OTHER}:a", replace(outgoing, facts=facts))
    assert [answer.created for answer in site.home.outbox.answers(STUDY)] == [
        LONG_AGO,
        datetime(2026, 5, 2, tzinfo=UTC),
    ]


def test_results_go_by_job_and_by_study(site: Site, outgoing: Outgoing) -> None:
    jobs = [f"{STUDY}:a", f"{STUDY}:b", f"{STUDY}:notice:no-tumour", f"{OTHER}:a"]
    for job in jobs:
        site.home.outbox.put(job, outgoing)
    site.home.outbox.drop(jobs[0])
    assert [site.home.outbox.has(job) for job in jobs] == [False, True, True, True]
    site.home.outbox.remove(STUDY)
    assert [site.home.outbox.has(job) for job in jobs] == [False, False, False, True]
    site.home.outbox.put(jobs[0], outgoing)
    assert site.home.outbox.has(jobs[0])
