"""The state of an answer in everything that is made of it. Kind: mechanics.

A table of cases and the state expected of each (by the rules of states: contradiction withholds, absence makes
conditional, the worst reason wins) runs through every encoder: SR, PDF, DICOM attributes, result.json and studies.csv.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
from pydicom import Dataset
from pypdf import PdfReader

from appliance.offline.result_folder import answered
from appliance.offline.result_json import Origin
from appliance.offline.runs import in_a_line, predictions_of
from appliance.pipeline import Result
from dicom_io.answer_roles import Role
from dicom_io.writing.encode import encode
from dicom_io.writing.facts import facts_of
from dicom_io.writing.read_answer import read_predictions
from models.features.settings import FeatureSettings
from models.inference.outcome import ModelOutcome, NotApplicable, PlausibleRange
from models.intended_use import Evidence, IntendedUse, Item, Unconfirmed, check_intended_use
from models.note_reasons import reasons_of
from models.quality_notes import QualityNote, Severity
from models.validity import Reason, State, decide
from reports import wording
from reports.compose import compose
from reports.validity_words import STATES
from tests.appliance.offline.test_result_json import mistakes
from tests.conftest import require_programs
from tests.dicom_io.made_studies import CREATED, make
from tests.models.test_intended_use import COMPLETE, THIGH
from tests.reports import examples

ORIGIN = Origin("1.2.3", "0" * 64, "f" * 64, datetime(2026, 11, 28, 12, 0, tzinfo=UTC))
SCORE, SHOWN = -2.4681, "−2.47"  # a number that nothing else in a report has

SILENT, CHILD = Evidence(), replace(COMPLETE, age_years=9.4, stated_age_years=9.0)
MAN, OTHER = replace(COMPLETE, sex="M"), replace(COMPLETE, breast="", other_organ=THIGH)
LARGE = examples.REASONS[State.NOT_COMPUTABLE]
BETWEEN = examples.REASONS[State.BORDERLINE]
CUT = QualityNote("shell-cut-by-body", Severity.WARNING, "23% of the shell lies outside the body.")


def use(evidence: Evidence, **settings: Any) -> tuple[Reason, ...]:
    return check_intended_use(evidence, IntendedUse(**settings))


CASES: dict[str, tuple[tuple[Reason, ...], State]] = {
    "everything stated": (use(COMPLETE), State.VALID),
    "headers say nothing": (use(SILENT), State.CONDITIONAL),
    "headers say nothing, withheld": (use(SILENT, unconfirmed=Unconfirmed.WITHHOLD), State.OUTSIDE),
    "headers say nothing, confirmed": (use(SILENT, confirmed=tuple(Item)), State.VALID),
    "a man": (use(MAN), State.OUTSIDE),
    "a man, confirmed": (use(MAN, confirmed=(Item.SEX,)), State.VALID),
    "nine years": (use(CHILD), State.OUTSIDE),
    "a thigh": (use(OTHER), State.OUTSIDE),
    "TSPINE on a breast": (use(replace(COMPLETE, other_organ="Body Part Examined “TSPINE”")), State.CONDITIONAL),
    "ages differ": (use(replace(COMPLETE, stated_age_years=74.0)), State.CONDITIONAL),
    ".3 T": (use(replace(COMPLETE, field_strength_t=0.3)), State.CONDITIONAL),
    "shell cut": (reasons_of([CUT]), State.CONDITIONAL),
    "shell cut a little": (reasons_of([replace(CUT, severity=Severity.NOTE)]), State.VALID),
    "cut-off in the range": ((BETWEEN,), State.BORDERLINE),
    "cut-off in the range, headers say nothing": ((*use(SILENT), BETWEEN), State.BORDERLINE),
    "cut-off in the range, nine years": ((BETWEEN, *use(CHILD)), State.OUTSIDE),
    "mask too large": ((LARGE,), State.NOT_COMPUTABLE),
    "mask too large, nine years": ((*use(CHILD), LARGE), State.NOT_COMPUTABLE),
}
# The SR's answer to "which risk group?" (SNOMED CT; CID 3118, and mCODE's reading of the two others).
RISK = {
    State.VALID: "75976002",
    State.CONDITIONAL: "75976002",
    State.BORDERLINE: "42425007",
    State.OUTSIDE: "82334004",
    State.NOT_COMPUTABLE: "82334004",
}
# DCM 111065 Summary of Analyses (CID 6042).
SUMMARY = {
    State.VALID: "111222",  # Succeeded
    State.CONDITIONAL: "111222",
    State.BORDERLINE: "111222",
    State.OUTSIDE: "111225",  # Not Attempted
    State.NOT_COMPUTABLE: "111224",  # Failed
}
TITLED = {
    State.VALID: ("Radiomics report (research use only)", "Radiomics report, PDF (research use only)"),
    State.CONDITIONAL: (
        "Radiomics report, to be confirmed (research use only)",
        "Radiomics report, PDF, to be confirmed (research use only)",
    ),
    State.BORDERLINE: (
        "Radiomics report, between the groups (research use only)",
        "Radiomics report, PDF, between the groups (research use only)",
    ),
    State.OUTSIDE: ("RDeepNet: no result (research use only)", "RDeepNet: no result, PDF (research use only)"),
    State.NOT_COMPUTABLE: ("RDeepNet: no result (research use only)", "RDeepNet: no result, PDF (research use only)"),
}


def answered_case(case: str) -> Result:
    """The whole answer to a study about which these reasons speak."""
    reasons, state = CASES[case]
    made, table = make(with_t2w=False), examples.features()
    low = replace(
        examples.recurrence(table, value=SCORE),
        plausible_range=PlausibleRange(-2.9, -2.0, "By two ways."),
        training=examples.WITH_GROUPS,
        rank=examples.RANK,
    )
    outcomes: tuple[ModelOutcome | NotApplicable, ...] = (
        low.held_to(reasons),
        NotApplicable(examples.identity("krt7_as", title="KRT7-AS expression"), "no T2W series was found"),
    )
    is_computable = state is not State.NOT_COMPUTABLE
    prepared, features = (made.prepared, table) if is_computable else (None, None)
    report = compose(
        subject=made.study.subject,
        prepared=prepared,
        features=features,
        outcomes=outcomes,
        series=made.study.series,
        notes=(),
        bias="none",
        settings=FeatureSettings(),
        created=CREATED,
    )
    answer = encode(made.study, prepared, report, features_sr=True)
    return Result(made.study, features, outcomes, report, answer, facts_of(made.study, report), ())


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Result, State]:
    name: str = request.param
    return answered_case(name), CASES[name][1]


def key_sr(result: Result) -> Dataset:
    return next(made.dataset for made in result.answer.objects if made.role is Role.KEY_SR)


def words(text: str) -> str:
    return re.sub(r"\s+", "", text)


def pages(result: Result) -> list[str]:
    return [words(page.extract_text()) for page in PdfReader(io.BytesIO(result.answer.pdf)).pages]


def texts(item: Dataset) -> str:
    """Every text of a content tree."""
    own = str(item.get("TextValue", ""))
    return " ".join([own, *(texts(child) for child in item.get("ContentSequence", ()))])


def test_the_outcome_and_the_report(case: tuple[Result, State]) -> None:
    result, state = case
    section = result.report.models[0]
    assert decide(section.validity.reasons).state is section.state is state is result.report.state
    assert section.headline == STATES[state].headline.format(group="Low risk of recurrence")
    assert bool(section.lead) is (state is State.CONDITIONAL)
    assert bool(section.measurements) is bool(section.contributions) is state.shows_score
    assert bool(section.advice) is not state.shows_score


def test_the_codes_of_the_report(case: tuple[Result, State], tmp_path: Path) -> None:
    result, state = case
    path = tmp_path / "sr.dcm"
    key_sr(result).save_as(path, enforce_file_format=True)
    group = hd.sr.srread(path).content.get_image_measurement_groups()[0]
    evaluations = [(one.name.value, one.value) for one in group.get_qualitative_evaluations()]
    (name, answer), (validity, code), (summary, succeeded), *reasons = evaluations
    assert (name, answer.scheme_designator, answer.value) == ("RISK_GROUP", "SCT", RISK[state])
    assert (validity, code.value) == ("VALIDITY", STATES[state].code.value)
    assert (summary, succeeded.scheme_designator, succeeded.value) == ("111065", "DCM", SUMMARY[state])
    kept = {reason.code for reason in result.report.models[0].validity.reasons}
    assert [name for name, _ in reasons] == ["VALIDITY_REASON"] * len(kept)
    numbers = {one.name.value: one for one in group.get_measurements()}
    assert ("RECURRENCE_SCORE" in numbers) is state.shows_score
    assert bool(numbers) is state.shows_score
    if state.shows_score:
        assert _uncertainties(numbers["RECURRENCE_SCORE"]) == (pytest.approx(SCORE + 2.9), pytest.approx(-2.0 - SCORE))
    (read, *_) = read_predictions(path)
    assert read.conclusions["Validity of the answer"] == STATES[state].code.meaning
    assert bool(read.numbers) is state.shows_score


def _uncertainties(number: Any) -> tuple[float, float]:
    """Lower and upper measurement uncertainty of a number (CID 225)."""
    found = {
        str(item.ConceptNameCodeSequence[0].CodeValue): float(item.MeasuredValueSequence[0].NumericValue)
        for item in number[0].ContentSequence
        if item.ValueType == "NUM"
    }
    return found["371885007"], found["371886008"]


def test_no_number_is_empty(case: tuple[Result, State]) -> None:
    """A reader of ours and others' raises for the whole document where one is."""
    pending = [key_sr(case[0])]
    while pending:
        item = pending.pop()
        pending += item.get("ContentSequence", ())
        if item.get("ValueType") == "NUM":
            assert len(item.MeasuredValueSequence) == 1


