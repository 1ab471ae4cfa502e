"""Errors of `models`, distinguished by what the caller should do.

    RDeepNetError
     ├─ StudyRejected          the input must change: do not repeat
     │   ├─ FeatureUndefined   a feature has no value for this region
     │   └─ CohortRejected     the tables of a cohort have mistakes; all of them are listed
     ├─ SetupError             the installation or its settings must change: do not start
     │   ├─ PackageInvalid     a model package fails one of its loading checks
     │   └─ EngineUnavailable  a requested engine, provider or device is not available
     ├─ DeviceMemoryExhausted  an accelerator has too little memory for this: repeat on the CPU
     └─ (dicom_io) PeerUnavailable …  the network: repeat later

Every message says what was found, what was expected and what to do, and carries no patient data.
"""


class RDeepNetError(Exception):
    """Root of every error a user can meet."""


class StudyRejected(RDeepNetError):
    """The study cannot be answered as it is; repeating does not help until the input changes."""


class FeatureUndefined(StudyRejected):
    """A feature has no value for this image and region (a value that cannot be computed stops the study)."""


class CohortRejected(StudyRejected):
    """The tables of a cohort cannot be used as they are; the message lists every mistake."""


class SetupError(RDeepNetError):
    """The installation or the settings are wrong; the service does not start."""


class PackageInvalid(SetupError):
    """A model package fails one of its loading checks."""


class EngineUnavailable(SetupError):
    """A requested feature engine, execution provider or device is not available."""


class DeviceMemoryExhausted(RDeepNetError):
    """An accelerator has too little memory for this study; the CPU can do it, slower."""
