"""rdeepnet from Python: answer studies, extract features, score patients. ::

    import rdeepnet

    result = rdeepnet.answer("study")                    # one DICOM study: predictions, report, DICOM objects
    outcomes = rdeepnet.run("cohort", "results")         # every study below a folder, as the command `rdeepnet run`
    table = rdeepnet.extract("image.nrrd", "mask.nrrd")  # the 863 features of one region of one image
    table = rdeepnet.extract_study("study")              # the 3,452 features of a DICOM study
    model = rdeepnet.load_package("packages/recurrence")
    scored = rdeepnet.score(model, "features.csv")       # every patient of a table

This module is the public interface: what `__all__` lists stays, or its change is in CHANGELOG.md. The four packages
behind it (`models`, `reports`, `dicom_io`, `appliance`) may move. Importing it loads nothing else, so it costs
milliseconds; PyTorch, Numba and the others are loaded by the first call that needs them.

Research use only. Not a medical device; not for diagnosis.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from appliance.offline.runs import StudyOutcome
    from appliance.pipeline import Result
    from appliance.settings import Settings, load_settings
    from dicom_io.synthetic.study_writer import SyntheticStudy
    from models.cohort.score import ScoredRows, write_scored
    from models.errors import RDeepNetError, SetupError, StudyRejected
    from models.features.settings import FeatureSettings
    from models.features.table import Feature, FeatureTable
    from models.images import read_image, read_mask
    from models.inference.package import shipped_packages
    from models.inference.runtime import LoadedModel
    from models.preprocessing.n4_settings import N4Settings
    from models.quality_notes import QualityNote
    from models.version import software_version
    from models.volume import Region, Roi, Sequence, Volume

__all__ = [
    # DICOM studies
    "answer",
    "run",
    "extract_study",
    "synthetic_study",
    # images and regions outside DICOM
    "volume",
    "roi",
    "read_image",
    "read_mask",
    "n4",
    "extract",
    # models
    "shipped_packages",
    "load_package",
    "score",
    "write_scored",
    # settings
    "Settings",
    "load_settings",
    "FeatureSettings",
    "N4Settings",
    # what flows
    "Volume",
    "Roi",
    "Sequence",
    "Region",
    "Feature",
    "FeatureTable",
    "QualityNote",
    "Result",
    "StudyOutcome",
    "LoadedModel",
    "ScoredRows",
    "SyntheticStudy",
    # errors
    "RDeepNetError",
    "StudyRejected",
    "SetupError",
    "software_version",
]

_HOMES = {
    "FeatureSettings": "models.features.settings",
    "Feature": "models.features.table",
    "FeatureTable": "models.features.table",
    "LoadedModel": "models.inference.runtime",
    "N4Settings": "models.preprocessing.n4_settings",
    "QualityNote": "models.quality_notes",
    "RDeepNetError": "models.errors",
    "Region": "models.volume",
    "Result": "appliance.pipeline",
    "Roi": "models.volume",
    "ScoredRows": "models.cohort.score",
    "Sequence": "models.volume",
    "Settings": "appliance.settings",
    "SetupError": "models.errors",
    "StudyOutcome": "appliance.offline.runs",
    "StudyRejected": "models.errors",
    "SyntheticStudy": "dicom_io.synthetic.study_writer",
    "Volume": "models.volume",
    "load_settings": "appliance.settings",
    "read_image": "models.images",
    "read_mask": "models.images",
    "shipped_packages": "models.inference.package",
    "software_version": "models.version",
    "write_scored": "models.cohort.score",
}

PathLike = str | os.PathLike[str]


def __getattr__(name: str) -> Any:
    """Loads a type or function of the packages when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rdeepnet' has no attribute '{name}'")
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)


