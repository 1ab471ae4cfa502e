"""Lines of the keys and tables of a TOML file. Kind: mechanics; the paths come from `tomllib`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from models.toml_lines import line_of, lines_of
from tests.conftest import ROOT

TEXT = '''# a comment = 1
top = """
not = "a key"
[not.a.table]
"""
[service] # with a comment
port = 11112 # [x]
"quoted" = "a ] bracket"
list = [
  "a", # not = 1
  { b = 2 },
]
a.b = 1

[[destinations]]
name = "one"
[[destinations]]
name = 'two'
[destinations.inner]
deep = 1
'''


def paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for number, item in enumerate(value, start=1):
            yield from paths(item, f"{path}[{number}]")
    else:
        yield path


def test_every_key_has_its_line() -> None:
    found = lines_of(TEXT)
    assert set(paths(tomllib.loads(TEXT))) <= set(found)
    expected = {
        "top": 2, "service": 6, "service.port": 7, "service.quoted": 8, "service.list": 9, "service.a.b": 13,
        "destinations": 15, "destinations[1]": 15, "destinations[1].name": 16, "destinations[2]": 17,
        "destinations[2].name": 18, "destinations[2].inner": 19, "destinations[2].inner.deep": 20,
    }  # fmt: skip
    assert {path: found[path] for path in expected} == expected
    assert not [path for path in found if path.startswith("not")]


def test_what_is_missing_has_the_line_of_its_table() -> None:
    found = lines_of(TEXT)
    assert line_of("destinations[2].port", found) == 17
    assert line_of("service.list[2]", found) == 9
    assert line_of("destinations[3].name", found) == 15
    assert line_of("nowhere.key", found) is None
    assert line_of("", found) is None


def test_every_setting_of_the_example_stands_on_its_line() -> None:
    text = (ROOT / "appliance" / "rdeepnet.example.toml").read_text(encoding="utf-8")
    found, lines = lines_of(text), text.splitlines()
    every = list(paths(tomllib.loads(text)))
    assert len(every) > 100
    for path in every:
        assert path.rpartition(".")[2] in lines[found[path] - 1], path
