"""Commands and files that the deployment's documents name exist, with their options. Kind: mechanics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from appliance.cli import app
from tests.conftest import ROOT

DEPLOY = ROOT / "appliance" / "deploy"
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "appliance" / "OPERATING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(path for path in DEPLOY.rglob("*") if path.suffix in (".yaml", ".container", ".example", ".md")),
]


def unknown_options(text: str) -> list[str]:
    """Commands in a text with an option that they do not have; prose ("rdeepnet is …") begins with no command."""
    wrong = []
    for line in re.findall(r"(?<![\w/.-])rdeepnet ([a-z][^`#|;\n]*)", text):
        words = line.split()
        command: Any = typer.main.get_command(app)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        if len(words) < len(line.split()) and not {word for word in words if word.startswith("--")} <= known:
            wrong.append(line)
    return wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_options_of_commands_that_are_named_exist(document: Path) -> None:
    assert unknown_options(document.read_text(encoding="utf-8")) == []


def test_an_option_that_does_not_exist_is_found() -> None:
    text = (
        "`rdeepnet doctor --settings FILE`, `rdeepnet doctor --config FILE`, rdeepnet map manifests --out x --force # y"
    )
    assert unknown_options(text) == ["doctor --settings FILE", "map manifests --out x --force "]


def test_files_of_the_deployment_that_are_named_exist() -> None:
    text = (ROOT / "appliance" / "OPERATING.md").read_text(encoding="utf-8")
    section = text.split("## Installing")[1].split("\n## ")[0]
    named = re.findall(r"`((?:quadlet/|kubernetes/|compose)[\w./-]+)`", section)
    assert len(named) >= 6
    assert [name for name in named if not (DEPLOY / name).exists()] == []
    assert (DEPLOY / "rdeepnet.toml.example").is_file()
