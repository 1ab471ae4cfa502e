"""Modules common to all our objects: patient and study, series, equipment, SOP Common, file meta information."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import UID, Comprehensive3DSRStorage, ExplicitVRLittleEndian
from pydicom.valuerep import DA, TM

from dicom_io import codes, uids
from dicom_io.answer import Role
from dicom_io.identity import MANUFACTURER
from dicom_io.study import Study
from dicom_io.writing import equipment
from dicom_io.writing.patient_modules import carried_over, in_time_zone, request_attributes
from models.validity import State
from reports.content import Report
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


SERIES = {
    Role.SEG_T1C: Series(9101, "Tumour and peritumoral shell on T1+C"),
    Role.SEG_T2W: Series(9102, "Tumour and peritumoral shell on T2W"),
    Role.KEY_SR: Series(9111, "Radiomics report (research use only)", "RDeepNet: no result (research use only)"),
    Role.FEATURES_SR: Series(9112, "Radiomics, all features (research use only)"),
    Role.PDF: Series(9121, "Radiomics report, PDF (research use only)", "RDeepNet: no result, PDF (research use only)"),
}


def new_instance(study: Study, report: Report, *, role: Role, sop_class_uid: str, modality: str) -> Dataset:
    """An object of ours with all that does not depend on its kind.

    Dates and times are those of `report.created`: the same report gives the same object.
    """
    digest = uids.answer_digest(study, report)
    root = carried_over(study.header)
    created = in_time_zone(report.created, root)
    day, time = DA(created.date()), TM(created.time().replace(tzinfo=None))

    root.SOPClassUID = sop_class_uid
    root.SOPInstanceUID = uids.instance_uid(digest, role)
    root.InstanceNumber = 1
    root.InstanceCreationDate, root.InstanceCreationTime = day, time
    root.ContentDate, root.ContentTime = day, time
    root.CodingSchemeIdentificationSequence = ItemSequence(codes.coding_schemes())
    root.ContributingEquipmentSequence = ItemSequence(equipment.contributing_equipment(report, created))

    root.Modality = modality
    root.SeriesInstanceUID = uids.series_uid(digest, role)
    root.SeriesNumber = SERIES[role].number
    root.SeriesDescription = SERIES[role].described(report.state)
    root.SeriesDate, root.SeriesTime = day, time
    # The series of an SR has no such attribute; there the orders are in the SR Document General module.
    if sop_class_uid != Comprehensive3DSRStorage and (orders := request_attributes(study.header)):
        root.RequestAttributesSequence = ItemSequence(orders)

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
    root.file_meta.ImplementationClassUID = UID(uids.IMPLEMENTATION_CLASS_UID)
    root.file_meta.ImplementationVersionName = uids.implementation_version_name()
    return root
