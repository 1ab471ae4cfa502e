"""Every refusal and quality note of a cohort's tables, by name; joining; reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from models.cohort.checks import check_features
from models.cohort.features import read_features
from models.cohort.outcomes import DAYS_PER_MONTH, OutcomeColumns, TimeUnit, read_outcomes
from models.cohort.patients import CohortCheck, check_cohort, join
from models.errors import CohortRejected
from models.inference.tasks import Task
from models.training.patients import training_patients
from models.volume import Sequence
from tests.models.cohort.made_tables import HEADER, outcome_rows, values, write_features, write_outcomes
from tests.models.small_packages import input_names

COUNT = 80
FIRST = input_names()[0]
Rows = list[list[str]]


@pytest.fixture
def rows() -> Rows:
    return outcome_rows(values(COUNT)[:, 0])


def checked(
    tmp_path: Path,
    rows: Rows,
    *,
    numbers: np.ndarray | None = None,
    changes: dict[tuple[int, str], str] | None = None,
    header: tuple[str, ...] = HEADER,
) -> CohortCheck:
    numbers = values(COUNT) if numbers is None else numbers
    features = read_features(write_features(tmp_path / "features.csv", numbers, changes=changes))
    return check_cohort(features, read_outcomes(write_outcomes(tmp_path / "outcomes.csv", rows, header=header)))


def refusals(check: CohortCheck) -> list[str]:
    return [one.code for one in check.refusals]


def notes(check: CohortCheck) -> list[str]:
    return [one.code for one in check.notes]


def test_a_good_cohort_has_nothing(tmp_path: Path, rows: Rows) -> None:
    check = checked(tmp_path, rows)
    assert (check.refusals, check.notes) == ((), ())


def test_join_follows_the_outcomes(tmp_path: Path, rows: Rows) -> None:
    numbers = values(COUNT)
    features = read_features(write_features(tmp_path / "features.csv", numbers))
    table = join(features, read_outcomes(write_outcomes(tmp_path / "outcomes.csv", rows[::-1])))
    assert len(table) == COUNT
    assert table.features.identifiers[0] == "0079"  # a text, not the number 79
    assert np.array_equal(table.features.values, numbers[::-1])
    assert table.cohort_names == ("testing", "training")
    assert table.times_months[0] == float(rows[-1][2])
    assert set(table.clinical) == {"subtype"}


def set_cell(row: int, column: str, text: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][HEADER.index(column)] = text

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (set_cell(3, "time_months", "-2"), "time-not-positive"),
        (set_cell(3, "time_months", "0"), "time-not-positive"),
        (set_cell(3, "time_months", ""), "outcome-incomplete"),
        (set_cell(3, "event", ""), "outcome-incomplete"),
        (set_cell(3, "id", ""), "id-missing"),
        (set_cell(3, "id", "0004"), "id-repeated"),
        (set_cell(3, "cohort", ""), "cohort-missing"),
        (set_cell(3, "id", "0079"), "patient-in-several-cohorts"),
        (lambda rows: [row.__setitem__(2, str(30 * float(row[2]))) for row in rows], "time-looks-like-days"),
        (lambda rows: [row.__setitem__(2, str(float(row[2]) / 12)) for row in rows], "time-looks-like-years"),
        (lambda rows: [row.__setitem__(0, f"other{row[0]}") for row in rows], "no-patient-in-both"),
    ],
)
def test_outcomes_are_refused(tmp_path: Path, rows: Rows, change: Callable[[Rows], object], code: str) -> None:
    change(rows)
    check = checked(tmp_path, rows)
    assert code in refusals(check)
    with pytest.raises(CohortRejected, match=code):
        join(read_features(tmp_path / "features.csv"), read_outcomes(tmp_path / "outcomes.csv"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({(2, FIRST): "inf"}, "feature-not-finite"),
        ({(2, "settings_digest"): "0" * 64}, "feature-settings-differ"),
        ({(2, "bias_correction"): "none"}, "bias-correction-differs"),
        ({(2, "patient"): "0003"}, "id-repeated"),
    ],
)
def test_features_are_refused(tmp_path: Path, rows: Rows, changes: dict[tuple[int, str], str], code: str) -> None:
    assert refusals(checked(tmp_path, rows, changes=changes)) == [code]


def test_a_feature_without_a_value_is_a_warning_and_its_patient_is_left_out(tmp_path: Path, rows: Rows) -> None:
    check = checked(tmp_path, rows, changes={(2, FIRST): "", (4, FIRST): ""})
    assert refusals(check) == []
    assert notes(check) == ["feature-undefined"]
    [note] = check.notes
    assert "1 of the T1+C features empty and the others not" in note.sentence
    table = join(read_features(tmp_path / "features.csv"), read_outcomes(tmp_path / "outcomes.csv"))
    patients = training_patients(table, task=Task.RECURRENCE, sequences=tuple(Sequence), cohort=None)
    assert patients.left_out[0] == 2


def test_same_features_in_two_cohorts_are_refused(tmp_path: Path, rows: Rows) -> None:
    numbers = values(COUNT)
    numbers[79] = numbers[0] * (1 + 1e-9)  # a copy that was rounded on its way
    assert refusals(checked(tmp_path, rows, numbers=numbers)) == ["features-shared-between-cohorts"]


def test_same_features_in_one_cohort_are_a_note(tmp_path: Path, rows: Rows) -> None:
    numbers = values(COUNT)
    numbers[1] = numbers[0]
    check = checked(tmp_path, rows, numbers=numbers)
    assert refusals(check) == []
    assert notes(check) == ["features-repeated"]


def test_patient_column_finds_two_examinations(tmp_path: Path, rows: Rows) -> None:
    named = [[*row, "p1" if row[0] in ("0001", "0002") else f"p{row[0]}"] for row in rows]
    assert refusals(checked(tmp_path, named, header=(*HEADER, "patient"))) == ["patient-repeated"]
    named[2][-1], named[79][-1] = "p0002", "p1"
    assert refusals(checked(tmp_path, named, header=(*HEADER, "patient"))) == ["patient-in-several-cohorts"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({(2, "engine"): "pyradiomics 3.0.1"}, "feature-engine-differs"),
        ({(2, "bias_correction"): "own 1"}, "bias-correction-differs"),
        ({(row, FIRST): "1.5" for row in range(COUNT)}, "feature-constant"),
        ({(2, name): "" for name in input_names() if name.startswith("t2w_")}, "sequence-missing"),
    ],
)
def test_features_have_notes(tmp_path: Path, rows: Rows, changes: dict[tuple[int, str], str], code: str) -> None:
    check = checked(tmp_path, rows, changes=changes)
    assert refusals(check) == []
    assert notes(check) == [code]


def test_outcomes_have_notes(tmp_path: Path, rows: Rows) -> None:
    rows[3][2] = rows[3][3] = ""
    assert notes(checked(tmp_path, rows)) == ["outcome-missing"]
    assert notes(checked(tmp_path, rows[4:])) == ["no-outcome"]
    assert notes(checked(tmp_path, rows[4:], numbers=values(COUNT)[:70])) == ["no-outcome", "no-features"]
    quiet = [[*row[:3], "0", *row[4:]] for row in rows[4:]]
    assert notes(checked(tmp_path, quiet)) == ["few-events", "few-events", "no-outcome"]


def test_all_mistakes_are_listed_and_no_identifier(tmp_path: Path, rows: Rows) -> None:
    rows[3][2], rows[5][3] = "-1", ""
    check = checked(tmp_path, rows, changes={(2, FIRST): "inf"})
    assert refusals(check) == ["outcome-incomplete", "time-not-positive", "feature-not-finite"]
    assert "row 4 has" in check.refusals[1].sentence
    assert not any("0003" in one.sentence or "0005" in one.sentence for one in check.refusals)


def test_parquet_is_read_as_csv(tmp_path: Path) -> None:
    path = write_features(tmp_path / "features.csv", values(5), changes={(1, FIRST): ""})
    options = arrow_csv.ConvertOptions(column_types={"patient": pyarrow.string()})
    parquet.write_table(arrow_csv.read_csv(path, convert_options=options), tmp_path / "features.parquet")
    one, two = read_features(path), read_features(tmp_path / "features.parquet")
    assert one.identifiers == two.identifiers == ("0000", "0001", "0002", "0003", "0004")
    assert np.array_equal(one.values, two.values, equal_nan=True)
    assert np.isnan(one.values[1, 0])
    assert one.settings_digests == two.settings_digests


def test_columns_in_the_order_asked_for(tmp_path: Path) -> None:
    rows = read_features(write_features(tmp_path / "features.csv", values(3)))
    names = input_names()
    assert np.array_equal(rows.columns((names[5], names[1])), values(3)[:, [5, 1]])
    with pytest.raises(CohortRejected, match=r"lacks 1 of the 2 features .* \(first: nothing\)"):
        rows.columns((names[0], "nothing"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("features.xlsx", "", "a .csv or .parquet file was expected"),
        ("features.csv", "id,a\n1,2\n", "no column settings_digest"),
        (
            "features.csv",
            "id,a,settings_digest,engine,bias_correction\n1,2,x,y,z\n",
            "is no feature of ours .first: .a",
        ),
        ("features.csv", f"id,{FIRST},settings_digest,engine,bias_correction\n1,high,x,y,z\n", "not a number"),
        ("features.csv", f"id,{FIRST},settings_digest,engine,bias_correction\n", "no row"),
        ("features.csv", f"id,{FIRST},{FIRST},settings_digest,engine,bias_correction\n1,2,3,x,y,z\n", "more than once"),
        ("features.parquet", "no parquet", "is not a Parquet file"),
    ],
)
def test_other_files_are_no_features(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CohortRejected, match=message):
        read_features(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,cohort,event\n1,a,0\n", "no column 'time_months'"),
        ("id,cohort,time_months,event\n", "no row below its header"),
        ("id,cohort,time_months,event\n1,a,long,0\n", "row 1 is not a finite number"),
        ("id,cohort,time_months,event\n1,a,nan,0\n", "row 1 is not a finite number"),
        ("id,cohort,time_months,event\n1,a,12,yes\n", "1, 0 or an empty cell"),
        ("id,cohort,time_months,event\n1,a,12\n", "row 1 has 3 cells"),
        ("id,id,time_months,event\n1,1,12,0\n", "more than once"),
    ],
)
def test_other_files_are_no_outcomes(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "outcomes.csv").write_text(content)
    with pytest.raises(CohortRejected, match=message):
        read_outcomes(tmp_path / "outcomes.csv")


def test_outcomes_with_other_names_units_and_separators(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text("\ufeffPatient;split;days;relapse\n007;b;365.25;1\n", encoding="utf-8")
    columns = OutcomeColumns().renamed(("id=Patient", "time=days", "event=relapse"))
    rows = read_outcomes(path, columns=columns, unit=TimeUnit.DAYS)
    assert (rows.identifiers, rows.cohorts) == (("007",), ("b",))
    assert rows.times_months == pytest.approx([365.25 / DAYS_PER_MONTH])
    with pytest.raises(CohortRejected, match="'date=x' names no column"):
        OutcomeColumns().renamed(("date=x",))


def test_one_value_in_two_spellings_is_named(tmp_path: Path, rows: Rows) -> None:
    subtype = HEADER.index("subtype")
    for row, spelling in zip(rows, ("Luminal A", "luminal a", "luminal_A"), strict=False):
        row[subtype] = spelling
    check = checked(tmp_path, rows)
    assert notes(check) == ["values-spelt-twice"]
    assert "1 value in several spellings ('Luminal A' and 'luminal a' and 'luminal_A'" in check.notes[0].sentence
    for number, row in enumerate(rows):
        row[subtype] = f"Text {number}" if number % 2 else f"text {number - 1}"
    assert notes(checked(tmp_path, rows)) == []  # free text is not looked at, nor printed


@pytest.mark.parametrize(
    ("outlined", "expected"),
    [
        (("manual", "semiautomatic: grow-cut 1.0"), ["outlines-differ"]),
        (("manual", ""), []),  # what is not stated is not another way
        (("manual", "manual"), []),
    ],
)
def test_tumours_outlined_in_different_ways_are_a_warning(
    tmp_path: Path, rows: Rows, outlined: tuple[str, str], expected: list[str]
) -> None:
    checked(tmp_path, rows)  # writes the tables
    features = read_features(tmp_path / "features.csv")
    count = len(features.identifiers)
    several = replace(features, outlined=tuple(outlined[row % 2] for row in range(count)))
    found = [note for note in check_features(several).notes if note.code == "outlines-differ"]
    assert [note.code for note in found] == expected
    assert all(f"manual: {(count + 1) // 2}" in note.sentence for note in found)
    assert several.rows([1, 0]).outlined == (outlined[1], outlined[0])
