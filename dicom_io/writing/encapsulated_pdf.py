"""The tumour board's PDF as a DICOM object (Encapsulated PDF), Modality DOC.

Modality OT breaks a viewer. There is no Body Part Examined and no Laterality: the document is about a patient, not a
projection.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import EncapsulatedPDFStorage

from dicom_io import codes
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.study import Study
from dicom_io.writing.common_modules import new_instance
from reports.content import Report
from reports.languages.languages import WORDS


def document_title(report: Report) -> str:
    """Title of the report, and what it replaces."""
    if report.replaces is None:
        return report.title
    return f"{report.title}. {WORDS[report.language].say.replaces_sentence(report.replaces)}"


def make_encapsulated_pdf(
    study: Study, report: Report, *, pdf: bytes, sources: Iterable[AnswerObject], shown: Report | None = None
) -> AnswerObject:
    """Wraps `pdf`; `sources` are the objects of the same answer that say the same in DICOM and are sent before.

    `shown` is the report in the language of `pdf`, where that is not English.
    """
    shown = shown or report
    root = new_instance(
        study,
        report,
        role=Role.PDF,
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        language=shown.language,
    )
    root.ConversionType = "WSD"
    root.AcquisitionDateTime = None
    root.BurnedInAnnotation = "YES"
    root.RecognizableVisualFeatures = "NO"
    references = []
    for item in sources:
        reference = Dataset()
        reference.ReferencedSOPClassUID = item.sop_class_uid
        reference.ReferencedSOPInstanceUID = item.sop_instance_uid
        references.append(reference)
    root.SourceInstanceSequence = ItemSequence(references)
    root.DocumentTitle = document_title(shown)
    root.ConceptNameCodeSequence = ItemSequence([codes.concept(codes.PDF_TITLE)])
    root.MIMETypeOfEncapsulatedDocument = "application/pdf"
    root.EncapsulatedDocumentLength = len(pdf)
    root.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return AnswerObject(Role.PDF, root, shown.language)
