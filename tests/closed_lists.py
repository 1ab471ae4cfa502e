"""Places that lack a member of a closed list: tables keyed by the list, and places that name its members.

Tables are found, not listed: any mapping at the top of a module of the four packages whose keys are members of an
enumeration has to have all of them, unless `PARTIAL` says why not.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any

from appliance.commands import options, train
from dicom_io.roles import ROLES, RULED
from dicom_io.rules import Assignment, SelectionRules
from models.inference.outcome import Group, Quantity
from models.inference.tasks import Task
from models.quality_notes import Severity
from models.validity import State
from models.volume import Region, Sequence
from tests.test_boundaries import MAY_IMPORT, ROOT

LISTS: tuple[type[StrEnum], ...] = (Task, Quantity, Group, Sequence, Region, Severity, State)

# Tables that hold some members only, with the reason.
PARTIAL: Mapping[str, str] = {"dicom_io.writing.fhir_bundle._ABSENT": "the other states have a score"}


@cache
def tables() -> Mapping[str, Mapping[Any, Any]]:
    """Every mapping at the top of a module of ours that is keyed by a closed list, by its name in full."""
    found: dict[str, Mapping[Any, Any]] = {}
    for module, names in modules():
        held = vars(importlib.import_module(module))
        for name in names:
            if isinstance(held[name], Mapping) and held[name] and list_of(held[name]) is not None:
                found[f"{module}.{name}"] = held[name]
    return found


def modules() -> Iterator[tuple[str, list[str]]]:
    """The modules that speak of a closed list, each with the names it assigns at its top."""
    speaks = re.compile(rf"\b({'|'.join(kind.__name__ for kind in LISTS)})\b")
    for package in MAY_IMPORT:
        for file in sorted((ROOT / package).rglob("*.py")):
            source = file.read_text(encoding="utf-8")
            if speaks.search(source):
                name = file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
                yield (
                    name,
                    [
                        target.id
                        for node in ast.parse(source).body
                        for target in (
                            node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                        )
                        if isinstance(target, ast.Name)
                    ],
                )


def list_of(table: Mapping[Any, Any]) -> type[StrEnum] | None:
    """The closed list whose members are keys of a table; a text that equals a member is one."""
    kinds = {type(key) for key in table if isinstance(key, LISTS)}
    return kinds.pop() if len(kinds) == 1 else None


def unfilled(
    members: Iterable[str], *, of: type[StrEnum], among: Mapping[str, Mapping[Any, Any]]
) -> dict[str, set[str]]:
    """Members of a list that are missing among the tables keyed by it: name of the table → what is missing."""
    wanted = {str(member) for member in members}
    return {
        name: missing
        for name, table in among.items()
        if list_of(table) is of and name not in PARTIAL and (missing := wanted - {str(key) for key in table})
    }


def unnamed_roles(sequences: Iterable[str]) -> dict[str, set[str]]:
    """Rules, assignment and options of the commands that do not name a role of these sequences or of the tumour."""
    roles = {*ROLES, *map(str, sequences)}
    places = {
        "dicom_io.roles.ROLES": set(ROLES),
        "dicom_io.rules.SelectionRules": {item.name for item in fields(SelectionRules)},
        "dicom_io.rules.Assignment": {item.name for item in fields(Assignment)},
        "appliance.commands.options.Assign": {role for role in roles if f"{role}=" in option_of(options.Assign).help},
    }
    found = {place: missing for place, names in places.items() if (missing := roles - names)}
    if missing := {str(one) for one in sequences} - set(option_of(train.Sequences).metavar.split("|")):
        found["appliance.commands.train.Sequences"] = missing
    if missing := set(RULED) - {item.name for item in fields(SelectionRules)}:
        found["dicom_io.roles.RULED"] = missing
    return found


def option_of(annotated: Any) -> Any:
    """The option as typer knows it."""
    return annotated.__metadata__[0]
