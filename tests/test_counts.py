"""Sentences with a number of things agree with it: "1 patient", never "1 patients". Kind: mechanics.

A scan of the f-strings: a count before the plural of what we count must go through `counted` or `agreeing`
(`models.number_words`), or stand where the count is known not to be one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.number_words import agreeing, counted

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("appliance", "dicom_io", "models", "reports", "rdeepnet.py")
THINGS = (
    "attempts|bytes|cases|cells|characters|cohorts|columns|connections|contours|deaths|digits|entries|errors|"
    "events|examinations|failures|features|files|folders|folds|frames|genes|groups|images|inputs|instances|items|"
    "jobs|kernels|labels|libraries|lines|masks|members|messages|models|names|networks|notes|numbers|objects|"
    "outcomes|packages|patients|phases|points|positions|predictions|profiles|recipes|recurrences|refits|resamples|"
    "rows|samples|scores|segments|slices|slopes|stacks|studies|tensors|times|trainings|trials|tumours|values|"
    "voxels|vulnerabilities|warnings"
)
# Before the noun; a longer chain of words is another sentence.
QUALITIES = (
    "bootstrap|complete|contributing|different|empty|feature|finite|fresh|infinite|input|known|other|reference|"
    "requested|scored|simulated|training|tumour"
)
COUNTS = frozenset({"len", "int", "sum", "count_nonzero"})
# Names that hold no count: text, a limit of the settings, a size of which one is impossible.
NO_COUNTS = frozenset(
    {"columns", "rows", "label", "which", "where", "wanted", "bits", "flavour", "keyword", "name", "source", "usual"}
)


def disagreements(text: str) -> Iterator[tuple[int, str]]:
    """Line and sentence of each count before a plural."""
    tree = ast.parse(text)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    pattern = re.compile(rf" (?:(?:{QUALITIES}) )?(?:{THINGS})\b(?! ?×)")
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or _is_guarded(node, parents):
            continue
        for before, after in zip(node.values, node.values[1:], strict=False):
            if not isinstance(before, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            found = pattern.match(str(after.value))
            if found and _is_count(before):
                yield before.lineno, f"{{{ast.unparse(before.value)}}}{str(after.value)[:40]}"


def _is_count(part: ast.FormattedValue) -> bool:
    spec = "" if part.format_spec is None else ast.unparse(part.format_spec)
    if spec not in ("", "f''", "f','", "f'd'"):
        return False  # a measured number: "2.0 slices", "12 months"
    value = part.value
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return name in COUNTS
    if isinstance(value, ast.Attribute):
        is_limit = isinstance(value.value, ast.Name) and value.value.id in ("limits", "settings")
        return value.attr not in (*NO_COUNTS, "shape") and not value.attr.isupper() and not is_limit
    return isinstance(value, ast.Name) and not value.id.isupper() and value.id not in NO_COUNTS


def _is_guarded(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Returns whether the string is a branch of a conditional expression about one of something."""
    while node in parents and not isinstance(node, ast.stmt):
        parent = parents[node]
        if isinstance(parent, ast.IfExp) and node is not parent.test and re.search("[=>] 1", ast.unparse(parent.test)):
            return True
        node = parent
    return False


def test_no_sentence_counts_one_of_several() -> None:
    found = []
    for room in ROOMS:
        files = [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py"))
        for file in files:
            name = str(file.relative_to(ROOT))
            found += [f"{name}:{line}: {text}" for line, text in disagreements(file.read_text(encoding="utf-8"))]
    assert not found, "\n".join(["say counted(…, 'patient') of models.number_words:", *found])


@pytest.mark.parametrize(
    ("source", "is_caught"),
    [
        ('f"{len(x)} patients have no outcome"', True),
        ('f"{int(mask.sum())} of {scores.size} scored patients"', True),
        ('f"None of the {count:,} voxels"', True),
        ('"1 study" if count == 1 else f"{count} studies"', False),
        ("f\"{counted(len(x), 'patient')} of it\"", False),
        ('f"{distance:.2f} slices"', False),
        ('f"{rows} × {columns} voxels"', False),
        ('f"at most {FEWEST} patients"', False),
        ('f"images of {array.shape} voxels"', False),
    ],
)
def test_the_scan_catches_what_it_is_for(source: str, is_caught: bool) -> None:
    assert bool(list(disagreements(source))) is is_caught


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 studies were"), (1, "1 study was"), (2, "2 studies were"), ("1", "1 study was"), ("<5", "<5 studies were")],
)
def test_counted_with_noun_and_verb(count: object, shown: str) -> None:
    assert counted(count, "study was", "studies were") == shown
    assert f"{count} {agreeing(count, 'study was', 'studies were')}" == shown
