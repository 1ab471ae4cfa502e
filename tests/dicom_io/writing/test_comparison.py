"""The change since an earlier study: what is compared, what is not and why, and the section of the SR.

Kind: mechanics; dciodvfy and tid1500reader are the oracles of the objects.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from dicom_io.answer_roles import Role
from dicom_io.priors import Comparing, PatientIdentity, Present, PriorStudy, patient_mark
from dicom_io.reading.patient_identity import patient_of, present_of
from dicom_io.writing.comparison import compared, measured
from dicom_io.writing.encode import encode
from dicom_io.writing.facts import facts_of, with_replacement
from dicom_io.writing.read_answer import read_predictions
from models.acquisition import Acquisition
from models.inference.change import ComparisonLimits, Obstacle, StudyMeasured, TumourSize
from models.inference.outcome import Group
from models.validity import State
from models.volume import Sequence
from reports.change import OBSTACLES, PRIOR_NOT_USED
from reports.content import Report
from reports.pdf.document import render_pdf
from reports.replacement import Reason
from tests.conftest import require_programs
from tests.dicom_io.made_studies import CREATED, SR, Made, header, make
from tests.dicom_io.writing.test_peers_read_our_objects import UNAVOIDABLE, run

PRIOR_UID = "1.2.826.0.1.3680043.8.498.99"
REPORT = (SR, "2.25.71", "2.25.72")
DAYS = 128


def study() -> Made:
    """A study with an issuer, of a dynamic series on a scanner that states its voxels."""
    source = header()
    source.PatientBirthDate, source.PatientSex, source.IssuerOfPatientID = "19700101", "F", "HOSPA"
    source.Manufacturer, source.ManufacturerModelName = "Siemens ", "Aera"
    made = make(patient_header=source, features_per_region=60)
    known = {
        sequence: Acquisition(slice_mm=2.0, row_mm=0.7, column_mm=0.7, field_strength_t=1.5)
        for sequence in made.study.volumes
    }
    return replace(made, study=replace(made.study, acquisitions=known, phases={Sequence.T1C: 5}))


MADE = study()
TODAY = MADE.report.subject.study_date
assert TODAY is not None
NOW = measured(MADE.study, MADE.report, settings="s")
IDENTITY = patient_of(MADE.study.header)


def then(**changes: Any) -> StudyMeasured:
    """The earlier answer: twice the volume, another score, and what is changed besides."""
    sizes = {
        sequence: TumourSize(2 * size.volume_mm3, {name: 1.25 * mm for name, mm in size.lengths_mm.items()})
        for sequence, size in NOW.sizes.items()
    }
    models = tuple(
        replace(one, value=None if one.value is None else one.value - 0.2, low=None, high=None) for one in NOW.models
    )
    return replace(NOW, **{"sizes": sizes, "models": models, **changes})


def prior(*, days: int = DAYS, **changes: Any) -> PriorStudy:
    assert TODAY is not None
    values: dict[str, Any] = {
        "identity": IDENTITY,
        "study_instance_uid": PRIOR_UID,
        "study_date": TODAY - timedelta(days=days),
        "measured": then(),
        "report": REPORT,
    }
    return PriorStudy(**{**values, **changes})


def report_with(*priors: PriorStudy, now: StudyMeasured = NOW) -> Report:
    asked: list[Present] = []

    def find(present: Present) -> Iterable[PriorStudy]:
        asked.append(present)
        return priors

    report = compared(MADE.report, present_of(MADE.study), now, Comparing(find))
    assert asked == [Present(IDENTITY, str(MADE.study.header.StudyInstanceUID), TODAY)]
    return report


def reason_in(report: Report) -> list[Obstacle]:
    """Reasons of the notes about studies that are not compared."""
    sentences = [note.sentence for note in report.notes if note.code == PRIOR_NOT_USED]
    return [next(one for one, words in OBSTACLES.items() if f"because {words}." in said) for said in sentences]


def test_facts_survive_a_json_file() -> None:
    assert StudyMeasured.from_json(json.loads(json.dumps(NOW.as_json()))) == NOW
    assert NOW.sizes[Sequence.T1C].volume_mm3 > 0
    assert "original_shape_Maximum3DDiameter" in NOW.sizes[Sequence.T1C].lengths_mm
    assert header().PatientID not in json.dumps(NOW.as_json())


def test_a_comparable_study_gives_volumes_diameters_scores_and_the_interval() -> None:
    report = report_with(prior())
    assert report.change is not None
    assert report.change.title == f"Change since {date.fromordinal(TODAY.toordinal() - DAYS).isoformat()}"  # type: ignore[union-attr]
    assert (report.change.interval_days, report.change.interval_shown) == (DAYS, "128 days")
    rows = {row.label: row for row in report.change.rows}
    volume = rows["Tumour volume, T1+C"]
    assert volume.then is not None
    assert volume.now is not None
    assert volume.then.value == 2 * volume.now.value
    assert volume.change_shown.startswith("−")
    assert volume.change_shown.endswith("(−50%)")
    assert rows["Longest diameter, T1+C"].change_shown.endswith("(−20%)")
    score = rows["RDeepNet recurrence score"]
    assert score.change_shown == "+0.20"
    assert reason_in(report) == []
    said = json.dumps([report.change.sentences, [row.label for row in report.change.rows]]).lower()
    assert "respon" not in said.replace("responsib", "")


@pytest.mark.parametrize(
    ("identity", "obstacle"),
    [
        (replace(IDENTITY, patient_id=IDENTITY.patient_id.lower() + "x"), Obstacle.OTHER_PATIENT_ID),
        (replace(IDENTITY, issuer=""), Obstacle.ISSUER_MISSING),
        (replace(IDENTITY, issuer="HOSPB"), Obstacle.OTHER_ISSUER),
        (replace(IDENTITY, birth_date="19700102"), Obstacle.OTHER_BIRTH_DATE),
        (replace(IDENTITY, sex="M"), Obstacle.OTHER_SEX),
        (replace(IDENTITY, birth_date="", sex=""), None),  # silence contradicts nothing
    ],
)
def test_only_the_same_patient_is_compared(identity: PatientIdentity, obstacle: Obstacle | None) -> None:
    report = report_with(prior(identity=identity))
    assert reason_in(report) == ([] if obstacle is None else [obstacle])
    assert (report.change is None) == (obstacle is not None)


def images(**changes: Any) -> StudyMeasured:
    """The earlier answer with other images of T1+C."""
    changed = replace(NOW.images[Sequence.T1C], **changes)
    return then(images={**NOW.images, Sequence.T1C: changed})


def acquired(**changes: Any) -> StudyMeasured:
    return images(acquisition=replace(NOW.images[Sequence.T1C].acquisition, **changes))


@pytest.mark.parametrize(
    ("measured_then", "obstacle"),
    [
        (then(models=tuple(replace(one, digest="0" * 64) for one in NOW.models)), Obstacle.OTHER_MODELS),
        (then(settings="other"), Obstacle.OTHER_SETTINGS),
        (then(sizes={}), Obstacle.NO_ANSWER),
        (None, Obstacle.NO_ANSWER),
        (images(manufacturer="GE"), Obstacle.OTHER_VENDOR),
        (images(scanner="SKYRA"), Obstacle.OTHER_SCANNER),
        (images(is_dynamic=False), Obstacle.OTHER_TECHNIQUE),
        (acquired(field_strength_t=3.0), Obstacle.OTHER_FIELD),
        (acquired(field_strength_t=None), Obstacle.OTHER_FIELD),
        (acquired(slice_mm=3.0), Obstacle.OTHER_VOXELS),
        (acquired(slice_mm=2.3), None),
        (then(side="R"), Obstacle.OTHER_SIDE),
        (then(side="B"), None),  # nothing that contradicts the left
        (then(side=""), None),
        (then(images={}), Obstacle.NO_IMAGES),
    ],
)
def test_what_is_not_alike_is_not_compared_and_said(
    measured_then: StudyMeasured | None, obstacle: Obstacle | None
) -> None:
    report = report_with(prior(measured=measured_then))
    assert reason_in(report) == ([] if obstacle is None else [obstacle])


def test_dates_and_order_decide_which_study_is_compared() -> None:
    assert reason_in(report_with(prior(days=0))) == [Obstacle.NOT_EARLIER]
    assert reason_in(report_with(prior(study_date=None))) == [Obstacle.NO_DATE]
    report = report_with(prior(days=500), prior(days=100, study_instance_uid="1.2.3"))
    assert report.change is not None
    assert (report.change.interval_days, report.change.study_instance_uid) == (100, "1.2.3")
    assert reason_in(report) == [Obstacle.LATER_ONE_USED]


def test_an_empty_segment_is_a_legal_answer() -> None:
    now = replace(NOW, sizes={sequence: TumourSize(0.0, {}) for sequence in NOW.sizes})
    report = report_with(prior(), now=now)
    assert report.change is not None
    volume = report.change.rows[0]
    assert volume.now_shown == "0 (no tumour segmented)"
    assert volume.change_shown.endswith("(−100%)")
    assert report.change.sentences[0].startswith("No tumour is segmented in this study")


def test_a_withheld_score_is_not_shown() -> None:
    withheld = tuple(
        replace(one, state=State.OUTSIDE, value=None, low=None, high=None, group=None) for one in NOW.models
    )
    report = report_with(prior(measured=then(models=withheld)))
    assert report.change is not None
    score = next(row for row in report.change.rows if row.model)
    assert (score.then, score.then_shown, score.change_shown) == (None, "No result, outside intended use", "")


def test_ranges_that_overlap_are_said_to() -> None:
    def ranged(low: float, high: float) -> tuple[Any, ...]:
        return tuple(replace(one, value=(low + high) / 2, low=low, high=high, group=Group.LOW) for one in NOW.models)

    now = replace(NOW, models=ranged(0.5, 0.7))
    for range_then, words in (((0.6, 0.9), "then and now overlap"), ((0.8, 0.9), "do not overlap")):
        report = report_with(prior(measured=then(models=ranged(*range_then))), now=now)
        assert report.change is not None
        assert any(words in sentence for sentence in report.change.sentences)


def test_what_is_said_of_earlier_studies_makes_another_answer() -> None:
    plain, used = report_with(), report_with(prior())
    refused = report_with(prior(identity=replace(IDENTITY, issuer="")))
    facts = [facts_of(MADE.study, one) for one in (plain, used, refused)]
    assert len({one.key for one in facts}) == 3
    assert facts[0].priors == ""
    from dicom_io.earlier import EarlierAnswer, SentObject

    sent = (SentObject(Role.KEY_SR, *REPORT),)
    earlier = EarlierAnswer(CREATED, facts[0], sent)
    report, _ = with_replacement(used, facts[1], [earlier])
    assert report.replaces is not None
    assert report.replaces.reasons == (Reason.PRIOR,)


def test_the_mark_finds_the_patient_and_says_little() -> None:
    assert patient_mark("P1") == patient_mark("P1") != patient_mark("p1")
    assert len(patient_mark("P1")) == 4
    assert patient_mark("") == ""


def test_the_pdf_has_a_page_of_its_own() -> None:
    from io import BytesIO

    from pypdf import PdfReader

    pages = [page.extract_text() for page in PdfReader(BytesIO(render_pdf(report_with(prior())))).pages]
    assert "Change since" not in pages[0]
    assert pages[1].count("Change since") == 1
    assert "128 days" in pages[1]


@pytest.fixture(scope="module")
def key_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key SR with a change, written."""
    answer = encode(MADE.study, MADE.prepared, report_with(prior()), features_sr=False)
    (item,) = [one for one in answer.objects if one.role is Role.KEY_SR]
    file = tmp_path_factory.mktemp("change") / "key_sr.dcm"
    item.dataset.save_as(file, enforce_file_format=True)
    return file


