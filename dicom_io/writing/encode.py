"""`Report` → the DICOM objects sent back: segmentations first, then the reports that refer to them, then the PDF."""

from __future__ import annotations

from collections.abc import Sequence as Ordered

from dicom_io.answer import Answer
from dicom_io.earlier import SentObject
from dicom_io.study import Study
from dicom_io.writing.encapsulated_pdf import make_encapsulated_pdf
from dicom_io.writing.object_check import check_answer
from dicom_io.writing.rejection_note import make_rejection_note
from dicom_io.writing.segmentation_object import make_segmentation, segment_references
from dicom_io.writing.structured_report import make_features_report, make_key_report
from models.preprocessing.prepare import Prepared
from models.volume import Sequence
from reports.content import Report
from reports.pdf.document import render_pdf


def encode(
    study: Study, prepared: Prepared, report: Report, *, features_sr: bool, replaced: Ordered[SentObject] = ()
) -> Answer:
    """The answer to a study; the same arguments give the same objects, byte by byte.

    Parameters
    ----------
    replaced : objects of the answer that `report` says it replaces

    Raises
    ------
    ObjectNotConformant
        When an object fails our own conformance check; then nothing of the answer may be sent.
    """
    sequences = [sequence for sequence in Sequence if sequence in prepared.sequences]
    segmentations = {
        sequence: make_segmentation(study, prepared.sequences[sequence], report, sequence=sequence)
        for sequence in sequences
    }
    segments = {
        sequence: segment_references(segmentations[sequence], prepared.sequences[sequence], study.sources[sequence])
        for sequence in sequences
    }
    sent = tuple(segmentations.values())
    reports = [make_key_report(study, report, segments=segments, segmentations=sent, replaced=replaced)]
    if features_sr:
        reports.append(make_features_report(study, report, segments=segments, segmentations=sent, replaced=replaced))
    pdf = render_pdf(report)
    document = make_encapsulated_pdf(study, report, pdf=pdf, sources=(*sent, *reports))
    notes = [make_rejection_note(study, report, replaced=replaced)] if replaced else []
    answer = Answer(objects=(*sent, *reports, document, *notes), pdf=pdf)
    check_answer(answer, study, replaced=replaced)
    return answer
