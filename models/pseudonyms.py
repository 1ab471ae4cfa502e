"""Pseudonyms of identifiers and UIDs, and shifts of dates, by a key: the same key always gives the same ones.

A pseudonym is HMAC-SHA-256 (RFC 2104) of the identifier, cut, and a check that only the holder of the key can make. By
the check a pseudonym of the same key is recognised and left as it is, so that tables and studies may pass through more
than once. Nobody without the key gets from a pseudonym to the identifier or tries out identifiers; whoever has the key
can, so it is kept as the identifiers are. Rejected: plain digests, which anyone can try out; a table of pseudonyms,
which must be kept, shared and locked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from models.errors import NotWritable, SetupError
from models.number_words import counted

KEY_BYTES = 32
_LARGEST_FILE = 4096  # bytes of a key file
_KEY = re.compile(r"[0-9a-f]{2,}", re.IGNORECASE)
_PURPOSE = b"rdeepnet pseudonyms 1\0"  # the key makes nothing else
_LEAST_DAYS, _MOST_DAYS = 31, 3650  # of a shift, into the past


class Kind(StrEnum):
    """Kinds of identifier; each has pseudonyms of its own."""

    PATIENT = "patient"  # Patient ID
    ACCESSION = "accession"  # Accession Number
    STUDY = "study"  # a UID: Study Instance UID and every other one
    IMAGE = "image"  # name of an image file


class Dates(StrEnum):
    """Treatment of dates."""

    SHIFT = "shift"  # by a number of days that the patient's identifier and the key decide
    DROP = "drop"  # left out


# Kind → letter and characters after it; an Accession Number holds 16 characters. Of the characters the last third is
# the check.
_TEXT_FORMS: Mapping[Kind, tuple[str, int]] = {
    Kind.PATIENT: ("P", 24),
    Kind.ACCESSION: ("A", 15),
    Kind.IMAGE: ("I", 24),
}


@dataclass(frozen=True)
class Pseudonyms:
    """Makes the pseudonyms of one key.

    Attributes
    ----------
    key : at least 32 bytes; never shown
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < KEY_BYTES:
            raise SetupError(
                f"A key of {counted(len(self.key), 'byte')} was given; at least {KEY_BYTES} were expected."
            )

    @property
    def fingerprint(self) -> str:
        """Names the key without giving it away: 16 hexadecimal digits."""
        return self._mac("fingerprint", b"")[:8].hex()

    def of(self, kind: Kind, text: str) -> str:
        """The pseudonym of an identifier; empty where that is, and unchanged where it is a pseudonym of this key."""
        text = text.strip(" \0")
        if not text or self.is_own(kind, text):
            return text
        return self._form(kind)(self._mac(kind, text.encode("utf-8", "surrogatepass")))

    def is_own(self, kind: Kind, text: str) -> bool:
        """Returns whether a text is a pseudonym of this key."""
        if kind is Kind.STUDY:
            if not re.fullmatch(r"2\.25\.[1-9][0-9]{30,38}", text) or int(text[5:]) >> 128:
                return False
            return self._as_uid(int(text[5:]).to_bytes(16)) == text
        letter, length = _TEXT_FORMS[kind]
        if not re.fullmatch(rf"{letter}[A-Z2-7]{{{length}}}", text):
            return False
        body = length - length // 3
        return hmac.compare_digest(text[1 + body :], self._check(kind, text[1 : 1 + body].encode(), length // 3))

    def uid(self, uid: str) -> str:
        """The pseudonym of a UID, "2.25." and 128 bits; UIDs of DICOM itself (classes, syntaxes) are unchanged."""
        uid = uid.strip(" \0")
        return uid if uid.startswith("1.2.840.10008.") else self.of(Kind.STUDY, uid)

    def digest(self, digest: str) -> str:
        """A digest of contents, keyed: nobody can compare it with that of files they have. 64 hexadecimal digits."""
        return self._mac("digest", digest.encode()).hex()

    def shifted(self, day: date, *, patient: str) -> date:
        """A date of a patient, moved into the past by as many days as every other date of the patient.

        Dates of a patient whose identifier is a pseudonym already were moved when it was made.
        """
        if self.is_own(Kind.PATIENT, patient.strip(" \0")):
            return day
        number = int.from_bytes(self._mac("days", self.of(Kind.PATIENT, patient).encode())[:8])
        return day - timedelta(days=_LEAST_DAYS + number % (_MOST_DAYS - _LEAST_DAYS + 1))

    def _form(self, kind: Kind) -> Callable[[bytes], str]:
        if kind is Kind.STUDY:
            return self._as_uid
        letter, length = _TEXT_FORMS[kind]
        body = length - length // 3

        def as_text(mac: bytes) -> str:
            shown = base64.b32encode(mac).decode()[:body]
            return letter + shown + self._check(kind, shown.encode(), length // 3)

        return as_text

    def _as_uid(self, mac: bytes) -> str:
        """UUID of version 8 (RFC 9562) as one integer (PS3.5 B.2): ten bytes of the HMAC, six of the check."""
        body = bytearray(mac[:10])
        body[0] |= 0x80  # always of the same length, and a pattern to recognise
        body[6] = 0x80 | body[6] & 0x0F
        body[8] = 0x80 | body[8] & 0x3F
        return f"2.25.{uuid.UUID(bytes=bytes(body) + self._mac('check uid', bytes(body))[:6]).int}"

    def _check(self, kind: Kind, body: bytes, length: int) -> str:
        return base64.b32encode(self._mac(f"check {kind}", body)).decode()[:length]

    def _mac(self, purpose: str, message: bytes) -> bytes:
        return hmac.digest(self.key, _PURPOSE + purpose.encode() + b"\0" + message, hashlib.sha256)


def make_pseudonym_key(path: Path) -> Pseudonyms:
    """Writes a new key to `path` (64 hexadecimal digits, readable by its owner only).

    Raises
    ------
    SetupError
        When the file exists already or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise NotWritable(f"{path} cannot be written ({error.strerror}); name another file.", because=error) from error
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(key.hex() + "\n")
    return Pseudonyms(key)


def read_pseudonym_key(path: Path) -> Pseudonyms:
    """Reads a key that `make_pseudonym_key` wrote.

    Raises
    ------
    SetupError
        When the file is missing, is none, can be read by others, or holds no key or one that is too short.
    """
    advice = "make one: rdeepnet pseudonymise make-key FILE"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SetupError(f"The key file {path} cannot be read ({error.strerror}); {advice}.") from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise SetupError(f"The key file {path} is no regular file; {advice}.")
        if mode & 0o077:
            raise SetupError(
                f"The key file {path} can be read or changed by others (mode {stat.S_IMODE(mode):04o}); 0600 was "
                "expected. Whoever has the key finds the patients: chmod 600, or make another where it was exposed."
            )
        content = os.read(handle, _LARGEST_FILE + 1)
    finally:
        os.close(handle)
    text = content.decode("ascii", "replace").strip()
    if len(content) > _LARGEST_FILE or not _KEY.fullmatch(text) or len(text) % 2:
        raise SetupError(f"The key file {path} holds no key; hexadecimal digits were expected: {advice}.")
    if len(text) < 2 * KEY_BYTES:
        raise SetupError(
            f"The key in {path} has {counted(len(text), 'hexadecimal digit')}; at least {2 * KEY_BYTES} were expected: "
            f"{advice}."
        )
    return Pseudonyms(bytes.fromhex(text))
