"""Operators of the page: tokens, sessions and the protection of forms.

An operator signs in with a token of the token file and gets a signed cookie. Nothing is stored: the signature covers
operator, end and token, under a key that lives as long as the process. So a restart, a changed token or a deleted line
signs out. A form carries a second signature, over the cookie, which no other site can know.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.tokens import read_tokens
from models.errors import SetupError

_COOKIE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,63})!(?P<end>[0-9]{1,12})!(?P<nonce>[0-9a-f]{32})!([0-9a-f]{64})"
)


class TokenFile:
    """The tokens of a file, read again whenever it changed.

    Parameters
    ----------
    setting : that names the file

    Raises
    ------
    SetupError
        When the file is not usable at first.
    """

    def __init__(self, path: Path, *, setting: str) -> None:
        self._path = path
        self._setting = setting
        self._stamp = (0, 0, 0)
        self._tokens = read_tokens(path, setting=setting)

    def current(self) -> Mapping[str, str]:
        """Name → token as they are in the file now; none where it has become unusable."""
        try:
            status = self._path.stat()
            if (stamp := (status.st_mtime_ns, status.st_ino, status.st_mode)) != self._stamp:
                self._tokens = read_tokens(self._path, setting=self._setting)
                self._stamp = stamp
        except (OSError, SetupError):
            self._tokens, self._stamp = {}, (0, 0, 0)
        return self._tokens

    def owner(self, token: str) -> str:
        """Name of who has a token; empty when nobody has."""
        given, owner = token.strip().encode(), ""
        for name, one in self.current().items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(one.encode(), given):
                owner = name
        return owner


@dataclass(frozen=True)
class Session:
    """An operator who is signed in.

    Attributes
    ----------
    cookie : value of the cookie
    csrf : value that every form must carry
    """

    operator: str
    cookie: str
    csrf: str


class Sessions:
    """Signs operators in and out.

    Parameters
    ----------
    token_file : read again whenever it changed; None: nobody can sign in
    length_s : a session ends after this time
    """

    def __init__(self, token_file: Path | None, *, length_s: float) -> None:
        self._file = None if token_file is None else TokenFile(token_file, setting="web.token_file")
        self._length_s = length_s
        self._key = secrets.token_bytes(32)
        self._signed_out: set[str] = set()

    @property
    def can_sign_in(self) -> bool:
        """Returns whether there are tokens at all."""
        return self._file is not None

    def sign_in(self, token: str, *, now_s: float | None = None) -> Session | None:
        """A session for who has this token; None when nobody has."""
        operator = "" if self._file is None else self._file.owner(token)
        if not operator:
            return None
        end = int((time.time() if now_s is None else now_s) + self._length_s)
        return self._session(f"{operator}!{end}!{secrets.token_hex(16)}", operator)

    def of_cookie(self, cookie: str, *, now_s: float | None = None) -> Session | None:
        """The session of a cookie; None when it has ended, was signed out or is not ours."""
        match = _COOKIE.fullmatch(cookie)
        if match is None or match["name"] not in self._current() or match["nonce"] in self._signed_out:
            return None
        session = self._session(cookie.rpartition("!")[0], match["name"])
        is_ours = hmac.compare_digest(session.cookie, cookie)
        return session if is_ours and (time.time() if now_s is None else now_s) < int(match["end"]) else None

    def sign_out(self, session: Session) -> None:
        """Ends a session before its time."""
        self._signed_out.add(session.cookie.split("!")[2])

    def is_form_of(self, session: Session, csrf: str) -> bool:
        """Returns whether a form came from a page of this session."""
        return hmac.compare_digest(session.csrf.encode(), csrf.encode())

    def _session(self, text: str, operator: str) -> Session:
        token = hashlib.sha256(self._current().get(operator, "").encode()).hexdigest()
        cookie = f"{text}!{self._signature(f'session {text} {token}')}"
        return Session(operator, cookie, self._signature(f"form {cookie}"))

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _current(self) -> Mapping[str, str]:
        return {} if self._file is None else self._file.current()
