"""The Encapsulated PDF: bytes unchanged, attributes as viewers need them."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest
from reportlab.pdfgen.canvas import Canvas

from dicom_io.identity import is_ours
from dicom_io.writing.encapsulated_pdf import make_encapsulated_pdf
from tests.dicom_io.made_studies import make


def small_pdf() -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.drawString(100, 700, "Radiomics")
    canvas.save()
    return buffer.getvalue()


@pytest.mark.parametrize("padding", [b"", b"\n"])
def test_the_document_comes_back_byte_by_byte_whatever_its_length(padding: bytes) -> None:
    made, pdf = make(), small_pdf() + padding
    item = make_encapsulated_pdf(made.study, made.report, pdf=pdf, sources=())
    buffer = BytesIO()
    item.dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    read = pydicom.dcmread(buffer)
    assert len(read.EncapsulatedDocument) % 2 == 0
    assert read.EncapsulatedDocument[: read.EncapsulatedDocumentLength] == pdf


def test_attributes_that_viewers_trip_over() -> None:
    made = make()
    dataset = make_encapsulated_pdf(made.study, made.report, pdf=small_pdf(), sources=()).dataset
    assert dataset.Modality == "DOC"
    assert "BodyPartExamined" not in dataset
    assert "Laterality" not in dataset
    assert dataset.BurnedInAnnotation == "YES"
    assert dataset.DocumentTitle == made.report.title
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert dataset.ConceptNameCodeSequence[0].CodeValue == "18748-4"
    assert str(dataset.PatientName) == "Wang^XiaoDong=王^小东"
    assert is_ours(dataset)
