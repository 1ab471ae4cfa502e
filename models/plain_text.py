"""Text that came from outside, made harmless: no control characters, no passwords.

A description in a file can hold what a terminal obeys (ESC, OSC and the C1 controls), what turns the order of the
letters around (bidirectional overrides), and what no line of a table may hold (line ends). `one_line` is applied where
texts are read from DICOM, `plain` where sentences are made (`models.errors`) and where they reach a terminal or a log.
"""

from __future__ import annotations

import re

# What a terminal takes as one command (ECMA-48): CSI with its parameters, the strings OSC, DCS, SOS, PM and APC with
# their content, and any other ESC with the byte that belongs to it. An unterminated string is its introducer alone.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
# Ranges of a class of characters.
INVISIBLE = (
    "\u202a-\u202e\u2066-\u2069"  # bidirectional embeddings, overrides and isolates; marks (LRM, RLM) are text
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"  # byte order mark, annotations, tags
    "\ud800-\udfff"  # halves of a character, which no encoding can write
)
_NEVER = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{INVISIBLE}]")  # C0 without tab and line feed, DEL, C1
_ENDS = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029]+")

_URL = re.compile(r"([A-Za-z][\w+.-]*://[^\s:/@]*):[^\s@]\S*@")
_KEYWORD = re.compile(
    r"""(\w*(?:password|passwd)["']?\s*=\s*|["']\w*(?:password|passwd)["']\s*:\s*)"""
    r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s&'",;)}\]]+)""",
    re.IGNORECASE,
)
HIDDEN = "…"


def plain(text: str) -> str:
    """The text without control characters; tabs and line ends stay, the latter as line feeds."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return _NEVER.sub("", without_sequences(text))


def one_line(text: str) -> str:
    """As `plain`, on one line: tabs and line ends are spaces."""
    if text.isprintable():
        return text
    return _NEVER.sub("", _ENDS.sub(" ", without_sequences(text)))


def without_sequences(text: str) -> str:
    """The text without the sequences of characters that a terminal takes as one command."""
    return _SEQUENCES.sub("", text)


def without_passwords(text: str) -> str:
    """The text without the passwords in URLs ("postgresql://user:…@host") and after keywords ("password=…")."""
    if "://" in text:
        text = _URL.sub(rf"\1:{HIDDEN}@", text)
    return _KEYWORD.sub(rf"\1{HIDDEN}", text)
