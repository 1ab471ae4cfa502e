"""Bodies of multipart/related are read as Python's own parser of mail reads them, however they are cut into chunks.

Kind: oracle (email.parser), invariant (chunks), mechanics (limits).
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_io.errors import BodyNotReadable
from dicom_io.network.dicomweb.multipart import (
    MOST_HEADER_BYTES,
    MOST_PREAMBLE_BYTES,
    MultipartFiles,
    MultipartReader,
    boundary_of,
    kind_of,
)

Part = tuple[Mapping[str, str], bytes]

BOUNDARY = "ab=_c"
# Made of what boundaries are made of, so that contents come close to one.
CONTENT = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"ab=_", b"c", b"\0", b"\xff", b" "])).map(
    b"".join
)
NAME = st.text(st.sampled_from("abcXYZ-"), min_size=1, max_size=8)
VALUE = st.text(st.sampled_from("abc/;= \"'.0"), max_size=20).map(str.strip)
HEADERS = st.dictionaries(NAME.map(str.lower), VALUE, max_size=3)
PARTS = st.lists(st.tuples(HEADERS, CONTENT), min_size=1, max_size=4)


def read(body: bytes, *, boundary: bytes = BOUNDARY.encode(), cuts: list[int] | None = None) -> list[Part]:
    """Parts of a body that is fed in the pieces between some places."""
    parts: list[tuple[Mapping[str, str], bytearray]] = []
    ended: list[int] = []
    reader = MultipartReader(
        boundary,
        begin=lambda headers: parts.append((headers, bytearray())),
        write=lambda piece: parts[-1][1].extend(piece),
        end=lambda: ended.append(len(parts)),
    )
    places = [0, *sorted(cuts or []), len(body)]
    for begin, end in pairwise(places):
        reader.feed(body[begin:end])
    reader.close()
    assert ended == list(range(1, len(parts) + 1))
    return [(headers, bytes(content)) for headers, content in parts]


def made(parts: list[Part], *, preamble: bytes = b"", padding: bytes = b"", epilogue: bytes = b"\r\n") -> bytes:
    body = preamble
    for number, (headers, content) in enumerate(parts):
        block = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
        body += b"" if number == 0 and not preamble else b"\r\n"
        body += b"--" + BOUNDARY.encode() + padding + b"\r\n" + block + b"\r\n" + content
    return body + b"\r\n--" + BOUNDARY.encode() + b"--" + epilogue


@given(PARTS, st.lists(st.integers(0, 400), max_size=12), st.sampled_from([b"", b" ", b"\t "]))
def test_what_was_written_is_read_however_it_is_cut(parts: list[Part], cuts: list[int], padding: bytes) -> None:
    wanted = [part for part in parts if f"\r\n--{BOUNDARY}".encode() not in b"\r\n" + part[1]]
    if not wanted:
        return
    body = made(wanted, padding=padding)
    assert read(body, cuts=[place % (len(body) + 1) for place in cuts]) == wanted
    assert read(body, cuts=list(range(len(body)))) == wanted


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.sampled_from([b"", b"preamble\r\nmore\r\n"]))
def test_the_parser_of_mail_reads_the_same(contents: list[bytes], preamble: bytes) -> None:
    if any(b"--" in content for content in contents):
        return
    body = made([({"content-type": "application/dicom"}, content) for content in contents], preamble=preamble)
    head = f'Content-Type: multipart/related; boundary="{BOUNDARY}"\r\nContent-Transfer-Encoding: binary\r\n\r\n'
    message = email.message_from_bytes(head.encode() + body, policy=email.policy.HTTP)
    theirs = [part.get_payload(decode=True) for part in message.iter_parts()]  # type: ignore[attr-defined]
    ours = [content for _, content in read(body)]
    # The parser of mail splits lines at lone line feeds and carriage returns as well, and keeps them.
    assert ours == contents
    assert [bytes(one).splitlines() for one in theirs] == [one.splitlines() for one in ours]  # type: ignore[arg-type]


@given(PARTS, st.data())
def test_a_body_that_is_cut_off_is_never_whole(parts: list[Part], data: st.DataObject) -> None:
    wanted = [part for part in parts if BOUNDARY.encode() not in part[1]]
    if not wanted:
        return
    body = made(wanted, epilogue=b"")
    with pytest.raises(BodyNotReadable, match="closing boundary"):
        read(body[: data.draw(st.integers(0, len(body) - 1))])


@given(st.lists(st.sampled_from([b"\r\n", b"--", b"ab=_c", b"\r", b"\n", b":", b"x", b" ", b"\xff"]), max_size=60))
def test_any_bytes_are_parts_or_a_sentence(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    whole: list[Part] | None = None
    with suppress(BodyNotReadable):
        whole = read(body)
    try:
        assert read(body, cuts=list(range(len(body)))) == whole
    except BodyNotReadable:
        assert whole is None


def test_a_part_may_have_neither_headers_nor_content() -> None:
    assert read(b"--ab=_c\r\n\r\n\r\n--ab=_c\r\n\r\n--ab=_c\r\nA: b\r\n\r\n--ab=_c--") == [
        ({}, b""),
        ({}, b""),
        ({"a": "b"}, b""),
    ]
    assert read(b"--ab=_c--") == []
    assert read(b"--ab=_c\r\nA: b\r\n c\r\n\r\nx\r\n--ab=_c-- and an epilogue\r\n--ab=_c\r\n") == [({"a": "b c"}, b"x")]


def test_no_more_than_a_boundary_and_the_headers_of_a_part_are_held() -> None:
    with pytest.raises(BodyNotReadable, match="no boundary in its first 64 KiB"):
        read(b"x" * (MOST_PREAMBLE_BYTES + 1))
    with pytest.raises(BodyNotReadable, match=r"headers of a part take more than 16 KiB"):
        read(b"--ab=_c\r\nA: " + b"x" * MOST_HEADER_BYTES + b"\r\n\r\n\r\n--ab=_c--")
    with pytest.raises(BodyNotReadable, match="followed by"):
        read(b"--ab=_c" + b" " * (MOST_HEADER_BYTES + 1))
    with pytest.raises(BodyNotReadable, match="followed by other text"):
        read(b"--ab=_cd\r\n\r\n--ab=_c--")
    with pytest.raises(BodyNotReadable, match="none; expected 'name: value'"):
        read(b"--ab=_c\r\nno header\r\n\r\n\r\n--ab=_c--")
    reader = MultipartReader(b"b", begin=lambda _: None, write=lambda _: None, end=lambda: None)
    reader.feed(b"--b\r\n\r\n")
    for _ in range(100):
        reader.feed(b"x" * 100_000)
        assert len(reader._held) <= len(b"\r\n--b")


def test_the_boundary_is_taken_from_the_content_type() -> None:
    assert boundary_of('multipart/related; type="application/dicom"; boundary=abc') == b"abc"
    assert boundary_of('Multipart/Related;boundary="a b;c"; type=x') == b"a b;c"
    assert kind_of("Application/DICOM; transfer-syntax=1.2") == "application/dicom"
    for wrong, what in {
        "": "of no type",
        "application/json": "application/json; expected multipart/related",
        "multipart/form-data; boundary=a": "multipart/form-data",
        "multipart/related": "names no boundary",
        "multipart/related; boundary=": "names no boundary",
        f"multipart/related; boundary={'a' * 257}": "names no boundary",
        'multipart/related; boundary="é"': "names no boundary",
    }.items():
        with pytest.raises(BodyNotReadable, match=what):
            boundary_of(wrong)


def test_files_are_written_as_they_are_read(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b", tmp_path / "empty"]
    for file, content in zip(files, (b"one\r\n--", bytes(range(256)) * 4000, b""), strict=True):
        file.write_bytes(content)
    body = MultipartFiles(files)
    content = b"".join(body)
    assert len(content) == body.length
    parts = read(content, boundary=boundary_of(body.content_type))
    assert parts == [({"content-type": "application/dicom"}, file.read_bytes()) for file in files]
    files[1].write_bytes(b"shorter")
    with pytest.raises(OSError, match="became shorter"):
        b"".join(body)
