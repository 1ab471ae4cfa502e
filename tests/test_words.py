"""Vocabulary of the project, as far as a machine can check it. Kind: mechanics.

Checked are docstrings, sentences in strings, Markdown and TOML. Code in backticks, single words and keys are not prose.
The words stand in pairs: the stumble, and what to say instead; each pair brings a sentence that must be caught.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("appliance", "dicom_io", "models", "reports", "docs")
SHIPPED_CARDS = ROOT / "models" / "packages"  # generated; what they say of a training is renewed only with it


class Rule(NamedTuple):
    pattern: str  # regular expression; lower case matches a capital at the beginning of a sentence as well
    say: str
    stumble: str  # a sentence that must be caught


RULES = (
    Rule(r"can not", "cannot", "The file can not be read."),
    Rule(r"(has|have) to", "must", "The key has to be private."),
    Rule(r"what a study can be", "study states", "What a study can be"),
    Rule(r"have a study again", "retry a study", "Have a study again: its results are sent."),
    Rule(r"(its|their) way through", "history", "Show its way through the states."),
    Rule(r"stands? still", "running or stopped", "A copy, while the service runs or stands still."),
    Rule(r"told at once", "reported together", "Every mistake is told at once."),
    Rule(r"one a (line|row)", "one per line", "All mistakes, one a line."),
    Rule(r"for ever", "indefinitely", "It is repeated for ever."),
    Rule(r"dearer|dearest", "slower", "The reference is fifty times dearer."),
    Rule(r"work(s|ed|ing)? off", "process", "Processes that work off tasks."),
    Rule(r"crew|hired|dismissed", "pool, started, stopped", "A crew of workers is hired."),
    Rule(
        r"(was|were|is|are) not asked, (and|with|because)|models? that (was|were) (not )?asked",
        "not run",
        "Models that were not asked",
    ),
    Rule(r"stands? twice", "is duplicated", "The name stands twice."),
    Rule(r"go(es)? before (the (rules|settings)|them|it)", "overrides", "The option goes before the settings."),
    Rule(r"he|him|his", "that patient", "A model that was trained without him."),
    Rule(r"as much of its (beginning|end)", "any unique prefix or suffix", "As much of its beginning as is unique."),
    Rule(
        r"remove it[.,;]?",
        "keep it elsewhere (what a user has is not ours to delete)",
        "A package holds files only. Remove it.",
    ),
    Rule(r"any more", "no longer", "It is not in the settings any more."),
    Rule(r"anew", "again", "A late instance starts it anew."),
    Rule(r"worked on again", "processed again", "A finished study is not worked on again."),
    Rule(
        r"findings?(?! (site|category|of the region))",
        "quality note (a finding is a lesion)",
        "No finding was recorded for this study.",
    ),
    Rule(
        r"(colors?|colored|gray|centers?|centered|behaviors?|neighbors?|favor|labeled|modeling|"
        r"(normal|organ|recogn|optim|initial|standard|real|visual|summar|util|minim|maxim)iz(e|es|ed|ing|ation)|analyz(e|es|ed|ing))",
        "British spelling",
        "The image is normalized.",
    ),
)
# Terms of others: DICOM's names and reasons of a rejection, a heading of TRIPOD+AI, an author; names of settings.
QUOTED = re.compile(
    r"`[^`]*`|\S*[=_]\S*|^ *[\w, ]+ : |AE[- ]title[- ]not[- ]recognized|Dimension Organization|\| Finding \||"
    r"Main findings|He Z|\| [^|\n]*\bColor\b[^|\n]* Storage \|",
    re.MULTILINE,
)
OPENING = re.compile(r"(What|Whether|How|When|Where|Why|Which|Who|Whom)\b")


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(r"(?<![\w-])(?:" + pattern.replace(" ", r"\s+") + r")(?![\w-])", re.IGNORECASE)


ANY = _compiled("|".join(rule.pattern for rule in RULES))


def stumbles(text: str) -> Iterator[tuple[int, str]]:
    """Lines of a text, from 0, with the stumble and what to say instead."""
    prose = QUOTED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    if not ANY.search(prose):
        return
    for rule in RULES:
        for match in _compiled(rule.pattern).finditer(prose):
            yield prose.count("\n", 0, match.start()), f"'{match.group()}'; say: {rule.say}"


def sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string with three words or more; the parts of a formatted string as one."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "_" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            text = node.value
        else:
            continue
        # Neither the regular expressions of the selection rules nor style sheets are prose.
        if len(text.split()) > 2 and "\\b" not in text and "@media" not in text:
            yield node.lineno, text


def openings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and first words of the docstrings that open with a question."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node) or ""
            if OPENING.match(text):
                yield node.body[0].lineno, text[:40]


def mistakes(source: str, name: str) -> list[str]:
    """All stumbles of one file, with their lines."""
    if name.endswith(".py"):
        tree = ast.parse(source)
        found = [
            (line, f"a docstring opens with '{text}…'; say: a noun or 'Returns …'") for line, text in openings(tree)
        ]
        found += [(line + more, stumble) for line, text in sentences(tree) for more, stumble in stumbles(text)]
    else:
        comments_only = ".toml" in name
        prose = re.sub(r"(?m)^[^#\n]*", "", source) if comments_only else source
        found = [(line + 1, stumble) for line, stumble in stumbles(prose)]
    return [f"{name}:{line}: {text}" for line, text in sorted(found)]


FILES = sorted(
    file
    for room in ROOMS
    for kind in ("*.py", "*.md", "*.toml", "*.toml.example")
    for file in (ROOT / room).rglob(kind)
    if SHIPPED_CARDS not in file.parents
)
FILES += [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "pyproject.toml")]


def test_the_project_keeps_to_its_words() -> None:
    found = [line for file in FILES for line in mistakes(file.read_text(encoding="utf-8"), str(file.relative_to(ROOT)))]
    assert not found, "\n".join(found)
    assert len(FILES) > 200  # the folders are where this test looks for them


def test_docstrings_of_tests_open_with_a_noun_or_a_verb() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for line, text in openings(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.say)
def test_each_stumble_is_caught(rule: Rule) -> None:
    for name, source in (
        ("text.md", f"# Title\n\n{rule.stumble}\n"),
        ("code.py", f'raise ValueError("{rule.stumble}")\n'),
    ):
        found = mistakes(source, name)
        assert len(found) >= 1
        assert found[0].startswith(f"{name}:{3 if name.endswith('.md') else 1}:")
        assert any(rule.say in line for line in found)


@pytest.mark.parametrize("word", ["What", "Whether", "How", "When", "Which"])
def test_a_docstring_that_opens_with_a_question_is_caught(word: str) -> None:
    assert mistakes(f'def f() -> None:\n    """{word} it does."""\n', "code.py") == [
        f"code.py:2: a docstring opens with '{word} it does.…'; say: a noun or 'Returns …'"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Reasons: calling-AE-title-not-recognized and `normalize = true`.",
        "Laterality of the finding site, where the images state it.",
        "The service cannot start; the key must be private.",
        "This history shows these patients whose histograms other readers checked.",
    ],
)
def test_what_is_right_is_not_caught(text: str) -> None:
    assert mistakes(f"{text}\n", "text.md") == []
