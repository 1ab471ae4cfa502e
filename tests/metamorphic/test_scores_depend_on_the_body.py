"""Invariant: the same patient gives the same answer, whatever surrounds the body in the image.

Here on a small synthetic study, T1+C only; on real studies `python -m tests.metamorphic.table` measures the same
changes and writes the table of `docs/inputs.md`.
"""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import RLELossless

from dicom_io.reading.read import read_study
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from dicom_io.study import Study
from dicom_io.synthetic.study_writer import make_study
from models.features.extract import open_engine
from models.inference.package import shipped_packages
from models.inference.runtime import LoadedModel, load_models
from models.preprocessing.prepare import open_bias_correction
from models.volume import Sequence
from tests.metamorphic.changes import CHANGES, NOISE, TOUCHES_BODY, Change
from tests.metamorphic.study import Images, Scored, changed, scored, with_tumours


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study")
    make_study(root, seed=1, sequences=(Sequence.T1C,))
    return root


@pytest.fixture(scope="module")
def models() -> dict[str, LoadedModel]:
    return {
        model.package.identity.name: model
        for model in load_models(shipped_packages(), provider="cpu")
        if model.package.sequences == (Sequence.T1C,)
    }


def read(root: Path) -> Study:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return read_study(files, rules=SelectionRules(), assignment=NO_ASSIGNMENT)


def scores_of(images: Images, models: dict[str, LoadedModel]) -> Scored:
    engine, bias = open_engine("own", device="cpu"), open_bias_correction("own", device="cpu")
    return scored(images, models=models, engine=engine, bias=bias)


@pytest.fixture(scope="module")
def images(folder: Path) -> Images:
    study = read(folder)
    return with_tumours(study.volumes, study.tumours)


@pytest.fixture(scope="module")
def unchanged(images: Images, models: dict[str, LoadedModel]) -> Scored:
    return scores_of(images, models)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.words)
def test_the_score_stays_within_the_promised_tolerance(
    change: Change, images: Images, unchanged: Scored, models: dict[str, LoadedModel]
) -> None:
    found = scores_of(changed(images, change), models)
    new = found.codes - unchanged.codes
    if change.codes:
        assert new & set(change.codes)
    for name, score in unchanged.scores.items():
        difference = abs(found.scores[name] - score)
        if change.tolerance == TOUCHES_BODY:
            # The small image has hardly any air: more of the body is cut than the tolerance is stated for, and a
            # warning says so.
            assert new
            assert difference <= TOUCHES_BODY or found.warnings - unchanged.warnings
        elif change.tolerance == NOISE:
            assert difference <= 2 * NOISE  # the tumour of the small image has fewer voxels to average over
        elif change.tolerance is not None:
            assert difference <= change.tolerance


def rewritten(folder: Path, out: Path, *, what: str) -> Path:
    """The study with its T1+C images stored otherwise; nothing about the patient changes."""
    for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        dataset = pydicom.dcmread(path)
        if dataset.SOPClassUID.name == "MR Image Storage":
            pixels = dataset.pixel_array.copy()
            if what == "declared padding":
                pixels[:6, :6] = 4000
                dataset.add_new("PixelPaddingValue", "SS" if dataset.PixelRepresentation else "US", 4000)
            elif what == "reversed columns":
                row = [float(value) for value in dataset.ImageOrientationPatient[:3]]
                step = float(dataset.PixelSpacing[1]) * (dataset.Columns - 1)
                dataset.ImagePositionPatient = [
                    float(p) + r * step for p, r in zip(dataset.ImagePositionPatient, row, strict=True)
                ]
                dataset.ImageOrientationPatient = [*(-r for r in row), *dataset.ImageOrientationPatient[3:]]
                pixels = pixels[:, ::-1].copy()
            elif what == "16 bits":
                dataset.BitsStored, dataset.HighBit = 16, 15
            dataset.PixelData = pixels.tobytes()
            if what == "compressed":
                dataset.compress(RLELossless)
        dataset.save_as(out / f"{number:04d}.dcm")
    return out


@pytest.mark.parametrize("what", ["declared padding", "reversed columns", "16 bits", "compressed"])
def test_through_dicom_the_score_is_the_same(
    what: str, folder: Path, tmp_path: Path, unchanged: Scored, models: dict[str, LoadedModel]
) -> None:
    study = read(rewritten(folder, tmp_path, what=what))
    assert (study.volumes[Sequence.T1C].padding is not None) == (what == "declared padding")
    found = scores_of({Sequence.T1C: (study.volumes[Sequence.T1C], study.tumours[Sequence.T1C])}, models)
    for name, score in unchanged.scores.items():
        assert found.scores[name] == pytest.approx(score, abs=0.02 if what == "declared padding" else 1e-12)
