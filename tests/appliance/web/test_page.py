"""The page as a process of its own, asked by a client that is no browser. Kind: mechanics."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.peer_settings import TlsSettings
from appliance.settings import Settings, WebSettings
from appliance.state.database import DatabaseUnavailable
from appliance.state.homes import open_records
from appliance.state.operator_actions import OperatorActions
from appliance.state.records import Records
from appliance.web.app import FORM_LIMIT, HEADERS
from appliance.web.server import check_web
from models.errors import SetupError
from tests.appliance.web.site import (
    DELIVERED,
    FAILED,
    PDF,
    QUEUED,
    REASON,
    RECEIVED,
    REFUSED,
    SENDING,
    TOKEN,
    UNREACHABLE,
    Page,
    running_page,
)

STUDIES = (RECEIVED, QUEUED, SENDING, DELIVERED, REFUSED, FAILED)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with running_page(tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture
def visitor(page: Page) -> Page:
    """Somebody without a token."""
    return replace(page, cookie="")


@pytest.fixture
def operator(visitor: Page) -> Page:
    visitor.sign_in()
    return visitor


def test_the_front_page_says_what_an_administrator_wants_to_know(visitor: Page) -> None:
    text = visitor.ask("/").text
    assert REASON in text
    assert UNREACHABLE in text
    assert "The service does not work." in text
    assert "No pulse" in text
    assert "GB are free" in text
    assert "images 14 days, results 90 days" in text
    assert "demonstration model, not trained on patients" in text
    assert "6 s per study" in text  # 1.5 + 4.5, see site.py
    assert "not for diagnosis" in text
    for state in ("received", "queued", "sending", "delivered", "refused", "failed"):
        assert f"<b>1</b> {state}" in text
    assert "<b>0</b> running" in text


def test_values_are_escaped(visitor: Page) -> None:
    text = visitor.ask(f"/studies/{FAILED}").text
    assert "&lt;b&gt;memory&lt;/b&gt; &amp; more" in text
    assert "<b>memory" not in text


def test_a_study_is_shown_with_what_each_destination_has(visitor: Page) -> None:
    text = visitor.ask(f"/studies/{SENDING}").text
    assert "<td>pacs</td><td>done</td>" in text
    assert "<td>second</td><td>waiting</td>" in text
    assert [text.index(f"<td>{state}</td>") for state in ("received", "queued", "running", "sending")]


def test_studies_are_listed_by_state(visitor: Page) -> None:
    text = visitor.ask("/studies?state=refused").text
    assert REFUSED in text
    assert DELIVERED not in text
    assert visitor.ask("/studies?state=lost").status == 400
    assert visitor.ask("/studies?page=0").status == 400
    assert visitor.ask("/studies?page=7").status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/studies", 200),
        ("/sign-in", 200),
        ("/style.css", 200),
        ("/studies/1.2.3.9", 404),
        ("/studies/..%2f..", 404),
        ("/studies/name", 404),
        ("/nowhere", 404),
        (f"/studies/{DELIVERED}/report.pdf", 403),
    ],
)
def test_every_reply_has_the_headers_and_no_script(visitor: Page, path: str, status: int) -> None:
    reply = visitor.ask(path)
    assert reply.status == status
    expected = {name.lower(): value for name, value in HEADERS.items() if name != "Cache-Control"}
    assert {name: reply.headers.get(name) for name in expected} == expected
    assert "<script" not in reply.text
    assert "http:" not in reply.text, "nothing from outside"
    assert "https:" not in reply.text
    assert "server" not in reply.headers


def test_nothing_names_the_patient_or_acts_without_a_token(visitor: Page) -> None:
    for path in ("/", "/studies", *(f"/studies/{study}" for study in STUDIES)):
        text = visitor.ask(path).text
        assert "Test" not in text, path
        assert "<button" not in text, path
    before = visitor.ask("/").text.split("<h2>Destinations")[0]
    for form in ({"action": "retry", "study": FAILED}, {"action": "retry", "study": FAILED, "csrf": "0" * 64}):
        assert visitor.ask("/actions", form).status == 403
    assert visitor.ask("/").text.split("<h2>Destinations")[0].count(FAILED) == before.count(FAILED)


def test_a_wrong_token_does_not_sign_in(visitor: Page) -> None:
    reply = visitor.ask("/sign-in", {"token": TOKEN[:-1]})
    assert reply.status == 403
    assert "set-cookie" not in reply.headers


def test_the_cookie_is_for_this_site_alone(visitor: Page) -> None:
    cookie = visitor.ask("/sign-in", {"token": TOKEN}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie


def test_the_report_is_for_operators(operator: Page) -> None:
    reply = operator.ask(f"/studies/{DELIVERED}/report.pdf")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/pdf")
    assert reply.text.encode() == PDF
    assert operator.ask(f"/studies/{REFUSED}/report.pdf").status == 404


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_form_of_another_site_is_refused(operator: Page, headers: dict[str, str]) -> None:
    form = {"csrf": operator.csrf(), "action": "retry", "study": FAILED}
    assert operator.ask("/actions", form, headers=headers).status == 403
    assert operator.ask("/sign-in", {"token": TOKEN}, headers=headers).status == 403


def test_a_form_needs_the_signature_of_its_session(operator: Page) -> None:
    other = replace(operator, cookie="")
    other.sign_in()
    for csrf in ("", "0" * 64, other.csrf()):
        reply = operator.ask("/actions", {"csrf": csrf, "action": "retry", "study": FAILED})
        assert reply.status == 403
        assert "not of this session" in reply.text


def test_a_call_by_another_name_is_refused(visitor: Page) -> None:
    assert visitor.ask("/", host="evil.example").status == 400
    assert visitor.ask("/", host="localhost").status == 200


def test_a_long_or_broken_form_is_refused(operator: Page) -> None:
    assert operator.ask("/actions", {"study": "1" * FORM_LIMIT}).status == 413
    for form, words in (
        ({"action": "erase", "study": FAILED}, "no action"),
        ({"action": "retry"}, "tick at least one"),
    ):
        reply = operator.ask("/actions", {"csrf": operator.csrf(), **form})
        assert reply.status == 400
        assert words in reply.text


def test_actions_need_post(operator: Page) -> None:
    assert operator.ask("/actions").status == 405


def test_signing_out_ends_the_session(operator: Page) -> None:
    assert operator.ask("/sign-out", {"csrf": operator.csrf()}).status == 303
    assert operator.ask(f"/studies/{DELIVERED}/report.pdf").status == 403


def test_many_studies_are_retried_at_once_and_each_says_how_it_went(tmp_path: Path) -> None:
    with running_page(tmp_path) as page:
        page.sign_in()
        reply = page.act("retry", FAILED, REFUSED, QUEUED, back="/studies")
        assert (reply.status, reply.headers["location"]) == (303, "/studies")
        text = page.ask("/studies").text
        assert f"{FAILED}: is now queued." in text
        assert f"{REFUSED}: is now queued." in text
        assert f"{QUEUED}: The study is queued and cannot become queued" in text
        assert "is now queued" not in page.ask("/studies").text, "said once"
        assert "<td>retry: is now queued</td><td>jo (page)</td>" in page.ask(f"/studies/{FAILED}").text
        # Deliver again, answer now, drop; and back only to pages of ours.
        assert page.act("retry", DELIVERED, back="//evil.example").headers["location"] == "/"
        assert f"{DELIVERED}: is now sending." in page.ask("/").text
        page.act("answer now", RECEIVED)
        records = open_records(page.settings)
        assert OperatorActions(records).take_wanted_now() == (RECEIVED,)
        records.close()
        page.act("drop", FAILED, reason="sent again as another study")
        assert "only a refused or failed study, or a draft in review, can be dropped" in page.ask("/").text
        assert f'operator action: retry, by jo (page)" study={FAILED}' in (tmp_path / "web.log").read_text()


def test_a_dropped_study_needs_nobody(tmp_path: Path) -> None:
    with running_page(tmp_path) as page:
        page.sign_in()
        page.act("drop", FAILED, reason="")
        assert "expected 1 to 500" in page.ask("/").text
        page.act("drop", FAILED, reason="a phantom")
        page.ask("/")
        text = page.ask("/").text
        assert FAILED not in text
        assert REFUSED in text
        assert "Dropped by jo (page): a phantom" in page.ask(f"/studies/{FAILED}").text


def test_without_a_token_file_there_is_no_way_in(tmp_path: Path) -> None:
    with running_page(tmp_path, token=False) as page:
        assert "/sign-in" not in page.ask("/").text
        assert page.ask("/sign-in", {"token": ""}).status == 403


def test_the_page_only_reads_the_records(tmp_path: Path) -> None:
    path = tmp_path / "studies.sqlite3"
    writer = Records(path)
    writer.arrived("1.2.3")
    reader = Records(path, read_only=True)
    with writer.transaction():  # a writer at work holds up no reader
        assert [study.study_uid for study in reader.studies()] == ["1.2.3"]
    with pytest.raises(DatabaseUnavailable, match="readonly"):
        reader.arrived("1.2.4")
    with reader.transaction():  # and a reader no writer
        writer.arrived("1.2.5")
    reader.close()
    writer.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM studies").fetchone() == (2,)


def test_the_page_starts_only_where_it_is_safe(tmp_path: Path) -> None:
    def settings(**web: object) -> Settings:
        return Settings(web=WebSettings(enabled=True, **web))  # type: ignore[arg-type]

    with pytest.raises(SetupError, match="not enabled"):
        check_web(Settings())
    with pytest.raises(SetupError, match="expected HTTPS"):
        check_web(settings(host="0.0.0.0"))
    check_web(settings())
    check_web(settings(host="::1"))
    check_web(settings(host="0.0.0.0", plain=True))
    missing = tmp_path / "missing.pem"
    with pytest.raises(SetupError, match="mistake"):
        check_web(replace(settings(host="0.0.0.0"), tls=TlsSettings(missing, missing, missing)))
