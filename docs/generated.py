"""Parts of the pages that are generated from the code: the commands with their options, and the settings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import typer

from appliance.cli import app
from appliance.service.sizing import Load, short, sizing
from appliance.settings import Settings
from models.features.settings import FeatureSettings
from models.typed_tables import field_types

ROOT = Path(__file__).resolve().parent.parent
_OPERATING = ROOT / "appliance" / "OPERATING.md"


def commands() -> str:
    """Every command and subcommand: usage, help, arguments and options."""
    return "\n".join(_command(("rdeepnet",), typer.main.get_command(app)))


def _command(path: tuple[str, ...], command: Any) -> Iterator[str]:
    below = getattr(command, "commands", {})
    if len(path) > 1:
        yield f"{'#' * len(path)} {' '.join(path)}\n"
        if not below:
            yield f"```text\n{' '.join(path)} {_usage(command)}\n```\n"
        yield f"{_with_options_marked(command.help or '')}\n"
    if len(path) > 1 and not below:
        yield "| argument, option | meaning | default |"
        yield "|---|---|---|"
        for parameter in command.params:
            meaning = _cell(_with_options_marked(parameter.help or ""))
            yield f"| {_names(parameter)} | {meaning} | {_default(parameter)} |"
        yield ""
    for name, inner in below.items():
        yield from _command((*path, name), inner)


def _with_options_marked(text: str) -> str:
    """Help as Markdown; in prose, options are code: a typesetter makes a dash of --."""
    lines = text.strip().splitlines()
    return "\n".join(
        line if line.startswith("    ") else re.sub(r"(?<![`\w-])(--[a-z][a-z0-9-]*)(?![`\w])", r"`\1`", line)
        for line in lines
    )


def _usage(command: Any) -> str:
    arguments = " ".join(_metavar(p) for p in command.params if p.param_type_name == "argument")
    required = " ".join(f"{p.opts[0]} {_metavar(p)}" for p in command.params if _is_required_option(p))
    return " ".join(part for part in (arguments, required, "[OPTIONS]") if part)


def _is_required_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option" and parameter.required)


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_metavar(parameter)}`".replace("|", "\\|")
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    value = "" if parameter.is_flag else f" `{_metavar(parameter)}`"
    return (names + value).replace("|", "\\|")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.is_eager or parameter.default in (None, False, ()) or not getattr(parameter, "show_default", True):
        return ""
    return f"`{parameter.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def settings() -> str:
    """Every setting: what it may be, its default, and its meaning as the operators' page gives it."""
    meanings = dict(re.findall(r"^\| `([a-z0-9_.]+)` \| .+? \| (.+) \|$", _OPERATING.read_text("utf-8"), re.MULTILINE))
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, hint, default in _fields(Settings, ""):
        rows.append(f"| `{name}` | {default} | {meanings[name]}{_limits(hint)} |")
    return "\n".join(rows)


def feature_settings() -> str:
    """Every feature setting with its default, and its meaning from the docstring."""
    attributes = (FeatureSettings.__doc__ or "").split("----------")[1]
    meanings = {name: " ".join(text.split()) for name, text in re.findall(r"^ {4}(\w+) : (.+)$", attributes, re.M)}
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, hint, default in _fields(FeatureSettings, "features.settings."):
        rows.append(f"| `{name}` | {default} | {_cell(meanings[name.rpartition('.')[2]])}{_limits(hint)} |")
    return "\n".join(rows)


_WHOLE_TABLES = {"reading", "features.settings"}


def _fields(cls: type, prefix: str) -> Iterator[tuple[str, str, str]]:
    """(name, what it may be, default) of every setting below a table; tables with pages of their own are left out."""
    hints = field_types(cls)
    for field in dataclasses.fields(cls):
        name = f"{prefix}{field.name}"
        hint = hints[field.name]
        inner = next((item for item in (hint, *get_args(hint)) if dataclasses.is_dataclass(item)), None)
        if name in _WHOLE_TABLES:
            continue
        if isinstance(inner, type):
            yield from _fields(inner, f"{name}.")
        else:
            yield name, _in_words(hint), _shown(field)


def _shown(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "required"
    if field.default in ("", None):
        return "none"
    if isinstance(field.default, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in field.default) + "]`"
    text = str(field.default)
    return f"`{text.lower() if isinstance(field.default, bool) else text}`"


def _limits(hint: str) -> str:
    """Limits of a setting, to stand behind its meaning; nothing where the default shows them."""
    return "" if hint in _TYPES.values() else f" ({_cell(hint)})"


_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}


def _in_words(hint: Any) -> str:
    """A type with its range in words."""
    arguments = get_args(hint)
    if hasattr(hint, "__metadata__"):
        words = " ".join([_in_words(hint.__origin__), *(limit.expected() for limit in hint.__metadata__)])
        return words.removeprefix("a text that is ")
    if type(None) in arguments:
        return f"{_in_words(next(item for item in arguments if item is not type(None)))}, or none"
    if getattr(hint, "__origin__", None) is tuple:
        return f"a list, each {_in_words(arguments[0])}"
    if isinstance(hint, type) and hasattr(hint, "__members__"):
        return " or ".join(f"`{member.value}`" for member in hint.__members__.values())
    return _TYPES[hint]


def sizes() -> str:
    """Receivers, workers and limits for studies a day, by `rdeepnet sizing`, images in the database or in S3."""
    lines = ["| studies a day | receivers | workers | images in the database: first limit | in S3: first limit |"]
    lines.append("|---|---|---|---|---|")
    for studies in (100, 400, 4_000, 40_000, 100_000, 400_000):
        within, beside = (sizing(Load(studies=studies), is_in_s3=is_in_s3) for is_in_s3 in (False, True))
        limits = [f"{each.first.name}, {short(100 * each.first.share)} %" for each in (within, beside)]
        lines.append(f"| {studies:,} | {within.receivers} | {within.workers} | {limits[0]} | {limits[1]} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "feature-settings": feature_settings,
    "sizing": sizes,
}
