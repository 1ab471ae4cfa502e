"""Strokes, draft, review and answer where hosts share a home on PostgreSQL, with nothing faked; a worker is killed.

Kind: mechanics. One host receives and delivers, another computes, and the commands run on a third.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.service.reviews import remarks
from appliance.service.study_status import pdf_of
from appliance.state.homes import open_records
from appliance.state.operator_actions import Action
from appliance.state.states import State
from appliance.state.takeover_records import Takeover, TakeoverRecords
from dicom_io.identity import is_accepted
from tests.conftest import require_programs
from tests.end_to_end.draft_site import WANTED, DraftSite
from tests.end_to_end.postgres import running_postgres
from tests.end_to_end.running import Orthanc, RunningService, free_port, wait_for
from tests.end_to_end.strokes import reviewed

pytestmark = [pytest.mark.peers, pytest.mark.slow]

DRAFTED = Counter({"SEG": 2, "KO": 1, "DOC": 1})


@dataclass
class SharedSite(DraftSite):
    """A receiver as `service`, and a worker on another host."""

    worker: RunningService

    def kill_worker(self) -> None:
        """Ends the worker's host without warning, and starts it again."""
        self.worker.kill()
        self.worker.launch()

    def takeovers(self, uid: str) -> tuple[Takeover, ...]:
        records = open_records(self.service.settings, read_only=True)
        try:
            return TakeoverRecords(records).of_study(uid)
        finally:
            records.close()

    def call(self, *words: str) -> str:
        result = CliRunner().invoke(app, [*words, "--config", str(self.service.settings_file)])
        assert result.exit_code == 0, result.output
        return result.output


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedSite]:
    require_programs("Orthanc", "setpriv")
    folder = tmp_path_factory.mktemp("shared-drafts")
    with running_postgres() as postgres:
        postgres.execute("CREATE DATABASE home")
        port = free_port()

        def process(role: str) -> RunningService:
            return RunningService(
                folder / role,
                destinations={"pacs": port},
                database_url=postgres.url("home"),
                role=role,
                executor=f"{role}-0",
                of_destination=WANTED,
                computes=True,
                hung_after_s=600,
            )

        receiver, worker = process("receiver"), process("worker")
        orthanc = Orthanc(folder / "orthanc", service_port=receiver.port, port=port)
        try:
            for one in (receiver, worker):
                one.launch()
            for one in (receiver, worker):
                one.wait_ready()
            yield SharedSite(receiver, orthanc, worker)
        finally:
            for one in (worker, receiver):
                one.end()
            orthanc.stop()


def test_strokes_come_back_as_a_draft_that_is_dropped_sent_again_and_accepted(tmp_path: Path, site: SharedSite) -> None:
    study, uid = site.send(tmp_path, seed=31)
    site.wait(uid, State.REVIEW)
    site.wait_for_objects(study, DRAFTED)
    detail = site.service.show(uid)
    assert detail.pdf is None
    assert pdf_of(site.service.settings, detail).startswith(b"%PDF"), "the page shows the contact sheet"
    assert detail.draft == site.draft(study).SOPInstanceUID
    assert len(remarks(site.service.settings)) == 1
    site.call("drop", uid, "--reason", "nobody is here")
    assert remarks(site.service.settings) == ()
    site.call("retry", uid)
    assert "1 draft waits for a person" in remarks(site.service.settings)[0]
    wait_for(lambda: {one.state for one in site.service.show(uid).deliveries} == {"done"}, what="the draft once more")
    site.wait_for_objects(study, DRAFTED)
    result = site.accept(uid)
    assert result.exit_code == 0, result.output
    site.wait(uid, State.DELIVERED)
    site.wait_for_objects(study, DRAFTED + Counter({"SEG": 2, "SR": 1, "DOC": 1}))
    (final,) = [one for one in site.objects(study) if is_accepted(one)]
    assert str(final.ContentCreatorName) == "Reader^Ada"
    (report,) = [one for one in site.objects(study) if one.Modality == "SR"]
    assert "accepted unchanged by Ada Reader" in report.to_json()
    assert [one.action for one in site.service.show(uid).actions] == [Action.DROP, Action.RETRY, Action.ACCEPT]
    assert site.accept(uid).exit_code == 1, "it waits for nobody any longer"


def test_a_worker_killed_at_the_draft_and_at_the_answer_leaves_one_of_each(tmp_path: Path, site: SharedSite) -> None:
    study, uid = site.send(tmp_path, seed=32)
    site.wait(uid, State.RUNNING)
    site.kill_worker()
    site.wait(uid, State.REVIEW)
    assert len(site.takeovers(uid)) == 1
    site.wait_for_objects(study, DRAFTED)
    edited = reviewed(site.draft(study), tmp_path / "reviewed.dcm")
    site.orthanc.upload([edited])
    site.orthanc.push(study)
    site.wait(uid, State.RUNNING)
    site.kill_worker()
    site.wait(uid, State.DELIVERED)
    assert len(site.takeovers(uid)) == 2
    site.wait_for_objects(study, DRAFTED + Counter({"SEG": 2, "SR": 1, "DOC": 1}))
    (report,) = [one for one in site.objects(study) if one.Modality == "SR"]
    assert "The draft was edited by Ada Reader" in report.to_json()