def answer(folder: PathLike, *, assign: Iterable[str] = (), settings: Settings | None = None) -> Result:
    """Answers the one DICOM study below a folder, in memory: nothing is written.

    Parameters
    ----------
    folder : holds the files of one study, at any depth
    assign : explicit choice of series, "t1c=…", "t2w=…" or "tumour=…" by Series Instance UID or description; empty:
        by the rules
    settings : as read by `load_settings`; None: the defaults

    Returns
    -------
    Result
        `outcomes` (what each model says), `features`, `report`, `study`, and `answer` with the PDF (`answer.pdf`) and
        the DICOM objects (`answer.objects`).

    Raises
    ------
    StudyRejected
        When there is not exactly one study, or it cannot be answered as it is; the sentence says why.
    SetupError
        When the settings cannot be followed here.

    Examples
    --------
    >>> study = synthetic_study("study", small=True)
    >>> result = answer("study")
    >>> [(outcome.model.name, str(outcome.group)) for outcome in result.outcomes if hasattr(outcome, "group")]
    [('recurrence', '...'), ('krt7_as', '...')]
    >>> Path("report.pdf").write_bytes(result.answer.pdf) > 0
    True
    """
    from datetime import datetime

    from appliance.pipeline import answer_study
    from appliance.settings import Settings
    from appliance.workbench import open_workbench
    from dicom_io.rules import Assignment

    return answer_study(
        _one_study(folder),
        open_workbench(settings or Settings()),
        assignment=Assignment.parse(assign),
        created=datetime.now().astimezone(),
    )


def run(
    folder: PathLike, out: PathLike, *, assign: Iterable[str] = (), settings: Settings | None = None, jobs: int = 1
) -> tuple[StudyOutcome, ...]:
    """Answers every DICOM study below a folder and writes a folder for each, as the command `rdeepnet run`.

    Repeated, only what is new or changed is computed. A study that is refused or fails does not stop the others.

    Parameters
    ----------
    folder, assign, settings : as for `answer`
    out : folder of the results; `studies.csv` in it lists every study
    jobs : studies computed at the same time, each in a process of its own. The processes import the calling script,
        so it needs ``if __name__ == "__main__":``

    Returns
    -------
    tuple of StudyOutcome
        In the order of the Study Instance UIDs.

    Raises
    ------
    StudyRejected
        When there is no study below the folder.
    SetupError
        When the settings cannot be followed here.
    """
    from appliance.offline import runs
    from appliance.settings import Settings
    from dicom_io.rules import Assignment

    settings = settings or Settings()
    plan = runs.plan_run(Path(folder), Path(out), settings=settings, assignment=Assignment.parse(assign))
    outcomes = runs.run(plan, settings=settings, jobs=jobs)
    return tuple(sorted(outcomes, key=lambda outcome: outcome.study_instance_uid))


def extract_study(folder: PathLike, *, assign: Iterable[str] = (), settings: Settings | None = None) -> FeatureTable:
    """Computes the features of the one DICOM study below a folder, with N4 and the peritumoral shell, without models.

    Parameters
    ----------
    folder, assign, settings : as for `answer`

    Returns
    -------
    FeatureTable
        3,452 features of T1+C and T2W with the default settings, 1,726 of a study that lacks T2W.

    Raises
    ------
    StudyRejected
        When there is not exactly one study, or it cannot be read as it is.
    SetupError
        When the settings cannot be followed here.

    Examples
    --------
    >>> study = synthetic_study("study", small=True)
    >>> table = extract_study("study")
    >>> len(table), table.names[0]
    (3452, 't1c_intratumoral_diagnostics_Image-original_Spacing')
    """
    from appliance.settings import Settings
    from dicom_io.reading.read import read_study
    from dicom_io.rules import Assignment
    from models.features.extract import extract_features, open_engine
    from models.preprocessing.measurement import MeasuredParts
    from models.preprocessing.prepare import open_bias_correction, prepare
    from models.preprocessing.tumour_check import check_tumours

    settings = settings or Settings()
    engine = open_engine(settings.features.engine, device=settings.features.device)
    bias = open_bias_correction(settings.preprocessing.n4, device=settings.preprocessing.device)
    study = read_study(
        _one_study(folder), rules=settings.reading, assignment=Assignment.parse(assign), limits=settings.limits
    )
    parts = MeasuredParts()
    tumours = check_tumours(
        study.volumes, study.tumours, evidence=study.contrast, limits=settings.plausibility, parts=parts
    )
    tumours.require()
    volumes = tumours.usable(study.volumes)
    prepared = prepare(volumes, study.tumours, bias=bias, shell_mm=settings.preprocessing.shell_mm, parts=parts)
    return extract_features(prepared, engine=engine, settings=settings.features.settings)


