"""A folder of files: its studies, what was left out and why, and studies that seem to be halves of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dicom_io.errors import NotReadable
from dicom_io.images.file_kinds import LeftOut, LeftOutBecause, beside, counted
from dicom_io.images.file_scan import FileHead, scan, studies_of
from dicom_io.images.headers import read_instances
from dicom_io.masks.rtstruct import STRUCTURE_SETS, contoured_instances, contoured_series
from dicom_io.masks.segmentation import SEGMENTATIONS, referenced_instances, referenced_series
from models.errors import StudyRejected

# Nothing is missing because of these.
_HARMLESS = (LeftOutBecause.DICOMDIR, LeftOutBecause.OURS)


@dataclass(frozen=True)
class Folder:
    """Contents of a folder.

    Attributes
    ----------
    studies : Study Instance UID → its files, as `read.find_studies`
    left_out : Study Instance UID → what was left out in its folders and above; under the empty key what lies elsewhere
    halves : Study Instance UID → sentences that name another study here with images or a segmentation of this one
    """

    studies: Mapping[str, tuple[Path, ...]]
    left_out: Mapping[str, tuple[LeftOut, ...]]
    halves: Mapping[str, tuple[str, ...]]

    def remarks(self, study: str) -> tuple[str, ...]:
        """Sentences that may explain a refusal of a study and does not stand in its own files."""
        odd = [file for file in self.left_out.get(study, ()) if file.because not in _HARMLESS]
        said = (f"Left out in its folder: {'; '.join(counted(odd))}.",) if odd else ()
        return (*self.halves.get(study, ()), *said)


def look_into(root: Path) -> Folder:
    """The studies below a folder.

    Raises
    ------
    StudyRejected
        When there is none; the sentence says what there is instead.
    """
    heads, left_out = scan(root)
    if not heads:
        found = f"It holds {'; '.join(counted(left_out))}." if left_out else "It holds no file."
        raise StudyRejected(f"No DICOM study was found below {root}. {found} Name a folder that holds MR series.")
    studies = studies_of(heads)
    return Folder(studies, beside(studies, left_out), _halves(heads) if len(studies) > 1 else {})


def _halves(heads: Sequence[FileHead]) -> Mapping[str, tuple[str, ...]]:
    """Segmentations whose images are all in another study, told to both studies."""
    home = {head.series_instance_uid: head.study_instance_uid for head in heads}
    home |= {head.sop_instance_uid: head.study_instance_uid for head in heads}
    found: dict[str, set[str]] = defaultdict(set)
    for head in heads:
        if head.sop_class_uid not in SEGMENTATIONS | STRUCTURE_SETS:
            continue
        own = head.study_instance_uid
        others = {home[uid] for uid in _named_by(head.path) if uid in home}
        if own in others:
            continue
        for other in others - {""}:
            found[own].add(
                f"The images its segmentation {head.path.name} refers to are in the study {other}, below the same "
                "folder: have both stored under one Study Instance UID."
            )
            found[other].add(
                f"The segmentation {head.path.name}, below the same folder, refers to images of this study, but is in "
                f"the study {own}: have both stored under one Study Instance UID."
            )
    return {study: tuple(sorted(sentences)) for study, sentences in found.items()}


def _named_by(path: Path) -> frozenset[str]:
    """Series and SOP Instance UIDs a segmentation or structure set refers to; none when it cannot be read."""
    try:
        (instance,) = read_instances([path])
        if instance.sop_class_uid in STRUCTURE_SETS:
            return contoured_series(instance) | contoured_instances(instance)
        return referenced_series(instance) | referenced_instances(instance)
    except NotReadable:
        return frozenset()  # reading its study names it
