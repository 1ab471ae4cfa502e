"""`Answer`: the DICOM objects sent back for one study, in the order in which they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING

from dicom_io.answer_roles import Role
from reports.language import Language

if TYPE_CHECKING:
    import pydicom


def file_of(dataset: pydicom.Dataset) -> bytes:
    """A data set with file meta information as a DICOM file; pydicom raises where it cannot be written."""
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


@dataclass(frozen=True, eq=False)
class AnswerObject:
    """One object: its role and its data set with file meta information.

    Attributes
    ----------
    language : of the words in it; None for an object that is the same in all
    is_default : in the language of the site; the others are for destinations with a language of their own
    """

    role: Role
    dataset: pydicom.Dataset
    language: Language | None = None
    is_default: bool = True

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return str(self.dataset.SOPInstanceUID)

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""
        return str(self.dataset.SOPClassUID)

    @cached_property
    def file(self) -> bytes:
        """The object as a DICOM file, written once: by the check before anything leaves, for all who keep it."""
        return file_of(self.dataset)


@dataclass(frozen=True, eq=False)
class Answer:
    """All objects for one study; segmentations precede the reports that refer to them."""

    objects: tuple[AnswerObject, ...]
    pdf: bytes  # the plain PDF inside the Encapsulated PDF
