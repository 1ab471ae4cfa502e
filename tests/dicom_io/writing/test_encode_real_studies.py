"""Objects made from the headers and geometry of real studies, with all features (values drawn), read by peers.

The features themselves are tested elsewhere; here their names, units and codes pass through the encoders as they will
in use.
"""

from __future__ import annotations

import json
from collections.abc import Sequence as Files
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from dicom_io.answer import Answer
from dicom_io.answer_roles import Role
from dicom_io.reading.read import find_studies, read_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from dicom_io.study import Study
from dicom_io.writing.encode import encode
from models.features.names import feature_definitions
from models.features.settings import FeatureSettings
from models.features.table import Feature, FeatureTable, feature_name
from models.inference.package import shipped_packages
from models.inference.predict import predict
from models.inference.runtime import load_models
from models.preprocessing.prepare import Prepared, open_bias_correction, prepare
from models.volume import Region, Sequence
from reports.compose import compose
from reports.content import Report
from tests.dicom_io.made_studies import CREATED
from tests.dicom_io.writing.test_peers_read_our_objects import UNAVOIDABLE, numbers_in, run

pytestmark = [pytest.mark.peers, pytest.mark.slow]

# What the images themselves bring along, and identity is not altered: a name of one component, no Study ID.
OF_THE_SOURCE = (
    "Warning - Missing attribute or value that would be needed to build DICOMDIR - Study ID",
    "Warning - Value dubious for this VR - (0x0010,0x0010) PN Patient's Name",
)


def dicom_files(*folders: Path) -> list[Path]:
    return sorted(file for folder in folders for file in folder.rglob("*.dcm"))


def drawn_features(sequences: Files[Sequence]) -> FeatureTable:
    """A value for every feature of the vector."""
    rng = np.random.default_rng(7)
    features = [
        Feature(feature_name(sequence, region, item.name), float(rng.lognormal(2.0, 3.0)), item.unit, item.ibsi)
        for sequence in sequences
        for region in Region
        for item in feature_definitions(FeatureSettings())
    ]
    return FeatureTable(tuple(features), FeatureSettings().digest(), "drawn values")


def answered(files: list[Path], assignment: Assignment) -> tuple[Study, Prepared, Report, Answer]:
    study = read_study(files, rules=SelectionRules(), assignment=assignment)
    bias = open_bias_correction("none", device="cpu")
    prepared = prepare(study.volumes, study.tumours, bias=bias, shell_mm=10.0)
    features = drawn_features(tuple(prepared.sequences))
    models = load_models(shipped_packages(), provider="cpu")
    report = compose(
        subject=study.subject,
        prepared=prepared,
        features=features,
        outcomes=predict(features, models, missing=study.missing),
        series=study.series,
        notes=study.notes + prepared.notes,
        bias=bias.name,
        settings=FeatureSettings(),
        created=CREATED,
    )
    return study, prepared, report, encode(study, prepared, report, features_sr=True)


@pytest.fixture(scope="module", params=["sts_001", "breast_dce_ucsf_br_06"])
def case(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Study, Prepared, Report, Answer, Path]:
    folder = shared_data / request.param
    if request.param == "sts_001":
        series = {name: pydicom.dcmread(dicom_files(folder / name)[0]).SeriesInstanceUID for name in ("t1", "t2")}
        files = dicom_files(folder / "t1", folder / "t2", folder / "seg")
        assignment = Assignment(t1c=series["t1"], t2w=series["t2"])
    else:
        files = [*dicom_files(folder / "dce"), folder / "seg" / "tumour_binary_dcmqi.dcm"]
        assignment = NO_ASSIGNMENT
    made = answered(files, assignment)
    out = tmp_path_factory.mktemp(request.param)
    for item in made[3].objects:
        item.dataset.save_as(out / f"{item.role}.dcm", enforce_file_format=True)
    return (*made, out)


Case = tuple[Study, Prepared, Report, Answer, Path]


def test_validators_and_readers_agree(case: Case, tmp_path: Path) -> None:
    _, _, report, answer, out = case
    for item in answer.objects:
        said = run("dciodvfy", out / f"{item.role}.dcm").splitlines()
        listed = UNAVOIDABLE + OF_THE_SOURCE
        unexpected = {line for line in said if line.startswith(("Error", "Warning")) and not line.startswith(listed)}
        assert not unexpected, f"{item.role}: {unexpected}"
    for role in (Role.KEY_SR, Role.FEATURES_SR):
        file = out / f"{role}.dcm"
        run("tid1500reader", "--inputDICOM", file, "--outputMetadata", tmp_path / "sr.json")
        read = [len(g["measurementItems"]) for g in json.loads((tmp_path / "sr.json").read_text())["Measurements"]]
        document = hd.sr.srread(file)
        assert isinstance(document, hd.sr.Comprehensive3DSR)
        regions = [len(g.get_measurements()) for g in document.content.get_volumetric_roi_measurement_groups()]
        models = [len(g.get_measurements()) for g in document.content.get_image_measurement_groups()]
        assert read == numbers_in(file) == models + regions
        if role is Role.FEATURES_SR:
            assert regions == [864] * len(report.regions)


def test_masks_are_those_of_the_study(case: Case) -> None:
    _, prepared, _, _, out = case
    for sequence, role in ((Sequence.T1C, Role.SEG_T1C), (Sequence.T2W, Role.SEG_T2W)):
        if sequence in prepared.sequences:
            segmentation = hd.seg.segread(out / f"{role}.dcm")
            for number, roi in enumerate(prepared.sequences[sequence].rois.values(), start=1):
                found = segmentation.get_volume(segment_numbers=[number], combine_segments=True)
                to_roi = np.linalg.inv(roi.affine) @ found.affine
                index = np.argwhere(found.array) @ to_roi[:3, :3].T + to_roi[:3, 3]
                assert np.allclose(index, np.round(index), atol=1e-2)
                placed = np.zeros(roi.shape, dtype=bool)
                placed[tuple(np.round(index).astype(int).T)] = True
                assert np.array_equal(placed, roi.mask)


def test_patient_and_study_are_those_of_the_images(case: Case) -> None:
    study, _, _, answer, _ = case
    for item in answer.objects:
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "AccessionNumber", "StudyID"):
            assert str(item.dataset[keyword].value or "") == str(study.header.get(keyword, "") or "")


def test_our_objects_are_not_read_as_a_study(case: Case) -> None:
    *_, out = case
    assert not find_studies(out)
