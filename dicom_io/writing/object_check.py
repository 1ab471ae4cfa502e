"""Our own check of every object before anything leaves: archives store non-conformant objects silently.

It knows the attributes our kinds of object need (PS3.3 types 1 and 2), the rules of their value
representations, the shape of a TID 1500 tree, and that no object refers to anything that is neither sent with it nor
was received. It repeats nothing that the encoders do: it looks at finished data sets only. A problem names attributes
and lengths, never values, which may be patient data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial

from pydicom import Dataset, config
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pydicom.valuerep import validate_value

from dicom_io.answer import Answer, AnswerObject, file_of
from dicom_io.earlier import SentObject
from dicom_io.errors import ObjectNotConformant
from dicom_io.identity import is_accepted, is_draft, is_ours
from dicom_io.study import Study
from dicom_io.writing.patient_modules import CARRIED_CODES, CARRIED_ORDER_CODES, CHARACTER_SET, IDENTITY
from dicom_io.writing.required_attributes import KINDS, missing_attributes, required_attributes
from dicom_io.writing.sr_check import sr_problems
from models.number_words import counted

_SHOWN = 5  # problems in one message
_OUR_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_ANY_UID = re.compile(r"[0-9.]+")
_TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"})
_STANDARD_SCHEMES = frozenset({"DCM", "SCT", "UCUM", "LN", "UMLS", "RFC5646", "NCIt", "RADLEX", "SRT"})


def check_object(dataset: Dataset) -> None:
    """Checks one object of ours.

    Raises
    ------
    ObjectNotConformant
        With the first problems that were found; the object must not be sent.
    """
    _refuse(dataset, list(_object_problems(dataset, partial(file_of, dataset))))


def check_answer(answer: Answer, study: Study, *, replaced: Iterable[SentObject] = ()) -> None:
    """Checks every object of an answer, and that all they refer to is in the answer or was in the input.

    An object may only refer to what is sent before it, or was sent with the answer that is `replaced` or that it
    is compared with.

    Raises
    ------
    ObjectNotConformant
        With the first problems that were found; nothing of the answer must be sent.
    """
    sources = [*study.sources.values(), *([study.before] if study.before else [])]
    instances = {
        instance.sop_instance_uid: instance.sop_class_uid
        for group in (*(source.instances for source in sources), study.segmentations)
        for instance in group
    }
    series = {source.series_instance_uid for source in sources}
    series |= {instance.series_instance_uid for instance in study.segmentations}
    for earlier in replaced:
        instances[earlier.sop_instance_uid] = earlier.sop_class_uid
        series.add(earlier.series_instance_uid)
    segments: dict[str, Collection[int]] = {}
    for item in answer.objects:
        _refuse(item.dataset, list(_object_problems(item.dataset, partial(_file, item))))
        _refuse(
            item.dataset, list(_reference_problems(item.dataset, instances=instances, series=series, segments=segments))
        )
        if item.sop_instance_uid in instances:
            _refuse(item.dataset, ["its SOP Instance UID is that of another object of this study"])
        if str(item.dataset.StudyInstanceUID) != str(study.header.StudyInstanceUID):
            _refuse(item.dataset, ["its Study Instance UID is not that of the images"])
        instances[item.sop_instance_uid] = item.sop_class_uid
        series.add(str(item.dataset.SeriesInstanceUID))
        segments[item.sop_instance_uid] = {int(s.SegmentNumber) for s in item.dataset.get("SegmentSequence", ())}


def _refuse(dataset: Dataset, problems: list[str]) -> None:
    if not problems:
        return
    kind = KINDS.get(str(dataset.get("SOPClassUID", "")), ("object of unknown SOP Class", ()))[0]
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    raise ObjectNotConformant(
        f"The {kind} that was made does not conform to DICOM and is not sent: {'; '.join(problems[:_SHOWN])}{more}. "
        "This is a defect of the software: report it with this sentence."
    )


def _object_problems(dataset: Dataset, write: Callable[[], bytes]) -> Iterator[str]:
    sop_class = str(dataset.get("SOPClassUID", ""))
    if sop_class not in KINDS:
        yield "its SOP Class is none of those this product makes"
        return
    modality, _ = KINDS[sop_class]
    missing = [problem for rule in required_attributes(sop_class) for problem in missing_attributes(dataset, rule)]
    yield from missing
    yield from _value_problems(dataset, _declared_schemes(dataset))
    if missing:
        return
    yield from _identity_problems(dataset, modality)
    if sop_class == SegmentationStorage:
        yield from _segmentation_problems(dataset)
    elif sop_class == Comprehensive3DSRStorage:
        yield from sr_problems(dataset)
    elif sop_class == KeyObjectSelectionDocumentStorage:
        yield from _rejection_note_problems(dataset)
    elif sop_class == SecondaryCaptureImageStorage:
        yield from _picture_problems(dataset)
    else:
        yield from _document_problems(dataset)
    yield from _encoding_problems(write)


def _declared_schemes(dataset: Dataset) -> Collection[str]:
    declared = {
        str(item.get("CodingSchemeDesignator", "")) for item in dataset.get("CodingSchemeIdentificationSequence", ())
    }
    # Codes that came with the study are the site's own; the site knows its schemes.
    orders = [*dataset.get("ReferencedRequestSequence", ()), *dataset.get("RequestAttributesSequence", ())]
    carried = [item for keyword in CARRIED_CODES for item in dataset.get(keyword, ())]
    carried += [item for order in orders for keyword in CARRIED_ORDER_CODES for item in order.get(keyword, ())]
    site = {str(item.get("CodingSchemeDesignator", "")) for item in carried}
    return _STANDARD_SCHEMES | declared | site


def _value_problems(dataset: Dataset, schemes: Collection[str], place: str = "") -> Iterator[str]:
    """Values against their value representation, codes against the schemes, in every item at any depth."""
    for element in dataset:
        name = f"{place}{element.keyword or element.tag}"
        if element.tag.is_private:
            yield f"{name} is a private attribute"
        elif element.VR == "SQ":
            for item in element.value:
                yield from _value_problems(item, schemes, f"{name}.")
        elif not element.is_empty and not (place == "" and element.keyword in IDENTITY):
            yield from _bad_values(element, name)
    if "CodeValue" in dataset:
        if not dataset.get("CodeMeaning") or not dataset.get("CodingSchemeDesignator"):
            yield f"{place}CodeValue has no Code Meaning or no Coding Scheme Designator"
        elif dataset.CodingSchemeDesignator not in schemes:
            yield f"{place}CodingSchemeDesignator is a scheme that is not declared"


def _bad_values(element: DataElement, name: str) -> Iterator[str]:
    values = element.value if isinstance(element.value, (MultiValue, list)) else [element.value]
    for value in values:
        if element.VR == "UI":
            if len(value) > 64 or not _ANY_UID.fullmatch(value):
                yield f"{name} is no UID ({counted(len(value), 'character')})"
        elif element.VR in _TEXT_VRS:
            text = str(value)
            if element.VR in {"DA", "TM"} and "-" in text:  # the library takes ranges, which only a query may hold
                yield f"{name} ({element.VR}) is a range"
            try:
                validate_value(element.VR, text, config.RAISE)
            except ValueError:
                yield (
                    f"{name} ({element.VR}, {counted(len(text), 'character')}) is not valid for its value "
                    "representation"
                )


def _identity_problems(dataset: Dataset, modality: str) -> Iterator[str]:
    if not (is_ours(dataset) or is_accepted(dataset)):
        yield "Manufacturer and ManufacturerModelName are not this product's"
    if dataset.Modality != modality:
        yield f"Modality is not {modality}"
    if dataset.SpecificCharacterSet != CHARACTER_SET:
        yield f"SpecificCharacterSet is not {CHARACTER_SET}"
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        if not _OUR_UID.fullmatch(str(dataset[keyword].value)):
            yield f"{keyword} is not a valid UID"
    meta = getattr(dataset, "file_meta", None)
    if meta is None:
        yield "there is no file meta information"
        return
    if meta.get("TransferSyntaxUID") != ExplicitVRLittleEndian:
        yield "the transfer syntax is not Explicit VR Little Endian"
    if meta.get("MediaStorageSOPInstanceUID") != dataset.SOPInstanceUID:
        yield "MediaStorageSOPInstanceUID is not the SOP Instance UID"
    if meta.get("MediaStorageSOPClassUID") != dataset.SOPClassUID:
        yield "MediaStorageSOPClassUID is not the SOP Class UID"


def _segmentation_problems(dataset: Dataset) -> Iterator[str]:
    frames = dataset.PerFrameFunctionalGroupsSequence
    if int(dataset.NumberOfFrames) != len(frames):
        yield (
            f"NumberOfFrames is {dataset.NumberOfFrames}, but {counted(len(frames), 'frame is', 'frames are')} "
            "described"
        )
    if (dataset.SegmentationType, dataset.BitsAllocated, dataset.BitsStored) != ("BINARY", 1, 1):
        yield "it is not BINARY with one bit per voxel"
    bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.NumberOfFrames)
    expected = (bits + 7) // 8
    if len(dataset.PixelData) != expected + expected % 2:
        yield f"PixelData has {counted(len(dataset.PixelData), 'byte')}; {expected + expected % 2} were expected"
    numbers = [int(segment.SegmentNumber) for segment in dataset.SegmentSequence]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the segment numbers are {numbers}; 1, 2, … was expected"
    for segment in dataset.SegmentSequence:
        is_named, is_manual = "SegmentAlgorithmName" in segment, segment.SegmentAlgorithmType == "MANUAL"
        if is_named == is_manual:
            yield f"segment {segment.SegmentNumber} is {segment.SegmentAlgorithmType} " + (
                "and names an algorithm" if is_named else "and names no algorithm"
            )
    shown = {int(item.ReferencedSegmentNumber) for frame in frames for item in frame.SegmentIdentificationSequence}
    if shown != set(numbers):
        yield f"the frames show segments {sorted(shown)}, described are {numbers}"
    used = {
        str(source.ReferencedSOPInstanceUID)
        for frame in frames
        for derivation in frame.DerivationImageSequence
        for source in derivation.SourceImageSequence
    }
    listed = {
        str(item.ReferencedSOPInstanceUID)
        for series in dataset.ReferencedSeriesSequence
        for item in series.ReferencedInstanceSequence
    }
    # A draft also names the strokes it was made from, a final segmentation its draft.
    names_more = is_draft(dataset) or is_accepted(dataset)
    if not used <= listed or (used != listed and not names_more):
        yield f"ReferencedSeriesSequence lists {counted(len(listed), 'instance')}, the frames refer to {len(used)}"


def _document_problems(dataset: Dataset) -> Iterator[str]:
    if dataset.MIMETypeOfEncapsulatedDocument != "application/pdf":
        yield "MIMETypeOfEncapsulatedDocument is not application/pdf"
    data, length = dataset.EncapsulatedDocument, int(dataset.EncapsulatedDocumentLength)
    if len(data) % 2:
        yield f"EncapsulatedDocument has an odd length ({counted(len(data), 'byte')})"
    if len(data) - length not in {0, 1}:
        yield f"EncapsulatedDocumentLength is {length}, the document has {counted(len(data), 'byte')}"
    elif not data.startswith(b"%PDF-") or b"%%EOF" not in data[max(0, length - 1024) : length]:
        yield "EncapsulatedDocument is not a complete PDF"
    for keyword in ("BodyPartExamined", "Laterality"):
        if keyword in dataset:
            yield f"{keyword} is present in a document"


def _rejection_note_problems(dataset: Dataset) -> Iterator[str]:
    if dataset.ContentTemplateSequence[0].TemplateIdentifier != "2010":
        yield "the root is not template 2010"
    listed = {
        str(reference.ReferencedSOPInstanceUID)
        for item in dataset.ContentSequence
        for reference in item.get("ReferencedSOPSequence", ())
    }
    evidence = {
        str(reference.ReferencedSOPInstanceUID)
        for study in dataset.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for reference in series.ReferencedSOPSequence
    }
    if not listed or listed != evidence:
        yield f"it lists {counted(len(listed), 'object')}, its evidence {len(evidence)}"


def _picture_problems(dataset: Dataset) -> Iterator[str]:
    expected = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    expected += expected % 2
    if len(dataset.PixelData) != expected:
        yield f"PixelData has {counted(len(dataset.PixelData), 'byte')}; {expected} were expected"
    if dataset.BurnedInAnnotation != "YES":
        yield "BurnedInAnnotation does not say that there are words in the picture"
    colours = {1: "MONOCHROME2", 3: "RGB"}
    if dataset.PhotometricInterpretation != colours.get(int(dataset.SamplesPerPixel)):
        yield "PhotometricInterpretation does not fit SamplesPerPixel"
    if int(dataset.SamplesPerPixel) > 1 and "PlanarConfiguration" not in dataset:
        yield "PlanarConfiguration is missing"
    if "PixelSpacing" in dataset and len(set(dataset.PixelSpacing)) != 1:
        yield "the pixels are not square"


def _file(item: AnswerObject) -> bytes:
    return item.file


def _encoding_problems(write: Callable[[], bytes]) -> Iterator[str]:
    try:
        write()
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError) as error:
        yield f"it cannot be written ({type(error).__name__})"


def _reference_problems(
    dataset: Dataset, *, instances: Mapping[str, str], series: Collection[str], segments: Mapping[str, Collection[int]]
) -> Iterator[str]:
    """Everything the data set refers to, at any depth, must be known."""
    uid = str(dataset.get("ReferencedSOPInstanceUID", ""))
    if uid:
        if uid not in instances:
            yield f"it refers to instance {uid}, which is neither sent before it nor was received"
        elif str(dataset.get("ReferencedSOPClassUID", "")) != instances[uid]:
            yield f"it refers to instance {uid} under another SOP Class"
        elif "ReferencedSegmentNumber" in dataset:
            numbers = dataset.ReferencedSegmentNumber
            for number in numbers if isinstance(numbers, (MultiValue, list)) else [numbers]:
                if int(number) not in segments.get(uid, ()):
                    yield f"it refers to segment {number} of instance {uid}, which has no such segment"
    for keyword in ("ReferencedSeriesSequence", "ContentSequence"):
        for item in dataset.get(keyword, ()):
            named = item.get("SeriesInstanceUID") if keyword == "ReferencedSeriesSequence" else _series_of(item)
            if named is not None and str(named) not in series:
                yield f"it refers to series {named}, which is neither sent before it nor was received"
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _reference_problems(item, instances=instances, series=series, segments=segments)


def _series_of(item: Dataset) -> str | None:
    """The series a content item names as the source of a segmentation (121232, DCM)."""
    names = item.get("ConceptNameCodeSequence", ())
    return str(item.get("UID", "")) if names and names[0].get("CodeValue") == "121232" else None
