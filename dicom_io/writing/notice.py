"""`Notice` → Secondary Capture, Modality OT: the kind of object that every archive keeps and every viewer shows."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_io import uids
from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.writing.common_modules import SERIES, base_object
from dicom_io.writing.equipment import product
from dicom_io.writing.object_check import check_object
from reports.notice.content import REASONS, Notice
from reports.notice.picture import COLUMNS, ROWS, notice_picture

_LONGEST_COMMENT = 10240  # characters of a VR LT


def make_notice(header: Dataset, notice: Notice, *, laterality: str, after: str) -> AnswerObject:
    """The notice as an object of the study.

    Its UIDs follow from study, reason, language and `after`, so the same refusal again is the same object.

    Parameters
    ----------
    header : patient and study, as `carried_header` gives it
    laterality : of the images, "L", "R" or ""
    after : identifier of the last report about the study, empty where there is none

    Raises
    ------
    ObjectNotConformant
        When the object fails our own conformance check; it must not be sent.
    """
    device = product()
    parts = (str(header.StudyInstanceUID), notice.reason, after, *uids.worded(notice.language))
    root = base_object(
        header,
        created=notice.created,
        sop_class_uid=SecondaryCaptureImageStorage,
        modality="OT",
        sop_instance_uid=uids.derived_uid("notice", *parts),
        series_instance_uid=uids.derived_uid("notice series", *parts),
        series=SERIES[Role.NOTICE],
        devices=(device,),
    )
    code = REASONS[notice.reason].code
    comment = f"NOT PROCESSED. {notice.sentence} ({code.value}, DCM, {code.meaning}; {notice.reason})"
    root.ConversionType = "SYN"
    root.BurnedInAnnotation = "YES"
    root.RecognizableVisualFeatures = "NO"
    root.ImageType = ["DERIVED", "SECONDARY"]
    root.PatientOrientation = None
    root.ImageLaterality = laterality or "U"
    root.ImageComments = comment if len(comment) <= _LONGEST_COMMENT else f"{comment[: _LONGEST_COMMENT - 1]}…"
    root.SamplesPerPixel = 1
    root.PhotometricInterpretation = "MONOCHROME2"
    root.Rows, root.Columns = ROWS, COLUMNS
    root.BitsAllocated = root.BitsStored = 8
    root.HighBit = 7
    root.PixelRepresentation = 0
    root.PixelData = notice_picture(notice, software=f"{device.model_name} {device.version}").tobytes()
    check_object(root)
    return AnswerObject(Role.NOTICE, root, notice.language)
