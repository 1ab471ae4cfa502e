"""A study full of hostile texts: none of them reaches a terminal, a table, a report or a JSON document as it came.

Kind: mechanics, over every output of `run`, `series` and `features`; invariants of the two functions behind them.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from rich.console import Console
from typer.testing import CliRunner

from appliance.cli import app
from appliance.commands import options
from appliance.commands.options import PlainConsole
from appliance.commands.tables import Table
from dicom_io.images.library_remarks import library_remarks
from dicom_io.synthetic.study_writer import Grid, make_study
from models.cohort.features import read_features
from models.errors import SetupError, StudyRejected
from models.plain_text import one_line, plain, without_passwords
from models.quality_notes import Severity
from models.volume import Sequence
from tests.conftest import ROOT

# ESC with a colour, OSC that renames the terminal, CSI in one byte, a right-to-left override, markup of rich.
HOSTILE = "\x1b[31mred\x1b]0;owned\x07\x9b2J\u202efed[blink]x[/]"
HARMLESS = "redfed[blink]x[/]"
FORMULA = "=HYPERLINK(1)"
# Tab and line feed are the ends of cells and lines of our own.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every text that the product writes about two hostile studies, one answered and one refused, by its name."""
    folder = tmp_path_factory.mktemp("hostile")
    grid = Grid(16, 64, 64, 6.0, (5.0, 5.0))
    answered = make_study(
        folder / "in" / "a", seed=1, sequences=(Sequence.T1C,), t1c=grid, t2w=grid, segmented=(Sequence.T1C,)
    )
    refused = make_study(folder / "in" / "b", seed=2, sequences=(Sequence.T1C,), t1c=grid, t2w=grid, segmented=())
    for path in (*answered.folder.rglob("*.dcm"), *refused.folder.rglob("*.dcm")):
        _plant(path)
    broken = next(refused.folder.rglob("*.dcm"))
    broken.write_bytes(broken.read_bytes()[:700])
    broken.rename(broken.with_name(f"{HOSTILE.replace('/', '')}.dcm"))
    config = folder / "rdeepnet.toml"
    config.write_text('[preprocessing]\nn4 = "none"\n', encoding="utf-8")
    found: dict[str, str] = {}
    out, table_out = folder / "out", folder / "features.csv"
    commands = {
        "run": ["run", str(folder / "in"), "--out", str(out)],
        "run --json": ["run", str(folder / "in"), "--out", str(out), "--json"],
        "series": ["series", str(folder / "in")],
        "series --json": ["series", str(folder / "in"), "--json"],
        "features": ["features", str(folder / "in"), "--out", str(table_out), "--id", "patient"],
    }
    for name, arguments in commands.items():
        result = CliRunner().invoke(app, [*arguments, "--config", str(config)])
        assert result.exit_code == 1, result.output  # one study is refused
        found[f"{name}, standard output"], found[f"{name}, standard error"] = result.stdout, result.stderr
    for path in (*out.rglob("*.csv"), *out.rglob("*.json"), table_out, table_out.with_name("features.refused.csv")):
        text = path.read_text(encoding="utf-8")
        found[path.relative_to(folder).as_posix()] = text
    for path in out.rglob("*sr.dcm"):
        found[path.name] = "\n".join(_texts(pydicom.dcmread(path).ContentSequence))
    return found


