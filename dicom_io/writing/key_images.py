"""Key images of a report → one series of Secondary Capture, Modality OT: what every archive keeps and every viewer
shows.

Single-frame objects in uncompressed RGB, and neither a multi-frame object nor a palette: archives and viewers that
show Secondary Capture at all show these. Presentation states and key object documents are shown by few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Ordered
from typing import Final

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.sr.coding import Code
from pydicom.uid import SecondaryCaptureImageStorage
from pydicom.valuerep import DSfloat

from dicom_io import codes, uids
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.study import SourceSeries, Study
from dicom_io.writing.binary_segmentation import instance_of_slice
from dicom_io.writing.common_modules import new_instance
from dicom_io.writing.segmentation_object import SegmentReference
from models.volume import Region, Sequence
from reports.content import Report
from reports.key_images.picture import KeyPicture, Shown, key_pictures

# Instance Number of each picture: the same in every study, so that one that has no T2W leaves no other number.
_NUMBERS: Final = {
    (Sequence.T1C, Shown.WHOLE): 1,
    (Sequence.T1C, Shown.ENLARGED): 2,
    (Sequence.T1C, Shown.SUBTRACTION): 3,
    (Sequence.T2W, Shown.WHOLE): 4,
    (Sequence.T2W, Shown.ENLARGED): 5,
}
_DERIVED: Final = {
    Shown.WHOLE: "Section of {sequence} with the largest area of tumour, outlines burnt in",
    Shown.ENLARGED: "Part of the section of {sequence} with the largest area of tumour, outlines burnt in",
    Shown.SUBTRACTION: "Maximum intensity projection of {sequence} minus the phase before contrast",
}
_CALIBRATION = "Resampled at a known scale from the spacing of the source images"


def make_key_images(
    study: Study,
    report: Report,
    *,
    segments: Mapping[Sequence, Mapping[Region, SegmentReference]],
    shown: Report | None = None,
    fonts: Ordered[str] = (),
) -> tuple[AnswerObject, ...]:
    """The pictures of a report as objects of one series, in order; the same report gives the same objects.

    Parameters
    ----------
    segments : segments of the same answer whose outlines are burnt in; empty where none were made
    shown : the report in the language of the pictures; English without it
    fonts : files to look in for characters that DejaVu Sans lacks, before those of the system
    """
    shown = shown or report
    return tuple(
        _key_image(study, report, shown, picture, segments.get(picture.sequence, {}))
        for picture in key_pictures(shown, fonts=fonts)
    )


def _key_image(
    study: Study, report: Report, shown: Report, picture: KeyPicture, segments: Mapping[Region, SegmentReference]
) -> AnswerObject:
    number = _NUMBERS[picture.sequence, picture.shown]
    root = new_instance(
        study,
        report,
        role=Role.KEY_IMAGES,
        sop_class_uid=SecondaryCaptureImageStorage,
        modality="OT",
        language=shown.language,
    )
    sources = list(_sources(study, picture))
    digest = uids.answer_digest(study, report)
    # The phase before contrast is no part of what determines an answer: a subtraction of another is another object.
    root.SOPInstanceUID = uids.derived_uid(
        "key image",
        digest,
        *uids.worded(shown.language),
        str(number),
        *(str(item.ReferencedSOPInstanceUID) for item in sources),
    )
    root.file_meta.MediaStorageSOPInstanceUID = root.SOPInstanceUID
    root.InstanceNumber = number
    root.ConversionType = "WSD"
    root.ImageType = ["DERIVED", "SECONDARY"]
    root.BurnedInAnnotation = "YES"
    root.RecognizableVisualFeatures = "NO"
    _, right, _, bottom = picture.edges
    root.PatientOrientation = [right, bottom]
    root.ImageLaterality = report.subject.laterality or "U"
    root.ImageComments = " ".join((f"{picture.caption}.", shown.notice, *shown.notices))
    root.DerivationDescription = _DERIVED[picture.shown].format(sequence=picture.sequence.label)
    if picture.shown is Shown.SUBTRACTION:
        derivations = (codes.SUBTRACTION, codes.PROJECTION)
        root.DerivationCodeSequence = ItemSequence([codes.concept(code) for code in derivations])
    else:
        sources += _masks(segments)
    root.SourceImageSequence = ItemSequence(sources)
    root.PixelSpacing = [DSfloat(picture.pixel_mm, auto_format=True)] * 2
    root.PixelSpacingCalibrationType = "GEOMETRY"
    root.PixelSpacingCalibrationDescription = _CALIBRATION
    root.LossyImageCompression = "00"
    root.SamplesPerPixel = 3
    root.PhotometricInterpretation = "RGB"
    root.PlanarConfiguration = 0
    root.Rows, root.Columns = picture.pixels.shape[:2]
    root.BitsAllocated = root.BitsStored = 8
    root.HighBit = 7
    root.PixelRepresentation = 0
    content = np.ascontiguousarray(picture.pixels).tobytes()
    root.PixelData = content + b"\0" * (len(content) % 2)
    return AnswerObject(Role.KEY_IMAGES, root, language=shown.language)


def _sources(study: Study, picture: KeyPicture) -> Iterable[Dataset]:
    """References to the images whose pixels are shown."""
    first, last = picture.slices
    yield from _images(study.sources[picture.sequence], range(first, last + 1))
    if picture.shown is Shown.SUBTRACTION and study.before is not None:
        before = study.before
        count = len(before.frame_numbers or before.instances)
        yield from _images(before, range(count))


def _images(source: SourceSeries, slices: Iterable[int]) -> Iterable[Dataset]:
    """A reference to each image, with the frames in it that are used where it is multi-frame."""
    used: dict[str, tuple[str, list[int]]] = {}
    for index in slices:
        instance, frame = instance_of_slice(source, index)
        _, frames = used.setdefault(instance.sop_instance_uid, (instance.sop_class_uid, []))
        frames += [] if frame is None else [frame]
    for uid, (sop_class_uid, frames) in used.items():
        item = _reference(sop_class_uid, uid, codes.SOURCE_IMAGE)
        if frames:
            item.ReferencedFrameNumber = frames if len(frames) > 1 else frames[0]
        item.SpatialLocationsPreserved = "NO"  # resampled to square pixels, and strips with words added
        yield item


def _masks(segments: Mapping[Region, SegmentReference]) -> list[Dataset]:
    """Reference to the segmentation whose outlines are burnt in."""
    if not segments:
        return []
    first = next(iter(segments.values()))
    item = _reference(first.sop_class_uid, first.sop_instance_uid, codes.MASK_IMAGE)
    numbers = [segment.segment_number for segment in segments.values()]
    item.ReferencedSegmentNumber = numbers if len(numbers) > 1 else numbers[0]
    return [item]


def _reference(sop_class_uid: str, sop_instance_uid: str, purpose: Code) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    item.PurposeOfReferenceCodeSequence = ItemSequence([codes.concept(purpose)])
    return item
