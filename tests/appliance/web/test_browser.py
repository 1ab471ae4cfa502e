"""The page in Debian's Chromium, with scripts switched off. Kind: mechanics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.web.browser import Browser, browser
from tests.appliance.web.site import DELIVERED, FAILED, REFUSED, TOKEN, Page, running_page
from tests.conftest import require_programs
from tests.end_to_end.running import wait_for

pytestmark = [pytest.mark.peers, pytest.mark.slow]

PHONE, DESK = 390, 1200  # CSS pixels


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    require_programs("chromium")
    with running_page(tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    require_programs("chromium")
    with browser(tmp_path) as tab:
        yield tab


def address(page: Page, path: str) -> str:
    return f"http://127.0.0.1:{page.settings.web.port}{path}"


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_fits_its_window_and_breaks_no_rule_of_its_own(page: Page, tab: Browser, width: int) -> None:
    tab.resize(width, 844, is_phone=width == PHONE)
    for path in ("/", "/studies", f"/studies/{FAILED}", f"/studies/{DELIVERED}", "/sign-in", "/studies/1.2.3.9"):
        tab.go(address(page, path))
        assert tab.look("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} is wider than its window"
        assert tab.look("getComputedStyle(document.querySelector('header')).display") == "flex", "the style is there"
        texts = "[...document.querySelectorAll('p, dd, td, a, li')]"
        assert tab.look(f"{texts}.every(e => parseFloat(getComputedStyle(e).fontSize) >= 13)")
    assert [text for text in tab.complaints if "Content Security Policy" in text or "Refused" in text] == []


def test_an_operator_signs_in_and_retries_two_studies_without_scripts(page: Page, tab: Browser) -> None:
    tab.resize(PHONE, 844, is_phone=True)
    tab.go(address(page, "/"))
    tab.click("a.who")
    tab.wait_for_page(address(page, "/sign-in"))
    tab.click("input[name=token]")
    tab.call("Input.insertText", text=TOKEN)
    tab.click("form.sign-in button")
    tab.wait_for_page(address(page, "/"))
    assert tab.look("document.querySelector('.who span').textContent") == "jo"
    assert tab.look("document.cookie") == "", "no script could read the cookie"
    for study in (FAILED, REFUSED):
        tab.click(f"input[value='{study}']")
    assert tab.look("document.querySelectorAll('input:checked').length") == 2
    tab.click("button[value=retry]")
    said = wait_for(
        lambda: tab.look("[...document.querySelectorAll('.notice li')].map(e => e.textContent)"), what="the outcomes"
    )
    assert sorted(said) == [f"{study}: is now queued." for study in sorted((FAILED, REFUSED))]
