"""Clinical columns as covariates."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import CohortRejected
from models.patients.covariates import Covariate, CovariateChoice, Kind, read_covariate, readable_covariates

AGES = ["41", "52", "63", "48", "55", "67", "70", "", "NA"]
STAGES = ["II", "I", "III", "II", "I", "unknown", "I", "II", "unkown"]


def of(cells: list[str], text: str = "x") -> Covariate:
    return read_covariate({"x": cells}, CovariateChoice.of(text))


def test_numbers_and_categories_are_told_apart() -> None:
    age, stage, grade = of(AGES), of(STAGES), of(["1", "2", "3", "10", "1", "2", "3", "1", "2"])
    assert (age.kind, int(age.known.sum())) == (Kind.NUMBER, 7)
    assert (stage.kind, stage.levels, stage.reference) == (Kind.CATEGORY, ("I", "II", "III"), "I")
    assert stage.codes.tolist() == [1, 0, 2, 1, 0, -1, 0, 1, -1]
    assert (grade.kind, grade.levels) == (Kind.CATEGORY, ("1", "2", "3", "10"))  # by size, not by letters
    assert of(["1", "2", "3", "1", "2", "3", "2", "1", "1"], "x:number").kind is Kind.NUMBER
    assert of(AGES, "x:category").kind is Kind.CATEGORY


def test_columns_of_a_regression_leave_the_reference_out() -> None:
    stage = of(STAGES, "x=II")
    known = stage.rows(stage.known)
    names, columns = known.columns()
    assert names == ("I", "III")
    assert columns.sum(axis=1).tolist() == [float(code != 1) for code in known.codes]
    few = stage.rows(np.isin(stage.codes, (0, 2)))  # nobody has the reference
    assert few.columns()[0] == ("III",)
    assert few.reference_of(few.present()) == "I"


@pytest.mark.parametrize(
    ("cells", "text", "words"),
    [
        (STAGES, "y", "no clinical column 'y'; there are: x"),
        (["II", "II", ""], "x", "the value 'II' only among 3 patients"),
        (["", "", "NA"], "x", "no value among 3 patients"),
        (["5.0", "5", "5.00"], "x:number", "5"),
        (STAGES, "x=IV", "no level 'IV'; it has I, II, III"),
        (STAGES, "x:number", "3 texts that are no finite numbers"),
        ([f"text {number}" for number in range(20)], "x", "20 different values"),
        (STAGES, "x=", "NAME=REFERENCE"),
        (STAGES, "x:colour", "NAME:number or NAME:category"),
        (AGES, "x:number=41", "a number has no reference level"),
    ],
)
def test_what_cannot_be_a_covariate(cells: list[str], text: str, words: str) -> None:
    with pytest.raises(CohortRejected, match=words):
        of(cells, text)


def test_unreadable_columns_are_named_with_the_reason() -> None:
    found, why_not = readable_covariates({"age": AGES, "same": ["a"] * 9, "free": [f"t{n}" for n in range(20)]})
    assert [one.name for one in found] == ["age"]
    assert set(why_not) == {"same", "free"}