def synthetic_study(folder: PathLike, *, seed: int = 1, small: bool = False) -> SyntheticStudy:
    """Writes a synthetic breast MRI study as DICOM files: T1+C, T2W, the tumour's DICOM-SEG, a localizer, T1 before
    contrast.

    Parameters
    ----------
    folder : made where it is not there
    seed : of the anatomy and the noise; the same seed gives the same bytes
    small : coarse images, quick to compute

    Examples
    --------
    >>> study = synthetic_study("study", small=True)
    >>> sorted(study.series)
    ['localizer', 'seg_t1c', 't1_before', 't1c', 't2w']
    """
    from dicom_io.synthetic.study_writer import REALISTIC_T1C, REALISTIC_T2W, SMALL_T1C, SMALL_T2W, make_study

    t1c, t2w = (SMALL_T1C, SMALL_T2W) if small else (REALISTIC_T1C, REALISTIC_T2W)
    return make_study(Path(folder), seed=seed, t1c=t1c, t2w=t2w, other_series=True)


def volume(voxels: ArrayLike, *, spacing_mm: tuple[float, float, float]) -> Volume:
    """Places an array in space, with axes along the patient's; for an oblique image give `Volume` an affine.

    Parameters
    ----------
    voxels : (slices, rows, columns), finite
    spacing_mm : distance from one slice, row and column to the next

    Raises
    ------
    StudyRejected
        When the array is not three-dimensional or holds values that are not finite, or a spacing is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> volume(np.zeros((20, 64, 48)), spacing_mm=(3.0, 1.0, 1.0)).shape
    (20, 64, 48)
    """
    import numpy as np

    from models.volume import Volume

    return Volume(_affine(spacing_mm), np.asarray(voxels))


def roi(mask: ArrayLike, *, spacing_mm: tuple[float, float, float], label: str = "tumour") -> Roi:
    """Places a mask in space, on the grid that `volume` makes of the same spacing.

    Parameters
    ----------
    mask : (slices, rows, columns), True inside
    spacing_mm : as for `volume`
    label : what it is, for error messages

    Raises
    ------
    StudyRejected
        When the mask is not three-dimensional or holds no voxel, or a spacing is not positive.
    """
    from models.volume import Roi

    return Roi(_affine(spacing_mm), mask, label)  # type: ignore[arg-type]  # it makes the array its own


def n4(
    image: Volume, *, body: NDArray[Any] | None = None, settings: N4Settings | None = None, device: str = "auto"
) -> Volume:
    """Removes the bias field of an MR image with N4 (Tustison et al., IEEE Trans. Med. Imaging 2010;29:1310-1320).

    Parameters
    ----------
    image : as read by `read_image` or made by `volume`
    body : bool (slices, rows, columns), where the field is fitted; None: the body is found in the image
    settings : None: shrink factor 4, four levels of at most 50 iterations
    device : "auto" (CUDA where there is a device), "cpu" or "cuda"

    Returns
    -------
    Volume
        The image divided by its estimated field, float32, on the same grid.

    Raises
    ------
    StudyRejected
        When no body is found, or the image is too small.
    SetupError
        When the device is not there.

    Examples
    --------
    >>> import numpy as np
    >>> body = np.zeros((16, 48, 48), bool)
    >>> body[:, 8:40, 8:40] = True
    >>> field = np.linspace(0.7, 1.3, 48)  # bright on one side, as near a coil
    >>> corrected = n4(volume(100 * body * field, spacing_mm=(3.0, 2.0, 2.0)), body=body)
    >>> round(float(np.std(100 * field[8:40]))), round(float(np.std(corrected.voxels[body])))
    (12, 1)
    """
    from models.preprocessing.measurement import body_mask
    from models.preprocessing.n4 import N4
    from models.preprocessing.n4_settings import N4Settings

    correction = N4(settings or N4Settings(), device)
    return correction.correct(image, body_mask(image) if body is None else body).volume


