"""The devices behind an answer: this software, and each model that was run (IHE AI Results 1.3).

Each is in the Contributing Equipment Sequence and a device observer in the SR tree, with the same
manufacturer, model name, version and Device UID; both are written from one `Device`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from highdicom import ContributingEquipment

from dicom_io import codes
from dicom_io.identity import MANUFACTURER, MODEL_NAME
from dicom_io.uids import model_device_uid, product_device_uid
from models.inference.predict import ModelIdentity
from models.version import software_version
from reports.content import Report


@dataclass(frozen=True)
class Device:
    """One algorithm.

    Attributes
    ----------
    uid : Device UID
    model_name : Manufacturer's Model Name, at most 64 characters
    version : Software Versions
    serial_number : of this very build or training
    description : what it contributed, for a reader
    """

    uid: str
    model_name: str
    version: str
    serial_number: str
    description: str


def product() -> Device:
    """This software."""
    uid = product_device_uid()
    return Device(
        uid=uid,
        model_name=MODEL_NAME,
        version=software_version(),
        serial_number=f"{MANUFACTURER} {software_version()}",
        description="Read, segment, measure, report",
    )


def model(identity: ModelIdentity) -> Device:
    """A model that was run; its serial number is the beginning of its digest."""
    return Device(
        uid=model_device_uid(identity),
        model_name=codes.fitting(identity.title, identity.name),
        version=identity.version,
        serial_number=identity.digest[:16],
        description=identity.notice,
    )


def devices(report: Report) -> tuple[Device, ...]:
    """This software, then the models that were run, each once."""
    models = dict.fromkeys(model(section.model) for section in report.models)
    return (product(), *models)


def contributing_equipment(contributors: Iterable[Device], moment: datetime) -> list[ContributingEquipment]:
    """Items of the Contributing Equipment Sequence (0018,A001), purpose Processing Equipment."""
    items = []
    for device in contributors:
        item = ContributingEquipment(
            manufacturer=MANUFACTURER,
            purpose_of_reference=codes.PROCESSING_EQUIPMENT,
            manufacturer_model_name=device.model_name,
            software_versions=device.version,
            device_serial_number=device.serial_number,
            contribution_datetime=moment,
            contribution_description=device.description[:1024],
        )
        item.DeviceUID = device.uid
        items.append(item)
    return items
