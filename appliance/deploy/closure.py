"""Python distributions of the installed appliance: its requirements, and theirs in turn.

Development tools of the same environment are not among them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

from models.errors import SetupError

PROJECT = "rdeepnet"
# What the image installs; "reference" is the second feature engine.
EXTRAS = ("cpu", "reference")
_PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def normalised(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(path: Iterable[str] | None = None) -> dict[str, Distribution]:
    """Every installed distribution by name; `path` in place of Python's own."""
    available = distributions() if path is None else distributions(path=list(path))
    return {normalised(item.name): item for item in available}


def project_requirements(extras: Iterable[str] = EXTRAS) -> list[Requirement]:
    """Requirements of the project: from pyproject.toml in a checkout, where installed metadata may be old."""
    wanted = tuple(extras)
    if _PYPROJECT.is_file():
        project = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]
        optional = project["optional-dependencies"]
        return [Requirement(text) for text in (*project["dependencies"], *(t for e in wanted for t in optional[e]))]
    stated = [Requirement(text) for text in distribution(PROJECT).requires or ()]
    return [requirement for requirement in stated if _holds(requirement, wanted)]


def closure(requirements: Iterable[Requirement], available: Mapping[str, Distribution]) -> dict[str, Distribution]:
    """Everything that the requirements need, by name, in order.

    Raises
    ------
    SetupError
        When something of it is not installed.
    """
    extras: dict[str, set[str]] = {}
    todo = list(requirements)
    while todo:
        requirement = todo.pop()
        name = normalised(requirement.name)
        if name not in available:
            raise SetupError(f"{name} is required and not installed; install the project with its extras: {EXTRAS}.")
        known = extras.get(name)
        if known is not None and requirement.extras <= known:
            continue
        wanted = extras.setdefault(name, set())
        wanted |= requirement.extras
        stated = [Requirement(text) for text in available[name].requires or ()]
        todo += [dependency for dependency in stated if _holds(dependency, tuple(wanted))]
    return {name: available[name] for name in sorted(extras)}


def _holds(requirement: Requirement, extras: tuple[str, ...]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