def test_the_answers_are_read_as_before(key_report: Path) -> None:
    answer = encode(MADE.study, MADE.prepared, MADE.report, features_sr=False)
    (item,) = [one for one in answer.objects if one.role is Role.KEY_SR]
    item.dataset.save_as(without := key_report.with_name("without.dcm"), enforce_file_format=True)
    assert read_predictions(key_report) == read_predictions(without)


@pytest.mark.peers
def test_dciodvfy_has_nothing_against_it(key_report: Path) -> None:
    require_programs("dciodvfy")
    said = run("dciodvfy", key_report).splitlines()
    assert not [line for line in said if line.startswith(("Error", "Warning")) and not line.startswith(UNAVOIDABLE)]


@pytest.mark.peers
def test_tid1500reader_gives_the_numbers_back(key_report: Path, tmp_path: Path) -> None:
    require_programs("tid1500reader")
    out = tmp_path / "read.json"
    subprocess.run(
        ["tid1500reader", "--inputDICOM", str(key_report), "--outputMetadata", str(out)],
        check=True,
        capture_output=True,
    )
    groups = json.loads(out.read_text())["Measurements"]
    (group,) = [one for one in groups if one["TrackingIdentifier"].startswith("Change since")]
    read = {}
    for item in group["measurementItems"]:
        modifiers = {one["modifier"]["CodeValue"]: one["modifierValue"] for one in item.get("measurementModifiers", ())}
        which = [modifiers[name]["CodeValue"] for name in ("TIME", "SEQUENCE") if name in modifiers]
        read[(item["quantity"]["CodeMeaning"], *which)] = float(item["value"])
    assert read[("Interval from the earlier examination",)] == DAYS
    volume = NOW.sizes[Sequence.T1C].volume_mm3
    assert read[("Volume", "EARLIER", "110816")] == pytest.approx(2 * volume, rel=1e-3)
    assert read[("Volume", "DIFFERENCE", "110816")] == pytest.approx(-volume, rel=1e-3)
    assert any("score" in name[0].lower() and "DIFFERENCE" in name for name in read)


def test_limits_are_those_of_the_settings() -> None:
    far = Comparing(lambda _: [prior(measured=acquired(slice_mm=2.9))], ComparisonLimits(voxel_fraction=0.5))
    assert compared(MADE.report, present_of(MADE.study), NOW, far).change is not None
