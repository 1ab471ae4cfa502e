"""Acceptance of a draft on the page: by whom, of what, and everything that is no acceptance. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.service.operator import accept_draft
from appliance.settings import Settings
from appliance.state.homes import open_records
from appliance.state.operator_actions import Action, OperatorActions
from appliance.state.records import Records
from appliance.state.states import IllegalMove, State
from tests.appliance.web.site import Page, draft, running_page
from tests.dicom_io.audit.schema import checked, codes, objects

REVIEWED, ELSEWHERE, DROPPED = (f"1.2.826.0.1.3680043.8.498.{number}" for number in (21, 22, 23))
LOOKED = {"looked": "yes"}


@contextmanager
def looking_at(settings: Settings) -> Iterator[Records]:
    records = open_records(settings, read_only=True)
    try:
        yield records
    finally:
        records.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with running_page(tmp_path_factory.mktemp("accept"), more='[audit]\nfile = "audit.xml"\n') as page:
        yield page


def test_only_who_signed_in_looked_and_names_the_draft_accepts_it(page: Page) -> None:
    uid = draft(page.settings, ELSEWHERE)
    visitor = replace(page, cookie="")
    assert "Accept the draft" not in visitor.ask(f"/studies/{ELSEWHERE}").text
    form = {"action": Action.ACCEPT, "study": ELSEWHERE, "draft": uid, **LOOKED}
    assert visitor.ask("/actions", form).status == 403
    visitor.sign_in()
    assert visitor.ask("/actions", form).status == 403, "a form without its signature"
    csrf = {"csrf": visitor.csrf()}
    assert visitor.ask("/actions", {**form, **csrf}, headers={"Origin": "http://elsewhere.example"}).status == 403
    for without, sentence in (
        ({"looked": ""}, "confirm that you have looked at every slice"),
        ({"draft": ""}, "One draft of one study"),
        ({"study": [ELSEWHERE, REVIEWED]}, "One draft of one study"),
    ):
        refused = visitor.ask("/actions", {**form, **csrf, **without})  # type: ignore[dict-item]
        assert refused.status == 400
        assert sentence in refused.text
    assert visitor.ask(f"/actions?action=accept+draft&study={ELSEWHERE}&draft={uid}&looked=yes").status == 405
    visitor.ask("/actions", {**form, **csrf, "draft": "1.2.3"})
    assert "Another draft was made since this one was shown" in visitor.ask("/").text
    with looking_at(page.settings) as records:
        assert records.study(ELSEWHERE).state is State.REVIEW
        assert OperatorActions(records).of_study(ELSEWHERE) == ()


@pytest.mark.parametrize("name", ["", "  (page)", "x" * 65])
def test_a_name_that_no_object_can_hold_accepts_nothing(page: Page, name: str) -> None:
    with pytest.raises(IllegalMove, match="expected 1 to 64"):
        accept_draft(page.settings, ELSEWHERE, by=name)


def test_an_accepted_draft_queues_the_study_and_says_who(page: Page) -> None:
    uid = draft(page.settings, REVIEWED)
    operator = replace(page, cookie="")
    operator.sign_in()
    text = operator.ask(f"/studies/{REVIEWED}").text
    assert "Contact sheet of the draft (PDF)" in text
    assert f'name="draft" value="{uid}"' in text
    assert "A draft waits." in text
    assert operator.act(Action.ACCEPT, REVIEWED, draft=uid, **LOOKED).status == 303
    assert "is answered with the draft that you accepted" in operator.ask("/").text
    operator.act(Action.ACCEPT, REVIEWED, draft=uid, **LOOKED)
    assert "only a draft that waits for a person can be accepted" in operator.ask("/").text
    with looking_at(page.settings) as records:
        assert records.study(REVIEWED).state is State.QUEUED
        (action,) = OperatorActions(records).of_study(REVIEWED)
        assert (action.action, action.by, action.sentence) == (Action.ACCEPT, "jo (page)", uid)
    assert "accept draft" in operator.ask(f"/studies/{REVIEWED}").text
    lines = Path(page.config).with_name("audit.xml").read_text(encoding="utf-8").splitlines()
    told = [root for root in map(checked, lines) if objects(root) == {"110180": [REVIEWED]}]
    assert [codes(root, "EventID") + codes(root, "EventTypeCode") for root in told] == [["110113", "110132"]]
    who = [each.attrib["UserID"] for each in told[0].iter("ActiveParticipant")]
    assert "jo (page)" in who
    assert "accept draft of a study" in lines[-1]


def test_the_front_page_lists_drafts_that_wait_and_an_operator_drops_one(page: Page) -> None:
    draft(page.settings, DROPPED)
    operator = replace(page, cookie="")
    assert "Drop</button>" not in operator.ask(f"/studies/{DROPPED}").text
    operator.sign_in()
    text = operator.ask("/").text
    assert "Drafts that wait for a person" in text
    assert "The oldest has waited for" in text
    assert f'href="/studies/{DROPPED}"' in text.split("Drafts that wait for a person")[1]
    assert "Drop</button>" in operator.ask(f"/studies/{DROPPED}").text
    operator.act(Action.DROP, DROPPED, reason="")
    assert "expected 1 to 500" in operator.ask("/").text
    operator.act(Action.DROP, DROPPED, reason="a phantom")
    assert f"{DROPPED}: is dropped." in operator.ask("/").text
    assert DROPPED not in operator.ask("/").text
    text = operator.ask(f"/studies/{DROPPED}").text
    assert "Dropped by jo (page): a phantom" in text
    assert "Accept the draft" in text, "dropped is not lost"
    assert "Drop</button>" not in text
    with looking_at(page.settings) as records:
        assert records.study(DROPPED).state is State.REVIEW
    lines = Path(page.config).with_name("audit.xml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if DROPPED in line and "drop of a study" in line]
