"""Codes of quality notes and reasons: each identifier in the code has one of its own. Kind: mechanics."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from dicom_io import codes
from dicom_io.note_codes import OTHER, SHORT, note_code
from tests.conftest import ROOT

# Rooms whose identifiers reach a report about a patient; those of cohorts and training do not.
ROOMS = ("dicom_io", "models/features", "models/inference", "models/preprocessing", "appliance/service")
FILES = ("models/intended_use.py", "models/note_reasons.py", "models/plausibility.py", "models/quality_notes.py")
# Texts of that form that are no identifiers of notes.
OTHER_TEXTS = frozenset(
    {"choose-series", "choose-tumour", "cuda-or-cpu", "leave-t2w-out", "nvidia-smi", "onnxruntime-gpu", "real-world"}
    | {"stand-in", "stow-unread", "utf-8", "warm-up"}
    | {"data-absent-reason", "model-name", "not-applicable", "not-performed", "observation-category", "v2-0074"}  # FHIR
    | {"transaction-response", "v2-0203", "x-default"}
)


def identifiers() -> Iterator[str]:
    """Every text in kebab case in the code of those rooms."""
    files = [ROOT / name for name in FILES] + [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", str(node.value)):
                yield str(node.value)


def test_every_identifier_has_a_code_of_its_own() -> None:
    found = {*identifiers(), *SHORT} - OTHER_TEXTS
    assert len(found) > 100
    lacking = sorted(one for one in found if note_code(one).value == OTHER)
    assert lacking == [], "longer than a Code Value: a row in dicom_io.note_codes.SHORT was expected"
    values = [note_code(one).value for one in sorted(found)]
    assert sorted(value for value in set(values) if values.count(value) > 1) == []


def test_the_table_has_no_row_that_needs_none() -> None:
    assert [one for one in SHORT if len(one) <= codes.LONGEST_VALUE] == []


def test_meanings_read_as_words() -> None:
    assert note_code("voxel-size-unusual").meaning == "Voxel size unusual"
    assert note_code("bias-correction-on-cpu").meaning == "Bias correction on CPU"
    assert (note_code("tumour-hole").value, note_code("tumour-hole").meaning) == ("TUMOUR_HOLE", "Tumour hole")


def test_an_identifier_without_a_row_says_so_and_keeps_its_words() -> None:
    code = note_code("something-that-nobody-has-named")
    assert (code.value, code.meaning) == (OTHER, "Something that nobody has named")
