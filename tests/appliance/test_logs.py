"""Log lines carry the job and no patient data. Kind: mechanics."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from appliance.logs import LineFormatter, describe
from appliance.settings import LogFormat
from models.errors import StudyRejected


def record(name: str, message: str, *args: object, **extra: object) -> logging.LogRecord:
    line = logging.LogRecord(name, logging.WARNING, "module.py", 7, message, args, None)
    line.__dict__.update(extra)
    return line


def test_a_line_as_key_and_value() -> None:
    line = LineFormatter(LogFormat.KEY_VALUE).format(
        record("rdeepnet.jobs", "study %s", "running", job="1.2:ab", seconds=0.5, patient="Test^Patient")
    )
    assert line.split(" ", 1)[1] == 'level=warning from=rdeepnet.jobs message="study running" job=1.2:ab seconds=0.500'


def test_a_line_as_json() -> None:
    line = json.loads(
        LineFormatter(LogFormat.JSON).format(record("rdeepnet", 'a "quoted" text\nand more', study="1.2"))
    )
    assert line["message"] == 'a "quoted" text\nand more'
    assert line["study"] == "1.2"


def test_a_line_is_one_line_whatever_a_peer_calls_itself() -> None:
    line = LineFormatter(LogFormat.KEY_VALUE).format(record("rdeepnet", "refused", peer="A\nlevel=info", address=""))
    assert "\n" not in line
    assert line.endswith('peer="A\\nlevel=info" address=""')


@pytest.mark.parametrize("library", ["pydicom", "pydicom.valuerep", "highdicom", "pynetdicom.acse", "py.warnings"])
def test_what_libraries_quote_is_withheld(library: str) -> None:
    line = LineFormatter(LogFormat.KEY_VALUE).format(record(library, "Invalid value for VR PN: %s", "Test^Patient"))
    assert "Test" not in line
    assert "module.py:7" in line


def test_an_error_is_named_by_type_and_place_and_our_own_by_its_sentence() -> None:
    try:
        int("Test^Patient")
    except ValueError as error:
        line = record("rdeepnet", "failed")
        line.exc_info = sys.exc_info()
        text = LineFormatter(LogFormat.KEY_VALUE).format(line) + describe(error)
    assert "Test^Patient" not in text
    assert "ValueError at test_logs.py" in text
    assert describe(StudyRejected("no segmentation")) == "StudyRejected: no segmentation"
