"""Files with the tokens of who may sign in, or send images: a line "NAME TOKEN" for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from models.errors import SetupError

TOKEN_LENGTH = 32  # characters at least: nobody guesses one
_LINE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,63})[ \t]+(?P<token>\S+)")


def read_tokens(path: Path, *, setting: str = "web.token_file") -> Mapping[str, str]:
    """Operator → token.

    Raises
    ------
    SetupError
        When the file cannot be read, others can read it, or a line is not what is expected.
    """
    how = 'make one with: echo "$USER $(openssl rand -hex 32)" > FILE; chmod 600 FILE'
    try:
        mode = path.stat().st_mode & 0o777
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{setting}: {path} cannot be read ({error}); {how}.") from error
    if mode & 0o077:
        raise SetupError(f"{setting}: {path} has mode {mode:04o}; expected 0600: run chmod 600 on it.")
    tokens: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or len(match["token"]) < TOKEN_LENGTH or match["name"] in tokens:
            raise SetupError(
                f"{setting}: line {number} of {path}; expected 'NAME TOKEN', each name once, a token of at least "
                f"{TOKEN_LENGTH} characters; {how}."
            )
        tokens[match["name"]] = match["token"]
    if not tokens:
        raise SetupError(f"{setting}: {path} has no token; {how}.")
    return tokens
