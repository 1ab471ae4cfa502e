"""Independent programs read what we write: dicom3tools, DCMTK, dcmqi, poppler."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom import Dataset
from typer.testing import CliRunner

from appliance.cli import app
from appliance.offline.result_folder import features_csv
from dicom_io.answer_roles import Role
from dicom_io.feature_codes import feature_code
from dicom_io.writing.encode import encode
from dicom_io.writing.segmentation_object import make_segmentation
from models.features.table import Feature
from models.volume import Region, Sequence
from reports.content import Report
from tests.conftest import require_programs
from tests.dicom_io.made_studies import Made, header, make
from tests.dicom_io.writing.test_structured_report import encode_report

pytestmark = pytest.mark.peers

CASES = {
    "axial": {"orientation": "axial"},
    "oblique": {"orientation": "oblique"},
    "sagittal, T1+C only": {"orientation": "sagittal", "with_t2w": False},
    "multi-frame": {"orientation": "axial", "multi_frame": True},
}

# What dicom3tools of 2022 cannot know: our private scheme, and Device UID in Contributing Equipment (later than 2022).
UNAVOIDABLE = (
    "Warning - Unrecognized defined term <99RDEEPNET> for value 1 of attribute <Coding Scheme Designator>",
    "Warning - Attribute is not present in standard DICOM IOD - (0x0018,0x1002) UI Device UID",
    "Warning - Dicom dataset contains attributes not present in standard DICOM IOD - this is a Standard Extended SOP",
)


def program(name: str) -> str:
    """A program of the environment (dcmqi is a wheel) or of the system."""
    beside = Path(sys.executable).parent / name
    if beside.is_file():
        return str(beside)
    require_programs(name)
    return str(shutil.which(name))


def run(name: str, *arguments: str | Path) -> str:
    result = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="module", params=CASES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    """A study and the folder with its answer, one file for each role."""
    made = make(**CASES[request.param])
    folder = tmp_path_factory.mktemp("answer")
    for item in encode(made.study, made.prepared, made.report, features_sr=True).objects:
        item.dataset.save_as(folder / f"{item.role}.dcm", enforce_file_format=True)
    return made, folder


def test_dciodvfy_finds_no_error_and_only_the_listed_warnings(written: tuple[Made, Path]) -> None:
    _, folder = written
    files = sorted(folder.glob("*.dcm"))
    assert len(files) in {4, 5}
    for file in files:
        said = run("dciodvfy", file).splitlines()
        assert said[0] in {"Segmentation", "Comprehensive3DSR", "EncapsulatedPDF"} or len(said) > 1
        unexpected = [
            line for line in said if line.startswith(("Error", "Warning")) and not line.startswith(UNAVOIDABLE)
        ]
        assert not unexpected, f"{file.name}: {unexpected}"


@pytest.mark.parametrize("kind", ["MANUAL", "AUTOMATIC"])
def test_dciodvfy_takes_every_way_a_tumour_was_segmented(kind: str, tmp_path: Path) -> None:
    made = make()
    study = replace(made.study, algorithm_types={Sequence.T1C: kind})
    segmentation = make_segmentation(study, made.prepared.sequences[Sequence.T1C], made.report, sequence=Sequence.T1C)
    segmentation.dataset.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    said = run("dciodvfy", tmp_path / "seg.dcm").splitlines()
    assert not [line for line in said if line.startswith(("Error", "Warning")) and not line.startswith(UNAVOIDABLE)]


def test_an_order_of_the_images_is_accepted_in_the_reports(tmp_path: Path) -> None:
    source = header()
    order = Dataset()
    order.RequestedProcedureID = "RP-1"
    order.RequestedProcedureDescription, order.ScheduledProcedureStepID = "MRT Mamma", "SPS-1"
    source.RequestAttributesSequence = [order]
    made = make(patient_header=source)
    for item in encode(made.study, made.prepared, made.report, features_sr=False).objects:
        file = tmp_path / f"{item.role}.dcm"
        item.dataset.save_as(file, enforce_file_format=True)
        said = run("dciodvfy", file).splitlines()
        assert not [line for line in said if line.startswith(("Error", "Warning")) and not line.startswith(UNAVOIDABLE)]
    for role in (Role.SEG_T1C, Role.KEY_SR, Role.PDF):
        assert "[RP-1]" in run("dcmdump", "+P", "0040,1001", tmp_path / f"{role}.dcm")


def test_dsrdump_reads_the_reports(written: tuple[Made, Path]) -> None:
    made, folder = written
    for role in (Role.KEY_SR, Role.FEATURES_SR):
        said = run("dsrdump", "+Pl", folder / f"{role}.dcm")
        assert "Comprehensive 3D SR Document" in said
        assert "王^小东" in said
        assert said.count('"Measurement Group")') == len(made.report.regions) + (
            len(made.report.models) if role is Role.KEY_SR else 0
        )
    assert made.report.models[0].conclusion in run("dsrdump", "+Pl", folder / f"{Role.KEY_SR}.dcm")


@pytest.mark.parametrize("role", [Role.KEY_SR, Role.FEATURES_SR])
def test_every_value_has_its_label_where_people_read_it(written: tuple[Made, Path], role: Role, tmp_path: Path) -> None:
    """In DCMTK's page of a report each value stands behind its label, none in a row of naked numbers."""
    _, folder = written
    run("dsr2html", folder / f"{role}.dcm", tmp_path / "sr.html")
    page = (tmp_path / "sr.html").read_text()
    values = []
    pending = list(pydicom.dcmread(folder / f"{role}.dcm").ContentSequence)
    while pending:
        item = pending.pop()
        if item.ValueType == "CONTAINER":
            pending += item.ContentSequence
        elif item.RelationshipType == "CONTAINS":
            values.append(item.ConceptNameCodeSequence[0].CodeMeaning)
    labels = Counter(map(html.unescape, re.findall(r"<div>\n<b>(.+?):</b>", page)))
    assert not Counter(values) - labels
    assert set(labels - Counter(values)) == {"Finding Site"}  # a modifier that has one itself: in the annex of the page
    assert role is Role.FEATURES_SR or len(values) > 40
    numbers = re.findall(r'<div>\n<b>.+?:</b><br>\n<span class="under">(-?[0-9.e+-]+) ([^<]+)</span>', page)
    assert len(numbers) == sum(numbers_in(folder / f"{role}.dcm"))
    if role is Role.KEY_SR:
        assert max(len(re.sub(r"\D", "", number.split("e")[0]).lstrip("0")) for number, _ in numbers) <= 7


