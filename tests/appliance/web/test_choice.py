"""Choosing series and segments on the page, from what arrived of a study. Kind: mechanics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from pydicom import dcmread

from appliance.service.study_status import show_study
from appliance.state.homes import open_records
from appliance.state.inbox_folder import FolderInbox, FolderInboxReader
from appliance.state.operator_actions import Action, OperatorActions
from appliance.state.records import Records
from appliance.state.states import State
from dicom_io.synthetic.study_writer import Grid, SyntheticStudy, make_study
from tests.appliance.web.site import DELIVERED, RECEIVED, REFUSED, Page, running_page


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SyntheticStudy:
    grid = Grid(8, 32, 32, 6.0, (5.0, 5.0))
    return make_study(tmp_path_factory.mktemp("study"), seed=1, t1c=grid, t2w=grid)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, study: SyntheticStudy) -> Iterator[Page]:
    with running_page(tmp_path_factory.mktemp("page")) as page:
        state_dir = page.settings.service.state_dir
        inbox, records = FolderInbox(state_dir / "inbox"), Records(state_dir / "studies.sqlite3")
        for file in study.files:
            header = dcmread(file, stop_before_pixels=True)
            inbox.keep(header.StudyInstanceUID, instance_uid=header.SOPInstanceUID, meta=b"", dataset=file.read_bytes())
        records.arrived(uid(study))
        job = records.queue(uid(study), digest=inbox.content(uid(study)).digest)
        records.start(job)
        records.gave_up(job, state=State.REFUSED, sentence="Two series fit.")
        records.close()
        page.sign_in()
        yield page


def uid(study: SyntheticStudy) -> str:
    return str(dcmread(study.files[0], stop_before_pixels=True).StudyInstanceUID)


def test_the_newest_version_of_every_instance_counts(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path / "inbox")
    for instance, content in (("1", b"a"), ("2", b"b"), ("1", b"c")):
        inbox.keep("1.2.3", instance_uid=instance, meta=b"", dataset=content)
    reader = FolderInboxReader(tmp_path / "inbox")
    assert reader.content("1.2.3") == inbox.content("1.2.3")
    with reader.fetched("1.2.3", reader.content("1.2.3").instances) as files:
        assert {file.read_bytes() for file in files} == {b"b", b"c"}
    assert reader.content("1.2.4").instances == ()


def test_what_arrived_is_offered(page: Page, study: SyntheticStudy) -> None:
    text = unescape(page.ask(f"/studies/{uid(study)}/choose").text)
    headers = [dcmread(file, stop_before_pixels=True) for file in study.files]
    for modality, name in (("MR", "t1c"), ("MR", "t2w"), ("SEG", "tumour")):
        series = {header.SeriesInstanceUID for header in headers if header.Modality == modality}
        offered = set(re.findall(rf'name="{name}" value="([0-9.]+)"', text))
        assert offered == series, name
    assert 'name="t2w" value="none"' in text
    assert "T1+C</span>" in text, "the role the rules would give"
    assert "Test^" not in text


def test_a_choice_answers_the_study_and_is_in_its_history(page: Page, study: SyntheticStudy) -> None:
    headers = [dcmread(file, stop_before_pixels=True) for file in study.files]
    series = next(str(header.SeriesInstanceUID) for header in headers if header.Modality == "MR")
    back = f"/studies/{uid(study)}"
    reply = page.act("choose series", uid(study), t1c=series, t2w="none", tumour="", back=back)
    assert (reply.status, reply.headers["location"]) == (303, back)
    detail = show_study(page.settings, uid(study))
    assert detail.record.state is State.QUEUED
    assert [choice.texts for choice in detail.choices] == [(f"t1c={series}", "t2w=none")]
    records = open_records(page.settings, read_only=True)
    (action,) = OperatorActions(records).of_study(uid(study))
    records.close()
    assert (action.action, action.by, action.sentence) == (Action.CHOOSE, "jo (page)", "t1c, t2w")
    text = page.ask(back).text
    assert "is now queued" in text
    assert f"t1c={series}, t2w=none" in text
    signed_in, page.cookie = page.cookie, ""
    assert series not in page.ask(back).text, "descriptions are for operators"
    page.cookie = signed_in


def test_a_wrong_choice_says_so(page: Page) -> None:
    assert page.act("choose series", DELIVERED, REFUSED).status == 400
    form = {"csrf": page.csrf(), "action": "choose series", "study": DELIVERED, "t1c": ["1.2", "1.3"]}
    assert page.ask("/actions", form).status == 303
    assert "t1c is assigned 2 times; once was expected" in page.ask("/").text


def test_what_is_not_there_cannot_be_chosen_and_a_stranger_chooses_nothing(page: Page, study: SyntheticStudy) -> None:
    assert "deleted" in page.ask(f"/studies/{RECEIVED}/choose").text
    signed_in, page.cookie = page.cookie, ""
    assert page.ask(f"/studies/{uid(study)}/choose").status == 403
    page.cookie = signed_in
