"""Studies that seem to be halves of one: images in the one, their segmentation in the other.

A program that segments sometimes stores its result under a Study Instance UID of its own. Neither half can be answered,
and each lacks just what the other has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from dicom_io.errors import NotReadable
from dicom_io.images.file_scan import FileHead
from dicom_io.images.headers import read_instances
from dicom_io.images.planes import MR_IMAGES
from dicom_io.masks.rtstruct import STRUCTURE_SETS, contoured_instances, contoured_series
from dicom_io.masks.segmentation import SEGMENTATIONS, referenced_instances, referenced_series


@dataclass(frozen=True)
class Half:
    """A segmentation without its images.

    Attributes
    ----------
    segmentation : the object, in a study of its own
    images_study : Study Instance UID of the study that holds them
    is_named : whether it names them; else only the Frame of Reference is the same, and no image of its study has it
    """

    segmentation: FileHead
    images_study: str
    is_named: bool


def halves(heads: Iterable[FileHead]) -> tuple[Half, ...]:
    """The segmentations among some objects whose images are all in another study."""
    heads = tuple(heads)
    home = {head.series_instance_uid: head.study_instance_uid for head in heads}
    home |= {head.sop_instance_uid: head.study_instance_uid for head in heads}
    in_frame: dict[str, set[str]] = defaultdict(set)
    for head in heads:
        if head.sop_class_uid in MR_IMAGES:
            in_frame[head.frame_of_reference_uid].add(head.study_instance_uid)
    found = []
    for head in heads:
        if not is_segmentation(head):
            continue
        named = {home[uid] for uid in named_by(head) if uid in home}
        studies = named or (in_frame[head.frame_of_reference_uid] if head.frame_of_reference_uid else set())
        if head.study_instance_uid not in studies:
            found += [Half(head, study, bool(named)) for study in sorted(studies - {""})]
    return tuple(found)


def is_segmentation(head: FileHead) -> bool:
    """Returns whether an object may hold a tumour: a segmentation or structure set."""
    return head.sop_class_uid in SEGMENTATIONS | STRUCTURE_SETS


def named_by(head: FileHead) -> frozenset[str]:
    """Series and SOP Instance UIDs a segmentation or structure set refers to; none when it cannot be read."""
    try:
        (instance,) = read_instances([head.path])
        if instance.sop_class_uid in STRUCTURE_SETS:
            return contoured_series(instance) | contoured_instances(instance)
        return referenced_series(instance) | referenced_instances(instance)
    except NotReadable:
        return frozenset()  # reading its study names it
