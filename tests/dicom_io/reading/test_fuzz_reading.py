"""Damaged studies: whatever is wrong with the bytes or headers, reading ends in a study or a named refusal.

`python -m tests.dicom_io.reading.test_fuzz_reading 10000` reads 10,000 of them and prints the outcomes; a second number
is the first case. The number of a case is its seed, so a case that escapes can be read again alone.

Of the first 10,000 cases: 3,993 NotReadable, 2,234 GeometryInvalid, 567 SeriesNotFound, 547 StudyRejected, 110
SelectionAmbiguous; 2,057 read rightly, 77 read otherwise with a warning, 415 of which the truth is not known; none
wrong in silence, none escaped or hung.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.images.headers import DECODE_ERRORS
from dicom_io.images.philips import FRAME_CREATOR
from dicom_io.reading.read import find_studies, read_study
from dicom_io.reading.survey import survey_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules, ValueMapping
from dicom_io.study import Study
from models.errors import StudyRejected
from tests.dicom_io.images.test_functional_groups import contrast, pulse
from tests.dicom_io.images.test_philips import state as scale
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
from tests.dicom_io.reading.test_laterality import LEFT, in_the_region, in_the_type, with_side

SHAPE = (4, 6, 8)
MASK = ball(SHAPE, centre=(1.5, 3, 4), radius=(1.2, 2, 3))
RULES = SelectionRules()
BY_SIGNAL = SelectionRules(value_mapping=ValueMapping.PHILIPS)
WRONG_IN_SILENCE = "read, wrong in silence"
LONGEST_S = 60  # a small study is read in a tenth of a second; this is a hang


def _water_and_fat(dataset: Dataset, phase: int, _: int) -> None:
    dataset.ImageType = ["DERIVED", "PRIMARY", ("WATER", "FAT")[phase]]


def _philips(dataset: Dataset, phase: int, index: int) -> None:
    dataset.Manufacturer = "Philips"
    scale(dataset, 0.01 * (index + 1))


def _with_groups(dataset: Dataset) -> None:
    """Everything rules and quality notes look at in the functional groups of a multi-frame image."""
    pulse(dataset, echo=2.3, repetition=5.0)
    contrast(dataset, given=(False, True), slices=SHAPE[0])
    dataset.Manufacturer = "Philips"
    for group in dataset.PerFrameFunctionalGroupsSequence:
        anatomy, private = Dataset(), Dataset()
        anatomy.FrameLaterality = "L"
        group.FrameAnatomySequence = [anatomy]
        scale(private, 0.01)
        group.private_block(0x2005, FRAME_CREATOR, create=True).add_new(0x0F, "SQ", [private])


def whole_study(folder: Path, *, enhanced: bool, contours: bool, mixed: bool) -> None:
    """A small study that is read without complaint."""
    if enhanced:
        voxels = [voxels_of(SHAPE, seed=phase) for phase in range(2)]
        path = folder / "t1.dcm"
        write_enhanced(path, voxels, affine=affine_of(), description="T1 DYN", number=4, edit=_with_groups)
        write_seg(folder / "seg.dcm", MASK, affine=affine_of(), edit=with_side(in_the_region, LEFT))
    else:
        phases = [voxels_of(SHAPE), voxels_of(SHAPE, seed=1)]
        edit = _philips if mixed else None
        series = write_series(folder, phases, affine=affine_of(), description="T1 DYN", number=4, edit=edit)
        if not mixed:
            write_series(folder, [voxels_of(SHAPE)], affine=affine_of(), description="T2 FS", number=2)
        if mixed:
            write_series(folder, phases, affine=affine_of(), description="T2 DIXON", number=6, edit=_water_and_fat)
        if contours:
            corners = np.array([[-17, -27, 0], [-14, -27, 0], [-15, -24, 0]])
            planes = [corners + np.array([0, 0, z]) for z in (8, 11)]
            write_rtstruct(folder / "contours.dcm", planes, series=series)
        else:
            side = with_side(in_the_type, LEFT)
            write_seg(folder / "seg.dcm", MASK, affine=affine_of(), source=series, edit=side)


def mutate(folder: Path, *, seed: int, only: str = "*.dcm") -> None:
    """One to three damages to the files of a study whose names match."""
    dice = random.Random(seed)
    for _ in range(dice.randint(1, 3)):
        paths = sorted(path for path in folder.glob(only) if path.stat().st_size)
        if not paths:
            return
        path = dice.choice(paths)
        damage = dice.choice((change_bytes, change_bytes, cut_off, _element, _element, _nested, _remove))
        damage(path, dice)


def change_bytes(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    path.write_bytes(data)


def cut_off(path: Path, dice: random.Random) -> None:
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
        elif element.VR in ("DS", "IS") and element.VM > 1 and dice.random() < 0.5:
            values = [str(one) for one in element.value]
            values[dice.randrange(len(values))] = dice.choice(["0", "-1", "1e9", "3e5", "0.001"])
            element.value = values
        elif element.VR in ("DS", "IS"):
            element.value = dice.choice(["", "0", "-1", "1e9", ["1", "2"], "99999999"])
        elif element.VR == "US":
            element.value = dice.choice([0, 1, 7, 65535])
        elif element.VR in ("UI", "CS", "LO", "SH", "TM", "DA"):
            element.value = dice.choice(["", "1", "9" * 12, ["A", "B"]])
        elif element.VR in ("OB", "OW"):
            element.value = dice.choice([b"", b"\0\0", bytes(element.value)[:-2]])
        elif element.VR == "SQ":
            element.value = dice.choice([[], [Dataset()], list(element.value)[:1]])
        save(dataset, path)
    except (*DECODE_ERRORS, OSError):
        return  # this library cannot write the damaged file again; another damage was done before


def _named(refusal: StudyRejected) -> str:
    """The class of a refusal, which is a sentence without the patient's name."""
    assert str(refusal).endswith((".", ")"))
    assert "Test^Reading" not in str(refusal)
    return type(refusal).__name__


