"""A marked study to its draft: the mask, the DICOM Segmentation, the contact sheet. `rdeepnet segment` and the service
make drafts alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from dicom_io.answer import AnswerObject
from dicom_io.answer_roles import Role
from dicom_io.errors import SelectionAmbiguous, StrokesNotFound, StrokesOnly
from dicom_io.images.limits import USUAL, Limits
from dicom_io.marked_study import MarkedStudy
from dicom_io.reading.marks import read_marked_study
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.writing.draft_segmentation import make_draft
from models.errors import StudyRejected
from models.number_words import counted
from models.segmentation import grow_cut
from models.segmentation.seeds import Mask, Method
from reports.draft.contact_sheet import DraftPictures, contact_sheet
from reports.language import Language


@dataclass(frozen=True, eq=False)
class MadeDraft:
    """One draft.

    Attributes
    ----------
    study : images and marks it was made from
    mask : bool (slices, rows, columns)
    notice : of the method's makers; empty where there is none
    segmentation : as a DICOM object; it has the same words in every language
    sheets : PDF of every slice in each language, the site's first
    """

    study: MarkedStudy
    mask: Mask
    method: Method
    notice: str
    segmentation: AnswerObject
    sheets: Mapping[Language, bytes]

    @property
    def sheet(self) -> bytes:
        """The contact sheet in the language of the site."""
        return next(iter(self.sheets.values()))

    @property
    def volume_mm3(self) -> float:
        """Volume of the draft."""
        return int(np.count_nonzero(self.mask)) * self.study.images.after.voxel_volume_mm3

    @property
    def slices(self) -> int:
        """Slices the draft is on."""
        return int(np.count_nonzero(self.mask.any(axis=(1, 2))))


def draft_of(
    study: MarkedStudy,
    method: Method,
    *,
    created: datetime,
    notice: str = "",
    languages: Sequence[Language] = (Language.ENGLISH,),
    fonts: Sequence[str] = (),
) -> MadeDraft:
    """The draft of a marked study; the same study and method give the same UIDs.

    Parameters
    ----------
    languages : of the contact sheets, the site's first
    fonts : of them; looked in before those of the system

    Raises
    ------
    StudyRejected
        When the marks make no draft.
    """
    mask = method.segment(study.images, study.seeds)
    segmentation = AnswerObject(Role.DRAFT_SEG, make_draft(study, mask, method, created=created, notice=notice))
    pictures = DraftPictures(
        subject=study.subject,
        sequence=study.sequence,
        image=study.images.after,
        draft=mask,
        strokes=study.seeds.strokes,
        method=(method.name, method.version),
        made_from=study.described,
        created=created,
        notice=notice,
    )
    sheets = {one: contact_sheet(replace(pictures, language=one), fonts=fonts) for one in languages}
    return MadeDraft(study, mask, method, notice, segmentation, sheets)


def draft_instead_of(
    refusal: StudyRejected,
    files: Sequence[Path],
    *,
    rules: SelectionRules,
    assignment: Assignment,
    created: datetime,
    limits: Limits = USUAL,
    languages: Sequence[Language] = (Language.ENGLISH,),
    fonts: Sequence[str] = (),
) -> MadeDraft:
    """The draft of a study that was refused because all there is of its tumour is strokes.

    Of an explicit choice the images count and the tumour does not: it would hide a final segmentation, over which no
    draft is made.

    Raises
    ------
    StudyRejected
        The refusal itself where there are no strokes; else why they make no draft.
    """
    assignment = replace(assignment, tumour=())
    painted = refusal.path if isinstance(refusal, StrokesOnly) else None
    try:
        study = read_marked_study(files, strokes=painted, rules=rules, assignment=assignment, limits=limits)
    except StrokesNotFound:
        raise refusal from None
    except SelectionAmbiguous:
        if painted is not None:  # several segments that nobody called strokes
            raise refusal from None
        raise
    return draft_of(study, grow_cut.method(study.seeds), created=created, languages=languages, fonts=fonts)


def in_words(draft: MadeDraft) -> str:
    """A sentence for who waits for the answer; no patient data."""
    return (
        f"A draft of the tumour on {draft.study.sequence.label} was made by {draft.method.name}: "
        f"{draft.volume_mm3 / 1000:.2f} cm³ on {counted(draft.slices, 'slice')}. It is not answered before a person "
        'has looked at every slice: edit it in a viewer and save it under a name without "draft", or accept it '
        "unchanged, on the page or with rdeepnet segment --accept."
    )
