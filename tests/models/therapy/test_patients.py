"""Responses and the join of the three tables: everybody is counted, nobody is filled in. Kind: mechanics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.errors import CohortRejected
from models.therapy.patients import Examinations, Reason, join_examinations
from models.therapy.response import Responses, ResponseScale, read_responses


def table(source: str, identifiers: list[str], values: np.ndarray | None = None, features: int = 12) -> Examinations:
    rng = np.random.default_rng(len(source))
    values = rng.normal(size=(len(identifiers), features)) if values is None else values
    return Examinations(source, tuple(identifiers), tuple(f"f{n}" for n in range(values.shape[1])), values)


def responses(*cells: str) -> Responses:
    return read_responses(cells, column="response", source="clinical.csv")


IDS = [f"P{number}" for number in range(8)]
CELLS = ("CR", "PR", "PR", "PR", "SD", "SD", "PD", "PD")


@pytest.mark.parametrize(
    ("cells", "scale", "responded"),
    [
        (("CR", "pr", " SD", "PD", ""), ResponseScale.RECIST, (True, True, False, False, None)),
        (("complete response", "Stable Disease", "NE"), ResponseScale.RECIST, (True, False, None)),
        (("pCR", "non-pCR", "RD", "NA"), ResponseScale.PCR, (True, False, False, None)),
        (("1", "0.0", "1.0", "", "nan"), ResponseScale.FLAG, (True, False, True, None, None)),
    ],
)
def test_responses_are_read(cells: tuple[str, ...], scale: ResponseScale, responded: tuple[bool | None, ...]) -> None:
    found = responses(*cells)
    assert (found.scale, found.responded) == (scale, responded)


def test_other_responses_are_refused_with_their_number() -> None:
    with pytest.raises(CohortRejected, match=r"2 of the 4 responses in 'response'.*\(RECIST\): 'good' \(2\); CR, PR"):
        responses("CR", "SD", "good", "good")
    with pytest.raises(CohortRejected, match=r"1 of the 3 responses .* 'CR' \(1\)"):
        responses("1", "0", "CR")
    with pytest.raises(CohortRejected, match="no cell of the column 'response' holds a response"):
        responses("", "NA")


def test_everybody_is_analysed_or_named() -> None:
    before = table("pre", [*IDS, "only before", "complete", "no row", "incomplete", "unknown", "no volume"])
    before.values[11, 3] = np.nan
    after = table("post", [*IDS, "only after", "no row", "incomplete", "unknown", "no volume"])
    clinical = [*IDS, "only before", "complete", "only after", "incomplete", "unknown", "nowhere", "no volume"]
    found = join_examinations(
        before,
        after,
        clinical,
        responses(*CELLS, "SD", "CR", "PR", "PR", "NE", "PR", "PR"),
        clinical_source="clinical.csv",
        lacking_covariate={"no volume"},
    )
    assert found.identifiers == tuple(IDS)
    assert (found.responders, found.non_responders) == (4, 4)
    assert {one.identifier: one.reason for one in found.left_out} == {
        "only before": Reason.NO_AFTER,
        "complete": Reason.NO_AFTER_COMPLETE,
        "only after": Reason.NO_BEFORE,
        "no row": Reason.NO_CLINICAL,
        "incomplete": Reason.INCOMPLETE,
        "unknown": Reason.NO_RESPONSE,
        "nowhere": Reason.NO_FEATURES,
        "no volume": Reason.NO_COVARIATE,
    }
    assert sum(found.reasons().values()) == 8
    codes = [note.code for note in found.notes]
    assert codes == ["no-tumour-after-therapy", "one-examination-only", "small-group"]
    assert found.notes[0].sentence.startswith("1 patient with a complete response")
    np.testing.assert_array_equal(found.before[:, 2], before.values[2])
    np.testing.assert_array_equal(found.after[:, 2], after.values[2])


def test_an_empty_row_after_a_complete_response_is_no_tumour() -> None:
    values = np.random.default_rng(0).normal(size=(8, 12))
    values[0] = np.nan
    found = join_examinations(
        table("pre", IDS), table("post", IDS, values), IDS, responses(*CELLS), clinical_source="clinical.csv"
    )
    assert [(one.identifier, one.reason) for one in found.left_out] == [("P0", Reason.NO_AFTER_COMPLETE)]


def test_columns_may_come_in_another_order() -> None:
    before, after = table("pre", IDS), table("post", IDS)
    turned = replace(after, names=after.names[::-1], values=after.values[:, ::-1])
    one, other = (
        join_examinations(before, late, IDS, responses(*CELLS), clinical_source="c") for late in (after, turned)
    )
    np.testing.assert_array_equal(one.after, other.after)


def test_mistakes_are_reported_together() -> None:
    before, after = table("pre.csv", [*IDS, "P0", ""]), table("post.csv", IDS, features=11)
    after.values[0, 0] = np.inf
    with pytest.raises(CohortRejected) as caught:
        join_examinations(before, after, [*IDS, "P1"], responses(*CELLS, "PR"), clinical_source="clinical.csv")
    text = str(caught.value)
    for part in (
        "pre.csv: 1 row without an identifier",
        "pre.csv: 1 identifier in more than one row",
        "clinical.csv: 1 identifier in more than one row",
        "pre.csv has 12 features, post.csv 11; in the first only: 1, in the second only: 0 (such as f11)",
        "post.csv holds 1 infinite value;",
    ):
        assert part in text, part


def test_tables_that_share_nobody_or_too_few_are_refused() -> None:
    before, after = table("pre", IDS), table("post", [f"Q{number}" for number in range(8)])
    with pytest.raises(CohortRejected, match=r"of 8 identifiers before and 8 after, 0 are in both"):
        join_examinations(before, after, IDS, responses(*CELLS), clinical_source="c")
    with pytest.raises(CohortRejected, match=r"1 responder and 7 non-responders have features.*at least 3 of each"):
        join_examinations(before, table("post", IDS), IDS, responses("PR", *["SD"] * 7), clinical_source="c")


def test_one_examination_given_as_two_is_refused() -> None:
    before = table("pre", IDS)
    after = replace(before, source="post", values=before.values * (1 + 1e-9))
    with pytest.raises(CohortRejected, match="8 patients of 8 with the same features before"):
        join_examinations(before, after, IDS, responses(*CELLS), clinical_source="c")