@dataclass(frozen=True, eq=False)
class Truth:
    """The undamaged study as it is read, its files, and the bytes of their pixels (the end of each file)."""

    study: Study
    files: Mapping[str, bytes]
    pixels: Mapping[str, bytes]


@cache
def truth_of(kind: int) -> Truth:
    """The truth of the studies whose seed has this remainder by 8."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole_study(folder, enhanced=kind % 4 == 0, contours=kind % 4 == 1, mixed=kind % 4 == 2)
        files = sorted(folder.iterdir())
        study = read_study(files, rules=_rules(kind), assignment=NO_ASSIGNMENT)
        pixels = {path.name: pydicom.dcmread(path).get("PixelData", b"") for path in files}
        return Truth(study, {path.name: path.read_bytes() for path in files}, pixels)


def _rules(kind: int) -> SelectionRules:
    return BY_SIGNAL if kind == 2 else RULES


def _is_known(folder: Path, truth: Truth) -> bool:
    """Returns whether the truth can be told from what is left.

    All pixels are those that were written. Where files are missing, it is not the last slice of a series, of whose
    absence nothing tells but the count of an archive. A mask that names no images still has its matrix: with another,
    it is one on a grid of its own.
    """
    left = {path.name: path.read_bytes() for path in folder.iterdir()}
    last = {max(names) for series in "246" if (names := [name for name in truth.pixels if name.startswith(series)])}
    if (set(truth.pixels) - set(left)) & last or any(truth.pixels[name] not in left[name] for name in left):
        return False
    mask = folder / "seg.dcm"
    if not mask.exists() or not (folder / "t1.dcm").exists():  # only beside `t1.dcm` it names none
        return True
    header = pydicom.dcmread(mask, stop_before_pixels=True, force=True)
    return (header.get("Rows"), header.get("Columns")) == MASK.shape[1:]


def _is_true(study: Study, truth: Study) -> bool:
    """Returns whether volumes (up to one linear map, which features do not see) and tumours are those of the truth."""
    if not set(study.tumours) <= set(truth.tumours) or not set(study.volumes) <= set(truth.volumes):
        return False
    return all(
        volume.shape == truth.volumes[sequence].shape
        and np.allclose(volume.affine, truth.volumes[sequence].affine, atol=0.01)
        and np.corrcoef(volume.voxels.ravel(), truth.volumes[sequence].voxels.ravel())[0, 1] > 1 - 1e-6
        for sequence, volume in study.volumes.items()
    ) and all(np.array_equal(roi.mask, truth.tumours[sequence].mask) for sequence, roi in study.tumours.items())


def _says_so(study: Study, truth: Study) -> bool:
    """Returns whether a study carries a warning, or a missing sequence, that the truth does not."""
    warnings_of = [{one.sentence for one in each.notes if one.severity == "warning"} for each in (study, truth)]
    return bool(warnings_of[0] - warnings_of[1]) or study.missing != truth.missing


def outcome(*, seed: int, only: str = "*.dcm") -> str:
    """Read one damaged study: the class of the refusal, or "read" and what is known of it.

    Parameters
    ----------
    only : names of the files that are damaged
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = truth_of(seed % 8)
        for written, data in truth.files.items():
            (folder / written).write_bytes(data)
        mutate(folder, seed=seed, only=only)
        files = sorted(folder.iterdir())
        find_studies(folder)
        before = {path: path.read_bytes() for path in files}
        survey_study(files, rules=RULES, assignment=NO_ASSIGNMENT)
        try:
            study = read_study(files, rules=_rules(seed % 8), assignment=NO_ASSIGNMENT)
        except StudyRejected as refusal:
            return _named(refusal)
        finally:
            assert {path: path.read_bytes() for path in sorted(folder.iterdir())} == before  # nothing written
        assert all(np.all(np.isfinite(volume.voxels)) for volume in study.volumes.values())
        if not _is_known(folder, truth):
            return "read, truth not known"
        if _is_true(study, truth.study):
            return "read, right"
        return "read, wrong with a warning" if _says_so(study, truth.study) else WRONG_IN_SILENCE


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the mutating side writes invalid values on purpose
def test_a_damaged_study_is_read_or_refused_by_name() -> None:
    outcomes = Counter(outcome(seed=seed) for seed in range(120))
    assert sum(outcomes.values()) == 120
    assert set(outcomes) >= {"read, right", "NotReadable", "GeometryInvalid", "SeriesNotFound"}
    assert WRONG_IN_SILENCE not in outcomes


def run(first: int, count: int) -> Counter[str]:
    """Read `count` damaged studies from case `first` on; stops with the case number when one escapes or hangs."""
    outcomes: Counter[str] = Counter()
    signal.signal(signal.SIGALRM, _hangs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(first, first + count):
            signal.alarm(LONGEST_S)
            try:
                what = outcome(seed=seed)
                outcomes[what] += 1
                if what == WRONG_IN_SILENCE:
                    print(f"case {seed}: {what}", flush=True)
            except BaseException:
                print(f"case {seed}", file=sys.stderr)
                raise
            if (seed + 1 - first) % 1000 == 0:
                print(seed + 1 - first, dict(outcomes), flush=True)
    signal.alarm(0)
    return outcomes


def _hangs(number: int, frame: object) -> None:
    raise TimeoutError(f"a study was not read within {LONGEST_S} s")


if __name__ == "__main__":
    start, studies = (int(value) for value in (sys.argv[2:] or ["0"]) + sys.argv[1:2])
    print(dict(run(start, studies)))
