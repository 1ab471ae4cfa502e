"""Small studies of two series and a segmentation, written to a folder and read; and what a refusal has to say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dicom_io.advice import Reader, advised
from dicom_io.images.quality import NOT_JUDGED
from dicom_io.reading.read import read_study
from dicom_io.reading.survey import survey_study
from dicom_io.rules import NO_ASSIGNMENT, Assignment, SelectionRules
from dicom_io.study import Study
from models.errors import StudyRejected
from models.quality_notes import QualityNote
from models.volume import Sequence as MrSequence
from tests.dicom_io.made_series import (
    Edit,
    MadeSeries,
    affine_of,
    ball,
    voxels_of,
    write_series,
)

T1C, T2W = MrSequence.T1C, MrSequence.T2W
SHAPE = (8, 12, 14)
MASK = ball(SHAPE, centre=(3.4, 6, 7), radius=(2.6, 3.4, 4.2))
T2_SHAPE = (7, 10, 12)
T2_AFFINE = affine_of(spacing_mm=(3.4, 1.4, 1.2))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def read(folder: Path, *, rules: SelectionRules | None = None, assignment: Assignment = NO_ASSIGNMENT) -> Study:
    return read_study(files(folder), rules=rules or SelectionRules(), assignment=assignment)


def doubts(study: Study) -> list[QualityNote]:
    """The quality notes of a study but the one that every study has."""
    assert study.notes[0] == NOT_JUDGED
    return list(study.notes[1:])


def refused(folder: Path, kind: type[StudyRejected], *parts: str, assign: Sequence[str] = ()) -> str:
    """The sentence of the refusal, which has all `parts` and is what the survey shows."""
    assignment = Assignment.parse(assign)
    with pytest.raises(kind) as caught:
        read(folder, assignment=assignment)
    sentence = str(caught.value)
    for part in parts:
        assert part in sentence
    survey = survey_study(files(folder), rules=SelectionRules(), assignment=assignment)
    assert not survey.refusals or survey.refusals[0] == advised(caught.value, Reader.COMMAND_LINE)
    assert "Test^Reading" not in sentence
    assert "READ01" not in sentence
    return sentence


def t1c(
    folder: Path,
    *,
    number: int = 4,
    phases: int = 1,
    description: str = "AX T1 FS POST",
    edit: Edit | None = None,
    seed: int = 0,
) -> MadeSeries:
    voxels = [voxels_of(SHAPE, seed=seed + phase) for phase in range(phases)]
    return write_series(folder, voxels, affine=affine_of(), description=description, number=number, edit=edit)


def t2w(folder: Path, *, number: int = 2, frame_uid: str | None = None, description: str = "AX T2 FS") -> MadeSeries:
    frame = {} if frame_uid is None else {"frame_uid": frame_uid}
    voxels = [voxels_of(T2_SHAPE, seed=9)]
    return write_series(folder, voxels, affine=T2_AFFINE, description=description, number=number, **frame)
