"""Documents are tested: the commands they name exist, and the notice reads the same everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from appliance.cli import app
from appliance.settings import Settings
from reports.wording import NOTICE
from tests.appliance.test_operating import WHOLE_TABLES, settings_of

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "appliance/OPERATING.md", *PAGES]
NAME_COMMANDS = {"README.md", "appliance/OPERATING.md", "docs/tutorial.md"}  # a document that names none is suspicious
# Where a document names a command: indented, after the prompt of a console, or between backticks.
COMMAND = r"(?:^    |^\$ |`)"


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_that_are_named_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), flags=re.MULTILINE))
    named = set(re.findall(rf"{COMMAND}make ([a-z-]+)", text_of(document), flags=re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_that_are_named_exist(document: str) -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(rf"{COMMAND}rdeepnet ([a-z][a-z-]*[a-z])", text_of(document), flags=re.MULTILINE))
    assert named <= commands
    assert document not in NAME_COMMANDS or named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_settings_that_are_named_exist(document: str) -> None:
    known = {*settings_of(Settings, ""), *WHOLE_TABLES}
    tables = {name.rpartition(".")[0] for name in known} | {"reading", "reading.usual", "features.settings"}
    text = text_of(document)
    of_a_table = {name for name in re.findall(r"`([a-z]+\.[a-z_.]+)`", text) if name.split(".")[0] in tables}
    named = {name for name in of_a_table if not re.search(r"\.(py|md|json|toml|csv|cff|npz|onnx|pdf|sqlite)$", name)}
    assert {name for name in named if not name.startswith(("reading.", "features.settings"))} <= known
    assert set(re.findall(r"`\[([a-z_.]+)\]`", text)) <= tables


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_linked_exist(document: str) -> None:
    folder = (ROOT / document).parent
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(document))
    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "SECURITY.md", *PAGES])
def test_files_of_ours_that_are_named_exist(document: str) -> None:
    ours = r"`((?:appliance|dicom_io|reports|models|tests|docs)/[\w./-]*)`"
    assert [path for path in re.findall(ours, text_of(document)) if not (ROOT / path).exists()] == []


def test_the_readme_links_every_document() -> None:
    """Pages of docs/ are reached from their index: the strict build names one that no contents list has."""
    links = set(re.findall(r"\]\(([^)#\s]+)", text_of("README.md")))
    beside = {"CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "docs/index.md"}
    assert {*beside, "appliance/OPERATING.md", "dicom_io/CONFORMANCE.md", "reports/EVALUATION.md"} <= links


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load(text_of("CITATION.cff"))
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)


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
