"""Errors of `dicom_io`, distinguished by what the caller should do.

StudyRejected (models.errors)      the study must change: do not repeat
 ├─ SeriesNotFound                 nothing fits a role the study cannot do without
 │   └─ TumourNotFound             the role is that of the tumour's segmentation
 ├─ SelectionAmbiguous             more than one series or segment fits; the message lists them
 ├─ GeometryInvalid                gaps, duplicates, mixed orientation, other frame of reference
 │   ├─ ImagesMissing              the archive holds more images than arrived
 │   ├─ TumourEmpty                the segment of the tumour holds no voxel
 │   └─ StrokesOnly                a segmentation is drawn on slices apart: strokes, and not the whole tumour
 ├─ StrokesNotFound                no segment says that it holds strokes, of which a draft could be made
 └─ NotReadable                    a file or an attribute cannot be decoded
RDeepNetError (models.errors)
 ├─ PeerUnavailable                the network or the peer: repeat later
 ├─ PeerRefused                    the peer refused: an operator must act
 │   └─ PeerRejected               it rejected the association, perhaps only until its own settings know us: repeat
 ├─ BodyNotReadable                a body of DICOMweb cannot be read, or was cut off
 ├─ CannotKeepNow                  the home of received instances does not answer: the sender repeats later
 └─ ObjectNotConformant            an object of ours fails its own conformance check: it is not sent

What a reader can do besides depends on who reads: a refusal carries it as `Remedy`, and `advice` words it.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from models.errors import RDeepNetError, StudyRejected


class Remedy(StrEnum):
    """Remedies for a refused study that leave it as it is; worded for each reader in `advice`."""

    CHOOSE_SERIES = "choose-series"  # say which series is which
    CHOOSE_TUMOUR = "choose-tumour"  # say which segment is the tumour
    LEAVE_T2W_OUT = "leave-t2w-out"  # answer without T2W


class InputRejected(StudyRejected):
    """A refusal while reading; the sentence holds for every reader, the remedies depend on who reads."""

    def __init__(self, sentence: str, *, remedies: tuple[Remedy, ...] = ()) -> None:
        super().__init__(sentence)
        self.remedies = remedies


class SeriesNotFound(InputRejected):
    """No series or segment fits a role that the study cannot do without; the message lists what was found."""


class TumourNotFound(SeriesNotFound):
    """No segmentation of the tumour was found; it may still arrive."""


class SelectionAmbiguous(InputRejected):
    """More than one series or segment fits a role; the message lists them."""


class GeometryInvalid(InputRejected):
    """The geometry of a series or segmentation is not that of one volume; the message gives the numbers."""


class ImagesMissing(GeometryInvalid):
    """The archive holds more images than arrived; they may still arrive."""


class TumourEmpty(GeometryInvalid):
    """The segment of the tumour holds no voxel: a mistake, or no tumour is left (see `pipeline.answer_study`)."""


class StrokesOnly(GeometryInvalid):
    """A segmentation is drawn on slices of which no two lie side by side; a draft can be made of it.

    Attributes
    ----------
    path : the file of the segmentation
    """

    def __init__(self, sentence: str, *, path: Path) -> None:
        super().__init__(sentence)
        self.path = path


class StrokesNotFound(InputRejected):
    """No segment of the study says that it holds strokes."""


class NotReadable(InputRejected):
    """A file or attribute cannot be decoded."""


class CannotKeepNow(RDeepNetError):
    """The home of received instances does not answer: the sender is told 0xA700, and repeats later."""


class BodyNotReadable(RDeepNetError):
    """A body of DICOMweb cannot be read, or was cut off; who asked for it or sent it repeats."""


class PeerUnavailable(RDeepNetError):
    """The peer did not answer, aborted, or said it is out of resources: repeat later.

    Attributes
    ----------
    after_s : time after which the peer asks to be called again; 0 where it does not say
    """

    after_s: float = 0.0


class PeerRefused(RDeepNetError):
    """The peer refused the association or the object: repeating alone does not help."""


class PeerRejected(PeerRefused):
    """The peer rejected the association: an operator must act, there or here, and until then it is repeated.

    A PACS that does not know our AE title yet rejects as permanently as one that never will.
    """


class ObjectNotConformant(RDeepNetError):
    """An object of ours fails its own conformance check; it is not sent."""