def test_a_listing_has_label_value_and_unit_in_one_line_and_the_answer_first(written: tuple[Made, Path]) -> None:
    """DCMTK's dsrdump of the key SR; no number of a model ends with the naked unit 1."""
    made, folder = written
    lines = run("dsrdump", folder / f"{Role.KEY_SR}.dcm").splitlines()
    numbers = [line for line in lines if " NUM:" in line]
    for line in numbers:
        assert re.search(r'NUM:\(,,"[^"]{3,}"\)="-?[0-9.e+-]+" \(\S+,UCUM,"[^"]{3,}"\)>$', line), line
    groups = "\n".join(lines).split('CONTAINER:(,,"Measurement Group")')[1:]
    assert not any("(1,UCUM" in group for group in groups[: len(made.report.models)])
    assert 'NUM:(,,"Percentile Ranking of measurement")="83.25" (%,UCUM,"percent")' in groups[0]
    first = [re.search(r'\(,,"([^"]+)"\)', line) for line in lines if line.startswith("  <contains")]
    labels = [found[1] for found in first if found]
    assert labels[: len(made.report.models)] == ["Conclusion"] * len(made.report.models)
    assert labels.index("Notice") < labels.index("Imaging Measurements")


def numbers_in(report: Path) -> list[int]:
    """NUM items of each measurement group, counted in the file by DCMTK."""
    groups = run("dsrdump", report).split('CONTAINER:(,,"Measurement Group")')[1:]
    return [len(re.findall(r"<contains NUM:", group)) for group in groups]


@pytest.mark.parametrize("role", [Role.KEY_SR, Role.FEATURES_SR])
def test_tid1500reader_returns_every_group_with_every_number(
    written: tuple[Made, Path], role: Role, tmp_path: Path
) -> None:
    made, folder = written
    run("tid1500reader", "--inputDICOM", folder / f"{role}.dcm", "--outputMetadata", tmp_path / "sr.json")
    read = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    assert [len(group["measurementItems"]) for group in read] == numbers_in(folder / f"{role}.dcm")
    titles = [section.title for section in made.report.regions]
    if role is Role.KEY_SR:
        titles = [section.model.title for section in made.report.models] + titles
    assert [group["TrackingIdentifier"] for group in read] == titles
    assert all("ReferencedSegment" in group and group["Finding"] and group["FindingSite"] for group in read)
    regions = read[-len(made.report.regions) :]
    evaluations = Counter(len(group["qualitativeEvaluations"]) for group in read)
    # The sequence of a region; group, validity and summary of the analysis of a model.
    assert evaluations == Counter({1: len(regions), 3: len(read) - len(regions)}) - Counter()
    assert len(regions) == len(made.report.regions)
    for group, section in zip(regions, made.report.regions, strict=True):
        assert float(group["measurementItems"][0]["value"]) == pytest.approx(
            section.volume.value,
            rel=6e-4 if role is Role.KEY_SR else 1e-9,  # rounded for readers in the key SR
        )
        assert group["Laterality"]["CodeMeaning"] == "Left"