def test_the_words_of_report_and_document(case: tuple[Result, State]) -> None:
    result, state = case
    said, (first, *later) = texts(key_sr(result)), pages(result)
    section = result.report.models[0]
    for sentence in (section.conclusion, section.advice, section.lead, result.report.not_checked):
        assert sentence in said
        assert words(sentence) in first
    assert words(section.headline) in first
    for reason in section.validity.reasons:
        assert reason.sentence in said
        assert words(reason.sentence) in "".join([first, *later]) or not state.shows_score
    assert bool(later) is state.shows_score  # one page where there is nothing to look up
    for text in (said, first, *later):
        if not state.shows_group:
            assert not re.search("(low|high) ?risk ?of", text, re.IGNORECASE)
        if not state.shows_score:
            assert SHOWN not in text
            assert f"{SCORE}" not in text
    assert (SHOWN in said) is (SHOWN in first) is state.shows_score
    # So are the place among the training patients and the picture of their groups.
    for text in ("83 of 100 training patients", wording.TRAINING_GROUPS, "Hazard ratio 9.1 (95% 5.0 to 17)"):
        assert (words(text) in first) is state.shows_score
        assert words(text) not in "".join(later)


def test_titles_of_series_and_document(case: tuple[Result, State]) -> None:
    result, state = case
    found = {made.role: made.dataset for made in result.answer.objects}
    described = found[Role.KEY_SR].SeriesDescription, found[Role.PDF].SeriesDescription
    assert described == TITLED[state]
    assert all(len(text) <= 64 for text in described)
    title = STATES[state].title
    assert found[Role.PDF].DocumentTitle == result.report.title
    assert result.report.title.endswith(title)
    metadata = PdfReader(io.BytesIO(result.answer.pdf)).metadata
    assert metadata is not None
    assert metadata.title == result.report.title
    assert (Role.SEG_T1C in found) is (Role.FEATURES_SR in found) is (state is not State.NOT_COMPUTABLE)