def extract(
    image: Volume | PathLike,
    mask: Roi | PathLike,
    *,
    label: int | None = None,
    settings: FeatureSettings | None = None,
    engine: str = "own",
    device: str = "auto",
    resample_mask: bool = False,
) -> FeatureTable:
    """Computes the features of one region of one image as they are: no N4, no peritumoral shell.

    Parameters
    ----------
    image : a `Volume`, or an NRRD, NIfTI or MetaImage file
    mask : a `Roi` on the same grid, or such a file
    label : value of the region in a mask file, where it holds several
    settings : None: z-score × 100, bin width 25, coif1 wavelet, 863 features
    engine : "own", or "pyradiomics" where PyRadiomics 3.0.1 is installed; values agree to a relative 1e-9
    device : "auto" (CUDA where there is a device), "cpu" or "cuda"
    resample_mask : carry a mask on another grid over to that of the image; one within a tenth of a voxel fits as it is

    Returns
    -------
    FeatureTable
        By PyRadiomics' names, with UCUM units and IBSI codes where there are equal ones.

    Raises
    ------
    StudyRejected
        When a file cannot be read, the two do not share a grid, or a feature has no value.
    SetupError
        When the engine or the device is not there.

    Examples
    --------
    >>> import numpy as np
    >>> voxels = np.random.default_rng(1).normal(100, 20, (16, 32, 32))
    >>> mask = np.zeros(voxels.shape, bool)
    >>> mask[4:12, 10:22, 10:22] = True
    >>> spacing = (3.0, 1.0, 1.0)  # mm between slices, rows, columns
    >>> table = extract(volume(voxels, spacing_mm=spacing), roi(mask, spacing_mm=spacing))
    >>> len(table)
    863
    >>> feature = table["original_shape_VoxelVolume"]
    >>> feature.value, feature.unit
    (3456.0, 'mm3')
    """
    from models.features.extract import extract_region, open_engine
    from models.features.settings import FeatureSettings
    from models.images import read_image, read_mask
    from models.volume import Roi, Volume

    found = image if isinstance(image, Volume) else read_image(Path(image))
    region = mask if isinstance(mask, Roi) else read_mask(Path(mask), label=label)
    opened = open_engine(engine, device=device)
    return extract_region(
        found, region, engine=opened, settings=settings or FeatureSettings(), resample_mask=resample_mask
    )


def load_package(folder: PathLike, *, provider: str = "cpu", trusted_keys: Iterable[PathLike] = ()) -> LoadedModel:
    """Loads a model package: digests, manifest and graph are checked and its reference patients have to reproduce.

    Parameters
    ----------
    folder : as written by `rdeepnet train`, or one of `shipped_packages()`
    provider : "cpu", "cuda" or "cuda-or-cpu"
    trusted_keys : files with public keys, one of which must have signed the package; none: it may be unsigned, but a
        signature that is there must fit

    Raises
    ------
    SetupError
        When the package fails one of its checks, or the provider is not there.

    Examples
    --------
    >>> model = load_package(shipped_packages()[0])
    >>> model.package.identity.notice
    'demonstration model, not trained on patients'
    """
    from models.inference.runtime import load_models

    keys = [Path(file) for file in trusted_keys]
    return load_models([Path(folder)], provider=provider, trusted_keys=keys)[0]


def score(model: LoadedModel | PathLike, features: PathLike) -> ScoredRows:
    """Scores every patient of a feature table; outcomes are not needed. `write_scored` writes the result.

    Parameters
    ----------
    model : as loaded by `load_package`, or its folder (where no key is asked for)
    features : .csv or .parquet, as written by `rdeepnet features`

    Returns
    -------
    ScoredRows
        `identifiers`, `scores` (higher means higher risk; NaN where features are missing), `groups`, `survival`,
        and quality notes, in the order of the table.

    Raises
    ------
    StudyRejected
        When the table cannot be used; the message lists every mistake.
    SetupError
        As `load_package`.
    """
    from models.cohort.features import read_features
    from models.cohort.score import score_rows
    from models.inference.runtime import LoadedModel

    loaded = model if isinstance(model, LoadedModel) else load_package(model)
    return score_rows(loaded, read_features(Path(features)))


def _one_study(folder: PathLike) -> list[Path]:
    """The files of the only study below a folder."""
    from dicom_io.reading.read import find_studies
    from models.errors import StudyRejected

    studies = find_studies(Path(folder))
    if len(studies) != 1:
        raise StudyRejected(
            f"{len(studies)} DICOM studies were found below {folder}; exactly one was expected. Name the folder of one "
            "study, or use rdeepnet.run for several."
        )
    return list(next(iter(studies.values())))


def _affine(spacing_mm: tuple[float, float, float]) -> NDArray[Any]:
    """(slice, row, column, 1) → patient LPS mm: columns run to the left, rows to posterior, slices to the head."""
    import numpy as np

    slices, rows, columns = spacing_mm
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = slices, rows, columns, 1.0
    return affine
