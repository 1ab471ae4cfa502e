"""From strokes to an answer with nothing faked: Orthanc sends strokes, a draft comes back, a person reviews it.

Kind: mechanics.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli import app
from appliance.state.operator_actions import Action
from appliance.state.states import State
from dicom_io.identity import is_accepted
from tests.conftest import require_programs
from tests.end_to_end.draft_site import WANTED, DraftSite
from tests.end_to_end.running import Orthanc, free_port, running_service, wait_for
from tests.end_to_end.strokes import reviewed

pytestmark = [pytest.mark.peers, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DraftSite]:
    require_programs("Orthanc", "dciodvfy")
    folder = tmp_path_factory.mktemp("drafts")
    port = free_port()
    options = {"of_destination": WANTED, "hung_after_s": 600, "computes": True}
    with running_service(folder / "service", destinations={"pacs": port}, **options) as service:
        orthanc = Orthanc(folder / "orthanc", service_port=service.port, port=port)
        try:
            yield DraftSite(service, orthanc)
        finally:
            orthanc.stop()


def test_strokes_come_back_as_a_draft_that_a_person_accepts(tmp_path: Path, site: DraftSite) -> None:
    study, uid = site.send(tmp_path, seed=21)
    record = site.wait(uid, State.REVIEW)
    assert "made by grow-cut from strokes on 5 slices" in record.sentence
    drafted = Counter({"SEG": 2, "KO": 1, "DOC": 1})
    site.wait_for_objects(study, drafted)
    draft = site.draft(study)
    assert (draft.ContentLabel, draft.SeriesDescription) == ("DRAFT", "DRAFT tumour, needs review")
    (note,) = [one for one in site.objects(study) if one.Modality == "KO"]
    assert note.ConceptNameCodeSequence[0].CodeValue == "128201"
    for item in site.objects(study):
        item.save_as(tmp_path / "one.dcm")
        if item.Modality in ("SEG", "KO", "DOC") and "rdeepnet" in str(item.Manufacturer):
            verdict = subprocess.run(
                ["dciodvfy", "-new", tmp_path / "one.dcm"], capture_output=True, text=True, check=False
            )
            said = verdict.stdout + verdict.stderr
            assert "Error" not in said, (item.Modality, said)
            warnings = [line for line in said.splitlines() if line.startswith("Warning")]
            assert all("99RDEEPNET" in line or "DeviceUID" in line for line in warnings), (item.Modality, said)
    site.orthanc.push(study)  # with the draft in it
    wait_for(lambda: sum(one.instances for one in site.service.show(uid).not_kept if one.is_ours) == 3, what="our own")
    assert site.service.show(uid).record.state is State.REVIEW
    arguments = ["segment", "--accept", uid, "--by", "Ada Reader", "--config", str(site.service.settings_file)]
    accepted = CliRunner().invoke(app, arguments)
    assert accepted.exit_code == 0, accepted.output
    site.wait(uid, State.DELIVERED)
    site.wait_for_objects(study, drafted + Counter({"SEG": 2, "SR": 1, "DOC": 1}))
    (final,) = [one for one in site.objects(study) if is_accepted(one)]
    assert str(final.ContentCreatorName) == "Reader^Ada"
    (report,) = [one for one in site.objects(study) if one.Modality == "SR"]
    assert "accepted unchanged by Ada Reader" in report.to_json()
    detail = site.service.show(uid)
    assert [(one.action, one.by) for one in detail.actions] == [(Action.ACCEPT, "Ada Reader")]
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "only a draft that waits for a person" in " ".join(again.output.split())
    before = {one.SOPInstanceUID for one in site.objects(study)}
    site.orthanc.push(study)  # with the accepted segmentation in it, which is an input: the same answer, once more
    site.wait(uid, State.RUNNING)
    site.wait(uid, State.DELIVERED)
    assert {one.SOPInstanceUID for one in site.objects(study)} == before


def test_a_reviewed_segmentation_of_another_maker_is_answered_and_compared(tmp_path: Path, site: DraftSite) -> None:
    study, uid = site.send(tmp_path, seed=22)
    site.wait(uid, State.REVIEW)
    site.wait_for_objects(study, Counter({"SEG": 2, "KO": 1, "DOC": 1}))
    edited = reviewed(site.draft(study), tmp_path / "reviewed.dcm")
    site.orthanc.upload([edited])
    site.orthanc.push(study)
    site.wait(uid, State.DELIVERED)
    (report,) = [one for one in site.objects(study) if one.Modality == "SR"]
    assert "The draft was edited by Ada Reader" in report.to_json()
    assert site.kinds(study)["SEG"] == 4  # strokes, draft, reviewed, ours


def test_killed_while_it_computes_there_is_one_draft_and_one_answer(tmp_path: Path, site: DraftSite) -> None:
    study, uid = site.send(tmp_path, seed=23)
    site.wait(uid, State.RUNNING)
    site.service.kill()
    site.service.start()
    site.wait(uid, State.REVIEW)
    site.wait_for_objects(study, Counter({"SEG": 2, "KO": 1, "DOC": 1}))
    arguments = ["segment", "--accept", uid, "--by", "Ada Reader", "--config", str(site.service.settings_file)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    site.wait(uid, State.RUNNING)
    site.service.kill()
    site.service.start()
    site.wait(uid, State.DELIVERED)
    site.wait_for_objects(study, Counter({"SEG": 4, "KO": 1, "DOC": 2, "SR": 1}))
    assert [one.action for one in site.service.show(uid).actions] == [Action.ACCEPT]
