"""The page for operators says what the code does. Kind: mechanics."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, get_args

from appliance.service.service import EXIT_DEFECT
from appliance.settings import Settings
from appliance.state.commitment_records import CommitmentState
from dicom_io.network.receive import Status
from models.typed_tables import field_types
from tests.conftest import ROOT

OPERATING = (ROOT / "appliance" / "OPERATING.md").read_text(encoding="utf-8")
WHOLE_TABLES = {"reading", "features.settings"}  # explained in the example file, which has a test of its own


def shown(value: Any) -> str:
    """A default as the page writes it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return str(value)


def settings_of(cls: type, prefix: str) -> dict[str, str]:
    """Setting → its default as the page writes it."""
    found: dict[str, str] = {}
    for field in dataclasses.fields(cls):
        name = f"{prefix}{field.name}"
        hint = field_types(cls)[field.name]
        inner = next((item for item in get_args(hint) if dataclasses.is_dataclass(item)), hint)
        if name in WHOLE_TABLES:
            continue
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            found |= settings_of(inner, f"{name}.")
        elif field.default is dataclasses.MISSING:
            found[name] = "required"
        else:
            found[name] = f"`{shown(field.default)}`" if field.default != "" else "empty"
    return found


def test_the_table_of_settings_is_the_settings() -> None:
    rows = dict(re.findall(r"^\| `([a-z0-9_.]+)` \| (.+?) \|", OPERATING, re.MULTILINE))
    assert {name for name in rows if name in WHOLE_TABLES} == WHOLE_TABLES
    assert {name: default for name, default in rows.items() if name not in WHOLE_TABLES} == settings_of(Settings, "")


def test_every_status_is_explained() -> None:
    assert {int(row, 16) for row in re.findall(r"^\| (0x[0-9A-F]{4}) \|", OPERATING, re.MULTILINE)} == set(Status)


def test_every_state_of_commitment_is_explained() -> None:
    section = OPERATING.split("## Storage commitment")[1].split("## ")[0]
    assert re.findall(r"^\| ([a-z]+) \|", section, re.MULTILINE)[1:] == [state.value for state in CommitmentState]


def test_the_exit_status_of_a_defect_is_explained() -> None:
    assert str(EXIT_DEFECT) in OPERATING.split("**The process ends by itself**")[1]
