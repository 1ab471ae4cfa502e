"""A small study whose tumour somebody painted on five slices, and its draft; for tests of drafts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom

from dicom_io.answer import file_of
from dicom_io.marked_study import MarkedStudy
from dicom_io.reading.marks import BoxMarks, read_marked_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.writing.draft_segmentation import make_draft, make_final
from models.segmentation.grow_cut import method
from models.segmentation.seeds import Mask
from tests.dicom_io.made_series import MadeSeries, affine_of, ball, write_seg, write_series

SHAPE = (14, 24, 26)
TUMOUR = ball(SHAPE, centre=(6.5, 12, 13), radius=(5, 7, 7))
PAINTED = (2, 4, 6, 8, 10)
CREATED = datetime(2026, 7, 3, 14, 25, 36, tzinfo=UTC)
ACCEPTED = datetime(2026, 7, 4, 9, 30, 0, tzinfo=UTC)


def images(folder: Path, *, phases: int = 1) -> MadeSeries:
    """A bright ball on a dark ground; the first of several phases without it."""
    rng = np.random.default_rng(4)
    voxels = [
        (200 + 400 * TUMOUR * (phases == 1 or phase > 0) + rng.integers(0, 12, SHAPE)).astype(np.uint16)
        for phase in range(phases)
    ]
    return write_series(folder, voxels, affine=affine_of(), description="AX T1 FS POST", number=4)


def painted(path: Path, source: MadeSeries, **options: object) -> Path:
    """Strokes: the tumour on five of its slices."""
    mask = np.zeros_like(TUMOUR)
    mask[list(PAINTED)] = TUMOUR[list(PAINTED)]
    return write_seg(
        path, mask, affine=affine_of(), source=source, **{"label": "tumour strokes", "number": 800, **options}
    )


def marked(folder: Path, *, strokes: Path | None = None, box: BoxMarks | None = None) -> MarkedStudy:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return read_marked_study(files, strokes=strokes, box=box, rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def drafted(folder: Path) -> tuple[pydicom.Dataset, Mask]:
    """The draft of the study in a folder, and its mask."""
    study = marked(folder)
    way = method(study.seeds)
    mask = way.segment(study.images, study.seeds)
    return make_draft(study, mask, way, created=CREATED), mask


def accepted(draft: pydicom.Dataset) -> pydicom.Dataset:
    return make_final(draft, accepted_by="Ada Reader", accepted=ACCEPTED)


def store(dataset: pydicom.Dataset, path: Path) -> Path:
    path.write_bytes(file_of(dataset))
    return path