def named(group: dict[str, Any], item: dict[str, Any]) -> tuple[str, ...]:
    """(sequence, region, feature, filter, sub-band) of a number in the JSON of tid1500reader, by codes alone."""
    modifiers = {
        one["modifier"]["CodeValue"]: one["modifierValue"]["CodeValue"] for one in item.get("measurementModifiers", ())
    }
    return (
        group["qualitativeEvaluations"][0]["conceptValue"]["CodeValue"],
        group["Finding"]["CodeValue"],
        item["quantity"]["CodeValue"],
        modifiers.get("FILTER", ""),
        modifiers.get("SUBBAND", ""),
    )


def test_all_features_come_back_from_tid1500reader_by_their_codes(tmp_path: Path) -> None:
    """The 3,452 of the vector: no two share their codes, and each has the value of its row of features.csv."""
    made = make(features_per_region=863)
    item, _ = encode_report(made, features=True)
    item.dataset.save_as(tmp_path / "sr.dcm", enforce_file_format=True)
    run("tid1500reader", "--inputDICOM", tmp_path / "sr.dcm", "--outputMetadata", tmp_path / "sr.json")
    read: dict[tuple[str, ...], float] = {}
    for group in json.loads((tmp_path / "sr.json").read_text())["Measurements"]:
        for number in group["measurementItems"][1:]:  # the volume first
            assert named(group, number) not in read
            read[named(group, number)] = float(number["value"])
    sequences = {Sequence.T1C: "110816", Sequence.T2W: "110805"}
    regions = {Region.INTRATUMORAL: "108369006", Region.PERITUMORAL: "PERITUMORAL"}
    sent = {}
    for section in made.report.regions:
        for feature in section.features:
            coded = feature_code(feature)
            applied = {name.value: value.value for name, value in coded.modifiers}
            key = (sequences[section.sequence], regions[section.region], coded.code.value)
            sent[(*key, applied.get("FILTER", ""), applied.get("SUBBAND", ""))] = feature.value
    assert len(sent) == 3452
    assert read == pytest.approx(sent, rel=1e-9, abs=0)

    (tmp_path / "features.csv").write_bytes(features_csv(rows_of(made.report)))
    arguments = ["read-sr", str(tmp_path / "sr.dcm"), "--out", str(tmp_path / "back.csv")]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.output.count("3452 features")) == (0, 1)
    assert (tmp_path / "back.csv").read_bytes() == (tmp_path / "features.csv").read_bytes()


def rows_of(report: Report) -> list[Feature]:
    """The features of a report, as an extraction gives them."""
    return [Feature(row.key, row.value, row.unit, row.ibsi) for section in report.regions for row in section.features]


def test_segimage2itkimage_returns_the_masks(written: tuple[Made, Path], tmp_path: Path) -> None:
    made, folder = written
    for sequence, role in ((Sequence.T1C, Role.SEG_T1C), (Sequence.T2W, Role.SEG_T2W)):
        if sequence not in made.prepared.sequences:
            continue
        out = tmp_path / sequence
        out.mkdir()
        run("segimage2itkimage", "--inputDICOM", folder / f"{role}.dcm", "--outputDirectory", out, "-t", "nrrd")
        for number, region in enumerate(Region, start=1):
            roi = made.prepared.sequences[sequence].rois[region]
            image = sitk.ReadImage(str(out / f"{number}.nrrd"))
            voxels = np.argwhere(sitk.GetArrayFromImage(image))[:, ::-1]  # ITK's order: column, row, slice
            steps = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
            positions = voxels @ steps.T + image.GetOrigin()
            index = (positions - roi.origin_mm) @ np.linalg.inv(roi.affine[:3, :3]).T
            assert np.allclose(index, np.round(index), atol=1e-3)
            placed = np.zeros(roi.shape, dtype=bool)
            placed[tuple(np.round(index).astype(int).T)] = True
            assert np.array_equal(placed, roi.mask)


def test_the_pdf_comes_out_with_its_text(written: tuple[Made, Path], tmp_path: Path) -> None:
    made, folder = written
    run("dcm2pdf", folder / f"{Role.PDF}.dcm", tmp_path / "out.pdf")
    text = run("pdftotext", tmp_path / "out.pdf", "-")
    assert "王小东" in text
    assert made.report.notice in " ".join(text.split())
    fonts = run("pdffonts", tmp_path / "out.pdf").splitlines()[2:]
    assert fonts
    assert all(re.search(r"\s(yes|no)\s+(yes|no)\s+(yes|no)\s", font)[1] == "yes" for font in fonts)


def test_the_chinese_name_is_right_in_every_object(written: tuple[Made, Path]) -> None:
    _, folder = written
    for file in folder.glob("*.dcm"):
        assert "[Wang^XiaoDong=王^小东]" in run("dcmdump", "+P", "PatientName", file)
