"""A draft accepted on the page as its guide says, with nothing faked: Orthanc, service, `rdeepnet web`, and Chromium.

Kind: mechanics.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.state.operator_actions import Action
from appliance.state.states import State
from dicom_io.identity import is_accepted
from tests.appliance.web.browser import Browser, browser
from tests.conftest import require_programs
from tests.end_to_end.draft_site import PATIENCE_S, WANTED, DraftSite
from tests.end_to_end.running import Orthanc, free_port, is_listening, running_service, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.slow]

TOKEN = "0123456789abcdef" * 4
READER = "ada.reader"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DraftSite]:
    require_programs("Orthanc", "chromium")
    folder = tmp_path_factory.mktemp("page")
    tokens = folder / "tokens"
    tokens.write_text(f"{READER} {TOKEN}\n", encoding="ascii")
    tokens.chmod(0o600)
    port, web = free_port(), f'[web]\nenabled = true\nport = {free_port()}\ntoken_file = "{tokens}"\n'
    options = {"of_destination": WANTED, "hung_after_s": 600, "computes": True, "more": web}
    with running_service(folder / "service", destinations={"pacs": port}, **options) as service:
        orthanc = Orthanc(folder / "orthanc", service_port=service.port, port=port)
        try:
            yield DraftSite(service, orthanc)
        finally:
            orthanc.stop()


@contextmanager
def page_of(site: DraftSite) -> Iterator[str]:
    """Address of the running page."""
    command = [sys.executable, "-m", "appliance.cli", "web", "--config", str(site.service.settings_file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = site.service.settings.web.port
    try:
        wait_for(lambda: is_listening(port), what="the page", patience_s=PATIENCE_S)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def text_of(tab: Browser, selector: str) -> str:
    return str(tab.look(f"document.querySelector('{selector}')?.textContent ?? ''"))


def test_a_reader_finds_the_draft_looks_at_it_and_accepts_it(tmp_path: Path, site: DraftSite) -> None:
    study, uid = site.send(tmp_path, seed=41)
    site.wait(uid, State.REVIEW)
    with page_of(site) as address, browser(tmp_path) as tab:
        tab.resize(1200, 844)
        tab.go(f"{address}/")
        assert "Drafts that wait for a person" in text_of(tab, "main")
        tab.picture(tmp_path / "1-front.png")
        tab.click("a.who")
        tab.wait_for_page(f"{address}/sign-in")
        tab.click("input[name=token]")
        tab.call("Input.insertText", text=TOKEN)
        tab.click("form.sign-in button")
        tab.wait_for_page(f"{address}/")
        tab.click(".studies a.uid")
        tab.wait_for_page(f"{address}/studies/{uid}")
        tab.picture(tmp_path / "2-study.png")
        tab.click(".accept button")  # without a look: the browser asks for the tick, and nothing is sent
        assert site.service.show(uid).record.state is State.REVIEW
        assert tab.look("document.querySelector('.accept input[type=checkbox]').validity.valueMissing")
        sheet = str(tab.look("document.querySelector('a.button').href"))
        assert sheet == f"{address}/studies/{uid}/report.pdf"
        assert text_of(tab, "a.button") == "Contact sheet of the draft (PDF)"
        tab.click(".accept input[type=checkbox]")
        tab.picture(tmp_path / "3-ticked.png")
        tab.resize(390, 844, is_phone=True)
        assert tab.look("document.documentElement.scrollWidth <= window.innerWidth")
        tab.picture(tmp_path / "4-phone.png")
        tab.resize(1200, 844)
        tab.click(".accept button")
        wait_for(lambda: "is answered with the draft that you accepted" in text_of(tab, ".notice"), what="the notice")
        tab.picture(tmp_path / "5-accepted.png")
        site.wait(uid, State.DELIVERED)
        tab.go(f"{address}/studies/{uid}")
        assert text_of(tab, "a.button") == "Report (PDF)"
        assert "accept draft" in text_of(tab, "main")
        tab.picture(tmp_path / "6-delivered.png")
        tab.go(f"{address}/")
        assert "Drafts that wait for a person" not in text_of(tab, "main")
    (action,) = site.service.show(uid).actions
    assert (action.action, action.by) == (Action.ACCEPT, f"{READER} (page)")
    site.wait_for_objects(study, Counter({"SEG": 4, "KO": 1, "DOC": 2, "SR": 1}))
    (final,) = [one for one in site.objects(study) if is_accepted(one)]
    assert str(final.ContentCreatorName) == READER
    (report,) = [one for one in site.objects(study) if one.Modality == "SR"]
    assert f"accepted unchanged by {READER}" in report.to_json()
