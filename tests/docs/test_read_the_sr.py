"""The example of the page about the SR reads a key SR, and the codes it names are ours. Kind: mechanics."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from dicom_io.answer_roles import Role
from dicom_io.conformance.code_table import code_rows
from dicom_io.writing.encode import encode
from tests.conftest import ROOT
from tests.dicom_io.made_studies import make

PAGE = (ROOT / "docs" / "how-to" / "read-the-sr.md").read_text(encoding="utf-8")


def test_the_lines_of_highdicom_print_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = make()
    objects = encode(made.study, made.prepared, made.report, features_sr=False).objects
    (item,) = [one for one in objects if one.role is Role.KEY_SR]
    item.dataset.save_as(tmp_path / "key_sr.dcm", enforce_file_format=True)
    (example,) = re.findall(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(example.strip().splitlines()) <= 12
    with contextlib.chdir(tmp_path):
        exec(compile(example, "read-the-sr.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "RECURRENCE_SCORE 1.4375 {score} {'UNCERTAINTY': 'PLAUSIBLE_RANGE'} []" in printed
    assert "RFS 91.2 % {'UNCERTAINTY': 'INTERVAL_95'} [24" in printed


def test_every_code_of_the_page_is_in_the_table() -> None:
    known = {value for _, _, value, _, _ in code_rows()}
    private = set(re.findall(r"`([A-Z][A-Z0-9_]{3,})`", PAGE)) - {"99RDEEPNET"}
    standard = set(re.findall(r"\((\w+), (?:SCT|IBSI)\)", PAGE)) - {"363698007"}  # a name that the template has
    assert len(private) > 15
    assert private | standard <= known
