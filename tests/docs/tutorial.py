"""Runs the tutorial and the README: what their Python and their commands print goes back into the page.

A block marked `python` is executed; a block marked `console` holds one command after `$`. What either prints is the
block marked `text` that follows it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands import options
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "tutorial.md"
README = ROOT / "README.md"
_COLUMNS = 86  # of the terminal that the page shows
_STEP = re.compile(r"^```(python|console)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def run_tutorial(text: str, folder: Path) -> str:
    """The page with what its steps print now; they run in `folder`, which is empty."""
    names: dict[str, object] = {}

    def step(found: re.Match[str]) -> str:
        kind, code, _ = found.groups()
        printed = _python(code, names) if kind == "python" else _command(code)
        shown = f"\n```text\n{printed}```\n" if printed else ""
        return f"```{kind}\n{code}```\n{shown}"

    with contextlib.chdir(folder), _terminal():
        return _STEP.sub(step, text)


def run_readme(text: str, folder: Path, *, small: bool = False) -> str:
    """The README with what its lines of Python print now; `small`: for a study of small images, which prints others."""

    def printed(found: re.Match[str]) -> str:
        code = (
            found[1].replace('synthetic_study("study")', 'synthetic_study("study", small=True)') if small else found[1]
        )
        shown = "".join(f"    {line}\n" for line in _python(code, {}).splitlines())
        return f"```python\n{found[1]}```\n\n{shown}"

    with contextlib.chdir(folder):
        return re.sub(r"^```python\n(.*?)^```\n\n(?: {4}[^\n]+\n)+", printed, text, flags=re.MULTILINE | re.DOTALL)


def comparable(text: str) -> str:
    """Without what depends on the machine: seconds, and the widths of columns that follow from them."""
    text = re.sub(r"\b\d+ s\b", "N s", text)
    return "\n".join(re.sub(r"\s+", " ", re.sub("─+", "─", line)).strip() for line in text.splitlines())


def _python(code: str, names: dict[str, object]) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, str(PAGE), "exec"), names)
    return output.getvalue()


def _command(line: str) -> str:
    dollar, program, *arguments = shlex.split(line)
    assert (dollar, program) == ("$", "rdeepnet"), line
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


@contextlib.contextmanager
def _terminal() -> Iterator[None]:
    """Tables as wide as a terminal; what is not a terminal gets wider ones."""
    width, path = options._WIDTH_OF_A_FILE, os.environ.get("PYTHONPATH")
    options._WIDTH_OF_A_FILE = _COLUMNS
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), path]))  # for the processes of `run`
    try:
        yield
    finally:
        options._WIDTH_OF_A_FILE = width
        if path is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = path
