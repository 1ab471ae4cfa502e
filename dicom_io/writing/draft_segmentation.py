"""Segmentations that start as drafts: the draft, and the final one when a person has accepted it unchanged.

A SEG has no approval status, so texts carry it: DRAFT in Content Label, Series and Segment Description, but never in
the Segment Label, which viewers carry over into what they save. Drafts are ours and no input; the final one has a model
name of its own and is a segmentation like any other (`dicom_io.identity`).
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Final

import highdicom as hd
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.uid import UID, SegmentationStorage
from pydicom.valuerep import DA, TM

from dicom_io import codes, uids
from dicom_io.identity import ACCEPTED_MODEL_NAME, DRAFT_LABEL, is_draft
from dicom_io.marked_study import MarkedStudy
from dicom_io.study import SourceInstance
from dicom_io.writing import equipment
from dicom_io.writing.binary_segmentation import binary_segmentation, refer_to
from dicom_io.writing.common_modules import Series, base_object
from dicom_io.writing.object_check import check_object
from dicom_io.writing.patient_modules import in_time_zone
from models.errors import StudyRejected
from models.number_words import counted
from models.segmentation.seeds import Mask, Method
from models.version import software_version
from models.volume import Region, Roi
from reports import wording

DRAFT_SERIES: Final = Series(9151, "DRAFT tumour, needs review")
FINAL_SERIES: Final = Series(9152, "Tumour, reviewed and accepted")
FINAL_LABEL: Final = "TUMOUR"
LABEL: Final = "Tumour"
_COLOUR = (54.0, 81.0, 70.0)  # CIELab: red, as the tumour in an answer
_LONGEST_NAME = 64


def make_draft(study: MarkedStudy, mask: Mask, method: Method, *, created: datetime, notice: str = "") -> Dataset:
    """The draft as a BINARY Segmentation.

    The same images, marks, method and version give the same UIDs.

    Parameters
    ----------
    created : its dates and times, with time zone
    notice : of the method, beside the product's own

    Raises
    ------
    ObjectNotConformant
        When it fails our own check.
    """
    digest = draft_digest(study, method)
    root = base_object(
        study.header,
        created=created,
        sop_class_uid=SegmentationStorage,
        modality="SEG",
        sop_instance_uid=uids.derived_uid("draft", digest),
        series_instance_uid=uids.derived_uid("draft series", digest),
        series=DRAFT_SERIES,
        devices=[equipment.product()],
    )
    roi = Roi(study.images.after.affine, mask, "tumour")
    draft = binary_segmentation(
        root,
        [roi],
        [_description(study, method, digest)],
        source=study.source,
        dimension_uid=uids.derived_uid("draft dimensions", digest),
        content_label=DRAFT_LABEL,
        content_description=DRAFT_SERIES.description,
        also_referenced=study.made_from,
    )
    draft.SegmentSequence[0].SegmentDescription = DRAFT_SERIES.description
    draft.ImageComments = " ".join(part for part in (wording.NOTICE, notice) if part)
    check_object(draft)
    return draft


def draft_digest(study: MarkedStudy, method: Method) -> str:
    """All that determines a draft."""
    parameters = [f"{name}={value}" for name, value in sorted(method.parameters.items())]
    parts = [study.digest, study.described, method.key, method.name, method.version, software_version(), *parameters]
    return uids.derived_uid("draft digest", str(study.header.StudyInstanceUID), *parts)


def _description(study: MarkedStudy, method: Method, digest: str) -> SegmentDescription:
    tracking_id, tracking_uid = study.tracking
    description = SegmentDescription(
        segment_number=1,
        segment_label=LABEL,
        segmented_property_category=codes.region_category(Region.INTRATUMORAL),
        segmented_property_type=codes.region_type(Region.INTRATUMORAL),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC
        if method.is_automatic
        else SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=method.key,
            family=codes.ARTIFICIAL_INTELLIGENCE if method.key == "network" else codes.NEIGHBOURHOOD_ANALYSIS,
            version=method.version,
            parameters=method.parameters or None,
        ),
        tracking_uid=tracking_uid or uids.derived_uid("lesion", digest),
        tracking_id=tracking_id or LABEL,
        anatomic_regions=[codes.BREAST] if codes.is_breast(study.header) else None,
        display_color=hd.color.CIELabColor(*_COLOUR),
    )
    description.SegmentAlgorithmName = method.name[:_LONGEST_NAME]
    return description


def make_final(draft: Dataset, *, accepted_by: str, accepted: datetime) -> Dataset:
    """The final segmentation of a draft that a person accepted as it is: the same voxels, and who stands for them.

    Parameters
    ----------
    draft : the draft, with pixel data
    accepted_by : Content Creator's Name
    accepted : its dates and times, with time zone

    Raises
    ------
    StudyRejected
        When the object is no draft of this software, or the name cannot be stored.
    """
    if not is_draft(draft) or str(draft.SOPClassUID) != SegmentationStorage:
        raise StudyRejected(
            f'The object is no draft of this software (series "{draft.get("SeriesDescription", "")}", Content Label '
            f'"{draft.get("ContentLabel", "")}"); a draft that rdeepnet segment made was expected. A segmentation of '
            "another program needs no acceptance here: send it."
        )
    name = _person(accepted_by)
    final = deepcopy(draft)
    uid = str(draft.SOPInstanceUID)
    moment = in_time_zone(accepted, final)
    day, time = DA(moment.date()), TM(moment.time().replace(tzinfo=None))
    digest = uids.derived_uid("final digest", uid, name, accepted.isoformat())
    final.SOPInstanceUID = uids.derived_uid("final", digest)
    final.SeriesInstanceUID = uids.derived_uid("final series", digest)
    final.file_meta.MediaStorageSOPInstanceUID = UID(final.SOPInstanceUID)
    for keyword, value in (("Date", day), ("Time", time)):
        for group in ("InstanceCreation", "Content", "Series"):
            setattr(final, group + keyword, value)
    final.ManufacturerModelName = ACCEPTED_MODEL_NAME
    final.SeriesNumber, final.SeriesDescription = FINAL_SERIES.number, FINAL_SERIES.description
    final.ContentLabel, final.ContentDescription = FINAL_LABEL, FINAL_SERIES.description
    final.ContentCreatorName = name
    final.SegmentSequence[0].SegmentDescription = FINAL_SERIES.description
    refer_to(final, SourceInstance(SegmentationStorage, uid, str(draft.SeriesInstanceUID)))
    check_object(final)
    return final


def _person(name: str) -> str:
    """A name as DICOM stores one: "Given Family" becomes "Family^Given"."""
    words = name.replace("\\", " ").replace("=", " ").split()
    if not words or len(name) > _LONGEST_NAME:
        raise StudyRejected(
            f"The name of the person who accepts the draft has {counted(len(name), 'character')}; 1 to {_LONGEST_NAME} "
            "were expected."
        )
    if "^" in name or len(words) == 1:
        return " ".join(words)
    return f"{words[-1]}^{' '.join(words[:-1])}"
