"""Rejection note: a Key Object Selection that withdraws the objects of an earlier answer (IHE IOCM, RAD TF-1 32).

Its title says why. An archive that knows the profile hides what is listed; any other shows a list of objects, so it is
sent only where the settings ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.ko import KeyObjectSelection
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.sr.coding import Code
from pydicom.uid import KeyObjectSelectionDocumentStorage, SegmentationStorage

from dicom_io import codes
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.earlier import SentObject
from dicom_io.study import SourceInstance, Study
from dicom_io.writing.common_modules import new_instance
from dicom_io.writing.patient_modules import referenced_requests
from dicom_io.writing.sr_document import references
from reports.content import Report
from reports.page_words import replaces_sentence
from reports.replacement import Reason


def make_rejection_note(study: Study, report: Report, *, replaced: Sequence[SentObject]) -> AnswerObject:
    """The note that withdraws the objects of the answer which this report replaces."""
    assert report.replaces is not None
    root = new_instance(
        study, report, role=Role.REJECTION_NOTE, sop_class_uid=KeyObjectSelectionDocumentStorage, modality="KO"
    )
    content = KeyObjectSelection(
        document_title=codes.concept(title(report.replaces.reasons)),
        referenced_objects=[_named(item) for item in replaced],
        description=replaces_sentence(report.replaces),
    )[0]
    for element in content:
        root.add(element)
    instances = [SourceInstance(one.sop_class_uid, one.sop_instance_uid, one.series_instance_uid) for one in replaced]
    root.CurrentRequestedProcedureEvidenceSequence = ItemSequence([references(study, instances)])
    root.ReferencedPerformedProcedureStepSequence = ItemSequence()
    if requests := referenced_requests(study.header):
        root.ReferencedRequestSequence = ItemSequence(requests)
    return AnswerObject(Role.REJECTION_NOTE, root)


def title(reasons: Sequence[Reason]) -> Code:
    """Title of the note: objects under a wrong identity are withdrawn as such, all others for their quality.

    Not "for Patient Safety Reasons" (113037), which hides objects from everybody, nor "Data Retention Policy Expired"
    (113039), which is the archive's own.
    """
    return codes.INCORRECT_WORKLIST_ENTRY if Reason.IDENTITY in reasons else codes.REJECTED_FOR_QUALITY


def _named(item: SentObject) -> Dataset:
    """An object as highdicom wants it named; one with rows and columns becomes an IMAGE reference."""
    named = Dataset()
    named.SOPClassUID, named.SOPInstanceUID = item.sop_class_uid, item.sop_instance_uid
    if item.sop_class_uid == SegmentationStorage:
        named.Rows = named.Columns = 1
    return named
