"""Tokens, sessions and signatures of forms. Kind: mechanics."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.tokens import read_tokens
from appliance.web.session import Sessions
from models.errors import SetupError

JO, KIM = "a" * 32, "b" * 40


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"# operators\n\njo {JO}\nkim\t{KIM}\n", encoding="ascii")
    path.chmod(0o600)
    return path


def test_every_line_is_an_operator(tokens: Path) -> None:
    assert read_tokens(tokens) == {"jo": JO, "kim": KIM}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no token"),
        (f"jo {'a' * 31}\n", "line 1"),
        (f"{JO}\n", "line 1"),
        (f"jo {JO}\njo {KIM}\n", "line 2"),
        ("jo \N{LATIN SMALL LETTER A WITH DIAERESIS}\n", "cannot be read"),
    ],
)
def test_a_file_that_is_not_as_expected_is_refused(tokens: Path, content: str, words: str) -> None:
    tokens.write_text(content, encoding="utf-8")
    with pytest.raises(SetupError, match=words) as refused:
        Sessions(tokens, length_s=60)
    assert "chmod 600" in str(refused.value)
    assert JO not in str(refused.value)


def test_a_file_that_others_can_read_is_refused(tokens: Path) -> None:
    tokens.chmod(0o640)
    with pytest.raises(SetupError, match="0640; expected 0600"):
        read_tokens(tokens)


def test_a_session_is_of_one_operator_and_ends(tokens: Path) -> None:
    sessions = Sessions(tokens, length_s=60)
    session = sessions.sign_in(KIM, now_s=1000)
    assert session is not None
    assert session.operator == "kim"
    assert sessions.of_cookie(session.cookie, now_s=1059) == session
    assert sessions.of_cookie(session.cookie, now_s=1060) is None
    assert sessions.sign_in("c" * 32) is None
    assert sessions.sign_in("") is None


def test_a_cookie_that_was_changed_is_nobodys(tokens: Path) -> None:
    sessions = Sessions(tokens, length_s=60)
    session = sessions.sign_in(JO)
    assert session is not None
    name, end, nonce, signature = session.cookie.split("!")
    for changed in (
        f"kim!{end}!{nonce}!{signature}",
        f"{name}!{int(end) + 1}!{nonce}!{signature}",
        f"{name}!{end}!{nonce}!{'0' * 64}",
        "",
        "jo",
    ):
        assert sessions.of_cookie(changed) is None, changed
    assert Sessions(tokens, length_s=60).of_cookie(session.cookie) is None, "another process has another key"


def test_forms_are_of_their_session(tokens: Path) -> None:
    sessions = Sessions(tokens, length_s=60)
    first, second = sessions.sign_in(JO), sessions.sign_in(JO)
    assert first is not None
    assert second is not None
    assert sessions.is_form_of(first, first.csrf)
    assert not sessions.is_form_of(first, second.csrf)
    assert not sessions.is_form_of(first, "")


def test_signing_out_and_deleting_a_token_end_a_session(tokens: Path) -> None:
    sessions = Sessions(tokens, length_s=60)
    jo, kim = sessions.sign_in(JO), sessions.sign_in(KIM)
    assert jo is not None
    assert kim is not None
    sessions.sign_out(jo)
    assert sessions.of_cookie(jo.cookie) is None
    assert sessions.of_cookie(kim.cookie) == kim
    tokens.write_text(f"jo {JO}\n", encoding="ascii")
    os.utime(tokens, (1, 1))  # another time, however coarse the clock of the file system is
    assert sessions.of_cookie(kim.cookie) is None
    assert sessions.sign_in(KIM) is None


def test_a_token_file_that_others_can_read_from_now_on_lets_nobody_in(tokens: Path) -> None:
    sessions = Sessions(tokens, length_s=60)
    assert sessions.sign_in(JO) is not None
    tokens.chmod(0o644)
    os.utime(tokens, (1, 1))
    assert sessions.sign_in(JO) is None


def test_without_a_file_nobody_signs_in() -> None:
    sessions = Sessions(None, length_s=60)
    assert not sessions.can_sign_in
    assert sessions.sign_in("") is None
