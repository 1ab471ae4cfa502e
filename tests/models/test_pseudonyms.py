"""Pseudonyms and their key file. Invariants of the pseudonyms; mechanics of the file."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import SetupError
from models.pseudonyms import Kind, Pseudonyms, make_pseudonym_key, read_pseudonym_key

ONE, OTHER = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)
TEXTS = st.text(min_size=1).filter(lambda text: bool(text.strip(" \0")))


@given(text=TEXTS, kind=st.sampled_from(Kind))
def test_same_key_same_pseudonym_other_key_another(text: str, kind: Kind) -> None:
    found = ONE.of(kind, text)
    assert found == Pseudonyms(b"1" * 32).of(kind, text)
    assert found != OTHER.of(kind, text)
    assert ONE.of(kind, f"{text.strip()}x") != found
    assert ONE.of(kind, f" {text} ") == ONE.of(kind, text.strip(" "))


@given(text=TEXTS, kind=st.sampled_from(Kind))
def test_a_pseudonym_stays_and_another_key_knows_nothing_of_it(text: str, kind: Kind) -> None:
    found = ONE.of(kind, text)
    assert ONE.is_own(kind, found)
    assert ONE.of(kind, found) == found
    assert not OTHER.is_own(kind, found)
    assert OTHER.of(kind, found) != found


@given(uid=st.from_regex(r"[0-2](\.(0|[1-9][0-9]{0,8})){2,6}", fullmatch=True))
def test_uids_are_valid_and_those_of_dicom_stay(uid: str) -> None:
    found = ONE.uid(uid)
    assert re.fullmatch(r"2\.25\.[1-9][0-9]{0,38}", found)  # PS3.5 B.2
    assert int(found[5:]) < 1 << 128
    assert ONE.uid("1.2.840.10008.5.1.4.1.1.4") == "1.2.840.10008.5.1.4.1.1.4"


def test_lengths_are_those_of_their_attributes() -> None:
    assert len(ONE.of(Kind.PATIENT, "4711")) <= 64  # LO, PS3.5 table 6.2-1
    assert len(ONE.of(Kind.ACCESSION, "4711")) <= 16  # SH
    assert ONE.of(Kind.PATIENT, "") == ONE.uid("") == ""


def test_ten_thousand_patients_have_ten_thousand_pseudonyms() -> None:
    assert len({ONE.of(Kind.ACCESSION, str(number)) for number in range(10_000)}) == 10_000


def test_dates_of_a_patient_keep_their_distance() -> None:
    days = [date(2024, 2, 29), date(2025, 3, 14)]
    moved = [ONE.shifted(day, patient="4711") for day in days]
    assert moved[1] - moved[0] == days[1] - days[0]
    assert 31 <= (days[0] - moved[0]).days <= 3650
    assert OTHER.shifted(days[0], patient="4711") != moved[0]
    assert len({ONE.shifted(days[0], patient=str(number)) for number in range(50)}) > 40
    # What was pseudonymised was moved already.
    assert ONE.shifted(moved[0], patient=ONE.of(Kind.PATIENT, "4711")) == moved[0]


def test_the_key_is_never_shown() -> None:
    assert "1111" not in repr(ONE)
    assert ONE.fingerprint != OTHER.fingerprint
    assert ONE.key.hex() not in ONE.fingerprint


def test_a_key_file_is_private_and_read_back(tmp_path: Path) -> None:
    made = make_pseudonym_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_pseudonym_key(tmp_path / "key") == made
    with pytest.raises(SetupError, match="name another file"):
        make_pseudonym_key(tmp_path / "key")


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        ("ab" * 32, 0o640, "can be read or changed by others \\(mode 0640\\); 0600 was expected"),
        ("ab" * 32, 0o604, "can be read or changed by others"),
        ("ab" * 31, 0o600, "has 62 hexadecimal digits; at least 64 were expected"),
        ("a" * 65, 0o600, "holds no key"),
        ("my secret", 0o600, "holds no key"),
        ("", 0o600, "holds no key"),
        ("ab" * 5000, 0o600, "holds no key"),
    ],
)
def test_key_files_that_are_refused(tmp_path: Path, content: str, mode: int, sentence: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(SetupError, match=sentence) as refused:
        read_pseudonym_key(path)
    assert not content or content not in str(refused.value)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        read_pseudonym_key(tmp_path / "missing")
    with pytest.raises(SetupError, match="no regular file"):
        read_pseudonym_key(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SetupError, match="no regular file"):
        read_pseudonym_key(tmp_path / "pipe")
