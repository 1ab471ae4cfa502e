"""The whole pipeline on real images: a two-sequence study and a breast DCE-MRI (origin in the data sets' README)."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from scipy import ndimage

from appliance.pipeline import Result, Workbench, answer_study
from appliance.settings import Settings
from appliance.workbench import open_workbench
from dicom_io.answer_roles import Role
from dicom_io.errors import Remedy, SeriesNotFound
from dicom_io.rules import NO_ASSIGNMENT, Assignment
from models.errors import StudyRejected
from models.inference.predict import ModelOutcome, NotApplicable
from models.intended_use import IntendedUse, Item, check_intended_use
from models.validity import State, decide
from models.volume import Sequence
from tests.conftest import require_programs

CREATED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEMONSTRATION = "demonstration model, not trained on patients"


@pytest.fixture(scope="module")
def bench() -> Workbench:
    return open_workbench(Settings(intended_use=IntendedUse(confirmed=tuple(Item), confirmed_by="this test")))


def files_of(*folders: Path) -> list[Path]:
    return sorted(file for folder in folders for file in folder.rglob("*.dcm"))


@pytest.fixture(scope="module")
def sarcoma(shared_data: Path, bench: Workbench) -> Result:
    """STS_001: real T1 and T2 of one patient, a SEG for each; no contrast series by its headers, hence assigned."""
    study = shared_data / "sts_001"
    files = files_of(study / "t1", study / "t2", study / "seg")
    series = {name: pydicom.dcmread(files_of(study / name)[0]).SeriesInstanceUID for name in ("t1", "t2")}
    assignment = Assignment.parse([f"t1c={series['t1']}", f"t2w={series['t2']}"])
    return answer_study(files, bench, assignment=assignment, created=CREATED)


@pytest.fixture(scope="module")
def breast(shared_data: Path, bench: Workbench) -> Result:
    """UCSF-BR-06: sagittal, three phases in one series, tumour SEG by dcmqi; no T2W."""
    study = shared_data / "breast_dce_ucsf_br_06"
    files = [*files_of(study / "dce"), study / "seg" / "tumour_binary_dcmqi.dcm"]
    return answer_study(files, bench, assignment=NO_ASSIGNMENT, created=CREATED)


@pytest.fixture(params=["sarcoma", "breast"])
def result(request: pytest.FixtureRequest) -> Result:
    return request.getfixturevalue(request.param)


def outcomes(result: Result) -> dict[str, ModelOutcome | NotApplicable]:
    return {outcome.model.name: outcome for outcome in result.outcomes}


@pytest.mark.slow
def test_a_thigh_is_outside_and_a_breast_is_not(sarcoma: Result, breast: Result) -> None:
    """By the headers alone, nothing confirmed: THIGH, EXTREMITY and M; MR BREAS, UNIT, an age of 71 and 15000 gauss."""
    thigh = decide(check_intended_use(sarcoma.study.evidence, IntendedUse()))
    assert thigh.state is State.OUTSIDE
    assert [reason.code for reason in thigh.decisive] == ["other-organ", "not-female"]
    assert check_intended_use(breast.study.evidence, IntendedUse()) == ()
    for model in (outcomes(breast)["recurrence_t1c"], *outcomes(sarcoma).values()):
        if isinstance(model, ModelOutcome):
            assert model.validity.state in (State.VALID, State.CONDITIONAL, State.BORDERLINE)
    said = " ".join(reason.sentence for reason in outcomes(sarcoma)["recurrence"].validity.reasons)
    assert "It was confirmed by this test." in said


@pytest.mark.slow
def test_two_sequences_give_the_whole_vector(sarcoma: Result) -> None:
    assert len(sarcoma.features) == 3452
    # Volumes of the contours as stated with the data set: 364.75 and 364.90 cm³.
    for sequence, expected_cm3 in ((Sequence.T1C, 364.75), (Sequence.T2W, 364.90)):
        assert sarcoma.study.tumours[sequence].volume_mm3 / 1000 == pytest.approx(expected_cm3, rel=1e-3)
    every = outcomes(sarcoma)
    assert set(every) == {"recurrence", "krt7_as", "recurrence_t1c"}
    assert isinstance(every["recurrence"], ModelOutcome)
    assert isinstance(every["krt7_as"], ModelOutcome)
    assert isinstance(every["recurrence_t1c"], NotApplicable)  # one recurrence score on a page
    roles = [found.role for found in sarcoma.answer.objects]
    assert {Role.SEG_T1C, Role.SEG_T2W, Role.KEY_SR, Role.PDF} <= set(roles)


@pytest.mark.slow
def test_without_t2w_the_models_that_need_it_say_so(breast: Result) -> None:
    assert len(breast.features) == 1726
    assert np.count_nonzero(breast.study.tumours[Sequence.T1C].mask) == 33_120  # as stated with the data set
    every = outcomes(breast)
    assert isinstance(every["recurrence_t1c"], ModelOutcome)
    sentences = {section.model.name: section.sentence for section in breast.report.not_applicable}
    assert set(sentences) == {"recurrence", "krt7_as"}
    for sentence in sentences.values():
        assert "not applicable, because no T2W series was found" in sentence
    assert not any(found.role is Role.SEG_T2W for found in breast.answer.objects)


@pytest.mark.slow
def test_breast_tissue_is_not_a_tumour(shared_data: Path, bench: Workbench) -> None:
    study = shared_data / "breast_dce_ucsf_br_06"
    files = [*files_of(study / "dce"), study / "seg" / "breast_voi_fractional.dcm"]
    with pytest.raises(StudyRejected, match="Breast") as refusal:
        answer_study(files, bench, assignment=NO_ASSIGNMENT, created=CREATED)
    assert "not a tumour" in str(refusal.value)


@pytest.mark.slow
def test_unassigned_series_without_contrast_are_refused_with_the_list(shared_data: Path, bench: Workbench) -> None:
    study = shared_data / "sts_001"
    files = files_of(study / "t1", study / "t2", study / "seg")
    description = str(pydicom.dcmread(files_of(study / "t1")[0]).SeriesDescription)
    with pytest.raises(SeriesNotFound) as refusal:
        answer_study(files, bench, assignment=NO_ASSIGNMENT, created=CREATED)
    assert description in str(refusal.value)
    assert refusal.value.remedies == (Remedy.CHOOSE_SERIES,)


@pytest.mark.slow
def test_survival_falls_and_the_group_follows_the_cut_off(result: Result) -> None:
    for section in result.report.models:
        if section.group is None:
            continue
        score = section.measurements[0].value
        cut_off = next(row.value for row in section.measurements if row.key == "cut_off")
        assert (section.group.value == "high") == (score > cut_off)
        survival = [row for row in section.measurements if row.key == "rfs"]
        if section.model.name.startswith("recurrence"):
            assert [row.horizon_months for row in survival] == [12, 24, 36]
            values = [row.value for row in survival]
            assert 1 >= values[0] >= values[1] >= values[2] >= 0
        assert DEMONSTRATION in section.model.notice


@pytest.mark.slow
def test_shell_that_is_sent_surrounds_the_tumour_within_ten_millimetres(result: Result) -> None:
    for made in result.answer.objects:
        if made.role not in (Role.SEG_T1C, Role.SEG_T2W):
            continue
        segmentation = hd.seg.Segmentation.from_dataset(made.dataset)
        grid = segmentation.get_volume(combine_segments=False)
        tumour, shell = (grid.array[..., index] > 0 for index in (0, 1))
        distance_mm = ndimage.distance_transform_edt(~tumour, sampling=grid.spacing)
        assert not np.any(tumour & shell)
        assert distance_mm[shell].min() > 0
        assert 10.0 - max(grid.spacing) < distance_mm[shell].max() <= 10.0 + 1e-6


@pytest.mark.slow
@pytest.mark.peers
def test_objects_pass_the_independent_validator(result: Result, tmp_path: Path) -> None:
    require_programs("dciodvfy", "pdftotext")
    for made in result.answer.objects:
        path = tmp_path / f"{made.role}.dcm"
        made.dataset.save_as(path, enforce_file_format=True)
        verdict = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
        errors = [line for line in verdict.stderr.splitlines() if line.startswith("Error")]
        assert not errors, f"{made.role}: {errors[:5]}"
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(result.answer.pdf)
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    assert DEMONSTRATION in " ".join(text.split())
    for section in result.report.models:
        for row in section.measurements:
            assert row.shown in text


@pytest.mark.slow
def test_every_number_of_the_report_is_in_the_key_sr(result: Result) -> None:
    key_sr = next(made.dataset for made in result.answer.objects if made.role is Role.KEY_SR)
    document = hd.sr.Comprehensive3DSR.from_dataset(key_sr)
    values: set[float] = set()
    pending = list(document.ContentSequence)
    while pending:
        item = pending.pop()
        pending.extend(item.get("ContentSequence", []))
        if item.ValueType == "NUM":
            measured = item.MeasuredValueSequence[0]
            scale = 100.0 if measured.MeasurementUnitsCodeSequence[0].CodeValue == "%" else 1.0
            values.add(float(measured.FloatingPointValue) / scale)
    for section in result.report.models:
        for row in section.measurements:
            assert any(value == pytest.approx(row.value, rel=1e-6) for value in values), row.label


@pytest.mark.slow
def test_the_same_study_gives_the_same_objects(breast: Result, shared_data: Path, bench: Workbench) -> None:
    study = shared_data / "breast_dce_ucsf_br_06"
    files = [study / "seg" / "tumour_binary_dcmqi.dcm", *reversed(files_of(study / "dce"))]
    again = answer_study(files, bench, assignment=NO_ASSIGNMENT, created=CREATED)
    assert [made.sop_instance_uid for made in again.answer.objects] == [
        made.sop_instance_uid for made in breast.answer.objects
    ]
    for one, other in zip(breast.answer.objects, again.answer.objects, strict=True):
        assert one.dataset == other.dataset
