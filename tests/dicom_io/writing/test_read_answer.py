"""Reading predictions back out of a TID 1500 report, from content trees built by hand."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian

from dicom_io.errors import NotReadable
from dicom_io.writing.read_answer import ReadPrediction, read_predictions


def code(value: str, scheme: str, meaning: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def content(
    kind: str, name: pydicom.Dataset, *below: pydicom.Dataset, relationship: str = "CONTAINS"
) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.ValueType, item.RelationshipType, item.ConceptNameCodeSequence = kind, relationship, [name]
    if below:
        item.ContentSequence = list(below)
    return item


def text(name: pydicom.Dataset, value: str) -> pydicom.Dataset:
    item = content("TEXT", name, relationship="HAS OBS CONTEXT")
    item.TextValue = value
    return item


def number(meaning: str, value: str, *below: pydicom.Dataset) -> pydicom.Dataset:
    item = content("NUM", code("X", "99TEST", meaning), *below)
    measured = pydicom.Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = [code("1", "UCUM", "no units")]
    item.MeasuredValueSequence = [measured]
    return item


def conclusion(meaning: str, value: str) -> pydicom.Dataset:
    item = content("CODE", code("G", "99TEST", meaning))
    item.ConceptCodeSequence = [code("H", "99TEST", value)]
    return item


def report(path: Path, *groups: pydicom.Dataset) -> Path:
    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = Comprehensive3DSRStorage, "1.2.3"
    dataset.ValueType = "CONTAINER"
    dataset.ContentSequence = [content("CONTAINER", code("126010", "DCM", "Imaging Measurements"), *groups)]
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path


def group(title: str, *items: pydicom.Dataset) -> pydicom.Dataset:
    tracking = text(code("112039", "DCM", "Tracking Identifier"), title)
    return content("CONTAINER", code("125007", "DCM", "Measurement Group"), tracking, *items)


def test_numbers_and_conclusion_of_each_model(tmp_path: Path) -> None:
    derived = number(
        "Share", "0.5", content("CODE", code("121401", "DCM", "Derivation"), relationship="HAS CONCEPT MOD")
    )
    segment = content("IMAGE", code("121191", "DCM", "Referenced Segment"))
    path = report(
        tmp_path / "sr.dcm",
        group("Model A", number("Score", "1.25"), number("RFS", "0.75"), derived, conclusion("Group", "High")),
        group("Tumour", segment, number("Volume", "12"), conclusion("Quality note", "Neoplasm")),
        group("No conclusion", number("Volume", "12")),
        group("Model B", conclusion("Group", "Indeterminate"), conclusion("Why", "Age"), conclusion("Why", "Organ")),
    )
    assert read_predictions(path) == (
        ReadPrediction("Model A", {"Score": (1.25, "1"), "RFS": (0.75, "1")}, {"Group": "High"}),
        ReadPrediction("Model B", {}, {"Group": "Indeterminate", "Why": "Age; Organ"}),
    )


def test_a_model_that_names_its_segment_is_told_from_a_region(tmp_path: Path) -> None:
    """By the summary of its analysis (111065, DCM); the type of the lesion is no conclusion."""
    segment = content("IMAGE", code("121191", "DCM", "Referenced Segment"))
    lesion = conclusion("Finding", "Neoplasm")
    lesion.ConceptNameCodeSequence = [code("121071", "DCM", "Finding")]
    summary = conclusion("Summary of Analyses", "Succeeded")
    summary.ConceptNameCodeSequence = [code("111065", "DCM", "Summary of Analyses")]
    path = report(
        tmp_path / "sr.dcm",
        group("Model", lesion, segment, number("Score", "1.25"), summary),
        group("Tumour", lesion, segment, number("Volume", "12"), conclusion("MR sequence", "T1")),
    )
    assert read_predictions(path) == (
        ReadPrediction("Model", {"Score": (1.25, "1")}, {"Summary of Analyses": "Succeeded"}),
    )


def test_an_image_is_not_a_report(tmp_path: Path) -> None:
    path = report(tmp_path / "sr.dcm")
    dataset = pydicom.dcmread(path)
    del dataset.ContentSequence
    dataset.save_as(path)
    with pytest.raises(NotReadable, match=r"sr\.dcm has no content tree"):
        read_predictions(path)
