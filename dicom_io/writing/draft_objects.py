"""Draft of a tumour's outline → the objects that go to an archive: the Segmentation, a note that it waits, a PDF.

The note is a Key Object Selection "For Physician Review", by which archives and work lists find what a person must look
at. The PDF is the contact sheet. All name the draft, and their UIDs follow from its.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from highdicom.ko import KeyObjectSelection
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import EncapsulatedPDFStorage, KeyObjectSelectionDocumentStorage

from dicom_io import codes, uids
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.writing import equipment
from dicom_io.writing.common_modules import Series, base_object
from dicom_io.writing.object_check import check_object
from dicom_io.writing.patient_modules import referenced_requests, request_attributes
from reports.draft.words import DRAFT_WORDS, DraftWords
from reports.language import Language

SERIES: Final = {
    Role.DRAFT_NOTE: Series(9153, "DRAFT tumour, for physician review"),
    Role.DRAFT_SHEET: Series(9154, "DRAFT tumour, contact sheet (PDF)"),
}


def draft_objects(
    segmentation: AnswerObject,
    sheets: Mapping[Language, bytes],
    *,
    header: Dataset,
    created: datetime,
) -> tuple[AnswerObject, ...]:
    """The draft, and in each language its note and its contact sheet, in the order in which they are sent.

    Parameters
    ----------
    segmentation : as `draft_segmentation.make_draft` makes it; one for all languages
    sheets : PDF in each language, the site's first; each has a note beside it
    header : patient and study, as of `MarkedStudy.header`
    created : dates and times, with time zone

    Raises
    ------
    ObjectNotConformant
        When an object fails our own check.
    """
    objects = [segmentation]
    for place, (language, sheet) in enumerate(sheets.items()):
        worded = _worded(segmentation.dataset, sheet, header=header, created=created, language=language)
        objects += [AnswerObject(role, one, language, is_default=place == 0) for role, one in worded]
    return tuple(objects)


def _worded(
    draft: Dataset, sheet: bytes, *, header: Dataset, created: datetime, language: Language
) -> tuple[tuple[Role, Dataset], ...]:
    """The objects with words, in one language."""
    words = DRAFT_WORDS[language]

    def root(role: Role, sop_class_uid: str, modality: str) -> Dataset:
        return base_object(
            header,
            created=created,
            sop_class_uid=sop_class_uid,
            modality=modality,
            sop_instance_uid=uids.derived_uid(role, str(draft.SOPInstanceUID), *uids.worded(language)),
            series_instance_uid=uids.derived_uid(f"{role} series", str(draft.SOPInstanceUID), *uids.worded(language)),
            series=SERIES[role],
            devices=[equipment.product()],
        )

    return (
        (Role.DRAFT_NOTE, _note(draft, header, root, words)),
        (Role.DRAFT_SHEET, _sheet(draft, sheet, header, root, words)),
    )


_Root = Callable[[Role, str, str], Dataset]


def _note(draft: Dataset, header: Dataset, root: _Root, words: DraftWords) -> Dataset:
    note = root(Role.DRAFT_NOTE, KeyObjectSelectionDocumentStorage, "KO")
    content = KeyObjectSelection(
        document_title=codes.concept(codes.FOR_REVIEW), referenced_objects=[draft], description=words.review_note
    )[0]
    for element in content:
        note.add(element)
    instance = _reference(draft)
    series = Dataset()
    series.SeriesInstanceUID = draft.SeriesInstanceUID
    series.ReferencedSOPSequence = ItemSequence([instance])
    study = Dataset()
    study.StudyInstanceUID = draft.StudyInstanceUID
    study.ReferencedSeriesSequence = ItemSequence([series])
    note.CurrentRequestedProcedureEvidenceSequence = ItemSequence([study])
    note.ReferencedPerformedProcedureStepSequence = ItemSequence()
    if requests := referenced_requests(header):
        note.ReferencedRequestSequence = ItemSequence(requests)
    check_object(note)
    return note


def _sheet(draft: Dataset, pdf: bytes, header: Dataset, root: _Root, words: DraftWords) -> Dataset:
    sheet = root(Role.DRAFT_SHEET, EncapsulatedPDFStorage, "DOC")
    if orders := request_attributes(header):
        sheet.RequestAttributesSequence = ItemSequence(orders)
    sheet.ConversionType = "WSD"
    sheet.AcquisitionDateTime = None
    sheet.BurnedInAnnotation = "YES"
    sheet.RecognizableVisualFeatures = "NO"
    sheet.SourceInstanceSequence = ItemSequence([_reference(draft)])
    sheet.DocumentTitle = words.title
    sheet.ConceptNameCodeSequence = ItemSequence([codes.concept(codes.PDF_TITLE)])
    sheet.MIMETypeOfEncapsulatedDocument = "application/pdf"
    sheet.EncapsulatedDocumentLength = len(pdf)
    sheet.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    check_object(sheet)
    return sheet


def _reference(draft: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = draft.SOPClassUID
    item.ReferencedSOPInstanceUID = draft.SOPInstanceUID
    return item
