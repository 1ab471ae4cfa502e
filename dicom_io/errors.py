"""Errors of `dicom_io`, distinguished by what the caller should do.

StudyRejected (models.errors)      the study must change: do not repeat
 ├─ SeriesNotFound                 nothing fits a role the study cannot do without
 ├─ SelectionAmbiguous             more than one series or segment fits; the message lists them
 ├─ GeometryInvalid                gaps, duplicates, mixed orientation, other frame of reference
 └─ NotReadable                    a file or an attribute cannot be decoded
RDeepNetError (models.errors)
 ├─ PeerUnavailable                the network or the peer: repeat later
 ├─ PeerRefused                    the peer refused: an operator must act
 └─ ObjectNotConformant            an object of ours fails its own conformance check: it is not sent
"""

from models.errors import RDeepNetError, StudyRejected


class SeriesNotFound(StudyRejected):
    """No series or segment fits a role that the study cannot do without; the message lists what was found."""


class SelectionAmbiguous(StudyRejected):
    """More than one series or segment fits a role; the message lists them."""


class GeometryInvalid(StudyRejected):
    """The geometry of a series or segmentation is not that of one volume; the message gives the numbers."""


class NotReadable(StudyRejected):
    """A file or attribute cannot be decoded."""


class PeerUnavailable(RDeepNetError):
    """The peer did not answer, aborted, or said it is out of resources: repeat later."""


class PeerRefused(RDeepNetError):
    """The peer refused the association or the object: repeating alone does not help."""


class ObjectNotConformant(RDeepNetError):
    """An object of ours fails its own conformance check; it is not sent."""