def _plant(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientID = FORMULA
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library says that these values are not allowed
        for keyword in ("SeriesDescription", "StudyDescription", "ProtocolName", "InstitutionName", "StationName"):
            dataset.add_new(keyword, "LO", f"{dataset.get(keyword, '')} {HOSTILE}")
        dataset.add_new("PatientName", "PN", f"Synthetic^{HOSTILE}")
        dataset.add_new("AccessionNumber", "SH", f"A1{HOSTILE}")  # the library remarks on its escape sequence
        for segment in dataset.get("SegmentSequence", ()):
            segment.add_new("SegmentLabel", "LO", f"{segment.SegmentLabel} {HOSTILE}")
        dataset.save_as(path)


def _texts(content: pydicom.Sequence) -> Iterator[str]:
    """Every text of the items of a report, however deep."""
    for item in content:
        yield from (str(item.get(keyword, "")) for keyword in ("TextValue", "PersonName"))
        for element in item:
            if element.VR == "SQ" and element.keyword != "ContentSequence":
                yield from (str(code.get("CodeMeaning", "")) for code in element.value)
        yield from _texts(item.get("ContentSequence", pydicom.Sequence()))


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield from (text for pair in content.items() for one in pair for text in _strings(one))
    elif isinstance(content, list):
        yield from (text for one in content for text in _strings(one))


@pytest.mark.slow
def test_no_output_holds_what_a_terminal_obeys(outputs: dict[str, str]) -> None:
    kinds = {name.rsplit("/", 1)[-1] for name in outputs}
    assert kinds >= {"studies.csv", "result.json", "features.csv", "features.refused.csv", "key_sr.dcm"}
    for name, text in outputs.items():
        is_json = name.endswith((".json", "--json, standard output"))
        for one in _strings(json.loads(text)) if is_json else [text]:
            assert not FORBIDDEN.search(one), f"{name}: {FORBIDDEN.search(one)}"
        for row in csv.reader(io.StringIO(text)) if name.endswith(".csv") else ():
            assert not any(cell.startswith(("=", "+", "@")) for cell in row), name


@pytest.mark.slow
def test_the_texts_are_there_all_the_same(outputs: dict[str, str]) -> None:
    assert HARMLESS in outputs["series, standard output"].replace("\n", "")
    assert HARMLESS.replace("/", "") + ".dcm" in outputs["run, standard error"]
    assert HARMLESS in outputs["key_sr.dcm"]
    assert HARMLESS.replace("/", "") in outputs["features.refused.csv"]


@pytest.mark.slow
def test_a_formula_is_written_as_a_text_and_read_back_exactly(outputs: dict[str, str], tmp_path: Path) -> None:
    text = outputs["features.csv"]
    assert text.splitlines()[1].startswith(f"'{FORMULA},")
    path = tmp_path / "features.csv"
    path.write_text(text, encoding="utf-8")
    assert read_features(path).identifiers == (FORMULA,)


def test_commands_write_by_the_functions_that_clean() -> None:
    """No command calls typer.echo, print or a console of rich by itself."""
    own = {ROOT / "appliance/commands/options.py"}
    for path in (ROOT / "appliance").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and path not in own:
                called = ast.unparse(node.func)
                assert called not in ("typer.echo", "click.echo", "Console", "rich.print"), f"{path}:{node.lineno}"
                assert called != "print" or path.parent.name == "deploy", f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AX T1 DYN", "AX T1 DYN"),
        ("Übung – 中文 שלום \u200f", "Übung – 中文 שלום \u200f"),  # letters and their marks stay
        (HOSTILE, HARMLESS),
        ("a\x1b]52;c;aGk=\x1b\\b", "ab"),  # OSC 52 writes the clipboard
        ("a\x1bPq#0\x1b\\b", "ab"),  # DCS
        ("a\x1b(Bb\x1bcd", "abd"),
        ("a\x1b", "a"),
        ("\x1b]0;never ended", "0;never ended"),
        ("a\r\nb\u2028c\td", "a b c d"),
        ("\ud800a\ufeffb\U000e0041", "ab"),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected
    assert one_line(expected) == expected
    assert not FORBIDDEN.search(plain(text))


def test_a_console_shows_no_control_character_and_no_markup_of_a_text() -> None:
    stream = io.StringIO()
    console = PlainConsole(file=stream, width=120)
    console.print(Table(HOSTILE, ("a", ""), [(HOSTILE, "x")]))
    options.say(console, HOSTILE)
    assert not FORBIDDEN.search(stream.getvalue())
    assert stream.getvalue().count("[blink]x[/]") == 3
    coloured = io.StringIO()
    PlainConsole(file=coloured, force_terminal=True, color_system="standard").print("[red]own[/]")
    assert "\x1b[31mown\x1b[0m" in coloured.getvalue()  # colours of ours stay
    assert isinstance(options.stdout(), Console)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("of postgresql://u:pa@ss/w@h:5432/db failed", "of postgresql://u:…@h:5432/db failed"),
        ("'postgresql+psycopg://u:secret@h/db'", "'postgresql+psycopg://u:…@h/db'"),
        ("postgresql://h/db?user=u&password=secret&sslmode=require", "postgresql://h/db?user=u&password=…&sslmode=require"),
        ("host=h password=secret user=u", "host=h password=… user=u"),
        ("password='se\\'cret ' user=u", "password=… user=u"),
        ("{'user': 'u', 'password': 'secret'}", "{'user': 'u', 'password': …}"),
        ("https://h:8080/a and PGPASSWORD, and user@h", "https://h:8080/a and PGPASSWORD, and user@h"),
    ],
)  # fmt: skip
def test_no_password_in_a_sentence(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
    assert without_passwords(shown) == shown
    assert str(SetupError(text)) == shown
    assert "\x1b" not in str(StudyRejected(HOSTILE))


def test_warnings_of_the_library_are_a_note_and_others_stay() -> None:
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        with library_remarks() as remarks:
            for _ in range(2):
                pydicom.charset.convert_encodings(["ISO_IR 999"])
            pydicom.charset.decode_bytes(b"A1\x1b[31m", ["utf8"], {0x5C})
            warnings.warn_explicit("Test^Patient is no name", UserWarning, "/x/pydicom/values.py", 7, "pydicom.values")
            warnings.warn("of ours", UserWarning, stacklevel=1)
    assert [str(one.message) for one in given] == ["of ours"]
    (note,) = remarks.notes()
    assert (note.code, note.severity) == ("library-remarks", Severity.NOTE)
    assert "a character set that does not exist (2 times)" in note.sentence
    assert "texts that do not fit their character set" in note.sentence
    assert "a warning at values.py:7" in note.sentence
    assert "Test^Patient" not in note.sentence
