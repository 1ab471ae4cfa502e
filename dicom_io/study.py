"""`Study`: the content of one DICOM study, placed in the patient, by role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pydicom

from models.acquisition import Acquisition
from models.intended_use import Evidence
from models.outline import Outline
from models.plausibility import ContrastEvidence
from models.quality_notes import QualityNote
from models.volume import Roi, Sequence, Volume
from reports.content import SeriesUsed, Subject


@dataclass(frozen=True)
class SourceInstance:
    """One SOP Instance that was read, by reference."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str = ""


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """The images behind one volume.

    Attributes
    ----------
    instances : one for each slice, in the order of the volume's slices (for a multi-frame image: one in all)
    frame_numbers : for a multi-frame image the one-based frame of each slice, else None
    """

    series_instance_uid: str
    frame_of_reference_uid: str
    instances: tuple[SourceInstance, ...]
    frame_numbers: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """One study.

    Attributes
    ----------
    subject : patient and examination, for the report
    header : patient, study and frame-of-reference modules of the source images (no pixel data), to be carried over
        into the objects we make; a data set with the source's character set
    volumes : image of each sequence that was found; T1C is always there
    tumours : tumour on its own grid, for each sequence a segmentation refers to (or once, for one of them)
    sources : images behind each volume
    segmentations : SEG or RTSTRUCT instances the tumours came from
    series : how each series was taken, for the report
    notes : doubts while reading
    content_digest : SHA-256 over the SOP Instance UIDs and contents that were used; the same input gives the same
    missing : sequences that no series fits, with the sentence for the report ("no T2W series was found")
    algorithm_types : Segment Algorithm Type of the tumour on each sequence it was segmented on: AUTOMATIC,
        SEMIAUTOMATIC, MANUAL, or empty where the input does not say it, or says several
    outlines : how the tumour was outlined, on each sequence it was segmented on
    acquisitions : voxel size and field strength of the images of each sequence
    contrast : what phases and headers say about the contrast of T1+C
    evidence : what the headers say for and against the intended use
    nothing_segmented : why there is no tumour, a sentence; empty where there is one
    phases : number of phases of the series that the images of each sequence are from
    before : images of T1+C before contrast behind `contrast.before`, where the whole phase was read
    """

    subject: Subject
    header: pydicom.Dataset
    volumes: Mapping[Sequence, Volume]
    tumours: Mapping[Sequence, Roi]
    sources: Mapping[Sequence, SourceSeries]
    segmentations: tuple[SourceInstance, ...]
    series: tuple[SeriesUsed, ...]
    notes: tuple[QualityNote, ...]
    content_digest: str
    missing: Mapping[Sequence, str]
    algorithm_types: Mapping[Sequence, str] = field(default_factory=dict)
    outlines: Mapping[Sequence, Outline] = field(default_factory=dict)
    acquisitions: Mapping[Sequence, Acquisition] = field(default_factory=dict)
    contrast: ContrastEvidence = field(default_factory=ContrastEvidence)
    evidence: Evidence = field(default_factory=Evidence)
    nothing_segmented: str = ""
    phases: Mapping[Sequence, int] = field(default_factory=dict)
    before: SourceSeries | None = None
