"""The test command itself: what fails once is named, what fails twice fails the run. Kind: mechanics."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suite import run

TESTS = """
from pathlib import Path

def test_that_passes():
    pass

def test_that_fails_at_first():
    seen = Path("seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError

def test_that_fails():
    assert not Path("fails").exists()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_small.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return tmp_path


def test_a_failure_that_passes_alone_is_named(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([], folder=folder) == 0
    said = capfd.readouterr().out
    assert "PASSED ALONE (to be mended): test_small.py::test_that_fails_at_first" in said
    assert "FAILED TWICE" not in said


def test_a_failure_that_stays_fails_the_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "fails").touch()
    assert run([], folder=folder) == 1
    assert "FAILED TWICE: test_small.py::test_that_fails\n" in capfd.readouterr().out


def test_many_failures_are_not_repeated(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "fails").touch()
    assert run([], folder=folder, repeated=1) == 1
    assert "Repeated" not in capfd.readouterr().out


def test_what_is_no_matter_of_single_tests_is_not_repeated(folder: Path) -> None:
    (folder / "test_broken.py").write_text("import there_is_no_such_module\n", encoding="utf-8")
    assert run([], folder=folder) == 2
