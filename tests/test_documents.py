"""Documents are tested: the commands they name exist, and the notice reads the same everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer

from appliance.cli import app
from reports.wording import NOTICE

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "appliance/OPERATING.md"]


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_that_are_named_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", text_of(document), flags=re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_that_are_named_exist(document: str) -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"(?:^    |`)rdeepnet ([a-z]+)", text_of(document), flags=re.MULTILINE))
    assert named <= commands
    assert document == "CONTRIBUTING.md" or named


def test_readme_names_every_command() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert {command for command in commands if command not in text_of("README.md")} == set()


def test_notice_is_the_same_in_the_readme() -> None:
    plain = " ".join(text_of("README.md").replace("**", "").replace("\n> ", " ").split())
    assert NOTICE in plain


def test_debian_packages_are_the_same_in_readme_and_makefile() -> None:
    packages = re.search(r"^PEERS := (.*)$", text_of("Makefile"), flags=re.MULTILINE)
    assert packages is not None
    assert packages.group(1) in " ".join(text_of("README.md").split())


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    asked = project["dependencies"] + extras["cpu"] + extras["reference"] + extras["dev"]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in text_of("constraints.txt").splitlines()
        if "==" in line and not line.startswith("#")
    }
    missing = [name for name in (re.split(r"[\[<>=! ]", item)[0].lower() for item in asked) if name not in pinned]
    assert not missing
