"""Notes that make an answer conditional or withhold it. Kind: invariant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.note_reasons import CONDITIONAL, WITHHELD, reasons_of
from models.quality_notes import QualityNote, Severity
from models.validity import State
from tests.conftest import ROOT

NOTE = QualityNote("label-on-body", Severity.WARNING, "A label lies on the body.")


def test_a_warning_of_the_table_is_a_reason_with_its_sentence() -> None:
    (reason,) = reasons_of([NOTE, replace(NOTE, code="voxel-size-unusual")])
    assert (reason.code, reason.state, reason.sentence) == (NOTE.code, State.CONDITIONAL, NOTE.sentence)


def test_features_of_other_settings_withhold_an_answer() -> None:
    (reason,) = reasons_of([replace(NOTE, code="feature-settings-differ")])
    assert reason.state is State.OUTSIDE
    assert not CONDITIONAL & WITHHELD


def test_a_mere_note_is_none() -> None:
    assert reasons_of([replace(NOTE, severity=Severity.NOTE)]) == ()


@pytest.mark.parametrize("code", sorted(CONDITIONAL | WITHHELD))
def test_every_code_of_the_table_is_made_somewhere(code: str) -> None:
    sources = [path for room in ("models", "dicom_io") for path in (ROOT / room).rglob("*.py")]
    others = [path for path in sources if path.name != "note_reasons.py"]
    assert any(f'"{code}"' in path.read_text(encoding="utf-8") for path in others)
