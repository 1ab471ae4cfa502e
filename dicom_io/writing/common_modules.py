"""Modules common to all our objects: patient and study, series, equipment, SOP Common, file meta information."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import UID, Comprehensive3DSRStorage, ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage
from pydicom.valuerep import DA, TM

from dicom_io import codes, implementation, uids
from dicom_io.answer_roles import Role
from dicom_io.identity import MANUFACTURER
from dicom_io.study import Study
from dicom_io.writing import equipment
from dicom_io.writing.patient_modules import carried_over, in_time_zone, request_attributes
from models.validity import State
from reports.content import Report
from reports.language import Language
from reports.validity_words import STATES


@dataclass(frozen=True)
class Series:
    """Name and number of the series of a role at the archive; high numbers stand after the scanner's own.

    Attributes
    ----------
    description : Series Description of an object with results
    without_result : the same where there is no result; empty for objects that hold no answer, and so have no state
    """

    number: int
    description: str
    without_result: str = ""

    def described(self, state: State) -> str:
        """Series Description in a state: "Radiomics report, to be confirmed (research use only)"."""
        if self.without_result and not state.shows_score:
            return self.without_result
        words = STATES[state].title
        if not (self.without_result and words):
            return self.description
        what, use = self.description.rsplit(" (", 1)
        return f"{what}, {words} ({use}"


_DOCUMENTS = frozenset({Comprehensive3DSRStorage, KeyObjectSelectionDocumentStorage})

SERIES = {
    Role.SEG_T1C: Series(9101, "Tumour and peritumoral shell on T1+C"),
    Role.SEG_T2W: Series(9102, "Tumour and peritumoral shell on T2W"),
    Role.KEY_SR: Series(9111, "Radiomics report (research use only)", "RDeepNet: no result (research use only)"),
    Role.FEATURES_SR: Series(9112, "Radiomics, all features (research use only)"),
    Role.PDF: Series(9121, "Radiomics report, PDF (research use only)", "RDeepNet: no result, PDF (research use only)"),
    Role.KEY_IMAGES: Series(
        9122, "Key images (research use only)", "RDeepNet: no result, key images (research use only)"
    ),
    Role.REJECTION_NOTE: Series(9131, "Radiomics, replaced objects"),
    Role.NOTICE: Series(9141, "NOT PROCESSED (radiomics)"),
}
VERSION_STEP = 100  # from the series number of one version of an answer to that of the next


def series_of(role: Role, report: Report) -> Series:
    """Name and number of the series of a role: with the state of the report, and the version of one that replaces."""
    first = SERIES[role]
    described = first.described(report.state)
    if report.replaces is None:
        return Series(first.number, described)
    version = report.replaces.version
    named = f"v{version} {described}"[: codes.LONGEST_MEANING]  # a Series Description is LO as well
    return Series(first.number + VERSION_STEP * (version - 1), named)


def new_instance(
    study: Study,
    report: Report,
    *,
    role: Role,
    sop_class_uid: str,
    modality: str,
    language: Language = Language.ENGLISH,
) -> Dataset:
    """An object of ours with all that does not depend on its kind.

    Dates and times are those of `report.created`: the same report gives the same object.

    Parameters
    ----------
    report : in English, whatever the language of the object: UIDs and codes follow from it
    """
    digest = uids.answer_digest(study, report)
    root = base_object(
        study.header,
        created=report.created,
        sop_class_uid=sop_class_uid,
        modality=modality,
        sop_instance_uid=uids.instance_uid(digest, role, language),
        series_instance_uid=uids.series_uid(digest, role, language),
        series=series_of(role, report),
        devices=equipment.devices(report),
    )
    # The series of an SR has no such attribute; there the orders are in the SR Document General module.
    if sop_class_uid not in _DOCUMENTS and (orders := request_attributes(study.header)):
        root.RequestAttributesSequence = ItemSequence(orders)
    return root


def base_object(
    header: Dataset,
    *,
    created: datetime,
    sop_class_uid: str,
    modality: str,
    sop_instance_uid: str,
    series_instance_uid: str,
    series: Series,
    devices: Iterable[equipment.Device],
) -> Dataset:
    """An object of ours for a patient and study, whatever it says.

    Parameters
    ----------
    header : patient and study modules of a received object
    created : its dates and times
    devices : what contributed, this software first
    """
    root = carried_over(header)
    moment = in_time_zone(created, root)
    day, time = DA(moment.date()), TM(moment.time().replace(tzinfo=None))

    root.SOPClassUID = sop_class_uid
    root.SOPInstanceUID = sop_instance_uid
    root.InstanceNumber = 1
    root.InstanceCreationDate, root.InstanceCreationTime = day, time
    root.ContentDate, root.ContentTime = day, time
    root.CodingSchemeIdentificationSequence = ItemSequence(codes.coding_schemes())
    root.ContributingEquipmentSequence = ItemSequence(equipment.contributing_equipment(devices, moment))

    root.Modality = modality
    root.SeriesInstanceUID = series_instance_uid
    root.SeriesNumber, root.SeriesDescription = series.number, series.description
    root.SeriesDate, root.SeriesTime = day, time

    device = equipment.product()
    root.Manufacturer = MANUFACTURER
    root.ManufacturerModelName = device.model_name
    root.SoftwareVersions = device.version
    root.DeviceSerialNumber = device.serial_number
    root.DeviceUID = device.uid

    root.preamble = b"\0" * 128
    root.file_meta = FileMetaDataset()
    root.file_meta.FileMetaInformationVersion = b"\0\1"
    root.file_meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    root.file_meta.MediaStorageSOPInstanceUID = UID(root.SOPInstanceUID)
    root.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    root.file_meta.ImplementationClassUID = UID(implementation.IMPLEMENTATION_CLASS_UID)
    root.file_meta.ImplementationVersionName = implementation.implementation_version_name()
    return root
