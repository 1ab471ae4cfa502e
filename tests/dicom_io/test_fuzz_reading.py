"""Damaged studies: whatever is wrong with the bytes or headers, reading ends in a study or a named refusal.

`python -m tests.dicom_io.test_fuzz_reading 10000` runs more of them (seeds are the case numbers) and prints a count.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.headers import DECODE_ERRORS
from dicom_io.read import find_studies, read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.survey import survey_study
from models.errors import StudyRejected
from tests.dicom_io.made_series import (
    affine_of,
    ball,
    save,
    voxels_of,
    write_enhanced,
    write_rtstruct,
    write_seg,
    write_series,
)

SHAPE = (4, 6, 8)
MASK = ball(SHAPE, centre=(1.5, 3, 4), radius=(1.2, 2, 3))
RULES = SelectionRules()


def whole_study(folder: Path, *, enhanced: bool, contours: bool) -> None:
    """A small study that is read without complaint."""
    if enhanced:
        voxels = [voxels_of(SHAPE, seed=phase) for phase in range(2)]
        write_enhanced(folder / "t1.dcm", voxels, affine=affine_of(), description="T1 DYN", number=4)
        write_seg(folder / "seg.dcm", MASK, affine=affine_of())
    else:
        phases = [voxels_of(SHAPE), voxels_of(SHAPE, seed=1)]
        series = write_series(folder, phases, affine=affine_of(), description="T1 DYN", number=4)
        write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="T2 FS", number=2)
        if contours:
            corners = np.array([[-17, -27, 0], [-14, -27, 0], [-15, -24, 0]])
            planes = [corners + np.array([0, 0, z]) for z in (8, 11)]
            write_rtstruct(folder / "contours.dcm", planes, series=series)
        else:
            write_seg(folder / "seg.dcm", MASK, affine=affine_of(), source=series)


def mutate(folder: Path, *, seed: int) -> None:
    """One to three damages to the files of a study."""
    dice = random.Random(seed)
    for _ in range(dice.randint(1, 3)):
        path = dice.choice(sorted(path for path in folder.glob("*.dcm") if path.stat().st_size))
        damage = dice.choice((_bytes, _bytes, _truncate, _element, _element, _nested, _remove))
        damage(path, dice)


def _bytes(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    path.write_bytes(data)


def _truncate(path: Path, dice: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: dice.randrange(len(data))])


def _remove(path: Path, dice: random.Random) -> None:
    if len(list(path.parent.glob("*.dcm"))) > 1:
        path.unlink()


def _element(path: Path, dice: random.Random) -> None:
    _rewrite(path, dice, nested=False)


def _nested(path: Path, dice: random.Random) -> None:
    _rewrite(path, dice, nested=True)


def _rewrite(path: Path, dice: random.Random, *, nested: bool) -> None:
    """Remove an element, or give it another value of its kind."""
    try:
        dataset = pydicom.dcmread(path)
        target: Dataset = dataset
        while nested and (sequences := [one for one in target if one.VR == "SQ" and one.value]):
            target = dice.choice(list(dice.choice(sequences).value))
            if dice.random() < 0.4:
                break
        elements = [one for one in target if one.keyword != "PixelData" and one.keyword not in ("SOPClassUID",)]
        if not elements:
            return
        element = dice.choice(elements)
        if dice.random() < 0.4:
            del target[element.tag]
        elif element.VR in ("DS", "IS"):
            element.value = dice.choice(["", "0", "-1", "1e9", ["1", "2"], "99999999"])
        elif element.VR == "US":
            element.value = dice.choice([0, 1, 7, 65535])
        elif element.VR in ("UI", "CS", "LO", "SH", "TM", "DA"):
            element.value = dice.choice(["", "1", "9" * 12, ["A", "B"]])
        elif element.VR == "SQ":
            element.value = dice.choice([[], [Dataset()], list(element.value)[:1]])
        save(dataset, path)
    except (*DECODE_ERRORS, OSError):
        return  # this library can not write the damaged file again; another damage was done before


def outcome(*, seed: int) -> str:
    """Read one damaged study: "read", or the class of the refusal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole_study(folder, enhanced=seed % 4 == 0, contours=seed % 4 == 1)
        mutate(folder, seed=seed)
        files = sorted(folder.iterdir())
        find_studies(folder)
        survey_study(files, rules=RULES, assignment=NO_ASSIGNMENT)
        try:
            study = read_study(files, rules=RULES, assignment=NO_ASSIGNMENT)
        except StudyRejected as refusal:
            return type(refusal).__name__
        assert all(np.all(np.isfinite(volume.voxels)) for volume in study.volumes.values())
        return "read"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the mutating side writes invalid values on purpose
def test_a_damaged_study_is_read_or_refused_by_name() -> None:
    outcomes = Counter(outcome(seed=seed) for seed in range(120))
    assert sum(outcomes.values()) == 120
    assert set(outcomes) >= {"read", "NotReadable", "GeometryInvalid", "SeriesNotFound"}


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(dict(Counter(outcome(seed=seed) for seed in range(count))))
