"""The Structured Report around its content: who observed, of which procedure, resting on which instances."""

from __future__ import annotations

from collections.abc import Iterable

from highdicom import sr
from highdicom.sr import RelationshipTypeValues
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.sr.codedict import codes as standard
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage

from dicom_io import codes
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.earlier import SentObject
from dicom_io.identity import MANUFACTURER
from dicom_io.study import SourceInstance, Study
from dicom_io.writing import equipment
from dicom_io.writing.change_group import other_evidence
from dicom_io.writing.common_modules import new_instance
from dicom_io.writing.patient_modules import referenced_requests
from dicom_io.writing.readable import separate
from reports.content import Report
from reports.language import Language

Group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations


def document(
    study: Study,
    report: Report,
    role: Role,
    groups: list[Group],
    texts: Iterable[sr.TextContentItem],
    segmentations: Iterable[AnswerObject],
    replaced: Iterable[SentObject],
    *,
    first: Iterable[sr.TextContentItem],
    shown: Report,
) -> AnswerObject:
    """The SR of an answer.

    Parameters
    ----------
    groups : measurement groups
    texts : of the qualitative evaluations, after the groups
    segmentations : ours, which the report rests on
    replaced : objects of the answer that this one replaces
    first : texts before everything else
    shown : `report` in the language of the document
    """
    root = new_instance(
        study,
        report,
        role=role,
        sop_class_uid=Comprehensive3DSRStorage,
        modality="SR",
        language=shown.language,
    )
    content = sr.MeasurementReport(
        observation_context=_observation_context(report),
        procedure_reported=_procedures(root),
        imaging_measurements=groups,
        title=codes.REPORT_TITLE,
        language_of_content_item_and_descendants=_language(shown.language),
    )[0]
    evaluations = sr.ContainerContentItem(
        name=codes.concept(codes.QUALITATIVE_EVALUATIONS), relationship_type=RelationshipTypeValues.CONTAINS
    )
    evaluations.ContentSequence = sr.ContentSequence(list(texts))
    content.ContentSequence.append(evaluations)
    _put_first(content.ContentSequence, first)
    separate(content)
    for element in content:
        root.add(element)

    requests = referenced_requests(study.header)
    if requests:
        root.ReferencedRequestSequence = ItemSequence(requests)
    root.ReferencedPerformedProcedureStepSequence = ItemSequence()
    root.PerformedProcedureCodeSequence = ItemSequence()
    root.CompletionFlag = "COMPLETE"
    root.VerificationFlag = "UNVERIFIED"
    root.PreliminaryFlag = "PRELIMINARY"
    root.CurrentRequestedProcedureEvidenceSequence = ItemSequence([_evidence(study, segmentations)])
    if report.change is not None and (evidence := other_evidence(report.change)) is not None:
        root.PertinentOtherEvidenceSequence = ItemSequence([evidence])
    predecessors = [
        SourceInstance(item.sop_class_uid, item.sop_instance_uid, item.series_instance_uid)
        for item in replaced
        if item.role is role and item.language in (None, shown.language)
    ]
    if predecessors:
        root.PredecessorDocumentsSequence = ItemSequence([references(study, predecessors)])
    return AnswerObject(role, root, shown.language)


def _language(language: Language) -> sr.LanguageOfContentItemAndDescendants | None:
    """The language of the texts (TID 1204); highdicom writes its own item for English (en-US)."""
    if language is Language.ENGLISH:
        return None
    return sr.LanguageOfContentItemAndDescendants(codes.concept(Code(language.tag, "RFC5646", language.in_english)))


def _put_first(items: ItemSequence, texts: Iterable[sr.TextContentItem]) -> None:
    """Puts texts before the first container. TID 1500 is extensible, and its own rows keep their order."""
    at = next(index for index, item in enumerate(items) if item.ValueType == "CONTAINER")
    for offset, text in enumerate(texts):
        items.insert(at + offset, text)


def _observation_context(report: Report) -> sr.ObservationContext:
    """Every algorithm is a device observer; they agree with the Contributing Equipment Sequence."""
    observers = [
        sr.ObserverContext(
            observer_type=standard.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=device.uid,
                name=device.model_name,
                manufacturer_name=MANUFACTURER,
                model_name=device.model_name,
                serial_number=device.serial_number,
            ),
        )
        for device in equipment.devices(report)
    ]
    context = sr.ObservationContext(observer_device_context=observers[0])
    for observer in observers[1:]:
        context.extend(observer)
    return context


def _procedures(root: Dataset) -> list[sr.CodedConcept]:
    """The imaging procedure, by the study's own codes where it has any."""
    found = [
        sr.CodedConcept(str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.CodeMeaning))
        for item in root.get("ProcedureCodeSequence", ())
        if all(item.get(keyword) for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
    ]
    return found or [codes.concept(codes.BREAST_MRI)]


def _evidence(study: Study, segmentations: Iterable[AnswerObject]) -> Dataset:
    """All instances behind the report: our segmentations, the source images, the segmentations that came with them."""
    ours = [
        SourceInstance(item.sop_class_uid, item.sop_instance_uid, str(item.dataset.SeriesInstanceUID))
        for item in segmentations
    ]
    images = [instance for source in study.sources.values() for instance in source.instances]
    return references(study, (*ours, *images, *study.segmentations))


def references(study: Study, instances: Iterable[SourceInstance]) -> Dataset:
    """Instances of a study as an item of the Hierarchical SOP Instance Reference Macro (PS3.3 C.17.2.1)."""
    by_series: dict[str, dict[str, SourceInstance]] = {}
    for instance in instances:
        by_series.setdefault(instance.series_instance_uid, {})[instance.sop_instance_uid] = instance
    result = Dataset()
    result.StudyInstanceUID = study.header.StudyInstanceUID
    series_items = []
    for series_instance_uid, of_series in by_series.items():
        series = Dataset()
        series.SeriesInstanceUID = series_instance_uid
        listed = []
        for instance in of_series.values():
            reference = Dataset()
            reference.ReferencedSOPClassUID = instance.sop_class_uid
            reference.ReferencedSOPInstanceUID = instance.sop_instance_uid
            listed.append(reference)
        series.ReferencedSOPSequence = ItemSequence(listed)
        series_items.append(series)
    result.ReferencedSeriesSequence = ItemSequence(series_items)
    return result
