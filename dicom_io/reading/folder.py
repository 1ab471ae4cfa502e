"""A folder of files: its studies, what was left out and why, and studies that seem to be halves of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dicom_io.images.file_kinds import LeftOut, LeftOutBecause, beside, counted
from dicom_io.images.file_scan import FileHead, scan, studies_of
from dicom_io.images.limits import USUAL, Limits
from dicom_io.reading.halves import halves
from models.errors import StudyRejected
from models.progress import Tell, silent

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

    @property
    def file_names(self) -> frozenset[str]:
        """Names of all files, which remarks may quote."""
        read = (path.name for files in self.studies.values() for path in files)
        return frozenset((*read, *(file.path.name for files in self.left_out.values() for file in files)))

    def remarks(self, study: str) -> tuple[str, ...]:
        """Sentences that may explain a refusal of a study and does not stand in its own files."""
        odd = [file for file in self.left_out.get(study, ()) if file.because not in _HARMLESS]
        said = (f"Left out in its folder: {'; '.join(counted(odd))}.",) if odd else ()
        return (*self.halves.get(study, ()), *said)

    def phrases(self) -> tuple[str, ...]:
        """Files left out anywhere that might be missed, one phrase for each reason."""
        files = {file.path: file for found in self.left_out.values() for file in found}
        return counted(file for file in files.values() if file.because not in _HARMLESS)


def look_into(root: Path, *, limits: Limits = USUAL, tell: Tell = silent) -> Folder:
    """The studies below a folder; `tell` is told how many of its files have been looked at.

    Raises
    ------
    StudyRejected
        When there is none; the sentence says what there is instead.
    """
    heads, left_out = scan(root, limits=limits, tell=tell)
    if not heads:
        found = f"It holds {'; '.join(counted(left_out))}." if left_out else "It holds no file."
        raise StudyRejected(f"No DICOM study was found below {root}. {found} Name a folder that holds MR series.")
    studies = studies_of(heads)
    return Folder(studies, beside(studies, left_out), _halves(heads) if len(studies) > 1 else {})


def _halves(heads: Sequence[FileHead]) -> Mapping[str, tuple[str, ...]]:
    """Segmentations whose images are all in another study, told to both studies."""
    found: dict[str, set[str]] = defaultdict(set)
    for half in halves(heads):
        own, other, name = half.segmentation.study_instance_uid, half.images_study, half.segmentation.path.name
        if half.is_named:
            images, refers = f"The images its segmentation {name} refers to are", "refers to images of this study"
        else:
            images = f"Images in the Frame of Reference of its segmentation {name} are"
            refers = "has the Frame of Reference of this study"
        found[own].add(
            f"{images} in the study {other}, below the same folder: have both stored under one Study Instance UID."
        )
        found[other].add(
            f"The segmentation {name}, below the same folder, {refers}, but is in the study {own}: have both stored "
            "under one Study Instance UID."
        )
    return {study: tuple(sorted(sentences)) for study, sentences in found.items()}
