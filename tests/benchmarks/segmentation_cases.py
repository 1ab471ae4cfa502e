"""Cases with a known tumour: what the methods of `models.segmentation` are measured on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dicom_io.images.headers import read_instances
from dicom_io.images.pixels import load
from dicom_io.reading.select import select
from dicom_io.reading.tumours import tumour_on
from dicom_io.rules import Assignment, SelectionRules
from dicom_io.synthetic.grid import REALISTIC_T1C
from dicom_io.synthetic.phantom import Look, Phantom, bias_field, signal, tumour
from models.segmentation.seeds import Images
from models.volume import Sequence as MrSequence
from models.volume import Volume

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("RDEEPNET_TEST_DATA", HERE.parent.parent.parent / "shared" / "data"))

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Case:
    """Images and the tumour that is held for the truth.

    Attributes
    ----------
    worth : what the truth is worth, for the table
    """

    name: str
    images: Images
    tumour: Mask
    worth: str


def br06() -> Case:
    """Real dynamic breast MRI; the truth is a functional tumour volume on the collection's own maps."""
    return _of_study("br06", DATA / "breast_dce_ucsf_br_06", "tumour_binary_dcmqi.dcm", "real breast; a threshold mask")


def sts(sequence: str) -> Case:
    """Real T1 or T2 of a thigh with expert contours, halved in the plane."""
    root = DATA / "sts_001"
    uid = {name: read_instances([next((root / name).iterdir())])[0].series_instance_uid for name in ("t1", "t2")}
    wanted = uid[sequence]
    files = [*(root / sequence).iterdir(), root / "seg" / f"tumour_{sequence}.dcm"]
    images, mask = _read(files, Assignment.parse([f"t1c={wanted}", "t2w=none"]))
    half = Volume(images.after.affine @ np.diag([1, 2, 2, 1]), _halved(images.after.voxels.astype(np.float32)))
    return Case(
        f"sts {sequence.upper()}",
        Images(half),
        _halved(mask.astype(np.float32)) >= 0.5,
        "not a breast; expert contours",
    )


def phantom(seed: int = 1, noise: float = 0.02) -> Case:
    """The synthetic breast around its tumour, with bias field and noise; the truth is exact."""
    whole = REALISTIC_T1C
    patient = Phantom(seed=seed)
    corner = np.linalg.inv(whole.affine) @ np.array([*patient.tumour_centre_mm, 1.0])
    low = np.maximum((corner[:3] - np.array([22, 40, 40])).astype(int), 0)
    affine = whole.affine.copy()
    affine[:3, 3] = whole.affine[:3, :3] @ low + whole.affine[:3, 3]
    shape = (44, 80, 80)
    rng = np.random.default_rng([seed, 5])
    field = bias_field(seed, affine=affine, shape=shape)

    def image(look: Look) -> Volume:
        clean = 1400 * field * signal(patient, look, affine=affine, shape=shape)
        sigma = 1400 * noise
        noisy = np.hypot(clean + rng.normal(scale=sigma, size=shape), rng.normal(scale=sigma, size=shape))
        return Volume(affine, noisy.astype(np.float32))

    before, early, late = (image(look) for look in (Look.T1_BEFORE, Look.T1_EARLY, Look.T1_LATE))
    return Case("phantom", Images(early, before, late), tumour(patient, affine=affine, shape=shape), "synthetic; exact")


CASES: dict[str, Callable[[], Case]] = {
    "br06": br06,
    "phantom": phantom,
    "sts T1": lambda: sts("t1"),
    "sts T2": lambda: sts("t2"),
}


def _of_study(name: str, root: Path, segmentation: str, worth: str) -> Case:
    files = [*(root / "dce").iterdir(), root / "seg" / segmentation]
    images, mask = _read(files, Assignment())
    return Case(name, images, mask, worth)


def _read(files: list[Path], assignment: Assignment) -> tuple[Images, Mask]:
    rules = SelectionRules()
    selection = select(read_instances(files), rules=rules, assignment=assignment)
    if selection.problems:
        raise selection.problems[0]
    chosen = selection.chosen[MrSequence.T1C]
    phases = [load(phase, mapping=rules.value_mapping) for phase in chosen.dynamic.phases]
    used = chosen.dynamic.used
    truth = tumour_on(
        chosen,
        phases[used],
        sequence=MrSequence.T1C,
        candidates=selection.tumours[MrSequence.T1C],
        passed_over=selection.passed_over[MrSequence.T1C],
        series=selection.series,
        rules=rules,
        is_assigned=False,
    )
    if len(phases) == 1:
        return Images(phases[0]), truth.roi.mask
    return Images(phases[used], phases[0], phases[-1]), truth.roi.mask


def _halved(array: NDArray[np.float32]) -> NDArray[np.float32]:
    slices, rows, columns = array.shape
    even = array[:, : rows // 2 * 2, : columns // 2 * 2]
    return even.reshape(slices, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))
