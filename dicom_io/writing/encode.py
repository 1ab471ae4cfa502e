"""`Report` → the DICOM objects sent back: segmentations, then the reports that refer to them, then PDF and pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence as Ordered

from dicom_io.answer import Answer
from dicom_io.answer_roles import Role
from dicom_io.earlier import SentObject
from dicom_io.study import Study
from dicom_io.writing.encapsulated_pdf import make_encapsulated_pdf
from dicom_io.writing.key_images import make_key_images
from dicom_io.writing.object_check import check_answer
from dicom_io.writing.rejection_note import make_rejection_note
from dicom_io.writing.segmentation_object import make_segmentation, segment_references
from dicom_io.writing.structured_report import make_features_report, make_key_report
from models.preprocessing.prepare import Prepared
from models.volume import Sequence
from reports.content import Report
from reports.paper import Paper
from reports.pdf.document import render_pdf


def encode(
    study: Study,
    prepared: Prepared | None,
    report: Report,
    *,
    features_sr: bool,
    paper: Paper = Paper.A4,
    key_images: bool = False,
    replaced: Ordered[SentObject] = (),
    shown: Ordered[Report] = (),
    fonts: Ordered[str] = (),
) -> Answer:
    """The answer to a study; the same arguments give the same objects, byte by byte.

    Where nothing could be computed (`prepared` is None) there are the key SR and the PDF, which say so.

    Parameters
    ----------
    paper : of the PDF
    key_images : with the key images as Secondary Capture
    replaced : objects of the answer that `report` says it replaces
    shown : `report` in the languages of the site and of its destinations, the site's first; English alone without it
    fonts : files to look in for what DejaVu Sans lacks, before those of the system

    Raises
    ------
    ObjectNotConformant
        When an object fails our own conformance check; then nothing of the answer may be sent.
    """
    sequences = {} if prepared is None else prepared.sequences
    segmentations = {
        sequence: make_segmentation(study, sequences[sequence], report, sequence=sequence)
        for sequence in Sequence
        if sequence in sequences
    }
    segments = {
        sequence: segment_references(made, sequences[sequence], study.sources[sequence])
        for sequence, made in segmentations.items()
    }
    sent = tuple(segmentations.values())
    pdf, made = b"", list(sent)
    for place, one in enumerate(shown or (report,)):
        reports = [make_key_report(study, report, segments=segments, segmentations=sent, replaced=replaced, shown=one)]
        if features_sr and report.regions:
            reports.append(
                make_features_report(study, report, segments=segments, segmentations=sent, replaced=replaced, shown=one)
            )
        page = render_pdf(one, paper=paper, fonts=fonts)
        document = make_encapsulated_pdf(study, report, pdf=page, sources=(*sent, *reports), shown=one)
        pictures = make_key_images(study, report, segments=segments, shown=one, fonts=fonts) if key_images else ()
        made += [dataclasses.replace(item, is_default=place == 0) for item in (*reports, document, *pictures)]
        pdf = pdf or page
    notes = [make_rejection_note(study, report, replaced=replaced)] if replaced else []
    answer = Answer(objects=(*made, *notes), pdf=pdf)
    prior = () if report.change is None or report.change.report is None else (report.change.report,)
    check_answer(answer, study, replaced=(*replaced, *(SentObject(Role.KEY_SR, *one) for one in prior)))
    return answer