def test_result_json_and_tables(case: tuple[Result, State]) -> None:
    result, state = case
    files = answered(result, ORIGIN)
    description = json.loads(files["result.json"])
    assert mistakes(description) == []
    asked, absent = description["models"]
    assert description["validity"] == asked["validity"] == state
    assert absent["validity"] == "not_asked"
    assert asked["group"] == ("low" if state.shows_group else None)
    assert asked["rank"] == ({"low": 0.832, "high": 0.832} if state.shows_score else None)
    assert [one["value"] for one in asked["predictions"][:1]] == ([SCORE] if state.shows_score else [])
    assert str(SCORE) not in files["result.json"].decode() or state.shows_score
    assert ("features.csv" in files) is (state is not State.NOT_COMPUTABLE)
    row = predictions_of(description)
    assert row["recurrence.validity"] == state
    assert row["recurrence.group"] == ("low" if state.shows_group else "")
    assert ("recurrence.recurrence_score" in row) is state.shows_score
    codes = [reason["code"] for reason in asked["reasons"]]
    assert row["recurrence.reasons"] == "; ".join(dict.fromkeys(codes))
    line = in_a_line(asked)
    assert ("-2.47" in line) is state.shows_score
    assert ("low" in line.split()) is (state is State.VALID)
    assert state is State.VALID or STATES[state].short in line


def test_a_researcher_gets_withheld_scores_under_their_own_name(case: tuple[Result, State]) -> None:
    result, state = case
    description = json.loads(answered(result, ORIGIN, withheld=True)["result.json"])
    assert mistakes(description) == []
    asked = description["models"][0]
    kept = asked["predictions"] or asked["withheld"]
    assert kept[0]["value"] == SCORE
    assert bool(asked["withheld"]) is not state.shows_score


def test_another_state_is_another_object() -> None:
    """Settings that change the answer must not give new content under a UID that an archive holds already."""
    one, other = answered_case("a man"), answered_case("a man, confirmed")
    assert key_sr(one).SOPInstanceUID != key_sr(other).SOPInstanceUID


def test_what_was_overruled_is_printed() -> None:
    result = answered_case("a man, confirmed")
    sentence = "It was confirmed by the setting intended_use.confirmed."
    assert sentence in texts(key_sr(result))
    assert words(sentence) in pages(result)[0]


@pytest.mark.peers
def test_independent_readers_take_every_state(case: tuple[Result, State], tmp_path: Path) -> None:
    require_programs("dciodvfy", "tid1500reader")
    result, state = case
    for made in result.answer.objects:
        path = tmp_path / f"{made.role}.dcm"
        made.dataset.save_as(path, enforce_file_format=True)
        verdict = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
        assert [line for line in verdict.stderr.splitlines() if line.startswith("Error")] == []
    out = tmp_path / "sr.json"
    command = ["tid1500reader", "--inputDICOM", tmp_path / "key_sr.dcm", "--outputMetadata", out]
    subprocess.run(command, check=True, capture_output=True)
    group = json.loads(out.read_text())["Measurements"][0]
    assert bool(group["measurementItems"]) is state.shows_score
    values = [one["conceptValue"]["CodeValue"] for one in group["qualitativeEvaluations"]]
    assert values[:3] == [RISK[state], STATES[state].code.value, SUMMARY[state]]
