"""`MarkedStudy`: the images of one study with what a person marked on them, which a draft is made from."""

from __future__ import annotations

from dataclasses import dataclass

import pydicom

from dicom_io.study import SourceInstance, SourceSeries
from models.segmentation.seeds import Images, Seeds
from models.volume import Sequence as MrSequence
from reports.content import Subject


@dataclass(frozen=True, eq=False)
class MarkedStudy:
    """One study with marks.

    Attributes
    ----------
    header : patient, study and frame-of-reference modules, as of `Study.header`
    sequence : the one the marks are on
    source : images behind the grid
    tracking : Tracking ID and UID that the strokes carry; empty texts where they carry none
    made_from : the object with the strokes
    described : the images and marks in words, for the record
    digest : SHA-256 over images and marks
    """

    subject: Subject
    header: pydicom.Dataset
    sequence: MrSequence
    images: Images
    seeds: Seeds
    source: SourceSeries
    tracking: tuple[str, str]
    made_from: tuple[SourceInstance, ...]
    described: str
    digest: str
