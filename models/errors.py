"""Errors of `models`, distinguished by what the caller should do.

    RDeepNetError
     ├─ StudyRejected          the input must change: do not repeat
     │   ├─ FeatureUndefined   a feature has no value for this region
     │   └─ CohortRejected     the tables of a cohort have mistakes; all of them are listed
     ├─ SetupError             the installation or its settings must change: do not start
     │   ├─ NotWritable        a place that was named for an output cannot take it
     │   ├─ PackageInvalid     a model package fails one of its loading checks
     │   └─ EngineUnavailable  a requested engine, provider or device is not available
     ├─ DeviceMemoryExhausted  an accelerator has too little memory for this: repeat on the CPU
     └─ (dicom_io) PeerUnavailable …  the network: repeat later

Every message says what was found, what was expected and what to do, and carries no patient data. It may quote a file
name, a label or another library; control characters and passwords in it are left out here, whoever made it.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from models.plain_text import plain, without_passwords


class RDeepNetError(Exception):
    """Root of every error a user can meet."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(without_passwords(plain(one)) if isinstance(one, str) else one for one in arguments))


class StudyRejected(RDeepNetError):
    """The study cannot be answered as it is; repeating does not help until the input changes."""


class FeatureUndefined(StudyRejected):
    """A feature has no value for this image and region (a value that cannot be computed stops the study)."""


class CohortRejected(StudyRejected):
    """The tables of a cohort cannot be used as they are; the message lists every mistake."""


@dataclass(frozen=True)
class Mistake:
    """A mistake in a file.

    Attributes
    ----------
    line : the first is 1; None where it belongs to none
    sentence : what is wrong
    """

    line: int | None
    sentence: str

    def __str__(self) -> str:
        return self.sentence if self.line is None else f"line {self.line}: {self.sentence}"


class SetupError(RDeepNetError):
    """The installation or the settings are wrong; the service does not start.

    Attributes
    ----------
    mistakes : in the file that it is about, each for itself; empty where it is about something else
    """

    mistakes: tuple[Mistake, ...] = ()


class NotWritable(SetupError):
    """A place that was named for an output cannot take it: below a file, without permission, read-only, or full.

    Attributes
    ----------
    is_full : the place is right and has no space left
    """

    def __init__(self, sentence: str, *, because: OSError) -> None:
        super().__init__(sentence)
        self.is_full = because.errno in (errno.ENOSPC, errno.EDQUOT)


class PackageInvalid(SetupError):
    """A model package fails one of its loading checks."""


class EngineUnavailable(SetupError):
    """A requested feature engine, execution provider or device is not available."""


class DeviceMemoryExhausted(RDeepNetError):
    """An accelerator has too little memory for this study; the CPU can do it, slower."""
